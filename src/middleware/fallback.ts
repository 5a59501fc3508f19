// Answers with something else where a call failed for a reason that its caller can do nothing about. Changes the response's type,
// so it is a transform for one endpoint and not a middleware for all.

import { carriedOf } from '../core/context.js'
import {
  type Awaitable,
  blame,
  booleanOption,
  CallError,
  type Context,
  definePolicy,
  type Endpoint,
  type Failed,
  type Failure,
  functionOption,
  isEither,
  isFailure,
  type Left,
  type Outcome,
  optional,
  type Policy,
  type PolicyEvent,
  type PolicyOptions,
  type Rest,
  type Right,
  right,
} from '../core/index.js'
import { fallbackHidesRefusals, fallbackInsideRetry } from './order-rules.js'

/** What a {@link fallback} tells. */
export interface FallbackEvent extends PolicyEvent {
  readonly kind: 'fallback'
  /** `fell-back`: a failure was replaced. `fallback-failed`: `respond` threw, and the failure stands. */
  readonly type: 'fell-back' | 'fallback-failed'
  /** What was replaced, or was to be. */
  readonly failure: Failure
}

/** Options of {@link fallback}. */
export interface FallbackOptions<Req, Alt> extends PolicyOptions<FallbackEvent> {
  /**
   * Gives the response instead, or another failure (`failed(...)`, or a thrown `CallError`). Runs within the call's deadline. Where
   * anything else is thrown, that is reported as a defect and the first failure stands.
   */
  readonly respond: (failure: Failure, request: Req, context: Context) => Awaitable<Alt | Left<Failure> | Right<Alt>>
  /**
   * Whether a failure is replaced. Pure.
   * @defaultValue whatever is not the caller's own doing: `blame(failure) !== 'caller'`
   */
  readonly shouldFallBack?: (failure: Failure) => boolean
  /**
   * Whether `unauthenticated` and `permission_denied` may be replaced, too: a caller who is not let in must not be shown what
   * looks like an answer. @defaultValue false
   */
  readonly hidesRefusals?: boolean
}

/** What {@link fallback} makes: a transform with the controls of a policy. */
export interface Fallback<Req, Alt>
  extends Pick<Policy<FallbackOptions<Req, Alt>, FallbackEvent>, 'policy' | 'options' | 'configure' | 'onEvent'> {
  <Own extends Req, Res, E, R extends Context>(next: Endpoint<Own, Res, E, R>): Endpoint<Own, Res | Alt, E, R>
}

/**
 * Answers with `respond` where the call fails for a reason that is not its caller's doing: a dependency that is down, an open
 * breaker, a timeout. Domain failures and cancellations pass, and a refused caller stays refused. A response stream that has begun
 * is not replaced.
 *
 * Belongs outside `retry`, `breaker` and `timeout`, whose failures it replaces; inside `logging` and metrics, which then see a
 * success, so listen to its events.
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { callOrThrow, failed, fromPromise } from 'tenon'
 * import { fallback } from 'tenon/middleware'
 *
 * const prices = fromPromise((_: { sku: string }) => failed('unavailable', 'PRICES_DOWN', 'no prices'))
 * const orUnknown = fallback({ respond: (_failure, { sku }: { sku: string }) => ({ sku, price: undefined }) })
 * assert.deepEqual(await callOrThrow(orUnknown(prices), { sku: 'tea' }), { sku: 'tea', price: undefined })
 * ```
 */
export function fallback<Req, Alt>(options: FallbackOptions<Req, Alt>): Fallback<Req, Alt> {
  return fallbackPolicy(options as FallbackOptions<unknown, unknown>) as unknown as Fallback<Req, Alt> // its requests and responses are those of what it wraps
}

type Options = FallbackOptions<unknown, unknown>

/** A failure, and what gives something else. */
interface Replaced extends Pick<Rest, 'request' | 'context'>, Pick<Options, 'respond'> {
  readonly failure: Failure
}

const fallbackPolicy = definePolicy<Options, FallbackEvent>({
  kind: 'fallback',
  lint: [fallbackHidesRefusals, fallbackInsideRetry],
  rules: {
    respond: functionOption(),
    shouldFallBack: optional(functionOption<(failure: Failure) => boolean>()),
    hidesRefusals: booleanOption(false),
  },
  create(frame) {
    const middleware = frame.around<Options>(method => {
      const replace = async (failed: Failed, { failure, respond, request, context }: Replaced): Promise<Outcome> => {
        const { scope } = carriedOf(context)
        const tell = (type: FallbackEvent['type']): void => {
          if (scope.ended === undefined) frame.emit({ type, failure, method }) // or nobody was given anything
        }
        try {
          const response = await respond(failure, request, context)
          tell('fell-back')
          return isEither(response) ? (response as Outcome) : right(response) // ours, with a response or a failure
        } catch (thrown) {
          const isGiven = thrown instanceof CallError // a failure instead, as if it had been returned
          tell(isGiven ? 'fell-back' : 'fallback-failed')
          const caught = scope.caught(thrown)
          return isGiven ? caught : failed
        }
      }
      return {
        enter: () => ({ state: frame.current }), // those it began with, though they may change while it runs
        recover(failed, options, { request, context }) {
          const failure = failed.left
          if (!isFailure(failure) || !replaces(failure, options)) return failed
          return replace(failed, { failure, respond: options.respond, request, context })
        },
      }
    })
    return { middleware, controls: {} }
  },
})

function replaces(failure: Failure, { shouldFallBack, hidesRefusals }: Options): boolean {
  if (failure.code === 'cancelled') return false
  if (hidesRefusals !== true && (failure.code === 'unauthenticated' || failure.code === 'permission_denied'))
    return false
  return shouldFallBack === undefined ? blame(failure) !== 'caller' : shouldFallBack(failure)
}
