/** Contracts of a .proto: through code of protoc-gen-es, and through @grpc/proto-loader. The wire is the .proto's, the types are typed. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import {
  create,
  createFileRegistry,
  type DescMessage,
  type DescService,
  fromBinary,
  fromJson,
  isMessage,
  toBinary,
  toJson,
} from '@bufbuild/protobuf'
import type { GenService, GenServiceMethods } from '@bufbuild/protobuf/codegenv2'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import * as grpcJs from '@grpc/grpc-js'
import { loadSync, type MethodDefinition } from '@grpc/proto-loader'
import {
  CallError,
  call,
  callOrThrow,
  connect,
  contract,
  failure,
  implement,
  isFailure,
  left,
  method,
  stream,
} from 'tenon'
import type { AnyService } from 'tenon/contract'
import { openapi, proto } from 'tenon/contract'
import { serve } from 'tenon/lifecycle'
import * as grpc from 'tenon/transport/grpc'
import { fromService } from 'tenon/transport/grpc/protobuf-es'
import * as http from 'tenon/transport/http'
import * as memory from 'tenon/transport/memory'
import { describe, expect, expectTypeOf, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { Add, type SumReply, type SumRequest } from '../../../examples/addsvc/pb/addsvc_pb.js'
import { grpcService, type MessageCodec } from '../../../src/transport/grpc/message-codec.js'

const source = `syntax = "proto3";
package shop.v1;
import "google/protobuf/timestamp.proto";
import "google/protobuf/struct.proto";

service Orders {
  rpc Get(Order) returns (Order) { option idempotency_level = NO_SIDE_EFFECTS; }
  rpc Put(Order) returns (Order) { option idempotency_level = IDEMPOTENT; }
  rpc Watch(Order) returns (stream Order);
  rpc Upload(stream Order) returns (Order);
  rpc Chat(stream Order) returns (stream Order) { option deprecated = true; }
}

enum State { STATE_UNSPECIFIED = 0; STATE_OPEN = 1; }

message Order {
  string order_id = 1;
  int64 total = 2;
  google.protobuf.Timestamp at = 3;
  bytes raw = 4;
  State state = 5;
  oneof paid { string card = 6; int32 cash = 7; }
  map<string, Order> parts = 8;
  repeated Order lines = 9;
  google.protobuf.Value any = 10;
  optional string note = 11;
  uint64 big = 12;
  double ratio = 13;
}
`

const all = {
  orderId: 'é',
  total: '-5',
  at: '2020-01-01T00:00:00Z',
  raw: 'AAE=',
  state: 'STATE_OPEN',
  cash: 7,
  parts: { a: { orderId: 'p' } },
  lines: [{ big: '18446744073709551615' }],
  any: { $typeName: 'no', x: [1, null] },
  note: '',
  ratio: 'NaN',
}

const folder = mkdtempSync(join(tmpdir(), 'tenon-proto-'))
writeFileSync(join(folder, 'orders.proto'), source)
const buf = (...args: string[]) =>
  execFileSync('node_modules/.bin/buf', args, { env: { ...process.env, BUF_CACHE_DIR: folder } })
const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, buf('build', folder, '-o', '-')))
const loaded = loadSync(join(folder, 'orders.proto'), { longs: String, enums: String, bytes: String, oneofs: true })
rmSync(folder, { recursive: true })

function known<T>(found: T | undefined): T {
  if (found === undefined) throw new Error('there is no such thing')
  return found
}

const Order: DescMessage = known(registry.getMessage('shop.v1.Order'))
const service = known(registry.getService('shop.v1.Orders')) as unknown as GenService<GenServiceMethods> // without generated types
const fromEs = fromService(service, { put: { failures: { Full: failure('aborted', z.object({ at: z.int() })) } } })

const schema = z.looseObject({})
type Definition = Readonly<Record<'Get' | 'Put' | 'Watch' | 'Upload' | 'Chat', MethodDefinition<object, object>>>
const definition = loaded['shop.v1.Orders'] as unknown as Definition // without generated types
const streams = {
  watch: { response: stream(schema) },
  upload: { request: stream(schema) },
  chat: { request: stream(schema), response: stream(schema), idempotency: 'safe' },
} as const
const fromLoader = grpc.fromDefinition('shop.v1.Orders', definition, streams)

const codecOf = (of: Parameters<typeof grpcService>[0], name: string): MessageCodec =>
  known(grpcService(of).methods.get(name)).request

function failureFrom(run: () => unknown) {
  try {
    run()
  } catch (thrown) {
    if (thrown instanceof CallError && isFailure(thrown.failure)) return thrown.failure
    throw thrown
  }
  throw new Error('nothing was thrown')
}

async function served(of: AnyService) {
  const running = await serve([of], [grpc.server({ port: 0 }), http.server({ port: 0 })], { signals: [] })
  onTestFinished(() => running.close())
  const [grpcAddress = '', httpAddress = ''] = running.addresses
  const clients = { grpc: grpc.client(grpcAddress), http: http.client(httpAddress) }
  onTestFinished(async () => void (await Promise.all([clients.grpc.close(), clients.http.close()])))
  return { ...clients, grpcAddress }
}

const bytes = () => toBinary(Order, fromJson(Order, all))

describe('a contract of protoc-gen-es', () => {
  test('has the names, the streams and the idempotency of the .proto', () => {
    const methods = [...fromEs.specs].map(([name, { info, definition }]) => [
      name,
      info.kind,
      info.idempotency,
      definition.deprecated,
    ])
    expect(methods).toEqual([
      ['get', 'unary', 'safe', undefined],
      ['put', 'unary', 'idempotent', undefined],
      ['watch', 'server_streaming', 'unsafe', undefined],
      ['upload', 'client_streaming', 'unsafe', undefined],
      ['chat', 'bidi_streaming', 'unsafe', true],
    ])
    expect(grpcService(fromEs).methods.get('get')?.path).toBe('/shop.v1.Orders/Get')
    expect(grpcService(fromEs).fileDescriptors).toHaveLength(3)
  })

  test('has generated types', () => {
    const typed = fromService(Add, {
      sum: { failures: { TwoZeroes: failure('invalid_argument', z.object({ a: z.int() })) } },
    })
    implement(typed).handlers({
      sum: request => {
        expectTypeOf(request).toEqualTypeOf<SumRequest>()
        return request.a === 0n ? left(typed.failures.TwoZeroes({ a: 0 })) : { v: request.a + request.b }
      },
    })
    const client = connect(
      typed,
      memory.client(implement(typed).handlers({ sum: () => ({ v: 1n }), concat: () => ({ v: 'a' }) })),
    )
    expectTypeOf(callOrThrow(client.sum, { a: 1n, b: 2n })).resolves.toEqualTypeOf<SumReply>()
    // @ts-expect-error a is no text
    void call(client.sum, { a: 'one' })
    // @ts-expect-error there is no such method
    expect(() => fromService(Add, { multiply: {} })).toThrow("fromService: pb.Add has no method 'multiply'")
  })

  test('takes messages, what create takes, and ProtoJSON, as the same bytes', () => {
    const codec = codecOf(fromEs, 'get')
    const message = fromJson(Order, all)
    const { cash: _, at: __, ...rest } = all
    const init = {
      ...rest,
      total: -5n,
      at: { seconds: 1_577_836_800n, nanos: 0 },
      raw: Uint8Array.of(0, 1),
      state: 1,
      paid: { case: 'cash', value: 7 },
      parts: { a: { orderId: 'p' } },
      lines: [{ big: 2n ** 64n - 1n }],
      any: fromJson(known(registry.getMessage('google.protobuf.Value')), all.any),
      ratio: Number.NaN,
    }
    expect(codec.encode(message)).toEqual(bytes())
    expect(codec.encode(init)).toEqual(bytes())
    expect(toJson(Order, codec.decode(bytes()) as never)).toEqual(all) // a message, as the next line says
    expect(isMessage(codec.decode(bytes()), Order)).toBe(true)
  })

  test.each<readonly [value: unknown, message: RegExp]>([
    [{ total: 'many' }, /shop\.v1\.Order cannot be written: .*total/],
    [{ orderId: 1 }, /order_?id/i],
    [[], /is no object/],
    [{ lines: [{ ratio: 'x' }] }, /ratio/],
    [{ note: new Map() }, /note: is a object, and must be text/],
  ])('refuses %j', (value, message) => {
    const failure = failureFrom(() => codecOf(fromEs, 'get').encode(value))
    expect(failure).toMatchObject({ code: 'internal', reason: 'UNENCODABLE' })
    expect(failure.message).toMatch(message)
  })

  test('knows fewer fields than a newer peer, over gRPC and in JSON', async () => {
    const spec = known(fromEs.specs.get('get'))
    expect(await spec.request.schema['~standard'].validate({ orderId: 'a', neu: 1 })).toMatchObject({
      value: { orderId: 'a' },
    })
    expect(await spec.request.schema['~standard'].validate({ orderId: 1 })).toMatchObject({ issues: [{}] })
  })

  test('is no contract to write another .proto of', () => {
    expect(() => proto(fromEs)).toThrow('proto: shop.v1.Orders was made from a .proto already')
  })

  test('is described in OpenAPI as its ProtoJSON', () => {
    const { components } = openapi(fromEs) as { components: { schemas: Record<string, { properties?: object }> } }
    expect(components.schemas['shop.v1.Orders.get.Request']?.properties).toMatchObject({
      orderId: { type: 'string' },
      total: { type: 'string', format: 'int64' },
      at: { type: 'string', format: 'date-time' },
      cash: { type: 'integer' },
      parts: { type: 'object', additionalProperties: {} },
      any: {},
    })
  })
})

describe('a contract of @grpc/proto-loader', () => {
  test('has the names, the streams and the idempotency of the .proto', () => {
    const methods = [...fromLoader.specs].map(([name, { info }]) => [name, info.kind, info.idempotency])
    expect(methods).toEqual([
      ['get', 'unary', 'safe'],
      ['put', 'unary', 'idempotent'],
      ['watch', 'server_streaming', 'unsafe'],
      ['upload', 'client_streaming', 'unsafe'],
      ['chat', 'bidi_streaming', 'safe'],
    ])
    expect(grpcService(fromLoader).methods.get('get')?.path).toBe('/shop.v1.Orders/Get')
    expect(grpcService(fromLoader).fileDescriptors.length).toBeGreaterThan(0)
  })

  test('has the types of MethodDefinition, or of its schemas', () => {
    type Sum = { readonly Sum: MethodDefinition<{ a?: number | string }, { v?: string }, { a: string }, { v: string }> }
    const typed = grpc.fromDefinition('pb.Add', { Sum: definition.Get } as unknown as Sum)
    implement(typed).handlers({
      sum: request => {
        expectTypeOf(request).toEqualTypeOf<{ a: string }>()
        return { v: request.a }
      },
    })
    const strict = grpc.fromDefinition(
      'shop.v1.Orders',
      { Get: definition.Get },
      { get: { request: z.object({ orderId: z.string() }) } },
    )
    implement(strict).handlers({
      get: ({ orderId }) => {
        expectTypeOf(orderId).toEqualTypeOf<string>()
        return { orderId }
      },
    })
  })

  test('writes and reads what the loader does', () => {
    const codec = codecOf(fromLoader, 'get')
    const plain = {
      orderId: 'é',
      total: '-5',
      raw: 'AAE=',
      state: 'STATE_OPEN',
      cash: 7,
      paid: 'cash',
      lines: [{ orderId: 'x' }],
    }
    expect(codec.decode(codec.encode({ ...plain, total: -5n, raw: Uint8Array.of(0, 1) }))).toEqual(plain)
    expect(codec.encode(plain)).toEqual(definition.Get.requestSerialize(plain))
    for (const wrong of [[], 'x', null]) expect(failureFrom(() => codec.encode(wrong)).reason).toBe('UNENCODABLE')
    expect(failureFrom(() => codec.encode({ lines: 1 })).message).toMatch(
      /Orders\/Get: the request cannot be written: .*lines/,
    )
  })

  test('needs to be told what streams, and nothing else', () => {
    expect(() => grpc.fromDefinition('shop.v1.Orders', definition)).toThrow(
      'fromDefinition: shop.v1.Orders/Watch: the response is a stream: give it as stream(schema)',
    )
    expect(() => grpc.fromDefinition('a.B', { Get: definition.Get }, { get: { request: stream(schema) } })).toThrow(
      'is no stream',
    )
    expect(() => grpc.fromDefinition('a.B', { Get: definition.Get }, { put: {} } as object)).toThrow(
      "a.B has no method 'put'",
    )
    expect(() => grpc.fromDefinition('a.B', { Order: loaded['shop.v1.Order'] } as never)).toThrow('a.B is no service')
  })
})

test.each([
  ['protoc-gen-es', fromEs],
  ['@grpc/proto-loader', fromLoader],
] as const)('bytes that are no message are refused by either: %s', (_, of) => {
  const codec = codecOf(of, 'get')
  let deep = Buffer.alloc(0)
  for (let level = 0; level < 1_000; level++) {
    const { length } = deep
    deep = Buffer.concat([Buffer.of(0x4a, (length & 0x7f) | 0x80, length >> 7), deep])
  }
  const wrong = [
    Uint8Array.of(0x0a, 5, 1),
    Uint8Array.of(0x0f),
    Uint8Array.of(0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f),
    deep,
  ]
  for (const each of wrong) {
    expect(failureFrom(() => codec.decode(each))).toMatchObject({ code: 'invalid_argument', reason: 'MALFORMED_BODY' })
  }
  const polluting = Buffer.concat([Buffer.of(0x42, 13, 0x0a, 9), Buffer.from('__proto__'), Buffer.of(0x12, 0)])
  codec.decode(polluting)
  expect(Object.getPrototypeOf({})).toBe(Object.prototype)
  expect(Reflect.get({}, 'orderId')).toBeUndefined()
})

describe('the same service over gRPC and HTTP', () => {
  test('of protoc-gen-es, streams and failures included', async () => {
    const handlers = {
      get: (order: object) => order,
      put: () => left({ _tag: 'Full', details: { at: 3 } }),
      watch: async function* (order: object) {
        yield order
        yield { ...all, orderId: 'second' }
      },
      upload: async (orders: AsyncIterable<object>) => {
        let total = 0n
        for await (const _ of orders) total++
        return { total }
      },
      chat: (orders: AsyncIterable<object>) => orders,
    }
    const { grpc: overGrpc, http: overHttp } = await served(implement(fromEs).handlers(handlers as never) as never)
    for (const binding of [overGrpc, overHttp]) {
      const client = connect(fromEs, binding)
      const whole = fromJson(Order, { ...all, any: null, at: '1970-01-01T00:00:00Z' })
      expect(await callOrThrow(known(client['get']), whole)).toEqual(whole)
      expect(await call(known(client['put']), {})).toEqual(left({ _tag: 'Full', details: { at: 3 } }))
      const ids: unknown[] = []
      for await (const each of (await callOrThrow(known(client['watch']), {
        orderId: 'first',
      })) as AsyncIterable<object>)
        ids.push(Reflect.get(each, 'orderId'))
      expect(ids).toEqual(['first', 'second'])
    }
  })

  test('of @grpc/proto-loader', async () => {
    const unary = grpc.fromDefinition('shop.v1.Orders', { Get: definition.Get, Put: definition.Put })
    const service = implement(unary).handlers({ get: order => order, put: () => ({ lines: [{ total: 5n }] }) })
    const { grpc: overGrpc, http: overHttp } = await served(service)
    for (const binding of [overGrpc, overHttp]) {
      const client = connect(unary, binding)
      expect(await callOrThrow(client.get, { orderId: 'x', total: 3n })).toEqual({ orderId: 'x', total: '3' })
      expect(await callOrThrow(client.put, {})).toEqual({ lines: [{ total: '5' }] })
    }
  })
})

test('a client that protoc-gen-es has generated from our .proto calls us, and understands each failure', {
  timeout: 60_000,
}, async () => {
  const Line = z.object({ sku: z.string(), count: z.int() })
  const Shop = contract('shop.v1.Shop', {
    place: method({
      request: z.object({ at: z.iso.datetime(), lines: z.array(Line), extra: z.unknown().optional() }),
      response: z.object({ total: z.bigint().or(z.string()), note: z.string().nullable() }),
      failures: { Full: failure('aborted', z.object({ at: z.int() })) },
      idempotency: 'unsafe',
    }),
  })
  // Inside this checkout, so that the generated code finds its library.
  mkdirSync('.tmp', { recursive: true })
  const root = mkdtempSync('.tmp/proto-')
  onTestFinished(() => rmSync(root, { recursive: true }))
  for (const { path, text } of proto(Shop).files) {
    mkdirSync(join(root, dirname(path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  const plugin = { local: 'node_modules/.bin/protoc-gen-es', out: root, opt: ['target=js'] }
  buf('generate', root, '--template', JSON.stringify({ version: 'v2', plugins: [plugin] }))
  const generated: { Shop: DescService } = await import(pathToFileURL(join(root, 'shop/v1/shop_pb.js')).href)
  const { input, output } = known(generated.Shop.methods[0])

  let seen: unknown
  const service = implement(Shop).handlers({
    place: request => {
      seen = request
      return request.lines.length === 0 ? left(Shop.failures.Full({ at: 3 })) : { total: 7n, note: null }
    },
  })
  const { grpcAddress } = await served(service)
  const theirs = new grpcJs.Client(grpcAddress.replace('grpc://', ''), grpcJs.credentials.createInsecure())
  onTestFinished(() => theirs.close())
  const place = (request: object) =>
    new Promise<object>((resolve, reject) => {
      const write = (value: object) => Buffer.from(toBinary(input, create(input, value as never)))
      theirs.makeUnaryRequest(
        '/shop.v1.Shop/Place',
        write,
        read => fromBinary(output, read),
        request,
        (error, reply) => (error === null ? resolve(known(reply)) : reject(error)),
      )
    })
  const sent = { at: { seconds: 5n }, lines: [{ sku: 'a', count: 0n }, { count: 2n }] }
  expect(await place(sent)).toMatchObject({ total: 7n })
  expect(seen).toEqual({
    at: '1970-01-01T00:00:05.000Z',
    lines: [
      { sku: 'a', count: 0 },
      { sku: '', count: 2 },
    ],
  })
  await expect(place({ at: { seconds: 5n } })).rejects.toMatchObject({ code: grpcJs.status.ABORTED })
  await expect(place({})).rejects.toMatchObject({ code: grpcJs.status.INVALID_ARGUMENT })
})
