/** Levels, bound and computed fields, and that logging never disturbs the program. */
import { execFile, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { describe, expect, test, vi } from 'vitest'
import { manualClock } from '../../src/core/index.js'
import { levels, lineSink, logger, loggerOf, memoryLogger, silent, type Threshold } from '../../src/log/index.js'

describe('a level', () => {
  const table: readonly { readonly level: Threshold; readonly logged: readonly string[] }[] = [
    { level: 'debug', logged: ['debug', 'info', 'warn', 'error'] },
    { level: 'info', logged: ['info', 'warn', 'error'] },
    { level: 'warn', logged: ['warn', 'error'] },
    { level: 'error', logged: ['error'] },
    { level: 'silent', logged: [] },
  ]
  test.each(table)('$level logs $logged', ({ level, logged }) => {
    const log = memoryLogger({ level })
    for (const each of levels) log[each](each)
    expect(log.entries.map(entry => entry.message)).toEqual(logged)
    expect(log.entries.map(entry => entry.level)).toEqual(logged)
    expect(levels.filter(log.enabled)).toEqual(logged)
    expect(log.with({}).level).toBe(level)
  })

  test('is info where none is given', () => {
    expect(logger({ write: () => {} }).level).toBe('info')
  })
})

describe('fields', () => {
  test('of the logger, bound ones and those of the call come together, and the later win', () => {
    const log = memoryLogger({ fields: { service: 'shop', n: 1 } })
    log.with({ request: 'r1', n: 2 }).with({ user: 'u' }).info('x', { n: 3, request: undefined })
    log.info('y')
    expect(log.entries.map(entry => entry.fields)).toEqual([
      { service: 'shop', n: 3, user: 'u' },
      { service: 'shop', n: 1 },
    ])
    expect(Object.keys(log.entries[0]?.fields ?? {})).toEqual(['service', 'n', 'user'])
  })

  test('that are functions are computed once per line that is logged, and not otherwise', () => {
    const log = memoryLogger({ level: 'info' })
    let computed = 0
    const bound = log.with({ n: () => ++computed })
    bound.debug('off', { m: () => expect.unreachable() })
    bound.info('on')
    bound.info('again')
    expect(log.entries.map(entry => entry.fields['n'])).toEqual([1, 2])
  })

  test('that are computed later and fail leave the line, and nothing that nobody sees to', async () => {
    const log = memoryLogger()
    const late = Promise.reject(new Error('late'))
    const seenTo = vi.spyOn(late, 'catch')
    log.with({ bound: () => late }).info('x', { own: async () => Promise.reject(new Error('later')) })
    expect(log.entries[0]?.fields).toEqual({ bound: '[promise]', own: '[promise]' })
    expect(seenTo).toHaveBeenCalledTimes(1)
    await new Promise(resolve => setImmediate(resolve)) // an unhandled rejection fails the run
  })

  test('that throw leave the line with its other fields', () => {
    const log = memoryLogger()
    const fail = (): never => {
      throw new Error('no')
    }
    log.info('x', {
      a: fail,
      b: 1,
      get c() {
        return fail()
      },
    })
    expect(log.entries[0]?.fields).toEqual({ a: '[unreadable]', b: 1, c: '[unreadable]' })
  })
})

test('an entry has the time of the clock', async () => {
  const clock = manualClock()
  const log = memoryLogger({ clock })
  await clock.advance(1_500)
  log.info('x')
  expect(log.entries).toEqual([{ time: Date.UTC(2026, 0, 1, 0, 0, 1, 500), level: 'info', message: 'x', fields: {} }])
  log.clear()
  expect(log.entries).toEqual([])
})

test('the silent logger computes nothing', () => {
  silent.with({ a: 1 }).error('x', { b: () => expect.unreachable() })
  expect(silent.level).toBe('silent')
})

describe('a sink that fails', () => {
  const stderr = () => vi.spyOn(console, 'error').mockImplementation(() => {})

  test('is reported once, and gets every later line', () => {
    const reported = stderr()
    const written: string[] = []
    const log = logger({
      write: line => {
        if (/message=(1|2)$/.test(line)) throw new Error('disk full')
        written.push(line)
      },
    })
    const child = log.with({})
    for (const message of ['0', '1', '2', '3']) (message === '2' ? child : log).info(message)
    expect(written.map(line => line.at(-1))).toEqual(['0', '3'])
    expect(reported).toHaveBeenCalledOnce()
    expect(reported.mock.calls[0]).toEqual([expect.stringMatching(/log line was lost; .*: Error: disk full\n/)])
  })

  test('later is reported too', async () => {
    const reported = stderr()
    const log = logger({
      write: async () => {
        throw new Error('socket closed')
      },
    })
    log.info('1')
    log.info('2')
    await expect.poll(() => reported).toHaveBeenCalledOnce()
  })

  test('disturbs nobody even if stderr fails too', () => {
    stderr().mockImplementation(() => {
      throw new Error('closed')
    })
    expect(() =>
      loggerOf(() => {
        throw new Error('no')
      }).info('x'),
    ).not.toThrow()
  })
})

test('nothing that is logged can throw', () => {
  const log = memoryLogger()
  const hostile: readonly unknown[] = [
    null,
    'text',
    7,
    Symbol('s'),
    { toString: null },
    Object.create(null),
    new Proxy(
      {},
      {
        get: () => {
          throw new Error('no')
        },
      },
    ),
  ]
  for (const each of hostile) {
    expect(() => Reflect.apply(log.info, undefined, [each, each])).not.toThrow()
    expect(() => Reflect.apply(log.with, undefined, [each]).info('x', { each })).not.toThrow()
  }
  expect(log.entries).toHaveLength(hostile.length * 2)
})

describe('a logger is refused', () => {
  const refused: readonly { readonly what: string; readonly make: () => unknown; readonly error: RegExp }[] = [
    {
      what: 'an unknown level',
      make: () => logger(JSON.parse('{"level":"loud"}')),
      error: /^TypeError: logger: there is no level loud$/,
    },
    {
      what: 'an unknown format',
      make: () => logger(JSON.parse('{"format":"xml"}')),
      error: /^TypeError: logger: there is no format xml$/,
    },
    {
      what: 'a line that holds nothing',
      make: () => logger({ maxLineLength: 255 }),
      error: /^RangeError: logger: maxLineLength must be an integer of at least 256, got 255$/,
    },
    { what: 'half a character', make: () => lineSink({ maxLineLength: 300.5 }), error: /^RangeError/ },
    {
      what: 'a write that is none',
      make: () => logger(JSON.parse('{"write":1}')),
      error: /^TypeError: logger: write must be a function$/,
    },
    {
      what: 'a sink that is none',
      make: () => Reflect.apply(loggerOf, undefined, [1]),
      error: /^TypeError: logger: a sink is a function$/,
    },
  ]
  test.each(refused)('with $what', ({ make, error }) => {
    let thrown: unknown
    try {
      make()
    } catch (each) {
      thrown = each
    }
    expect(String(thrown)).toMatch(error)
  })
})

describe('stdout', () => {
  const args = (code: string): readonly string[] => [
    '--import',
    'tsx',
    '--input-type=module',
    '-e',
    `import { logger } from './src/log/index.ts'\n${code}`,
  ]

  test('takes the lines, as logfmt when it is no terminal', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, args("logger().info('started', { port: 80 })"))
    expect(stdout).toMatch(/^time=\S+ level=info message=started port=80\n$/)
  })

  test('gets readable lines when it is a terminal, unless colours are not welcome', () => {
    const written: string[] = []
    vi.spyOn(process.stdout, 'write').mockImplementation(text => written.push(String(text)) > 0)
    const wasTerminal = process.stdout.isTTY
    process.stdout.isTTY = true
    try {
      for (const noColour of ['', '1']) {
        vi.stubEnv('NO_COLOR', noColour)
        logger().info('x')
      }
      logger({ write: line => written.push(line) }).info('x')
    } finally {
      process.stdout.isTTY = wasTerminal
    }
    expect(written).toEqual([
      expect.stringMatching(/INFO .*x\n$/),
      expect.stringMatching(/^time=.* message=x\n$/),
      expect.stringMatching(/^time=.* message=x$/),
    ])
  })

  test('gives way to the console where there is none', async () => {
    const entry = fileURLToPath(new URL('../../src/log/index.ts', import.meta.url))
    const { outputFiles } = await build({ entryPoints: [entry], bundle: true, format: 'esm', write: false })
    // Bundled, since a loader would need the process too.
    const code = `
      const kept = globalThis.process
      globalThis.process = undefined
      const { logger } = await import(${JSON.stringify(`data:text/javascript,${encodeURIComponent(outputFiles[0]?.text ?? '')}`)})
      globalThis.process = kept
      logger().info('x')
      `
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', code])
    expect(stdout).toMatch(/^time=\S+ level=info message=x\n$/)
  })

  test('whose reader is slow keeps a bounded part, and says how many lines are missing', async () => {
    const code = `
      const log = logger()
      for (let i = 0; i < 100_000; i++) log.info('line', { i, filler: 'x'.repeat(80) })
      process.stderr.write('kept ' + process.stdout.writableLength)
      process.stdin.once('data', () => setTimeout(() => process.exit(), 200))`
    const child = spawn(process.execPath, args(code), { stdio: 'pipe' })
    let [out, stderr] = ['', '']
    child.stderr.on('data', chunk => {
      stderr += chunk
    })
    await vi.waitFor(() => expect(stderr).toBe('kept 0'), { timeout: 30_000 })
    child.stdout.on('data', chunk => {
      out += chunk
    })
    child.stdin.write('go')
    await new Promise(resolve => child.once('close', resolve))
    const dropped = [...out.matchAll(/ message="log lines were dropped" dropped=(\d+)$/gm)]
    const lost = dropped.reduce((sum, [, count]) => sum + Number(count), 0)
    expect(lost).toBeGreaterThan(10_000)
    expect(out.match(/ message=line i=\d+ filler=x{80}$/gm)?.length).toBe(100_000 - lost)
  }, 60_000)

  test('that nobody reads any more does not end the program', async () => {
    const code = `
      process.stdin.once('data', async () => {
        const log = logger()
        for (let i = 0; i < 5; i++) {
          log.info('x')
          await new Promise(resolve => setImmediate(resolve))
        }
        process.stderr.write('alive')
        process.stdin.destroy()
      })`
    const child = spawn(process.execPath, args(code), { stdio: 'pipe' })
    let stderr = ''
    child.stderr.on('data', chunk => {
      stderr += chunk
    })
    const closed = new Promise(resolve => child.stdout.once('close', resolve))
    child.stdout.destroy()
    await closed
    child.stdin.write('go')
    const exitCode = await new Promise(resolve => child.once('close', resolve))
    expect(stderr).toMatch(/^tenon: fd 1 does not take log lines any more:[\s\S]*EPIPE[\s\S]*alive$/)
    expect(exitCode).toBe(0)
  })
})
