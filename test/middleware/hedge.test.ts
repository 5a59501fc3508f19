/** `hedge`: a second attempt for what takes unusually long, within its share, and only where twice is as good as once. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type Context,
  call,
  failed,
  fromPromise,
  isRight,
  type ManualClock,
  type MethodInfo,
  manualClock,
  right,
  seededRandom,
  testContext,
} from '../../src/core/index.js'
import { type HedgeEvent, type HedgeOptions, hedge } from '../../src/middleware/index.js'
import { LatencyHistogram } from '../../src/middleware/latency-histogram.js'
import { deep } from '../deep.js'

const safe: MethodInfo = { service: 'shop.v1.Stock', name: 'get', idempotency: 'safe' }

const sleep = (context: Context, ms: number): Promise<void> =>
  new Promise(resolve => {
    context.clock.setTimer(() => resolve(), ms)
  })

/** An endpoint that takes as long as each request says for its first attempt, and 1 ms for its second. */
function start(options: HedgeOptions = {}, method: MethodInfo | undefined = safe, clock: ManualClock = manualClock()) {
  const attempts: number[] = []
  const contexts: Context[] = []
  const events: HedgeEvent[] = []
  const policy = hedge({ minCalls: 10, maxExtraRatio: 0.5, onEvent: event => events.push(event), ...options })
  const endpoint = policy(
    fromPromise(async (ms: number, context: Context) => {
      attempts.push(context.attempt)
      contexts.push(context)
      await sleep(context, context.attempt === 1 ? ms : 1)
      return context.attempt
    }, method),
  )
  const ask = (ms: number) => call(endpoint, ms, { context: testContext({ clock }), deadlineMs: 5_000 })
  const warm = async () => {
    for (let i = 0; i < 20; i++) {
      const answer = ask(20)
      await clock.advance(20)
      await answer
    }
    attempts.length = 0
    contexts.length = 0
  }
  return { attempts, contexts, events, ask, warm, clock, policy }
}

test('a call that takes longer than most has a second attempt, and the first answer counts', async () => {
  const { ask, warm, clock, attempts, contexts, events } = start()
  await warm()
  const answer = ask(1_000)
  await clock.advance(19)
  expect(attempts).toEqual([1])
  await clock.advance(10)
  expect(attempts).toEqual([1, 2])
  expect(await answer).toEqual(right(2))
  expect(contexts.map(({ signal }) => signal.aborted)).toEqual([true, false])
  expect(events.map(({ type }) => type)).toEqual(['hedged', 'won'])
  expect(contexts[1]?.maxAttempts).toBe(2)
})

test('nothing is hedged before enough calls were measured', async () => {
  const { ask, clock, attempts } = start()
  const answer = ask(1_000)
  await clock.advance(1_000)
  expect(await answer).toEqual(right(1))
  expect(attempts).toEqual([1])
})

test.each<[string, MethodInfo | undefined, boolean]>([
  ['safe', safe, true],
  ['idempotent', { ...safe, idempotency: 'idempotent' }, true],
  ['unsafe', { ...safe, idempotency: 'unsafe' }, false],
  ['unknown', undefined, false],
  ['a stream', { ...safe, kind: 'server_streaming' }, false],
])('a method that is %s is hedged: %s', async (_, method, isHedged) => {
  const clock = manualClock()
  const { policy, warm, attempts } = start({}, safe, clock)
  await warm()
  const slow = policy(fromPromise(async (ms: number, context: Context) => sleep(context, ms), method))
  for (let i = 0; i < 20; i++) {
    const answer = call(slow, 20, { context: testContext({ clock }) })
    await clock.advance(20)
    await answer
  }
  attempts.length = 0
  let begun = 0
  const counted = policy(
    fromPromise(async (ms: number, context: Context) => {
      begun++
      await sleep(context, ms)
    }, method),
  )
  for (let i = 0; i < 20; i++) {
    const answer = call(counted, 20, { context: testContext({ clock }) })
    await clock.advance(20)
    await answer
  }
  begun = 0
  const answer = call(counted, 500, { context: testContext({ clock }) })
  await clock.advance(600)
  await answer
  expect(begun).toBe(isHedged ? 2 : 1)
})

test('a call of a caller that retries is not hedged', async () => {
  const { policy, clock } = start()
  let begun = 0
  const endpoint = policy(
    fromPromise(async (ms: number, context: Context) => {
      begun++
      await sleep(context, ms)
    }, safe),
  )
  const ask = async (ms: number, maxAttempts: number) => {
    const answer = call(endpoint, ms, { context: testContext({ clock, maxAttempts }) })
    await clock.advance(ms)
    await answer
  }
  for (let i = 0; i < 20; i++) await ask(20, 1)
  begun = 0
  await ask(300, 3)
  expect(begun).toBe(1)
  await ask(300, 1)
  expect(begun).toBe(3)
})

test('what the attempt that counts said beside its response is what the call says', async () => {
  const { policy, clock } = start()
  const endpoint = policy(
    fromPromise(async (ms: number, context: Context) => {
      context.reply.header('x-attempt', `${context.attempt}`)
      await sleep(context, context.attempt === 1 ? ms : 1)
    }, safe),
  )
  const said: unknown[] = []
  const ask = async (ms: number) => {
    const answer = call(endpoint, ms, {
      context: testContext({ clock }),
      onReply: ({ headers }) => said.push(headers.get('x-attempt')),
    })
    await clock.advance(ms)
    await answer
  }
  for (let i = 0; i < 20; i++) await ask(20)
  await ask(300)
  expect(said).toEqual([...Array(20).fill('1'), '2'])
})

test('a long quiet time saves up ten hedges and no more', async () => {
  const { ask, warm, clock, attempts } = start({ maxExtraRatio: 1 })
  for (let i = 0; i < 5; i++) await warm()
  for (let i = 0; i < 40; i++) void ask(2_000)
  await clock.advance(100)
  expect(attempts.filter(attempt => attempt === 2)).toHaveLength(10)
})

test('a failure that is not the last attempt is waited past, the last one counts', async () => {
  const clock = manualClock()
  const policy = hedge({ minCalls: 1, maxExtraRatio: 1 })
  const endpoint = policy(
    fromPromise(async (kind: 'fine' | 'first fails' | 'both fail', context: Context) => {
      await sleep(context, kind === 'fine' ? 20 : context.attempt === 1 ? 40 : 60)
      const fails = kind === 'both fail' || (kind === 'first fails' && context.attempt === 1)
      return fails ? failed('unavailable', `DOWN_${context.attempt}`, 'down') : context.attempt
    }, safe),
  )
  const ask = async (kind: 'fine' | 'first fails' | 'both fail') => {
    const answer = call(endpoint, kind, { context: testContext({ clock }) })
    await clock.advance(200)
    return answer
  }
  await ask('fine')
  expect(await ask('first fails')).toEqual(right(2))
  expect(await ask('both fail')).toMatchObject({ left: { reason: 'DOWN_2' } })
})

test("a caller's mistake is an answer", async () => {
  const clock = manualClock()
  const policy = hedge({ minCalls: 1, maxExtraRatio: 1 })
  const seen: Context[] = []
  const endpoint = policy(
    fromPromise(async (ms: number, context: Context) => {
      seen.push(context)
      await sleep(context, context.attempt === 1 ? ms : 1_000)
      return ms > 30 ? failed('not_found', 'NONE', 'none') : 1
    }, safe),
  )
  const ask = (ms: number) => call(endpoint, ms, { context: testContext({ clock }) })
  const first = ask(20)
  await clock.advance(20)
  await first
  const answer = ask(50)
  await clock.advance(50)
  expect(await answer).toMatchObject({ left: { reason: 'NONE' } })
  expect(seen.at(-1)?.attempt).toBe(2)
  expect(seen.at(-1)?.signal.aborted).toBe(true)
})

describe('the share', () => {
  test('is never exceeded, whatever the latencies', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 50, maxLength: 300, size: 'max' }),
        fc.double({ min: 0.01, max: 0.3, noNaN: true }),
        async (latencies, maxExtraRatio) => {
          const { ask, clock, attempts, events } = start({ maxExtraRatio, percentile: 0.5, minCalls: 5 })
          const answers: Promise<unknown>[] = []
          for (const ms of latencies) {
            answers.push(ask(ms))
            await clock.advance(5)
          }
          await clock.advance(6_000)
          await Promise.all(answers)
          const extra = attempts.filter(attempt => attempt === 2).length
          expect(extra).toBeLessThanOrEqual(maxExtraRatio * latencies.length)
          expect(events.filter(({ type }) => type === 'hedged')).toHaveLength(extra)
          expect(clock.pendingTimers).toBe(0)
        },
      ),
      { numRuns: deep(10, 600) },
    )
  })
})

test('one slow replica of a hundred: few more calls, and a tail that is a third at most', async () => {
  const run = async (hedged: boolean) => {
    const clock = manualClock()
    const random = seededRandom(7)
    let calls = 0
    const serve = fromPromise(async (_: number, context: Context) => {
      calls++
      const isSlow = Math.floor(random.next() * 100) === 0
      await sleep(context, (isSlow ? 10 : 1) * (10 + 10 * random.next()))
    }, safe)
    const endpoint = hedged ? hedge({ percentile: 0.95, maxExtraRatio: 0.05 })(serve) : serve
    const took: number[] = []
    const total = deep(6_000, 50_000)
    for (let i = 0; i < total; i++) {
      const startedAt = clock.now()
      void call(endpoint, i, { context: testContext({ clock }) }).then(outcome => {
        expect(isRight(outcome)).toBe(true)
        took.push(clock.now() - startedAt)
      })
      await clock.advance(2)
    }
    await clock.advance(1_000)
    const steady = took.slice(1_000).sort((a, b) => a - b)
    return { extra: calls / total - 1, p999: steady[Math.floor(steady.length * 0.999)] ?? Number.NaN }
  }
  const [plain, hedged] = [await run(false), await run(true)]
  expect(plain.extra).toBe(0)
  expect(hedged.extra).toBeLessThanOrEqual(0.05)
  expect(hedged.p999).toBeLessThanOrEqual(plain.p999 / 3)
})

test('when the call ends, both attempts do, and no timer is left', async () => {
  const clock = manualClock()
  const seen: Context[] = []
  const policy = hedge({ minCalls: 1, maxExtraRatio: 1 })
  const endpoint = policy(
    fromPromise((ms: number, context: Context) => {
      seen.push(context)
      return ms > 20 ? new Promise<void>(() => {}) : sleep(context, ms)
    }, safe),
  )
  const ask = (ms: number) => call(endpoint, ms, { context: testContext({ clock }), deadlineMs: 100 })
  const first = ask(20)
  await clock.advance(20)
  await first
  const answer = ask(1_000)
  await clock.advance(120)
  expect(await answer).toMatchObject({ left: { reason: 'DEADLINE_EXCEEDED' } })
  expect(seen.map(({ signal }) => signal.aborted)).toEqual([false, true, true])
  expect(clock.pendingTimers).toBe(0)
})

test('the histogram is at most a sixteenth too high, and forgets', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0.02, max: 100_000, noNaN: true }), { minLength: 1, maxLength: 400 }),
      fc.double({ min: 0.01, max: 0.99, noNaN: true }),
      (values, share) => {
        const histogram = new LatencyHistogram()
        for (const value of values) histogram.add(value, 0, 1_000)
        const exact = [...values].sort((a, b) => a - b)[Math.max(0, Math.ceil(share * values.length) - 1)] ?? Number.NaN
        const measured = histogram.quantile(share, 0, 1_000)
        expect(measured).toBeGreaterThanOrEqual(exact * 0.999_999)
        expect(measured).toBeLessThanOrEqual(exact * (1 + 1 / 16) * 1.000_001)
        expect(histogram.count(499, 1_000)).toBe(values.length)
        expect(histogram.count(1_600, 1_000)).toBe(0)
      },
    ),
    { numRuns: deep(200, 5_000) },
  )
})

test.each([{ percentile: 1 }, { percentile: 0 }, { maxExtraRatio: 0 }, { maxExtraRatio: 1.1 }, { minDelayMs: 0 }])(
  'refuses %o',
  options => {
    expect(() => hedge(options)).toThrow(RangeError)
  },
)
