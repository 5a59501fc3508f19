/** `rateLimit` lets through what a limit allows: no call more, none later than need be, and says when the next one is. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { contract, method as defineMethod, implement } from '../../src/contract/index.js'
import {
  blame,
  CallError,
  type Context,
  call,
  chain,
  extend,
  failureOf,
  fromPromise,
  isLeft,
  type ManualClock,
  type MethodInfo,
  manualClock,
  type Outcome,
  type Reply,
  right,
  testContext,
} from '../../src/core/index.js'
import { type RateLimitEvent, type RateLimitOptions, rateLimit } from '../../src/middleware/index.js'
import { memoryStore, type Store } from '../../src/store/index.js'
import { server } from '../../src/transport/http/fetch/index.js'
import { deep } from '../deep.js'
import { type Actions, Model, plan } from './rate-limit-model.js'

const method: MethodInfo = { service: 'shop.v1.Stock', name: 'reserve', idempotency: 'unsafe' }
const limited = { left: { code: 'resource_exhausted', reason: 'RATE_LIMITED', ran: 'no' } }
const algorithms = ['gcra', 'token-bucket'] as const

function start(options: RateLimitOptions, clock: ManualClock = manualClock()) {
  const events: RateLimitEvent[] = []
  const policy = rateLimit({ onEvent: event => events.push(event), ...options })
  const ran: unknown[] = []
  const endpoint = policy(fromPromise(async (request: unknown) => ran.push(request), method))
  const begin = (request: unknown, deadlineMs = Number.POSITIVE_INFINITY) => {
    const controller = new AbortController()
    const { signal } = controller
    const answer = call(endpoint, request, { context: testContext({ clock }), deadlineMs, signal })
    return { answer, cancel: () => controller.abort() }
  }
  const ask = (request: unknown, deadlineMs?: number) => begin(request, deadlineMs).answer
  return { clock, events, policy, begin, ask, ran }
}

describe.each(algorithms)('%s', algorithm => {
  test('refuses a call more than may come, before it starts, and says when there is one', async () => {
    const { ask, clock, events, ran } = start({ limit: 2, windowMs: 1_000, algorithm })
    expect(await Promise.all([ask(1), ask(2)])).toEqual([right(1), right(2)])
    await clock.advance(100)
    const refused = await ask(3)
    expect(refused).toMatchObject({ ...limited, left: { ...limited.left, retryAfterMs: 400 } })
    expect(isLeft(refused) && blame(refused.left)).toBe('caller')
    await clock.advance(399)
    expect(await ask(4)).toMatchObject({ left: { retryAfterMs: expect.closeTo(1) } })
    await clock.advance(1)
    expect(await ask(5)).toEqual(right(3))
    expect(ran).toEqual([1, 2, 5])
    const refusal = { policy: 'rateLimit', kind: 'rateLimit', type: 'refused', method: 'shop.v1.Stock/reserve' }
    expect(events).toEqual([refusal, refusal])
  })

  test('a burst of one spaces calls evenly', async () => {
    const { ask, clock } = start({ limit: 10, windowMs: 1_000, burst: 1, algorithm })
    const seen: boolean[] = []
    for (let ms = 0; ms < 300; ms += 50) {
      seen.push(isLeft(await ask(ms)))
      await clock.advance(50)
    }
    expect(seen).toEqual([false, true, false, true, false, true])
  })

  test('whoever waits as long as it was told is let through, whatever the fractions', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 1_000 }),
        fc.double({ min: 0.1, max: 1e7, noNaN: true }),
        fc.double({ min: 0, max: 1e9, noNaN: true }),
        async (limit, windowMs, startMs) => {
          const { ask, clock } = start({ limit, windowMs, burst: 3, algorithm }, manualClock({ startMs }))
          for (let i = 0; i < 6; i++) {
            const outcome = await ask(i)
            if (!isLeft(outcome)) continue
            await clock.advance(outcome.left.retryAfterMs ?? expect.unreachable())
            expect(await ask(i)).toMatchObject({ _tag: 'Right' })
          }
        },
      ),
      { numRuns: deep(100, 2_000) },
    )
  })

  // The reference: whole milliseconds of debt, that shrink by one in each.
  const step = fc.record({ afterMs: fc.nat(40), calls: fc.nat(4) })
  test('lets through what a leaking bucket of whole numbers does', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 30 }),
        fc.integer({ min: 1, max: 6 }),
        fc.array(step, { minLength: 20, maxLength: 60, size: 'max' }),
        async (intervalMs, burst, steps) => {
          const { ask, clock } = start({ limit: 1, windowMs: intervalMs, burst, algorithm })
          let debtMs = 0
          for (const { afterMs, calls } of steps) {
            await clock.advance(afterMs)
            debtMs = Math.max(0, debtMs - afterMs)
            for (let i = 0; i < calls; i++) {
              const tooMuchMs = debtMs + intervalMs - burst * intervalMs
              const outcome = await ask(i)
              expect(isLeft(outcome)).toBe(tooMuchMs > 0)
              if (isLeft(outcome)) expect(outcome.left.retryAfterMs).toBeCloseTo(tooMuchMs, 6)
              else debtMs += intervalMs
            }
          }
        },
      ),
      { numRuns: deep(20, 2_500) },
    )
  })

  test('in no time more than the burst and what the time gives', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.double({ min: 0, max: 400, noNaN: true }), { minLength: 1, maxLength: 200, size: 'max' }),
        async gaps => {
          const { ask, clock } = start({ limit: 7, windowMs: 1_000, burst: 3, algorithm })
          const passedAt: number[] = []
          for (const gap of gaps) {
            await clock.advance(gap)
            if (!isLeft(await ask(1))) passedAt.push(clock.now())
          }
          for (const [i, from] of passedAt.entries())
            for (const [j, to] of passedAt.entries())
              if (j >= i) expect(j - i + 1).toBeLessThanOrEqual(3 + ((to - from) * 7) / 1_000 + 1e-6)
        },
      ),
      { numRuns: deep(20, 1_000) },
    )
  })
})

describe('while running', () => {
  test('a bucket keeps the calls that are left, and gcra the time until all are there', async () => {
    for (const [algorithm, expected] of [
      ['token-bucket', 1_000],
      ['gcra', 0],
    ] as const) {
      const { ask, policy, clock } = start({ limit: 1, windowMs: 1_000, burst: 4, algorithm })
      for (let i = 0; i < 4; i++) await ask(i)
      policy.configure({ burst: 8 })
      const outcome = await ask(5)
      expect([algorithm, isLeft(outcome) ? outcome.left.retryAfterMs : 0]).toEqual([algorithm, expected])
      await clock.advance(4_000)
    }
  })

  test('a smaller burst holds at once', async () => {
    const { ask, policy } = start({ limit: 10, windowMs: 1_000 })
    policy.configure({ burst: 1 })
    expect(isLeft(await ask(1))).toBe(false)
    expect(await ask(2)).toMatchObject(limited)
  })
})

describe('waiting', () => {
  const slow = { limit: 1, windowMs: 100, whenLimited: 'wait' } as const

  test('calls go on in order, each as soon as it may', async () => {
    const { begin, clock, ran, policy } = start(slow)
    const answers = [1, 2, 3].map(request => begin(request).answer)
    await clock.advance(0)
    expect([ran, policy.queued]).toEqual([[1], 2])
    await clock.advance(99)
    expect(ran).toEqual([1])
    await clock.advance(1)
    expect([ran, policy.queued]).toEqual([[1, 2], 1])
    await clock.advance(100)
    expect(ran).toEqual([1, 2, 3])
    expect((await Promise.all(answers)).map(isLeft)).toEqual([false, false, false])
    expect([policy.queued, clock.pendingTimers]).toEqual([0, 0])
  })

  test('a call that cannot be in time is refused at once, with the time it would have taken', async () => {
    const { begin, ask, clock } = start(slow)
    for (const request of [1, 2]) void begin(request)
    await clock.advance(50)
    expect(await ask(3, 149)).toMatchObject({ left: { reason: 'RATE_LIMITED', retryAfterMs: 150 } })
    const inTime = ask(4, 151)
    await clock.advance(150)
    expect(await inTime).toMatchObject({ _tag: 'Right' })
  })

  test('a call that is cancelled leaves at once, and those behind it move up', async () => {
    const { begin, clock, ran, policy, events } = start({ ...slow, maxQueue: 2 })
    void begin(1)
    const [second] = [begin(2), begin(3)]
    expect(await begin(4).answer).toMatchObject(limited)
    second.cancel()
    expect(policy.queued).toBe(1)
    expect(await second.answer).toMatchObject({ left: { reason: 'CANCELLED' } })
    await clock.advance(100)
    expect(ran).toEqual([1, 3])
    expect(events.map(({ type }) => type)).toEqual(['queued', 'queued', 'refused', 'left'])
    expect(clock.pendingTimers).toBe(0)
  })

  test('the last one that leaves takes the timer along', async () => {
    const { begin, clock } = start(slow)
    void begin(1)
    const waiting = begin(2)
    await clock.settle()
    waiting.cancel()
    await waiting.answer
    expect(clock.pendingTimers).toBe(0)
  })

  test('a larger limit lets them go on sooner', async () => {
    const { begin, clock, ran, policy } = start(slow)
    for (const request of [1, 2, 3]) void begin(request)
    policy.configure({ limit: 10, burst: 1 })
    await clock.advance(20)
    expect(ran).toEqual([1, 2, 3])
    expect(clock.pendingTimers).toBe(0)
  })

  test('does what a queue does that is looked at in each millisecond', async () => {
    await fc.assert(
      fc.asyncProperty(plan, async ({ commands, ...options }) => {
        const { begin, clock, ran, policy } = start({ limit: 1, whenLimited: 'wait', ...options })
        const model = new Model(options)
        const going: { readonly cancel: () => void }[] = []
        const actions: Actions = {
          begin() {
            going.push(begin(going.length))
            model.begin()
          },
          cancel({ which }) {
            going[which]?.cancel()
            model.cancel(which)
          },
          async pass({ ms }) {
            await clock.advance(ms)
            model.pass(ms)
          },
        }
        for (const command of commands) {
          await actions[command.do](command as never) // the action of this very command
          await clock.settle()
          expect(ran).toEqual(model.started)
          expect(policy.queued).toBe(model.waiting.length)
          expect(clock.pendingTimers).toBe(model.waiting.length > 0 ? 1 : 0)
        }
      }),
      { numRuns: deep(50, 4_000) },
    )
  })
})

describe('with a key', () => {
  const key = (request: unknown) => (request === 0 ? undefined : `${request}`)

  test('each has a limit of its own, and a call without one is left alone', async () => {
    const { ask, policy } = start({ limit: 1, windowMs: 1_000, key })
    const outcomes = await Promise.all([1, 2, 1, 0, 0].map(request => ask(request)))
    expect(outcomes.map(isLeft)).toEqual([false, false, true, false, false])
    expect(policy.keys).toBe(2)
  })

  test('the one used least recently is forgotten, which is told where it had not all calls left', async () => {
    const { ask, events, clock, policy } = start({ limit: 1, windowMs: 1_000, key, maxKeys: 2 })
    for (const request of [1, 2, 1, 3]) await ask(request)
    expect(events.filter(({ type }) => type === 'evicted')).toMatchObject([{ key: '2' }])
    await clock.advance(1_000)
    await ask(4)
    expect(events.filter(({ type }) => type === 'evicted')).toHaveLength(1)
    expect(policy.keys).toBe(2)
  })

  test('a million keys are not remembered', async () => {
    const policy = rateLimit({ limit: 1, windowMs: 1_000, key, maxKeys: 1_000 })
    const endpoint = policy(fromPromise((request: number) => request))
    for (let i = 1; i <= deep(10_000, 1_000_000); i++) void call(endpoint, i)
    expect(policy.keys).toBe(1_000)
  })

  test('that reads a principal it is a guard', async () => {
    const perUser = rateLimit({
      limit: 1,
      windowMs: 1_000,
      key: (_, context: Context & { readonly user: string }) => context.user,
    })
    const endpoint = perUser(fromPromise(() => 'done'))
    const as = (user: string) => call(endpoint, 1, { context: extend(testContext(), { user }) })
    const outcomes = await Promise.all(['ada', 'bob', 'ada'].map(as))
    expect(outcomes.map(isLeft)).toEqual([false, false, true])
  })
})

describe('headers', () => {
  async function headersOf(options: RateLimitOptions, calls = 1, more: readonly RateLimitOptions[] = []) {
    const endpoint = chain(...[options, ...more].map(each => rateLimit(each)))(fromPromise(async () => 1))
    const replies: Reply[] = []
    const context = testContext({ clock: manualClock() })
    for (let i = 0; i < calls; i++) await call(endpoint, 1, { context, onReply: reply => replies.push(reply) })
    return Object.fromEntries(replies.at(-1)?.headers ?? [])
  }

  test('are not sent unless they are asked for', async () => {
    expect(await headersOf({ limit: 100, windowMs: 60_000 })).toEqual({})
  })

  test.each<[RateLimitOptions, number, string, string]>([
    [{ limit: 100, windowMs: 60_000 }, 50, '"default";q=100;w=60', '"default";r=50;t=30'],
    [{ limit: 2, windowMs: 60_000 }, 3, '"default";q=2;w=60', '"default";r=0;t=60'],
    [{ limit: 10, windowMs: 500, name: 'a "b"' }, 1, '"a _b_";q=20;w=1', '"a _b_";r=9;t=1'],
    [{ limit: 3, windowMs: 1_500 }, 1, '"default";q=4;w=2', '"default";r=2;t=1'],
    [{ limit: 1e300, windowMs: 1 }, 1, `"default";q=${'9'.repeat(15)};w=1`, `"default";r=${'9'.repeat(15)};t=1`],
    [{ limit: 1, windowMs: 1e300 }, 1, `"default";q=1;w=${'9'.repeat(15)}`, `"default";r=0;t=${'9'.repeat(15)}`],
  ])('say what is left: %o', async (options, calls, policy, left) => {
    expect(await headersOf({ ...options, headers: true }, calls)).toEqual({
      'ratelimit-policy': policy,
      ratelimit: left,
    })
  })

  test('tell all limits that a call came through', async () => {
    const inner = { limit: 5, windowMs: 1_000, headers: true, name: 'burst' }
    expect(await headersOf({ limit: 100, windowMs: 60_000, headers: true }, 1, [inner])).toEqual({
      'ratelimit-policy': '"default";q=100;w=60, "burst";q=5;w=1',
      ratelimit: '"default";r=99;t=1, "burst";r=4;t=1',
    })
  })

  test('of a call that waited tell once what was left when it went on', async () => {
    const clock = manualClock()
    const endpoint = rateLimit({ limit: 1, windowMs: 1_000, headers: true, whenLimited: 'wait' })(fromPromise(() => 1))
    const replies: Reply[] = []
    const context = testContext({ clock })
    const answers = [1, 2].map(i => call(endpoint, i, { context, onReply: reply => replies.push(reply) }))
    await clock.advance(1_000)
    await Promise.all(answers)
    expect(replies.map(({ headers }) => headers.get('ratelimit'))).toEqual(['"default";r=0;t=1', '"default";r=0;t=1'])
  })
})

test('over HTTP a refusal is 429 with Retry-After, in whole seconds and never too few', async () => {
  const empty = defineMethod({ request: z.object({}), response: z.object({}), idempotency: 'safe', http: { get: '/' } })
  const perTenant = rateLimit({
    limit: 2,
    windowMs: 3_000,
    headers: true,
    name: 'tenant',
    key: (_, { metadata }) => metadata.get('x-tenant') ?? 'none',
  })
  const service = implement(contract('shop.v1.Stock', { get: empty }))
    .use(perTenant)
    .handlers({ get: () => ({}) })
  const serve = server([service], { clock: manualClock() })
  const ask = async (tenant: string) => {
    const { status, headers } = await serve(new Request('http://shop/', { headers: { 'x-tenant': tenant } }))
    return [status, headers.get('retry-after'), headers.get('ratelimit'), headers.get('ratelimit-policy')]
  }
  expect(await ask('a')).toEqual([200, null, '"tenant";r=1;t=2', '"tenant";q=2;w=3'])
  await ask('a')
  expect(await ask('a')).toEqual([429, '2', '"tenant";r=0;t=3', '"tenant";q=2;w=3'])
  expect((await ask('b'))[0]).toBe(200)
})

describe('in a store', () => {
  const broken: Store = {
    ...memoryStore(),
    take: async () => {
      throw new CallError<never>(failureOf('unavailable', 'STORE_UNAVAILABLE', 'gone'))
    },
  } as Store // only what is asked for

  test('limits of one name are one limit', async () => {
    const clock = manualClock()
    const store = memoryStore({ clock })
    const shared = { limit: 3, windowMs: 1_000, store, key: (request: unknown) => `${request}` }
    const [a, b, other] = ['one', 'one', 'two'].map(name => start({ ...shared, name }, clock))
    const outcomes: Outcome[] = []
    for (const each of [a, b, a, b, other]) outcomes.push((await each?.ask('ada')) as Outcome) // there are three
    expect(outcomes.map(isLeft)).toEqual([false, false, false, true, false])
    expect(outcomes[3]).toMatchObject({ left: { retryAfterMs: expect.closeTo(1_000 / 3) } })
    expect(a?.policy.keys).toBe(0)
  })

  test('calls wait for their turn there, too', async () => {
    const clock = manualClock()
    const options = { limit: 1, windowMs: 100, whenLimited: 'wait', name: 'n', store: memoryStore({ clock }) } as const
    const { begin, ran, policy } = start(options, clock)
    for (const request of [1, 2, 3]) void begin(request)
    await clock.advance(0)
    expect([ran, policy.queued]).toEqual([[1], 2])
    await clock.advance(200)
    expect([ran, policy.queued, clock.pendingTimers]).toEqual([[1, 2, 3], 0, 0])
  })

  test('that fails calls go on, or are refused', async () => {
    const options = { limit: 1, windowMs: 1_000, name: 'n', store: broken, headers: true }
    const open = start(options)
    expect(await open.ask(1)).toEqual(right(1))
    expect(open.events).toMatchObject([{ type: 'store-failed' }])
    const closed = start({ ...options, whenStoreFails: 'closed' })
    const refused = await closed.ask(1)
    expect(refused).toMatchObject({ left: { code: 'unavailable', reason: 'STORE_UNAVAILABLE', ran: 'no' } })
    expect(isLeft(refused) && blame(refused.left)).toBe('dependency')
  })

  test.each(['refuse', 'wait'] as const)('whoever leaves while it is asked is not told of: %s', async whenLimited => {
    const clock = manualClock()
    const real = memoryStore({ clock })
    const store: Store = {
      ...real,
      async take(...args: Parameters<Store['take']>) {
        await new Promise<void>(resolve => void clock.setTimer(resolve, 50))
        return real.take(...args)
      },
    }
    const { begin, ran, events, policy } = start({ limit: 1, windowMs: 1_000, name: 'n', store, whenLimited }, clock)
    const calls = [1, 2].map(request => begin(request))
    await clock.advance(10)
    for (const { cancel } of calls) cancel()
    await clock.advance(50)
    for (const { answer } of calls) expect(await answer).toMatchObject({ left: { reason: 'CANCELLED' } })
    expect([ran, events, policy.queued, clock.pendingTimers]).toEqual([[], [], 0, 0])
  })

  test('that fails while calls wait, they all go on, or are refused', async () => {
    for (const whenStoreFails of ['open', 'closed'] as const) {
      const clock = manualClock()
      const real = memoryStore({ clock })
      let isBroken = false
      const store = {
        ...broken,
        take: (...args: Parameters<Store['take']>) => (isBroken ? broken : real).take(...args),
      }
      const options = { limit: 1, windowMs: 100, whenLimited: 'wait', name: 'n', store, whenStoreFails } as const
      const { begin } = start(options, clock)
      const answers = [1, 2, 3].map(request => begin(request).answer)
      await clock.settle()
      isBroken = true
      await clock.advance(100)
      expect((await Promise.all(answers)).map(isLeft)).toEqual([false, ...Array(2).fill(whenStoreFails === 'closed')])
      expect(clock.pendingTimers).toBe(0)
    }
  })
})

test.each<[object, string]>([
  [{ windowMs: 1 }, 'rateLimit: limit is required'],
  [{ limit: 0, windowMs: 1 }, 'rateLimit: limit must be a whole number in [1, ∞), got 0'],
  [{ limit: 1, windowMs: 0 }, 'rateLimit: windowMs must be in (0, ∞), got 0'],
  [{ limit: 1, windowMs: 1, burst: 0 }, 'rateLimit: burst must be a whole number in [1, ∞), or be left out, got 0'],
  [{ limit: 1, windowMs: 1, store: {} }, 'rateLimit: store must have take(), or be left out, got an object'],
  [
    { limit: 1, windowMs: 1, store: memoryStore() },
    'rateLimit: a limit in a store needs a name: those of one name are one limit',
  ],
  [
    { limit: 1, windowMs: 1, name: 'n', store: memoryStore(), algorithm: 'token-bucket' },
    "rateLimit: a store keeps limits as 'gcra' alone",
  ],
])('refuses %o', (options, message) => {
  expect(() => rateLimit(options as RateLimitOptions)).toThrow(message)
})
