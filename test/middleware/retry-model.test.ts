/** Whatever fails however often, `retry` makes the attempts that a reading of its documentation predicts, at those times. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  type Clock,
  call,
  type Failure,
  failureOf,
  fromRemote,
  type Idempotency,
  left,
  manualClock,
  type Outcome,
  right,
  testContext,
} from '../../src/core/index.js'
import { mayRetry, retry, retryBudget } from '../../src/middleware/index.js'
import { deep } from '../deep.js'

interface Options {
  readonly maxAttempts: number
  readonly baseMs: number
  readonly factor: number
  readonly maxMs: number
}

interface Script {
  readonly idempotency: Idempotency
  readonly deadlineMs: number
  readonly chances: readonly number[]
  readonly attempts: readonly { readonly tookMs: number; readonly gives: Failure | 'fine' }[]
}

const failures: readonly Failure[] = [
  failureOf('unavailable', 'DOWN', ''),
  failureOf('unavailable', 'CONNECTION_REFUSED', '', { ran: 'no' }),
  failureOf('unavailable', 'SHED', '', { retryAfterMs: 200, peer: 'stock', ran: 'no' }),
  failureOf('resource_exhausted', 'FULL', '', { retryAfterMs: 50 }),
  failureOf('deadline_exceeded', 'TIMEOUT', ''),
  failureOf('internal', 'DEFECT', ''),
  failureOf('not_found', 'NONE', ''),
]

// All times are tens, but for deadlines: those end 5 ms between two of them, so that none is ever a tie.
const tens = (most: number) => fc.integer({ min: 0, max: most / 10 }).map(n => n * 10)
const options: fc.Arbitrary<Options> = fc
  .record({
    maxAttempts: fc.integer({ min: 1, max: 5 }),
    baseMs: tens(200).map(ms => ms * 4),
    factor: fc.constantFrom(1, 2, 3),
    maxMs: fc.constantFrom(0, 400),
  })
  .map(({ maxMs, ...all }) => ({ ...all, maxMs: all.baseMs + maxMs }))
const attempt = fc.record({
  tookMs: tens(100),
  gives: fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...failures) }, fc.constant('fine' as const)),
})
const script: fc.Arbitrary<Script> = fc.record({
  idempotency: fc.constantFrom('safe', 'idempotent', 'unsafe'),
  deadlineMs: tens(3_000).map(ms => ms + 5),
  chances: fc.array(fc.constantFrom(0, 0.25, 0.5, 0.75), { minLength: 5, maxLength: 5 }),
  attempts: fc.array(attempt, { minLength: 5, maxLength: 5 }),
})

interface Expected {
  readonly begun: readonly number[]
  readonly outcome: object
  readonly endedAt: number
}

/** What comes of a call, by the documentation; `retries` are those that the budget has left. */
function predict(
  { maxAttempts, baseMs, factor, maxMs }: Options,
  from: number,
  { retries, ...all }: Script & { retries: number },
): Expected {
  const begun: number[] = []
  const deadline = from + all.deadlineMs
  let now = from
  let ran: 'no' | 'maybe' = 'no'
  for (let n = 1; ; n++) {
    begun.push(now)
    const { tookMs, gives } = all.attempts[n - 1] as Script['attempts'][number]
    now += tookMs
    if (now > deadline) return { begun, outcome: { left: { reason: 'DEADLINE_EXCEEDED' } }, endedAt: deadline + 5 }
    if (gives === 'fine') return { begun, outcome: right(n), endedAt: now }
    if (gives.ran === 'maybe') ran = 'maybe'
    const isPassing = mayRetry(gives, { service: 's', name: 'm', idempotency: all.idempotency })
    const longest = Math.min(maxMs, baseMs * factor ** (n - 1))
    const next = now + (all.chances[n - 1] as number) * longest + (gives.retryAfterMs ?? 0)
    if (!isPassing || n === maxAttempts || next > deadline || n > retries)
      return { begun, outcome: left({ ...gives, ran }), endedAt: now }
    now = next
  }
}

/** Runs the same for real, on a clock that is moved until it has ended. */
async function observe(
  policy: ReturnType<typeof retry>,
  clock: ReturnType<typeof manualClock>,
  all: Script,
): Promise<Expected> {
  const begun: number[] = []
  const endpoint = policy(
    fromRemote<number, number>(
      'scripted',
      async (_, context) => {
        begun.push(context.clock.now())
        const { tookMs, gives } = all.attempts[begun.length - 1] as Script['attempts'][number]
        const answer: Outcome = gives === 'fine' ? right(context.attempt) : left(gives)
        if (tookMs > 0) await waited(context.clock, tookMs)
        return answer as never
      },
      { service: 's', name: 'm', idempotency: all.idempotency },
    ),
  )
  let endedAt = Number.NaN
  const outcome = call(endpoint, 1, { context: testContext({ clock }), deadlineMs: all.deadlineMs }).finally(() => {
    endedAt = clock.now()
  })
  await clock.advance(10_000)
  return { begun, outcome: await outcome, endedAt }
}

function waited(clock: Clock, ms: number): Promise<void> {
  return new Promise(resolve => void clock.setTimer(() => resolve(), ms))
}

test('makes the attempts that it says, when it says', { timeout: deep(30_000, 600_000) }, async () => {
  const made = new Map<number, number>()
  const run = fc.asyncProperty(
    options,
    fc.integer({ min: 0, max: 6 }),
    fc.array(script, { minLength: 1, maxLength: 4 }),
    async (given, reserve, scripts) => {
      const clock = manualClock()
      let chances: readonly number[] = []
      let drawn = 0
      const random = { next: () => chances[drawn++] as number }
      // Nothing is forgotten and nothing comes in: it has so many retries for all the calls.
      const budget = retryBudget({ ratio: 0, minPerSecond: reserve / 1e6, ttlMs: 1e9 })
      const policy = retry({ ...given, budget, random })
      let retries = reserve
      for (const each of scripts) {
        chances = each.chances
        drawn = 0
        const expected = predict(given, clock.now(), { ...each, retries })
        const seen = await observe(policy, clock, each)
        expect(seen).toMatchObject(expected)
        expect(clock.pendingTimers).toBe(0)
        retries -= expected.begun.length - 1
        made.set(expected.begun.length, (made.get(expected.begun.length) ?? 0) + 1)
      }
    },
  )
  await fc.assert(run, { numRuns: deep(300, 10_000) })
  expect([...made.keys()].sort()).toEqual([1, 2, 3, 4, 5])
})
