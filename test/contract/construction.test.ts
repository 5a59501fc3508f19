/** What cannot be served is refused when the contract is made, by name: nobody should learn of it from a call. */
import { toJsonSchema } from '@valibot/to-json-schema'
import { type } from 'arktype'
import { type AnyMethod, contract, failure, type HttpBinding, method, stream } from 'tenon'
import * as v from 'valibot'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'

const Ref = z.object({
  id: z.string(),
  tags: z.array(z.string()).optional(),
  inner: z.object({ a: z.string() }).optional(),
})
const plain = { request: Ref, response: Ref, idempotency: 'safe' } as const

function made(methods: Readonly<Record<string, AnyMethod>>, name = 'shop.v1.Orders') {
  return () => contract(name, methods)
}

function bound(http: HttpBinding, request: unknown = Ref) {
  return made({ get: method({ ...plain, request: request as typeof Ref, http }) })
}

describe('a contract refuses', () => {
  const refused: readonly (readonly [what: string, make: () => unknown, message: string | RegExp])[] = [
    ['a name with a space', made({}, 'Orders v1'), "contract: 'Orders v1' is not a service name like shop.v1.Orders"],
    ['a name that ends in a dot', made({}, 'shop.'), "contract: 'shop.' is not a service name like shop.v1.Orders"],
    ['an empty name', made({}, ''), "contract: '' is not a service name like shop.v1.Orders"],
    ['a method named by a path', made({ 'get/it': method(plain) }), "shop.v1.Orders: 'get/it' is not a method name"],
    ['a method whose name begins with _', made({ _get: method(plain) }), "shop.v1.Orders: '_get' is not a method name"],
    [
      'what is no schema',
      made({ get: method({ ...plain, request: {} as typeof Ref }) }),
      'shop.v1.Orders/get: request: not a schema that implements Standard Schema',
    ],
    [
      'a message that is no object',
      made({ get: method({ ...plain, response: z.string() as unknown as typeof Ref }) }),
      'shop.v1.Orders/get: response: a message must be an object',
    ],
    [
      'an item that is no object',
      made({ get: method({ ...plain, response: stream(z.array(z.string())) }) }),
      'shop.v1.Orders/get: response: a message must be an object',
    ],
    [
      'details that are no object',
      made({ get: method({ ...plain, failures: { Gone: failure('not_found', z.string()) } }) }),
      'shop.v1.Orders/get: failure Gone: a message must be an object',
    ],
    [
      'the tag Failure',
      made({ get: method({ ...plain, failures: { Failure: failure('not_found', Ref) } }) }),
      "shop.v1.Orders/get: the tag 'Failure' is reserved",
    ],
    ...['OUTOFSTOCK', 'Out_Of_Stock', '1st', ''].map(
      tag =>
        [
          `the tag '${tag}'`,
          made({ get: method({ ...plain, failures: { [tag]: failure('not_found', Ref) } }) }),
          `shop.v1.Orders/get: the tag '${tag}' must be letters and digits with a lower-case letter among them: reasons are upper-case`,
        ] as const,
    ),
    [
      'one tag with two meanings',
      made({
        get: method({ ...plain, failures: { Gone: failure('not_found', Ref) } }),
        put: method({ ...plain, failures: { Gone: failure('aborted', Ref) } }),
      }),
      "shop.v1.Orders: the failure 'Gone' is declared twice, differently: declare it once and use it in both methods",
    ],
    ['no verb', bound({}), /^shop\.v1\.Orders\/get: http needs exactly one of get, put, post, patch, delete$/],
    ['two verbs', bound({ get: '/a', post: '/b' }), /^shop\.v1\.Orders\/get: http needs exactly one of/],
    ['a path that does not begin with /', bound({ get: 'orders' }), /^shop\.v1\.Orders\/get: .*'orders'.*'\/'/],
    [
      'a path parameter that is no field',
      bound({ get: '/orders/{order}' }),
      "shop.v1.Orders/get: the path has '{order}', which is no field of the request",
    ],
    [
      'a list in a path',
      bound({ get: '/orders/{tags}' }),
      "shop.v1.Orders/get: the field 'tags' is a list and cannot be in a path",
    ],
    [
      'an object in a path',
      bound({ post: '/orders/{inner}' }),
      "shop.v1.Orders/get: the field 'inner' cannot be written in a path: it is no scalar",
    ],
    [
      'an object in a query',
      bound({ get: '/orders/{id}' }),
      "shop.v1.Orders/get: the field 'inner' cannot be written in a query: it is no scalar",
    ],
    [
      'a list of objects in a query',
      bound({ delete: '/orders' }, z.object({ lines: z.array(z.object({ sku: z.string() })) })),
      "shop.v1.Orders/get: the field 'lines' cannot be written in a query: it is no scalar",
    ],
    [
      'a request stream with GET',
      bound({ get: '/orders' }, stream(Ref)),
      'shop.v1.Orders/get: a request stream needs put, post or patch and a path without parameters',
    ],
    [
      'a request stream with a path parameter',
      bound({ post: '/orders/{id}' }, stream(Ref)),
      'shop.v1.Orders/get: a request stream needs put, post or patch and a path without parameters',
    ],
    [
      'a path or query of a library that offers no JSON Schema',
      bound({ get: '/orders' }, v.object({ id: v.string() })),
      /^shop\.v1\.Orders\/get: path and query need the request's JSON Schema, .*: give contract\(\) a toJsonSchema$/,
    ],
    ...[199, 204, 205, 300, 200.5].map(
      status =>
        [
          `the status ${status}`,
          bound({ post: '/orders', status }),
          `shop.v1.Orders/get: http.status must be from 200 to 299 and allow a body, got ${status}`,
        ] as const,
    ),
  ]
  test.each(refused)('%s', (_, make, message) => {
    expect(make).toThrow(message)
    expect(make).toThrow(/^(?!.*undefined)/)
  })

  test('what JSON cannot carry, by the name of the field', () => {
    const place = (request: unknown, options = {}) => {
      const place = method({ ...plain, request: request as typeof Ref, idempotency: 'unsafe' })
      return () => contract('shop.v1.Orders', { place }, options)
    }
    const cannot = (field: string) =>
      new RegExp(`^shop\\.v1\\.Orders/place: request: the field '${field}' \\(.*\\) cannot be`)
    expect(place(z.object({ seen: z.map(z.string(), z.string()) }))).toThrow(cannot('seen'))
    expect(place(z.object({ lines: z.array(z.object({ key: z.symbol() })) }))).toThrow(cannot('lines\\[\\]\\.key'))
    expect(place(z.object({ raw: z.instanceof(Uint8Array) }))).toThrow(cannot('raw'))
    expect(place(z.object({ made: z.union([z.set(z.string()), z.map(z.string(), z.string())]) }))).toThrow(/'made/)
    expect(place(v.object({ seen: v.map(v.string(), v.string()) }), { toJsonSchema })).toThrow(cannot('seen'))
    expect(place(v.object({ raw: v.instance(Uint8Array) }), { toJsonSchema })).toThrow(cannot('raw'))
    expect(place(v.object({ make: v.function() }), { toJsonSchema })).toThrow(cannot('make'))
    expect(place(type({ seen: 'Map' }))).toThrow(cannot('seen'))
    expect(place(type({ lines: type({ key: 'symbol' }).array() }))).toThrow(cannot('lines\\[\\]\\.key'))
    expect(place(type({ raw: type.instanceOf(Uint8Array) }))).toThrow(cannot('raw'))
  })

  test('nothing that JSON carries in another way', () => {
    const carried = z.object({
      raw: z.union([z.instanceof(Uint8Array), z.base64()]),
      at: z.date(),
      big: z.bigint(),
      any: z.unknown(),
      byKey: z.record(z.string(), z.number()),
      pair: z.tuple([z.string(), z.number()]),
      optional: z.string().optional(),
      nullable: z.string().nullable(),
      self: z.lazy(() => Ref),
    })
    const place = method({ request: carried, response: carried, idempotency: 'unsafe' })
    expect(() => contract('shop.v1.Orders', { place })).not.toThrow()
  })
})

describe('method refuses', () => {
  test.each([
    [{ ...plain, idempotent: true }, "method: there is no option 'idempotent'"],
    [
      { ...plain, idempotency: 'sometimes' },
      "method: idempotency must be 'safe', 'idempotent' or 'unsafe', got 'sometimes'",
    ],
    [{ request: Ref, response: Ref }, "method: idempotency must be 'safe', 'idempotent' or 'unsafe', got 'undefined'"],
    [{ ...plain, deadlineMs: 0 }, 'method: deadlineMs must be more than 0, got 0'],
    [{ ...plain, deadlineMs: Number.NaN }, 'method: deadlineMs must be more than 0, got NaN'],
  ])('%#: %o', (definition, message) => {
    expect(() => method(definition as never)).toThrow(message)
  })
})

test('failure refuses a code that is none', () => {
  expect(() => failure('conflict' as never, Ref)).toThrow(/^failure: 'conflict' is not one of the codes cancelled, /)
})

describe('a contract', () => {
  const Gone = failure('not_found', z.object({ id: z.string() }))
  const Flat = z.object({ id: z.string(), page: z.int() })
  const Orders = contract('shop.v1.Orders', {
    get: method({ ...plain, request: Flat, failures: { Gone }, deadlineMs: 500, http: { get: '/orders/{id}' } }),
    put: method({
      ...plain,
      failures: { Gone },
      idempotency: 'idempotent',
      http: { put: '/orders/{id}', status: 201 },
    }),
    watch: method({ ...plain, response: stream(Ref) }),
    upload: method({ ...plain, request: stream(Ref), idempotency: 'unsafe' }),
    chat: method({ ...plain, request: stream(Ref), response: stream(Ref), idempotency: 'unsafe' }),
  })

  test('knows of each method what transports and middleware need', () => {
    const infos = Object.fromEntries([...Orders.specs].map(([name, { info }]) => [name, info]))
    const service = 'shop.v1.Orders'
    const at = (method: string, route: string) => ({ method, route })
    const posted = (name: string) => at('POST', `/${service}/${name}`)
    expect(infos).toEqual({
      get: {
        service,
        name: 'get',
        idempotency: 'safe',
        kind: 'unary',
        deadlineMs: 500,
        http: at('GET', '/orders/{id}'),
      },
      put: { service, name: 'put', idempotency: 'idempotent', kind: 'unary', http: at('PUT', '/orders/{id}') },
      watch: { service, name: 'watch', idempotency: 'safe', kind: 'server_streaming', http: posted('watch') },
      upload: { service, name: 'upload', idempotency: 'unsafe', kind: 'client_streaming', http: posted('upload') },
      chat: { service, name: 'chat', idempotency: 'unsafe', kind: 'bidi_streaming', http: posted('chat') },
    })
  })

  test('binds what is not in the path to the query of GET, and to the body of PUT', () => {
    const { get, put, watch } = Object.fromEntries([...Orders.specs].map(([name, { http }]) => [name, http]))
    expect([get?.verb, get?.pattern, get?.status]).toEqual(['GET', '/orders/{id}', 200])
    expect([...(get?.path.keys() ?? [])]).toEqual(['id'])
    expect([...(get?.query?.keys() ?? [])]).toEqual(['page'])
    expect([put?.verb, put?.status, [...(put?.path.keys() ?? [])], put?.query]).toEqual(['PUT', 201, ['id'], undefined])
    expect([watch?.verb, watch?.pattern]).toEqual(['POST', '/shop.v1.Orders/watch'])
  })

  test('makes the failures that its methods declare, one function for each tag', () => {
    expect(Object.keys(Orders.failures)).toEqual(['Gone'])
    expect(Orders.failures.Gone({ id: '1' })).toEqual({ _tag: 'Gone', details: { id: '1' } })
    expect(Orders.specs.get('get')?.failures.get('Gone')?.code).toBe('not_found')
  })

  test('cannot be changed', () => {
    for (const part of [Orders, Orders.failures, Orders.methods.get]) expect(Object.isFrozen(part)).toBe(true)
  })
})
