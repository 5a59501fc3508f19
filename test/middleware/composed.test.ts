/**
 * Policies in any order and with any options, around a service that does whatever services do: what holds for each call whatever is
 * around it, and what is left when all have ended.
 */
import { getEventListeners } from 'node:events'
import fc from 'fast-check'
import { beforeEach, expect, test } from 'vitest'
import {
  around,
  CallError,
  type Context,
  call,
  chain,
  failureOf,
  fromPromise,
  fromRemote,
  isFailure,
  left,
  type ManualClock,
  type MethodInfo,
  type Middleware,
  manualClock,
  type Outcome,
  right,
  seededRandom,
  testContext,
} from '../../src/core/index.js'
import {
  breaker,
  bulkhead,
  cache,
  collapse,
  expiry,
  fallback,
  hedge,
  idempotencyKey,
  inject,
  rateLimit,
  retry,
  retryBudget,
  shed,
  singleFlight,
  timeout,
} from '../../src/middleware/index.js'
import { memoryStore } from '../../src/store/index.js'
import { deep } from '../deep.js'
import { Attachments } from './attachments.js'
import { hashPromptly } from './prompt-hashes.js'

beforeEach(hashPromptly)

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
  reserve: fc.constantFrom(0, 1, 3),
  maxConcurrent: fc.integer({ min: 1, max: 5 }),
  maxQueue: fc.integer({ min: 0, max: 5 }),
  order: fc.constantFrom('fifo' as const, 'lifo' as const),
  consecutiveFailures: fc.integer({ min: 1, max: 8 }),
  openMs: ms(300),
  limit: fc.integer({ min: 1, max: 20 }),
  whenLimited: fc.constantFrom('refuse' as const, 'wait' as const),
  shedLimit: fc.integer({ min: 1, max: 8 }),
  injected: fc.constantFrom(0, 0.2),
  batchMs: fc.integer({ min: 0, max: 60 }),
  maxBatch: fc.integer({ min: 1, max: 5 }),
  whenRunning: fc.constantFrom('refuse' as const, 'wait' as const),
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
  'collapse',
  'idempotencyKey',
] as const
type Name = (typeof names)[number]

const calls = fc.array(
  fc.record({
    gapMs: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.integer({ min: 0, max: 60 })),
    deadlineMs: ms(1_000),
    cancelledAfterMs: fc.option(ms(300), { nil: undefined }),
    behaviours: fc.array(behaviour, { minLength: 1, maxLength: 4 }),
  }),
  { minLength: 1, maxLength: 25, size: 'max' },
)

/** The calls that a request is of: inside `collapse` several. */
const idsOf = (request: unknown): readonly number[] => (Array.isArray(request) ? request : [Number(request)])
const firstOf = (request: unknown): number => idsOf(request)[0] ?? expect.fail()
const onceKeyOf = (request: unknown) => (firstOf(request) % 6 === 0 ? undefined : String(firstOf(request) % 6))

/** What was counted beside the policies. */
class Counts {
  readonly runs: Map<number, number> = new Map()
  inBulkhead = 0
  mostInBulkhead = 0
  passes = 0
  retries = 0
  /** Calls that would have been retried if the budget had allowed it. */
  unpaid = 0
  /** For each call that has come by a place in the stack, how often it has been told that it is over. */
  readonly ends: { count: number }[] = []
  mostInBatch = 0
  /** Runs of a key that had another run at that time, or an answer. */
  twice = 0
}

/** Looks from inside `idempotencyKey` whether it runs a key once. */
function countKeys(counts: Counts): Middleware {
  const taken = new Set<string>()
  const isAnswer = (outcome: Outcome) =>
    outcome._tag === 'Right' || !isFailure(outcome.left) || outcome.left.ran === 'maybe'
  return around<string | undefined>({
    name: 'countKeys',
    enter: (_, request) => {
      const key = onceKeyOf(request)
      if (key === undefined) return undefined
      if (taken.has(key)) counts.twice++
      taken.add(key)
      return { state: key }
    },
    exit: (outcome, key) => void (key !== undefined && !isAnswer(outcome) && taken.delete(key)),
  })
}

/** Counts how often a layer is told of the end of a call, which a promise would not tell: it settles once whatever happens. */
function countEnds({ ends }: Counts): Middleware {
  return around<{ count: number }>({
    name: 'countEnds',
    enter() {
      const state = { count: 0 }
      ends.push(state)
      return { state }
    },
    exit: (_, state) => void state.count++,
  })
}

/** So long a budget remembers, in virtual time: longer than any run lasts. */
const budgetSeconds = 1_000

function policiesFor(given: Settings, seed: number, counts: Counts, clock: ManualClock) {
  const random = seededRandom(seed)
  const budget = retryBudget({
    ratio: given.ratio,
    minPerSecond: given.reserve / budgetSeconds,
    ttlMs: budgetSeconds * 1_000,
  })
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
    onEvent(event) {
      if (event.type === 'retried') counts.retries++
      else if (event.why === 'budget') counts.unpaid++
    },
    ...(given.attemptTimeoutMs !== undefined && { attemptTimeoutMs: given.attemptTimeoutMs }),
  })
  const batches = collapse({
    key: request => String(firstOf(request) % 2),
    toBatch: (requests: readonly unknown[]) => requests.flatMap(idsOf),
    fromBatch: (response: unknown, requests) => requests.map(() => response),
    windowMs: given.batchMs,
    maxBatch: given.maxBatch,
    onEvent: ({ size }) => {
      counts.mostInBatch = Math.max(counts.mostInBatch, size)
    },
  })
  const once = idempotencyKey({
    key: onceKeyOf,
    principal: 'none',
    fingerprint: () => 'the same',
    store: memoryStore({ clock }),
    leaseMs: 600_000, // a renewal that was left would be set still
    whenRunning: given.whenRunning,
  })
  const all: Readonly<Record<Name, Middleware>> = {
    timeout: timeout({ timeoutMs: given.timeoutMs }),
    retry: chain(countPasses, again),
    bulkhead: chain(held, countHeld),
    breaker: breaker({ consecutiveFailures: given.consecutiveFailures, openMs }),
    shed: limits,
    rateLimit: rateLimit({ limit: given.limit, windowMs: 100, whenLimited: given.whenLimited }),
    hedge: hedge({ minCalls: 1, minDelayMs: 1, maxExtraRatio: 1 }),
    singleFlight: singleFlight({ key: request => String(firstOf(request) % 3) }),
    cache: cache({ key: request => String(firstOf(request) % 5), ttlMs: 50 }),
    expiry: expiry({ minRemainingMs: 5 }),
    inject: inject({ ratio: given.injected, latencyMs: 20, failure: failures.fails, random }),
    fallback: fallback({ respond: () => 'instead' }) as Middleware, // its responses are of the same type here
    collapse: batches as Middleware, // anything is a request of this service, a batch too
    idempotencyKey: chain(once, countKeys(counts)),
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
  {
    given,
    context,
  }: { readonly given: typeof calls extends fc.Arbitrary<infer T> ? T : never; readonly context: Context },
) {
  const ended: { count: number; lateMs: number }[] = []
  for (const [i, { gapMs, deadlineMs, cancelledAfterMs }] of given.entries()) {
    if (gapMs > 0) await clock.advance(gapMs)
    const result = { count: 0, lateMs: Number.NEGATIVE_INFINITY }
    ended.push(result)
    const controller = new AbortController()
    if (cancelledAfterMs !== undefined) clock.setTimer(() => controller.abort(), cancelledAfterMs)
    const mustEndAt = clock.now() + Math.min(deadlineMs, cancelledAfterMs ?? deadlineMs)
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
  const attachments = new Attachments()
  const seen: Counts[] = []
  const stack = fc.shuffledSubarray([...names])
  const isInside = fc.boolean()
  const drawn = [stack, settings, fc.integer(), calls, isInside] as const
  const property = fc.asyncProperty(...drawn, async (picked, settingsOf, seed, given, inside) => {
    const clock = manualClock()
    const counts = new Counts()
    const made = policiesFor(settingsOf, seed, counts, clock)
    const service = fromRemote<unknown, unknown>(
      'service',
      (request, context) => {
        const nth = counts.runs.get(firstOf(request)) ?? 0
        for (const id of idsOf(request)) counts.runs.set(id, (counts.runs.get(id) ?? 0) + 1)
        const behaviours = given[firstOf(request)]?.behaviours ?? []
        return run(behaviours[nth % behaviours.length] ?? expect.fail(), context)
      },
      method,
    )
    const ends = countEnds(counts)
    const endpoint = chain(ends, ...picked.flatMap(name => [made.all[name], ends]))(service)
    // All calls are made on one signal, or in one call of somebody else: both go on when the calls have ended.
    const outside = new AbortController()
    const defects: unknown[] = []
    const root = testContext({ clock, signal: outside.signal, onDefect: defect => void defects.push(defect) })
    const before = attachments.count
    const all = async (context: Context) => {
      const results = await runAll(clock, endpoint, { given, context })
      expect(attachments.count - before).toBe(0)
      return results
    }
    const whole = inside
      ? await call(
          fromPromise((_, context) => all(context)),
          0,
          { context: root, deadlineMs: 1e9 },
        )
      : right(await all(root))
    const ended = whole._tag === 'Right' ? whole.right : expect.fail()

    for (const { count, lateMs } of ended) {
      expect(count).toBe(1)
      expect(lateMs).toBeLessThanOrEqual(tickMs)
    }
    expect(counts.ends.filter(({ count }) => count !== 1)).toEqual([])
    const { maxAttempts, maxConcurrent, ratio, reserve, maxBatch } = settingsOf
    const mostAttempts = Math.max(picked.includes('retry') ? maxAttempts : 1, picked.includes('hedge') ? 2 : 1)
    for (const runs of counts.runs.values()) expect(runs).toBeLessThanOrEqual(mostAttempts)
    expect(counts.mostInBulkhead).toBeLessThanOrEqual(maxConcurrent)
    expect(counts.retries).toBeLessThanOrEqual(ratio * counts.passes + reserve)
    if (picked.includes('retry')) seen.push(counts)
    expect(counts.mostInBatch).toBeLessThanOrEqual(maxBatch)
    expect(counts.twice).toBe(0)
    expect([made.held.inFlight, made.held.queued, made.limits.inFlight, made.limits.queued]).toEqual([0, 0, 0, 0])
    expect([clock.pendingTimers, defects]).toEqual([0, []])

    const endsBefore = attachments.ends
    expect(getEventListeners(outside.signal, 'abort').length).toBeLessThanOrEqual(1)
    outside.abort()
    expect(attachments.ends - endsBefore).toBe(0) // nobody listens to that one any more
  })
  await fc.assert(property, { numRuns: deep(80, 5_000) })
  // The bounds have been reached, or they would say nothing.
  for (const reached of [({ retries }: Counts) => retries > 0, ({ unpaid }: Counts) => unpaid > 0])
    expect(seen.filter(reached).length).toBeGreaterThan(seen.length / 20)
})
