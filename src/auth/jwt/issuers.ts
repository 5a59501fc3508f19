// Tokens of several issuers behind one `Authorization` header: a token says who issued it, and only that issuer's own rules can make it
// good. What it says is not believed, it only chooses who has to be convinced; each scheme checks `iss` again, with its own keys.
import { authorizationOf } from '../credential.js'
import { type PrincipalOf, rejected, type Scheme } from '../scheme.js'
import type { JwtScheme } from './jwt.js'
import { unverifiedIssuer } from './token.js'

/**
 * One scheme of several {@link jwt} schemes, each of another issuer: a token is verified by the one whose `issuer` it names, with that
 * one's keys, audience and claims, and by no other. A token of nobody known, or that names nobody, is refused in the same words as any
 * bad one, and no keys are fetched for it. `PrincipalOf` it is any of theirs.
 *
 * In `authenticate` two of them side by side would not do: the first that finds a bearer token decides.
 *
 * Throws `TypeError` for fewer than two, for what is not made by `jwt`, for two of one issuer, and where their realms differ: a refusal
 * would tell which of them has looked.
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { randomBytes } from 'node:crypto'
 * import { testContext } from 'tenon'
 * import { issuers, jwt, signer } from 'tenon/auth/jwt'
 * import { z } from 'zod'
 *
 * const own = { issuer: 'https://login.shop', audience: 'orders', key: { algorithm: 'HS256', key: randomBytes(32) } } as const
 * const partner = { issuer: 'https://partner.example', audience: 'orders', key: { algorithm: 'HS256', key: randomBytes(32) } } as const
 * const rules = { clockToleranceMs: 5_000, claims: z.object({ sub: z.string() }) }
 * const scheme = issuers(
 *   jwt({ ...own, ...rules, keys: own.key, principal: ({ sub }) => ({ id: sub, kind: 'customer' as const }) }),
 *   jwt({ ...partner, ...rules, keys: partner.key, principal: ({ sub }) => ({ id: sub, kind: 'partner' as const }) }),
 * )
 * const { token } = await signer({ ...partner, ttlMs: 60_000 }).sign({ sub: 'acme' })
 * const context = testContext({ metadata: { authorization: `Bearer ${token}` } })
 * assert.deepEqual(await scheme.verify(context, undefined), { principal: { id: 'acme', kind: 'partner' } })
 * ```
 */
export function issuers<
  const S extends readonly [JwtScheme<object>, JwtScheme<object>, ...(readonly JwtScheme<object>[])],
>(...schemes: S): Scheme<PrincipalOf<S>> {
  const byIssuer = schemesByIssuer(schemes)
  const challenge = schemes[0].challenge
  return {
    name: 'jwt',
    ...(challenge !== undefined && { challenge }),
    verify(context, method) {
      const found = authorizationOf(context, 'bearer')
      if (found === undefined) return undefined
      if (found === 'malformed') return rejected('the bearer token is not written as RFC 6750 has it')
      const issuer = unverifiedIssuer(found.value)
      const scheme = issuer === undefined ? undefined : byIssuer.get(issuer)
      if (scheme === undefined) return rejected('the token is of no issuer that is known here')
      return scheme.verify(context, method) as ReturnType<Scheme<PrincipalOf<S>>['verify']> // one of S
    },
  }
}

function schemesByIssuer(schemes: readonly JwtScheme<object>[]): ReadonlyMap<string, JwtScheme<object>> {
  if (schemes.length < 2) throw new TypeError('issuers: needs two schemes or more')
  const found = new Map<string, JwtScheme<object>>()
  for (const scheme of schemes) {
    if (typeof scheme?.issuer !== 'string' || typeof scheme.verify !== 'function')
      throw new TypeError('issuers: takes schemes that jwt has made')
    if (found.has(scheme.issuer)) throw new TypeError(`issuers: two schemes are for ${scheme.issuer}`)
    if (scheme.challenge !== schemes[0]?.challenge)
      throw new TypeError('issuers: all need the same realm, or a refusal would tell which of them has looked')
    found.set(scheme.issuer, scheme)
  }
  return found
}
