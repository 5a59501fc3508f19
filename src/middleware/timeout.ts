// Bounds what is further in by a time of its own, shorter than the call's. Unlike most timeouts it costs no timer and no signal
// per call: all deadlines share one coarse timer, and the signal is made when somebody reads it.
import { branchContext } from '../core/branch.js'
import { enteredAt } from '../core/context.js'
import {
  type BranchOptions,
  definePolicy,
  failureOf,
  type MethodInfo,
  numberOption,
  type Policy,
  type PolicyEvent,
  type PolicyOptions,
} from '../core/index.js'
import { attemptLongerThanTotal } from './order-rules.js'

/** What a {@link timeout} tells. */
export interface TimeoutEvent extends PolicyEvent {
  readonly kind: 'timeout'
  /** `timed-out`: a call was answered, and its work told to stop. `ended-late`: such work has really ended. */
  readonly type: 'timed-out' | 'ended-late'
}

/** Options of {@link timeout}. */
export interface TimeoutOptions extends PolicyOptions<TimeoutEvent> {
  /** How long what is further in may take, in ms, more than 0; the call's own deadline holds where it is nearer. */
  readonly timeoutMs: number
}

/** What {@link timeout} makes. */
export interface Timeout extends Policy<TimeoutOptions, TimeoutEvent> {
  /** How many calls are answered while their work, which ignores the abort, goes on. */
  readonly overdue: number
}

/**
 * Ends a call that takes longer than `timeoutMs`: it fails at once with `deadline_exceeded`/`TIMEOUT`, `ran: 'maybe'`, and its
 * signal aborts. Never early, at most 10 ms late. The time covers a response stream until its end. Work that ignores the abort goes
 * on in the background, where `overdue` counts it.
 *
 * Outside `retry` it bounds all attempts and the waits between them, inside it each attempt. It belongs inside a breaker and a
 * bulkhead: the breaker learns of timeouts, and the bulkhead keeps the place of work that goes on.
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { call, fromPromise } from 'tenon'
 * import { timeout } from 'tenon/middleware'
 *
 * const stuck = timeout({ timeoutMs: 20 })(fromPromise(() => new Promise<string>(() => {})))
 * const outcome = await call(stuck, {})
 * assert.ok(outcome._tag === 'Left' && outcome.left.reason === 'TIMEOUT')
 * ```
 */
export function timeout(options: TimeoutOptions): Timeout {
  return timeoutPolicy(options)
}

const timeoutPolicy = definePolicy<TimeoutOptions, TimeoutEvent, Pick<Timeout, 'overdue'>>({
  kind: 'timeout',
  lint: [attemptLongerThanTotal],
  rules: { timeoutMs: numberOption({ above: 0 }) },
  create(frame) {
    let overdue = 0
    const boundsOf = (timeoutMs: number, method: MethodInfo | undefined): BranchOptions => ({
      deadlineMs: timeoutMs,
      tooLate(late) {
        overdue++
        late.settled(() => {
          overdue--
          frame.emit({ type: 'ended-late', method })
        })
        frame.emit({ type: 'timed-out', method })
        return failureOf('deadline_exceeded', 'TIMEOUT', `no answer within ${timeoutMs} ms`)
      },
    })
    const middleware = frame.around(method => {
      let bounds = boundsOf(frame.current.timeoutMs, method)
      return {
        enter(context) {
          const { timeoutMs } = frame.current
          // A deadline that is nearer is kept already.
          if (context.deadline <= enteredAt(context) + timeoutMs) return undefined
          if (bounds.deadlineMs !== timeoutMs) bounds = boundsOf(timeoutMs, method)
          return { context: branchContext(context, bounds) }
        },
      }
    })
    const controls = {
      get overdue() {
        return overdue
      },
    }
    return { middleware, controls }
  },
})
