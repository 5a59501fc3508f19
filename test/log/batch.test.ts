/** Lines in batches: when they are written, what a slow reader costs, and that no end of a process that it can notice loses any. */
import { spawn } from 'node:child_process'
import fs, { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { type ManualClock, manualClock, type Timer } from '../../src/core/index.js'
import { serve } from '../../src/lifecycle/index.js'
import { type BatchOptions, batch, flushLines, logger } from '../../src/log/index.js'
import { deep } from '../deep.js'
import { diary, fakeBinding } from '../lifecycle/fake-binding.js'

afterEach(() => {
  vi.restoreAllMocks()
})

/** A pipe that holds `room` bytes, in place of all that is written to any descriptor. */
function pipe(room: number) {
  let [all, taken] = [Buffer.alloc(0), Buffer.alloc(0)]
  let isClosed = false
  vi.spyOn(fs, 'writeSync').mockImplementation(((_fd: number, bytes: Uint8Array, at: number, length: number) => {
    if (isClosed) throw Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })
    const free = Math.min(length, room - taken.length)
    if (free <= 0) throw Object.assign(new Error('write EAGAIN'), { code: 'EAGAIN' })
    taken = Buffer.concat([taken, bytes.subarray(at, at + free)])
    all = Buffer.concat([all, bytes.subarray(at, at + free)])
    return free
  }) as typeof fs.writeSync) // of its overloads, the one that batches use
  return {
    read(): string {
      const text = taken.toString('utf8')
      taken = Buffer.alloc(0)
      return text
    },
    /** All that was ever written. */
    text: () => all.toString('utf8'),
    close() {
      isClosed = true
    },
  }
}

/** The clock, with the number of timers that are set: also of those that keep no process alive. */
function counting(clock: ManualClock) {
  const set = new Set<Timer>()
  return {
    ...clock,
    set: () => set.size,
    setTimer(callback: () => void, delayMs: number): Timer {
      const timer = clock.setTimer(() => {
        set.delete(timer)
        callback()
      }, delayMs)
      set.add(timer)
      return {
        ...timer,
        cancel() {
          set.delete(timer)
          timer.cancel()
        },
      }
    },
  }
}

describe('lines are written', () => {
  test('when there are enough of them, all at once', async () => {
    const out = pipe(1e6)
    await using lines = batch({ batchLength: 10, clock: manualClock() })
    lines.write('1234')
    lines.write('茶')
    expect(out.read()).toBe('')
    lines.write('56')
    expect(out.read()).toBe('1234\n茶\n56\n')
    expect(fs.writeSync).toHaveBeenCalledOnce()
  })

  test('when the oldest has waited long enough, with a timer that keeps no process alive', async () => {
    const out = pipe(1e6)
    const clock = counting(manualClock())
    const lines = batch({ flushMs: 50, clock })
    lines.write('a')
    expect([clock.set(), clock.pendingTimers]).toEqual([1, 0])
    await clock.advance(49)
    lines.write('b')
    expect(out.read()).toBe('')
    await clock.advance(1)
    expect(out.read()).toBe('a\nb\n')
    await lines.close()
    expect(clock.set()).toBe(0)
  })

  test('when somebody asks, and at once after the end', async () => {
    const out = pipe(1e6)
    const clock = counting(manualClock())
    const lines = batch({ clock })
    lines.write('a')
    flushLines()
    expect(out.read()).toBe('a\n')
    lines.write('b')
    await lines.close()
    expect(out.read()).toBe('b\n')
    lines.write('c')
    expect(out.read()).toBe('c\n')
    expect(clock.set()).toBe(0)
  })

  test('when serve has stopped, with what it said last', async () => {
    const out = pipe(1e6)
    const clock = manualClock()
    const lines = batch({ clock })
    const running = await serve([], [fakeBinding('http', diary(clock), clock)], {
      signals: false,
      clock,
      resources: [lines],
      onEvent: ({ type }) => lines.write(type),
    })
    const drained = running.drain()
    await clock.advance(0)
    await drained
    expect(out.read()).toMatch(/^listening\n[\s\S]*stopped\n$/)
  })
})

describe('a reader who is too slow', () => {
  test('loses lines, which are counted, and stops nobody', async () => {
    const out = pipe(100)
    const clock = manualClock()
    const told: number[] = []
    const lines = batch({ batchLength: 10, maxBytes: 65_536, clock, onDropped: count => told.push(count) })
    const written = Array.from({ length: 30_000 }, (_, i) => `line ${i}`)
    for (const line of written) lines.write(line)
    expect(lines.dropped).toBeGreaterThan(1_000)
    let read = ''
    for (let text = out.read(); text !== ''; text = out.read()) {
      read += text
      await clock.advance(10)
    }
    expect(read.length).toBeLessThanOrEqual(65_536 + 100)
    expect(read.split('\n').slice(0, -1)).toEqual(written.slice(0, written.length - lines.dropped))
    expect(told).toEqual([lines.dropped])
    await lines.close()
  })

  test('is waited for at the end as long as was said', async () => {
    const stderr = vi.spyOn(console, 'error').mockImplementation(() => {})
    const out = pipe(4)
    const clock = counting(manualClock())
    const lines = batch({ batchLength: 1, exitWaitMs: 100, clock })
    for (const each of ['abc', 'def', 'ghi']) lines.write(each)
    const closed = lines.close()
    await clock.advance(50)
    expect(out.read()).toBe('abc\n')
    await clock.advance(100)
    await closed
    expect(out.read()).toBe('def\n')
    expect(lines.dropped).toBe(1)
    expect(stderr.mock.calls).toEqual([['tenon: 1 log lines were dropped: nobody took them']])
    expect(clock.set()).toBe(0)
  })

  test('gets all lines in their order, whatever happens when', async () => {
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.record({ write: fc.string({ unit: 'grapheme', maxLength: 100 }) }) },
      { weight: 2, arbitrary: fc.record({ advance: fc.integer({ min: 1, max: 200 }) }) },
      { weight: 2, arbitrary: fc.constant('read' as const) },
      { weight: 1, arbitrary: fc.constant('flush' as const) },
    )
    const rooms = fc.integer({ min: 500, max: 1_000 })
    const lengths = fc.integer({ min: 1, max: 500 })
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 50, size: 'max' }),
        rooms,
        lengths,
        async (steps, room, batchLength) => {
          vi.restoreAllMocks()
          const out = pipe(room)
          const clock = counting(manualClock())
          const lines = batch({ batchLength, clock })
          for (const each of steps) {
            if (each === 'read') out.read()
            else if (each === 'flush') lines.flush()
            else if ('write' in each) lines.write(each.write.replaceAll('\n', ' '))
            else await clock.advance(each.advance)
          }
          const closed = lines.close()
          for (let i = 0; i < 100; i++) {
            out.read()
            await clock.advance(10)
          }
          await closed
          const written = steps.flatMap(each => (typeof each === 'object' && 'write' in each ? [each.write] : []))
          expect(out.text()).toBe(written.map(line => `${line.replaceAll('\n', ' ')}\n`).join(''))
          expect([lines.dropped, clock.set()]).toEqual([0, 0])
        },
      ),
      { numRuns: deep(25, 2_000) },
    )
  })
})

test('a disk that is full for a while takes away its lines, and none that come later', async () => {
  let [text, room] = ['', 8]
  vi.spyOn(fs, 'writeSync').mockImplementation(((_fd: number, bytes: Uint8Array, at: number, length: number) => {
    if (room === 0) throw Object.assign(new Error('write ENOSPC'), { code: 'ENOSPC' })
    const taken = Math.min(length, room)
    room -= taken
    text += Buffer.from(bytes.subarray(at, at + taken)).toString()
    return taken
  }) as typeof fs.writeSync) // of its overloads, the one that batches use
  const said = vi.spyOn(console, 'error').mockImplementation(() => {})
  const lines = batch({ batchLength: 12 })
  for (const line of ['first', 'second', 'third']) lines.write(line)
  lines.flush()
  expect(lines.dropped).toBe(2)
  room = 100
  lines.write('fourth')
  lines.flush()
  expect(text).toBe('first\nse\nfourth\n')
  expect(lines.dropped).toBe(2)
  expect(said).toHaveBeenCalledTimes(1)
  await lines.close()
})

test('a pipe that nobody reads any more is said once, and its lines are counted', async () => {
  const stderr = vi.spyOn(console, 'error').mockImplementation(() => {})
  const out = pipe(100)
  out.close()
  const lines = batch({ batchLength: 1, clock: manualClock() })
  for (const each of ['a', 'b', 'c']) lines.write(each)
  expect(lines.dropped).toBe(3)
  await lines.close()
  expect(stderr.mock.calls).toEqual([
    [expect.stringContaining('fd 1 does not take log lines any more'), expect.any(Error)],
  ])
})

test('listeners of the process are there while a batch is open, once for all', async () => {
  const events = ['exit', 'SIGTERM', 'SIGINT', 'SIGHUP']
  const counts = (): readonly number[] => events.map(event => process.listenerCount(event))
  const before = counts()
  const open = Array.from({ length: 20 }, () => batch({ clock: manualClock() }))
  expect(counts()).toEqual(before.map(count => count + 1))
  await Promise.all(open.map(each => each.close()))
  expect(counts()).toEqual(before)
})

test.each<readonly [BatchOptions, string]>([
  [{ fd: -1 }, 'batch: fd must be an integer in [0, 2147483647], got -1'],
  [{ batchLength: 0 }, 'batch: batchLength must be an integer in [1, 16777216], got 0'],
  [{ flushMs: 0.5 }, 'batch: flushMs must be an integer in [1, 60000], got 0.5'],
  [{ maxBytes: 1 }, 'batch: maxBytes must be an integer in [65536, 2147483647], got 1'],
  [{ exitWaitMs: Number.NaN }, 'batch: exitWaitMs must be an integer in [0, 60000], got NaN'],
])('%o is refused', (options, message) => {
  expect(() => batch(options)).toThrow(new RangeError(message))
})

describe.concurrent('a process', { timeout: 30_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'tenon-batch-'))
  const bundle = join(folder, 'log.mjs')
  const entry = fileURLToPath(new URL('../../src/log/index.ts', import.meta.url))
  beforeAll(() => build({ entryPoints: [entry], bundle: true, format: 'esm', outfile: bundle }))
  afterAll(() => rmSync(folder, { recursive: true }))

  const count = 2_000 // more than a pipe holds
  const log = `
    import { batch, logger } from ${JSON.stringify(bundle)}
    // On a busy machine, the test itself is a slow reader.
    const log = logger({ format: 'json', write: batch({ exitWaitMs: 30_000 }).write })
    const some = () => { for (let i = 0; i < ${count}; i++) log.info('line', { i, filler: 'x'.repeat(50) }) }
    `
  const numbers = (text: string): readonly number[] =>
    text
      .trim()
      .split('\n')
      .map(line => (JSON.parse(line) as { readonly i: number }).i)
  const all = Array.from({ length: count }, (_, i) => i)

  const run = (code: string, stdout: 'pipe' | number) => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', log + code], {
      stdio: ['pipe', stdout, 'pipe'],
    })
    let [out, stderr] = ['', '']
    child.stdout?.setEncoding('utf8').on('data', chunk => {
      out += chunk
    })
    child.stderr?.setEncoding('utf8').on('data', chunk => {
      stderr += chunk
    })
    const ended = new Promise<{ readonly out: string; readonly stderr: string; readonly code: unknown }>(resolve =>
      child.once('close', (code, signal) => resolve({ out, stderr, code: code ?? signal })),
    )
    return { child, ended, said: () => stderr }
  }

  const ends: readonly (readonly [how: string, code: string, exitCode: number])[] = [
    ['comes to its end', 'some()', 0],
    ['exits', 'some(); process.exit(3)', 3],
    ['throws', "some(); setTimeout(() => { throw new Error('crash') }); await new Promise(() => {})", 1],
    ['rejects', "some(); await Promise.reject(new Error('crash'))", 1],
    ['gets SIGTERM', "setInterval(() => {}, 1000); some(); process.kill(process.pid, 'SIGTERM')", 143],
    ['gets SIGINT', "setInterval(() => {}, 1000); some(); process.kill(process.pid, 'SIGINT')", 130],
    [
      'handles SIGTERM',
      "const t = setInterval(() => {}, 1000); process.once('SIGTERM', () => { some(); clearInterval(t); process.exitCode = 7 }); process.kill(process.pid, 'SIGTERM')",
      7,
    ],
    ['logs while it exits', "process.on('exit', some); log.debug('x')", 0],
  ]
  test.each(ends)('that %s has written all lines, to a pipe', async (_, code, exitCode) => {
    const { ended } = run(code, 'pipe')
    const { out, code: found } = await ended
    expect(found).toBe(exitCode)
    expect(numbers(out)).toEqual(all)
  })

  test.each(ends.slice(1, 4))('that %s has written all lines, to a file', async (how, code, exitCode) => {
    const file = join(folder, `${how}.log`)
    const fd = openSync(file, 'w')
    const { code: found } = await run(code, fd).ended
    closeSync(fd)
    expect(found).toBe(exitCode)
    expect(numbers(readFileSync(file, 'utf8'))).toEqual(all)
  })

  test('dies of a signal beside a library that ends it where nobody else listens', async () => {
    const code = `
      const other = () => { if (process.listenerCount('SIGTERM') === 1) { process.off('SIGTERM', other); process.kill(process.pid, 'SIGTERM') } }
      process.on('SIGTERM', other); setInterval(() => {}, 1000); some(); process.kill(process.pid, 'SIGTERM')`
    // Where there is always room: the library waits for no reader of a full pipe, and we cannot know that it will not.
    const file = join(folder, 'library.log')
    const fd = openSync(file, 'w')
    const { code: found } = await run(code, fd).ended
    closeSync(fd)
    expect(found).toBe('SIGTERM')
    expect(numbers(readFileSync(file, 'utf8'))).toEqual(all)
  })

  test('goes on when nobody reads its pipe, and when somebody does again, says how many lines are missing', async () => {
    const code = `
      const lines = batch({ maxBytes: 65536, exitWaitMs: 30_000, onDropped: dropped => own.warn('dropped', { dropped }) })
      const own = logger({ format: 'json', write: lines.write })
      for (let i = 0; i < 10_000; i++) own.info('line', { i, filler: 'x'.repeat(50) })
      process.stderr.write('alive')
      process.stdin.once('data', () => setTimeout(() => process.exit(), 200))`
    const { child, ended, said } = run(code, 'pipe')
    child.stdout?.pause()
    await vi.waitFor(() => expect(said()).toBe('alive'), { timeout: 20_000 })
    child.stdout?.resume()
    child.stdin?.write('go')
    const { out } = await ended
    const entries = out
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as { readonly message: string; readonly dropped?: number })
    const dropped = entries.reduce((sum, entry) => sum + (entry.dropped ?? 0), 0)
    expect(dropped).toBeGreaterThan(1_000)
    expect(entries.filter(({ message }) => message === 'line').length + dropped).toBe(10_000)
  })

  test('goes on when its pipe is closed', async () => {
    const code = `
      process.stdin.once('data', () => { some(); process.stderr.write('alive'); process.stdin.destroy() })`
    const { child, ended } = run(code, 'pipe')
    child.stdout?.destroy()
    child.stdin?.write('go')
    const { stderr, code: found } = await ended
    expect(stderr).toMatch(/^tenon: fd 1 does not take log lines any more:[\s\S]*EPIPE[\s\S]*alive$/)
    expect(stderr.match(/does not take/g)).toHaveLength(1)
    expect(found).toBe(0)
  })
})

test('JSON goes to a batch of the whole process, and where it is a terminal, at once', () => {
  const written: string[] = []
  vi.spyOn(process.stdout, 'write').mockImplementation(text => written.push(String(text)) > 0)
  const out = pipe(1e6)
  logger({ format: 'json' }).info('first')
  logger({ format: 'json' }).info('second')
  expect(out.read()).toBe('')
  const wasTerminal = process.stdout.isTTY
  process.stdout.isTTY = true
  logger({ format: 'json' }).info('third')
  process.stdout.isTTY = wasTerminal
  flushLines()
  expect(written).toEqual([expect.stringContaining('third')])
})
