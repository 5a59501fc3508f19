// Who verifies signatures: jsonwebtoken for HMAC, RSA and ECDSA, jose for Ed25519. Each gets a KeyObject, the one algorithm it is for and
// everything it can check; whatever it says no with becomes one refusal.
import jsonwebtoken from 'jsonwebtoken'
import { type Awaitable, type Failure, failed, type Left } from '../../core/index.js'
import { rejected } from '../scheme.js'
import { isSameAlgorithm } from './algorithm.js'
import { jose } from './jose.js'
import type { BoundKey } from './key.js'

/** What a token must say, in seconds where it is a time. */
export interface Expectations {
  readonly issuer: string
  readonly audience: readonly [string, ...string[]]
  readonly tolerance: number
  readonly maxAge: number | undefined
}

/** What a library says of a token. */
export interface Judged {
  /** Why it is refused; `undefined` where the signature is good, and issuer, audience and times are, too. */
  readonly refused: Left<Failure> | undefined
  /** What `JSON.parse` has made of the payload of one that is good, where the library gives it. */
  readonly payload: unknown
}

/**
 * Verifies the signature and, only if it is good, issuer, audience and times.
 *
 * @param now - by the call's clock, in whole seconds
 */
export type VerifySignature = (token: string, bound: BoundKey, now: number) => Awaitable<Judged>

/** What verifies signatures of tokens that must say this. */
export function signatureVerifier({ issuer, audience, tolerance, maxAge }: Expectations): VerifySignature {
  const audiences: [string, ...string[]] = [...audience]

  const byJsonwebtoken = (token: string, { key, algorithm }: BoundKey, now: number): Judged => {
    try {
      const payload = jsonwebtoken.verify(token, key, {
        algorithms: [algorithm as jsonwebtoken.Algorithm], // all but Ed25519 are its own
        issuer,
        audience: audiences,
        clockTolerance: tolerance,
        clockTimestamp: Math.max(1, now), // it takes 0 for the system's clock
        maxAge,
      })
      return { refused: undefined, payload }
    } catch (error) {
      return { refused: refusalOf(error), payload: undefined }
    }
  }

  const byJose = async (token: string, { key }: BoundKey, now: number): Promise<Judged> => {
    const { jwtVerify } = await jose()
    try {
      await jwtVerify(token, key, {
        algorithms: ['EdDSA', 'Ed25519'],
        issuer,
        audience: audiences,
        clockTolerance: tolerance,
        currentDate: new Date(now * 1_000),
        ...(maxAge !== undefined && { maxTokenAge: maxAge }),
      })
      return { refused: undefined, payload: undefined } // what it parses may have lost a byte order mark
    } catch (error) {
      return { refused: refusalOf(error), payload: undefined }
    }
  }

  return (token, bound, now) => (isSameAlgorithm(bound.algorithm, 'EdDSA') ? byJose : byJsonwebtoken)(token, bound, now)
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
