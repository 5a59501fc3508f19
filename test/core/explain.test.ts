/** A stack shown as it runs, as data and for people. */
import { describe, expect, test } from 'vitest'
import {
  around,
  chain,
  explain,
  fromEither,
  fromPromise,
  fromReaderTaskEither,
  fromRemote,
  fromTaskEither,
  intercept,
  type Middleware,
  methodOf,
  right,
  withMethod,
} from '../../src/core/index.js'

const place = { service: 'shop.v1.Orders', name: 'place', idempotency: 'unsafe' } as const
const retry = intercept({
  name: 'retry',
  options: { maxAttempts: Number.POSITIVE_INFINITY, shouldRetry: function transient() {} },
  run: (next, request, context) => next(request, context),
})
const limit = around({ name: 'tokenBucket', role: 'rateLimit', options: { ratePerSecond: 100, key: () => 'all' } })
const timed = around(method => ({ name: 'timed', options: { of: method?.name ?? 'unknown' } }))
const stack = chain(limit, retry, timed)

describe('explain', () => {
  test('shows a stack as data, outermost first, with the options in force', () => {
    const { method, steps } = explain(stack(fromPromise(async function placeOrder() {}, place)))
    expect(method).toBe(place)
    expect(steps).toEqual([
      {
        kind: 'layer',
        name: 'tokenBucket',
        role: 'rateLimit',
        options: { ratePerSecond: 100, key: expect.any(Function) },
      },
      {
        kind: 'interceptor',
        name: 'retry',
        role: 'retry',
        options: { maxAttempts: Number.POSITIVE_INFINITY, shouldRetry: expect.any(Function) },
      },
      { kind: 'layer', name: 'timed', role: 'timed', options: { of: 'place' } },
      { kind: 'function', name: 'place', role: 'place', options: {}, ignoresContext: true },
    ])
  })

  test('draws it as a tree', () => {
    expect(String(explain(stack(fromPromise(async () => {}, place))))).toBe(
      [
        'shop.v1.Orders/place (unsafe)',
        '└ tokenBucket ratePerSecond=100 key=key()',
        '  └ retry maxAttempts=Infinity shouldRetry=transient()',
        '    └ timed of=place',
        '      └ place [function]',
      ].join('\n'),
    )
  })

  test('draws any option', () => {
    const ring: { self?: unknown } = {}
    ring.self = ring
    const options = {
      a: 1n,
      b: { c: [1n] },
      d: ring,
      e: undefined,
      f: null,
      g: ['x'],
      h: Symbol('s'),
      i: () => 1,
      j: -0,
      k: new Map([['secret', 1]]),
      l: { next: () => 1 },
      m: {},
      n: new Date(0),
      o: new (class {
        readonly password = 'x'
      })(),
    }
    const text = String(explain(around({ name: 'odd', options })(fromPromise(() => {}))))
    expect(text).toContain(
      'odd a=1 b=[object Object] d=[object Object] e=undefined f=null g=["x"] h=Symbol(s) i=i() j=0 ' +
        'k=[Map] l=[object] m={} n="1970-01-01T00:00:00.000Z" o=[object]',
    )
  })

  test.each([
    { endpoint: fromPromise(async function business() {}), name: 'business', kind: 'function' },
    { endpoint: fromPromise(async () => {}), name: '(anonymous)', kind: 'function' },
    {
      endpoint: fromEither(function business() {
        return right(1)
      }),
      name: 'business',
      kind: 'function',
    },
    {
      endpoint: fromTaskEither(function business() {
        return async () => right(1)
      }),
      name: 'business',
      kind: 'function',
    },
    {
      endpoint: fromReaderTaskEither(function business() {
        return () => async () => right(1)
      }),
      name: 'business',
      kind: 'function',
    },
    { endpoint: fromRemote('http', () => right(1)), name: 'http', kind: 'remote' },
    {
      endpoint: function mine() {
        return () => async () => right(1)
      },
      name: 'mine',
      kind: 'opaque',
    },
  ])('shows the leaf as $kind $name', ({ endpoint, name, kind }) => {
    expect(String(explain(endpoint))).toBe(`endpoint\n└ ${name} [${kind}]`)
  })

  test('cannot see beneath a function that somebody wrote', () => {
    const mine: Middleware = next =>
      function mine(request) {
        return next(request)
      }
    const { steps, method } = explain(chain(limit, mine, retry)(fromPromise(() => 1, place)))
    expect(steps.map(({ kind, name }) => `${kind} ${name}`)).toEqual(['layer tokenBucket', 'opaque mine'])
    expect(method).toBeUndefined()
  })
})

describe('the method of an endpoint', () => {
  test('is kept by wrapping', () => {
    const endpoint = fromPromise(() => 1, place)
    expect(methodOf(endpoint)).toBe(place)
    expect(methodOf(stack(endpoint))).toBe(place)
    expect(methodOf(fromRemote('http', () => right(1), place))).toBe(place)
    expect(methodOf(fromPromise(() => 1))).toBeUndefined()
  })

  test('can be said later, and then all layers read it', () => {
    const endpoint = stack(fromPromise(() => 1))
    expect(methodOf(withMethod(endpoint, place))).toBe(place)
    expect(explain(withMethod(endpoint, place)).steps[2]?.options).toEqual({ of: 'place' })
    expect(explain(endpoint).steps[2]?.options).toEqual({ of: 'unknown' })
  })
})
