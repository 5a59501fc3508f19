/** What lines look like, and that no value whatever leaves its place in them. */
import { stripVTControlCharacters } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { manualClock } from '../../src/core/index.js'
import {
  type Fields,
  type Format,
  type Logger,
  type LoggerOptions,
  levels,
  lineSink,
  logger,
  loggerOf,
} from '../../src/log/index.js'
import { numberText } from '../../src/log/number-text.js'
import { deep } from '../deep.js'
import { parseLogfmt } from './parse-logfmt.js'

function lineOf(message: string, fields: Fields, options: LoggerOptions = {}): string {
  const lines: string[] = []
  logger({ clock: manualClock(), ...options, write: line => lines.push(line) }).info(message, fields)
  expect(lines).toHaveLength(1)
  return lines[0] ?? ''
}

const time = 'time=2026-01-01T00:00:00.000Z level=info'

describe('a logfmt line', () => {
  const circular: Record<string, unknown> = { name: 'ring' }
  circular['self'] = circular
  const shared = { id: 1 }
  const cases: readonly { readonly of: string; readonly fields: Fields; readonly line: string }[] = [
    { of: 'nothing', fields: {}, line: '' },
    { of: 'plain values', fields: { a: 'tea', b: 1.5, c: true, d: null }, line: 'a=tea b=1.5 c=true d=null' },
    { of: 'undefined', fields: { a: undefined, b: 1 }, line: 'b=1' },
    { of: 'an empty text', fields: { a: '' }, line: 'a=""' },
    {
      of: 'spaces, quotes, = and backslashes',
      fields: { a: 'x y', b: '"', c: 'k=v', d: 'C:\\x' },
      line: String.raw`a="x y" b="\"" c="k=v" d="C:\\x"`,
    },
    { of: 'line breaks and a forged entry', fields: { a: 'x\r\nlevel=error' }, line: String.raw`a="x\r\nlevel=error"` },
    { of: 'ANSI and C1 escapes', fields: { a: '\u001b[2J\u009b31m' }, line: String.raw`a="\u001b[2J\u009b31m"` },
    {
      of: 'bidi overrides and line separators',
      fields: { a: '\u202eabc\u2028' },
      line: String.raw`a="\u202eabc\u2028"`,
    },
    { of: 'half a character', fields: { a: '\ud83d' }, line: String.raw`a="\ud83d"` },
    { of: 'other languages', fields: { a: '茶' }, line: 'a="茶"' },
    {
      of: 'bigint, Date, symbol, NaN',
      fields: { a: 2n ** 64n, b: new Date(0), c: Symbol('s'), d: Number.NaN, e: new Date(Number.NaN) },
      line: 'a=18446744073709551616 b=1970-01-01T00:00:00.000Z c=Symbol(s) d=NaN e="Invalid Date"',
    },
    {
      of: 'objects and lists',
      fields: { a: { b: [1, undefined, { c: 'x' }] } },
      line: String.raw`a="{\"b\":[1,null,{\"c\":\"x\"}]}"`,
    },
    {
      of: 'a circular object',
      fields: { a: circular },
      line: String.raw`a="{\"name\":\"ring\",\"self\":\"[circular]\"}"`,
    },
    {
      of: 'an object that occurs twice',
      fields: { a: [shared, shared] },
      line: String.raw`a="[{\"id\":1},{\"id\":1}]"`,
    },
    {
      of: 'Map, Set, Headers and bytes',
      fields: { a: new Map([[1, 2]]), b: new Set([1]), c: new Headers({ x: 'y' }), d: new Uint8Array(3) },
      line: String.raw`a="{\"1\":2}" b=[1] c="{\"x\":\"y\"}" d="[3 bytes]"`,
    },
    {
      of: 'toJSON',
      fields: { a: new URL('http://localhost/x'), b: { toJSON: () => ({ c: 1 }) } },
      line: String.raw`a=http://localhost/x b="{\"c\":1}"`,
    },
    {
      of: 'functions and promises within',
      fields: { a: [() => 1, Promise.resolve()] },
      line: String.raw`a="[\"[function]\",\"[promise]\"]"`,
    },
    { of: 'an error', fields: { a: new TypeError('no\nway') }, line: String.raw`a="TypeError: no\nway"` },
    {
      of: 'an error with code and causes',
      fields: { a: new Error('down', { cause: Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }) }) },
      line: 'a="Error: down; caused by Error: refused (ECONNREFUSED)"',
    },
    {
      of: 'several errors in one',
      fields: { a: new AggregateError([new Error('x'), 7], 'all') },
      line: 'a="AggregateError: all; caused by Error: x; caused by 7"',
    },
    {
      of: 'names that need quotes',
      fields: { 'a b': 1, 'c=d': 2, '"': 3, '': 4, 'ä\n': 5 },
      line: 'a_b=1 c_d=2 _=3 __=4 ___=5',
    },
    {
      of: 'names of its own',
      fields: { level: 'error', time: 0, message: 'x', level_: 1 },
      line: 'level_=error time_=0 message_=x level__=1',
    },
    { of: '__proto__', fields: JSON.parse('{"__proto__":{"a":1}}'), line: String.raw`__proto__="{\"a\":1}"` },
    {
      of: 'what cannot be read',
      fields: {
        a: {
          get b(): never {
            throw new Error('no')
          },
        },
        c: new Proxy(
          {},
          {
            ownKeys: () => {
              throw new Error('no')
            },
          },
        ),
      },
      line: String.raw`a="{\"b\":\"[unreadable]\"}" c="{\"[unreadable]\":true}"`,
    },
  ]
  test.each(cases)('writes $of', ({ fields, line }) => {
    const text = lineOf('call', fields)
    expect(text).toBe(line === '' ? `${time} message=call` : `${time} message=call ${line}`)
    expect(() => parseLogfmt(text)).not.toThrow()
  })

  test('has the stacks of errors, and of their causes, when asked', () => {
    const cause = new Error('inner')
    const line = lineOf('x', { error: new Error('outer', { cause }) }, { stacks: true })
    const [, written] = parseLogfmt(line).at(-1) ?? []
    expect(written).toMatch(/^Error: outer\n {4}at [\s\S]*\ncaused by Error: inner\n {4}at /)
  })

  test('stays finite for values that are not', () => {
    const endless = (): object =>
      new Proxy(
        {},
        {
          ownKeys: () => ['next'],
          getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true }),
          get: (_, name) => (name === 'next' ? endless() : undefined),
        },
      )
    const fields = {
      endless: endless(),
      many: new Array(1_000_000).fill(0),
      wide: Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`k${i}`, i])),
    }
    const line = lineOf('x', fields, { maxLineLength: 100_000 })
    expect(line).toContain('[deep]')
    expect(line).toMatch(/\[\d+ more\]/)
    expect(lineOf('x', { wide: fields.wide }, { maxLineLength: 100_000 })).toContain('[more]')
    expect(line.length).toBeLessThan(20_000)
  })
})

test('a JSON line is one object with the entry in it, safe to print', () => {
  const fields = { level: 'error', 'x\u001b': '\u009b\n', n: 1, error: new RangeError('no'), list: [1, { a: null }] }
  const line = lineOf('he said "no"', fields, { format: 'json' })
  expect(line).toMatch(/^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]+$/u)
  expect(JSON.parse(line)).toEqual({
    time: '2026-01-01T00:00:00.000Z',
    level: 'info',
    message: 'he said "no"',
    level_: 'error',
    'x\u001b': '\u009b\n',
    n: 1,
    error: { name: 'RangeError', message: 'no' },
    list: [1, { a: null }],
  })
})

describe('a pretty line', () => {
  test('has the time, the level, the message as it is, and the fields', () => {
    const options = { format: 'pretty' } as const
    expect(stripVTControlCharacters(lineOf('order "placed"', { sku: 'tea 1' }, options))).toBe(
      '00:00:00.000Z INFO  order "placed" sku="tea 1"',
    )
  })

  test('shows lists and objects as JSON', () => {
    const fields = { list: ['a\u001b', 1], object: { b: 'x y' }, error: new Error('no way') }
    expect(stripVTControlCharacters(lineOf('x', fields, { format: 'pretty' }))).toBe(
      String.raw`00:00:00.000Z INFO  x list=["a\u001b",1] object={"b":"x y"} error="Error: no way"`,
    )
  })

  test('has stacks below it, where nothing passes for an entry', () => {
    const line = lineOf(
      'failed',
      { error: new Error('x\n00:00:00.000Z INFO  forged'), n: 1 },
      { format: 'pretty', stacks: true },
    )
    const [first, ...below] = stripVTControlCharacters(line).split('\n')
    expect(first).toBe('00:00:00.000Z INFO  failed n=1')
    expect(below.length).toBeGreaterThan(2)
    expect(below[0]).toBe('    error: Error: x')
    for (const each of below) expect(each).toMatch(/^ {4}/)
  })

  test('is coloured, and with NO_COLOR is not', () => {
    vi.stubEnv('NO_COLOR', '')
    expect(lineOf('x', {}, { format: 'pretty' })).toContain('\u001b[32mINFO')
    vi.stubEnv('NO_COLOR', '1')
    expect(lineOf('x', { a: 1 }, { format: 'pretty' })).toBe('00:00:00.000Z INFO  x a=1')
  })
})

describe('a line that would be too long', () => {
  test('has its values cut and says so', () => {
    const line = lineOf('m'.repeat(1_000), { a: 'é"'.repeat(1_000), n: 12, b: 'x' }, { maxLineLength: 256 })
    expect(line.length).toBeLessThanOrEqual(256)
    const pairs = Object.fromEntries(parseLogfmt(line))
    expect(pairs['message']).toMatch(/^m{50,}…$/)
    expect(pairs['a']).toMatch(/^(é"?)+…$/)
    expect(pairs['truncated']).toBe('4')
  })

  test('keeps the fields that fit after one that does not', () => {
    const fields = { list: Array.from({ length: 900 }, (_, i) => i), id: 7 }
    const { list, id, truncated } = JSON.parse(
      lineOf('x', { id: 7, list: fields.list }, { format: 'json', maxLineLength: 256 }),
    )
    expect({ id, truncated }).toEqual({ id: 7, truncated: 1 })
    expect(list).toMatch(/^\[0,1,2,.*…$/)
  })
})

test('numbers are written as String writes them', () => {
  const numbers = fc.oneof(
    fc.double(),
    fc.integer(),
    fc.nat(1e9).map(n => n / 1_000),
    fc.nat(1e6).map(n => n / 10),
    fc.constantFrom(-0, 1e21, 1e-7, 999_999.9995),
  )
  fc.assert(
    fc.property(numbers, number => {
      expect(numberText(number)).toBe(String(number))
    }),
    { numRuns: deep(500, 1_000_000) },
  )
})

describe('JSON is written the quick way', () => {
  const both = (options: LoggerOptions, use: (log: Logger) => void): readonly (readonly string[])[] =>
    [(write: (line: string) => void) => logger({ ...options, write, format: 'json' }), thorough(options)].map(make => {
      const lines: string[] = []
      use(make(line => lines.push(line)))
      return lines
    })
  const thorough = (options: LoggerOptions) => (write: (line: string) => void) =>
    loggerOf(lineSink({ ...options, write, format: 'json' }), options)

  test('with the very same lines as the thorough one', () => {
    const secretive = fc.constantFrom(
      'Bearer abc-1',
      'password=abc',
      'eyJhbGciOi.abcdef',
      'token',
      'a\u2028b',
      '\u001b[2J',
      'x'.repeat(300),
    )
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 30 }),
      secretive,
      fc.constantFrom('ok', '127.0.0.1', '10.0.200.7:65535', '1.2.3.4:password', ''),
      fc.tuple(fc.ipV4(), fc.nat(99_999)).map(([address, port]) => `${address}:${port}`),
    )
    const name = fc.oneof(
      text,
      fc.constantFrom('method', 'tookMs', 'time', 'password', 'apiKey', '0', '__proto__', 'iban'),
    )
    const value = fc.oneof(
      {
        weight: 5,
        arbitrary: fc.oneof(text, fc.double(), fc.integer(), fc.boolean(), fc.constantFrom(null, undefined)),
      },
      { weight: 1, arbitrary: fc.anything() },
      { weight: 1, arbitrary: fc.integer().map(each => () => each) },
    )
    const fields = fc.dictionary(name, value, { maxKeys: 5 })
    const lines = fc.array(
      fc.record({
        message: text,
        level: fc.constantFrom(...levels),
        fields,
        afterMs: fc.nat(3_000).map(each => each / 2),
      }),
      { maxLength: 4 },
    )
    fc.assert(
      fc.property(fields, fields, lines, fc.integer({ min: 256, max: 500 }), (own, bound, given, maxLineLength) => {
        const options = { fields: own, redact: ['iban'], reveal: ['apiKey'], maxLineLength, level: 'debug' } as const
        let now = 0
        const clock = { ...manualClock(), wallTime: () => now }
        const [quick, full] = both({ ...options, clock }, log => {
          now = 1_700_000_000_000
          const child = log.with(bound)
          for (const each of given) {
            now += each.afterMs
            child[each.level](each.message, each.fields)
          }
        })
        expect(quick).toEqual(full)
      }),
      { numRuns: deep(100, 20_000) },
    )
  })

  test('computes and reads nothing twice', () => {
    let computed = 0
    const [quick] = both({}, log => {
      log.info('x', { a: 1, n: () => ++computed })
      log.with({ n: () => ++computed }).info('x', { a: 1 })
    })
    expect(quick?.map(line => (JSON.parse(line) as { readonly n: number }).n)).toEqual([1, 2])
  })

  test('at times that no calendar has', () => {
    for (const time of [-1, 253_402_300_800_000, Number.NaN, 0.5]) {
      const [quick, full] = both({ clock: { ...manualClock(), wallTime: () => time } }, log => log.info('x'))
      expect(quick).toEqual(full)
    }
  })
})

describe('whatever is logged', () => {
  const text = fc.string({ unit: 'binary', maxLength: 60 })
  const anything = fc.anything({
    key: text,
    values: [
      text,
      fc.double(),
      fc.bigInt(),
      fc.boolean(),
      fc.constant(null),
      fc.constant(undefined),
      fc.date(),
      fc.constant(() => 1),
      text.map(message => new Error(message)),
    ],
    withBigInt: true,
    withDate: true,
    withMap: true,
    withSet: true,
    withNullPrototype: true,
    withTypedArray: true,
    withSparseArray: true,
    withObjectString: true,
  })
  const fields = fc.dictionary(text, anything, { maxKeys: 12 })
  const isSafe = (line: string): boolean => /^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]*$/u.test(line)

  test('gives exactly one logfmt line with its own level, message and names', () => {
    fc.assert(
      fc.property(text, fields, fc.boolean(), (message, given, stacks) => {
        const line = lineOf(message, given, { stacks, maxLineLength: 1_000_000 })
        expect(isSafe(line)).toBe(true)
        const pairs = parseLogfmt(line)
        expect(pairs.slice(0, 3)).toEqual([
          ['time', '2026-01-01T00:00:00.000Z'],
          ['level', 'info'],
          ['message', message],
        ])
        expect(new Set(pairs.map(([name]) => name)).size).toBe(pairs.length)
      }),
      { numRuns: deep(300, 20_000) },
    )
  })

  test('comes back as it was where it is text', () => {
    fc.assert(
      fc.property(text, value => {
        expect(parseLogfmt(lineOf('x', { value })).at(-1)).toEqual(['value', value])
        expect(JSON.parse(lineOf('x', { value }, { format: 'json' }))).toHaveProperty('value', value)
      }),
      { numRuns: deep(300, 20_000) },
    )
  })

  test('gives one JSON object with its own level and message', () => {
    fc.assert(
      fc.property(text, fields, (message, given) => {
        const line = lineOf(message, given, { format: 'json', maxLineLength: 1_000_000 })
        expect(isSafe(line)).toBe(true)
        expect(JSON.parse(line)).toMatchObject({ level: 'info', message })
      }),
      { numRuns: deep(300, 20_000) },
    )
  })

  test('never makes a line longer than asked, and it still parses', () => {
    fc.assert(
      fc.property(
        text.map(each => each.repeat(9)),
        fields,
        fc.integer({ min: 256, max: 600 }),
        fc.constantFrom<Format>('logfmt', 'json', 'pretty'),
        (message, given, maxLineLength, format) => {
          const line = lineOf(message, given, { format, maxLineLength, stacks: true })
          expect(line.length).toBeLessThanOrEqual(maxLineLength)
          if (format === 'logfmt') expect(parseLogfmt(line)[1]).toEqual(['level', 'info'])
          else if (format === 'json') expect(JSON.parse(line)).toMatchObject({ level: 'info' })
          else for (const part of line.split('\n')) expect(isSafe(stripVTControlCharacters(part))).toBe(true)
        },
      ),
      { numRuns: deep(300, 20_000) },
    )
  })
})
