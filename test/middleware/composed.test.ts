/**
 * Policies in any order and with any options, around a service that does whatever services do: what holds for each call whatever is
 * around it, and what is left when all have ended.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  around,
  CallError,
  type Context,
  call,
  chain,
  failureOf,
  fromRemote,
  left,
  type ManualClock,
  type MethodInfo,
  type Middleware,
  manualClock,
  right,
  seededRandom,
  testContext,
} from '../../src/core/index.js'
import {
  breaker,
  bulkhead,
  cache,
  expiry,
  fallback,
  hedge,
  inject,
  rateLimit,
  retry,
  retryBudget,
  shed,
  singleFlight,
  timeout,
} from '../../src/middleware/index.js'
import { deep } from '../deep.js'

const method: MethodInfo = { service: 'shop.v1.Stock', name: 'get', idempotency: 'safe' }
const tickMs = 10

/** What the service does with a call. */
const behaviour = fc.record({
  tookMs: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 300 }), fc.constant(5_000)),
  ends: fc.constantFrom('answers', 'fails', 'refuses', 'rejects', 'throws', 'is wrong'),
  obeys: fc.boolean(),
})
type Behaviour = typeof behaviour extends fc.Arbitrary<infer T> ? T : never

const failures = {
  fails: failureOf('unavailable', 'DOWN', 'down'),
  refuses: failureOf('resource_exhausted', 'QUOTA', 'too many', { ran: 'no' }),
  'is wrong': failureOf('invalid_argument', 'WRONG', 'wrong'),
}

const ms = (max: number) => fc.integer({ min: 1, max })
const settings = fc.record({
  timeoutMs: ms(400),
  attemptTimeoutMs: fc.option(ms(200), { nil: undefined }),
  maxAttempts: fc.integer({ min: 1, max: 5 }),
  baseMs: fc.integer({ min: 0, max: 50 }),
  ratio: fc.constantFrom(0, 0.1, 0.5),
  minPerSecond: fc.constantFrom(0, 1, 5),
  maxConcurrent: fc.integer({ min: 1, max: 5 }),
  maxQueue: fc.integer({ min: 0, max: 5 }),
  order: fc.constantFrom('fifo' as const, 'lifo' as const),
  consecutiveFailures: fc.integer({ min: 1, max: 8 }),
  openMs: ms(300),
  limit: fc.integer({ min: 1, max: 20 }),
  whenLimited: fc.constantFrom('refuse' as const, 'wait' as const),
  shedLimit: fc.integer({ min: 1, max: 8 }),
  injected: fc.constantFrom(0, 0.2),
})
type Settings = typeof settings extends fc.Arbitrary<infer T> ? T : never

const names = [
  'timeout',
  'retry',
  'bulkhead',
  'breaker',
  'shed',
  'rateLimit',
  'hedge',
  'singleFlight',
  'cache',
  'expiry',
  'inject',
  'fallback',
] as const
type Name = (typeof names)[number]

const calls = fc.array(
  fc.record({
    gapMs: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.integer({ min: 0, max: 60 })),
    deadlineMs: ms(1_000),
    cancelledAfterMs: fc.option(ms(300), { nil: undefined }),
    behaviours: fc.array(behaviour, { minLength: 1, maxLength: 4 }),
  }),
  { minLength: 1, maxLength: 25 },
)

/** What was counted beside the policies. */
class Counts {
  readonly runs: Map<number, number> = new Map()
  inBulkhead = 0
  mostInBulkhead = 0
  passes = 0
  retries = 0
}

function policiesFor(given: Settings, seed: number, counts: Counts) {
  const random = seededRandom(seed)
  const budget = retryBudget({ ratio: given.ratio, minPerSecond: given.minPerSecond, ttlMs: 1_000_000 })
  const { maxConcurrent, maxQueue, order, shedLimit, openMs } = given
  const held = bulkhead({ maxConcurrent, maxQueue, order })
  const limits = shed({ initialLimit: shedLimit, minLimit: 1, maxLimit: shedLimit, maxQueue, maxLoopDelayMs: Infinity })
  const countHeld = around({
    name: 'countHeld',
    enter: () => {
      counts.mostInBulkhead = Math.max(counts.mostInBulkhead, ++counts.inBulkhead)
      return undefined
    },
    settled: () => void counts.inBulkhead--,
  })
  const countPasses = around({ name: 'countPasses', enter: () => void counts.passes++ })
  const again = retry({
    maxAttempts: given.maxAttempts,
    baseMs: given.baseMs,
    random,
    budget,
    onEvent: ({ type }) => void (type === 'retried' && counts.retries++),
    ...(given.attemptTimeoutMs !== undefined && { attemptTimeoutMs: given.attemptTimeoutMs }),
  })
  const all: Readonly<Record<Name, Middleware>> = {
    timeout: timeout({ timeoutMs: given.timeoutMs }),
    retry: chain(countPasses, again),
    bulkhead: chain(held, countHeld),
    breaker: breaker({ consecutiveFailures: given.consecutiveFailures, openMs }),
    shed: limits,
    rateLimit: rateLimit({ limit: given.limit, windowMs: 100, whenLimited: given.whenLimited }),
    hedge: hedge({ minCalls: 1, minDelayMs: 1, maxExtraRatio: 1 }),
    singleFlight: singleFlight({ key: request => String(Number(request) % 3) }),
    cache: cache({ key: request => String(Number(request) % 5), ttlMs: 50 }),
    expiry: expiry({ minRemainingMs: 5 }),
    inject: inject({ ratio: given.injected, latencyMs: 20, failure: failures.fails, random }),
    fallback: fallback({ respond: () => 'instead' }) as Middleware, // its responses are of the same type here
  }
  return { all, held, limits }
}

/** A call of the service, done as its behaviour says; one that does not obey goes on when it is aborted. */
function run({ tookMs, ends, obeys }: Behaviour, context: Context) {
  const end = () => {
    if (ends === 'answers') return right('done')
    if (ends === 'throws') throw new CallError(failures.fails)
    if (ends === 'rejects') throw new CallError(failures.refuses)
    return left(failures[ends])
  }
  if (tookMs === 0) return end()
  return new Promise<void>(resolve => {
    const timer = context.clock.setTimer(resolve, tookMs)
    const stop = () => {
      timer.cancel()
      resolve()
    }
    if (obeys) context.signal.addEventListener('abort', stop, { once: true })
  }).then(end)
}

async function runAll(
  clock: ManualClock,
  endpoint: Parameters<typeof call>[0],
  given: typeof calls extends fc.Arbitrary<infer T> ? T : never,
) {
  const ended: { count: number; lateMs: number }[] = []
  for (const [i, { gapMs, deadlineMs, cancelledAfterMs }] of given.entries()) {
    if (gapMs > 0) await clock.advance(gapMs)
    const result = { count: 0, lateMs: Number.NEGATIVE_INFINITY }
    ended.push(result)
    const controller = new AbortController()
    if (cancelledAfterMs !== undefined) clock.setTimer(() => controller.abort(), cancelledAfterMs)
    const mustEndAt = clock.now() + Math.min(deadlineMs, cancelledAfterMs ?? deadlineMs)
    const context = testContext({ clock })
    void call(endpoint, i, { context, deadlineMs, signal: controller.signal }).then(() => {
      result.count++
      result.lateMs = clock.now() - mustEndAt
    })
  }
  await clock.advance(60_000)
  return ended
}

test('whatever is around it, a call ends once and in time, and nothing is left behind', {
  timeout: 600_000,
}, async () => {
  const stack = fc.shuffledSubarray([...names])
  const property = fc.asyncProperty(stack, settings, fc.integer(), calls, async (picked, given, seed, all) => {
    const clock = manualClock()
    const counts = new Counts()
    const made = policiesFor(given, seed, counts)
    const service = fromRemote<unknown, unknown>(
      'service',
      (request, context) => {
        const nth = counts.runs.get(Number(request)) ?? 0
        counts.runs.set(Number(request), nth + 1)
        const behaviours = all[Number(request)]?.behaviours ?? []
        return run(behaviours[nth % behaviours.length] ?? expect.fail(), context)
      },
      method,
    )
    const endpoint = chain(...picked.map(name => made.all[name]))(service)
    const ended = await runAll(clock, endpoint, all)

    for (const { count, lateMs } of ended) {
      expect(count).toBe(1)
      expect(lateMs).toBeLessThanOrEqual(tickMs)
    }
    const mostAttempts = Math.max(picked.includes('retry') ? given.maxAttempts : 1, picked.includes('hedge') ? 2 : 1)
    for (const runs of counts.runs.values()) expect(runs).toBeLessThanOrEqual(mostAttempts)
    expect(counts.mostInBulkhead).toBeLessThanOrEqual(given.maxConcurrent)
    expect(counts.retries).toBeLessThanOrEqual(given.ratio * counts.passes + given.minPerSecond * 1_000)
    expect([made.held.inFlight, made.held.queued, made.limits.inFlight, made.limits.queued]).toEqual([0, 0, 0, 0])
    expect(clock.pendingTimers).toBe(0)
  })
  await fc.assert(property, { numRuns: deep(200, 5_000) })
})
