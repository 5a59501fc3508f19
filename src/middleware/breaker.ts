// Stops calling what keeps failing, so that callers fail at once instead of waiting, and the failing side can recover. Hystrix's
// breaker with resilience4j's slow calls; unlike cockatiel's, nobody waits for a probe, and no cancellation counts.
import {
  blame,
  type Clock,
  type DomainFailure,
  definePolicy,
  type Failure,
  failureOf,
  functionOption,
  isFailure,
  type Left,
  left,
  numberOption,
  type OptionRule,
  type Outcome,
  objectOption,
  optional,
  type Policy,
  type PolicyEvent,
  type PolicyOptions,
  type Random,
  systemRandom,
} from '../core/index.js'
import {
  type Admission,
  type BreakerCounts,
  type BreakerState,
  type BreakerStrategy,
  Circuit,
  type CircuitSettings,
  type OpenReason,
  type Verdict,
} from './circuit.js'
import { limiterInsideBreaker, retryInsideBreaker, samePolicyTwice, timeoutOutsideBreaker } from './order-rules.js'

/** What a {@link breaker} tells. */
export type BreakerEvent = PolicyEvent & { readonly kind: 'breaker' } & (
    | {
        /** It refuses calls from now on, for `openMs`, because of `why`. */
        readonly type: 'opened'
        readonly why: OpenReason
        readonly openMs: number
        readonly counts: BreakerCounts
      }
    | {
        /**
         * `half-opened`: it lets probes through. `closed`: they succeeded. `refused`: a call was. `forced-open`, `forced-closed`,
         * `released`: somebody used `force`.
         */
        readonly type: 'half-opened' | 'closed' | 'refused' | 'forced-open' | 'forced-closed' | 'released'
      }
  )

/** Options of {@link breaker}. The defaults are Hystrix's: half of at least 20 calls in 10 s, then 5 s open. */
export interface BreakerOptions extends PolicyOptions<BreakerEvent> {
  /** Opens when this part of the calls in the window failed: in (0, 1], or Infinity for never. @defaultValue 0.5 */
  readonly errorRatio?: number
  /**
   * How many calls must be in the window before a ratio means anything: 1 or more; Infinity turns ratios off. Of a window of fewer
   * `windowCalls`, that many are enough. @defaultValue 20
   */
  readonly minCalls?: number
  /** How far the window reaches back, in ms, more than 0. It moves by a tenth. A change keeps what was counted. @defaultValue 10 000 */
  readonly windowMs?: number
  /** A window of so many last calls instead, 1 to 100 000. Setting it on a window of time empties that. @defaultValue none */
  readonly windowCalls?: number
  /** Opens after so many failures without a success between, 1 or more. @defaultValue Infinity: never */
  readonly consecutiveFailures?: number
  /** From how long a call counts as slow, in ms, more than 0; of a response stream, until it opens. @defaultValue Infinity: none is */
  readonly slowCallMs?: number
  /** Opens when this part of the calls in the window was slow: in (0, 1]. A slow probe has failed. @defaultValue 1 */
  readonly slowRatio?: number
  /** Decides instead of `errorRatio` and `consecutiveFailures`: any of cockatiel's. Not shared between breakers. @defaultValue none */
  readonly strategy?: BreakerStrategy
  /** How long it stays open, in ms, more than 0. A change holds from the next opening. @defaultValue 5000 */
  readonly openMs?: number
  /** How much longer it stays open each time in a row, 1 or more: 2 doubles. @defaultValue 1 */
  readonly openFactor?: number
  /** The longest that it stays open, in ms, at least `openMs`. @defaultValue 300 000, or `openMs` if that is more */
  readonly maxOpenMs?: number
  /** Up to which part of that time is left out by chance, 0 to 1, so that instances do not probe at once. @defaultValue 0 */
  readonly openJitter?: number
  /** How many calls are let through when it has been open, all of which must succeed: 1 or more. @defaultValue 1 */
  readonly probes?: number
  /** After how long a probe that has not returned gives its place to another call, in ms, more than 0. @defaultValue 5000 */
  readonly probeMs?: number
  /** Whether a failure is held against the service. Pure. @defaultValue {@link countsAsFault} */
  readonly shouldCount?: (failure: Failure | DomainFailure) => boolean
  /** For the jitter. Cannot change. @defaultValue systemRandom */
  readonly random?: Random
}

/** What {@link breaker} makes. */
export interface Breaker extends Policy<BreakerOptions, BreakerEvent> {
  /** What it does with calls. An open one whose time is over says `open` until a call comes. */
  readonly state: BreakerState
  /** What is in its window now. */
  readonly counts: BreakerCounts
  /** What it was forced to. */
  readonly forced: 'open' | 'closed' | undefined
  /** Holds it open or closed, counting nothing; `undefined` releases it: closed, with an empty window. */
  force(state: 'open' | 'closed' | undefined): void
}

/**
 * Refuses calls at once while what is further in keeps failing: `unavailable`/`BREAKER_OPEN`, `ran: 'no'`, with `retryAfterMs` as
 * long as it certainly stays open. After `openMs` it lets `probes` calls through and refuses the rest; it closes when all of
 * them succeed, and opens again when one fails.
 *
 * What counts is whose fault a failure is ({@link countsAsFault}): cancellations, callers' mistakes, domain failures and refusals
 * of limiters further in do not. A response stream counts when it ends.
 *
 * It belongs inside `retry`, so that each attempt counts and none is made while it is open, and outside `timeout`, so that it
 * learns of timeouts. One value, one breaker: share it between the methods of one target, or make one for each (`usePerMethod`). A
 * call of it within a probe of it is part of that probe.
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { call, failed, fromPromise } from 'tenon'
 * import { breaker } from 'tenon/middleware'
 *
 * const guarded = breaker({ consecutiveFailures: 3, openMs: 1_000 })
 * const broken = guarded(fromPromise(() => failed('unavailable', 'DOWN', 'down')))
 * for (let i = 0; i < 3; i++) await call(broken, {})
 * const refused = await call(broken, {})
 * assert.ok(refused._tag === 'Left' && refused.left.reason === 'BREAKER_OPEN')
 * assert.equal(guarded.state, 'open')
 * ```
 */
export function breaker(options: BreakerOptions = {}): Breaker {
  return breakerPolicy(options)
}

/**
 * Whether a failure is a fault of the service or of what it depends on, by `blame`: what a breaker counts. A refusal that was
 * made on this side, before any work (`ran: 'no'` of a limiter), is none; that nobody listens at the target is one.
 */
export function countsAsFault(failure: Failure | DomainFailure): boolean {
  const blamed = blame(failure)
  return blamed === 'dependency' || (blamed === 'service' && !(isFailure(failure) && failure.ran === 'no'))
}

/** A part of all, for limits that may be turned off. */
const ratioOption = (fallback: number): OptionRule<number> => ({
  fallback,
  must: 'be in (0, 1], or Infinity',
  allows: value => typeof value === 'number' && ((value > 0 && value <= 1) || value === Number.POSITIVE_INFINITY),
})

const milliseconds = (fallback: number): OptionRule<number> => numberOption({ fallback, above: 0 })
const most = Number.POSITIVE_INFINITY

const breakerPolicy = definePolicy<
  BreakerOptions,
  BreakerEvent,
  Pick<Breaker, 'state' | 'counts' | 'forced' | 'force'>
>({
  kind: 'breaker',
  lint: [limiterInsideBreaker, retryInsideBreaker, samePolicyTwice, timeoutOutsideBreaker],
  rules: {
    errorRatio: ratioOption(0.5),
    minCalls: numberOption({ fallback: 20, min: 1, max: most, integer: true }),
    windowMs: milliseconds(10_000),
    windowCalls: optional(numberOption({ min: 1, max: 100_000, integer: true })),
    consecutiveFailures: numberOption({ fallback: most, min: 1, max: most, integer: true }),
    slowCallMs: numberOption({ fallback: most, above: 0, max: most }),
    slowRatio: ratioOption(1),
    strategy: optional(objectOption<BreakerStrategy>(['success', 'failure'])),
    openMs: milliseconds(5_000),
    openFactor: numberOption({ fallback: 1, min: 1 }),
    maxOpenMs: optional(numberOption({ above: 0 })),
    openJitter: numberOption({ fallback: 0, min: 0, max: 1 }),
    probes: numberOption({ fallback: 1, min: 1, integer: true }),
    probeMs: milliseconds(5_000),
    shouldCount: functionOption(countsAsFault),
    random: objectOption(['next'], systemRandom),
  },
  wrongWith: ({ openMs = 0, maxOpenMs = openMs }) =>
    maxOpenMs < openMs ? `maxOpenMs must be at least openMs, got ${maxOpenMs} and ${openMs}` : undefined,
  create(frame) {
    const circuit = new Circuit(frame.current as CircuitSettings, event => frame.emit(event)) // the rules fill in defaults
    let clock: Clock | undefined
    const middleware = frame.around<Admission>(method => ({
      enter(context) {
        clock = context.clock
        const options = frame.current as CircuitSettings // as above
        const now = circuit.needsTime(options) ? clock.now() : 0
        circuit.use(options, now)
        const admission = circuit.admit(now, context)
        if (admission !== undefined) return { state: admission }
        frame.emit({ type: 'refused', method })
        return refusal(circuit.openForMs(now), circuit.forced === 'open')
      },
      opened(admission, context) {
        admission.openedAt = context.clock.now()
      },
      exit(outcome, admission, context) {
        circuit.settle(admission, verdictOf(outcome, admission), context.clock.now())
      },
    }))
    const controls = {
      get state() {
        return circuit.state
      },
      get counts() {
        return circuit.countsAt(clock?.now() ?? Number.NEGATIVE_INFINITY)
      },
      get forced() {
        return circuit.forced
      },
      force(state: 'open' | 'closed' | undefined) {
        if (state !== undefined && state !== 'open' && state !== 'closed')
          throw new RangeError(`breaker: force needs 'open', 'closed' or undefined, got ${String(state)}`)
        circuit.force(state)
        frame.emit({ type: state === undefined ? 'released' : `forced-${state}` })
      },
    }
    return { middleware, controls }
  },
})

function refusal(retryAfterMs: number | undefined, isForced: boolean): Left<Failure> {
  const more = retryAfterMs === undefined ? {} : { retryAfterMs }
  const message = isForced ? 'no calls are let through for now' : 'too many calls have failed'
  return left(failureOf('unavailable', 'BREAKER_OPEN', message, { ran: 'no', ...more }))
}

function verdictOf(outcome: Outcome, { options, openedAt }: Admission): Verdict {
  if (outcome._tag === 'Right') return 'success'
  const failure = outcome.left
  if (options.shouldCount(failure)) return 'failure'
  // Whoever was answered, were it with "no", has learned that the service works; whoever left early has not, unless it had
  // begun to answer: readers of endless streams always leave.
  const isAnswer =
    !isFailure(failure) || (failure.code !== 'cancelled' && (failure.ran === 'maybe' || failure.peer !== undefined))
  return openedAt !== undefined || (isAnswer && blame(failure) === 'caller') ? 'success' : 'nothing'
}
