// A part of a call that may end before the call does: one attempt of several, one of two that race, what a timeout bounds.
// It answers, aborts and counts its work as a call of its own does, since it is a scope as a call is one.
import { type Context, carriedOf, makeContext } from './context.js'
import { left } from './either.js'
import type { Failure } from './failure.js'
import { runScope } from './frame.js'
import type { Next } from './layer.js'
import type { Awaitable, Outcome } from './outcome.js'
import type { Receiver } from './receiver.js'
import type { Late } from './scope.js'
import { stackOfNext } from './stack.js'

/** Options of {@link branch}. */
export interface BranchOptions {
  /** Milliseconds from now; never longer than the call's own deadline. More than 0. @defaultValue the call's */
  readonly deadlineMs?: number
  /**
   * What it fails with at a deadline of its own; `late.settled` tells when its work has really ended.
   * @defaultValue `deadline_exceeded`/`DEADLINE_EXCEEDED`
   */
  readonly tooLate?: (late: Late) => Failure
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
 * Begins a part of the call that goes on in `context`. A layer gives its context as its own, and with that bounds what is further in:
 * `enter: context => ({ context: branch(context, { deadlineMs: 50 }).context })`. An interceptor runs it, to repeat or race what is
 * further in: `const attempt = branch(context, { attempt: 2 }); return attempt.run(next, request)`.
 */
export function branch(context: Context, options: BranchOptions = {}): Branch {
  return new RunningBranch(branchContext(context, options))
}

/** The context of a branch, for layers that need nothing else of it. */
export function branchContext(context: Context, options: BranchOptions): Context {
  const carried = carriedOf(context)
  const { attempt = carried.attempt, maxAttempts = carried.maxAttempts, deadlineMs } = options
  const { metadata, outgoing, span, transport, onStatus } = carried
  const scope = carried.scope.inner(deadlineMs, options, carried.part)
  return makeContext(
    { scope, part: scope, metadata, outgoing, attempt, maxAttempts, span, transport, onStatus },
    true,
    context,
  )
}

/** Runs the rest of a stack in the context of a branch, which begins and ends with it; `outer` gets its outcome, if anybody. */
export function runBranch(context: Context, next: Next, request: unknown, outer?: Receiver): Awaitable<Outcome> {
  const stack = stackOfNext(next)
  if (stack !== undefined) return runScope(stack, request, context, outer) // as a call: one promise for both
  const { scope } = carriedOf(context)
  const refused = scope.begin(outer)
  if (refused !== undefined) return outer === undefined ? left(refused) : outer.complete(left(refused))
  const outcome = next(request, context)
  scope.hasBegun()
  return outcome instanceof Promise ? scope.race(outcome) : scope.complete(outcome)
}

class RunningBranch implements Branch {
  readonly context: Context

  constructor(context: Context) {
    this.context = context
  }

  run(next: Next, request: unknown): Awaitable<Outcome> {
    return runBranch(this.context, next, request)
  }

  cancel(failure: Failure): void {
    carriedOf(this.context).scope.end(failure)
  }

  adopt(): void {
    carriedOf(this.context).scope.shareReply()
  }
}
