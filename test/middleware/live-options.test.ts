/** Options that change while calls go on: each call goes on with those it began with, and what is not allowed changes nothing. */
import { beforeEach, describe, expect, test } from 'vitest'
import {
  around,
  call,
  chain,
  type Failure,
  failed,
  failureOf,
  fromPromise,
  fromRemote,
  type Left,
  left,
  type MethodInfo,
  manualClock,
  mockEndpoint,
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
  policy as lift,
  mayRetry,
  type RetryEvent,
  rateLimit,
  retry,
  retryBudget,
  shed,
  singleFlight,
  timeout,
} from '../../src/middleware/index.js'
import { memoryStore } from '../../src/store/index.js'
import { deep } from '../deep.js'
import { hashPromptly } from './prompt-hashes.js'

beforeEach(hashPromptly)

const method: MethodInfo = { service: 'shop.v1.Stock', name: 'get', idempotency: 'safe' }
const updates = deep(2_000, 100_000)
/** Options of `retry` that belong together; one can be told from the other by any of them. */
const profiles = [1, 2, 3, 4].map(k => ({
  maxAttempts: k + 1,
  baseMs: 16 * k,
  maxMs: 16 * k,
  factor: 1,
  attemptTimeoutMs: 100 * k,
}))

const noFunctions = ['a', null, 7, {}, true]
const noObjects = ['a', 7, true, {}, () => 1]
const noNumbers = [Number.NaN, Number.NEGATIVE_INFINITY, -1, '7', null, true, {}, () => 1]

interface Batch {
  readonly madeBy: number
  readonly of: readonly number[]
}

interface Answers {
  readonly madeBy: number
  readonly outcomes: readonly (string | Left<Failure>)[]
}

/**
 * Options of `collapse`, `fallback` and `idempotencyKey` that belong together: of the functions that one call or batch asks one after
 * the other, the later ones look whether the earlier ones were of the same options.
 */
function mixtures(requests: WeakMap<object, number>) {
  const seen = {
    policy: { right: 0, wrong: 0 },
    collapse: { right: 0, wrong: 0 },
    fallback: { right: 0, wrong: 0 },
    idempotencyKey: { right: 0, wrong: 0 },
  }
  const look = (name: keyof typeof seen, isRight: boolean) => void seen[name][isRight ? 'right' : 'wrong']++
  const replacedBy = new WeakMap<Failure, number>()
  const begunBy = new Map<number, number>()
  const keyedBy = new Map<number, number>()
  let runBy = 0
  /** Looks, beneath `policy`, whether the attempts that it tells of are those of the options by which it runs the call. */
  const beneath = around({
    name: 'beneath',
    enter: ({ maxAttempts }) => look('policy', maxAttempts === runBy + 100),
  })
  return {
    seen,
    beneath,
    policy: (k: number) => ({
      maxAttempts: k + 100, // more than whoever is around it makes
      lifted: {
        async execute<T>(run: (context: { readonly signal: AbortSignal }) => PromiseLike<T> | T, signal?: AbortSignal) {
          runBy = k // until the call is beneath it, which is at once
          return run({ signal: signal ?? new AbortController().signal })
        },
      },
    }),
    collapse: (k: number) => ({
      windowMs: k % 10,
      maxBatch: k,
      key: (request: number) => {
        keyedBy.set(request, k)
        return 'all'
      },
      toBatch: (of: readonly number[]): Batch => {
        if (of.length > k || of.some(request => keyedBy.get(request) !== k)) look('collapse', false)
        return { madeBy: k, of }
      },
      fromBatch: ({ madeBy, outcomes }: Answers) => {
        look('collapse', madeBy === k)
        return outcomes
      },
    }),
    fallback: (k: number) => ({
      respond: (failure: Failure) => {
        look('fallback', replacedBy.get(failure) === k)
        return 'instead'
      },
      shouldFallBack: (failure: Failure) => {
        replacedBy.set(failure, k)
        return failure.reason === 'DOWN' && (requests.get(failure) ?? 0) % 5 === 0
      },
    }),
    idempotencyKey: (k: number) => ({
      ttlMs: k,
      fingerprint: (request: unknown) => {
        begunBy.set(Number(request), k)
        return 'the same'
      },
      shouldKeep: (failure: Failure) => {
        const request = requests.get(failure)
        if (request !== undefined) look('idempotencyKey', begunBy.get(request) === k)
        return k % 2 === 0
      },
    }),
  }
}

interface Changing {
  readonly policy: string
  readonly options: object
  configure(changes: object): void
}

test('under load, no call sees a mixture, and what is not allowed is refused with a reason', {
  timeout: 600_000,
}, async () => {
  const clock = manualClock()
  const random = seededRandom(7)
  const seen: Map<number, RetryEvent[]> = new Map()
  const upTo = (max: number) => 1 + Math.floor(random.next() * max)

  const again = retry({
    ...profiles[0],
    budget: retryBudget({ minPerSecond: Infinity }),
    random: { next: () => 0.5 },
    // The request is not told to it; the failure carries it.
    onEvent: event => {
      const id = 'message' in event.failure ? requests.get(event.failure) : undefined
      if (id !== undefined) seen.set(id, [...(seen.get(id) ?? []), event])
    },
  })
  const others = {
    total: timeout({ timeoutMs: 2_000, name: 'total' }),
    remembered: cache({ key: request => (Number(request) % 7 === 0 ? 'same' : undefined), ttlMs: 10 }),
    joined: singleFlight({ key: request => (Number(request) % 11 === 0 ? 'same' : undefined) }),
    limit: rateLimit({ limit: 1_000, windowMs: 1_000 }),
    overload: shed({ maxLoopDelayMs: Infinity }),
    places: bulkhead({ maxConcurrent: 100 }),
    fuse: breaker({ minCalls: 1_000_000 }),
    left: expiry(),
    quick: hedge(),
    faults: inject({ ratio: 0, random: seededRandom(8) }),
  }
  const requests = new WeakMap<object, number>()
  const runs = new Map<number, number>()
  const alone = async (request: number) => {
    const attempt = (runs.get(request) ?? 0) + 1 // not the context's: those are of the policy that is nearest
    runs.set(request, attempt)
    await new Promise<void>(resolve => void clock.setTimer(resolve, upTo(40)))
    if (request % 3 !== 0 && attempt < 4) {
      const failure = failureOf('unavailable', 'DOWN', 'down')
      requests.set(failure, request)
      return left(failure)
    }
    return right('done')
  }
  const mixed = mixtures(requests)
  const batched = collapse(mixed.collapse(1))
  const instead = fallback(mixed.fallback(1))
  const once = idempotencyKey({
    // Not those that share a run further in: their failure may be of another call.
    key: request =>
      [1, 2, 3].includes(Number(request) % 11) && Number(request) % 7 !== 0 ? `${Number(request) % 110}` : undefined,
    principal: 'none',
    store: memoryStore({ clock }),
    ...mixed.idempotencyKey(1),
  })
  const service = fromRemote<Batch, Answers>(
    'service',
    async ({ madeBy, of }) => {
      const outcomes = await Promise.all(of.map(alone))
      return right({ madeBy, outcomes: outcomes.map(outcome => (outcome._tag === 'Left' ? outcome : outcome.right)) })
    },
    method,
  )
  const { total, remembered, joined, limit, overload, places, fuse, left: expired, quick, faults } = others
  const { lifted: firstLifted, ...firstOptions } = mixed.policy(1)
  const elsewhere = lift(firstLifted, firstOptions)
  const known = chain(total, remembered, joined, limit, overload, again, places, fuse, expired, quick, faults)
  const stack = chain(known, elsewhere, mixed.beneath)
  const endpoint = once(instead(stack(batched(service))))

  const changes: readonly (readonly [Changing, () => object, () => object])[] = [
    [again, () => ({ ...profiles[upTo(4) - 1] }), () => ({ maxAttempts: 9, baseMs: -1 })],
    [total, () => ({ timeoutMs: 500 + upTo(2_000) }), () => ({ timeoutMs: 0 })],
    [remembered, () => ({ ttlMs: upTo(50), maxEntries: upTo(100) }), () => ({ ttlMs: 5, maxEntries: 0 })],
    [
      joined,
      () => ({ key: (request: unknown) => (Number(request) % 11 === 0 ? 'same' : undefined) }),
      () => ({ key: 'a' }),
    ],
    [limit, () => ({ limit: upTo(2_000), windowMs: upTo(2_000) }), () => ({ limit: 1, windowMs: Number.NaN })],
    [overload, () => ({ minLimit: upTo(5), maxLimit: 5 + upTo(500) }), () => ({ minLimit: 50, maxLimit: 5 })],
    [places, () => ({ maxConcurrent: upTo(100), maxQueue: upTo(20) }), () => ({ maxConcurrent: 1, maxQueue: 0.5 })],
    [fuse, () => ({ openMs: upTo(100), windowMs: 1_000 + upTo(9_000) }), () => ({ openMs: 10, errorRatio: 7 })],
    [expired, () => ({ minRemainingMs: upTo(20) }), () => ({ minRemainingMs: -1 })],
    [quick, () => ({ percentile: random.next() * 0.5 + 0.4 }), () => ({ percentile: 1 })],
    [batched, () => mixed.collapse(upTo(50)), () => ({ ...mixed.collapse(3), maxBatch: 0 })],
    [instead, () => mixed.fallback(upTo(50)), () => ({ ...mixed.fallback(3), hidesRefusals: 'no' })],
    [once, () => mixed.idempotencyKey(upTo(50)), () => ({ ...mixed.idempotencyKey(3), ttlMs: 0 })],
    [elsewhere, () => mixed.policy(upTo(50)), () => ({ ...mixed.policy(3), maxAttempts: 0 })],
    [faults, () => ({ ratio: random.next() * 0.05, latencyMs: upTo(10) }), () => ({ ratio: 0, latency: 1 })],
  ]
  /** What is not allowed: what no single option tells, an option that there is not, or any of those that may change, given wrongly. */
  const wrongly = (change: Record<string, unknown>, together: () => object): object => {
    const chance = random.next()
    if (chance < 0.2) return together()
    if (chance < 0.3) return { ...change, nothing: 1 }
    const key = Object.keys(change)[upTo(Object.keys(change).length) - 1] ?? expect.fail()
    const given = { function: noFunctions, object: noObjects, number: noNumbers }[typeof change[key] as 'number']
    return { ...change, [key]: given[upTo(given.length) - 1] }
  }
  const counts = { begun: 0, ended: 0, refused: 0 }
  for (let i = 0; i < updates; i++) {
    const [policy, allowed, wrong] = changes[Math.floor(random.next() * changes.length)] ?? expect.fail()
    const before = policy.options
    if (i % 10 === 9) {
      const change = wrongly(allowed() as Record<string, unknown>, wrong)
      expect(() => policy.configure(change)).toThrow(/^\w+: .+/)
      expect(policy.options).toBe(before)
      counts.refused++
    } else {
      const change = allowed()
      policy.configure(change)
      expect(policy.options).toEqual({ ...before, ...change })
    }
    counts.begun++
    void call(endpoint, i, { context: testContext({ clock }), deadlineMs: 5_000 }).then(() => counts.ended++)
    if (i % 4 === 0) await clock.advance(upTo(8))
  }
  await clock.advance(60_000)

  expect(counts).toEqual({ begun: updates, ended: updates, refused: Math.floor(updates / 10) })
  let retried = 0
  for (const events of seen.values()) {
    const waits = events.flatMap(event => (event.type === 'retried' ? [event.waitMs] : []))
    const profile =
      profiles.find(({ baseMs }) => waits.length === 0 || baseMs / 2 === waits[0]) ??
      expect.fail(`a wait of ${waits[0]}`)
    expect(new Set(waits).size).toBeLessThanOrEqual(1) // all of one profile
    if (waits.length === 0) continue
    retried++
    for (const event of events) {
      expect(event.attempt).toBeLessThanOrEqual(profile.maxAttempts)
      if (event.type === 'gave-up' && event.why === 'attempts') expect(event.attempt).toBe(profile.maxAttempts)
    }
  }
  expect(retried).toBeGreaterThan(updates / 20) // it was tried
  for (const [name, { right, wrong }] of Object.entries(mixed.seen)) {
    expect([name, wrong]).toEqual([name, 0])
    expect([name, right > updates / 400]).toEqual([name, true])
  }
  expect(mayRetry).toBe(again.options.shouldRetry)
  expect([places.inFlight, places.queued, overload.inFlight, overload.queued, clock.pendingTimers]).toEqual([
    0, 0, 0, 0, 0,
  ])
})

test.each([
  ['attemptTimeoutMs', retry({ attemptTimeoutMs: 50 }), { attemptTimeoutMs: undefined }],
  ['windowCalls', breaker({ windowCalls: 5 }), { windowCalls: undefined }],
  ['maxOpenMs', breaker({ maxOpenMs: 9_000 }), { maxOpenMs: undefined }],
  ['burst', rateLimit({ limit: 5, windowMs: 1_000, burst: 2 }), { burst: undefined }],
] as const)('%s can be taken back', async (name, policy, changes) => {
  expect(policy.options).toHaveProperty(name)
  ;(policy as Changing).configure(changes)
  expect(policy.options).not.toHaveProperty(name)
})

test('an attempt has all the time of the call once attemptTimeoutMs is taken back', async () => {
  const clock = manualClock()
  const policy = retry({ attemptTimeoutMs: 50, maxAttempts: 1 })
  const slow = policy(
    fromPromise(() => new Promise(resolve => void clock.setTimer(() => resolve('done'), 200)), method),
  )
  const outcome = async () => {
    const answer = call(slow, {}, { context: testContext({ clock }) })
    await clock.advance(300)
    return await answer
  }
  expect(await outcome()).toMatchObject({ left: { reason: 'TIMEOUT' } })
  policy.configure({ attemptTimeoutMs: undefined })
  expect(await outcome()).toEqual(right('done'))
})

describe('what the stack above has not', () => {
  test('collapse: a batch goes on with the options that it began with', async () => {
    const clock = manualClock()
    const context = testContext({ clock })
    const mock = mockEndpoint<readonly number[], readonly number[]>()
    const policy = collapse({
      key: () => 'all',
      toBatch: (requests: readonly number[]) => requests,
      fromBatch: (responses: readonly number[]) => responses,
      windowMs: 20,
    })
    const endpoint = policy(mock.endpoint)
    const first = call(endpoint, 1, { context })
    const joined = call(endpoint, 2, { context })
    policy.configure({ maxBatch: 1, windowMs: 1_000, fromBatch: responses => responses.map(each => -each) })
    const apart = call(endpoint, 4, { context }) // has begun with other options, so that it has a batch of its own
    const own = await mock.next()
    own.respond(own.request)
    expect(await apart).toEqual(right(-4))
    await clock.advance(20)
    const batch = await mock.next()
    batch.respond(batch.request)
    expect([await first, await joined]).toEqual([right(1), right(2)])

    const alone = call(endpoint, 3, { context }) // of one request, and full at once
    const another = await mock.next()
    another.respond(another.request)
    expect(await alone).toEqual(right(-3))
    expect(() => policy.configure({ maxBatch: 0, windowMs: 1 })).toThrow('collapse: maxBatch must be')
    expect([policy.options.windowMs, clock.pendingTimers]).toEqual([1_000, 0])
  })

  test('fallback: a call goes on with those it began with, all of them', async () => {
    const mock = mockEndpoint<object, string>(method)
    const before = { respond: () => 'before', shouldFallBack: ({ reason }: Failure) => reason === 'BEFORE' }
    const after = { respond: () => 'after', shouldFallBack: ({ reason }: Failure) => reason === 'AFTER' }
    const policy = fallback<object, string>(before)
    const endpoint = policy(mock.endpoint)
    const outcome = async (reason: string, change?: typeof after) => {
      const answer = call(endpoint, {})
      const { fail } = await mock.next()
      if (change !== undefined) policy.configure(change)
      fail(failureOf('unavailable', reason, ''))
      return await answer
    }
    expect(await outcome('BEFORE')).toEqual(right('before'))
    expect(await outcome('BEFORE', after)).toEqual(right('before'))
    expect(await outcome('AFTER')).toEqual(right('after'))
    expect(await outcome('BEFORE')).toMatchObject({ left: { reason: 'BEFORE' } })
    expect(() => policy.configure({ ...before, hidesRefusals: 'no' as never })).toThrow(
      'fallback: hidesRefusals must be',
    )
    expect(await outcome('AFTER')).toEqual(right('after'))
  })

  test('idempotencyKey: a call goes on with those it began with', async () => {
    const clock = manualClock()
    const store = memoryStore({ clock })
    const policy = idempotencyKey({ key: () => 'k', principal: 'none', store, shouldKeep: () => false })
    let runs = 0
    const endpoint = policy(
      fromPromise(async () => {
        runs++
        policy.configure({ shouldKeep: () => true }) // for the next one
        return failed('unavailable', 'DOWN', '')
      }, method),
    )
    const context = testContext({ clock })
    for (const expected of [1, 2, 2]) {
      expect(await call(endpoint, {}, { context })).toMatchObject({ left: { reason: 'DOWN' } })
      expect(runs).toBe(expected)
    }
    expect(() => policy.configure({ ttlMs: 0 })).toThrow('idempotencyKey: ttlMs must be')
    expect(() => policy.configure({ store: memoryStore() })).toThrow('idempotencyKey: store cannot change')
  })
})
