/** Policies of cockatiel drawn at random, on the manual clock: what it asks for its timers and the time is the machine's otherwise. */
import { setMaxListeners } from 'node:events'
import {
  bulkhead,
  ConsecutiveBreaker,
  ConstantBackoff,
  circuitBreaker,
  fallback,
  handleAll,
  handleWhen,
  type IPolicy,
  retry,
  TimeoutStrategy,
  timeout,
  wrap,
} from 'cockatiel'
import fc from 'fast-check'
import { vi } from 'vitest'
import { around, type ManualClock, type Middleware, type Timer } from '../../src/core/index.js'
import { type Executes, isFault } from '../../src/middleware/index.js'

/** Cockatiel's time is that of the clock that `now` gives, until the test ends. */
export function runCockatielOn(now: () => ManualClock): void {
  vi.stubGlobal('setTimeout', (callback: () => void, delayMs: number) => now().setTimer(callback, delayMs))
  vi.stubGlobal('clearTimeout', (timer: Timer | undefined) => timer?.cancel())
  vi.spyOn(Date, 'now').mockImplementation(() => now().wallTime())
}

export const liftedSettings = fc.record({
  parts: fc.shuffledSubarray(['retry', 'breaker', 'timeout', 'bulkhead', 'fallback', 'oneSignal'] as const),
  maxAttempts: fc.integer({ min: 2, max: 4 }),
  backoffMs: fc.integer({ min: 0, max: 50 }),
  failures: fc.integer({ min: 1, max: 4 }),
  timeoutMs: fc.integer({ min: 1, max: 300 }),
  strategy: fc.constantFrom(TimeoutStrategy.Aggressive, TimeoutStrategy.Cooperative),
  places: fc.integer({ min: 1, max: 3 }),
})
export type LiftedSettings = typeof liftedSettings extends fc.Arbitrary<infer T> ? T : never

/** How often a call may be run by it. */
export const attemptsOf = ({ parts, maxAttempts }: LiftedSettings): number =>
  parts.includes('retry') ? maxAttempts : 1

/** Lifted policies, and what tells whether one was run with the options of another. */
export class LiftedMix {
  /** Handed to all calls by `oneSignal`, and aborted by nobody: a listener that a call leaves on it stays. */
  readonly #forever = new AbortController()
  #running = 1
  /** Attempts that were told of more of them, or of fewer, than the policy that runs them makes. */
  mixtures = 0

  constructor() {
    setMaxListeners(0, this.#forever.signal) // cockatiel's timeouts add one for each call
  }

  /** What is given to `policy`, as its options are. */
  options(given: LiftedSettings): { readonly lifted: Executes; readonly maxAttempts: number } {
    const maxAttempts = attemptsOf(given)
    const { backoffMs, failures, timeoutMs, strategy, places } = given
    const makers: Readonly<Record<LiftedSettings['parts'][number], () => Executes>> = {
      retry: () => retry(handleAll, { maxAttempts: maxAttempts - 1, backoff: new ConstantBackoff(backoffMs) }),
      breaker: () =>
        circuitBreaker(handleWhen(isFault), { halfOpenAfter: 100, breaker: new ConsecutiveBreaker(failures) }),
      timeout: () => timeout(timeoutMs, strategy),
      bulkhead: () => bulkhead(places, places),
      fallback: () => fallback(handleWhen(isFault), () => ({ of: 'instead' })),
      oneSignal: () => ({ execute: async run => run({ signal: this.#forever.signal }) }),
    }
    const innermost: Executes = {
      execute: async (run, signal = this.#forever.signal) => {
        this.#running = maxAttempts // until the attempt is beneath it, which is at once
        return run({ signal })
      },
    }
    const parts = [...given.parts.map(part => makers[part]()), innermost]
    return { lifted: wrap(...(parts as unknown as IPolicy[])), maxAttempts } // it only executes them
  }

  /** Looks from right beneath. */
  readonly beneath: Middleware = around({
    name: 'beneath',
    enter: ({ attempt, maxAttempts }) => {
      const told = this.#running > 1 ? Math.max(attempt, this.#running) : maxAttempts
      if (maxAttempts !== told) this.mixtures++
    },
  })

  /** The signal that all had is aborted at last: nobody may hear it any more. */
  abort(): void {
    this.#forever.abort()
  }
}
