// Who verifies signatures: jsonwebtoken for HMAC, RSA and ECDSA, jose for Ed25519. Each gets a KeyObject, the one algorithm it is for and
// everything it can check; whatever it says no with becomes one refusal.
import jsonwebtoken from 'jsonwebtoken'
import { type Awaitable, type Failure, failed, type Left } from '../../core/index.js'
import { rejected } from '../scheme.js'
import { keyRuleOf } from './algorithm.js'
import { jose } from './jose.js'
import type { BoundKey } from './key.js'

/** What a token must say, in seconds where it is a time. */
export interface Expectations {
  readonly issuer: string
  readonly audience: readonly [string, ...string[]]
  readonly tolerance: number
  readonly maxAge: number | undefined
  /** By the call's clock, in whole seconds. */
  readonly now: number
}

/** Verifies the signature and, only if it is good, issuer, audience and times. `undefined`: all of it is good. */
export function verifySignature(
  token: string,
  bound: BoundKey,
  expected: Expectations,
): Awaitable<Left<Failure> | undefined> {
  if (keyRuleOf(bound.algorithm, 'jwt').family === 'ed25519') return byJose(token, bound, expected)
  const { issuer, audience, tolerance, maxAge, now } = expected
  try {
    jsonwebtoken.verify(token, bound.key, {
      algorithms: [bound.algorithm as jsonwebtoken.Algorithm], // all but Ed25519 are its own
      issuer,
      audience: [...audience],
      clockTolerance: tolerance,
      clockTimestamp: Math.max(1, now), // it takes 0 for the system's clock
      ...(maxAge !== undefined && { maxAge }),
    })
    return undefined
  } catch (error) {
    return refusalOf(error)
  }
}

async function byJose(token: string, bound: BoundKey, expected: Expectations): Promise<Left<Failure> | undefined> {
  const { jwtVerify } = await jose()
  const { issuer, audience, tolerance, maxAge, now } = expected
  try {
    await jwtVerify(token, bound.key, {
      algorithms: ['EdDSA', 'Ed25519'],
      issuer,
      audience: [...audience],
      clockTolerance: tolerance,
      currentDate: new Date(now * 1_000),
      ...(maxAge !== undefined && { maxTokenAge: maxAge }),
    })
    return undefined
  } catch (error) {
    return refusalOf(error)
  }
}

const expired = new Set(['TokenExpiredError', 'JWTExpired'])
/** Errors of the libraries whose messages say what was wrong and quote nothing of the token. */
const quotable = /^(JsonWebTokenError|NotBeforeError|JWT\w*|JWS\w*|JOSE\w*)$/

/** Why a library refused a token. Expiry is told only of a token that was good once: both look at the signature first. */
function refusalOf(error: unknown): Left<Failure> {
  const { name, message } = error instanceof Error ? error : { name: '', message: '' }
  if (expired.has(name)) return rejected('the token has expired', { reason: 'TOKEN_EXPIRED' })
  return rejected(quotable.test(name) ? message : 'the signature cannot be verified')
}

/** The failure while keys cannot be had. */
export function keysUnavailable(cause: unknown): Left<Failure> {
  return failed('unavailable', 'KEYS_UNAVAILABLE', 'the keys that credentials are verified with cannot be had now', {
    ran: 'no',
    cause,
  })
}
