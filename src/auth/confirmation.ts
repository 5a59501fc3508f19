// Tokens that are bound to a key (`cnf`, RFC 7800): whoever stole one has not stolen the key, so they are worth nothing to who does not prove
// to have it. The one proof that a transport can give is a verified certificate (RFC 8705). DPoP (RFC 9449) is another scheme's affair, and
// a binding that is not understood is one all the same.
import { hash } from 'node:crypto'
import type { Peer } from '../core/index.js'
import { isSameSecret } from './same-secret.js'

/** What is said of a token, of which this alone is looked at. */
export interface Confirmation {
  readonly cnf?: unknown
}

/** Whether a token is bound to a key, whichever and however. */
export function isBound({ cnf }: Confirmation): boolean {
  return cnf !== undefined
}

/** Whether the caller of this call holds the certificate that a token is bound to, and the token is bound to nothing else. */
export function holdsKey({ cnf }: Confirmation, { certificate }: Peer): boolean {
  if (typeof cnf !== 'object' || cnf === null || certificate === undefined) return false
  const [[method, thumbprint] = [], ...others] = Object.entries(cnf)
  if (others.length > 0 || method !== 'x5t#S256' || typeof thumbprint !== 'string') return false
  return isSameSecret(thumbprint, hash('sha256', certificate.der, 'base64url'))
}
