/** `policy` lifts the real policies of cockatiel. Their timers are the machine's, so that these run with fake ones. */
import {
  BrokenCircuitError,
  bulkhead,
  CircuitState,
  ConsecutiveBreaker,
  ConstantBackoff,
  circuitBreaker,
  fallback,
  handleAll,
  handleWhen,
  handleWhenResult,
  isTaskCancelledError,
  noop,
  retry,
  TaskCancelledError,
  TimeoutStrategy,
  timeout,
  wrap,
} from 'cockatiel'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import {
  CallError,
  type Context,
  call,
  explain,
  failed,
  failureOf,
  fromPromise,
  fromRemote,
  left,
  type MockCall,
  manualClock,
  mockEndpoint,
  right,
  testContext,
} from '../../src/core/index.js'
import { type Executes, isFault, type LiftOptions, mayRetry, policy } from '../../src/middleware/index.js'

const down = failureOf('unavailable', 'DOWN', 'down')
const refused = failureOf('unavailable', 'CONNECTION_REFUSED', '', { ran: 'no' })

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function start(lifted: Executes, options?: LiftOptions) {
  const clock = manualClock()
  const mock = mockEndpoint<unknown, unknown>()
  const defects: unknown[] = []
  const context = testContext({ clock, onDefect: thrown => defects.push(thrown) })
  const endpoint = policy(lifted, options)(mock.endpoint)
  const ask = (request: unknown = 1, signal?: AbortSignal) =>
    call(endpoint, request, { context, ...(signal === undefined ? {} : { signal }) })
  const answer = async (with_: (arrived: MockCall<unknown, unknown, never>) => void) => with_(await mock.next())
  const fail = async (failure = down): Promise<unknown> => {
    const outcome = ask()
    await answer(arrived => arrived.fail(failure))
    return outcome
  }
  return { clock, mock, defects, ask, answer, fail }
}

const wait = (ms: number) => vi.advanceTimersByTimeAsync(ms)

test('a policy that does nothing changes nothing', async () => {
  const { ask, answer, fail } = start(noop)
  const outcome = ask()
  await answer(arrived => arrived.respond('done'))
  expect(await outcome).toEqual(right('done'))
  expect(await fail(refused)).toEqual(left(refused))
})

describe('retry', () => {
  const twice = retry(
    handleWhen(thrown => thrown instanceof CallError && mayRetry(thrown.failure as never, undefined)),
    { maxAttempts: 1, backoff: new ConstantBackoff(100) },
  )

  test('makes attempts of their own, and its filter sees failures', async () => {
    const { ask, mock, answer } = start(twice, { maxAttempts: 2 })
    const outcome = ask()
    const first = await mock.next()
    expect([first.context.attempt, first.context.maxAttempts]).toEqual([1, 2])
    first.fail(refused)
    await wait(100)
    const second = await mock.next()
    expect([second.context.attempt, second.context.maxAttempts]).toEqual([2, 2])
    second.respond('done')
    expect(await outcome).toEqual(right('done'))
    const other = ask()
    await answer(arrived => arrived.fail(down)) // it may have run, and the method is not known
    expect(await other).toEqual(left(down))
  })

  test('gives the last failure, which may have run if one before it may have', async () => {
    const always = start(retry(handleAll, { maxAttempts: 1 }))
    const outcome = always.ask()
    await always.answer(arrived => arrived.fail(down))
    await wait(0)
    await always.answer(arrived => arrived.fail(refused))
    expect(await outcome).toEqual(left({ ...refused, ran: 'maybe' }))
    const never = start(retry(handleAll, { maxAttempts: 1 }))
    const other = never.ask()
    await never.answer(arrived => arrived.fail(refused))
    await wait(0)
    await never.answer(arrived => arrived.fail(refused))
    expect(await other).toEqual(left(refused))
  })

  test('sees responses', async () => {
    const { ask, answer } = start(
      retry(
        handleWhenResult(response => response === 'pending'),
        { maxAttempts: 3 },
      ),
    )
    const outcome = ask()
    await answer(arrived => arrived.respond('pending'))
    await wait(0)
    await answer(({ context, respond }) => {
      expect([context.attempt, context.maxAttempts]).toEqual([2, 2]) // nobody said how many there may be
      respond('done')
    })
    expect(await outcome).toEqual(right('done'))
  })

  test('makes no attempt once the call has ended, though cockatiel waits on', async () => {
    const { ask, answer, mock, clock } = start(twice)
    const controller = new AbortController()
    const outcome = ask(1, controller.signal)
    await answer(arrived => arrived.fail(refused))
    await wait(50)
    controller.abort()
    expect(await outcome).toMatchObject({ left: { code: 'cancelled' } })
    await wait(1_000)
    expect([mock.calls, clock.pendingTimers, vi.getTimerCount()]).toEqual([1, 0, 0])
  })

  test('sends a request stream once', async () => {
    const { ask, answer, mock } = start(twice)
    const outcome = ask((async function* () {})())
    await answer(arrived => arrived.fail(refused))
    await wait(100)
    expect(await outcome).toEqual(left(refused))
    expect(mock.calls).toBe(1)
  })

  test('sends a request stream once, whatever its response', async () => {
    const { ask, answer, mock } = start(
      retry(
        handleWhenResult(() => true),
        { maxAttempts: 1 },
      ),
    )
    const outcome = ask((async function* () {})())
    await answer(arrived => arrived.respond('pending'))
    await wait(0)
    expect(await outcome).toEqual(right('pending'))
    expect(mock.calls).toBe(1)
  })

  test('says what the attempt that counts said beside its response', async () => {
    const saying = fromPromise((_: number, { reply, attempt }: Context) => {
      reply.header(`x-${attempt}`, 'said')
      return attempt < 2 ? failed('unavailable', 'DOWN', '') : 'done'
    })
    let said: unknown
    const outcome = call(policy(retry(handleAll, { maxAttempts: 1 }))(saying), 1, {
      onReply: ({ headers }) => {
        said = [...headers.keys()]
      },
    })
    await wait(0)
    await outcome
    expect(said).toEqual(['x-2'])
  })
})

describe('circuitBreaker', () => {
  const oneFault = () =>
    circuitBreaker(handleWhen(isFault), { halfOpenAfter: 1_000, breaker: new ConsecutiveBreaker(1) })

  test('open fails with BREAKER_OPEN, which never ran, and counts faults alone', async () => {
    const lifted = oneFault()
    const { ask, fail, answer } = start(lifted)
    await fail(failureOf('not_found', 'NONE', ''))
    await fail(failureOf('cancelled', 'CANCELLED', ''))
    expect(lifted.state).toBe(CircuitState.Closed)
    await fail()
    expect(await ask()).toMatchObject({ left: { code: 'unavailable', reason: 'BREAKER_OPEN', ran: 'no' } })
    await wait(1_000)
    const probe = ask()
    await answer(arrived => arrived.respond('done'))
    expect(await probe).toEqual(right('done'))
    expect(lifted.state).toBe(CircuitState.Closed)
  })

  test('isolated fails with BREAKER_OPEN, too', async () => {
    const lifted = oneFault()
    lifted.isolate()
    expect(await start(lifted).ask()).toMatchObject({
      left: { reason: 'BREAKER_OPEN', ran: 'no', message: 'the breaker is held open' },
    })
  })

  test('half-open: whoever waits for a probe that hangs waits no longer than their own deadline', async () => {
    const lifted = oneFault()
    const { ask, fail, mock, clock } = start(lifted)
    await fail()
    await wait(1_000)
    const probe = ask()
    await mock.next()
    const waiting = ask()
    await clock.advance(30_000)
    expect(await Promise.all([probe, waiting])).toMatchObject([
      { left: { reason: 'DEADLINE_EXCEEDED' } },
      { left: { reason: 'DEADLINE_EXCEEDED' } },
    ])
    await wait(10_000)
    expect(mock.calls).toBe(2)
  })
})

describe('timeout', () => {
  test.each([
    ['aggressive', TimeoutStrategy.Aggressive],
    ['cooperative', TimeoutStrategy.Cooperative],
  ])('%s answers at once, and its work is told', async (_, strategy) => {
    const { ask, mock, clock } = start(timeout(100, strategy))
    const outcome = ask()
    const { context, respond } = await mock.next()
    await wait(100)
    expect(await outcome).toMatchObject({ left: { code: 'deadline_exceeded', reason: 'TIMEOUT', ran: 'maybe' } })
    expect(context.signal.aborted).toBe(true)
    respond('late')
    await clock.advance(0)
    expect(vi.getTimerCount()).toBe(0)
  })

  test.each([
    ['aggressive', TimeoutStrategy.Aggressive],
    ['cooperative', TimeoutStrategy.Cooperative],
  ])('%s: a call that is cancelled fails as cancelled', async (_, strategy) => {
    const { ask, mock } = start(timeout(100, strategy))
    const controller = new AbortController()
    const outcome = ask(1, controller.signal)
    await mock.next()
    controller.abort()
    expect(await outcome).toMatchObject({ left: { code: 'cancelled' } })
    await wait(0)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('leaves a stream alone once it has opened', async () => {
    const endpoint = policy(timeout(100, TimeoutStrategy.Aggressive))(
      fromRemote('watch', () =>
        right(
          (async function* () {
            yield 1
            yield 2
          })(),
        ),
      ),
    )
    const outcome = await call(endpoint, 1)
    if (outcome._tag === 'Left') throw new Error('no stream')
    const items: number[] = []
    for await (const item of outcome.right) {
      items.push(item)
      await wait(200)
    }
    expect(items).toEqual([1, 2])
  })
})

describe('bulkhead', () => {
  test('full fails with BULKHEAD_FULL, which never ran', async () => {
    const { ask, answer } = start(bulkhead(1, 0))
    const first = ask()
    expect(await ask()).toMatchObject({ left: { code: 'resource_exhausted', reason: 'BULKHEAD_FULL', ran: 'no' } })
    await answer(arrived => arrived.respond('done'))
    expect(await first).toEqual(right('done'))
  })

  test('a call that is cancelled in its queue never runs', async () => {
    const { ask, answer, mock } = start(bulkhead(1, 1))
    const first = ask()
    const controller = new AbortController()
    const queued = ask(1, controller.signal)
    controller.abort()
    expect(await queued).toMatchObject({ left: { code: 'cancelled' } })
    await answer(arrived => arrived.respond('done'))
    await first
    const third = ask()
    await answer(arrived => arrived.respond('third'))
    expect(await third).toEqual(right('third'))
    expect(mock.calls).toBe(2)
  })
})

describe('fallback', () => {
  test('gives its value, or fails with a failure of ours', async () => {
    expect(await start(fallback(handleWhen(isFault), 'instead')).fail()).toEqual(right('instead'))
    const other = failureOf('not_found', 'GONE', '')
    expect(await start(fallback(handleAll, () => left(other))).fail()).toEqual(left(other))
    expect(
      await start(fallback(handleWhen(isFault), 'instead')).fail(failureOf('not_found', 'NONE', '')),
    ).toMatchObject({
      left: { reason: 'NONE' },
    })
  })

  test('one that throws is a defect', async () => {
    const mistake = new Error('a mistake')
    const { fail, defects } = start(
      fallback(handleAll, () => {
        throw mistake
      }),
    )
    expect(await fail()).toMatchObject({ left: { code: 'internal', reason: 'DEFECT' } })
    expect(defects).toEqual([mistake])
  })
})

describe('wrap', () => {
  test('retry around a breaker: that it opened in between does not make the call one that never ran', async () => {
    const breaker = circuitBreaker(handleWhen(isFault), { halfOpenAfter: 1_000, breaker: new ConsecutiveBreaker(1) })
    const { ask, answer, mock } = start(wrap(retry(handleAll, { maxAttempts: 2 }), breaker))
    const outcome = ask()
    await answer(arrived => arrived.fail(down))
    await wait(10)
    expect(await outcome).toMatchObject({ left: { reason: 'BREAKER_OPEN', ran: 'maybe' } })
    expect(mock.calls).toBe(1)
    const next = ask()
    await wait(10)
    expect(await next).toMatchObject({ left: { reason: 'BREAKER_OPEN', ran: 'no' } })
  })

  test('a timeout around a retry: no attempt begins when it is over', async () => {
    const lifted = wrap(
      timeout(150, TimeoutStrategy.Aggressive),
      retry(handleAll, { maxAttempts: 5, backoff: new ConstantBackoff(100) }),
    )
    const { ask, answer, mock } = start(lifted)
    const outcome = ask()
    await answer(arrived => arrived.fail(down))
    await wait(100)
    await answer(arrived => arrived.fail(down))
    await wait(50)
    expect(await outcome).toMatchObject({ left: { reason: 'TIMEOUT', ran: 'maybe' } })
    await wait(10_000)
    expect([mock.calls, vi.getTimerCount()]).toEqual([2, 0])
  })

  test('a timeout that waits for its retry: no attempt begins when it is over', async () => {
    const lifted = wrap(
      timeout(150, TimeoutStrategy.Cooperative),
      retry(handleAll, { maxAttempts: 5, backoff: new ConstantBackoff(100) }),
    )
    const { ask, answer, mock } = start(lifted)
    const outcome = ask()
    await answer(arrived => arrived.fail(down))
    await wait(100)
    await answer(arrived => arrived.fail(down))
    await wait(1_000)
    expect(await outcome).toMatchObject({ left: { reason: 'TIMEOUT' } })
    expect(mock.calls).toBe(2)
  })

  test('retry around a timeout of each attempt, with a fallback and a bulkhead', async () => {
    const lifted = wrap(
      fallback(handleAll, 'instead'),
      retry(handleAll, { maxAttempts: 1 }),
      bulkhead(1),
      timeout(100, TimeoutStrategy.Cooperative),
    )
    const { ask, mock } = start(lifted, { maxAttempts: 2 })
    const outcome = ask()
    const first = await mock.next()
    await wait(101)
    expect(first.context.signal.aborted).toBe(true)
    const second = await mock.next()
    expect(second.context.attempt).toBe(2)
    await wait(100)
    expect(await outcome).toEqual(right('instead'))
    expect(vi.getTimerCount()).toBe(0)
  })
})

test('what runs the call after it has answered is told that nobody waits', async () => {
  let late: Promise<unknown> | undefined
  const { ask, mock } = start({
    async execute(run) {
      setTimeout(() => {
        late = Promise.resolve(run({ signal: new AbortController().signal }))
        late.catch(() => {})
      }, 10)
      return 'at once'
    },
  })
  expect(await ask()).toEqual(right('at once'))
  await wait(10)
  await expect(late).rejects.toMatchObject({ failure: { code: 'cancelled', ran: 'no' } })
  expect(mock.calls).toBe(0)
})

test('explains itself, and refuses what is no policy', () => {
  const steps = explain(policy(noop, { name: 'stock', maxAttempts: 4 })(fromPromise(() => 1))).steps
  expect(steps[0]).toMatchObject({ name: 'stock', role: 'policy', options: { maxAttempts: 4 } })
  expect(() => policy({} as Executes)).toThrow(RangeError)
  expect(() => policy(undefined as never)).toThrow('policy: lifted is required')
  expect(() => policy(noop, { maxAttempts: 0 })).toThrow(RangeError)
  expect(() => policy(noop, { attempts: 3 } as LiftOptions)).toThrow(TypeError)
})

test("cockatiel's own guards look for the wrong mark, which is why ours do not use them", () => {
  expect(isTaskCancelledError(new TaskCancelledError())).toBe(false)
  expect('isTaskCancelledError' in new TaskCancelledError()).toBe(true)
  expect(isFault(new BrokenCircuitError())).toBe(false)
})
