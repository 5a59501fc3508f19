// What may a caller do: asked after it is known who that is, and told apart from not knowing. The rule is in the endpoint's type as far
// as types go: it needs a principal, and one with what the rule reads.
import {
  type Authenticated,
  type Awaitable,
  andThen,
  type Context,
  type Endpoint,
  type Failure,
  failed,
  guard,
  type Left,
} from '../core/index.js'
import { credentialIn } from './credential.js'
import type { Asked, Rule } from './rule.js'

/** Options of {@link authorize}. */
export interface AuthorizeOptions {
  /**
   * What a caller learns who may not: that it is forbidden, or, as if there were no such thing, `not_found`/`NOT_FOUND`, for what must not
   * be known to exist; a handler that finds none has to fail likewise, with `ran: 'no'`. @defaultValue 'permission_denied'
   */
  readonly refuseWith?: 'permission_denied' | 'not_found'
}

/** What {@link authorize} makes: it needs a principal, and goes around endpoints whose requests the rule can read. */
export type Authorization<P, Req> = <Q extends Req, Res, E, R extends Context>(
  next: Endpoint<Q, Res, E, R>,
) => Endpoint<Q, Res, E, R & Authenticated<P>>

/**
 * Lets a call go on where the rule allows it. Otherwise it fails with `permission_denied`/`PERMISSION_DENIED`, `ran: 'no'`, which says
 * nothing about the rule; a missing scope is told to who showed a bearer token, in `WWW-Authenticate` (RFC 6750, section 3.1), with the scope
 * that would do.
 *
 * Belongs inside `authenticate`, and outside what costs something. A rule that reads the request gets it as the caller sent it, already
 * validated where it is put on the endpoints of a contract.
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { call, fromPromise, isLeft } from 'tenon'
 * import { authorize, roles } from 'tenon/auth'
 *
 * const cancel = authorize(roles('staff'))(fromPromise(async ({ id }: { id: string }) => `cancelled ${id}`))
 * const refused = await call(cancel, { id: '1' }, { provide: { principal: { roles: ['customer'] } } })
 * assert.ok(isLeft(refused) && refused.left.reason === 'PERMISSION_DENIED')
 * ```
 */
export function authorize<P, Req>(rule: Rule<P, Req>, options: AuthorizeOptions = {}): Authorization<P, Req> {
  const { refuseWith = 'permission_denied' } = options
  if (typeof rule?.allows !== 'function') throw new TypeError('authorize: needs a rule')
  if (refuseWith !== 'permission_denied' && refuseWith !== 'not_found')
    throw new RangeError(
      `authorize: refuseWith must be 'permission_denied' or 'not_found', got '${String(refuseWith)}'`,
    )
  const decide = (allowed: boolean, context: Context): Left<Failure> | undefined => {
    if (allowed === true) return undefined
    const why = { ran: 'no', cause: rule.name } as const // for logs on this side: causes are never sent
    if (refuseWith === 'not_found') return failed('not_found', 'NOT_FOUND', 'there is no such thing', why)
    if (rule.scope !== undefined && credentialIn(context, 'bearer') !== undefined)
      context.reply.header('www-authenticate', `Bearer error="insufficient_scope", scope="${rule.scope}"`)
    return failed('permission_denied', 'PERMISSION_DENIED', 'this caller may not do that', why)
  }
  const layer = guard<Authenticated<P>>({
    name: 'authorize',
    role: 'authorize',
    options: { rule: rule.name, refuseWith },
    enter(context, request): Awaitable<Left<Failure> | undefined> {
      const asked: Asked<P, Req> = { principal: context.principal, request: request as Req, context } // as the type of what it wraps says
      return andThen(rule.allows(asked), allowed => decide(allowed, context))
    },
  })
  return layer as Authorization<P, Req> // the same function, with what the rule reads of requests in its type
}
