// JSON both ways: what may leave is what may come in, and nothing that comes in can crash, stall or pollute.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CallError } from '../../src/core/call-error.js'
import type { Failure } from '../../src/core/failure.js'
import { jsonText, parseJson, toWire } from '../../src/transport/json.js'
import { syntaxMistake } from '../../src/transport/json-mistake.js'
import { deep } from '../deep.js'
import { cpuMs } from './cpu.js'

function failureOf(run: () => unknown): Failure {
  try {
    run()
  } catch (thrown) {
    if (thrown instanceof CallError) return thrown.failure
    throw thrown
  }
  throw new Error('did not fail')
}

function nested(levels: number, innermost: string): string {
  return '[{"a":'.repeat(levels / 2) + innermost + '}]'.repeat(levels / 2)
}

function objectOf(keys: number): string {
  return `{${Array.from({ length: keys }, (_, key) => `"${key}x":0`).join()}}`
}

class Money {
  readonly cents = 5n
  readonly #secret = 'hidden'
  get shown(): string {
    return this.#secret
  }
}

const cyclic: Record<string, unknown> = { name: 'loop' }
cyclic['items'] = [{ parent: cyclic }]

const converted: readonly { name: string; value: unknown; wire: unknown }[] = [
  { name: 'a date', value: new Date(0), wire: '1970-01-01T00:00:00.000Z' },
  { name: 'the last date', value: new Date('9999-12-31T23:59:59.999Z'), wire: '9999-12-31T23:59:59.999Z' },
  { name: 'a bigint', value: -(2n ** 64n), wire: '-18446744073709551616' },
  { name: 'bytes', value: new Uint8Array([255, 254, 253, 0]), wire: '//79AA==' },
  { name: 'no bytes', value: new Uint8Array(), wire: '' },
  { name: 'a Buffer, in spite of its toJSON', value: Buffer.from('hi'), wire: 'aGk=' },
  { name: 'a part of an ArrayBuffer', value: new Uint8Array([1, 2, 3, 4]).subarray(1, 3), wire: 'AgM=' },
  { name: 'an ArrayBuffer', value: new Uint8Array([1, 2, 3]).buffer, wire: 'AQID' },
  { name: 'NaN', value: Number.NaN, wire: 'NaN' },
  { name: 'Infinity', value: [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY], wire: ['Infinity', '-Infinity'] },
  { name: 'toJSON of a class', value: { url: new URL('http://x.y/') }, wire: { url: 'http://x.y/' } },
  {
    name: 'toJSON of an object, with its key',
    value: { at: { toJSON: (key: string) => [key, 1n] } },
    wire: { at: ['at', '1'] },
  },
  { name: 'a class without toJSON', value: new Money(), wire: { cents: '5' } },
  { name: 'boxed values', value: [Object(1), Object('s'), Object(true), Object(2n)], wire: [1, 's', true, '2'] },
  { name: 'an array of a class', value: Object.assign(new (class List extends Array {})(), { 0: 1n }), wire: ['1'] },
  { name: 'only what has to be', value: { a: { b: 1 }, c: 1n }, wire: { a: { b: 1 }, c: '1' } },
  { name: 'undefined properties', value: { a: undefined, b: 1, c: undefined, d: 1n }, wire: { b: 1, d: '1' } },
  { name: 'an object without prototype', value: Object.assign(Object.create(null), { a: 1n }), wire: { a: '1' } },
]

const unchanged: readonly unknown[] = [
  null,
  true,
  0,
  -1.5e300,
  '',
  'zażółć 😀',
  [],
  {},
  { a: [{ b: null }, 'x'], c: { d: false } },
  JSON.parse(nested(64, '1')),
]

const unencodable: readonly { name: string; value: unknown; message: string }[] = [
  { name: 'undefined', value: undefined, message: 'the message is undefined' },
  { name: 'a function', value: { a: { b: () => 1 } }, message: 'the field a.b is a function' },
  { name: 'a symbol', value: [Symbol('s')], message: 'the field [0] is a symbol' },
  { name: 'a Map', value: { items: [{}, { tags: new Map() }] }, message: 'the field items[1].tags is a Map' },
  { name: 'a Set', value: new Set(), message: 'the message is a Set' },
  { name: 'a forgotten await', value: { order: Promise.resolve() }, message: 'the field order is a Promise' },
  { name: 'floats in a typed array', value: new Float64Array(1), message: 'the message is a Float64Array' },
  { name: 'undefined in an array', value: [1, undefined], message: 'the field [1] is undefined' },
  { name: 'a hole in an array', value: new Array(1), message: 'the field [0] is undefined' },
  { name: 'an invalid date', value: { at: new Date(Number.NaN) }, message: 'the field at is an invalid date' },
  { name: 'a date that RFC 3339 cannot write', value: [new Date(8.64e15)], message: 'the field [0] is a date outside' },
  { name: 'half a surrogate pair', value: { a: 'x\ud800' }, message: 'the field a has half a surrogate pair' },
  {
    name: 'half a surrogate pair in a key',
    value: { a: { '\udc00': 1 } },
    message: 'the field a.? has half a surrogate pair',
  },
  { name: 'a cycle', value: cyclic, message: 'contains itself' },
  { name: 'too many levels', value: JSON.parse(nested(66, '1')), message: 'nests over 64 levels deep' },
  {
    name: 'what toJSON returns',
    value: { a: { toJSON: () => ({ b: new Map() }) } },
    message: 'the field a.b is a Map',
  },
  {
    name: 'a toJSON that returns itself',
    value: {
      toJSON(): unknown {
        return this
      },
    },
    message: 'nests over 64 levels',
  },
]

describe('toWire', () => {
  test.each(converted)('converts $name', ({ value, wire }) => {
    expect(toWire(value)).toEqual(wire)
    expect(JSON.parse(jsonText(value))).toEqual(wire)
  })

  test.each(unchanged)('hands back %j itself', value => {
    expect(toWire(value)).toBe(value)
    expect(jsonText(value)).toBe(JSON.stringify(value))
  })

  test.each(unencodable)('refuses $name and says where', ({ value, message }) => {
    for (const run of [() => toWire(value), () => jsonText(value)]) {
      const failure = failureOf(run)
      expect(failure).toMatchObject({ code: 'internal', reason: 'UNENCODABLE' })
      expect(failure.message).toContain(message)
      expect(failure.message.length).toBeLessThan(150)
    }
  })

  test('copies nothing beside the way to what it converts', () => {
    const same = { deep: [1, 2] }
    const wire = toWire({ same, at: new Date(0) })
    expect(wire).toHaveProperty('same', same)
    expect((wire as { same: unknown }).same).toBe(same) // it was just seen to have it
  })

  test('keeps -0 and the text of backslashes as JSON does', () => {
    expect(jsonText([-0, '\\ud800', 'C:\\udev'])).toBe('[0,"\\\\ud800","C:\\\\udev"]')
  })

  test('copies a key __proto__ as a key', () => {
    const wire = toWire(
      JSON.parse('{"__proto__":{"admin":true},"a":{"__proto__":1}}', (_, value) => (value === 1 ? 1n : value)),
    )
    expect(JSON.stringify(wire)).toBe('{"__proto__":{"admin":true},"a":{"__proto__":"1"}}')
    expect(Object.getPrototypeOf(wire)).toBe(Object.prototype)
  })

  test('encodes megabytes', () => {
    const bytes = Buffer.alloc(3_000_001, 'abc\xff')
    expect(toWire(new Uint8Array(bytes))).toBe(bytes.toString('base64'))
  })
})

const accepted: readonly { name: string; text: string }[] = [
  ...['null', ' true ', '0', '-0', '1e308', '-1.5E-999', '""', '[]', '{}', '"\\ud83d\\ude00"', '{"\\u0061":"\\n"}'].map(
    text => ({ name: text, text }),
  ),
  { name: '64 levels', text: nested(64, '1') },
  { name: '1000 keys', text: objectOf(1000) },
  { name: '100000 items', text: `[${'0,'.repeat(99_999)}0]` },
  { name: 'brackets in a string', text: JSON.stringify('[{'.repeat(500)) },
  { name: 'a number of many digits', text: '9'.repeat(308) },
  { name: 'digits in a string', text: JSON.stringify('9'.repeat(1000)) },
  { name: 'an exponent in a string', text: '"1e999"' },
  { name: 'the forbidden names as values', text: '["__proto__",{"a":"constructor.prototype"}]' },
  { name: 'a plain constructor', text: '{"constructor":{"name":"Ada"},"prototype":1}' },
  { name: 'a key two thousand times', text: `{${'"a":1,'.repeat(2000)}"a":2}` },
  { name: 'brackets behind escapes in many strings', text: `[${`"\\\\\\"${'[{'.repeat(50)}",`.repeat(100)}0]` },
]

const malformed: readonly { text: string; message: string }[] = [
  { text: '', message: 'a value is expected at line 1, column 1, where the text ends' },
  { text: '\ufeff{}', message: 'a value is expected at line 1, column 1, not U+FEFF' },
  { text: '{"a":\n  [1,]}', message: "a value is expected at line 2, column 6, not ']'" },
  { text: '{"a":1,}', message: "a name in double quotes is expected at line 1, column 8, not '}'" },
  { text: "{'a':1}", message: "a name in double quotes or '}' is expected at line 1, column 2, not '''" },
  { text: '{"a" 1}', message: "':' is expected at line 1, column 6, not '1'" },
  { text: '[1 2]', message: "',' or the end of the object or array is expected at line 1, column 4, not '2'" },
  { text: '[1}', message: "',' or the end of the object or array is expected at line 1, column 3, not '}'" },
  { text: '[', message: "a value or ']' is expected at line 1, column 2, where the text ends" },
  { text: '{} {}', message: "nothing more is expected at line 1, column 4, not '{'" },
  { text: '01', message: "nothing more is expected at line 1, column 2, not '1'" },
  { text: '-', message: 'a digit is expected at line 1, column 2, where the text ends' },
  { text: '1.e5', message: "a digit after the decimal point is expected at line 1, column 3, not 'e'" },
  { text: '1e+', message: 'a digit in the exponent is expected' },
  { text: 'NaN', message: "a value is expected at line 1, column 1, not 'N'" },
  { text: '"a', message: 'the double quote that ends the string is expected at line 1, column 3' },
  { text: '"a\nb"', message: 'an escape instead of a control character is expected at line 1, column 3, not U+000A' },
  { text: '"\\x41"', message: 'after a backslash is expected' },
  { text: '"\\u12g4"', message: 'four hexadecimal digits in the escape is expected' },
]

const dangerous: readonly { name: string; text: string; message: string }[] = [
  { name: '65 levels', text: `[${nested(64, '1')}]`, message: 'nests over 64 levels deep' },
  {
    name: '65 levels of objects',
    text: `${'{"a":'.repeat(65)}1${'}'.repeat(65)}`,
    message: 'nests over 64 levels deep',
  },
  { name: '100000 levels', text: nested(100_000, '1'), message: 'nests over 64 levels deep' },
  { name: '1001 keys', text: objectOf(1001), message: 'more than 1000 keys' },
  { name: '1001 keys inside', text: `[1,${objectOf(1001)}]`, message: 'more than 1000 keys' },
  {
    name: 'a key __proto__',
    text: '{"a":{"__proto__":{"admin":true}}}',
    message: 'the field a.__proto__ has a forbidden name',
  },
  { name: 'an escaped key __proto__', text: '{"\\u005f_proto__":{}}', message: 'has a forbidden name' },
  { name: 'another escaped key __proto__', text: '{"__pr\\u006Fto__":null}', message: 'has a forbidden name' },
  {
    name: 'constructor.prototype',
    text: '{"constructor":{"prototype":{}}}',
    message: 'the field constructor has a forbidden name',
  },
  {
    name: 'escaped constructor.prototype',
    text: '{"constructor":{"\\u0070rototype":{}}}',
    message: 'has a forbidden name',
  },
  { name: 'half a pair', text: '{"a":"\\ud83d"}', message: 'the field a has half a surrogate pair' },
  { name: 'half a pair in a key', text: '[{"\\uDE00":1}]', message: 'the field [0].? has half a surrogate pair' },
  { name: 'a pair in the wrong order', text: '["\\ude00\\ud83d"]', message: 'the field [0] has half a surrogate pair' },
  { name: 'half a pair at the top', text: '"\\uD83D"', message: 'half a surrogate pair' },
  { name: 'half a pair as it is', text: '["\ud83d"]', message: 'half a surrogate pair' },
  { name: 'a number that overflows', text: '[1e309]', message: 'the field [0] is too large' },
  { name: 'a negative one', text: '{"a":-1E+999}', message: 'the field a is too large' },
  { name: 'one at the top', text: '1e999', message: 'the message is too large' },
  { name: 'one without exponent', text: `{"a":${'9'.repeat(309)}}`, message: 'the field a is too large' },
  {
    name: 'one with a short exponent',
    text: `{"a":${'9'.repeat(211)}.5e99}`,
    message: 'the field a is too large',
  },
]

describe('parseJson', () => {
  test.each(accepted)('reads $name', ({ text }) => {
    expect(parseJson(text)).toEqual(JSON.parse(text))
  })

  test.each(malformed)('says what is wrong with $text', ({ text, message }) => {
    const failure = failureOf(() => parseJson(text))
    expect(failure).toMatchObject({ code: 'invalid_argument', reason: 'MALFORMED_BODY' })
    expect(failure.message).toContain(message)
  })

  test.each(dangerous)('refuses $name', ({ text, message }) => {
    const failure = failureOf(() => parseJson(text))
    expect(failure).toMatchObject({ code: 'invalid_argument', reason: 'MALFORMED_BODY' })
    expect(failure.message).toContain(message)
  })

  test.each([
    { name: 'a long key', text: JSON.stringify({ ['SECRET'.repeat(100)]: [1] }).replace('1', '1e999') },
    { name: 'many keys', text: `${'{"SECRET":'.repeat(30)}1e999${'}'.repeat(30)}` },
    { name: 'a broken text', text: `{"a":${'SECRET'.repeat(100)}` },
  ])('repeats at most 40 characters of $name', ({ text }) => {
    const { message } = failureOf(() => parseJson(text))
    expect(message.match(/SECRET/g)?.length ?? 0).toBeLessThanOrEqual(7)
    expect(message.length).toBeLessThan(140)
  })

  test('puts no line break and no half pair of the input into its message', () => {
    const { message } = failureOf(() => parseJson('{"a\\r\\n\\ud800\\u2028b":1e999}'))
    expect(message).toMatch(/^[^\p{Cc}\p{Cs}]*$/u)
  })

  test('agrees with the engine on what is JSON', () => {
    fc.assert(
      fc.property(mutatedJson, text => {
        expect(syntaxMistake(text) === undefined, text).toBe(isJson(text))
      }),
      { numRuns: deep(2_000, 100_000) },
    )
  })

  test('reads what toWire and jsonText let out', () => {
    const message = fc.anything({
      ...{
        withBigInt: true,
        withDate: true,
        withNullPrototype: true,
        withTypedArray: true,
        withSet: true,
        withMap: true,
      },
      ...{ withSparseArray: true, withBoxedValues: true, withUnicodeString: true, maxDepth: 6 },
    })
    fc.assert(
      fc.property(message, value => {
        let text: string
        try {
          text = jsonText(value)
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(CallError)
          expect(failureOf(() => toWire(value)).reason).toBe('UNENCODABLE')
          return
        }
        const wire = toWire(value)
        expect(JSON.stringify(wire)).toBe(text)
        expect(toWire(wire)).toBe(wire)
        const read = readable(text) ? parseJson(text) : undefined
        if (read !== undefined) expect(JSON.stringify(read)).toBe(text)
      }),
      { numRuns: deep(200, 20_000) },
    )
  })

  test('takes what every check would have found, whichever scan noticed it', () => {
    fc.assert(
      fc.property(risky, text => {
        expect(outcomeOf(text), text).toBe(modelOf(text))
      }),
      { numRuns: deep(2_000, 100_000) },
    )
  })
})

/** The keys that toWire lets out and parseJson refuses are the caller's own. */
function readable(text: string): boolean {
  return !text.includes('__proto__') && !text.includes('prototype')
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

function outcomeOf(text: string): string {
  try {
    return JSON.stringify(parseJson(text))
  } catch (thrown) {
    if (thrown instanceof CallError) return 'refused'
    throw thrown
  }
}

/** The rules without any scan in front of them. */
function modelOf(text: string): string {
  const value: unknown = JSON.parse(text)
  return isHarmless(value, 1) ? JSON.stringify(value) : 'refused'
}

function isHarmless(value: unknown, depth: number): boolean {
  if (typeof value === 'number') return Number.isFinite(value)
  if (typeof value === 'string') return value.isWellFormed()
  if (typeof value !== 'object' || value === null) return true
  if (depth > 64) return false
  const keys = Object.keys(value)
  if (
    !Array.isArray(value) &&
    (keys.length > 1000 || keys.includes('__proto__') || !keys.every(key => key.isWellFormed()))
  ) {
    return false
  }
  const constructed = Object.entries(value).find(([key]) => key === 'constructor')?.[1]
  if (
    !Array.isArray(value) &&
    typeof constructed === 'object' &&
    constructed !== null &&
    Object.hasOwn(constructed, 'prototype')
  ) {
    return false
  }
  return Object.values(value).every(each => isHarmless(each, depth + 1))
}

/** JSON texts that brush against each of the limits. */
const risky: fc.Arbitrary<string> = fc
  .letrec<{ value: string; key: string }>(tie => ({
    key: fc.constantFrom(
      'a',
      'constructor',
      'prototype',
      '__proto__',
      '\\u005f_proto__',
      'prot\\u006ftype',
      '\\ud800',
      'é',
    ),
    value: fc.oneof(
      { depthSize: 'medium', maxDepth: 6 },
      fc.constantFrom(
        '1',
        '1e308',
        '1e309',
        '-1E+0400',
        '1e-999',
        '9'.repeat(250),
        '9'.repeat(309),
        `${'9'.repeat(210)}e99`,
      ),
      fc.constantFrom(
        '"x"',
        '"\\ud83d\\ude00"',
        '"\\ud83d"',
        '"\\\\ud83d"',
        '"[[[["',
        '"__proto__"',
        'null',
        objectOf(1000),
        objectOf(1001),
      ),
      fc.constantFrom(60, 62, 64, 66).map(levels => nested(levels, '0')),
      fc.array(tie('value'), { maxLength: 4 }).map(items => `[${items.join(' , ')}]`),
      fc
        .array(fc.tuple(tie('key'), tie('value')), { maxLength: 4 })
        .map(fields => `{${fields.map(([key, value]) => `"${key}":${value}`).join()}}`),
    ),
  }))
  .value.map(text => ` ${text}`)

/** JSON with some characters put in, left out or exchanged. */
const mutatedJson: fc.Arbitrary<string> = fc
  .tuple(
    fc.oneof(fc.json(), risky, fc.constantFrom('[1.5e3,"\\u0041",true]', '{"a":{"b":[null,false]}}')),
    fc.array(fc.tuple(fc.nat(), fc.nat(2), fc.constantFrom(...'{}[],:"\\u0123e.+-tfn \n\u0000\ud800é')), {
      maxLength: 3,
    }),
  )
  .map(([text, changes]) =>
    changes.reduce((before, [place, removed, added]) => {
      const at = place % (before.length + 1)
      return before.slice(0, at) + added + before.slice(at + removed)
    }, text),
  )

describe('parseJson under attack', () => {
  test('needs no longer for the deepest text than for data of the same length', () => {
    const data = `[${'{"a":1},'.repeat(125_000)}{}]`
    expect(cpuMs(() => outcomeOf(nested(100_000, '['.repeat(200_000))))).toBeLessThan(cpuMs(() => parseJson(data)))
    expect(cpuMs(() => outcomeOf('['.repeat(500_000) + ']'.repeat(500_000)))).toBeLessThan(cpuMs(() => parseJson(data)))
  })

  test('never throws anything but a CallError, and changes no prototype', () => {
    const before = snapshot()
    fc.assert(
      fc.property(fc.oneof(mutatedJson, fc.string({ unit: 'binary' })), text => {
        outcomeOf(text)
      }),
      { numRuns: deep(2_000, 1_000_000) },
    )
    expect(snapshot()).toEqual(before)
  }, 600_000)

  test.each([
    { name: 'opening brackets', text: (length: number) => '['.repeat(length) },
    { name: 'nesting', text: (length: number) => nested(length, '1') },
    { name: 'backslashes', text: (length: number) => `"${'\\\\'.repeat(length)}"` },
    { name: 'escaped pairs', text: (length: number) => `["${'\\ud83d\\ude00'.repeat(length / 10)}"]` },
    { name: 'escapes', text: (length: number) => `["${'\\u0041'.repeat(length / 6)}"` },
    { name: 'digits', text: (length: number) => `[${'9'.repeat(length)}]` },
    { name: 'numbers of 199 digits', text: (length: number) => `[${`${'9'.repeat(199)},`.repeat(length / 200)}1]` },
    { name: 'the letter e', text: (length: number) => `"${'e+12'.repeat(length / 4)}"` },
    { name: 'blanks', text: (length: number) => ' '.repeat(length) },
    { name: 'lines', text: (length: number) => '\n'.repeat(length) },
    { name: 'an open string', text: (length: number) => `"${'a'.repeat(length)}` },
    { name: 'one key many times', text: (length: number) => `{${'"a":1,'.repeat(length / 6)}"a":1}` },
    { name: 'many keys', text: (length: number) => objectOf(length / 10) },
    { name: 'small objects', text: (length: number) => `[${'{"a":1},'.repeat(length / 8)}{}]` },
    { name: 'a mistake at the end', text: (length: number) => `[${'{"a":[1,2]},'.repeat(length / 12)}]` },
  ])('takes time linear in $name', ({ text }) => {
    const [short, long] = [text(60_000), text(480_000)]
    outcomeOf(short)
    expect(cpuMs(() => outcomeOf(long))).toBeLessThan(8 * 4 * cpuMs(() => outcomeOf(short)) + 50)
  })
})

function snapshot(): readonly unknown[] {
  return [Object.prototype, Array.prototype, Function.prototype].flatMap(each => Reflect.ownKeys(each))
}
