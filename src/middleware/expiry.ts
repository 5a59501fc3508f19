// Refuses work whose caller will be gone before it is done. A server that is behind is behind with calls that nobody waits for any
// more, and each of those that it runs makes it later for the next. Finagle's DeadlineFilter.
import { definePolicy, failed, numberOption, type Policy, type PolicyEvent, type PolicyOptions } from '../core/index.js'

/** What an {@link expiry} tells. */
export interface ExpiryEvent extends PolicyEvent {
  readonly kind: 'expiry'
  /** `expired`: a call was refused. */
  readonly type: 'expired'
  /** How much time it had left, in ms; 0 or less where its deadline had passed. */
  readonly remainingMs: number
}

/** Options of {@link expiry}. */
export interface ExpiryOptions extends PolicyOptions<ExpiryEvent> {
  /** A call is refused that has this much time left or less, in ms: 0 or more. What the work takes at least. @defaultValue 0 */
  readonly minRemainingMs?: number
}

/** What {@link expiry} makes. */
export interface Expiry extends Policy<ExpiryOptions, ExpiryEvent> {}

/**
 * Refuses a call that has no more than `minRemainingMs` left until its deadline: `deadline_exceeded`/`DEADLINE_EXCEEDED`, `ran: 'no'`.
 * A call whose deadline has passed when it arrives is refused without it; what this adds is the time that it spent waiting further
 * out, and in an event loop that was late.
 *
 * Belongs inside everything that makes calls wait, such as `shed` and `bulkhead`, and right outside the work.
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { call, fromPromise } from 'tenon'
 * import { expiry } from 'tenon/middleware'
 *
 * const report = expiry({ minRemainingMs: 200 })(fromPromise(async () => 'takes 200 ms at least'))
 * const outcome = await call(report, {}, { deadlineMs: 100 })
 * assert.ok(outcome._tag === 'Left' && outcome.left.code === 'deadline_exceeded' && outcome.left.ran === 'no')
 * ```
 */
export function expiry(options: ExpiryOptions = {}): Expiry {
  return expiryPolicy(options)
}

const expiryPolicy = definePolicy<ExpiryOptions, ExpiryEvent>({
  kind: 'expiry',
  rules: { minRemainingMs: numberOption({ fallback: 0, min: 0 }) },
  create(frame) {
    const middleware = frame.around(method => ({
      enter(context) {
        const remainingMs = context.deadline - context.clock.now()
        if (remainingMs > (frame.current.minRemainingMs ?? 0)) return undefined
        frame.emit({ type: 'expired', remainingMs, method })
        return failed('deadline_exceeded', 'DEADLINE_EXCEEDED', 'too little time is left', { ran: 'no' })
      },
    }))
    return { middleware, controls: {} }
  },
})
