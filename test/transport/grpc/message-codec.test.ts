/** Messages as bytes: what goes in comes out, a reader that is not ours reads the same, and no bytes do harm. */
import {
  createFileRegistry,
  type DescMessage,
  fromBinary,
  fromJson,
  type JsonValue,
  toBinary,
  toJson,
} from '@bufbuild/protobuf'
import {
  FileDescriptorProtoSchema,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
} from '@bufbuild/protobuf/wkt'
import fc from 'fast-check'
import { CallError, contract, type Failure, isFailure, method } from 'tenon'
import type { JsonSchema } from 'tenon/contract'
import { describe, expect, test } from 'vitest'
import { type GrpcService, grpcService } from '../../../src/transport/grpc/message-codec.js'
import { deep } from '../../deep.js'
import { message, type Typed } from './message-arbitrary.js'

function schemaOf(json: JsonSchema) {
  const jsonSchema = { input: () => json, output: () => json }
  return {
    '~standard': { version: 1, vendor: 'test', validate: (value: unknown) => ({ value }), jsonSchema },
  } as const
}

function serviceOf(json: JsonSchema): GrpcService {
  const schema = schemaOf(json)
  return grpcService(contract('t.v1.T', { get: method({ request: schema, response: schema, idempotency: 'safe' }) }))
}

function codecOf(json: JsonSchema) {
  const found = serviceOf(json).methods.get('get')
  if (found === undefined) throw new Error('there is no method')
  return found.request
}

/** The message as @bufbuild/protobuf knows it, which has read nothing but our descriptors. */
function descriptorOf({ fileDescriptors }: GrpcService): DescMessage {
  const [own, ...imported] = fileDescriptors.map(bytes => fromBinary(FileDescriptorProtoSchema, bytes)).reverse()
  if (own === undefined) throw new Error('there is no file')
  // Google's own types are those that the library treats as such.
  const known = [file_google_protobuf_struct, file_google_protobuf_timestamp]
  expect(imported).toEqual(
    known
      .map(({ proto }) => proto)
      .filter(({ name }) => own.dependency.includes(name))
      .reverse(),
  )
  const found = createFileRegistry(own, name => known.find(({ proto }) => proto.name === name)).getMessage(
    't.v1.TGetRequest',
  )
  if (found === undefined) throw new Error('there is no message')
  return found
}

const valued = message.chain(({ schema, values }: Typed) => values.map(value => ({ schema, value })))

describe('what goes in comes out', () => {
  test('of any schema, any value', () => {
    fc.assert(
      fc.property(valued, ({ schema, value }) => {
        const codec = codecOf(schema)
        expect(codec.decode(codec.encode(value))).toEqual(value)
      }),
      { numRuns: deep(100, 5_000) },
    )
  })

  test('and @bufbuild/protobuf, by our descriptor, reads the same JSON from it, and writes what we read', () => {
    fc.assert(
      fc.property(valued, ({ schema, value }) => {
        const service = serviceOf(schema)
        const codec = codecOf(schema)
        const descriptor = descriptorOf(service)
        const theirs = fromBinary(descriptor, codec.encode(value))
        const json = toJson(descriptor, theirs, { alwaysEmitImplicit: true })
        expect(codec.decode(toBinary(descriptor, fromJson(descriptor, json as JsonValue)))).toEqual(value)
        expect(codec.decode(toBinary(descriptor, theirs))).toEqual(value)
      }),
      { numRuns: deep(30, 1_500) },
    )
  })
})

const everything: JsonSchema = {
  type: 'object',
  properties: {
    text: { type: 'string' },
    at: { type: 'string', format: 'date-time' },
    raw: { type: 'string', contentEncoding: 'base64' },
    big: { type: 'string', format: 'int64' },
    ok: { type: 'boolean' },
    count: { type: 'integer' },
    ratio: { type: 'number' },
    any: {},
    list: { type: 'array', items: { type: 'integer' } },
    times: { type: 'array', items: { type: 'string', format: 'date-time' } },
    map: { type: 'object', additionalProperties: { type: 'string' } },
    inner: { $ref: '#' },
    inners: { type: 'array', items: { $ref: '#' } },
    hasOwnProperty: { type: 'integer' },
  },
}

function failureFrom(run: () => unknown): Failure {
  try {
    run()
  } catch (thrown) {
    if (thrown instanceof CallError && isFailure(thrown.failure)) return thrown.failure
    throw thrown
  }
  throw new Error('nothing was thrown')
}

describe('values are taken as run-time types and as text', () => {
  test.each<readonly [given: Readonly<Record<string, unknown>>, found: Readonly<Record<string, unknown>>]>([
    [{ at: new Date(-1) }, { at: '1969-12-31T23:59:59.999Z' }],
    [{ at: '2020-02-29T12:00:00+02:00' }, { at: '2020-02-29T10:00:00.000Z' }],
    [{ at: '2020-02-29T12:00:00.123456789Z' }, { at: '2020-02-29T12:00:00.123456789Z' }],
    [{ at: '2020-02-29T12:00:00.12345Z' }, { at: '2020-02-29T12:00:00.123450Z' }],
    [{ at: '0001-01-01T00:00:00Z' }, { at: '0001-01-01T00:00:00.000Z' }],
    [{ raw: Uint8Array.of(0, 255) }, { raw: 'AP8=' }],
    [{ raw: Uint8Array.of(0, 255).buffer }, { raw: 'AP8=' }],
    [{ big: -9_223_372_036_854_775_808n }, { big: '-9223372036854775808' }],
    [{ big: 7 }, { big: '7' }],
    [{ text: new Date(0) }, { text: '1970-01-01T00:00:00.000Z' }],
    [{ ratio: Number.NaN }, { ratio: 'NaN' }],
    [{ ratio: '-Infinity' }, { ratio: '-Infinity' }],
    [{ ratio: -0 }, { ratio: -0 }],
    [{ any: new Date(0) }, { any: '1970-01-01T00:00:00.000Z' }],
    [{ any: null }, { any: null }],
    [{ inner: { toJSON: () => ({ count: 1 }) } }, { inner: { count: 1 } }],
    [{ map: { constructor: 'x' } }, { map: { constructor: 'x' } }],
    [{ text: undefined, unknown: 1 }, {}],
    [{ list: [], map: {} }, {}],
    [{ hasOwnProperty: 1 }, { hasOwnProperty: 1 }],
  ])('%o', (given, found) => {
    const codec = codecOf(everything)
    expect(codec.decode(codec.encode(given))).toEqual(found)
  })
})

describe('a value that has no place is refused by name', () => {
  const cyclic: { inner?: unknown } = {}
  cyclic.inner = cyclic
  test.each<readonly [value: unknown, message: string]>([
    [[], 'the message is no object, as a message must be'],
    ['text', 'the message is no object, as a message must be'],
    [{ text: 1 }, 'the field text is a number, where its type is string'],
    [{ text: null }, 'the field text is null, where its type is string'],
    [{ text: 'a\ud800' }, 'the field text has half a surrogate pair in its text'],
    [{ ok: 'true' }, 'the field ok is a string, where its type is bool'],
    [{ count: 1.5 }, 'the field count is a number, where its type is int64, an integer'],
    [{ count: 2 ** 53 }, 'the field count is 9007199254740992, out of the range of int64'],
    [{ big: 2n ** 63n }, 'the field big is 9223372036854775808, out of the range of int64'],
    [{ big: 'twelve' }, 'the field big is a string, where its type is int64: a bigint, or decimal text'],
    [{ raw: '*' }, 'the field raw is a string, where its type is bytes, or text in base64'],
    [
      { at: '2021-02-29T00:00:00Z' },
      'the field at is a string, where its type is Timestamp: a date, or a time as in RFC 3339 with its offset, from year 1 to 9999',
    ],
    [{ list: 1 }, 'the field list is no list'],
    [{ list: [1, '2'] }, 'the field list[1] is a string, where its type is int64, an integer'],
    [{ map: { a: 1 } }, 'the field map.a is a number, where its type is string'],
    [{ inners: [{}, { inner: { ok: 1 } }] }, 'the field inners[1].inner.ok is a number, where its type is bool'],
    [{ inner: null }, 'the field inner is no object, as a message must be'],
    [{ any: new Map() }, 'the field any has no JSON form: the message is a Map, which JSON cannot hold'],
    [
      { text: new Date(Number.NaN) },
      'the field text has no JSON form: the message is an invalid date, which JSON cannot hold',
    ],
  ])('%o', (value, message) => {
    const codec = codecOf(everything)
    const failure = failureFrom(() => codec.encode(value))
    expect(failure).toMatchObject({ code: 'internal', reason: 'UNENCODABLE', message })
  })

  test('a cycle', () => {
    const { message } = failureFrom(() => codecOf(everything).encode(cyclic))
    expect(message).toMatch(/nests over 64 levels deep, or contains itself$/)
  })

  test('a required field that is missing, since its default would be taken for a value', () => {
    const codec = codecOf({ type: 'object', properties: { text: { type: 'string' } }, required: ['text'] })
    expect(failureFrom(() => codec.encode({})).message).toBe('the field text is missing')
    expect(codec.decode(new Uint8Array())).toEqual({ text: '' })
  })
})

describe('bytes that are no message are refused', () => {
  const nested = (depth: number): Uint8Array => {
    let bytes = Buffer.alloc(0)
    for (let level = 0; level < depth; level++) {
      const length: number[] = []
      let left = bytes.length
      do {
        length.push((left & 0x7f) | (left > 0x7f ? 0x80 : 0))
        left >>>= 7
      } while (left > 0)
      bytes = Buffer.concat([Buffer.of(0x62, ...length), bytes])
    }
    return bytes
  }
  test.each<readonly [name: string, bytes: Uint8Array, message: string]>([
    ['a length beyond the end', Uint8Array.of(0x0a, 0x05, 0x61), 'the field text ends in the middle of a field'],
    [
      'a message longer than the one around it',
      Uint8Array.of(0x62, 4, 0x62, 3, 0x30, 1, 0x30, 1),
      'the field inner.inner ends in the middle of a field',
    ],
    [
      'a length of 4 GiB',
      Uint8Array.of(0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f),
      'the field text has a field of an impossible length',
    ],
    ['text that is not UTF-8', Uint8Array.of(0x0a, 0x01, 0xff), 'the field text has text that is not UTF-8'],
    [
      'a number of 11 bytes',
      Uint8Array.of(0x28, ...Array(10).fill(0xff), 1),
      'the field ok has a number of more than 10 bytes',
    ],
    ['half a number', Uint8Array.of(0x28, 0x80), 'the field ok ends in the middle of a number'],
    ['a field numbered 0', Uint8Array.of(0x00, 0x00), 'the message has a field with an impossible number'],
    ['a wire type that is none', Uint8Array.of(0x0f), 'the field text has a field of an impossible type'],
    ['the end of no group', Uint8Array.of(0xac, 0x06), 'the message ends a group that it did not begin'],
    ['a group that does not end', Uint8Array.of(0xab, 0x06), 'the message ends in the middle of a number'],
    [
      'an integer that no number holds',
      Uint8Array.of(0x30, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10),
      'the field count is 9007199254740992, which no number holds exactly',
    ],
    [
      'a time of year 10000',
      Uint8Array.of(0x12, 7, 0x08, 0x80, 0x83, 0xd1, 0xff, 0xaf, 0x7),
      'the field at is a time out of the range of a Timestamp',
    ],
    [
      'a forbidden key',
      Uint8Array.from([0x5a, 13, 0x0a, 9, ...Buffer.from('__proto__'), 0x12, 0]),
      'the field map has a key with a forbidden name',
    ],
    [
      'a message 65 levels deep',
      nested(64),
      'the field inner.inner.inner.inner.inner.inner.inn… nests over 64 levels deep',
    ],
    [
      'a message 20000 levels deep',
      nested(20_000),
      'the field inner.inner.inner.inner.inner.inner.inn… nests over 64 levels deep',
    ],
    [
      'groups 100 levels deep',
      Uint8Array.from(Array(200).fill([0xab, 0x06]).flat()),
      'the message has groups over 64 levels deep',
    ],
  ])('%s', (_, bytes, message) => {
    const failure = failureFrom(() => codecOf(everything).decode(bytes))
    expect(failure).toMatchObject({ code: 'invalid_argument', reason: 'MALFORMED_BODY', message })
  })

  test('a map of more than 1000 keys', () => {
    const codec = codecOf(everything)
    const map = Object.fromEntries(Array.from({ length: 1001 }, (_, n) => [String(n), 'x']))
    expect(failureFrom(() => codec.decode(codec.encode({ map }))).message).toBe('the field map has more than 1000 keys')
  })

  test('no bytes do anything else', () => {
    const codec = codecOf(everything)
    const whole = codec.encode({
      ...{ text: 'téxt', at: new Date(), raw: 'AAEC', big: 5n, ok: true, count: -1, ratio: 0.5, any: { a: [1, null] } },
      ...{ list: [1, 2, 3], times: [new Date(0)], map: { a: 'b' }, inner: { inners: [{ count: 2 }] } },
    })
    const tampered = fc
      .array(fc.tuple(fc.nat({ max: whole.length - 1 }), fc.nat({ max: 255 })), { minLength: 1, maxLength: 4 })
      .map(edits => {
        const bytes = Uint8Array.from(whole)
        for (const [at, to] of edits) bytes[at] = to
        return bytes
      })
    fc.assert(
      fc.property(fc.oneof(tampered, fc.uint8Array({ maxLength: 60 })), bytes => {
        try {
          const value = codec.decode(bytes)
          expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
        } catch (thrown) {
          if (!(thrown instanceof CallError) || !isFailure(thrown.failure)) throw thrown
          expect(thrown.failure.reason).toBe('MALFORMED_BODY')
        }
      }),
      { numRuns: deep(500, 1_000_000) },
    )
    expect(Reflect.get({}, 'a')).toBeUndefined()
  })
})

test('messages inside messages may be of any length', () => {
  const codec = codecOf(everything)
  const descriptor = descriptorOf(serviceOf(everything))
  for (const length of [0, 120, 123, 124, 125, 126, 16_378, 16_379, 16_380, 16_381, 2_097_146, 2_097_147, 2_097_148]) {
    const value = { inner: { text: 'x'.repeat(length) }, text: 'after' }
    const bytes = codec.encode(value)
    expect(Buffer.compare(bytes, toBinary(descriptor, fromJson(descriptor, value)))).toBe(0)
    expect(codec.decode(bytes)).toEqual(value)
  }
})

test('fields that are not known are skipped, and lists are read packed and not', () => {
  const codec = codecOf(everything)
  const unknown = Uint8Array.of(
    0xa3,
    0x06,
    0x08,
    0x01,
    0xa4,
    0x06,
    0xad,
    0x06,
    1,
    2,
    3,
    4,
    0x48,
    1,
    0x4a,
    2,
    2,
    3,
    0x48,
    4,
  )
  expect(codec.decode(unknown)).toEqual({ list: [1, 2, 3, 4] })
})

test('a message in two parts is both together', () => {
  const codec = codecOf(everything)
  const [one, other] = [
    codec.encode({ inner: { count: 1, list: [1] } }),
    codec.encode({ inner: { text: 'a', list: [2] } }),
  ]
  expect(codec.decode(Buffer.concat([one, other]))).toEqual({ inner: { count: 1, text: 'a', list: [1, 2] } })
})
