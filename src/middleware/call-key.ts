// What calls are told apart by, where a policy keeps something for each caller, tenant or operation.
import { reportRejection } from '../core/call-error.js'
import type { Context } from '../core/index.js'
import { isPromise } from '../core/outcome.js'

/**
 * Tells calls apart: the principal, the tenant, an address. `undefined`: the policy leaves the call alone. Pure. The request is as
 * it came, not validated. One that needs more of the context than all have makes the policy a guard.
 */
export type CallKey<C extends Context = Context> = (request: unknown, context: C) => string | undefined

/** The key of a call. Throws as {@link checkedKey} does. */
export function keyOf(
  key: CallKey,
  { policy, request, context }: { readonly policy: string; readonly request: unknown; readonly context: Context },
): string | undefined {
  return checkedKey(policy, key(request, context))
}

/** A key that somebody's function gave. Throws `TypeError` for one that is no string: all calls would share `[object Object]`. */
export function checkedKey(policy: string, found: unknown): string | undefined {
  return found === undefined ? undefined : text(found, `${policy}: key must give a string or undefined`)
}

/** Who calls, or what else must be a string, since all without one would be the same. Throws `TypeError` as `must` says. */
export function text(found: unknown, must: string): string {
  if (typeof found === 'string') return found
  if (isPromise(found)) reportRejection(found, () => {}) // of an async function: its mistake is told of below
  throw new TypeError(`${must}, got ${found === null ? 'null' : isPromise(found) ? 'a promise' : typeof found}`)
}
