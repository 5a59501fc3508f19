// Issuing tokens: for services that call others as themselves, for tests and for a login of one's own. Claims are taken per token, so that
// none is ever signed with the times or the user of another one.
import { randomUUID } from 'node:crypto'
import jsonwebtoken from 'jsonwebtoken'
import { type Clock, systemClock } from '../../core/index.js'
import type { IssuedToken } from '../kept-token.js'
import { keyRuleOf } from './algorithm.js'
import { accessTokenClaims } from './claims.js'
import { jose } from './jose.js'
import { type BoundKey, type JwtKey, signingKey } from './key.js'

/** Options of {@link signer}. */
export interface SignerOptions {
  /** What to sign with, and the algorithm: a secret, or the private half of a pair. Its `kid` goes into the header. */
  readonly key: JwtKey
  /** Who issues: `iss`. */
  readonly issuer: string
  /** Whom the tokens are for: `aud`. */
  readonly audience: string | readonly [string, ...string[]]
  /** How long a token lives, in ms, of which whole seconds count: 1 000 or more. */
  readonly ttlMs: number
  /** Claims of every token; those given to `sign` come on top. @defaultValue none */
  readonly claims?: Readonly<Record<string, unknown>>
  /** `'rfc9068'`: access tokens of that RFC; `sub` and `client_id` have to be among the claims. @defaultValue a plain JWT */
  readonly profile?: 'rfc9068'
  /** Another `typ`. @defaultValue `JWT`; `at+jwt` with the profile of RFC 9068 */
  readonly typ?: string
  /** @defaultValue systemClock */
  readonly clock?: Clock
}

/** Makes tokens. */
export interface Signer {
  /**
   * A new token, with an id (`jti`) of its own. Rejects with `TypeError` for claims that the signer itself makes (`iss`, `aud`, `iat`,
   * `exp`, `jti`), and for those that the profile misses.
   */
  sign(claims?: Readonly<Record<string, unknown>>): Promise<IssuedToken>
}

const own = ['iss', 'aud', 'iat', 'exp', 'jti'] as const

/**
 * Makes a {@link Signer}. Throws `TypeError` or `RangeError` for a key that {@link jwt} would refuse, for the public half of one, and for
 * a life of less than a second.
 *
 * As a source for `bearerToken`: `bearerToken(() => tokens.sign())`.
 */
export function signer(options: SignerOptions): Signer {
  const { issuer, audience, ttlMs, claims: always = {}, profile, clock = systemClock } = options
  const { typ = profile === 'rfc9068' ? 'at+jwt' : 'JWT' } = options
  const key = signingKey(options.key, 'signer')
  const audiences: readonly unknown[] = Array.isArray(audience) ? audience : [audience]
  if (![issuer, typ, ...audiences].every(text => typeof text === 'string' && text !== '') || audiences.length === 0)
    throw new TypeError('signer: issuer, audience and typ must be text')
  if (!(typeof ttlMs === 'number' && ttlMs >= 1_000 && ttlMs <= Number.MAX_SAFE_INTEGER))
    throw new RangeError(`signer: ttlMs must be 1000 or more, got ${ttlMs}`)
  if (profile !== undefined && profile !== 'rfc9068')
    throw new TypeError(`signer: profile must be 'rfc9068', got '${String(profile)}'`)
  refuseOwn(always)

  const sign = async (claims: Readonly<Record<string, unknown>> = {}): Promise<IssuedToken> => {
    refuseOwn(claims)
    const iat = Math.floor(clock.wallTime() / 1_000)
    const exp = iat + Math.floor(ttlMs / 1_000)
    const payload = { ...always, ...claims, iss: issuer, aud: audience, iat, exp, jti: randomUUID() }
    const missing = profile === 'rfc9068' ? accessTokenClaims.find(name => !Object.hasOwn(payload, name)) : undefined
    if (missing !== undefined) throw new TypeError(`signer: an access token of RFC 9068 needs '${missing}'`)
    return { token: await signed(payload, typ, key), expiresAt: exp * 1_000 }
  }
  return { sign }
}

async function signed(payload: object, typ: string, { algorithm, kid, key }: BoundKey): Promise<string> {
  const header = { alg: algorithm, typ, ...(kid !== undefined && { kid }) }
  if (keyRuleOf(algorithm, 'signer').family !== 'ed25519')
    return jsonwebtoken.sign(payload, key, { algorithm: algorithm as jsonwebtoken.Algorithm, header }) // all but Ed25519 are its own
  const { SignJWT } = await jose()
  return await new SignJWT({ ...payload }).setProtectedHeader(header).sign(key)
}

function refuseOwn(claims: Readonly<Record<string, unknown>>): void {
  const found = own.find(name => Object.hasOwn(claims, name))
  if (found !== undefined) throw new TypeError(`signer: '${found}' is the signer's own claim`)
}
