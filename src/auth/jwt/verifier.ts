// From a token to claims that may be believed, in the order that leaks least: form, type, key, signature, and only then what it says. Strict
// reading of what it says waits for the signature: the library has parsed it by then, whose reading need only be compared with the bytes.
import { type Awaitable, andThen, type Context, type Failure, type Left } from '../../core/index.js'
import { rejected } from '../scheme.js'
import { strictObject } from '../strict-json.js'
import { accessTokenClaims, wrongClaim } from './claims.js'
import type { AnyJwtOptions } from './jwt-options.js'
import type { JwtKey } from './key.js'
import { fixedKeys, type KeySource } from './key-source.js'
import { type Expectations, signatureVerifier } from './signature.js'
import { mediaTypeOf, readToken } from './token.js'

/** A token that is good. */
export interface Verified {
  readonly claims: Readonly<Record<string, unknown>>
  /** Until when it need not be verified again: ms by the wall clock. */
  readonly until: number
  /** Of the set of keys. */
  readonly version: number | undefined
}

/** What verifies tokens. */
export interface Verifier {
  readonly keys: KeySource
  verify(token: string, context: Context): Awaitable<Verified | Left<Failure>>
}

/** Makes the verifier that the options describe. */
export function verifierOf(options: AnyJwtOptions): Verifier {
  const { issuer, audience, keys: given, clockToleranceMs, profile, typ, maxAgeMs } = options
  const keys = isKeySource(given) ? given : fixedKeys(given, 'jwt')
  const types = profile === 'rfc9068' ? ['at+jwt'] : typ === undefined ? ['jwt', undefined] : [mediaTypeOf(typ)]
  const required = [
    'exp',
    ...(profile === 'rfc9068' ? accessTokenClaims : []),
    ...(maxAgeMs === undefined ? [] : ['iat']),
  ]
  const tolerance = clockToleranceMs / 1_000
  const maxAge = maxAgeMs === undefined ? undefined : maxAgeMs / 1_000
  const expected: Expectations = {
    issuer,
    audience: typeof audience === 'string' ? [audience] : audience,
    tolerance,
    maxAge,
  }
  const verifySignature = signatureVerifier(expected)

  const verify: Verifier['verify'] = (token, { clock }) => {
    const read = readToken(token)
    if (typeof read === 'string') return rejected(read)
    if (!types.includes(read.typ)) return rejected(`a token of another type is expected`)
    return andThen(keys.find(read), key => {
      if (key === undefined) return rejected('there is no key of that id and algorithm')
      if ('_tag' in key) return key
      const version = keys.current()
      const now = Math.floor(clock.wallTime() / 1_000)
      return andThen(verifySignature(token, key, now), ({ refused, payload }) => {
        const claims = strictObject(Buffer.from(read.payload, 'base64url'), payload)
        if (typeof claims === 'string') return rejected(`the payload ${claims}`)
        if (refused !== undefined && refused.left.reason !== 'TOKEN_EXPIRED') return refused
        // Expiry is told where it is all that is wrong: whoever hears of it gets another token of the same kind.
        const wrong =
          wrongClaim(claims, required, now + tolerance) ??
          (refused === undefined ? undefined : wrongParty(claims, expected))
        if (wrong !== undefined) return rejected(wrong)
        return refused ?? { claims, until: endOf(claims, maxAge), version }
      })
    })
  }
  return { keys, verify }
}

/** What is wrong with who has issued a token, and for whom: the libraries look at that last. */
function wrongParty(
  { iss, aud }: Readonly<Record<string, unknown>>,
  { issuer, audience }: Expectations,
): string | undefined {
  if (iss !== issuer) return 'the token is of another issuer'
  const named: readonly unknown[] = Array.isArray(aud) ? aud : [aud]
  return audience.some(each => named.includes(each)) ? undefined : 'the token is for another audience'
}

/** When a token ends by itself, in ms. Its times have been checked. */
function endOf({ exp, iat }: Readonly<Record<string, unknown>>, maxAge: number | undefined): number {
  return 1_000 * Math.min(Number(exp), maxAge === undefined ? Number.POSITIVE_INFINITY : Number(iat) + maxAge)
}

function isKeySource(keys: JwtKey | readonly JwtKey[] | KeySource): keys is KeySource {
  return 'find' in keys && typeof keys.find === 'function' && 'current' in keys && typeof keys.current === 'function'
}
