// Lifts a policy of cockatiel 3 to one of ours: whatever has its `execute`, since nothing is imported. Its state is its own; to give
// it other options is to lift another one in its place, which can be done while calls go on.
import {
  CallError,
  type DomainFailure,
  definePolicy,
  type Failure,
  numberOption,
  objectOption,
  type Policy,
  type PolicyEvent,
  type PolicyOptions,
} from '../core/index.js'
import { countsAsFault } from './breaker.js'
import { LiftedCall, type LiftedCallEvent } from './lifted-call.js'
import { type Executes, kindsOf, watchBreakers } from './lifted-parts.js'
import { fallbackInsideRetry, hedgeWithRetry, retryAboveRetry, shedInsideRetry } from './order-rules.js'

/** What a {@link policy} tells: of its calls, and of the breakers in what it lifts, whoever else calls through them. */
export type LiftedEvent = PolicyEvent & { readonly kind: 'policy' } & (
    | LiftedCallEvent
    | {
        /** A breaker refuses calls from now on. */
        readonly type: 'opened'
        /** The failure that did it, where it is one of ours. */
        readonly failure?: Failure | DomainFailure
      }
    | {
        /** `half-opened`: a breaker lets a probe through. `closed`: it lets all through again. `forced-open`: somebody has isolated it. */
        readonly type: 'half-opened' | 'closed' | 'forced-open'
      }
  )

/** Options of {@link policy}. */
export interface LiftOptions extends PolicyOptions<LiftedEvent> {
  /** How often it may run the call, the first time included, 1 or more: what callees are told, who then do not retry. @defaultValue 1 */
  readonly maxAttempts?: number
}

/** What can change while a {@link policy} runs. */
export interface LiftedOptions extends LiftOptions {
  /** What calls go through from here on. It has a state of its own: a breaker is as open as it is, a bulkhead as full. */
  readonly lifted: Executes
}

/** What {@link policy} makes. */
export type Lifted = Policy<LiftedOptions, LiftedEvent>

/**
 * Makes a middleware of a policy of cockatiel: `retry`, `circuitBreaker`, `timeout`, `bulkhead`, `fallback` or a `wrap` of several.
 * It sees each failure as a thrown `CallError`, for its `handleWhen`, and the caller gets that failure unchanged. What it fails
 * with by itself becomes:
 *
 * - `unavailable`/`BREAKER_OPEN`: a breaker is open, or isolated; `ran: 'no'` unless an attempt was made before;
 * - `resource_exhausted`/`BULKHEAD_FULL`: a bulkhead has no place; `ran` as above;
 * - `deadline_exceeded`/`TIMEOUT`: a timeout. The work is told to stop, and its answer is not waited for.
 *
 * Anything else that it throws is a defect. A request stream is sent once. A response stream counts as answered when it opens: later
 * failures are not seen. `configure({ lifted })` lifts another policy in its place, whole: calls that have begun go on through the
 * one that they began with. Use our own policies where there is one; `docs/policies/cockatiel.md` says when not to.
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { circuitBreaker, ConsecutiveBreaker, handleWhen } from 'cockatiel'
 * import { call, failed, fromPromise } from 'tenon'
 * import { isFault, policy } from 'tenon/middleware'
 *
 * const shared = circuitBreaker(handleWhen(isFault), { halfOpenAfter: 1_000, breaker: new ConsecutiveBreaker(1) })
 * const broken = policy(shared)(fromPromise(() => failed('unavailable', 'DOWN', 'down')))
 * await call(broken, {})
 * const refused = await call(broken, {})
 * assert.ok(refused._tag === 'Left' && refused.left.reason === 'BREAKER_OPEN' && refused.left.ran === 'no')
 * ```
 */
export function policy(lifted: Executes, options: LiftOptions = {}): Lifted {
  return liftedPolicy({ ...options, lifted })
}

const liftedPolicy = definePolicy<LiftedOptions, LiftedEvent>({
  kind: 'policy',
  lint: [retryAboveRetry, hedgeWithRetry, fallbackInsideRetry, shedInsideRetry],
  rules: {
    lifted: { ...objectOption<Executes>(['execute']), fixed: false, shown: kindsOf },
    maxAttempts: numberOption({ fallback: 1, min: 1, integer: true }),
  },
  create(frame) {
    const watcher = {
      onBreak: (reason: unknown) => frame.emit(isIsolation(reason) ? { type: 'forced-open' } : openedBy(reason)),
      onHalfOpen: () => frame.emit({ type: 'half-opened' }),
      onReset: () => frame.emit({ type: 'closed' }),
    }
    let watched: Executes | undefined
    let unwatch = (): void => {}
    // Only while somebody listens: what was lifted may be shared, and live longer than this.
    const watch = (): void => {
      const wanted = frame.isObserved ? frame.current.lifted : undefined
      if (wanted === watched) return
      unwatch()
      watched = wanted
      unwatch = wanted === undefined ? () => {} : watchBreakers(wanted, watcher)
    }
    const middleware = frame.intercept(method => ({
      run(next, request, context) {
        const { lifted, maxAttempts = 1 } = frame.current
        const tell = (event: LiftedCallEvent) => frame.emit({ ...event, method })
        return new LiftedCall({ next, request, context, maxAttempts, tell }).run(lifted)
      },
    }))
    return { middleware, controls: {}, changed: watch, observed: watch }
  },
})

/** For cockatiel's `handleWhen`: whether something thrown is a fault of the service, as {@link countsAsFault} says. */
export function isFault(thrown: unknown): boolean {
  return thrown instanceof CallError && countsAsFault(thrown.failure)
}

/** What cockatiel's breaker says of why it opened. */
interface BreakReason {
  readonly isolated?: unknown
  readonly error?: unknown
}

function isIsolation(reason: unknown): boolean {
  return (reason as BreakReason | undefined)?.isolated === true // anything may be asked
}

function openedBy(reason: unknown): { readonly type: 'opened'; readonly failure?: Failure | DomainFailure } {
  const error = (reason as BreakReason | undefined)?.error
  return error instanceof CallError ? { type: 'opened', failure: error.failure as Failure } : { type: 'opened' } // one that we threw
}
