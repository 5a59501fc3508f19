/** `retry` tries again what may pass and may run twice, within attempts, budget and deadline, and leaves nothing behind. */
import { describe, expect, test } from 'vitest'
import {
  CallError,
  type Context,
  call,
  chain,
  failed,
  failureOf,
  fromPromise,
  fromRemote,
  type Idempotency,
  left,
  type ManualClock,
  type MethodInfo,
  manualClock,
  mockEndpoint,
  right,
  testContext,
} from '../../src/core/index.js'
import {
  bulkhead,
  mayRetry,
  type RetryEvent,
  type RetryOptions,
  retry,
  retryBudget,
  timeout,
} from '../../src/middleware/index.js'

const safe: MethodInfo = { service: 'shop.v1.Stock', name: 'get', idempotency: 'safe' }
const unsafe: MethodInfo = { ...safe, name: 'reserve', idempotency: 'unsafe' }
const down = failureOf('unavailable', 'DOWN', 'down')
const refused = failureOf('unavailable', 'CONNECTION_REFUSED', '', { ran: 'no' })
const longest = { next: () => 1 - 2 ** -32 }
const half = { next: () => 0.5 }

interface Setting {
  readonly options?: RetryOptions
  readonly method?: MethodInfo
  readonly deadlineMs?: number
  readonly maxAttempts?: number
  readonly signal?: AbortSignal
}

function start({ options = {}, method = safe, deadlineMs = 10_000, maxAttempts = 1, signal }: Setting = {}) {
  const clock: ManualClock = manualClock()
  const mock = mockEndpoint<unknown, unknown>(method)
  const events: RetryEvent[] = []
  const policy = retry({ random: half, ...options, onEvent: event => events.push(event) })
  const endpoint = policy(mock.endpoint)
  const context = testContext({ clock, maxAttempts })
  const ask = (request: unknown = 1) =>
    call(endpoint, request, { context, deadlineMs, ...(signal === undefined ? {} : { signal }) })
  return { clock, mock, events, policy, ask }
}

test('a failure that may pass is followed by another attempt, after a wait', async () => {
  const { clock, mock, events, ask } = start()
  const outcome = ask()
  const first = await mock.next()
  expect([first.context.attempt, first.context.maxAttempts]).toEqual([1, 3])
  first.fail(down)
  await clock.advance(24)
  expect(mock.calls).toBe(1)
  await clock.advance(1)
  const second = await mock.next()
  expect([second.context.attempt, second.context.maxAttempts, second.request]).toEqual([2, 3, 1])
  second.fail(down)
  await clock.advance(50)
  const third = await mock.next()
  third.respond('done')
  expect(await outcome).toEqual(right('done'))
  const common = { policy: 'retry', kind: 'retry', type: 'retried', method: 'shop.v1.Stock/get', failure: down }
  expect(events).toEqual([
    { ...common, attempt: 2, waitMs: 25 },
    { ...common, attempt: 3, waitMs: 50 },
  ])
  await clock.advance(0)
  expect(clock.pendingTimers).toBe(0)
})

test('gives the last failure as it was when the attempts are made', async () => {
  const { clock, mock, events, ask } = start({ options: { maxAttempts: 2 } })
  const outcome = ask()
  ;(await mock.next()).fail(down)
  await clock.advance(25)
  const last = failureOf('unavailable', 'STILL_DOWN', '', { peer: 'stock', details: { n: 2 } })
  ;(await mock.next()).fail(last)
  expect(await outcome).toEqual(left(last))
  expect(events.at(-1)).toMatchObject({ type: 'gave-up', why: 'attempts', attempt: 2 })
})

describe('waits', () => {
  test.each([
    { options: { baseMs: 100, factor: 3, maxMs: 500, maxAttempts: 5, random: longest }, waits: [100, 300, 500, 500] },
    { options: { baseMs: 100, maxAttempts: 4, random: { next: () => 0 } }, waits: [0, 0, 0] },
  ])('are anything up to $waits', async ({ options, waits }) => {
    const { clock, mock, events, ask } = start({ options })
    const outcome = ask()
    for (const wait of [...waits, 0]) {
      ;(await mock.next()).fail(down)
      await clock.advance(wait)
    }
    await outcome
    expect(events.flatMap(each => (each.type === 'retried' ? [Math.round(each.waitMs)] : []))).toEqual(waits)
  })

  test("are never shorter than the failure's retryAfterMs", async () => {
    const { clock, mock, ask } = start()
    void ask()
    ;(await mock.next()).fail({ ...down, retryAfterMs: 1_000 })
    await clock.advance(1_024)
    expect(mock.calls).toBe(1)
    await clock.advance(1)
    expect(mock.calls).toBe(2)
  })

  test('that would pass the deadline are not begun: the failure is given at once', async () => {
    const { clock, mock, events, ask } = start({ deadlineMs: 1_000 })
    const outcome = ask()
    const failure = { ...down, retryAfterMs: 980 }
    ;(await mock.next()).fail(failure)
    expect(await outcome).toEqual(left(failure))
    expect(clock.now()).toBe(0)
    expect(events).toMatchObject([{ type: 'gave-up', why: 'deadline', attempt: 1 }])
  })

  test('end when the call is cancelled, and leave no timer', async () => {
    const controller = new AbortController()
    const { clock, mock, events, ask } = start({
      signal: controller.signal,
      options: { baseMs: 5_000, shouldRetry: () => true },
    })
    const outcome = ask()
    ;(await mock.next()).fail(down)
    await clock.advance(10)
    controller.abort()
    expect(await outcome).toMatchObject({ left: { code: 'cancelled' } })
    await clock.advance(0)
    expect(clock.pendingTimers).toBe(0)
    await clock.advance(60_000)
    expect([mock.calls, events.length]).toEqual([1, 1])
  })
})

describe('what may be retried', () => {
  const peer = 'stock'
  test.each<[what: string, failure: Parameters<typeof mayRetry>[0], when: readonly Idempotency[]]>([
    ['that may have run', down, ['safe', 'idempotent']],
    ['that never started', refused, ['safe', 'idempotent', 'unsafe']],
    ['of a peer that never started it', { ...down, peer, ran: 'no' }, ['safe', 'idempotent', 'unsafe']],
    ['of a timeout', failureOf('deadline_exceeded', 'TIMEOUT', ''), ['safe', 'idempotent']],
    ['of a deadline that was over', failureOf('deadline_exceeded', 'DEADLINE_EXCEEDED', '', { ran: 'no' }), []],
    ['of a limit', failureOf('resource_exhausted', 'FULL', '', { ran: 'no' }), ['safe', 'idempotent', 'unsafe']],
    [
      'of a limit that says when',
      failureOf('resource_exhausted', 'FULL', '', { retryAfterMs: 9 }),
      ['safe', 'idempotent'],
    ],
    ['of a quota', failureOf('resource_exhausted', 'FULL', '', { peer }), []],
    ['of a body that stays too large', failureOf('resource_exhausted', 'BODY_TOO_LARGE', '', { ran: 'no', peer }), []],
    ['of a client that was closed', failureOf('unavailable', 'CLIENT_CLOSED', '', { ran: 'no' }), []],
    ['of a conflict', failureOf('aborted', 'CONFLICT', ''), []],
    ['of a call that still runs', failureOf('aborted', 'RUNNING', '', { retryAfterMs: 9 }), ['safe', 'idempotent']],
    ['of a breaker on this side', failureOf('unavailable', 'BREAKER_OPEN', '', { ran: 'no', retryAfterMs: 9 }), []],
    ['of a breaker of the peer', failureOf('unavailable', 'BREAKER_OPEN', '', { peer }), ['safe', 'idempotent']],
    ['of a defect', failureOf('internal', 'DEFECT', '', { peer }), []],
    ['of the caller', failureOf('invalid_argument', 'INVALID_REQUEST', '', { ran: 'no' }), []],
    ['of a caller who has left', failureOf('cancelled', 'CANCELLED', '', { ran: 'no' }), []],
    ['of the business', { _tag: 'OutOfStock', details: {} }, []],
  ])('of failures %s', (_, failure, when) => {
    const all: Idempotency[] = ['safe', 'idempotent', 'unsafe']
    expect(all.filter(idempotency => mayRetry(failure, { ...safe, idempotency }))).toEqual(when)
    expect(mayRetry(failure, undefined)).toBe(when.includes('unsafe'))
  })

  test('is asked of the method that is called', async () => {
    const { mock, ask } = start({ method: unsafe })
    const outcome = ask()
    ;(await mock.next()).fail(down)
    expect(await outcome).toEqual(left(down))
  })

  test('is what shouldRetry says', async () => {
    const { clock, mock, ask } = start({
      method: unsafe,
      options: { shouldRetry: (failure, method) => failure._tag === 'Failure' && method?.name === 'reserve' },
    })
    const outcome = ask()
    ;(await mock.next()).fail(failureOf('internal', 'DEFECT', ''))
    await clock.advance(25)
    ;(await mock.next()).respond('done')
    expect(await outcome).toEqual(right('done'))
  })

  test('says that it may have run once one attempt may have', async () => {
    const { clock, mock, ask } = start({ options: { maxAttempts: 2 } })
    const outcome = ask()
    ;(await mock.next()).fail(down)
    await clock.advance(25)
    ;(await mock.next()).fail(refused)
    expect(await outcome).toEqual(left({ ...refused, ran: 'maybe' }))
  })

  test('says that it never started where no attempt has', async () => {
    const { clock, mock, ask } = start({ options: { maxAttempts: 2 }, method: unsafe })
    const outcome = ask()
    ;(await mock.next()).fail(refused)
    await clock.advance(25)
    ;(await mock.next()).fail(refused)
    expect(await outcome).toEqual(left(refused))
  })
})

test('an attempt that a timeout ended is followed by another', async () => {
  const clock = manualClock()
  const attempts: number[] = []
  const endpoint = retry({ random: half })(
    timeout({ timeoutMs: 100 })(
      fromPromise((_: number, { attempt }: Context) => {
        attempts.push(attempt)
        return attempt === 2 ? 'done' : new Promise<string>(() => {})
      }, safe),
    ),
  )
  const outcome = call(endpoint, 1, { context: testContext({ clock }) })
  await clock.advance(200)
  expect(await outcome).toEqual(right('done'))
  expect(attempts).toEqual([1, 2])
})

describe('the budget', () => {
  test('is not exceeded', async () => {
    const budget = retryBudget({ ratio: 0.5, minPerSecond: 0 })
    const { clock, mock, events, ask } = start({ options: { budget, maxAttempts: 2 } })
    for (let i = 0; i < 4; i++) {
      const outcome = ask()
      ;(await mock.next()).fail(down)
      await clock.advance(25)
      if (i % 2 === 1) (await mock.next()).fail(down)
      await outcome
    }
    expect(mock.calls).toBe(6)
    expect(events.map(each => (each.type === 'gave-up' ? each.why : each.type))).toEqual([
      'budget',
      'retried',
      'attempts',
      'budget',
      'retried',
      'attempts',
    ])
  })

  test('is shared by those who are given it, and can change', async () => {
    const budget = retryBudget({ ratio: 0, minPerSecond: 0.1 })
    const one = start({ options: { budget } })
    const other = start({ options: { budget } })
    void one.ask()
    ;(await one.mock.next()).fail(down)
    const outcome = other.ask()
    ;(await other.mock.next()).fail(down)
    expect(await outcome).toEqual(left(down))
    other.policy.configure({ budget: retryBudget() })
    void other.ask()
    ;(await other.mock.next()).fail(down)
    await other.clock.advance(25)
    expect(other.mock.calls).toBe(3)
  })
})

describe('beneath a caller that retries', () => {
  test('it does not retry', async () => {
    const { mock, ask } = start({ maxAttempts: 2 })
    const outcome = ask()
    const only = await mock.next()
    expect([only.context.attempt, only.context.maxAttempts]).toEqual([1, 2])
    only.fail(down)
    expect(await outcome).toEqual(left(down))
  })

  test('unless it was told to', async () => {
    const { clock, mock, ask } = start({ maxAttempts: 2, options: { evenBeneathRetries: true } })
    void ask()
    ;(await mock.next()).fail(down)
    await clock.advance(25)
    expect((await mock.next()).context).toMatchObject({ attempt: 2, maxAttempts: 3 })
  })

  test('of one stack, the outermost retries', async () => {
    const clock = manualClock()
    const mock = mockEndpoint<number, string>(safe)
    const endpoint = retry({ maxAttempts: 2, random: half })(retry({ maxAttempts: 9 })(mock.endpoint))
    const outcome = call(endpoint, 1, { context: testContext({ clock }) })
    for (let i = 0; i < 2; i++) {
      ;(await mock.next()).fail(down)
      await clock.advance(1_000)
    }
    expect(await outcome).toEqual(left(down))
    expect(mock.calls).toBe(2)
  })
})

describe('streams', () => {
  test('a request stream is sent once', async () => {
    const { mock, ask } = start()
    const outcome = ask((async function* () {})())
    const only = await mock.next()
    expect(only.context.maxAttempts).toBe(1)
    only.fail(refused)
    expect(await outcome).toEqual(left(refused))
  })

  test('a response stream is retried until one opens, and not from there on', async () => {
    const clock = manualClock()
    let opened = 0
    const endpoint = retry({ random: half })(
      fromRemote(
        'watch',
        (_: number, { attempt }) => {
          if (attempt === 1) return failed('unavailable', 'DOWN', '')
          opened++
          return right(broken())
        },
        safe,
      ),
    )
    const answer = call(endpoint, 1, { context: testContext({ clock }) })
    await clock.advance(25)
    const outcome = await answer
    if (outcome._tag === 'Left') throw new Error('no stream')
    await expect(outcome.right[Symbol.asyncIterator]().next()).rejects.toThrow('DOWN')
    await clock.advance(10_000)
    expect(opened).toBe(1)

    // biome-ignore lint/correctness/useYield: it breaks before its first item
    async function* broken(): AsyncGenerator<number> {
      throw new CallError(down)
    }
  })
})

test('what a failed attempt said beside its failure is not said with the response', async () => {
  const clock = manualClock()
  const saying = fromPromise((_: number, { reply, attempt }: Context) => {
    reply.header(`x-${attempt}`, 'said')
    reply.header('set-cookie', `a=${attempt}`)
    return attempt < 2 ? failed('unavailable', 'DOWN', '') : 'done'
  }, safe)
  let said: unknown
  const outcome = call(retry({ random: half })(saying), 1, {
    context: testContext({ clock }),
    onReply: ({ headers, setCookies }) => {
      said = [...headers.keys(), ...setCookies]
    },
  })
  await clock.advance(25)
  await outcome
  expect(said).toEqual(['x-2', 'a=2'])
})

test('what an attempt says before it opens a stream can be sent before the first item', async () => {
  const streaming = fromPromise((_: unknown, { reply }: Context) => {
    reply.header('x-from', 'stream')
    return (async function* () {
      yield 1
    })()
  }, safe)
  const said: string[] = []
  const outcome = await call(retry()(streaming), 1, { onReply: ({ headers }) => said.push(...headers.keys()) })
  expect(said).toEqual(['x-from'])
  if (outcome._tag === 'Right') for await (const item of outcome.right) expect(item).toBe(1)
})

test('work that an attempt left behind keeps its place further in until it ends, not until the call does', async () => {
  const clock = manualClock()
  const ends: ((response: string) => void)[] = []
  const places = bulkhead({ maxConcurrent: 1 })
  const stuck = fromPromise(() => new Promise<string>(resolve => ends.push(resolve)), safe)
  const patient = retry({ random: half, baseMs: 10_000 })
  const endpoint = chain(patient, places, timeout({ timeoutMs: 50 }))(stuck)
  const outcome = call(endpoint, 1, { context: testContext({ clock }) })
  await clock.advance(100)
  expect(places.inFlight).toBe(1)
  ends[0]?.('late')
  await clock.advance(0)
  expect(places.inFlight).toBe(0)
  await clock.advance(4_980)
  expect(places.inFlight).toBe(1)
  ends[1]?.('in time')
  expect(await outcome).toEqual(right('in time'))
  expect(places.inFlight).toBe(0)
})

test('a change holds for calls that begin after it', async () => {
  const { clock, mock, policy, ask } = start()
  const before = ask()
  const first = await mock.next()
  policy.configure({ maxAttempts: 1 })
  const after = ask()
  ;(await mock.next()).fail(down)
  expect(await after).toEqual(left(down))
  first.fail(down)
  await clock.advance(25)
  ;(await mock.next()).respond('done')
  expect(await before).toEqual(right('done'))
})

test.each<[options: object, message: string]>([
  [{ maxAttempts: 0 }, 'retry: maxAttempts must be a whole number in [1, 100], got 0'],
  [{ maxAttempts: Infinity }, 'retry: maxAttempts must be a whole number in [1, 100], got Infinity'],
  [{ baseMs: 30_000 }, 'retry: maxMs must be at least baseMs, got 20000 and 30000'],
  [{ budget: {} }, 'retry: budget must have deposit() and tryWithdraw(), or be left out, got an object'],
])('refuses %o', (options, message) => {
  expect(() => retry(options)).toThrow(new RangeError(message))
})

describe('attemptTimeoutMs', () => {
  test('ends an attempt that hangs, aborts its work and makes another', async () => {
    const { clock, mock, events, ask } = start({ options: { attemptTimeoutMs: 100 } })
    const outcome = ask()
    const first = await mock.next()
    await clock.advance(110)
    expect(first.context.signal.aborted).toBe(true)
    expect(events).toMatchObject([{ type: 'retried', failure: { reason: 'TIMEOUT' } }])
    await clock.advance(50)
    const second = await mock.next()
    second.respond('done')
    expect(await outcome).toEqual(right('done'))
    first.respond('late')
    await clock.advance(20_000)
    expect(clock.pendingTimers).toBe(0)
  })

  test('holds for the only attempt of a call beneath somebody who retries', async () => {
    const { clock, mock, ask } = start({ options: { attemptTimeoutMs: 100 }, maxAttempts: 3 })
    const outcome = ask()
    await mock.next()
    await clock.advance(110)
    expect(await outcome).toMatchObject({ left: { reason: 'TIMEOUT', ran: 'maybe' } })
  })

  test('ends after the last attempt with TIMEOUT, and gives way to a nearer deadline', async () => {
    const { clock, mock, ask } = start({ options: { attemptTimeoutMs: 100, maxAttempts: 2 }, deadlineMs: 150 })
    const outcome = ask()
    await mock.next()
    await clock.advance(140)
    await mock.next()
    await clock.advance(20)
    expect(await outcome).toMatchObject({ left: { reason: 'DEADLINE_EXCEEDED' } })
  })

  test.each([0, Number.NaN, -5])('refuses %s', attemptTimeoutMs => {
    expect(() => retry({ attemptTimeoutMs })).toThrow(RangeError)
  })
})

test.each([
  { factor: 1e308, maxAttempts: 4 },
  { factor: 1e4, maxAttempts: 100 },
])('waits of no time stay none, however they grow: %o', async options => {
  const clock = manualClock()
  const waits: number[] = []
  const budget = retryBudget({ minPerSecond: Infinity })
  const onEvent = (event: RetryEvent) => void (event.type === 'retried' && waits.push(event.waitMs))
  const policy = retry({ ...options, baseMs: 0, budget, onEvent })
  const safe = { service: 'shop.v1.Stock', name: 'get', idempotency: 'safe' } as const
  const endpoint = policy(fromPromise(() => failed('unavailable', 'DOWN', 'down'), safe))
  const answer = call(endpoint, 1, { context: testContext({ clock }) })
  await clock.advance(10)
  expect(await answer).toMatchObject({ left: { reason: 'DOWN' } })
  expect(waits).toEqual(Array.from({ length: options.maxAttempts - 1 }, () => 0))
})
