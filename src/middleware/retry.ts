// Tries again what failed for a reason that may pass, after a wait that no two clients share. It is the layer that turns a small
// outage into a large one, so it has a budget, retries only what may run twice, and leaves it to the outermost that retries.
import { Attempt, type AttemptCount } from '../core/attempt.js'
import { branchContext, runBranch } from '../core/branch.js'
import { carriedOf, enteredAt } from '../core/context.js'
import {
  type Awaitable,
  type BranchOptions,
  booleanOption,
  type Context,
  type DomainFailure,
  definePolicy,
  type Failed,
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
  type Rest,
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
    let settings = settingsOf(frame.current, budget)
    const middleware = frame.around<Attempts | undefined>(method => ({
      enter(context, request) {
        if (settings.of !== frame.current) settings = settingsOf(frame.current, budget)
        settings.budget.deposit(enteredAt(context))
        const isOnce = settings.maxAttempts === 1 || isStream(request)
        if (isOnce || (context.maxAttempts > 1 && !settings.evenBeneathRetries))
          return settings.bounds === undefined ? undefined : { context: branchContext(context, settings.bounds) }
        const first = new Attempt(context, settings.first)
        const inner = settings.bounds === undefined ? first.context : branchContext(first.context, settings.bounds)
        return { context: inner, state: new Attempts(settings, first) }
      },
      recover(failed, attempts, rest) {
        return attempts === undefined ? failed : attempts.goOn(failed, { frame, method, ...rest })
      },
      opened(attempts) {
        attempts?.adopt()
      },
      exit(_, attempts) {
        attempts?.end()
      },
    }))
    return { middleware, controls: {} }
  },
})

/** Options as the calls use them, made once for each change. */
interface Settings
  extends Required<Omit<RetryOptions, 'name' | 'onEvent' | 'attemptTimeoutMs'>>,
    Pick<RetryOptions, 'attemptTimeoutMs'> {
  readonly of: RetryOptions
  /** What bounds each attempt. */
  readonly bounds: BranchOptions | undefined
  /** What is told of the first of several. */
  readonly first: AttemptCount
}

function settingsOf(of: RetryOptions, budget: RetryBudget): Settings {
  const options = { budget, ...of } as Required<Omit<RetryOptions, 'attemptTimeoutMs'>> // the rules fill in the other defaults
  const { attemptTimeoutMs, maxAttempts } = options as RetryOptions & typeof options
  const bounds = attemptTimeoutMs === undefined ? undefined : boundsOf(attemptTimeoutMs)
  return { ...options, of, bounds, first: { attempt: 1, maxAttempts } }
}

function boundsOf(timeoutMs: number): BranchOptions {
  const tooLate = (): Failure => failureOf('deadline_exceeded', 'TIMEOUT', `no answer within ${timeoutMs} ms`)
  return { deadlineMs: timeoutMs, tooLate }
}

/** What is attempted. */
interface Attempted extends Rest {
  readonly frame: PolicyFrame<RetryOptions, RetryEvent>
  readonly method: MethodInfo | undefined
}

/** The attempts of one call. */
class Attempts {
  readonly #settings: Settings
  #last: Attempt

  constructor(settings: Settings, first: Attempt) {
    this.#settings = settings
    this.#last = first
  }

  /** What was said beside the response of the last one counts. */
  adopt(): void {
    this.#last.adopt()
  }

  /** There will be no other. */
  end(): void {
    this.#last.adopt()
    this.#last.end()
  }

  /** The first has failed: makes others while it is worth it, and gives what comes of the last. */
  goOn(failed: Failed, attempted: Attempted): Awaitable<Outcome> {
    const waitMs = this.#waitAfter(1, failed.left, attempted)
    return waitMs === undefined ? failed : this.#repeat(failed, waitMs, attempted)
  }

  async #repeat(first: Failed, firstWaitMs: number, attempted: Attempted): Promise<Outcome> {
    const { next, request, context } = attempted
    let outcome: Outcome = first
    let waitMs: number | undefined = firstWaitMs
    let ran = false
    for (let number = 2; outcome._tag === 'Left' && waitMs !== undefined; number++) {
      this.#last.end()
      ran ||= !(isFailure(outcome.left) && outcome.left.ran === 'no')
      if (await isOverIn(context, waitMs)) return outcome
      this.#last = new Attempt(context, { ...this.#settings.first, attempt: number })
      outcome = await this.#run(next, request)
      if (carriedOf(context).scope.ended !== undefined) return outcome // nobody waits for another
      waitMs = outcome._tag === 'Left' ? this.#waitAfter(number, outcome.left, attempted) : undefined
    }
    return ran && outcome._tag === 'Left' ? left(mayHaveRun(outcome.left)) : outcome
  }

  #run(next: Next, request: unknown): Awaitable<Outcome> {
    const { bounds } = this.#settings
    const { context } = this.#last
    return bounds === undefined ? next(request, context) : runBranch(branchContext(context, bounds), next, request)
  }

  /** How long to wait before another attempt, where there will be one. */
  #waitAfter(
    number: number,
    failure: Failure | DomainFailure,
    { frame, method, context }: Attempted,
  ): number | undefined {
    const { maxAttempts, budget, shouldRetry } = this.#settings
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
    if (why === undefined) frame.emit({ type: 'retried', attempt: number + 1, waitMs, failure, method })
    else frame.emit({ type: 'gave-up', attempt: number, why, failure, method })
    return why === undefined ? waitMs : undefined
  }

  /** Full jitter: anything up to the longest, which clients that failed together do not repeat together. */
  #backoffMs(number: number): number {
    const { baseMs, factor, maxMs, random } = this.#settings
    return random.next() * (baseMs === 0 ? 0 : Math.min(maxMs, baseMs * factor ** (number - 1))) // 0 times Infinity is no time
  }
}

/** Waits, and tells whether the call has ended meanwhile. */
function isOverIn(context: Context, ms: number): Promise<boolean> {
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
