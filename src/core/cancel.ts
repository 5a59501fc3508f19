// Tells a transport that a call ends early, without the AbortSignal that most calls never need.
import { type Context, carriedOf } from './context.js'
import type { Failure } from './failure.js'
import type { Dependent } from './scope.js'

/**
 * Runs `callback` once if the call ends before its work does (deadline, cancellation, an abandoned stream), at once if it has
 * ended already. Returns what unlinks it: call that when the work is done. Cheaper than `context.signal`, for transports.
 */
export function onCancelled(context: Context, callback: (failure: Failure) => void): () => void {
  const { scope } = carriedOf(context)
  if (scope.ended !== undefined) {
    callback(scope.ended)
    return () => {}
  }
  const dependent: Dependent = { newer: undefined, older: undefined, end: callback, outlives: false }
  scope.attach(dependent)
  return () => scope.detach(dependent)
}
