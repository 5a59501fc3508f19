// A context for work that must outlive the call it belongs to: undoing what a failed call has done, telling an audit log.
import { type Context, carriedOf, makeContext } from './context.js'
import { Scope } from './scope.js'

/**
 * A context like the given one (metadata, trace, clock, what providers added) whose calls neither end with its call nor are
 * bound by its deadline; they have their own. For compensation after a deadline, and for work that nobody waits for.
 */
export function detached<R extends Context>(context: R): R {
  const carried = carriedOf(context)
  const scope = new Scope(carried.scope.surroundings, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY)
  return makeContext({ ...carried, scope, part: scope, attempt: 1, maxAttempts: 1 }, false, context) as R // what R has beyond Context goes on
}

/** A context for a run that begins in a call, has all that the call has, and belongs to no call: it is over in `deadlineMs`. */
export function contextOfRun(context: Context, deadlineMs: number): Context {
  const carried = carriedOf(context)
  const startedAt = carried.scope.enteredAt
  const scope = new Scope(carried.scope.surroundings, startedAt, startedAt + deadlineMs)
  const { metadata, outgoing, attempt, maxAttempts, span, transport, onStatus } = carried
  const own = { scope, part: scope, metadata, outgoing, attempt, maxAttempts, span, transport, onStatus }
  return makeContext(own, true, context)
}
