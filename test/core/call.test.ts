/** A call ends: with what the endpoint gave, or at its deadline, or when it is cancelled; whatever the endpoint does. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  CallError,
  type CallOptions,
  type Context,
  call,
  callOrThrow,
  type Endpoint,
  failed,
  failureOf,
  fromPromise,
  fromRemote,
  type ManualClock,
  type MethodInfo,
  manualClock,
  mockEndpoint,
  right,
  testContext,
} from '../../src/core/index.js'
import { deep } from '../deep.js'

const pause = (clock: ManualClock, ms: number): Promise<void> =>
  new Promise(resolve => void clock.setTimer(resolve, ms))

describe('at its deadline', () => {
  type Business = (clock: ManualClock, context: Context) => unknown
  const stubborn: Readonly<Record<string, Business>> = {
    'never answers': () => new Promise(() => {}),
    'answers much later': clock => pause(clock, 100_000),
    'fails much later': clock =>
      pause(clock, 100_000).then(() => Promise.reject(new CallError(failureOf('unknown', 'LATE', 'late')))),
    'rejects with the reason of the abort': (_, { signal }) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    'rejects with an AbortError': (_, { signal }) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(new DOMException('!', 'AbortError')))),
    'answers when aborted': (_, { signal }) =>
      new Promise(resolve => signal.addEventListener('abort', () => resolve('too late'))),
    'throws in its abort listener': (_, { signal }) =>
      new Promise(() => signal.addEventListener('abort', () => void Promise.reject(new Error('!')).catch(() => {}))),
    'gives a promise of another make': () =>
      // biome-ignore lint/suspicious/noThenProperty: this is what it is about
      ({ then: () => {} }),
    'waits for a call that never answers': (_, context) =>
      call(
        fromPromise(() => new Promise(() => {})),
        1,
        { context },
      ),
    'waits for a call with a longer deadline': (_, context) =>
      call(
        fromPromise(() => new Promise(() => {})),
        1,
        { context, deadlineMs: 1e6 },
      ),
    'waits for a remote that never answers': (_, context) =>
      call(
        fromRemote('remote', () => new Promise<never>(() => {})),
        1,
        { context },
      ),
  }

  test.each(Object.keys(stubborn))(
    'a call ends, never early and at most a tick late, where the function %s',
    async name => {
      await fc.assert(
        fc.asyncProperty(
          fc.double({ min: 0, max: 1000, noNaN: true }),
          fc.double({ min: 0.001, max: 5000, noNaN: true }),
          async (startMs, deadlineMs) => {
            const clock = manualClock({ startMs })
            const thrown: unknown[] = []
            const context = testContext({ clock, onDefect: each => void thrown.push(each) })
            const endpoint = fromPromise((_: number, inner) => stubborn[name]?.(clock, inner))
            let answeredAt = Number.NaN
            const answer = call(endpoint, 1, { context, deadlineMs }).then(outcome => {
              answeredAt = clock.now()
              return outcome
            })
            await clock.advance(deadlineMs + 20)
            expect(await answer).toMatchObject({
              left: { code: 'deadline_exceeded', reason: 'DEADLINE_EXCEEDED', ran: 'maybe' },
            })
            expect(answeredAt).toBeGreaterThanOrEqual(startMs + deadlineMs)
            expect(answeredAt).toBeLessThanOrEqual(startMs + deadlineMs + 10)
            await clock.advance(200_000)
            expect(clock.pendingTimers).toBe(0)
            expect(thrown).toEqual([])
          },
        ),
        { numRuns: deep(20, 500) },
      )
    },
  )

  test('the signal of a late call aborts, with a CallError as its reason', async () => {
    const clock = manualClock()
    let signal: AbortSignal | undefined
    const endpoint = fromPromise((_: number, context) => {
      signal = context.signal
      return new Promise(() => {})
    })
    const answer = call(endpoint, 1, { context: testContext({ clock }), deadlineMs: 30 })
    await clock.advance(29)
    expect(signal?.aborted).toBe(false)
    await clock.advance(1)
    expect(signal?.aborted).toBe(true)
    expect(signal?.reason).toBeInstanceOf(CallError)
    expect(signal?.reason).toMatchObject({ failure: { reason: 'DEADLINE_EXCEEDED' } })
    expect(await answer).toMatchObject({ left: { reason: 'DEADLINE_EXCEEDED' } })
  })

  test('a signal that is first read after the end is aborted already', async () => {
    const clock = manualClock()
    let context: Context | undefined
    const endpoint = fromPromise((_: number, inner) => {
      context = inner
      return new Promise(() => {})
    })
    void call(endpoint, 1, { context: testContext({ clock }), deadlineMs: 30 })
    await clock.advance(30)
    expect(context?.signal.reason).toMatchObject({ failure: { reason: 'DEADLINE_EXCEEDED' } })
  })

  test('an answer in time stands, and the signal never aborts', async () => {
    const clock = manualClock()
    let signal: AbortSignal | undefined
    const endpoint = fromPromise(async (_: number, context) => {
      signal = context.signal
      await pause(clock, 29)
      return 'in time'
    })
    const answer = call(endpoint, 1, { context: testContext({ clock }), deadlineMs: 30 })
    await clock.advance(1000)
    expect(await answer).toEqual(right('in time'))
    expect(signal?.aborted).toBe(false)
    expect(clock.pendingTimers).toBe(0)
  })

  test('a defect that comes too late is still told', async () => {
    const clock = manualClock()
    const thrown: unknown[] = []
    const context = testContext({ clock, onDefect: each => void thrown.push(each) })
    const endpoint = fromPromise(() => pause(clock, 100).then(() => Promise.reject(new TypeError('a bug'))))
    const answer = call(endpoint, 1, { context, deadlineMs: 10 })
    await clock.advance(200)
    expect(await answer).toMatchObject({ left: { reason: 'DEADLINE_EXCEEDED' } })
    expect(thrown.map(String)).toEqual(['TypeError: a bug'])
  })
})

describe('without a deadline of its own, a call', () => {
  const info = { service: 's', name: 'm', idempotency: 'safe' } as const
  const table: readonly { readonly of: string; readonly method?: MethodInfo; readonly ms: number }[] = [
    { of: 'an endpoint without method', ms: 30_000 },
    { of: 'a unary method', method: info, ms: 30_000 },
    { of: 'a streaming method', method: { ...info, kind: 'server_streaming' }, ms: 3_600_000 },
    { of: 'a bidirectional method', method: { ...info, kind: 'bidi_streaming' }, ms: 3_600_000 },
    { of: 'a method that names one', method: { ...info, kind: 'client_streaming', deadlineMs: 700 }, ms: 700 },
  ]
  test.each(table)('of $of has $ms ms', async ({ method, ms }) => {
    const clock = manualClock()
    const { endpoint, next } = mockEndpoint(method)
    const answer = call(endpoint, 1, { context: testContext({ clock }) })
    const { context } = await next()
    expect(context.deadline).toBe(ms)
    expect(context.remainingMs).toBe(ms)
    await clock.advance(ms)
    expect(context.remainingMs).toBe(0)
    expect(await answer).toMatchObject({ left: { reason: 'DEADLINE_EXCEEDED' } })
  })
})

describe('a call that is over before it begins does not run', () => {
  const stopped = failureOf('unavailable', 'STOPPED', 'stopped')
  const table: readonly { readonly why: string; readonly options: () => CallOptions; readonly failure: object }[] = [
    {
      why: 'its signal has aborted',
      options: () => ({ signal: AbortSignal.abort('no more') }),
      failure: { code: 'cancelled', reason: 'CANCELLED', ran: 'no', cause: 'no more' },
    },
    {
      why: 'its signal has aborted with a CallError',
      options: () => ({ signal: AbortSignal.abort(new CallError(stopped)) }),
      failure: { ...stopped, ran: 'no' },
    },
    {
      why: 'its signal has timed out',
      options: () => ({ signal: AbortSignal.abort(new DOMException('!', 'TimeoutError')) }),
      failure: { code: 'deadline_exceeded', reason: 'DEADLINE_EXCEEDED', ran: 'no' },
    },
    {
      why: "its caller's signal has aborted",
      options: () => ({ context: testContext({ signal: AbortSignal.abort() }) }),
      failure: { code: 'cancelled', reason: 'CANCELLED', ran: 'no' },
    },
    {
      why: "its caller's deadline has passed",
      options: () => ({ context: testContext({ deadlineMs: 0 }) }),
      failure: { code: 'deadline_exceeded', reason: 'DEADLINE_EXCEEDED', ran: 'no' },
    },
    {
      why: 'its metadata cannot be sent',
      options: () => ({ outgoing: { a: 'b\r\nc: d' } }),
      failure: { code: 'invalid_argument', reason: 'INVALID_METADATA' },
    },
  ]
  test.each(table)('as $why', async ({ options, failure }) => {
    let runs = 0
    expect(
      await call(
        fromPromise(() => runs++),
        1,
        options(),
      ),
    ).toMatchObject({ _tag: 'Left', left: failure })
    expect(runs).toBe(0)
  })
})

describe('a cancelled call', () => {
  test('answers at once, while its work goes on', async () => {
    const controller = new AbortController()
    const clock = manualClock()
    let done = false
    const endpoint = fromPromise(async () => {
      await pause(clock, 100)
      done = true
    })
    const answer = call(endpoint, 1, { context: testContext({ clock }), signal: controller.signal })
    await clock.advance(5)
    controller.abort()
    expect(await answer).toMatchObject({ left: { code: 'cancelled', reason: 'CANCELLED', ran: 'maybe' } })
    expect(done).toBe(false)
    expect(clock.pendingTimers).toBe(1)
    await clock.advance(100)
    expect(done).toBe(true)
    expect(clock.pendingTimers).toBe(0)
  })
})

describe('the options of a call', () => {
  const wrong = [0, -1, Number.NaN, Number.NEGATIVE_INFINITY, '50' as never, true as never] // of a program without types
  test.each(wrong)('refuse a deadline of %j ms', async deadlineMs => {
    const refused = new RangeError(`call: deadlineMs must be a number more than 0, got ${deadlineMs}`)
    await expect(
      call(
        fromPromise(() => 1),
        1,
        { deadlineMs },
      ),
    ).rejects.toThrow(refused)
    await expect(
      callOrThrow(
        fromPromise(() => 1),
        1,
        { deadlineMs },
      ),
    ).rejects.toThrow(refused)
  })

  test('take no deadline at all', async () => {
    const clock = manualClock()
    const { endpoint, next } = mockEndpoint()
    const answer = call(endpoint, 1, { context: testContext({ clock }), deadlineMs: Number.POSITIVE_INFINITY })
    const { context, respond } = await next()
    await clock.advance(1e9)
    expect([context.deadline, context.remainingMs]).toEqual([Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY])
    respond('at last')
    expect(await answer).toEqual(right('at last'))
  })

  test('give the endpoint what it needs', async () => {
    const endpoint = fromPromise((_: number, context: Context & { readonly tenant: string }) => context.tenant)
    expect(await call(endpoint, 1, { provide: { tenant: 'a' } })).toEqual(right('a'))
  })

  test('show what came back beside the response, before the call returns', async () => {
    const endpoint = fromPromise((_: number, { reply }) => {
      reply.header('X-Cost', '7')
      reply.trailer('rows', '3')
    })
    const order: unknown[] = []
    const onReply: CallOptions['onReply'] = ({ headers, trailers }) => void order.push([...headers], [...trailers])
    await call(endpoint, 1, { onReply })
    order.push('returned')
    expect(order).toEqual([[['x-cost', '7']], [['rows', '3']], 'returned'])
  })

  test('show a reply also where the call failed, and nothing was said', async () => {
    const seen: unknown[] = []
    const endpoint = fromPromise(async () => failed('not_found', 'NONE', 'none'))
    const onReply: CallOptions['onReply'] = ({ headers, status }) => void seen.push(headers.size, status)
    expect(await call(endpoint, 1, { onReply })).toMatchObject({ left: { reason: 'NONE' } })
    expect(seen).toEqual([0, undefined])
  })
})

describe('callOrThrow', () => {
  test('gives the response', async () => {
    expect(
      await callOrThrow(
        fromPromise(async (n: number) => n + 1),
        1,
      ),
    ).toBe(2)
  })

  test('throws the failure, whole', async () => {
    const failure = failureOf('not_found', 'NO_SUCH_ORDER', 'there is no order 1', { details: { id: '1' } })
    const thrown = await callOrThrow(
      fromPromise(() => failed('not_found', 'NO_SUCH_ORDER', 'there is no order 1', { details: { id: '1' } })),
      1,
    ).catch(each => each)
    expect(thrown).toBeInstanceOf(CallError)
    expect(thrown.failure).toEqual(failure)
    expect(String(thrown)).toBe('CallError: not_found/NO_SUCH_ORDER: there is no order 1')
  })

  test('names a domain failure by its tag', async () => {
    const outOfStock = { _tag: 'OutOfStock', details: { sku: 'a' } } as const
    const endpoint = fromPromise(async (): Promise<never> => {
      throw new CallError<typeof outOfStock>(outOfStock)
    }) as Endpoint<number, never, typeof outOfStock>
    const thrown = await callOrThrow(endpoint, 1).catch(each => each)
    expect(thrown.failure).toEqual(outOfStock)
    expect(String(thrown)).toBe('CallError: OutOfStock')
  })
})

describe('a promise of a call never rejects', () => {
  const rubbish: Readonly<Record<string, unknown>> = {
    'is no function of a function': 7,
    'gives undefined': () => () => undefined,
    'gives undefined later': () => () => async () => undefined,
    'gives null later': () => () => async () => null,
    'gives a bare value': () => () => async () => 7,
    'gives another tag': () => () => async () => ({ _tag: 'Some', value: 1 }),
    'gives a Left without left': () => () => async () => ({ _tag: 'Left' }),
    'throws at once': () => {
      throw new Error('!')
    },
    'throws when given its context': () => () => {
      throw new Error('!')
    },
    'throws when started': () => () => () => {
      throw new Error('!')
    },
    rejects: () => () => () => Promise.reject(new Error('!')),
    'rejects with nothing': () => () => () => Promise.reject(),
    'gives a getter that throws': () => () => () => ({
      // biome-ignore lint/suspicious/noThenProperty: this is what it is about
      get then() {
        throw new Error('!')
      },
    }),
    'gives a promise that throws': () => () => () => ({
      // biome-ignore lint/suspicious/noThenProperty: this is what it is about
      then() {
        throw new Error('!')
      },
    }),
  }
  const ways: readonly {
    readonly how: string
    readonly run: (endpoint: never, context: Context) => Promise<unknown>
  }[] = [
    { how: 'by call', run: (endpoint, context) => call<unknown, unknown, never, Context>(endpoint, 1, { context }) },
    {
      how: 'through an endpoint of ours',
      run: (endpoint, context) =>
        fromPromise((_: number, inner) => call<unknown, unknown, never, Context>(endpoint, 1, { context: inner }))(1)(
          context,
        )(),
    },
  ]
  const table = Object.keys(rubbish).flatMap(what => ways.map(way => ({ what, ...way })))
  test.each(table)('where a function that somebody wrote $what, called $how', async ({ what, run }) => {
    const thrown: unknown[] = []
    const context = testContext({ onDefect: each => void thrown.push(each) })
    expect(await run(rubbish[what] as never, context)).toMatchObject({
      _tag: 'Left',
      left: { code: 'internal', reason: 'DEFECT' },
    })
    expect(thrown).toHaveLength(1)
  })

  test('and says nothing of the defect to the caller but its cause, which is never sent', async () => {
    const context = testContext({ onDefect: () => {} })
    const secret = new Error('password=hunter2')
    const outcome = await call(
      fromPromise(() => Promise.reject(secret)),
      1,
      { context },
    )
    const { cause, ...sent } = (outcome as { left: { cause: unknown } }).left
    expect(cause).toBe(secret)
    expect(JSON.stringify(sent)).not.toContain('hunter2')
  })

  test('and onDefect may throw too', async () => {
    const { error } = console
    console.error = () => {}
    const onDefect = () => {
      throw new Error('from onDefect')
    }
    const endpoint = fromPromise(() => Promise.reject(new Error('!')))
    const outcome = await call(endpoint, 1, { context: testContext({ onDefect }) })
    console.error = error
    expect(outcome).toMatchObject({ left: { reason: 'DEFECT' } })
  })
})

test('nor where the response is a Proxy that refuses to be looked at', async () => {
  const refuse = () => {
    throw new Error('!')
  }
  const hostile = new Proxy({}, { has: refuse })
  const context = testContext({ onDefect: () => {} })
  for (const endpoint of [fromPromise(() => hostile), fromPromise(async () => hostile)])
    expect(await call(endpoint, 1, { context })).toMatchObject({ left: { reason: 'DEFECT' } })
  expect(
    await call(
      fromRemote('remote', () => right(hostile)),
      1,
      { context },
    ),
  ).toMatchObject({ _tag: 'Right' })
})

test('a promise of another make is waited for, in a handler as anywhere', async () => {
  // biome-ignore lint/suspicious/noThenProperty: this is what it is about
  const query = { then: (resolve: (rows: number) => void) => resolve(3) }
  expect(
    await call(
      fromPromise(() => query),
      1,
    ),
  ).toEqual(right(3))
})
