// A part of a call that may end before the call does: one attempt of several, one of two that race, what a timeout bounds.
// It answers, aborts and counts its work as a call of its own does, since it is a scope as a call is one.
import type { Next } from './around.js'
import { type Context, carriedOf, makeContext } from './context.js'
import { left } from './either.js'
import type { Failure } from './failure.js'
import { runCall } from './frame.js'
import type { Awaitable, Outcome } from './outcome.js'
import { Scope } from './scope.js'
import { stackOfNext } from './stack.js'

/** Options of {@link branch}. */
export interface BranchOptions {
  /** Milliseconds from now; never longer than the call's own deadline. More than 0. @defaultValue the call's */
  readonly deadlineMs?: number
  /** The time on the call's clock, for those that have just read it. @defaultValue it is read */
  readonly now?: number
  /** What it fails with at a deadline of its own. @defaultValue `deadline_exceeded`/`DEADLINE_EXCEEDED` */
  readonly tooLate?: () => Failure
  /** Which attempt of the call this is, from 1. @defaultValue the call's */
  readonly attempt?: number
  /** How many attempts there may be. @defaultValue the call's */
  readonly maxAttempts?: number
  /** Keeps what is said beside the response apart until {@link Branch.adopt}: for branches of which one counts. @defaultValue false */
  readonly ownReply?: boolean
}

/** A part of a call. Made by {@link branch}. */
export interface Branch {
  /** The call's, but for what the options say; its signal aborts when the branch ends early. */
  readonly context: Context
  /** Runs the rest of the stack in it, once. It ends when the branch does, whatever the work does. Never rejects. */
  run(next: Next, request: unknown): Awaitable<Outcome>
  /** Ends it early: answers with the failure and aborts its work. Does nothing once it has ended. */
  cancel(failure: Failure): void
  /** What the branch said beside its response, and what it will say, is what the call says. */
  adopt(): void
}

/**
 * Begins a part of the call that goes on in `context`. For interceptors that bound, repeat or race what is further in:
 * `const attempt = branch(context, { attempt: 2 }); return attempt.run(next, request)`.
 */
export function branch(context: Context, options: BranchOptions = {}): Branch {
  return new RunningBranch(context, options)
}

class RunningBranch implements Branch {
  readonly context: Context
  readonly #scope: Scope

  constructor(context: Context, options: BranchOptions) {
    const carried = carriedOf(context)
    const { attempt = carried.attempt, maxAttempts = carried.maxAttempts, deadlineMs, tooLate } = options
    const { deadlines, onDefect, deadline } = carried.scope
    // One that ends with the call need not know the time: the call does.
    const startedAt = deadlineMs === undefined ? Number.NEGATIVE_INFINITY : (options.now ?? deadlines.clock.now())
    const until = deadlineMs === undefined ? deadline : startedAt + deadlineMs
    this.#scope = new Scope({
      deadlines,
      startedAt,
      deadline: Math.min(until, deadline),
      onDefect,
      parent: carried.scope,
      sharesReply: options.ownReply !== true,
      tooLate: until < deadline ? tooLate : undefined,
    })
    const { metadata, outgoing, span, transport } = carried
    const own = { scope: this.#scope, metadata, outgoing, attempt, maxAttempts, span, transport }
    this.context = makeContext(own, true, context)
  }

  run(next: Next, request: unknown): Awaitable<Outcome> {
    const refused = this.#scope.begin()
    if (refused !== undefined) return left(refused)
    const stack = stackOfNext(next)
    if (stack !== undefined) return runCall(stack, request, this.context) // as a call: one promise for both
    const outcome = next(request, this.context)
    return outcome instanceof Promise ? this.#scope.race(outcome) : this.#scope.complete(outcome)
  }

  cancel(failure: Failure): void {
    this.#scope.end(failure)
  }

  adopt(): void {
    this.#scope.shareReply()
  }
}
