// Sending the caller's own credentials on. Nothing does so by itself: what arrives is for this service, and the next one may be anybody's.
import { around, failed, type Middleware, withOutgoing } from '../core/index.js'

/** Options of {@link forwardCredentials}. */
export interface ForwardCredentialsOptions {
  /** A call whose caller showed none: refused, or sent without. @defaultValue 'refuse' */
  readonly whenMissing?: 'refuse' | 'pass'
}

/**
 * Sends the `authorization` of the call being handled on with the calls that are made in its handler, with its context. For services of
 * one trust domain whose tokens are for all of them; elsewhere exchange the token, or call as yourself with `bearerToken`: whoever gets
 * a token can use it everywhere that it opens.
 *
 * Fails with `unauthenticated`/`CREDENTIALS_MISSING`, `ran: 'no'`, where there are none. Belongs around one client, never around all.
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { call, fromRemote, right, testContext } from 'tenon'
 * import { forwardCredentials } from 'tenon/auth'
 *
 * const next = fromRemote('stock', (_: object, { outgoing }) => right(outgoing.get('authorization'))) // a client's, as it were
 * const context = testContext({ metadata: { authorization: 'Bearer abc' } })
 * assert.deepEqual(await call(next, {}, { context }), right(undefined))
 * assert.deepEqual(await call(forwardCredentials()(next), {}, { context }), right('Bearer abc'))
 * ```
 */
export function forwardCredentials(options: ForwardCredentialsOptions = {}): Middleware {
  const { whenMissing = 'refuse' } = options
  if (whenMissing !== 'refuse' && whenMissing !== 'pass')
    throw new RangeError(`forwardCredentials: whenMissing must be 'refuse' or 'pass', got '${String(whenMissing)}'`)
  return around({
    name: 'forwardCredentials',
    options: { whenMissing },
    enter(context) {
      const authorization = context.metadata.get('authorization')
      if (authorization !== undefined) return { context: withOutgoing(context, { authorization }) }
      if (whenMissing === 'pass') return undefined
      return failed('unauthenticated', 'CREDENTIALS_MISSING', 'the call being handled has no credentials to send on', {
        ran: 'no',
      })
    },
  })
}
