/** One policy of each kind for a random stack, each with what looks at it, and with other options that it may be given while calls go on. */
import fc from 'fast-check'
import { chain, failureOf, type ManualClock, type Middleware, seededRandom } from '../../src/core/index.js'
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
  policy as lift,
  rateLimit,
  retry,
  retryBudget,
  shed,
  singleFlight,
  timeout,
} from '../../src/middleware/index.js'
import { type Counts, firstOf, idsOf, keyAmong } from './composed-counts.js'
import { attemptsOf, type LiftedMix, liftedSettings } from './composed-lifted.js'
import { slowStore } from './composed-store.js'

const ms = (max: number) => fc.integer({ min: 1, max })
/** Options that may change. */
export const settings = fc.record({
  timeoutMs: ms(400),
  attemptTimeoutMs: fc.option(ms(200), { nil: undefined }),
  maxAttempts: fc.integer({ min: 1, max: 5 }),
  baseMs: fc.integer({ min: 0, max: 50 }),
  maxConcurrent: fc.integer({ min: 1, max: 5 }),
  maxQueue: fc.integer({ min: 0, max: 5 }),
  maxKeys: fc.integer({ min: 1, max: 4 }),
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
  keys: fc.integer({ min: 1, max: 6 }),
  ttlMs: ms(80),
  lifted: liftedSettings,
})
export type Settings = typeof settings extends fc.Arbitrary<infer T> ? T : never

const mostStoreMs = 40
/** What stays as it was made. */
export const fixedSettings = fc.record({
  seed: fc.integer(),
  ratio: fc.constantFrom(0, 0.1, 0.5),
  reserve: fc.constantFrom(0, 1, 3),
  hasKeys: fc.boolean(),
  algorithm: fc.constantFrom('gcra' as const, 'token-bucket' as const),
  sharesLimit: fc.boolean(),
  storeMs: fc.constantFrom(0, 5, mostStoreMs),
  failing: fc.constantFrom(0, 0.1),
})
export type FixedSettings = typeof fixedSettings extends fc.Arbitrary<infer T> ? T : never

/** What the service fails with. */
export const failures = {
  fails: failureOf('unavailable', 'DOWN', 'down'),
  refuses: failureOf('resource_exhausted', 'QUOTA', 'too many', { ran: 'no' }),
  'is wrong': failureOf('invalid_argument', 'WRONG', 'wrong'),
}

/** So long a budget remembers, in virtual time: longer than any run lasts. */
const budgetSeconds = 1_000
const windowMs = 100

const onceKeyOf = (request: unknown) => (firstOf(request) % 6 === 0 ? undefined : String(firstOf(request) % 6))

interface Mix {
  readonly first: Settings
  readonly fixed: FixedSettings
  readonly counts: Counts
  readonly lifted: LiftedMix
  readonly clock: ManualClock
}

export function policiesFor({ first, fixed, counts, lifted, clock }: Mix) {
  const { ratio, reserve, hasKeys, algorithm, sharesLimit } = fixed
  const random = seededRandom(fixed.seed)
  const inForce = [first]
  /** From when on each limit was in force; the latest last. */
  const limitsSince = [{ at: Number.NEGATIVE_INFINITY, limit: first.limit }]
  const store = slowStore({ clock, random, delayMs: fixed.storeMs, failing: fixed.failing })
  const budget = retryBudget({
    ratio,
    minPerSecond: reserve / budgetSeconds,
    ttlMs: budgetSeconds * 1_000,
  })
  const keyOf = (request: unknown) => (hasKeys ? keyAmong(3, request) : 'all')
  const key = hasKeys ? { key: keyOf } : {}
  const toldKeyOf = (request: unknown) => (hasKeys ? keyOf(request) : undefined)
  const besidePlaces = counts.countOthers(toldKeyOf, 0)
  const besideLimit = counts.countOthers(toldKeyOf, windowMs + mostStoreMs) // what is taken is known later

  const options = {
    timeout: ({ timeoutMs }: Settings) => ({ timeoutMs }),
    retry: ({ maxAttempts, baseMs, attemptTimeoutMs }: Settings) => ({
      maxAttempts,
      baseMs,
      ...(attemptTimeoutMs !== undefined && { attemptTimeoutMs }),
    }),
    bulkhead: ({ maxConcurrent, maxQueue, maxKeys, order }: Settings) => ({ maxConcurrent, maxQueue, maxKeys, order }),
    breaker: ({ consecutiveFailures, openMs }: Settings) => ({ consecutiveFailures, openMs }),
    shed: ({ shedLimit, maxQueue }: Settings) => ({ maxLimit: shedLimit, maxQueue }),
    rateLimit: ({ limit, whenLimited, maxKeys }: Settings) => ({ limit, whenLimited, maxKeys }),
    hedge: ({ baseMs }: Settings) => ({ minDelayMs: baseMs + 1 }),
    singleFlight: ({ keys, maxKeys }: Settings) => ({
      key: (request: unknown) => keyAmong(keys, request),
      maxKeys,
    }),
    cache: ({ keys, ttlMs, maxKeys }: Settings) => ({
      key: (request: unknown) => keyAmong(keys, request),
      ttlMs,
      staleMs: ttlMs,
      maxEntries: maxKeys,
    }),
    expiry: ({ baseMs }: Settings) => ({ minRemainingMs: baseMs / 10 }),
    inject: ({ injected, baseMs }: Settings) => ({ ratio: injected, latencyMs: baseMs }),
    fallback: () => ({ respond: () => ({ of: 'instead' }) }),
    collapse: (given: Settings) => ({
      key: (request: unknown) => keyAmong(2, request),
      toBatch(requests: readonly unknown[]) {
        if (requests.length > given.maxBatch) counts.wrongs.push(`${requests.length} in a batch of ${given.maxBatch}`)
        if (new Set(requests.map(request => keyAmong(2, request))).size > 1) counts.wrongs.push('two keys in a batch')
        return requests.flatMap(idsOf)
      },
      fromBatch: (response: unknown, requests: readonly unknown[]) => requests.map(() => ({ of: response })),
      windowMs: given.batchMs,
      maxBatch: given.maxBatch,
      maxBatches: given.maxKeys,
    }),
    idempotencyKey: ({ whenRunning, ttlMs }: Settings) => ({ whenRunning, ttlMs: ttlMs * 10_000 }),
    policy: ({ lifted: given }: Settings) => lifted.options(given),
  }

  const held = bulkhead({
    ...options.bulkhead(first),
    ...key,
    onEvent: event => {
      if (held.keys < (held.options.maxKeys ?? 0) || !hasKeys) besidePlaces.refused(event)
    },
  })
  const limits = shed({ ...options.shed(first), initialLimit: first.shedLimit, minLimit: 1, maxLoopDelayMs: Infinity })
  /** The largest limit of the window that ends now. */
  const most = () => {
    const before = limitsSince.findLastIndex(({ at }) => at <= clock.now() - windowMs)
    return Math.max(...limitsSince.slice(before).map(({ limit }) => limit))
  }
  const taken = counts.countTaken(most, windowMs, keyOf)
  const limited = rateLimit({
    ...options.rateLimit(first),
    ...key,
    windowMs,
    ...(sharesLimit ? { store, name: 'limited', whenStoreFails: 'closed' as const } : { algorithm }),
    onEvent(event) {
      taken.forget(event)
      besideLimit.refused(event)
    },
  })
  const again = retry({
    ...options.retry(first),
    random,
    budget,
    onEvent(event) {
      if (event.type === 'retried') counts.retries++
      else if (event.why === 'budget') counts.unpaid++
    },
  })
  const once = idempotencyKey({
    ...options.idempotencyKey(first),
    key: onceKeyOf,
    principal: 'none',
    fingerprint: () => 'the same',
    store,
    leaseMs: 600_000, // a renewal that was left would be set still
  })
  const { lifted: execute, maxAttempts } = options.policy(first)
  const policies = {
    timeout: timeout(options.timeout(first)),
    retry: again,
    bulkhead: held,
    breaker: breaker(options.breaker(first)),
    shed: limits,
    rateLimit: limited,
    hedge: hedge({ ...options.hedge(first), minCalls: 1, maxExtraRatio: 1 }),
    singleFlight: singleFlight(options.singleFlight(first)),
    cache: cache(options.cache(first)),
    expiry: expiry(options.expiry(first)),
    inject: inject({ ...options.inject(first), failure: failures.fails, random }),
    fallback: fallback(options.fallback()),
    collapse: collapse(options.collapse(first)),
    idempotencyKey: once,
    policy: lift(execute, { maxAttempts }),
  }
  const haveKey = (one: number, other: number) =>
    inForce.some(({ keys }) => keyAmong(keys, one) === keyAmong(keys, other))
  const all: Readonly<Record<Name, Middleware>> = {
    ...policies,
    retry: chain(counts.countPasses, again, counts.countAttempts),
    bulkhead: chain(
      besidePlaces.layer,
      held,
      counts.countPlaces(() => held.options.maxConcurrent, keyOf),
    ),
    shed: chain(
      limits,
      counts.countPlaces(
        () => limits.options.maxLimit ?? 0,
        () => 'all',
      ),
    ),
    rateLimit: chain(besideLimit.layer, limited, taken.layer),
    singleFlight: counts.sameKey(policies.singleFlight, haveKey),
    cache: counts.sameKey(policies.cache, haveKey),
    fallback: policies.fallback as Middleware, // its responses are of the same type here
    collapse: policies.collapse as unknown as Middleware, // anything is a request of this service, a batch too
    idempotencyKey: chain(once, counts.countKeys(onceKeyOf)),
    policy: chain(policies.policy, lifted.beneath),
  }
  return {
    all,
    /** Gives one of them other options. */
    change(name: Name, given: Settings): void {
      inForce.push(given)
      if (name === 'rateLimit') limitsSince.push({ at: clock.now(), limit: given.limit })
      counts.changedAt = clock.now()
      const policy: { configure(changes: object): void } = policies[name] as never // each takes its own
      policy.configure(options[name](given))
    },
    onEvent(name: Name, listener: () => void): void {
      policies[name].onEvent(listener)
    },
    mostAttempts: () => Math.max(...inForce.map(({ maxAttempts }) => maxAttempts)),
    mostLiftedAttempts: () => Math.max(...inForce.map(given => attemptsOf(given.lifted))),
    /** What goes on and waits. */
    get left(): readonly number[] {
      const { singleFlight, collapse } = policies
      return [
        held.inFlight,
        held.queued,
        held.keys,
        limits.inFlight,
        limits.queued,
        limited.queued,
        singleFlight.inFlight,
        collapse.inFlight,
        policies.timeout.overdue,
      ]
    },
    mostRetries: () => ratio * counts.passes + reserve,
  }
}

export type Made = ReturnType<typeof policiesFor>

export const names = [
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
  'policy',
] as const
export type Name = (typeof names)[number]
