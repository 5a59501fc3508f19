// Lifts a policy of cockatiel 3 to a middleware: whatever has its `execute`, since nothing is imported. Each run of the function
// that it is given is a part of the call of its own, so that its attempts neither share a reply nor outlive what they are for.
import {
  type Awaitable,
  type Branch,
  branch,
  CallError,
  type Code,
  type Context,
  type Failure,
  failureOf,
  intercept,
  isEither,
  isFailure,
  left,
  type Middleware,
  type Next,
  numberOption,
  type OptionRules,
  type Outcome,
  right,
} from '../core/index.js'
import { linkToSignal } from '../core/link.js'
import { checkedOptions } from '../core/option-rules.js'
import { isStream } from '../core/stream.js'
import { countsAsFault } from './breaker.js'
import { mayHaveRun } from './may-have-run.js'

/** What {@link policy} needs of a policy: cockatiel's `IPolicy` has it. */
export interface Executes {
  /** Runs the function, once or more or not at all, and gives what came of it. */
  execute<T>(
    run: (context: { readonly signal: AbortSignal }) => PromiseLike<T> | T,
    signal?: AbortSignal,
  ): Promise<unknown>
}

/** Options of {@link policy}. */
export interface LiftOptions {
  /** What `explain` calls it. @defaultValue 'policy' */
  readonly name?: string
  /** How often it may run the call, the first time included, 1 or more: what callees are told, who then do not retry. @defaultValue 1 */
  readonly maxAttempts?: number
}

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
 * failures are not seen. Use our own policies where there is one; `docs/policies/cockatiel.md` says when not to.
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
export function policy(lifted: Executes, options: LiftOptions = {}): Middleware {
  if (typeof lifted?.execute !== 'function') throw new TypeError('policy: needs something with execute()')
  const { name = 'policy', maxAttempts = 1 } = checkedOptions('policy', rules, { base: undefined, given: options })
  return intercept({
    name,
    role: 'policy',
    options: { maxAttempts },
    run: (next, request, context) => new Execution({ next, request, context, maxAttempts }).run(lifted),
  })
}

const rules: OptionRules<LiftOptions> = {
  name: { fallback: 'policy', must: 'be a word', allows: value => typeof value === 'string' && value !== '' },
  maxAttempts: numberOption({ fallback: 1, min: 1, integer: true }),
}

/** For cockatiel's `handleWhen`: whether something thrown is a fault of the service, as {@link countsAsFault} says. */
export function isFault(thrown: unknown): boolean {
  return thrown instanceof CallError && countsAsFault(thrown.failure)
}

interface Executed {
  readonly next: Next
  readonly request: unknown
  readonly context: Context
  readonly maxAttempts: number
}

/** One attempt that has ended, and how cockatiel was told. */
interface Ended {
  readonly part: Branch
  readonly outcome: Outcome
  readonly told: unknown
}

/** One call through a lifted policy. */
class Execution {
  readonly #executed: Executed
  #begun = 0
  /** How many attempts certainly did not run. */
  #notRun = 0
  #last: Ended | undefined
  #isOver = false

  constructor(executed: Executed) {
    this.#executed = executed
  }

  async run(lifted: Executes): Promise<Outcome> {
    try {
      return this.#given(await lifted.execute(({ signal }) => this.#attempt(signal), this.#executed.context.signal))
    } catch (thrown) {
      return this.#thrown(thrown)
    } finally {
      this.#isOver = true
    }
  }

  async #attempt(signal: AbortSignal): Promise<unknown> {
    const { next, request, context } = this.#executed
    // cockatiel's retry goes on after its wait, whether or not somebody still waits.
    if (this.#isOver) throw new CallError(gaveUp)
    if (signal.aborted) throw new CallError(notBegun)
    if (this.#begun > 0 && isStream(request)) return this.#asBefore()
    const part = this.#part(++this.#begun)
    const outcome = await untilAborted(part, part.run(next, request), signal === context.signal ? undefined : signal)
    if (outcome._tag === 'Left' && isFailure(outcome.left) && outcome.left.ran === 'no') this.#notRun++
    const told = outcome._tag === 'Left' ? new CallError(outcome.left) : outcome.right
    this.#last = { part, outcome, told }
    if (outcome._tag === 'Left') throw told
    return told
  }

  /** For a request whose items are gone. */
  #asBefore(): unknown {
    if (this.#last?.outcome._tag === 'Right') return this.#last.told
    throw this.#last?.told ?? new CallError(gaveUp)
  }

  #part(attempt: number): Branch {
    const { context, maxAttempts } = this.#executed
    return attempt === 1 && maxAttempts === 1
      ? branch(context, { ownReply: true })
      : branch(context, { ownReply: true, attempt, maxAttempts: Math.max(attempt, maxAttempts) })
  }

  #given(value: unknown): Outcome {
    return this.#adopted(value) ?? (isEither(value) ? (value as Outcome) : right(value)) // a fallback may give a failure
  }

  #thrown(thrown: unknown): Outcome {
    this.#adopted(thrown)
    const failure = thrown instanceof CallError ? thrown.failure : this.#failureOf(thrown)
    if (failure === undefined) throw thrown
    return left(this.#begun > this.#notRun ? mayHaveRun(failure as Failure) : (failure as Failure)) // what the endpoint's types allow
  }

  /** The outcome of the last attempt where that is what came of the call: then it is the attempt that counts. */
  #adopted(told: unknown): Outcome | undefined {
    const last = this.#last
    if (last === undefined || !Object.is(last.told, told)) return undefined
    last.part.adopt()
    return last.outcome
  }

  /** What cockatiel threw, by the marks on its errors: its own guards (`isTaskCancelledError`, …) look for the wrong ones. */
  #failureOf(thrown: unknown): Failure | undefined {
    if (isMarked(thrown, 'isIsolatedCircuitError'))
      return notRun('unavailable', 'BREAKER_OPEN', 'the breaker is held open')
    if (isMarked(thrown, 'isBrokenCircuitError'))
      return notRun('unavailable', 'BREAKER_OPEN', 'too many calls have failed')
    if (isMarked(thrown, 'isBulkheadRejectedError'))
      return notRun('resource_exhausted', 'BULKHEAD_FULL', 'too many calls are running and waiting')
    if (!isMarked(thrown, 'isTaskCancelledError')) return undefined
    return notBegun // or the call has ended, and with it whoever would read this
  }
}

const timedOut = failureOf('deadline_exceeded', 'TIMEOUT', 'no answer within the time of the policy')
const notBegun: Failure = { ...timedOut, ran: 'no' }
const gaveUp = failureOf('cancelled', 'CANCELLED', 'nobody waits for this attempt', { ran: 'no' })

function notRun(code: Code, reason: string, message: string): Failure {
  return failureOf(code, reason, message, { ran: 'no' })
}

function isMarked(thrown: unknown, mark: string): boolean {
  return typeof thrown === 'object' && thrown !== null && mark in thrown
}

/** The outcome of a part of the call, which ends when cockatiel says so, whatever its work does. */
async function untilAborted(
  part: Branch,
  running: Awaitable<Outcome>,
  signal: AbortSignal | undefined,
): Promise<Outcome> {
  if (signal === undefined) return running
  // By one listener for all: beneath a half-open breaker, the calls that waited have one signal, which never aborts.
  const unlink = linkToSignal(signal, { end: () => part.cancel(timedOut) })
  try {
    return await running
  } finally {
    unlink() // a timeout of cockatiel's aborts after it has returned, too: an open stream has to go on
  }
}
