/** A lifted policy is one of the family: it tells what happens, and another one can take its place while calls go on. */
import {
  bulkhead,
  type CircuitBreakerPolicy,
  CircuitState,
  ConsecutiveBreaker,
  ConstantBackoff,
  circuitBreaker,
  EventEmitter,
  fallback,
  handleAll,
  handleWhen,
  handleWhenResult,
  noop,
  retry,
  SamplingBreaker,
  TimeoutStrategy,
  timeout,
  wrap,
} from 'cockatiel'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import {
  around,
  call,
  chain,
  explain,
  failureOf,
  left,
  type MethodInfo,
  type MockCall,
  manualClock,
  mockEndpoint,
  right,
  testContext,
} from '../../src/core/index.js'
import { metricRegistry } from '../../src/metrics/index.js'
import {
  countEvents,
  type Executes,
  isFault,
  type LiftedEvent,
  type LiftOptions,
  policy,
} from '../../src/middleware/index.js'

const method: MethodInfo = { service: 'shop.v1.Stock', name: 'get', idempotency: 'safe' }
const down = failureOf('unavailable', 'DOWN', 'down')
const wait = (ms: number) => vi.advanceTimersByTimeAsync(ms)

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function start(lifted: Executes, options?: LiftOptions) {
  const clock = manualClock()
  const mock = mockEndpoint<unknown, unknown>(method)
  const events: LiftedEvent[] = []
  const onEvent = (event: LiftedEvent) => void events.push(event)
  const made = policy(lifted, { onEvent, ...options })
  const endpoint = made(mock.endpoint)
  const ask = (signal?: AbortSignal) =>
    call(endpoint, 1, { context: testContext({ clock }), ...(signal === undefined ? {} : { signal }) })
  const answer = async (with_: (arrived: MockCall<unknown, unknown, never>) => void) => with_(await mock.next())
  /** What was told since it was last asked, without what is the same in all. */
  const told = () => events.splice(0).map(({ policy, kind, ...rest }) => rest)
  return { clock, mock, made, events, told, ask, answer }
}

const oneFault = () => circuitBreaker(handleWhen(isFault), { halfOpenAfter: 1_000, breaker: new ConsecutiveBreaker(1) })
const ofMethod = { method: 'shop.v1.Stock/get' }

describe('tells', () => {
  test('what a breaker does, whoever calls through it, and which calls it refused', async () => {
    const breaker = oneFault()
    const { ask, answer, told } = start(breaker, { name: 'stock' })
    const first = ask()
    await answer(arrived => arrived.fail(down))
    await first
    expect(told()).toEqual([{ type: 'opened', failure: down }])
    const refusal = await ask()
    expect(told()).toEqual([{ type: 'refused', failure: (refusal as { left: unknown }).left, ...ofMethod }])
    await wait(1_000)
    await breaker.execute(() => 'of somebody else')
    expect(told()).toEqual([{ type: 'half-opened' }, { type: 'closed' }])
    const held = breaker.isolate()
    expect(told()).toEqual([{ type: 'forced-open' }])
    expect(await ask()).toMatchObject({ left: { reason: 'BREAKER_OPEN' } })
    held.dispose()
    expect(told().map(({ type }) => type)).toEqual(['refused', 'closed'])
  })

  test('of each attempt after the first, and of those that were for nothing', async () => {
    const { ask, answer, told, events } = start(retry(handleAll, { maxAttempts: 2, backoff: new ConstantBackoff(100) }))
    const outcome = ask()
    await answer(arrived => arrived.fail(down))
    await wait(99)
    expect(told()).toEqual([]) // it has not begun
    await wait(1)
    await answer(arrived => arrived.fail(down))
    await wait(100)
    await answer(arrived => arrived.fail(down))
    await outcome
    expect(events[0]).toMatchObject({ policy: 'policy', kind: 'policy' })
    expect(told()).toEqual([
      { type: 'retried', attempt: 2, failure: down, ...ofMethod },
      { type: 'retried', attempt: 3, failure: down, ...ofMethod },
      { type: 'gave-up', attempt: 3, failure: down, ...ofMethod },
    ])
  })

  test('of a response that is tried again, which is no failure', async () => {
    const untilDone = handleWhenResult(response => response === 'pending')
    const { ask, answer, told } = start(retry(untilDone, { maxAttempts: 1 }))
    const outcome = ask()
    await answer(arrived => arrived.respond('pending'))
    await wait(0)
    await answer(arrived => arrived.respond('done'))
    expect(await outcome).toEqual(right('done'))
    expect(told()).toEqual([{ type: 'retried', attempt: 2, ...ofMethod }])
  })

  test('of nothing once the call has ended, where cockatiel goes on', async () => {
    for (const strategy of [TimeoutStrategy.Aggressive, TimeoutStrategy.Cooperative]) {
      const lifted = wrap(
        timeout(5_000, strategy),
        retry(handleAll, { maxAttempts: 2, backoff: new ConstantBackoff(100) }),
      )
      const { ask, answer, told } = start(lifted)
      const controller = new AbortController()
      const outcome = ask(controller.signal)
      await answer(arrived => arrived.fail(down))
      controller.abort()
      expect(await outcome).toMatchObject({ left: { code: 'cancelled' } })
      await wait(10_000)
      expect(told()).toEqual([])
    }
  })

  test.each([
    ['aggressive', TimeoutStrategy.Aggressive],
    ['cooperative', TimeoutStrategy.Cooperative],
  ])('once of a timeout that is %s, wherever it comes', async (_, strategy) => {
    const bound = timeout(100, strategy)
    const slow = retry(handleAll, { maxAttempts: 1, backoff: new ConstantBackoff(200) }) // the second attempt is the last
    const during = start(bound)
    const cut = during.ask()
    await during.mock.next()
    await wait(100)
    await cut
    expect(during.told()).toEqual([{ type: 'timed-out', ...ofMethod }])

    const between = start(wrap(bound, slow))
    const waiting = between.ask()
    await between.answer(arrived => arrived.fail(down))
    await wait(300)
    expect(await waiting).toMatchObject({ left: { reason: 'TIMEOUT' } })
    expect(between.told()).toEqual([{ type: 'timed-out', ...ofMethod }])

    const each = start(wrap(slow, bound))
    const both = each.ask()
    await each.mock.next()
    await wait(300)
    await each.mock.next()
    await wait(100)
    await both
    expect(each.told().map(({ type }) => type)).toEqual(['timed-out', 'retried', 'timed-out', 'gave-up'])

    const outer = start(
      wrap(timeout(400, strategy), retry(handleAll, { maxAttempts: 2, backoff: new ConstantBackoff(200) }), bound),
    )
    const whole = outer.ask()
    await outer.mock.next()
    await wait(300)
    await outer.answer(arrived => arrived.fail(down))
    await wait(200)
    expect(await whole).toMatchObject({ left: { reason: 'TIMEOUT' } })
    expect(outer.told().map(({ type }) => type)).toEqual(['timed-out', 'retried', 'timed-out'])
  })

  test('of a bulkhead that is full, and of a response that is not the service’s', async () => {
    const full = start(bulkhead(1, 0))
    void full.ask()
    await full.ask()
    expect(full.told()).toMatchObject([{ type: 'refused', failure: { reason: 'BULKHEAD_FULL', ran: 'no' } }])
    const instead = start(fallback(handleAll, 'instead'))
    const outcome = instead.ask()
    await instead.answer(arrived => arrived.fail(down))
    expect(await outcome).toEqual(right('instead'))
    expect(instead.told()).toEqual([{ type: 'fell-back', failure: down, ...ofMethod }])
    const unasked = start(wrap(fallback(handleAll, 'instead'), bulkhead(0)))
    expect(await unasked.ask()).toEqual(right('instead'))
    expect(unasked.told()).toEqual([{ type: 'fell-back', ...ofMethod }])
  })

  test('of each breaker in a wrap, once', async () => {
    const breaker = oneFault()
    const { ask, answer, told } = start(wrap(wrap(noop, breaker), breaker))
    const outcome = ask()
    await answer(arrived => arrived.fail(down))
    await outcome
    expect(told()).toEqual([{ type: 'opened', failure: down }])
  })

  test('in one form with the others, so that they are counted', async () => {
    const registry = metricRegistry()
    const { ask } = start(bulkhead(0), { onEvent: countEvents(registry), name: 'stock' })
    await ask()
    expect(registry.families.find(({ name }) => name === 'tenon_policy_events_total')?.read()).toEqual([
      { labels: { policy: 'stock', kind: 'policy', type: 'refused', method: 'shop.v1.Stock/get' }, value: 1 },
    ])
  })
})

describe('listens to a breaker', () => {
  /** How many listeners it has. */
  const listeners = (breaker: CircuitBreakerPolicy) =>
    Object.values(breaker)
      .filter(each => each instanceof EventEmitter)
      .reduce((sum, { size }) => sum + size, 0)

  test('only while somebody listens to the policy, since the breaker may live longer', () => {
    const breaker = oneFault()
    const silent = policy(breaker)
    expect(listeners(breaker)).toBe(0)
    const ends = [silent.onEvent(() => {}), silent.onEvent(() => {})]
    expect(listeners(breaker)).toBe(3)
    for (const end of ends) end()
    for (const end of ends) end()
    expect(listeners(breaker)).toBe(0)
    const other = oneFault()
    const told = policy(breaker, { onEvent: () => {} })
    told.configure({ lifted: other })
    expect([listeners(breaker), listeners(other)]).toEqual([0, 3])
    silent.configure({ lifted: other })
    expect(listeners(other)).toBe(3)
  })

  test('and a listener that throws does it no harm', async () => {
    const reports = vi.spyOn(console, 'error').mockImplementation(() => {})
    const breaker = oneFault()
    const { ask, answer } = start(breaker, {
      onEvent: () => {
        throw new Error('a mistake')
      },
    })
    const outcome = ask()
    await answer(arrived => arrived.fail(down))
    expect(await outcome).toEqual(left(down))
    expect(breaker.state).toBe(CircuitState.Open)
    expect(reports).toHaveBeenCalledOnce()
    reports.mockRestore()
  })
})

describe('another policy takes its place', () => {
  test('for calls from then on: those that have begun go on through the one they began with', async () => {
    const twice = retry(handleAll, { maxAttempts: 1, backoff: new ConstantBackoff(100) })
    const { made, ask, answer, mock } = start(twice, { maxAttempts: 2 })
    const before = ask()
    await answer(arrived => arrived.fail(down))
    made.configure({ lifted: noop, maxAttempts: 1 })
    const after = ask()
    await answer(({ context, fail }) => {
      expect([context.attempt, context.maxAttempts]).toEqual([1, 1])
      fail(down)
    })
    expect(await after).toEqual(left(down))
    await wait(100)
    await answer(({ context, respond }) => {
      expect([context.attempt, context.maxAttempts]).toEqual([2, 2])
      respond('done')
    })
    expect(await before).toEqual(right('done'))
    expect(mock.calls).toBe(3)
  })

  test('with a state of its own: an open breaker stays behind, and comes back open', async () => {
    const [open, fresh] = [oneFault(), oneFault()]
    const { made, ask, answer, told } = start(open)
    const outcome = ask()
    await answer(arrived => arrived.fail(down))
    await outcome
    made.configure({ lifted: fresh })
    const next = ask()
    await answer(arrived => arrived.respond('done'))
    expect(await next).toEqual(right('done'))
    made.configure({ lifted: open })
    expect(await ask()).toMatchObject({ left: { reason: 'BREAKER_OPEN' } })
    expect(told().map(({ type }) => type)).toEqual(['opened', 'refused'])
  })

  test('unless it is none, and then nothing changes', () => {
    const { made } = start(noop, { maxAttempts: 2 })
    const before = made.options
    expect(() => made.configure({ lifted: {} as Executes })).toThrow(
      'policy: lifted must have execute(), got an object',
    )
    expect(() => made.configure({ lifted: undefined })).toThrow('policy: lifted is required')
    expect(() => made.configure({ lifted: noop, maxAttempts: 0.5 })).toThrow(RangeError)
    expect(() => made.configure({ name: 'other' })).toThrow('policy: name cannot change')
    expect(made.options).toBe(before)
    made.configure({ maxAttempts: undefined })
    expect([made.options.maxAttempts, made.options.lifted]).toEqual([1, noop])
  })
})

test('explains what it is made of, as it is now', () => {
  const sampling = circuitBreaker(handleAll, {
    halfOpenAfter: 1_000,
    breaker: new SamplingBreaker({ threshold: 0.5, duration: 1_000 }),
  })
  const inner = wrap(fallback(handleAll, 1), retry(handleAll, { maxAttempts: 1 }), sampling)
  const made = policy(wrap(bulkhead(1), inner, timeout(1, TimeoutStrategy.Cooperative)))
  const endpoint = chain(around({ name: 'outer' }), made)(mockEndpoint().endpoint)
  expect(explain(endpoint).steps[1]?.options).toEqual({
    lifted: ['bulkhead', 'other', 'retry', 'breaker', 'timeout'],
    maxAttempts: 1,
  })
  expect(String(explain(endpoint))).toContain(
    'policy lifted=["bulkhead","other","retry","breaker","timeout"] maxAttempts=1',
  )
  made.configure({ lifted: noop })
  expect(explain(endpoint).steps[1]?.options).toMatchObject({ lifted: ['other'] })
})
