/** The .proto of contracts, and the lock that keeps its numbers. */

import type { ProtoLock } from 'tenon/contract'
import { contract, failure, method, proto, stream } from 'tenon/contract'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { grpcService } from '../../src/transport/grpc/message-codec.js'
import { libraries } from './libraries.js'
import { protoChanges } from './proto-changes.js'

const response = z.object({})
const of = (request: z.ZodType, name = 't.v1.T') =>
  contract(name, { get: method({ request, response, idempotency: 'safe' }) })

/** The lines of the request's message. */
function fieldsOf(request: z.ZodType, lock?: ProtoLock): readonly string[] {
  const { files } = proto(of(request), lock === undefined ? {} : { lock })
  const [, body = ''] = /^message TGetRequest \{\n(.*?)^\}/ms.exec(files[0]?.text ?? '') ?? []
  return body
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '')
}

test('a contract as a .proto', () => {
  const Line = z.object({ sku: z.string(), count: z.int() })
  const Orders = contract('shop.v1.Orders', {
    place: method({
      summary: 'Place an order',
      request: z.object({ orderId: z.string().describe('Made by the caller'), lines: z.array(Line) }),
      response: z.object({ at: z.iso.datetime() }),
      failures: { OutOfStock: failure('failed_precondition', z.object({ sku: z.string() })) },
      idempotency: 'idempotent',
    }),
    watch: method({
      request: z.object({}),
      response: stream(z.object({ note: z.string().optional() })),
      idempotency: 'safe',
    }),
  })
  const [file] = proto(Orders).files
  expect(file?.path).toBe('shop/v1/orders.proto')
  expect(file?.text).toBe(`// Made by tenon proto from the contract shop.v1.Orders: change that, and run it again.

syntax = "proto3";

package shop.v1;

import "google/protobuf/timestamp.proto";

service Orders {
  // Place an order
  // Fails as OutOfStock with OrdersOutOfStockFailure.
  rpc Place(OrdersPlaceRequest) returns (OrdersPlaceResponse) {
    option idempotency_level = IDEMPOTENT;
  }
  rpc Watch(OrdersWatchRequest) returns (stream OrdersWatchResponse) {
    option idempotency_level = NO_SIDE_EFFECTS;
  }
}

message OrdersPlaceRequest {
  message Lines {
    string sku = 1;
    int64 count = 2;
  }

  // Made by the caller
  string order_id = 1;
  repeated Lines lines = 2;
}

message OrdersPlaceResponse {
  google.protobuf.Timestamp at = 1;
}

message OrdersOutOfStockFailure {
  string sku = 1;
}

message OrdersWatchRequest {}

message OrdersWatchResponse {
  optional string note = 1;
}
`)
})

interface Tree {
  readonly value: string
  readonly children: readonly Tree[]
}
const Tree: z.ZodType<Tree> = z.object({
  value: z.string(),
  get children() {
    return z.array(Tree)
  },
})

describe('what each schema is', () => {
  test.each<readonly [name: string, schema: z.ZodType, text: string]>([
    ['text', z.string(), 'string a = 1;'],
    ['names', z.enum(['x', 'y']), 'string a = 1;'],
    ['an address or a name', z.union([z.email(), z.literal('me')]), 'string a = 1;'],
    ['an integer', z.int(), 'int64 a = 1;'],
    ['a small integer', z.int().max(9), 'int64 a = 1;'],
    ['int32', z.int32(), 'int32 a = 1;'],
    ['uint32', z.uint32(), 'uint32 a = 1;'],
    ['a number', z.number(), 'double a = 1;'],
    ['numbers', z.literal([1, 2]), 'int64 a = 1;'],
    ['a flag', z.boolean(), 'bool a = 1;'],
    ['a bigint', z.union([z.bigint(), z.string().regex(/^-?\d+$/)]), 'int64 a = 1;'],
    ['a time', z.union([z.date(), z.iso.datetime()]), 'google.protobuf.Timestamp a = 1;'],
    ['a day', z.iso.date(), 'string a = 1;'],
    ['bytes', z.union([z.instanceof(Uint8Array), z.base64()]), 'bytes a = 1;'],
    ['what may be missing', z.string().optional(), 'optional string a = 1;'],
    ['what has a default', z.string().default('x'), 'optional string a = 1;'],
    ['what may be null', z.string().nullable(), 'optional string a = 1;'],
    ['what may be both', z.string().nullish(), 'optional google.protobuf.Value a = 1;'],
    ['anything', z.unknown(), 'google.protobuf.Value a = 1;'],
    ['text or a number', z.union([z.string(), z.number()]), 'google.protobuf.Value a = 1;'],
    ['a list', z.array(z.string()), 'repeated string a = 1;'],
    ['a list that may be missing', z.array(z.string()).optional(), 'repeated string a = 1;'],
    ['a list that is empty by default', z.array(z.string()).default([]), 'repeated string a = 1;'],
    ['a list that is not, by default', z.array(z.string()).default(['x']), 'optional google.protobuf.Value a = 1;'],
    ['a list that may be null', z.array(z.string()).nullable(), 'google.protobuf.Value a = 1;'],
    ['a list of what may be null', z.array(z.string().nullable()), 'repeated google.protobuf.Value a = 1;'],
    ['a list of lists', z.array(z.array(z.string())), 'repeated google.protobuf.Value a = 1;'],
    ['a tuple', z.tuple([z.string(), z.int()]), 'repeated google.protobuf.Value a = 1;'],
    ['a map', z.record(z.string(), z.int()), 'map<string, int64> a = 1;'],
    ['a map of lists', z.record(z.string(), z.array(z.int())), 'map<string, google.protobuf.Value> a = 1;'],
    ['any object', z.looseObject({}), 'map<string, google.protobuf.Value> a = 1;'],
    ['an object and others', z.looseObject({ b: z.string() }), 'google.protobuf.Value a = 1;'],
  ])('%s', (_, a, text) => {
    expect(fieldsOf(z.object({ a }))).toEqual([text])
  })

  test('alternatives of objects are one message with the fields of all', () => {
    const shape = z.discriminatedUnion('kind', [
      z.object({ kind: z.literal('circle'), radius: z.number() }),
      z.object({ kind: z.literal('square'), side: z.number() }),
    ])
    expect(fieldsOf(shape)).toEqual(['string kind = 1;', 'optional double radius = 2;', 'optional double side = 3;'])
  })

  test('objects that contain themselves', () => {
    expect(fieldsOf(z.object({ tree: Tree }))).toEqual([
      'message Tree {',
      'string value = 1;',
      'repeated Tree children = 2;',
      '}',
      'Tree tree = 1;',
    ])
  })

  test('objects that contain themselves as one of several', () => {
    type Node = { readonly kind: 'a'; readonly next?: Node } | { readonly kind: 'b'; readonly other: Node }
    const Node: z.ZodType<Node> = z.lazy(() =>
      z.union([
        z.object({ kind: z.literal('a'), next: Node.optional() }),
        z.object({ kind: z.literal('b'), other: Node }),
      ]),
    ) as z.ZodType<Node> // optional, not undefined
    expect(fieldsOf(z.object({ node: Node })).at(-1)).toBe('Node node = 1;')
  })

  test('a message of which the fields are not known is any object', () => {
    for (const request of [z.record(z.string(), z.int()), z.looseObject({ a: z.string() })]) {
      expect(proto(of(request)).files[0]?.text).toContain('rpc Get(google.protobuf.Struct) returns')
    }
  })

  test('names are in snake_case, and others than protoc makes of these are said', () => {
    const schema = z.object({
      skuId: z.string(),
      HTTPServer: z.string(),
      'x-odd': z.string(),
      sha256: z.string(),
      '2nd': z.string(),
    })
    expect(fieldsOf(schema)).toEqual([
      'string sku_id = 1;',
      'string http_server = 2 [json_name = "HTTPServer"];',
      'string x_odd = 3 [json_name = "x-odd"];',
      'string sha256 = 4;',
      'string n2nd = 5 [json_name = "2nd"];',
    ])
  })

  test('a description cannot end its comment', () => {
    const lines = fieldsOf(z.object({ a: z.string().describe('one\n} message Evil {\u2028*/ two') }))
    expect(lines).toEqual(['// one', '// } message Evil {', '// */ two', 'string a = 1;'])
  })
})

test('a contract is the same whatever library its schemas are of', () => {
  const [first] = libraries.map(({ Orders }) => proto(Orders))
  for (const { Orders } of libraries) expect(proto(Orders, first)).toMatchObject({ lock: first?.lock, breaks: [] })
})

describe('what has no place in a .proto is refused by name', () => {
  test.each<readonly [name: string, request: z.ZodType, message: string]>([
    [
      'two names that would be one',
      z.object({ skuId: z.string(), sku_id: z.string() }),
      "t.v1.TGetRequest: 'skuId' and 'sku_id' would be one field, sku_id",
    ],
    [
      'names that would be one in JSON',
      z.object({ foo1: z.string(), foo_1: z.string() }),
      "t.v1.TGetRequest: 'foo1' and 'foo_1' would be one field, foo_1",
    ],
    [
      'a name of which nothing is left',
      z.object({ in: z.object({ 日本: z.string() }) }),
      "t.v1.TGetRequest.In: '日本' cannot be the name of a field",
    ],
  ])('%s', (_, request, message) => {
    expect(() => proto(of(request))).toThrow(new TypeError(message))
    expect(() => grpcService(of(request))).toThrow(new TypeError(message))
  })

  test('methods and failures', () => {
    const one = method({ request: response, response, idempotency: 'safe' })
    const failures = { Full: failure('aborted', response), full: failure('aborted', response) }
    const twice = contract('t.T', {
      get: method({ ...one, http: { post: '/a' } }),
      Get: method({ ...one, http: { post: '/b' } }),
    })
    expect(() => proto(twice)).toThrow("t.T: the method 'get' and the method 'Get' would both be Get")
    const alike = contract('t.T', { get: method({ ...one, failures }) })
    expect(() => proto(alike)).toThrow("t.T: the failure 'Full' and the failure 'full' would both be FullFailure")
    expect(() => proto([of(response, 'a.T'), of(response, 'a.t')])).toThrow('proto: two contracts would be a/t.proto')
  })
})

describe('a lock', () => {
  const numbered = z.object({ a: z.string(), b: z.string(), c: z.string() })
  const { lock } = proto(of(numbered))

  test('keeps the numbers of fields, in whatever order they are declared', () => {
    const next = z.object({ d: z.int(), c: z.string(), a: z.string(), b: z.string() })
    expect(fieldsOf(next, lock)).toEqual(['int64 d = 4;', 'string c = 3;', 'string a = 1;', 'string b = 2;'])
  })

  test('reserves what is gone, for good', () => {
    const without = proto(of(z.object({ a: z.string() })), { lock })
    const expected = ['reserved 2, 3;', 'reserved "b", "c";', 'string a = 1;', 'string d = 4;']
    expect(fieldsOf(z.object({ a: z.string(), d: z.string() }), without.lock)).toEqual(expected)
    const again = proto(of(z.object({ b: z.string() })), without)
    expect(again.breaks).toEqual([
      { where: 't.v1.TGetRequest.b', reason: 'is the name of a field that was removed: give it another' },
    ])
  })

  test('is the same when nothing changed, and JSON', () => {
    const again = proto(of(numbered), { lock: JSON.parse(JSON.stringify(lock)) })
    expect(again).toEqual({ files: proto(of(numbered)).files, lock, breaks: [] })
  })

  test('leaves out the numbers that protobuf keeps for itself', () => {
    const fields = { a: { number: 18_999, type: 'string', json: 'a' } }
    const high = { version: 1, messages: { 't.v1.TGetRequest': { fields, reserved: [] } }, services: {} }
    expect(fieldsOf(z.object({ a: z.string(), b: z.string() }), high).at(-1)).toBe('string b = 20000;')
  })

  test('has fields of any name', () => {
    const odd = z.object({ constructor: z.string(), hasOwnProperty: z.string(), toString: z.string() })
    const first = proto(of(odd))
    expect(proto(of(odd), first)).toMatchObject({ breaks: [], lock: first.lock })
  })

  test('of another version is refused', () => {
    expect(() => proto(of(response), { lock: { ...lock, version: 2 } })).toThrow(
      'the lock is of version 2, and only version 1 is known here',
    )
  })

  test.each(protoChanges)('says what breaks: $name', ({ before, after, breaks }) => {
    const first = proto(of(before))
    const said = proto(of(after), first).breaks.map(({ where, reason }) =>
      `${where.replace(/^t\.v1\.T(GetRequest\.)?/, '')} ${reason}`.replace('t.v1.TGetRequest', 'NAME'),
    )
    expect(said).toEqual(breaks)
  })

  test('says that methods and services are gone, or stream otherwise', () => {
    const get = method({ request: response, response, idempotency: 'safe' })
    const many = method({ request: stream(response), response: stream(response), idempotency: 'safe' })
    const first = proto([contract('t.A', { get, put: get }), contract('t.B', { get })])
    expect(proto(contract('t.A', { get: many }), first).breaks).toEqual([
      { where: 't.A/Get', reason: 'took t.AGetRequest and takes stream t.AGetRequest' },
      { where: 't.A/Get', reason: 'gave t.AGetResponse and gives stream t.AGetResponse' },
      { where: 't.A/Put', reason: 'is gone: old clients call it' },
      { where: 't.B', reason: 'is gone: old clients call it' },
    ])
  })

  test('is what a server goes by, and nothing else', () => {
    const codec = grpcService(of(z.object({ c: z.string() })), { lock }).methods.get('get')?.request
    expect(codec?.encode({ c: 'x' })).toEqual(Buffer.of(0x1a, 1, 0x78))
    expect(() => grpcService(of(z.object({ d: z.string() })), { lock })).toThrow(
      't.v1.TGetRequest.d is not in the lock: run tenon proto',
    )
    expect(() => grpcService(of(z.object({ a: z.int() })), { lock })).toThrow(
      't.v1.TGetRequest.a is int64, and string in the lock: run tenon proto',
    )
  })
})
