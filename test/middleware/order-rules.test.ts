/**
 * What `lint` rejects, each with the harm that it does: the same calls through the wrong stack and through the right one, and what
 * becomes of them.
 */
import { retry as cockatielRetry, handleAll, noop } from 'cockatiel'
import { beforeEach, describe, expect, test } from 'vitest'
import { apiKey, apiKeys, authenticate, authorize, createApiKey, roles } from '../../src/auth/index.js'
import {
  around,
  CallError,
  call,
  chain,
  type Endpoint,
  type Failure,
  failed,
  failureOf,
  fromPromise,
  isLeft,
  isRight,
  type Left,
  lint,
  type ManualClock,
  type MethodInfo,
  type Middleware,
  manualClock,
  right,
  testContext,
} from '../../src/core/index.js'
import {
  breaker,
  bulkhead,
  cache,
  collapse,
  fallback,
  hedge,
  idempotencyKey,
  mayRetry,
  orderRules,
  policy,
  rateLimit,
  resilientClient,
  resilientServer,
  retry,
  shed,
  singleFlight,
  timeout,
} from '../../src/middleware/index.js'
import { memoryStore } from '../../src/store/index.js'
import { hashPromptly } from './prompt-hashes.js'

const safe: MethodInfo = { service: 'shop.v1.Stock', name: 'get', idempotency: 'safe' }
const unsafe: MethodInfo = { ...safe, name: 'reserve', idempotency: 'unsafe' }
const pause = (clock: ManualClock, ms: number) => new Promise<void>(resolve => void clock.setTimer(resolve, ms))
const half = { next: () => 0.5 }

const rulesOf = (endpoint: object): readonly string[] => lint(endpoint).map(finding => finding.rule)

/** Calls at once, and what came of them when `ms` have passed. */
async function outcomes(
  endpoint: Endpoint<unknown, unknown>,
  calls: number,
  { clock, ms = 20_000 }: { readonly clock: ManualClock; readonly ms?: number },
) {
  const context = testContext({ clock })
  const running = Array.from({ length: calls }, (_, i) => call(endpoint, i, { context }))
  await clock.advance(ms)
  return await Promise.all(running)
}

/** A service that takes 60 ms for each call, and how many it was given. */
function slowService(clock: ManualClock, tookMs = 60, method = safe) {
  const service = { runs: 0, most: 0, running: 0 }
  const endpoint = fromPromise(async (_: unknown, _context: object) => {
    service.runs++
    service.most = Math.max(service.most, ++service.running)
    await pause(clock, tookMs)
    service.running--
    return 'done'
  }, method)
  return { service, endpoint }
}

describe('limiter-inside-breaker', () => {
  const breakerOf = () => breaker({ slowCallMs: 100, slowRatio: 0.5, minCalls: 4 })

  test.each<[string, () => Middleware]>([
    ['bulkhead', () => bulkhead({ maxConcurrent: 1, maxQueue: 10 })],
    ['rateLimit', () => rateLimit({ limit: 1, windowMs: 60, whenLimited: 'wait', maxQueue: 10 })],
    [
      'shed',
      () =>
        shed({
          initialLimit: 1,
          minLimit: 1,
          maxLimit: 1,
          maxQueue: 10,
          targetMs: 500,
          intervalMs: 1_000,
          maxLoopDelayMs: Infinity,
        }),
    ],
  ])('the queue of %s opens the breaker of a healthy service', async (_, narrow) => {
    const clock = manualClock()
    const [wrong, right] = [breakerOf(), breakerOf()]
    const inside = chain(wrong, narrow())(slowService(clock).endpoint)
    expect(rulesOf(inside)).toEqual(['limiter-inside-breaker'])
    await outcomes(inside, 6, { clock })
    expect(wrong.state).toBe('open')

    const outside = chain(narrow(), right)(slowService(clock).endpoint)
    expect(rulesOf(outside)).toEqual([])
    expect((await outcomes(outside, 6, { clock })).every(isRight)).toBe(true)
    expect(right.state).toBe('closed')
  })

  test('refusals of a limiter of another make open it', async () => {
    const limiter = () => {
      let calls = 0
      return around({
        name: 'quota',
        role: 'rateLimit',
        enter: () => (++calls > 1 ? failed('unavailable', 'QUOTA', 'too many') : undefined),
      })
    }
    const states = []
    for (const order of ['breaker outside', 'breaker inside']) {
      const guarded = breaker({ consecutiveFailures: 3 })
      const stack = order === 'breaker outside' ? chain(guarded, limiter()) : chain(limiter(), guarded)
      const endpoint = stack(fromPromise(() => 1, safe))
      for (let i = 0; i < 5; i++) await call(endpoint, 1)
      states.push([guarded.state, rulesOf(endpoint)])
    }
    expect(states).toEqual([
      ['open', ['limiter-inside-breaker']],
      ['closed', []],
    ])
  })
})

test('timeout-outside-breaker: the service pays for the time that calls wait before it', async () => {
  const clock = manualClock()
  const [wrong, right] = [breaker({ consecutiveFailures: 3 }), breaker({ consecutiveFailures: 3 })]
  const crowded = chain(
    timeout({ timeoutMs: 100 }),
    bulkhead({ maxConcurrent: 3, maxQueue: 20 }),
    wrong,
  )(slowService(clock).endpoint)
  expect(rulesOf(crowded)).toEqual(['timeout-outside-breaker'])
  await outcomes(crowded, 12, { clock })
  expect(wrong.state).toBe('open')

  const inside = chain(
    bulkhead({ maxConcurrent: 3, maxQueue: 20 }),
    right,
    timeout({ timeoutMs: 100 }),
  )(slowService(clock).endpoint)
  expect(rulesOf(inside)).toEqual([])
  expect((await outcomes(inside, 12, { clock })).every(isRight)).toBe(true)
  expect(right.state).toBe('closed')
})

test('timeout-outside-breaker: nobody waits before it where nothing between makes calls wait', () => {
  const leaf = fromPromise((_: unknown, _context: object) => 1, safe)
  const places = bulkhead({ maxConcurrent: 1 })
  const stack = chain(timeout({ timeoutMs: 100 }), places, breaker())(leaf)
  expect(rulesOf(stack)).toEqual([])
  expect(rulesOf(chain(timeout({ timeoutMs: 100 }), breaker())(leaf))).toEqual([])
  places.configure({ maxQueue: 1 })
  expect(rulesOf(stack)).toEqual(['timeout-outside-breaker'])
  const unknown = around({ name: 'mine' })
  expect(rulesOf(chain(timeout({ timeoutMs: 100 }), unknown, breaker())(leaf))).toEqual(['timeout-outside-breaker'])
})

describe('retry-inside-breaker', () => {
  const cockatiels = () => policy(cockatielRetry(handleAll, { maxAttempts: 2 }))

  test.each<[string, () => Middleware]>([
    ['retry', () => retry({ random: half })],
    ['a lifted retry', cockatiels],
  ])('a service that is down is called three times as often through %s', async (_, attempts) => {
    const clock = manualClock()
    const runs = async (order: (fuse: Middleware) => Middleware) => {
      const fuse = breaker({ consecutiveFailures: 3, openMs: 5_000 })
      let count = 0
      const endpoint = order(fuse)(
        fromPromise((_: unknown, _context: object) => {
          count++
          return failed('unavailable', 'DOWN', 'down')
        }, safe),
      )
      const context = testContext({ clock })
      const told = async () => {
        const outcome = call(endpoint, 1, { context })
        await clock.advance(4_000)
        await outcome
      }
      while (fuse.state === 'closed') await told()
      const untilOpen = count
      await clock.advance(5_000)
      await told()
      return { untilOpen, probe: count - untilOpen, rules: rulesOf(endpoint) }
    }
    const wrong = { untilOpen: 9, probe: 3, rules: ['retry-inside-breaker'] }
    expect(await runs(fuse => chain(fuse, attempts()))).toEqual(wrong)
    expect(await runs(fuse => chain(attempts(), fuse))).toEqual({ untilOpen: 3, probe: 1, rules: [] })
  })

  test('a breaker inside the retry counts the attempts for another one around both', () => {
    const leaf = fromPromise((_: unknown, _context: object) => 1, safe)
    expect(rulesOf(chain(breaker(), retry(), breaker())(leaf))).toEqual([])
  })
})

test('retry-unsafe: what was done is done again', async () => {
  const clock = manualClock()
  const reserved = async (options: Parameters<typeof retry>[0]) => {
    let done = 0
    const reserve = fromPromise((_: unknown, _context: object) => {
      done++
      return failed('unavailable', 'LOST', 'the answer was lost')
    }, unsafe)
    const endpoint = retry(options)(reserve)
    await outcomes(endpoint, 1, { clock })
    return { done, rules: rulesOf(endpoint) }
  }
  expect(await reserved({ shouldRetry: () => true })).toEqual({ done: 3, rules: ['retry-unsafe'] })
  expect(await reserved({})).toEqual({ done: 1, rules: [] })
  expect(rulesOf(retry({ shouldRetry: () => true })(fromPromise(() => 1, safe)))).toEqual([])
  expect(rulesOf(retry({ shouldRetry: () => true })(fromPromise(() => 1)))).toEqual(['retry-unsafe'])
  expect(rulesOf(retry({ shouldRetry: mayRetry })(fromPromise(() => 1, unsafe)))).toEqual([])
})

test.each(['a timeout inside', 'attemptTimeoutMs'])(
  'attempt-longer-than-total: an attempt that hangs is never retried (%s)',
  async how => {
    const clock = manualClock()
    const hangsOnce = (attemptMs: number) => {
      const attempts =
        how === 'attemptTimeoutMs'
          ? retry({ attemptTimeoutMs: attemptMs })
          : chain(retry(), timeout({ timeoutMs: attemptMs }))
      const once = fromPromise((_: unknown, { attempt }) => (attempt === 1 ? new Promise(() => {}) : 'done'), safe)
      return chain(timeout({ timeoutMs: 1_000 }), attempts)(once)
    }
    expect(rulesOf(hangsOnce(1_000))).toEqual(['attempt-longer-than-total'])
    expect((await outcomes(hangsOnce(1_000), 1, { clock })).every(isLeft)).toBe(true)
    expect(rulesOf(hangsOnce(300))).toEqual([])
    expect((await outcomes(hangsOnce(300), 1, { clock })).every(isRight)).toBe(true)
  },
)

test("attempt-longer-than-total: nor is one where the method's own deadline is nearer", async () => {
  const clock = manualClock()
  const hangsOnce = (attemptTimeoutMs: number) =>
    retry({ attemptTimeoutMs })(
      fromPromise((_: unknown, { attempt }) => (attempt === 1 ? new Promise(() => {}) : 'done'), {
        ...safe,
        deadlineMs: 900,
      }),
    )
  expect(rulesOf(hangsOnce(900))).toEqual(['attempt-longer-than-total'])
  expect((await outcomes(hangsOnce(900), 1, { clock })).every(isLeft)).toBe(true)
  expect(rulesOf(hangsOnce(300))).toEqual([])
  expect((await outcomes(hangsOnce(300), 1, { clock })).every(isRight)).toBe(true)
})

describe('retry-above-retry', () => {
  test.each([
    { evenBeneathRetries: true, runs: 9 },
    { evenBeneathRetries: false, runs: 3 },
  ])('attempts multiply, or the inner one is idle: $runs runs', async ({ runs, ...inner }) => {
    const clock = manualClock()
    let ran = 0
    const down = fromPromise((_: unknown, _context: object) => {
      ran++
      return failed('unavailable', 'DOWN', 'down')
    }, safe)
    const endpoint = chain(retry(), retry(inner))(down)
    expect(rulesOf(endpoint)).toEqual(['retry-above-retry'])
    expect(lint(endpoint)[0]?.message).toMatch(inner.evenBeneathRetries ? /multiply/ : /never retries/)
    await outcomes(endpoint, 1, { clock })
    expect(ran).toBe(runs)
  })
})

describe('with a lifted retry of cockatiel, which does not ask who else makes attempts', () => {
  const lifted = (maxAttempts?: number) =>
    policy(cockatielRetry(handleAll, { maxAttempts: 2 }), maxAttempts === undefined ? {} : { maxAttempts })

  /**
   * Until it has an outcome: cockatiel waits on the machine's clock, for nothing here. Meanwhile the other clock runs far ahead, on a busy
   * machine by minutes, which must not be the end of the call.
   */
  const ended = async (endpoint: Endpoint<unknown, unknown>, clock: ManualClock) => {
    let isOver = false
    const outcome = call(endpoint, 1, { context: testContext({ clock }), deadlineMs: 86_400_000 }).finally(() => {
      isOver = true
    })
    while (!isOver) {
      await clock.advance(20)
      await new Promise(setImmediate)
    }
    return outcome
  }

  test.each<[string, Middleware, runs: number, says: RegExp]>([
    ['beneath ours', chain(retry(), lifted()), 9, /'policy' retries beneath 'retry': attempts multiply/],
    ['beneath another', chain(lifted(3), lifted(3)), 9, /attempts multiply/],
    [
      'around ours, which is told from the second attempt on',
      chain(lifted(), retry()),
      5,
      /'retry' retries beneath 'policy'/,
    ],
    ['around ours, which is told of it', chain(lifted(3), retry()), 3, /never retries/],
  ])('retry-above-retry: %s', async (_, stack, runs, says) => {
    const clock = manualClock()
    let ran = 0
    const down = fromPromise((_request: unknown, _context: object) => {
      ran++
      return failed('unavailable', 'DOWN', 'down')
    }, safe)
    expect(lint(stack(down))).toMatchObject([{ rule: 'retry-above-retry', message: expect.stringMatching(says) }])
    await ended(stack(down), clock)
    expect(ran).toBe(runs)
    expect(rulesOf(lifted(3)(down))).toEqual([])
    expect(rulesOf(chain(retry(), policy(noop))(down))).toEqual([])
  })

  test('hedge-with-retry: each of the two attempts is tried again', async () => {
    const clock = manualClock()
    let runs = 0
    let tookMs = 5
    const flaky = fromPromise(async (_: unknown, _context: object) => {
      runs++
      await pause(clock, tookMs)
      return tookMs === 5 ? 'done' : failed('unavailable', 'DOWN', 'down')
    }, safe)
    const endpoint = chain(hedge({ minCalls: 1, maxExtraRatio: 1, minDelayMs: 1 }), lifted(3))(flaky)
    expect(lint(endpoint)).toMatchObject([{ rule: 'hedge-with-retry', message: expect.stringMatching(/multiply/) }])
    await ended(endpoint, clock)
    tookMs = 500
    runs = 0
    await ended(endpoint, clock)
    expect(runs).toBe(6)
  })

  test('fallback-inside-retry: nothing is tried again', async () => {
    let runs = 0
    const down = fromPromise((_: unknown): string | Left<Failure> => {
      runs++
      return failed('unavailable', 'DOWN', 'down')
    }, safe)
    const inside = lifted(3)(fallback({ respond: () => 'second best' })(down))
    expect(rulesOf(inside)).toEqual(['fallback-inside-retry'])
    await call(inside, 1)
    expect(runs).toBe(1)
  })
})

describe('hedge-with-retry', () => {
  test('a retry outside keeps the hedge from hedging', async () => {
    const clock = manualClock()
    const hedged = async (outer: Middleware) => {
      const events: string[] = []
      const quick = hedge({ minCalls: 1, maxExtraRatio: 1, onEvent: event => events.push(event.type) })
      const endpoint = outer(quick(slowService(clock, 500).endpoint))
      let tookMs = 20
      const service = fromPromise(async (_: unknown, _context: object) => pause(clock, tookMs), safe)
      const measured = outer(quick(service))
      await outcomes(measured, 5, { clock })
      tookMs = 500
      await outcomes(measured, 1, { clock })
      return [events, rulesOf(endpoint)]
    }
    expect(await hedged(retry())).toEqual([[], ['hedge-with-retry']])
    expect(await hedged(chain())).toEqual([['hedged'], []])
  })

  test('a hedge outside keeps the retry from retrying', async () => {
    const clock = manualClock()
    const down = () =>
      fromPromise((_: unknown, { attempt }) => (attempt === 1 ? failed('unavailable', 'DOWN', 'down') : 'done'), safe)
    const endpoint = chain(hedge(), retry())(down())
    expect(rulesOf(endpoint)).toEqual(['hedge-with-retry'])
    expect((await outcomes(endpoint, 1, { clock })).every(isLeft)).toBe(true)
    expect((await outcomes(retry()(down()), 1, { clock })).every(isRight)).toBe(true)
  })
})

test('hedge-without-cancellation: the attempt that lost goes on', async () => {
  const clock = manualClock()
  let takesMs = 10
  let running = 0
  const work = async (signal?: AbortSignal) => {
    running++
    await new Promise<void>(resolve => {
      clock.setTimer(resolve, running > 1 ? 1 : takesMs)
      signal?.addEventListener('abort', () => resolve())
    })
    running--
  }
  const quick = () => hedge({ minCalls: 1, maxExtraRatio: 1, minDelayMs: 1 })
  const deaf = quick()(fromPromise((_: unknown) => work(), safe))
  const obedient = quick()(fromPromise((_: unknown, { signal }) => work(signal), safe))
  const left: number[] = []
  for (const endpoint of [deaf, obedient]) {
    takesMs = 10
    for (let i = 0; i < 3; i++) await outcomes(endpoint, 1, { clock, ms: 100 })
    takesMs = 60_000
    const slow = outcomes(endpoint, 1, { clock, ms: 1_000 })
    expect((await slow).every(isRight)).toBe(true)
    left.push(running)
    await clock.advance(100_000)
  }
  expect(left).toEqual([1, 0])
  expect([rulesOf(deaf), rulesOf(obedient)]).toEqual([['hedge-without-cancellation'], []])
})

test('hedge-outside-single-flight: the second attempt joins the slow run of the first', async () => {
  const clock = manualClock()
  const joined = singleFlight({ key: () => 'same' })
  const quick = hedge({ minCalls: 1, maxExtraRatio: 1, minDelayMs: 1 })
  const runsOf = async (stack: Middleware) => {
    let takesMs = 10
    let runs = 0
    const endpoint = stack(
      fromPromise(async (_: unknown, _context: object) => {
        runs++
        await pause(clock, takesMs)
      }, safe),
    )
    await outcomes(endpoint, 1, { clock, ms: 100 })
    takesMs = 1_000
    runs = 0
    await outcomes(endpoint, 1, { clock })
    return [runs, rulesOf(endpoint)]
  }
  expect(await runsOf(chain(quick, joined))).toEqual([1, ['hedge-outside-single-flight']])
  expect(
    await runsOf(chain(singleFlight({ key: () => 'same' }), hedge({ minCalls: 1, maxExtraRatio: 1, minDelayMs: 1 }))),
  ).toEqual([2, []])
})

test('fallback-hides-refusals: a caller who is not let in gets an answer', async () => {
  const refusing = fromPromise(() => failed('permission_denied', 'NOT_YOURS', 'no'), safe)
  const hiding = fallback({ respond: () => 'nothing there', hidesRefusals: true, shouldFallBack: () => true })(refusing)
  expect(rulesOf(hiding)).toEqual(['fallback-hides-refusals'])
  expect(await call(hiding, 1)).toMatchObject({ right: 'nothing there' })
  const honest = fallback({ respond: () => 'nothing there', shouldFallBack: () => true })(refusing)
  expect(rulesOf(honest)).toEqual([])
  expect(await call(honest, 1)).toMatchObject({ left: { code: 'permission_denied' } })
})

test('fallback-inside-retry: a failure that would have passed is answered with what is second best', async () => {
  const clock = manualClock()
  const answered = async (stack: (flaky: Endpoint<unknown, string>) => Endpoint<unknown, string>) => {
    let runs = 0
    const flaky = fromPromise(async (_: unknown): Promise<string> => {
      if (++runs === 1) throw new CallError(failureOf('unavailable', 'DOWN', 'for a moment'))
      return 'the best'
    }, safe)
    const endpoint = stack(flaky)
    const [outcome] = await outcomes(endpoint, 1, { clock })
    return [outcome, runs, rulesOf(endpoint)]
  }
  const secondBest = fallback({ respond: () => 'second best' })
  const again = retry({ random: half })
  expect(await answered(flaky => again(secondBest(flaky)))).toEqual([
    right('second best'),
    1,
    ['fallback-inside-retry'],
  ])
  expect(await answered(flaky => secondBest(again(flaky)))).toEqual([right('the best'), 2, []])
})

describe('shared-outside-authentication: one caller gets what only another may see', () => {
  beforeEach(hashPromptly)

  interface Person {
    readonly id: string
    readonly roles: readonly string[]
  }
  const [ada, bob] = [createApiKey('ada'), createApiKey('bob')]
  const people = apiKeys<Person>([
    { hash: ada.hash, principal: { id: 'ada', roles: ['staff'] } },
    { hash: bob.hash, principal: { id: 'bob', roles: [] } },
  ])
  const strangers = authenticate(apiKey({ find: people })) as unknown as Middleware // nothing here reads the principal
  const outsiders = authorize(roles('staff')) as unknown as Middleware // as above, and it is beneath who is known

  const shared: readonly (readonly [string, () => Middleware, atOnce: boolean])[] = [
    ['cache', () => cache({ key: String, ttlMs: 1_000 }), false],
    ['idempotencyKey', () => idempotencyKey({ key: () => 'k', principal: 'none', store: memoryStore() }), false],
    ['singleFlight', () => singleFlight({ key: String }), true],
    [
      'collapse',
      () =>
        collapse({
          key: () => 'all',
          toBatch: (requests: readonly unknown[]) => requests,
          fromBatch: (response: unknown, requests) => requests.map(() => response),
        }) as Middleware, // anything is a request of this service, a batch too
      true,
    ],
  ]
  /** Of ada, who may, and then or at once of somebody who may not. */
  const asked = async (stack: Middleware, other: string | undefined, atOnce: boolean) => {
    const clock = manualClock()
    const endpoint = stack(slowService(clock).endpoint)
    const ask = (key: string | undefined) => {
      const metadata = key === undefined ? {} : { 'x-api-key': key }
      return call(endpoint, 1, { context: testContext({ clock, metadata }) })
    }
    const first = ask(ada.key)
    if (!atOnce) await clock.advance(100)
    const second = ask(other)
    await clock.advance(200)
    expect(isRight(await first)).toBe(true)
    const outcome = await second
    return [isRight(outcome) ? 'sees it' : outcome.left.reason, rulesOf(endpoint)]
  }
  const wrong = ['sees it', ['shared-outside-authentication']]

  test.each(shared)('through %s a stranger', async (_, remembered, atOnce) => {
    expect(await asked(chain(remembered(), strangers), undefined, atOnce)).toEqual(wrong)
    expect(await asked(chain(strangers, remembered()), undefined, atOnce)).toEqual(['CREDENTIALS_MISSING', []])
  })

  test.each(shared)('through %s somebody who is known and may not', async (_, remembered, atOnce) => {
    expect(await asked(chain(strangers, remembered(), outsiders), bob.key, atOnce)).toEqual(wrong)
    expect(await asked(chain(strangers, outsiders, remembered()), bob.key, atOnce)).toEqual(['PERMISSION_DENIED', []])
  })
})

test('shed-inside-queue: calls wait for seconds instead of being refused at once', async () => {
  const clock = manualClock()
  const overload = () => shed({ initialLimit: 2, minLimit: 2, maxLimit: 2, maxQueue: 0 })
  const queue = () => bulkhead({ maxConcurrent: 2, maxQueue: 100 })
  const refusedAtOnce = async (stack: Middleware) => {
    const endpoint = stack(slowService(clock, 1_000).endpoint)
    const context = testContext({ clock })
    let ended = 0
    for (let i = 0; i < 20; i++) void call(endpoint, i, { context }).then(() => ended++)
    await clock.advance(50)
    const soon = ended
    await clock.advance(60_000)
    return [soon, rulesOf(endpoint)]
  }
  expect(await refusedAtOnce(chain(queue(), overload()))).toEqual([0, ['shed-inside-queue']])
  expect(await refusedAtOnce(chain(overload(), queue()))).toEqual([18, []])
  const waiting = rateLimit({ limit: 1, windowMs: 1_000, whenLimited: 'wait' })
  expect(rulesOf(chain(waiting, overload())(fromPromise(() => 1, safe)))).toEqual(['shed-inside-queue'])
})

test('shed-inside-retry: what was refused comes back', async () => {
  const clock = manualClock()
  const refusals = async (order: (overload: Middleware) => Middleware) => {
    let refused = 0
    const overload = shed({
      initialLimit: 1,
      minLimit: 1,
      maxQueue: 0,
      onEvent: ({ type }) => void (type === 'shed' && refused++),
    })
    const endpoint = order(overload)(slowService(clock, 10_000).endpoint)
    await outcomes(endpoint, 5, { clock })
    return [refused, rulesOf(endpoint)]
  }
  expect(await refusals(overload => chain(retry({ random: half }), overload))).toEqual([12, ['shed-inside-retry']])
  expect(await refusals(overload => chain(overload, retry({ random: half })))).toEqual([4, []])
})

describe('same-policy-twice', () => {
  const twice = (policy: Middleware) => [chain(policy, policy), policy] as const

  test('a call that has a place of a bulkhead waits for another one', async () => {
    const clock = manualClock()
    const answered = async (stack: Middleware) => {
      const endpoint = stack(slowService(clock).endpoint)
      return [(await outcomes(endpoint, 1, { clock, ms: 40_000 })).map(isRight), rulesOf(endpoint)]
    }
    const [wrong, right] = twice(bulkhead({ maxConcurrent: 1, maxQueue: 1 }))
    expect(await answered(right)).toEqual([[true], []])
    expect(await answered(wrong)).toEqual([[false], ['same-policy-twice']])
  })

  test.each<[string, () => Middleware, calls: number]>([
    ['rateLimit', () => rateLimit({ limit: 4, windowMs: 60_000 }), 4],
    ['shed', () => shed({ initialLimit: 4, minLimit: 4, maxLimit: 4, maxQueue: 0, maxLoopDelayMs: Infinity }), 4],
  ])('half of what %s allows comes through', async (_, make, calls) => {
    const clock = manualClock()
    const through = async (stack: Middleware) => {
      const endpoint = stack(slowService(clock).endpoint)
      return [(await outcomes(endpoint, calls, { clock })).filter(isRight).length, rulesOf(endpoint)]
    }
    expect(await through(twice(make())[1])).toEqual([calls, []])
    expect(await through(twice(make())[0])).toEqual([calls / 2, ['same-policy-twice']])
  })

  test('a breaker opens after half of the failures', async () => {
    const failures = async (stack: Middleware, state: () => string) => {
      const endpoint = stack(fromPromise(() => failed('unavailable', 'DOWN', 'down'), safe))
      let count = 0
      for (; state() === 'closed'; count++) await call(endpoint, 1)
      return [count, rulesOf(endpoint)]
    }
    const [once, both] = [breaker({ consecutiveFailures: 4 }), breaker({ consecutiveFailures: 4 })]
    expect(await failures(once, () => once.state)).toEqual([4, []])
    expect(await failures(twice(both)[0], () => both.state)).toEqual([2, ['same-policy-twice']])
  })

  test('a call finds the key taken, by itself', async () => {
    const outcome = async (stack: Middleware) => {
      const endpoint = stack(fromPromise(() => 'done', safe))
      return [isRight(await call(endpoint, 1)), rulesOf(endpoint)]
    }
    const [wrong, right] = twice(idempotencyKey({ key: () => 'k', principal: 'none', store: memoryStore() }))
    expect(await outcome(wrong)).toEqual([false, ['same-policy-twice']])
    expect(await outcome(right)).toEqual([true, []])
  })

  test('two of a kind are two', () => {
    const two = chain(bulkhead({ maxConcurrent: 1 }), bulkhead({ maxConcurrent: 1 }))
    expect(rulesOf(two(fromPromise(() => 1, safe)))).toEqual([])
  })
})

describe('the recommended stacks', () => {
  test.each([safe, unsafe])('are clean around $name', method => {
    const leaf = fromPromise((_: unknown, _context: object) => 1, method)
    expect(lint(resilientClient({ timeout: { timeoutMs: 500 } })(leaf))).toEqual([])
    expect(lint(resilientClient({ retry: false })(leaf))).toEqual([])
    const all = resilientServer({ rateLimit: { limit: 9, windowMs: 100 }, bulkhead: { maxConcurrent: 9, maxQueue: 9 } })
    expect(lint(all(leaf))).toEqual([])
  })

  test('are found out where options undo them', () => {
    const leaf = fromPromise((_: unknown, _context: object) => 1, safe)
    const undone = resilientClient({ timeout: { timeoutMs: 500 }, retry: { attemptTimeoutMs: 500 } })
    expect(rulesOf(undone(leaf))).toEqual(['attempt-longer-than-total'])
    undone.retry?.configure({ attemptTimeoutMs: 100 })
    expect(rulesOf(undone(leaf))).toEqual([])
  })
})

test('every rule has a test here, and another id', () => {
  const ids = orderRules.map(rule => rule.id)
  expect(new Set(ids).size).toBe(ids.length)
  expect(ids).toHaveLength(15)
})
