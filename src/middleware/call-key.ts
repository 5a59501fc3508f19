// What calls are told apart by, where a policy keeps something for each caller, tenant or operation.
import type { Context } from '../core/index.js'

/**
 * Tells calls apart: the principal, the tenant, an address. `undefined`: the policy leaves the call alone. Pure. The request is as
 * it came, not validated. One that needs more of the context than all have makes the policy a guard.
 */
export type CallKey<C extends Context = Context> = (request: unknown, context: C) => string | undefined

/** The key of a call. Throws `TypeError` for one that is no string: all calls would share `[object Object]`. */
export function keyOf(
  key: CallKey,
  { policy, request, context }: { readonly policy: string; readonly request: unknown; readonly context: Context },
): string | undefined {
  const found: unknown = key(request, context)
  if (found === undefined || typeof found === 'string') return found
  throw new TypeError(`${policy}: key must give a string or undefined, got ${found === null ? 'null' : typeof found}`)
}
