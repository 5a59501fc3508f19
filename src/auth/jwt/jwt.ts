// Bearer tokens that are JWTs (RFC 6750, 7519), verified as RFC 8725 wants it: nothing in a token chooses how it is verified, and what is
// not checked by default is what nobody forgets to turn on. Times are on the call's clock.
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { type Awaitable, andThen, type Context } from '../../core/index.js'
import { holdsKey, isBound } from '../confirmation.js'
import { challengeOf, credentialIn, defaultRealm } from '../credential.js'
import { frozen } from '../frozen.js'
import { placesOf } from '../places-of.js'
import { rejected, type Scheme, type Verdict, verdictOf } from '../scheme.js'
import { checkOptions, type JwtOptions } from './jwt-options.js'
import { VerifiedTokens } from './verified-tokens.js'
import { verifierOf } from './verifier.js'

/** What {@link jwt} makes. */
export interface JwtScheme<P> extends Scheme<P> {
  /** Whose tokens it takes. */
  readonly issuer: string
}

/**
 * A scheme for tokens in `authorization: Bearer …`, and nowhere else. A token is refused with `unauthenticated`/`TOKEN_EXPIRED` where
 * that is all that is wrong with it, otherwise with `unauthenticated`/`CREDENTIALS_REJECTED`, and `unavailable`/`KEYS_UNAVAILABLE` where
 * the keys cannot be had. A token that is bound to a key (`cnf`) is good only with the certificate that it names, which is asked for in each
 * call. Why is the failure's `cause`, for logs on this side; it never holds the token.
 *
 * Throws `TypeError` or `RangeError` for options that make it unsafe: secrets shorter than the hash, RSA below 2,048 bits, one key for
 * two algorithms, a tolerance above 30 s.
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { randomBytes } from 'node:crypto'
 * import { type Authenticated, call, type Context, fromPromise, right, testContext } from 'tenon'
 * import { authenticate } from 'tenon/auth'
 * import { jwt, signer } from 'tenon/auth/jwt'
 * import { z } from 'zod'
 *
 * const key = { algorithm: 'HS256', key: randomBytes(32) } as const
 * const issued = { issuer: 'https://login.shop', audience: 'orders' }
 * const customers = jwt({
 *   ...issued,
 *   keys: key,
 *   clockToleranceMs: 5_000,
 *   claims: z.object({ sub: z.string(), scope: z.string() }),
 *   principal: ({ sub, scope }) => ({ id: sub, scopes: scope.split(' ') }),
 * })
 *
 * const whoAmI = fromPromise(async (_: object, { principal }: Context & Authenticated<{ id: string }>) => principal.id)
 * const { token } = await signer({ ...issued, key, ttlMs: 600_000 }).sign({ sub: 'ada', scope: 'orders:write' })
 * const context = testContext({ metadata: { authorization: `Bearer ${token}` } })
 * assert.deepEqual(await call(authenticate(customers)(whoAmI), {}, { context }), right('ada'))
 * ```
 */
export function jwt<S extends StandardSchemaV1<unknown, object>, P extends object = StandardSchemaV1.InferOutput<S>>(
  options: JwtOptions<S, P>,
): JwtScheme<P> {
  const { claims: schema, principal, realm = defaultRealm, maxLength = 4_096, maxRemembered = 0 } = options
  checkOptions(options)
  const verifier = verifierOf(options)
  const remembered = new VerifiedTokens<object>(maxRemembered)
  // Without `principal`, P is what the schema gives.
  const identify = (claims: object, context: Context): Awaitable<Verdict<P>> =>
    principal === undefined
      ? { principal: claims as P }
      : verdictOf(principal(claims, context), 'the token is of nobody known here')

  return {
    name: 'jwt',
    issuer: options.issuer,
    challenge: challengeOf('Bearer', realm),
    verify(context) {
      const token = credentialIn(context, 'bearer')
      if (token === undefined) return undefined
      // First: a token that is known has passed all that follows.
      if (maxRemembered > 0 && token.length <= maxLength) {
        const known = remembered.get(token, verifier.keys.current(), context.clock.wallTime())
        if (known !== undefined) return identify(known, context)
      }
      if (token.length > maxLength) return rejected(`the token is longer than ${maxLength} characters`)
      return andThen(verifier.verify(token, context), verified => {
        if ('_tag' in verified) return verified
        const bound = isBound(verified.claims)
        if (bound && !holdsKey(verified.claims, context.peer))
          return rejected('the token is bound to a key that nobody has proven to have')
        return andThen(schema['~standard'].validate(verified.claims), result => {
          if (result.issues !== undefined)
            return rejected(`the claims do not fit the schema: ${placesOf(result.issues)}`)
          const claims = frozen(result.value)
          if (!bound) remembered.set(token, { claims, until: verified.until }, verified.version)
          return identify(claims, context)
        })
      })
    },
  }
}
