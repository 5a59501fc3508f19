// A token endpoint's answer (RFC 6749, section 5.1), read as a token that can be sent and whose end is known.
import { type Failure, failed, type Left } from '../../core/index.js'
import { isToken68 } from '../credential.js'
import { type IssuedToken, tokenUnavailable } from '../kept-token.js'
import type { EndpointAnswer, OAuthEndpoint } from './oauth-endpoint.js'

/** What is needed to read an answer. */
export interface Reading {
  readonly endpoint: OAuthEndpoint
  /** When it was asked for, in ms by the wall clock: a token may be older than its answer. */
  readonly askedAt: number
  /** How long a token lives whose answer does not say. */
  readonly ttlMs: number | undefined
}

/** The token, or why there is none. */
export function issuedOf(answer: EndpointAnswer, { endpoint, askedAt, ttlMs }: Reading): IssuedToken | Left<Failure> {
  const { status, body, retryAfterMs } = answer
  if (status !== 200) {
    const cause = endpoint.unexpected(answer)
    return tokenUnavailable(cause, retryAfterMs === undefined ? {} : { retryAfterMs })
  }
  const { access_token: token, token_type: type, expires_in: expiresIn } = body ?? {}
  if (typeof token !== 'string' || !isToken68(token)) return tokenUnavailable('the answer has no access token')
  if (typeof type !== 'string' || !isBearer(type)) return tokenUnavailable('the token is none to be sent by itself')
  const lifeMs = expiresIn === undefined ? ttlMs : lifeOf(expiresIn)
  if (lifeMs === undefined) return tokenUnavailable('the answer does not say how long the token lives')
  return { token, expiresAt: askedAt + lifeMs }
}

/** Exchanged tokens may have the type `N_A`, where they are no access tokens (RFC 8693, section 2.2.1): those are not sent as such. */
function isBearer(type: string): boolean {
  return type.toLowerCase() === 'bearer'
}

/** Some servers write it as text. */
function lifeOf(expiresIn: unknown): number | undefined {
  const seconds = typeof expiresIn === 'string' && /^\d{1,10}$/.test(expiresIn) ? Number(expiresIn) : expiresIn
  return typeof seconds === 'number' && seconds > 0 && seconds <= 10 ** 10 ? seconds * 1_000 : undefined
}

/** The caller's token does not do. */
export function callersTokenRefused(cause: string): Left<Failure> {
  return failed('unauthenticated', 'CREDENTIALS_REJECTED', 'the credentials are not accepted', { ran: 'no', cause })
}
