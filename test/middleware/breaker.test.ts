/** `breaker` refuses calls while what is behind it fails, and finds out when that ends. */
import { ConsecutiveBreaker, CountBreaker, SamplingBreaker } from 'cockatiel'
import { describe, expect, test } from 'vitest'
import {
  CallError,
  call,
  chain,
  type Endpoint,
  explain,
  failed,
  failureOf,
  fromPromise,
  fromRemote,
  isFailure,
  left,
  type ManualClock,
  type MethodInfo,
  type Middleware,
  manualClock,
  mockEndpoint,
  right,
  testContext,
} from '../../src/core/index.js'
import { type BreakerEvent, type BreakerOptions, breaker, countsAsFault, timeout } from '../../src/middleware/index.js'
import { deep } from '../deep.js'

const method: MethodInfo = { service: 'shop.v1.Stock', name: 'reserve', idempotency: 'unsafe' }
const down = failureOf('unavailable', 'DOWN', 'down')

function start(options: BreakerOptions = {}, clock: ManualClock = manualClock()) {
  const mock = mockEndpoint<number, unknown>(method)
  const events: BreakerEvent[] = []
  const policy = breaker({ ...options, onEvent: event => events.push(event) })
  const endpoint = policy(mock.endpoint)
  const ask = (deadlineMs = 1_000_000) => call(endpoint, 1, { context: testContext({ clock }), deadlineMs })
  const fail = async (times = 1): Promise<void> => {
    for (let i = 0; i < times; i++) {
      const outcome = ask()
      ;(await mock.next()).fail(down)
      await outcome
    }
  }
  const succeed = async (times = 1): Promise<void> => {
    for (let i = 0; i < times; i++) {
      const outcome = ask()
      ;(await mock.next()).respond('fine')
      await outcome
    }
  }
  return { mock, events, policy, ask, fail, succeed, clock }
}

describe('by default', () => {
  test('opens when half of 20 calls in 10 s failed, for 5 s, and closes after one probe', async () => {
    const { policy, fail, succeed, clock, ask, mock, events } = start()
    await succeed(10)
    await fail(9)
    expect(policy.state).toBe('closed')
    await fail()
    expect(policy.state).toBe('open')
    expect(policy.counts).toEqual({ calls: 20, failures: 10, slow: 0, consecutiveFailures: 10 })
    await clock.advance(1_000)
    expect(await ask()).toMatchObject({
      left: { code: 'unavailable', reason: 'BREAKER_OPEN', ran: 'no', retryAfterMs: 4_000 },
    })
    await clock.advance(4_000)
    const probe = ask()
    expect(policy.state).toBe('half-open')
    const second = await ask()
    expect(second).toMatchObject({ left: { reason: 'BREAKER_OPEN', ran: 'no' } })
    expect(second).not.toHaveProperty('left.retryAfterMs')
    ;(await mock.next()).respond('fine')
    expect(await probe).toEqual(right('fine'))
    expect([policy.state, policy.counts.calls]).toEqual(['closed', 0])
    const common = { policy: 'breaker', kind: 'breaker' }
    expect(events).toEqual([
      {
        ...common,
        type: 'opened',
        why: 'errorRatio',
        openMs: 5_000,
        counts: { calls: 20, failures: 10, slow: 0, consecutiveFailures: 10 },
      },
      { ...common, type: 'refused', method: 'shop.v1.Stock/reserve' },
      { ...common, type: 'half-opened' },
      { ...common, type: 'refused', method: 'shop.v1.Stock/reserve' },
      { ...common, type: 'closed' },
    ])
    expect(clock.pendingTimers).toBe(0)
  })

  test('forgets what is more than 10 s ago', async () => {
    const { policy, fail, clock } = start()
    await fail(19)
    await clock.advance(10_000)
    expect(policy.counts.calls).toBe(0)
    await fail(19)
    expect(policy.state).toBe('closed')
  })
})

describe('what counts', () => {
  test.each([
    ['a failure of the service', failureOf('internal', 'DEFECT', ''), true],
    ['an answer that says unavailable', failureOf('unavailable', 'DOWN', '', { peer: 'stock', ran: 'no' }), true],
    ['a refused connection', failureOf('unavailable', 'CONNECTION_REFUSED', '', { ran: 'no' }), true],
    ['a timeout', failureOf('deadline_exceeded', 'TIMEOUT', ''), true],
    ["a caller's mistake", failureOf('invalid_argument', 'INVALID_REQUEST', '', { peer: 'stock' }), false],
    ['a cancellation', failureOf('cancelled', 'CANCELLED', ''), false],
    ['a domain failure', { _tag: 'OutOfStock', details: {} } as const, false],
    ['a full client', failureOf('resource_exhausted', 'TOO_MANY_CALLS', '', { ran: 'no' }), false],
    ['a breaker further in', failureOf('unavailable', 'BREAKER_OPEN', '', { ran: 'no' }), false],
    ['a deadline that was over', failureOf('deadline_exceeded', 'DEADLINE_EXCEEDED', '', { ran: 'no' }), false],
  ])('of %s', (_, failure, counts) => {
    expect(countsAsFault(failure)).toBe(counts)
  })

  test('a call that its caller cancels tells nothing, and a probe so ended gives its place to the next', async () => {
    const { policy, fail, clock, mock } = start({ consecutiveFailures: 1, openMs: 10 })
    await fail()
    await clock.advance(10)
    const controller = new AbortController()
    const guarded = policy(mock.endpoint)
    const probe = call(guarded, 1, { context: testContext({ clock }), signal: controller.signal })
    await mock.next()
    controller.abort()
    expect(await probe).toMatchObject({ left: { code: 'cancelled' } })
    expect(policy.state).toBe('half-open')
    const next = call(guarded, 1, { context: testContext({ clock }) })
    ;(await mock.next()).respond('fine')
    expect(await next).toEqual(right('fine'))
    expect(policy.state).toBe('closed')
  })

  test('what shouldCount says', async () => {
    const { policy, fail, mock, ask } = start({
      consecutiveFailures: 1,
      shouldCount: failure => isFailure(failure) && failure.code === 'resource_exhausted',
    })
    await fail()
    expect([policy.state, policy.counts.calls]).toEqual(['closed', 0])
    const outcome = ask()
    ;(await mock.next()).fail(failureOf('resource_exhausted', 'FULL', '', { ran: 'no' }))
    await outcome
    expect(policy.state).toBe('open')
  })

  test("a call's deadline, and what a timeout further in decides", async () => {
    const clock = manualClock()
    const policy = breaker({ consecutiveFailures: 2 })
    const never = chain(policy, timeout({ timeoutMs: 50 }))(fromPromise(() => new Promise(() => {})))
    const outcomes = [100, 20].map(deadlineMs => call(never, 1, { context: testContext({ clock }), deadlineMs }))
    await clock.advance(100)
    await Promise.all(outcomes)
    expect(policy.state).toBe('open')
  })
})

describe('probes', () => {
  test('as many as were asked for are let through, and all must succeed', async () => {
    const { policy, fail, succeed, clock, ask, mock } = start({ consecutiveFailures: 1, openMs: 10, probes: 2 })
    await fail()
    await clock.advance(10)
    const probes = [ask(), ask()]
    expect(await ask()).toMatchObject({ left: { reason: 'BREAKER_OPEN' } })
    ;(await mock.next()).respond('fine')
    await probes[0]
    expect(await ask()).toMatchObject({ left: { reason: 'BREAKER_OPEN' } })
    ;(await mock.next()).fail(down)
    await probes[1]
    expect(policy.state).toBe('open')
    await clock.advance(10)
    await succeed(2)
    expect(policy.state).toBe('closed')
  })

  test('that have succeeded close it when fewer are asked for while it is half-open', async () => {
    const { policy, fail, succeed, clock, ask, mock, events } = start({ consecutiveFailures: 1, probes: 5 })
    await fail()
    await clock.advance(5_000)
    await succeed(2)
    policy.configure({ probes: 2 })
    const next = ask()
    ;(await mock.next()).respond('fine')
    expect(await next).toEqual(right('fine'))
    expect([policy.state, policy.counts.calls]).toEqual(['closed', 1])
    expect(events.at(-1)).toMatchObject({ type: 'closed' })
  })

  test('one that never returns gives its place to another call after probeMs', async () => {
    const { policy, fail, succeed, clock, ask, mock } = start({ consecutiveFailures: 1, openMs: 10, probeMs: 500 })
    await fail()
    await clock.advance(10)
    void ask()
    await mock.next()
    await clock.advance(499)
    expect(await ask()).toMatchObject({ left: { reason: 'BREAKER_OPEN' } })
    await clock.advance(1)
    await succeed()
    expect(policy.state).toBe('closed')
  })

  test('each opening in a row lasts longer, up to the longest, until one succeeds', async () => {
    const { events, fail, succeed, clock } = start({
      consecutiveFailures: 1,
      openMs: 100,
      openFactor: 2,
      maxOpenMs: 300,
      openJitter: 0.5,
      random: { next: () => 0.5 },
    })
    const opened = () => events.flatMap(event => (event.type === 'opened' ? [event.openMs] : []))
    for (let i = 0; i < 4; i++) {
      await fail()
      await clock.advance(300)
    }
    await succeed()
    await fail()
    expect(opened()).toEqual([75, 150, 225, 225, 75])
  })
})

describe('the same breaker further in', () => {
  const within = {
    'of one stack': (policy: Middleware, leaf: Endpoint<number, unknown>) => chain(policy, policy)(leaf),
    'around a call that the handler makes': (policy: Middleware, leaf: Endpoint<number, unknown>) => {
      const inner = policy(leaf)
      return policy(fromPromise((request: number, context) => call(inner, request, { context })))
    },
  }
  test.each(Object.entries(within))('%s lets the probe through, and leaves the rest refused', async (_, wrap) => {
    const clock = manualClock()
    const context = testContext({ clock })
    let isUp = false
    const policy = breaker({ consecutiveFailures: 2, openMs: 100, probes: 2 })
    const pause = () => new Promise<void>(resolve => void clock.setTimer(resolve, 10))
    const leaf = fromPromise(async (_: number, _context) => {
      await pause()
      return isUp ? 'fine' : left(down)
    })
    const endpoint = wrap(policy, leaf)
    const failing = call(endpoint, 1, { context })
    await clock.advance(10)
    await failing
    expect(policy.state).toBe('open')
    isUp = true
    await clock.advance(100)
    const probes = [call(endpoint, 1, { context }), call(endpoint, 2, { context })]
    expect(await call(endpoint, 3, { context })).toMatchObject({ left: { reason: 'BREAKER_OPEN' } })
    await clock.advance(10)
    expect(await Promise.all(probes)).toEqual([right('fine'), right('fine')])
    expect([policy.state, policy.counts.calls]).toEqual(['closed', 0])
  })
})

describe('a slow call', () => {
  test('counts from slowCallMs on, and too many of them open', async () => {
    const { policy, clock, ask, mock } = start({ slowCallMs: 200, slowRatio: 0.5, minCalls: 2 })
    const one = async (tookMs: number): Promise<void> => {
      const outcome = ask()
      const { respond } = await mock.next()
      await clock.advance(tookMs)
      respond('fine')
      await outcome
    }
    await one(199)
    await one(199)
    await one(200)
    expect([policy.state, policy.counts.slow]).toEqual(['closed', 1])
    await one(200)
    expect(policy.state).toBe('open')
    await clock.advance(5_000)
    await one(200)
    expect(policy.state).toBe('open')
  })
})

describe('a response stream', () => {
  async function* items(failure?: unknown): AsyncGenerator<number> {
    yield 1
    yield 2
    if (failure !== undefined) throw failure
  }

  async function drained(stream: AsyncIterable<unknown>): Promise<void> {
    for await (const _ of stream);
  }

  function streaming(options: BreakerOptions) {
    const clock = manualClock()
    const policy = breaker(options)
    let failure: unknown
    const endpoint = policy(fromRemote('watch', () => right(items(failure))))
    const open = async () => {
      const outcome = await call(endpoint, 1, { context: testContext({ clock }) })
      if (outcome._tag === 'Left') throw new Error('no stream')
      return outcome.right
    }
    return { policy, open, clock, failWith: (next: unknown) => (failure = next) }
  }

  test('counts when it ends, not when it opens', async () => {
    const { policy, open, failWith } = streaming({ consecutiveFailures: 1 })
    failWith(new CallError(down))
    const stream = await open()
    expect(policy.counts.calls).toBe(0)
    await expect(drained(stream)).rejects.toMatchObject({ failure: { reason: 'DOWN' } })
    expect(policy.counts).toMatchObject({ calls: 1, failures: 1 })
    expect(policy.state).toBe('open')
  })

  test('that its reader leaves has been answered', async () => {
    const { policy, open } = streaming({})
    for await (const _ of await open()) break
    expect(policy.counts).toMatchObject({ calls: 1, failures: 0 })
  })

  test('is slow by the time until it opens', async () => {
    const { policy, open, clock } = streaming({ slowCallMs: 100 })
    const stream = await open()
    await clock.advance(10_000)
    await drained(stream)
    expect(policy.counts).toMatchObject({ calls: 1, slow: 0 })
  })

  test('of a probe that goes on after probeMs closes the breaker', async () => {
    const { policy, open, clock } = streaming({ probeMs: 50, minCalls: Infinity, consecutiveFailures: 1, openMs: 10 })
    const failing = policy(fromRemote('x', () => failed('unavailable', 'DOWN', '')))
    await call(failing, 1, { context: testContext({ clock }) })
    expect(policy.state).toBe('open')
    await clock.advance(10)
    const endless = await open()
    expect(policy.state).toBe('half-open')
    await clock.advance(50)
    await drained(await open())
    expect([policy.state, policy.counts.calls]).toEqual(['closed', 1])
    await drained(endless)
    expect([policy.state, policy.counts.calls]).toEqual(['closed', 1])
  })
})

test("a probe's stream that was taken for an answer has nothing more to say", async () => {
  const { policy, fail, clock, ask, mock } = start({ consecutiveFailures: 1, openMs: 10, probes: 2, probeMs: 50 })
  await fail()
  await clock.advance(10)
  const streaming = ask()
  ;(await mock.next()).respond(
    (async function* () {
      yield 1
    })(),
  )
  const opened = await streaming
  if (opened._tag === 'Left') throw new Error('no stream')
  void ask()
  await mock.next()
  await clock.advance(50)
  void ask()
  const third = await mock.next()
  for await (const _ of opened.right as AsyncIterable<unknown>);
  expect(policy.state).toBe('half-open')
  third.respond('fine')
  await clock.advance(0)
  expect(policy.state).toBe('closed')
})

describe('force', () => {
  test('open refuses all, closed lets all through; released it begins anew', async () => {
    const { policy, fail, succeed, ask, events } = start({ consecutiveFailures: 2 })
    await fail()
    policy.force('open')
    expect([policy.state, policy.forced]).toEqual(['open', 'open'])
    const refused = await ask()
    const message = 'no calls are let through for now' // not that too many have failed
    expect(refused).toMatchObject({ left: { reason: 'BREAKER_OPEN', ran: 'no', message } })
    expect(refused).not.toHaveProperty('left.retryAfterMs')
    policy.force('closed')
    await fail(5)
    expect([policy.state, policy.counts.calls]).toEqual(['closed', 0])
    policy.force(undefined)
    expect([policy.state, policy.forced]).toEqual(['closed', undefined])
    await fail()
    await succeed()
    expect(policy.counts).toMatchObject({ calls: 2, failures: 1 })
    expect(events.map(({ type }) => type)).toEqual(['forced-open', 'refused', 'forced-closed', 'released'])
    expect(() => policy.force('ajar' as never)).toThrow(RangeError)
  })
})

describe('changes while it runs', () => {
  test('keep what was counted', async () => {
    const { policy, fail, clock } = start()
    await fail(10)
    policy.configure({ windowMs: 60_000, minCalls: 11 })
    await clock.advance(15_000)
    await fail()
    expect([policy.state, policy.counts.calls]).toEqual(['closed', 1])
    await fail(10)
    expect(policy.state).toBe('open')
  })

  test('of a window of calls keep the latest', async () => {
    const { policy, fail, succeed } = start({ windowCalls: 4, minCalls: 4 })
    await succeed(3)
    await fail(1)
    policy.configure({ windowCalls: 2, minCalls: Infinity })
    await succeed()
    expect(policy.counts).toMatchObject({ calls: 2, failures: 1 })
    policy.configure({ windowCalls: 100 })
    await succeed(3)
    expect(policy.counts).toMatchObject({ calls: 5, failures: 1 })
  })
})

test('a window of fewer calls than minCalls is enough when it is full, unless ratios are off', async () => {
  const { policy, fail, clock } = start({ windowCalls: 10 })
  await fail(9)
  expect(policy.state).toBe('closed')
  await fail()
  expect(policy.state).toBe('open')

  policy.force(undefined)
  policy.configure({ minCalls: Infinity })
  await fail(50)
  expect([policy.state, clock.pendingTimers]).toEqual(['closed', 0])
})

describe("cockatiel's strategies", () => {
  test('decide when to open', async () => {
    const { policy, fail, succeed, clock } = start({
      strategy: new ConsecutiveBreaker(3),
      errorRatio: 0.01,
      minCalls: 1,
    })
    await fail(2)
    await succeed()
    await fail(2)
    expect(policy.state).toBe('closed')
    await fail()
    expect(policy.state).toBe('open')
    await clock.advance(5_000)
    await fail()
    expect(policy.state).toBe('open')
    await clock.advance(5_000)
    await succeed()
    await fail(2)
    expect(policy.state).toBe('closed')
  })

  test('are told in which state a call ended', async () => {
    const told: string[] = []
    const strategy = {
      state: undefined,
      success: (state: number) => void told.push(`success ${state}`),
      failure: (state: number) => told.push(`failure ${state}`) > 1,
    }
    const { fail, succeed, clock } = start({ strategy })
    await succeed()
    await fail()
    await clock.advance(5_000)
    await fail()
    await clock.advance(5_000)
    await succeed()
    expect(told).toEqual(['success 0', 'failure 0', 'failure 2', 'success 2'])
  })

  test('of both windows work, too', async () => {
    const counting = start({ strategy: new CountBreaker({ threshold: 0.5, size: 4 }) })
    await counting.fail(4)
    expect(counting.policy.state).toBe('open')
    await counting.clock.advance(5_000)
    await counting.succeed()
    await counting.fail(2)
    expect(counting.policy.state).toBe('closed')
    const sampling = start({ strategy: new SamplingBreaker({ threshold: 0.2, duration: 1_000, minimumRps: 2 }) })
    await sampling.fail(2)
    expect(sampling.policy.state).toBe('open')
  })
})

test.each<[options: object, message: string]>([
  [{ errorRatio: 0 }, 'breaker: errorRatio must be in (0, 1], or Infinity, got 0'],
  [{ errorRatio: 7 }, 'breaker: errorRatio must be in (0, 1], or Infinity, got 7'],
  [{ probes: Infinity }, 'breaker: probes must be a whole number in [1, ∞), got Infinity'],
  [{ maxOpenMs: 10 }, 'breaker: maxOpenMs must be at least openMs, got 10 and 5000'],
  [
    { strategy: { success() {} } },
    'breaker: strategy must have success() and failure(), or be left out, got an object',
  ],
])('refuses %o', (options, message) => {
  expect(() => breaker(options)).toThrow(new RangeError(message))
})

test('explains the options in force', () => {
  const policy = breaker({ name: 'stock', openMs: 7 })
  expect(explain(policy(fromPromise(() => 1))).steps[0]).toMatchObject({
    name: 'stock',
    options: { openMs: 7, minCalls: 20 },
  })
})

test('holds nothing of the calls that it has counted', async () => {
  const clock = manualClock()
  const policy = breaker({ minCalls: Infinity })
  const endpoint = policy(fromRemote('x', (n: number) => (n % 2 === 0 ? right(n) : failed('unavailable', 'DOWN', ''))))
  const context = testContext({ clock, signal: new AbortController().signal })
  const total = deep(10_000, 1_000_000)
  for (let i = 0; i < total; i++) await call(endpoint, i, { context })
  expect(policy.counts).toMatchObject({ calls: total, failures: total / 2 })
  expect(clock.pendingTimers).toBe(0)
})
