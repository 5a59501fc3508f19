/** From a contract to a service: who is around what, what each part sees, and what is refused. */
import {
  around,
  CallError,
  call,
  chain,
  connect,
  contract,
  explain,
  failed,
  failure,
  failureOf,
  fromPromise,
  guard,
  implement,
  intercept,
  type Middleware,
  method,
  methodOf,
  provide,
  right,
  stream,
} from 'tenon'
import * as memory from 'tenon/transport/memory'
import { describe, expect, test, vi } from 'vitest'
import { z } from 'zod'

const Ref = z.object({ id: z.string().transform(id => id.toUpperCase()) })
const Order = z.object({ id: z.string(), count: z.int().default(1) })
const Gone = failure('not_found', z.object({ id: z.string() }))
const Orders = contract('shop.v1.Orders', {
  get: method({ request: Ref, response: Order, failures: { Gone }, idempotency: 'safe' }),
  place: method({ request: Order, response: Order, idempotency: 'unsafe' }),
  watch: method({ request: Ref, response: stream(Order), idempotency: 'safe' }),
  upload: method({ request: stream(Order), response: Order, idempotency: 'unsafe' }),
})

const get = ({ id }: { readonly id: string }) => ({ id })
const order = { id: 'a', count: 1 }

/** A layer that says in `log` when it is entered and left. */
function noted(name: string, log: string[]): Middleware {
  return around({ name, enter: () => void log.push(`> ${name}`), exit: () => void log.push(`< ${name}`) })
}

/** Calls one method of a service that may lack others. */
function client(service: unknown, onDefect?: (thrown: unknown) => void) {
  return connect(Orders, memory.client(service as never, { json: true, ...(onDefect !== undefined && { onDefect }) }))
}

describe('use', () => {
  test('is around the methods that come after it, the first outermost', async () => {
    const log: string[] = []
    const service = implement(Orders)
      .handlers({ place: request => request })
      .use(noted('a', log))
      .use(noted('b', log))
      .handlers({
        get: ({ id }) => {
          log.push('get')
          return { id }
        },
      })
      .use(noted('c', log))
      .handlers({ watch: async function* () {} })
    await call(client(service).place, order)
    expect(log.splice(0)).toEqual([])
    await call(client(service).get, { id: 'a' })
    expect(log.splice(0)).toEqual(['> a', '> b', 'get', '< b', '< a'])
    const outcome = await call(client(service).watch, { id: 'a' })
    if (outcome._tag === 'Right') for await (const _ of outcome.right) log.push('item')
    expect(log).toEqual(['> a', '> b', '> c', '< c', '< b', '< a'])
  })

  test('sees requests as they came, and refuses before they are validated', async () => {
    const seen: unknown[] = []
    const refusing = around({
      name: 'refusing',
      enter: (_, request) => {
        seen.push(request)
        return failed('unavailable', 'FULL', 'full', { ran: 'no' })
      },
    })
    const service = implement(Orders).use(refusing).handlers({ get })
    const outcome = await call(client(service).get, { id: 7 as never })
    expect(outcome).toMatchObject({ left: { code: 'unavailable', ran: 'no' } })
    expect(seen).toEqual([{ id: 7 }])
  })

  test('sees a request that does not fit end as such', async () => {
    const exits: unknown[] = []
    const watching = around({ name: 'watching', exit: outcome => void exits.push(outcome) })
    const service = implement(Orders).use(watching).handlers({ get })
    await call(client(service).get, { id: 7 as never })
    expect(exits).toMatchObject([{ _tag: 'Left', left: { reason: 'INVALID_REQUEST' } }])
  })

  test('shares the state of a middleware, and usePerMethod does not', async () => {
    const counting = (counts: number[]): Middleware => {
      const at = counts.push(0) - 1
      return around({ name: 'counting', enter: () => void counts.splice(at, 1, (counts[at] ?? 0) + 1) })
    }
    const [shared, separate, names] = [[] as number[], [] as number[], [] as string[]]
    const service = implement(Orders)
      .use(counting(shared))
      .usePerMethod(({ name }) => {
        names.push(name)
        return counting(separate)
      })
      .handlers({ get, place: request => request })
    await call(client(service).get, { id: 'a' })
    await call(client(service).get, { id: 'a' })
    await call(client(service).place, order)
    expect([shared, names, separate]).toEqual([[3], ['get', 'place'], [2, 1]])
  })

  test('tells each layer of the method that it is around', () => {
    const methods: unknown[] = []
    const telling = around(method => {
      methods.push(method?.name)
      return { name: 'telling' }
    })
    implement(Orders)
      .use(telling)
      .handlers({ get, place: request => request })
    expect(methods).toEqual(['get', 'place'])
  })

  test('gives handlers what a provider gave', async () => {
    const authenticated = provide({ name: 'authenticated', enter: () => ({ provide: { principal: { id: 'ada' } } }) })
    const wanting = guard<{ readonly principal: { readonly id: string } }>({ name: 'wanting', enter: () => undefined })
    const service = implement(Orders)
      .use(authenticated)
      .use(wanting)
      .handlers({ get: (_, { principal }) => ({ id: principal.id }) })
    expect(await call(client(service).get, { id: 'a' })).toEqual({ _tag: 'Right', right: { id: 'ada', count: 1 } })
  })

  test('what a service requires is provided around all of it, whenever that is put there', async () => {
    const log: string[] = []
    const asked = implement(Orders)
      .use(noted('own', log))
      .requires<{ readonly principal: { readonly id: string } }>()
      .handlers({ get: (_, { principal }) => ({ id: principal.id }) })
    const given = provide({
      name: 'given',
      enter: () => {
        log.push('given')
        return { provide: { principal: { id: 'ada' } } }
      },
    })
    const service = asked.provide(given).handlers({ place: (_, { principal }) => ({ id: principal.id, count: 2 }) })
    const { get: first, place } = client(service)
    expect(await call(first, { id: 'a' })).toEqual({ _tag: 'Right', right: { id: 'ada', count: 1 } })
    expect(await call(place, { id: 'a' })).toEqual({ _tag: 'Right', right: { id: 'ada', count: 2 } })
    expect(log.slice(0, 2)).toEqual(['given', '> own'])
    expect(asked.methods.get('get')?.endpoint).not.toBe(service.methods.get('get')?.endpoint)
    expect(() => Reflect.apply(asked.provide, asked, [given, given])).toThrow(
      'shop.v1.Orders: provide takes one middleware',
    )
  })

  test('leaves the service that it was called on as it was', async () => {
    const log: string[] = []
    const base = implement(Orders)
    base.use(noted('a', log))
    const service = base.handlers({ get })
    expect(base.missing).toEqual(['get', 'place', 'watch', 'upload'])
    expect(service.missing).toEqual(['place', 'watch', 'upload'])
    await call(client(service).get, { id: 'a' })
    expect(log).toEqual([])
  })
})

describe('handlers', () => {
  test('get what the schema made of the request', async () => {
    const seen: unknown[] = []
    const service = implement(Orders).handlers({
      get: request => {
        seen.push(request)
        return { id: request.id, count: 2 }
      },
    })
    expect(await call(client(service).get, { id: 'a' })).toEqual({ _tag: 'Right', right: { id: 'A', count: 2 } })
    expect(seen).toEqual([{ id: 'A' }])
  })

  const answers: Readonly<Record<string, () => unknown>> = {
    'the bare response': () => ({ id: 'a' }),
    'the response later': async () => ({ id: 'a' }),
    'right(response)': () => right({ id: 'a' }),
    'right(response) later': async () => right({ id: 'a' }),
  }
  test.each(Object.entries(answers))('may give %s', async (_, answer) => {
    const service = implement(Orders).handlers({ get: answer as never })
    expect(await call(client(service).get, { id: 'a' })).toEqual({ _tag: 'Right', right: { id: 'a', count: 1 } })
  })

  const failures: Readonly<Record<string, () => unknown>> = {
    'return a failure': () => failed('aborted', 'ABORTED', 'x'),
    'return a failure later': async () => failed('aborted', 'ABORTED', 'x'),
    'throw a CallError': () => {
      throw new CallError<never>(failureOf('aborted', 'ABORTED', 'x'))
    },
    'throw a CallError later': async () => {
      throw new CallError<never>(failureOf('aborted', 'ABORTED', 'x'))
    },
  }
  test.each(Object.entries(failures))('may %s', async (_, fail) => {
    const service = implement(Orders).handlers({ get: fail as never })
    expect(await call(client(service).get, { id: 'a' })).toMatchObject({ left: { code: 'aborted', ran: 'maybe' } })
  })

  test('cannot be mistaken by a response that looks like an Either', async () => {
    const Echo = contract('shop.v1.Echo', {
      echo: method({ request: z.looseObject({}), response: z.looseObject({}), idempotency: 'safe' }),
    })
    const service = implement(Echo).handlers({ echo: request => request })
    const lookalike = { _tag: 'Left', left: { _tag: 'Failure', code: 'internal' } }
    const outcome = await call(connect(Echo, memory.client(service, { json: true })).echo, lookalike)
    expect(outcome).toEqual({ _tag: 'Right', right: lookalike })
  })

  test('have a generator close when the reader leaves, and the call is theirs', async () => {
    const closed = vi.fn()
    const service = implement(Orders).handlers({
      watch: async function* ({ id }) {
        try {
          for (let count = 0; ; count++) yield { id, count }
        } finally {
          closed()
        }
      },
    })
    const outcome = await call(client(service).watch, { id: 'a' })
    if (outcome._tag === 'Right') for await (const { count } of outcome.right) if (count === 2) break
    expect(closed).toHaveBeenCalledOnce()
  })
})

describe('endpoints', () => {
  test('keep their own middleware, which see the request validated', async () => {
    const [outside, inside]: [unknown[], unknown[]] = [[], []]
    const seeing = (seen: unknown[]): Middleware =>
      around({ name: 'seeing', enter: (_, request) => void seen.push(request) })
    const service = implement(Orders)
      .use(seeing(outside))
      .endpoints({ get: seeing(inside)(fromPromise(get)) })
    expect(await call(client(service).get, { id: 'a' })).toEqual({ _tag: 'Right', right: { id: 'A', count: 1 } })
    expect([outside, inside]).toEqual([[{ id: 'a' }], [{ id: 'A' }]])
  })

  test('are told of their method', () => {
    const names: unknown[] = []
    const telling: Middleware = around(method => {
      names.push(method?.name)
      return { name: 'telling' }
    })
    const service = implement(Orders).endpoints({ get: telling(fromPromise(get)) })
    expect(names.at(-1)).toBe('get')
    expect(methodOf(service.methods.get('get')?.endpoint ?? expect.fail())).toMatchObject({ service: 'shop.v1.Orders' })
  })

  test('do not run for a request that does not fit', async () => {
    const run = vi.fn(get)
    const service = implement(Orders).endpoints({ get: fromPromise(run) })
    const outcome = await call(client(service).get, { id: 7 as never })
    expect(outcome).toMatchObject({ left: { code: 'invalid_argument', reason: 'INVALID_REQUEST' } })
    expect(run).not.toHaveBeenCalled()
  })

  test('may be re-run by a middleware that is around them', async () => {
    const twice = intercept({
      name: 'twice',
      run: async (next, request, context) => {
        await next(request, context)
        return next(request, context)
      },
    })
    const run = vi.fn(get)
    const service = implement(Orders)
      .use(twice)
      .endpoints({ get: fromPromise(run) })
    await call(client(service).get, { id: 'a' })
    expect(run).toHaveBeenCalledTimes(2)
  })
})

describe('a service refuses', () => {
  const refused: readonly (readonly [what: string, make: () => unknown, message: string])[] = [
    [
      'a method that the contract has not',
      () => implement(Orders).handlers({ nope: get } as never),
      "shop.v1.Orders has no method 'nope'",
    ],
    [
      'a method of Object',
      () => implement(Orders).handlers({ toString: get } as never),
      "shop.v1.Orders has no method 'toString'",
    ],
    [
      'a method twice',
      () =>
        implement(Orders)
          .handlers({ get })
          .handlers({ get } as never),
      'shop.v1.Orders/get is implemented twice',
    ],
    [
      'an endpoint beside a handler',
      () =>
        implement(Orders)
          .handlers({ get })
          .endpoints({ get: fromPromise(get) } as never),
      'shop.v1.Orders/get is implemented twice',
    ],
    [
      'what is no function',
      () => implement(Orders).handlers({ get: { id: 'a' } } as never),
      'shop.v1.Orders/get: not a function',
    ],
  ]
  test.each(refused)('%s', (_, make, message) => expect(make).toThrow(new TypeError(message)))
})

describe('a defect is what', () => {
  const defects: readonly (readonly [what: string, handler: () => unknown, defect: RegExp])[] = [
    ['a handler throws', () => Promise.reject(new Error('broken')), /^Error: broken$/],
    ['a handler gives as a stream', async function* () {}, /^TypeError: shop\.v1\.Orders\/get must give one message$/],
    [
      'a handler fails with and does not declare',
      () => {
        throw new CallError({ _tag: 'Nobody', details: {} })
      },
      /^TypeError: shop\.v1\.Orders\/get does not declare the failure 'Nobody'$/,
    ],
  ]
  test.each(defects)('%s', async (_, handler, defect) => {
    const onDefect = vi.fn()
    const service = implement(Orders).handlers({ get: handler as never })
    const outcome = await call(client(service, onDefect).get, { id: 'a' })
    expect(outcome).toMatchObject({ left: { code: 'internal', ran: 'maybe' } })
    expect(onDefect.mock.calls).toEqual([[expect.anything()]])
    expect(String(onDefect.mock.calls[0]?.[0])).toMatch(defect)
  })

  test('a streaming method gives as one message', async () => {
    const onDefect = vi.fn()
    const service = implement(Orders).endpoints({ watch: fromPromise(() => order) as never })
    const outcome = await call(client(service, onDefect).watch, { id: 'a' })
    expect(outcome).toMatchObject({ left: { code: 'internal', reason: 'DEFECT' } })
    expect(String(onDefect.mock.calls)).toBe('TypeError: shop.v1.Orders/watch must give a stream')
  })

  test.each([
    [
      'at once',
      () => {
        throw new Error('schema is broken')
      },
    ],
    ['later', () => Promise.reject(new Error('schema is broken'))],
  ])('a schema throws %s', async (_, validate) => {
    const onDefect = vi.fn()
    const Broken = { '~standard': { version: 1, vendor: 'broken', validate } } as unknown as typeof Ref
    const Breaking = contract('shop.v1.Breaking', {
      get: method({ request: Broken, response: Order, idempotency: 'safe' }),
    })
    const service = implement(Breaking).handlers({ get: () => order })
    const outcome = await call(connect(Breaking, memory.client(service, { onDefect })).get, { id: 'a' })
    expect(outcome).toMatchObject({ left: { code: 'internal', reason: 'DEFECT' } })
    expect(String(onDefect.mock.calls)).toBe('Error: schema is broken')
  })
})

test('schemas may be asynchronous', async () => {
  const Slow = z.object({ id: z.string().refine(async id => id !== 'taken', 'is taken') })
  const Names = contract('shop.v1.Names', {
    take: method({ request: Slow, response: Slow, idempotency: 'unsafe' }),
    watch: method({ request: Slow, response: stream(Slow), idempotency: 'safe' }),
  })
  const service = implement(Names).handlers({
    take: request => request,
    watch: async function* (request) {
      yield request
    },
  })
  const names = connect(Names, memory.client(service, { json: true }))
  expect(await call(names.take, { id: 'a' })).toEqual({ _tag: 'Right', right: { id: 'a' } })
  expect(await call(names.take, { id: 'taken' })).toMatchObject({ left: { message: 'id: is taken' } })
  const outcome = await call(names.watch, { id: 'a' })
  const items: unknown[] = []
  if (outcome._tag === 'Right') for await (const item of outcome.right) items.push(item)
  expect(items).toEqual([{ id: 'a' }])
})

test('explain shows the layers of a served method', () => {
  const layers = chain(noted('a', []), noted('b', []))
  const service = implement(Orders).use(layers).handlers({ get })
  const { steps, method } = explain(service.methods.get('get')?.endpoint ?? expect.fail())
  expect(steps.map(({ kind, name }) => `${kind} ${name}`)).toEqual(['layer a', 'layer b', 'function get'])
  expect(method?.name).toBe('get')
})
