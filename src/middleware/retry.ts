// Tries again what failed for a reason that may pass, after a wait that no two clients share. It is the layer that turns a small
// outage into a large one, so it has a budget, retries only what may run twice, and leaves it to the outermost that retries.
import {
  type Awaitable,
  type Branch,
  booleanOption,
  branch,
  type Context,
  type DomainFailure,
  definePolicy,
  type Failure,
  failureOf,
  functionOption,
  isFailure,
  left,
  type MethodInfo,
  type Next,
  numberOption,
  type Outcome,
  objectOption,
  onCancelled,
  optional,
  type Policy,
  type PolicyEvent,
  type PolicyFrame,
  type PolicyOptions,
  type Random,
  systemRandom,
} from '../core/index.js'
import { isStream } from '../core/stream.js'
import { mayHaveRun } from './may-have-run.js'
import { mayRetry } from './may-retry.js'
import { attemptLongerThanTotal, hedgeWithRetry, retryAboveRetry, retryUnsafe } from './order-rules.js'
import { type RetryBudget, retryBudget } from './retry-budget.js'

/** What a {@link retry} tells. */
export type RetryEvent = PolicyEvent & { readonly kind: 'retry' } & (
    | {
        /** An attempt failed; the next one, which is `attempt`, begins after `waitMs`. */
        readonly type: 'retried'
        readonly attempt: number
        readonly waitMs: number
        readonly failure: Failure | DomainFailure
      }
    | {
        /** A failure that may be retried is what the caller gets, since there is no attempt, budget or time left. */
        readonly type: 'gave-up'
        readonly attempt: number
        readonly why: 'attempts' | 'budget' | 'deadline'
        readonly failure: Failure | DomainFailure
      }
  )

/** Options of {@link retry}. */
export interface RetryOptions extends PolicyOptions<RetryEvent> {
  /** How many attempts, the first included: 1 to 100. @defaultValue 3 */
  readonly maxAttempts?: number
  /** The longest wait before the second attempt, in ms, 0 or more; the wait is anything up to it. @defaultValue 50 */
  readonly baseMs?: number
  /** By how much the longest wait grows with each attempt: 1 or more. @defaultValue 2 */
  readonly factor?: number
  /** The longest wait of all, in ms, at least `baseMs`; a failure's own `retryAfterMs` may be longer. @defaultValue 20 000 */
  readonly maxMs?: number
  /**
   * How long each attempt may take, in ms, more than 0: it fails with `deadline_exceeded`/`TIMEOUT` then. The same as a `timeout`
   * inside, for half its cost. Holds for calls that are attempted only once, too. @defaultValue none: the call's deadline
   */
  readonly attemptTimeoutMs?: number
  /** What bounds retries to a part of the calls: share one among all that call one target. @defaultValue `retryBudget()`, its own */
  readonly budget?: RetryBudget
  /** Whether a failure may be followed by another attempt. Pure. @defaultValue {@link mayRetry} */
  readonly shouldRetry?: (failure: Failure | DomainFailure, method: MethodInfo | undefined) => boolean
  /** Retries even where a caller further up retries already: attempts multiply. @defaultValue false */
  readonly evenBeneathRetries?: boolean
  /** For the waits. Cannot change. @defaultValue systemRandom */
  readonly random?: Random
}

/** What {@link retry} makes. */
export type Retry = Policy<RetryOptions, RetryEvent>

/**
 * Makes further attempts while a call fails for a reason that may pass ({@link mayRetry}), each after a random wait of up to
 * `baseMs`, then `factor` times that, and never before the failure's `retryAfterMs`. Gives up when `maxAttempts` are made, the
 * budget is used up, or the wait would pass the deadline. The caller gets the last failure as it was, but for `ran`: once an attempt
 * may have run, the call may have.
 *
 * A call with a request stream is attempted once: its items are gone. A response stream is what the caller gets once it has
 * opened, as in gRPC: what fails from there on is not retried. Beneath somebody who retries (`context.maxAttempts`) it does not.
 *
 * It belongs outside the breaker, a limiter of the target, the balancer and the timeout of one attempt, and inside the timeout of
 * the whole.
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { call, failed, fromPromise, right } from 'tenon'
 * import { retry } from 'tenon/middleware'
 *
 * const flaky = fromPromise((_: object, { attempt }) => (attempt < 3 ? failed('unavailable', 'DOWN', 'down') : 'done'), {
 *   service: 'shop.v1.Stock',
 *   name: 'get',
 *   idempotency: 'safe',
 * })
 * assert.deepEqual(await call(retry({ baseMs: 1 })(flaky), {}), right('done'))
 * ```
 */
export function retry(options: RetryOptions = {}): Retry {
  return retryPolicy(options)
}

type Settings = Required<Omit<RetryOptions, 'name' | 'onEvent' | 'attemptTimeoutMs'>> &
  Pick<RetryOptions, 'attemptTimeoutMs'>

const retryPolicy = definePolicy<RetryOptions, RetryEvent>({
  kind: 'retry',
  lint: [attemptLongerThanTotal, hedgeWithRetry, retryAboveRetry, retryUnsafe],
  rules: {
    maxAttempts: numberOption({ fallback: 3, min: 1, max: 100, integer: true }),
    baseMs: numberOption({ fallback: 50, min: 0 }),
    factor: numberOption({ fallback: 2, min: 1 }),
    maxMs: numberOption({ fallback: 20_000, min: 0 }),
    attemptTimeoutMs: optional(numberOption({ above: 0 })),
    budget: { ...optional(objectOption<RetryBudget>(['deposit', 'tryWithdraw'])), fixed: false },
    shouldRetry: functionOption(mayRetry),
    evenBeneathRetries: booleanOption(false),
    random: objectOption(['next'], systemRandom),
  },
  wrongWith: ({ baseMs = 0, maxMs = baseMs }) =>
    maxMs < baseMs ? `maxMs must be at least baseMs, got ${maxMs} and ${baseMs}` : undefined,
  create(frame) {
    const budget = retryBudget()
    const settingsOf = (options: RetryOptions) => ({ budget, ...options }) as Settings // the rules fill in the other defaults
    let options = frame.current
    let settings = settingsOf(options)
    const middleware = frame.intercept(method => ({
      run(next, request, context) {
        if (options !== frame.current) {
          options = frame.current
          settings = settingsOf(options)
        }
        settings.budget.deposit(context.clock.now())
        const isOnce = settings.maxAttempts === 1 || isStream(request)
        if (isOnce || (context.maxAttempts > 1 && !settings.evenBeneathRetries))
          return once(settings, { next, request, context })
        return new Attempts(frame, settings, { method, next, request, context }).make(1)
      },
    }))
    return { middleware, controls: {} }
  },
})

/** What is attempted. */
interface Attempted {
  readonly method: MethodInfo | undefined
  readonly next: Next
  readonly request: unknown
  readonly context: Context
}

function once(
  { attemptTimeoutMs }: Settings,
  { next, request, context }: Omit<Attempted, 'method'>,
): Awaitable<Outcome> {
  if (attemptTimeoutMs === undefined) return next(request, context)
  return branch(context, { deadlineMs: attemptTimeoutMs, tooLate: () => tooLate(attemptTimeoutMs) }).run(next, request)
}

function tooLate(timeoutMs: number): Failure {
  return failureOf('deadline_exceeded', 'TIMEOUT', `no answer within ${timeoutMs} ms`)
}

/** The attempts of one call. */
class Attempts {
  readonly #frame: PolicyFrame<RetryOptions, RetryEvent>
  readonly #settings: Settings
  readonly #attempted: Attempted
  #mayHaveRun = false

  constructor(frame: PolicyFrame<RetryOptions, RetryEvent>, settings: Settings, attempted: Attempted) {
    this.#frame = frame
    this.#settings = settings
    this.#attempted = attempted
  }

  make(number: number): Awaitable<Outcome> {
    const { next, request } = this.#attempted
    const attempt = this.#begin(number)
    const outcome = attempt.run(next, request)
    if (!(outcome instanceof Promise)) return this.#judge(number, attempt, outcome)
    return outcome.then(each => this.#judge(number, attempt, each))
  }

  #begin(number: number): Branch {
    const { maxAttempts, attemptTimeoutMs } = this.#settings
    const { context } = this.#attempted
    if (attemptTimeoutMs === undefined) return branch(context, { attempt: number, maxAttempts, ownReply: true })
    return branch(context, {
      attempt: number,
      maxAttempts,
      ownReply: true,
      deadlineMs: attemptTimeoutMs,
      tooLate: () => tooLate(attemptTimeoutMs),
    })
  }

  #judge(number: number, attempt: Branch, outcome: Outcome): Awaitable<Outcome> {
    const waitMs = outcome._tag === 'Left' ? this.#waitAfter(number, outcome.left) : undefined
    if (outcome._tag === 'Left' && waitMs !== undefined) {
      this.#mayHaveRun ||= !(isFailure(outcome.left) && outcome.left.ran === 'no')
      return this.#wait(waitMs).then(isOver => (isOver ? outcome : this.make(number + 1)))
    }
    attempt.adopt()
    return this.#mayHaveRun && outcome._tag === 'Left' ? left(mayHaveRun(outcome.left)) : outcome
  }

  /** How long to wait before another attempt, where there will be one. */
  #waitAfter(number: number, failure: Failure | DomainFailure): number | undefined {
    const { maxAttempts, budget, shouldRetry } = this.#settings
    const { method, context } = this.#attempted
    if (!shouldRetry(failure, method)) return undefined
    const now = context.clock.now()
    const waitMs = this.#backoffMs(number) + (isFailure(failure) ? Math.max(0, failure.retryAfterMs ?? 0) : 0)
    const why =
      number >= maxAttempts
        ? 'attempts'
        : now + waitMs >= context.deadline
          ? 'deadline'
          : budget.tryWithdraw(now)
            ? undefined
            : 'budget'
    if (why === undefined) this.#frame.emit({ type: 'retried', attempt: number + 1, waitMs, failure, method })
    else this.#frame.emit({ type: 'gave-up', attempt: number, why, failure, method })
    return why === undefined ? waitMs : undefined
  }

  /** Full jitter: anything up to the longest, which clients that failed together do not repeat together. */
  #backoffMs(number: number): number {
    const { baseMs, factor, maxMs, random } = this.#settings
    return random.next() * Math.min(maxMs, baseMs * factor ** (number - 1))
  }

  /** Tells whether the call has ended meanwhile. */
  #wait(ms: number): Promise<boolean> {
    const { context } = this.#attempted
    return new Promise(resolve => {
      const timer = context.clock.setTimer(() => {
        unlink()
        resolve(false)
      }, ms)
      const unlink = onCancelled(context, () => {
        timer.cancel()
        resolve(true)
      })
    })
  }
}
