/** `idempotencyKey` runs a key once and gives everybody the same answer, whatever ends early, dies or comes late. */
import { once } from 'node:events'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { contract, method as defineMethod, implement } from '../../src/contract/index.js'
import {
  CallError,
  type Context,
  call,
  extend,
  failed,
  failureOf,
  fromPromise,
  isFailure,
  isLeft,
  left,
  type MethodInfo,
  manualClock,
  mockEndpoint,
  type Reply,
  right,
  testContext,
} from '../../src/core/index.js'
import { type IdempotencyEvent, type IdempotencyKeyOptions, idempotencyKey } from '../../src/middleware/index.js'
import { fromText, sha256, toText } from '../../src/middleware/plain-json.js'
import { memoryStore, type Store } from '../../src/store/index.js'
import { storeUnavailable } from '../../src/store/unavailable.js'
import { server } from '../../src/transport/http/fetch/index.js'
import { deep } from '../deep.js'
import { hashPromptly } from './prompt-hashes.js'

const method: MethodInfo = { service: 'shop.v1.Orders', name: 'place', idempotency: 'unsafe' }

function start(options: Partial<IdempotencyKeyOptions> = {}, clock = manualClock()) {
  const store = memoryStore({ clock })
  const events: string[] = []
  const policy = idempotencyKey({
    key: (_, { metadata }) => metadata.get('idempotency-key'),
    principal: 'none',
    store,
    onEvent: (event: IdempotencyEvent) => events.push(event.type),
    ...options,
  })
  const mock = mockEndpoint<unknown, unknown, { readonly _tag: 'OutOfStock'; readonly details: unknown }>(method)
  const endpoint = policy(mock.endpoint)
  const contextOf = (key?: string) =>
    testContext({ clock, ...(key !== undefined && { metadata: { 'idempotency-key': key } }) })
  const place = (request: unknown, key?: string, more: { deadlineMs?: number; signal?: AbortSignal } = {}) =>
    call(endpoint, request, { context: contextOf(key), deadlineMs: 1e9, ...more })
  /** Lets hashes be worked out: they are other threads' work, done in the order in which it was given. */
  const settle = async () => {
    for (let i = 0; i < 5; i++) {
      await Promise.all(Array.from({ length: 8 }, () => sha256('after the others')))
      await clock.settle()
    }
  }
  return { store, events, policy, mock, place, clock, contextOf, settle }
}

test.each<[string, (mock: Awaited<ReturnType<ReturnType<typeof start>['mock']['next']>>) => void, object]>([
  [
    'a response',
    each => each.respond({ id: 7, at: new Date(5), big: 9n, bytes: new Uint8Array([0, 255]) }),
    { _tag: 'Right' },
  ],
  ['no response at all', each => each.respond(undefined), { _tag: 'Right', right: undefined }],
  [
    'a domain failure',
    each => each.fail({ _tag: 'OutOfStock', details: { sku: 'tea' } }),
    { left: { _tag: 'OutOfStock' } },
  ],
  [
    'a failure after which it may have run',
    each => each.fail(failureOf('unavailable', 'LOST', 'lost', { cause: 1 })),
    { left: { reason: 'LOST' } },
  ],
  [
    'a defect',
    each => each.throws(new CallError(failureOf('internal', 'DEFECT', 'broken'))),
    { left: { reason: 'DEFECT' } },
  ],
])('%s is the answer to all calls with the key', async (_, end, expected) => {
  const { mock, place, events, settle, clock } = start()
  const first = place({ sku: 'tea' }, 'k')
  end(await mock.next())
  const answer = await first
  expect(answer).toMatchObject(expected)
  await settle()
  const { cause: _cause, ...plain } = (isLeft(answer) ? answer.left : {}) as { cause?: unknown }
  expect(await place({ sku: 'tea' }, 'k')).toEqual(isLeft(answer) ? left(plain) : answer)
  expect([mock.calls, events, clock.pendingTimers]).toEqual([1, ['replayed'], 0])
})

test('what did not run is no answer: the key is free again', async () => {
  const { mock, place } = start()
  const first = place(1, 'k')
  ;(await mock.next()).fail(failureOf('unavailable', 'SHUT', 'shut', { ran: 'no' }))
  expect(await first).toMatchObject({ left: { reason: 'SHUT', ran: 'no' } })
  const second = place(1, 'k')
  ;(await mock.next()).respond('done')
  expect(await second).toEqual(right('done'))
})

test('which failures are answers can be decided', async () => {
  const { mock, place } = start({ shouldKeep: ({ code }) => code !== 'deadline_exceeded' })
  for (const [code, calls] of [
    ['deadline_exceeded', 2],
    ['internal', 1],
  ] as const) {
    const before = mock.calls
    for (let i = 0; i < calls; i++) {
      const answer = place(1, code)
      ;(await mock.next()).fail(failureOf(code, 'BAD', 'bad'))
      await answer
    }
    expect(mock.calls - before).toBe(calls)
  }
  expect(await place(1, 'internal')).toMatchObject({ left: { code: 'internal' } })
})

test('another request under the key is refused, the order of fields aside', async () => {
  const { mock, place, events } = start()
  const first = place({ sku: 'tea', count: 1 }, 'k')
  ;(await mock.next()).respond('done')
  await first
  expect(await place({ count: 1, sku: 'tea' }, 'k')).toEqual(right('done'))
  expect(await place({ sku: 'tea', count: 2 }, 'k')).toMatchObject({
    left: { code: 'invalid_argument', reason: 'IDEMPOTENCY_KEY_REUSED', ran: 'no' },
  })
  expect(events).toEqual(['replayed', 'reused'])
})

test('a call without a key goes on by itself', async () => {
  const { mock, place } = start()
  const answers = [place(1), place(1)]
  for (const _ of answers) (await mock.next()).respond('done')
  expect(await Promise.all(answers)).toEqual([right('done'), right('done')])
})

describe('while the first call runs', () => {
  test('another one is refused', async () => {
    const { mock, place, events } = start()
    void place(1, 'k')
    await mock.next()
    expect(await place(1, 'k')).toMatchObject({
      left: { code: 'aborted', reason: 'IDEMPOTENCY_KEY_IN_USE', ran: 'no' },
    })
    expect(events).toEqual(['in-use'])
  })

  test('or waits for its answer, no longer than its own deadline', async () => {
    const { mock, place, clock, settle } = start({ whenRunning: 'wait' })
    const first = place(1, 'k')
    const { respond } = await mock.next()
    const [second, short] = [place(1, 'k'), place(1, 'k', { deadlineMs: 250 })]
    await settle()
    for (let i = 0; i < 3; i++) {
      await clock.advance(100)
      await settle()
    }
    expect(await short).toMatchObject({ left: { reason: 'DEADLINE_EXCEEDED' } })
    respond('done')
    await first
    await clock.advance(100)
    expect(await second).toEqual(right('done'))
    expect([mock.calls, clock.pendingTimers]).toEqual([1, 0])
  })

  test('of many at once, one runs', async () => {
    const { mock, place, events } = start()
    const answers = Array.from({ length: 20 }, () => place(1, 'k'))
    const { respond } = await mock.next()
    await expect.poll(() => events.length).toBe(19)
    respond('done')
    const outcomes = await Promise.all(answers)
    expect(outcomes.filter(each => !isLeft(each))).toHaveLength(1)
    expect(mock.calls).toBe(1)
  })

  test('it goes on when its caller leaves, and its answer is kept', async () => {
    const { mock, place, settle } = start()
    const controller = new AbortController()
    const first = place(1, 'k', { signal: controller.signal })
    const { context, respond } = await mock.next()
    controller.abort()
    expect(await first).toMatchObject({ left: { reason: 'CANCELLED' } })
    expect(context.signal.aborted).toBe(false)
    respond('done')
    await settle()
    expect(await place(1, 'k')).toEqual(right('done'))
  })

  test('it is told to stop at its deadline', async () => {
    const { mock, place, clock, settle } = start()
    const first = place(1, 'k', { deadlineMs: 100 })
    const { context } = await mock.next()
    await clock.advance(120)
    expect(await first).toMatchObject({ left: { reason: 'DEADLINE_EXCEEDED' } })
    expect(context.signal.aborted).toBe(true)
    await settle()
    expect(await place(1, 'k')).toMatchObject({ left: { reason: 'DEADLINE_EXCEEDED', ran: 'maybe' } })
    expect([mock.calls, clock.pendingTimers]).toEqual([1, 0])
  })
})

describe('the lease', () => {
  test('is renewed while the call runs', async () => {
    const { mock, place, clock, settle } = start({ leaseMs: 300 })
    const first = place(1, 'k')
    const { respond } = await mock.next()
    for (let i = 0; i < 20; i++) {
      await clock.advance(100)
      await settle()
    }
    expect(await place(1, 'k')).toMatchObject({ left: { reason: 'IDEMPOTENCY_KEY_IN_USE' } })
    respond('done')
    await first
    expect([mock.calls, clock.pendingTimers]).toEqual([1, 0])
  })

  /** As if this process stood still: its renewals do not arrive. */
  function asleep(store: Store): Store {
    return {
      ...store,
      get: key => store.get(key),
      compareAndSet: (key, change) =>
        change.from !== undefined && change.from === change.to
          ? Promise.resolve(true)
          : store.compareAndSet(key, change),
    } as Store // only what is asked for
  }

  test('that ran out gives the key to another one, and who is late overwrites nothing', async () => {
    const clock = manualClock()
    const shared = memoryStore({ clock })
    const late = start({ leaseMs: 300, store: asleep(shared) }, clock)
    const other = start({ leaseMs: 300, store: shared }, clock)
    const first = late.place(1, 'k')
    const slow = await late.mock.next()
    await clock.advance(301)
    const second = other.place(1, 'k')
    const quick = await other.mock.next()
    slow.respond('first')
    expect(await first).toEqual(right('first'))
    expect(late.events).toEqual(['superseded'])
    quick.respond('second')
    await second
    expect(await late.place(1, 'k')).toEqual(right('second'))
  })

  test('that ran out and was taken by nobody still gets its answer', async () => {
    const clock = manualClock()
    const shared = memoryStore({ clock })
    const { place, mock, events } = start({ leaseMs: 300, store: asleep(shared) }, clock)
    const first = place(1, 'k')
    const { respond } = await mock.next()
    await clock.advance(301)
    respond('done')
    await first
    expect(await place(1, 'k')).toEqual(right('done'))
    expect(events).toEqual(['replayed'])
  })
})

test('an answer is forgotten after its time', async () => {
  const { mock, place, clock } = start({ ttlMs: 1_000 })
  for (const answer of ['first', 'second']) {
    const given = place(1, 'k')
    ;(await mock.next()).respond(answer)
    expect(await given).toEqual(right(answer))
    await clock.advance(1_000)
  }
})

test('keys are apart by principal and by method', async () => {
  const clock = manualClock()
  const once = idempotencyKey({
    key: () => 'k',
    principal: (context: Context & { readonly user: string }) => context.user,
    store: memoryStore({ clock }),
  })
  let runs = 0
  const [place, cancel] = ['place', 'cancel'].map(name => once(fromPromise(async () => ++runs, { ...method, name })))
  const as = async (user: string, endpoint = place) =>
    endpoint === undefined ? undefined : call(endpoint, 1, { context: extend(testContext({ clock }), { user }) })
  expect(await as('ada')).toEqual(right(1))
  expect(await as('bob')).toEqual(right(2))
  expect(await as('ada', cancel)).toEqual(right(3))
  expect(await as('ada')).toEqual(right(1))
})

test('what is said beside the answer is said again, but no cookie', async () => {
  const { contextOf, policy } = start()
  const endpoint = policy(
    fromPromise((_: number, { reply }) => {
      reply.header('location', '/orders/7')
      reply.header('set-cookie', 'secret=1')
      reply.trailer('x-end', '1')
      reply.status = 201
      return 'done'
    }, method),
  )
  const said: unknown[] = []
  const onReply = ({ headers, setCookies, trailers, status }: Reply) =>
    said.push([Object.fromEntries(headers), setCookies, [...trailers], status])
  for (let i = 0; i < 2; i++) await call(endpoint, 1, { context: contextOf('k'), onReply })
  expect(said).toEqual([
    [{ location: '/orders/7' }, ['secret=1'], [['x-end', '1']], 201],
    [{ location: '/orders/7', 'idempotent-replayed': 'true' }, [], [['x-end', '1']], 201],
  ])
})

test.each<[string, unknown]>([
  ['too long', 'x'.repeat(2_000)],
  ['no JSON', () => 1],
])('an answer that is %s reaches its caller, and the others learn that the call has run', async (_, answer) => {
  const { mock, place, events } = start({ maxLength: 1_000 })
  const first = place(1, 'k')
  ;(await mock.next()).respond(answer)
  expect(await first).toEqual(right(answer))
  expect(await place(1, 'k')).toMatchObject({
    left: { code: 'internal', reason: 'IDEMPOTENCY_ANSWER_NOT_KEPT', ran: 'maybe' },
  })
  expect([events, mock.calls]).toEqual([['not-kept', 'replayed'], 1])
})

test('a store that fails refuses the call, or lets it run', async () => {
  const store = memoryStore()
  await store.close()
  const closed = start({ store })
  expect(await closed.place(1, 'k')).toMatchObject({ left: { reason: 'STORE_UNAVAILABLE', ran: 'no' } })
  const open = start({ store, whenStoreFails: 'open' })
  const answer = open.place(1, 'k')
  ;(await open.mock.next()).respond('done')
  expect(await answer).toEqual(right('done'))
  expect([closed.events, open.events]).toEqual([['store-failed'], ['store-failed']])
})

describe('a caller that leaves while the store is asked', () => {
  test('has begun nothing: the key is free, and whoever comes again begins', async () => {
    const clock = manualClock()
    const store = memoryStore({ clock })
    let answer = (): void => {}
    const asked = new Promise<void>(resolve => {
      answer = resolve
    })
    const slow = {
      get: key => store.get(key),
      async compareAndSet(key, change) {
        const happened = await store.compareAndSet(key, change)
        await asked
        return happened
      },
    } as Store // only what is asked for
    const { place, mock, settle } = start({ store: slow }, clock)
    const controller = new AbortController()
    const first = place(1, 'k', { signal: controller.signal })
    await settle()
    controller.abort()
    expect(await first).toMatchObject({ left: { code: 'cancelled' } })
    answer()
    await settle()
    expect([mock.calls, clock.pendingTimers]).toEqual([0, 0])
    const second = place(1, 'k')
    ;(await mock.next()).respond('done')
    expect(await second).toEqual(right('done'))
  })

  test('asks no more, whatever the store says', async () => {
    const clock = manualClock()
    let asked = 0
    const lagging = {
      get: async () => undefined, // of a replica, which does not know of the key yet
      async compareAndSet() {
        if (++asked > 1_000) throw new Error('asked for ever')
        return false
      },
    } as unknown as Store // as above
    const { place, settle } = start({ store: lagging }, clock)
    const outcome = place(1, 'k', { deadlineMs: 1_000 })
    await settle()
    expect(asked).toBe(2) // once more at once, in case it had just become free
    await clock.advance(1_010)
    expect(await outcome).toMatchObject({ left: { reason: 'DEADLINE_EXCEEDED' } })
    const atEnd = asked
    await clock.advance(10_000)
    expect([asked, clock.pendingTimers]).toEqual([atEnd, 0])
    expect(atEnd).toBeLessThanOrEqual(12)
  })
})

describe('a store that goes away while a call runs', () => {
  /** Fails while it is away; what it is asked then has not happened. */
  function startAway(options: Partial<IdempotencyKeyOptions> = {}) {
    const clock = manualClock()
    let store = memoryStore({ clock })
    let isAway = false
    const ask = <T>(operation: () => Promise<T>): Promise<T> =>
      isAway ? Promise.reject(storeUnavailable('away')) : operation()
    const away = {
      get: key => ask(() => store.get(key)),
      compareAndSet: (key, change) => ask(() => store.compareAndSet(key, change)),
    } as Store // only what is asked for
    const started = start({ store: away, leaseMs: 300, ...options }, clock)
    return {
      ...started,
      leave: () => {
        isAway = true
      },
      comeBack: ({ empty }: { readonly empty: boolean }) => {
        isAway = false
        if (empty) store = memoryStore({ clock })
      },
    }
  }

  test.each([false, true])('keeps the answer when it is back before the lease is over, empty: %s', async empty => {
    const { place, mock, leave, comeBack, clock, settle, events } = startAway()
    const first = place(1, 'k')
    const { respond } = await mock.next()
    leave()
    respond('done')
    expect(await first).toEqual(right('done')) // at once: its caller has not to wait
    expect(await place(1, 'k')).toMatchObject({ left: { reason: 'STORE_UNAVAILABLE', ran: 'no' } })
    await clock.advance(100)
    comeBack({ empty })
    await clock.advance(100)
    await settle()
    expect(await place(1, 'k')).toEqual(right('done'))
    expect([mock.calls, clock.pendingTimers]).toEqual([1, 0])
    expect(events).toEqual(['store-failed', 'store-failed', 'store-failed', 'replayed'])
  })

  test('for longer than the lease gives the key free, and is asked no more', async () => {
    const { place, mock, leave, comeBack, clock, settle, events } = startAway()
    const first = place(1, 'k')
    const { respond } = await mock.next()
    leave()
    respond('done')
    await first
    await clock.advance(1_000)
    await settle()
    expect(events).toHaveLength(4)
    comeBack({ empty: false })
    const again = place(1, 'k')
    ;(await mock.next()).respond('again')
    expect(await again).toEqual(right('again'))
  })

  test('and comes back empty is told of the key again: nobody else runs', async () => {
    const { place, mock, leave, comeBack, clock, settle } = startAway()
    const first = place(1, 'k')
    const { respond } = await mock.next()
    leave()
    await clock.advance(500) // longer than the lease
    comeBack({ empty: true })
    await clock.advance(100)
    await settle()
    expect(await place(1, 'k')).toMatchObject({ left: { reason: 'IDEMPOTENCY_KEY_IN_USE' } })
    respond('done')
    expect(await first).toEqual(right('done'))
    expect([await place(1, 'k'), mock.calls, clock.pendingTimers]).toEqual([right('done'), 1, 0])
  })

  test('an answer that arrived although nobody was told is not taken for another one', async () => {
    const clock = manualClock()
    const store = memoryStore({ clock })
    let isDeaf = false
    const deaf = {
      get: key => store.get(key),
      async compareAndSet(key, change) {
        const happened = await store.compareAndSet(key, change)
        if (isDeaf) throw storeUnavailable('done, but who knows')
        return happened
      },
    } as Store // only what is asked for
    const { place, mock, settle, events } = start({ store: deaf, leaseMs: 300 }, clock)
    const first = place(1, 'k')
    const { respond } = await mock.next()
    isDeaf = true
    respond('done')
    await first
    isDeaf = false
    await clock.advance(100)
    await settle()
    expect(events).toEqual(['store-failed'])
    expect(await place(1, 'k')).toEqual(right('done'))
  })
})

test('a codec that cannot read what it wrote is a defect, and no reason to run again', async () => {
  const codec = { encode: () => 'x', decode: () => JSON.parse('{') }
  const { policy } = start({ codec, whenStoreFails: 'open' })
  let runs = 0
  const endpoint = policy(fromPromise(async () => ++runs, method))
  const context = testContext({ metadata: { 'idempotency-key': 'k' }, onDefect: () => {} })
  await call(endpoint, 1, { context })
  expect(await call(endpoint, 1, { context })).toMatchObject({ left: { reason: 'DEFECT' } })
  expect(runs).toBe(1)
})

describe('streams are refused', () => {
  test('while wrapping, where the method says so', () => {
    const streaming = fromPromise(async () => 1, { ...method, kind: 'server_streaming' })
    expect(() => start().policy(streaming)).toThrow(
      new TypeError('idempotencyKey: shop.v1.Orders/place streams, and a stream cannot be given again'),
    )
  })

  test.each<[string, unknown, () => unknown]>([
    ['request', (async function* () {})(), () => 1],
    ['response', 1, () => (async function* () {})()],
  ])('at the first call: a %s', async (_, request, answer) => {
    const context = testContext({ metadata: { 'idempotency-key': 'k' }, onDefect: () => {} })
    const endpoint = start().policy(fromPromise(answer as (request: unknown) => unknown, method))
    expect(await call(endpoint, request, { context })).toMatchObject({ left: { reason: 'DEFECT' } })
  })

  test('and so is an endpoint whose method is not known', async () => {
    const context = testContext({ metadata: { 'idempotency-key': 'k' }, onDefect: () => {} })
    const endpoint = start().policy(fromPromise(async () => failed('internal', 'NOT_RUN', '')))
    expect(await call(endpoint, 1, { context })).toMatchObject({ left: { reason: 'DEFECT' } })
  })
})

test('any value that can be kept comes back as it was', () => {
  const leaf = fc.oneof(
    fc.constantFrom(null, Number.NaN, Number.POSITIVE_INFINITY),
    fc.boolean(),
    fc.double().map(each => each + 0), // JSON knows no negative zero
    fc.bigInt(),
    fc.string({ unit: 'grapheme' }),
    fc.date({ noInvalidDate: true }),
    fc.uint8Array(),
  )
  const name = fc.oneof(fc.string(), fc.constant('$tenon')).filter(each => each !== '__proto__')
  const value = fc.oneof(
    leaf,
    fc.array(fc.oneof(leaf, fc.constant(undefined))),
    fc.dictionary(name, fc.oneof(leaf, fc.dictionary(name, leaf, { noNullPrototype: true })), {
      noNullPrototype: true,
    }),
  )
  fc.assert(
    fc.property(value, each => {
      expect(fromText(toText(each))).toEqual(each)
    }),
    { numRuns: deep(200, 5_000) },
  )
})

test('over HTTP it answers with the statuses of the draft, and a replay with the status and headers of the first', async () => {
  const Orders = contract('shop.v1.Orders', {
    place: defineMethod({
      request: z.object({ sku: z.string() }),
      response: z.object({ id: z.int() }),
      idempotency: 'unsafe',
      http: { post: '/orders', status: 201 },
    }),
  })
  const running = new EventTarget()
  const begun = once(running, 'begun')
  const orders = implement(Orders)
    .use(
      idempotencyKey({
        key: (_, { metadata }) => metadata.get('idempotency-key'),
        principal: ({ metadata }) => metadata.get('x-user') ?? 'nobody',
        store: memoryStore(),
      }),
    )
    .handlers({
      async place(_, { reply }) {
        running.dispatchEvent(new Event('begun'))
        await once(running, 'go')
        reply.header('location', '/orders/7')
        return { id: 7 }
      },
    })
  const serve = server([orders])
  const post = async (sku: string, user = 'ada') => {
    const headers = { 'content-type': 'application/json', 'idempotency-key': 'k-1', 'x-user': user }
    const request = new Request('http://shop/orders', { method: 'POST', headers, body: JSON.stringify({ sku }) })
    const response = await serve(request)
    return [response.status, response.headers.get('location'), response.headers.get('idempotent-replayed')]
  }
  const first = post('tea')
  await begun
  expect(await post('tea')).toEqual([409, null, null])
  running.dispatchEvent(new Event('go'))
  expect(await first).toEqual([201, '/orders/7', null])
  expect(await post('tea')).toEqual([201, '/orders/7', 'true'])
  expect(await post('saw')).toEqual([422, null, null])
})

/** What becomes of keys: what `idempotencyKey` does, without calls, hashes and a store. */
class Model {
  readonly runs: { readonly key: string; readonly request: string; said: string | undefined; forgetAt: number }[] = []
  readonly #byKey: Map<string, number> = new Map()

  /** What the caller is told at once; `undefined` where its call runs. */
  ask(key: string, request: string, now: number): string | undefined {
    const run = this.runs[this.#byKey.get(key) ?? -1]
    if (run === undefined || run.forgetAt <= now) {
      this.#byKey.set(key, this.runs.push({ key, request, said: undefined, forgetAt: Infinity }) - 1)
      return undefined
    }
    if (run.request !== request) return 'IDEMPOTENCY_KEY_REUSED'
    return run.said ?? 'IDEMPOTENCY_KEY_IN_USE'
  }

  end(nth: number, said: string, forgetAt: number): void {
    const run = this.runs[nth] ?? expect.fail()
    run.said = said
    run.forgetAt = forgetAt
  }
}

const keptMs = 20_000
type Taken = Awaited<ReturnType<ReturnType<typeof start>['mock']['next']>>
const endings = {
  responds: { said: 'done', forMs: keptMs, end: (run: Taken) => run.respond('done') },
  fails: { said: 'DOWN', forMs: keptMs, end: (run: Taken) => run.fail(failureOf('unavailable', 'DOWN', '')) },
  refuses: { said: 'FULL', forMs: 0, end: (run: Taken) => run.fail(failureOf('aborted', 'FULL', '', { ran: 'no' })) },
}

/** The policy and its model side by side. */
function beside() {
  const { mock, place, clock, settle } = start({ ttlMs: keptMs, leaseMs: 30_000, fingerprint: String })
  const model = new Model()
  const said: (string | undefined)[] = []
  const expected: (string | undefined)[] = []
  const owners: number[] = [] // which caller each run belongs to
  const runs: Taken[] = []
  return {
    ask(key: string, request: string) {
      const caller = said.push(undefined) - 1
      void place(request, key).then(outcome => {
        said[caller] = isLeft(outcome) && isFailure(outcome.left) ? outcome.left.reason : 'done'
      })
      expected.push(model.ask(key, request, clock.now()))
      if (model.runs.length > owners.length) owners.push(caller)
    },
    /** Ends the run that has run longest. */
    end(how: keyof typeof endings) {
      const nth = owners.findIndex(owner => expected[owner] === undefined)
      const [run, owner] = [runs[nth], owners[nth]]
      if (run === undefined || owner === undefined) return
      const { said, forMs, end } = endings[how]
      end(run)
      expected[owner] = said
      model.end(nth, said, clock.now() + forMs)
    },
    pass: (ms: number) => clock.advance(ms),
    async compare() {
      // The hashes of a call are worked out by other threads, which may be busy.
      const isBehind = () => mock.calls < model.runs.length || said.some((each, i) => each !== expected[i])
      await settle()
      for (let i = 0; i < 50 && isBehind(); i++) await settle()
      expect(mock.calls).toBe(model.runs.length)
      while (runs.length < mock.calls) runs.push(await mock.next())
      expect(said).toEqual(expected)
    },
  }
}

test('does what a list of keys and answers does', { timeout: deep(30_000, 600_000) }, async () => {
  hashPromptly() // of 10^5 calls
  type Sides = ReturnType<typeof beside>
  const ask = fc.tuple(fc.constantFrom('a', 'b'), fc.constantFrom('1', '2')).map(
    ([key, request]) =>
      (sides: Sides) =>
        sides.ask(key, request),
  )
  const end = fc.constantFrom('responds', 'fails', 'refuses').map(how => (sides: Sides) => sides.end(how))
  const pass = fc.integer({ min: 1, max: 25_000 }).map(ms => (sides: Sides) => sides.pass(ms))
  const commands = fc.array(
    fc.oneof({ weight: 3, arbitrary: ask }, { weight: 2, arbitrary: end }, { weight: 2, arbitrary: pass }),
    { minLength: 5, maxLength: 25, size: 'max' },
  )
  const property = fc.asyncProperty(commands, async all => {
    const sides = beside()
    for (const command of all) {
      await command(sides)
      await sides.compare()
    }
  })
  await fc.assert(property, { numRuns: deep(20, 7_000) })
})

test.each<[object, string]>([
  [{ key: () => 'k', principal: 'none' }, 'idempotencyKey: store is required'],
  [{ key: () => 'k', store: memoryStore() }, 'idempotencyKey: principal is required'],
  [{ principal: 'none', store: memoryStore() }, 'idempotencyKey: key is required'],
  [
    { key: () => 'k', principal: 'all', store: memoryStore() },
    "idempotencyKey: principal must be a function or 'none', got 'all'",
  ],
  [
    { key: () => 'k', principal: 'none', store: {} },
    'idempotencyKey: store must have get() and compareAndSet(), got an object',
  ],
])('refuses %o', (options, message) => {
  expect(() => idempotencyKey(options as IdempotencyKeyOptions)).toThrow(message)
})
