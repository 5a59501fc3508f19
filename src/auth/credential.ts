// Where credentials are found: `authorization` holds one, of one scheme. What is not written as RFC 9110 and 6750 have it is no
// credential of that scheme but a bad one, so that nobody is let in by another header instead.
import type { Context } from '../core/index.js'

/** What `authorization` holds for one scheme. */
export type Found = { readonly value: string } | 'malformed' | undefined

/** The longest value that is looked at: with room for a token with many scopes, and no room for a million characters of base64. */
export const maxCredentialLength = 8_192

/**
 * What follows the name of a scheme in `authorization`; `undefined` where that is absent or of another scheme. `'malformed'` where more
 * than one credential was sent, as far as the transport tells (gRPC's gives the first of several), or none follows the name.
 */
export function authorizationOf(context: Context, scheme: string): Found {
  const value = credentialIn(context, scheme)
  if (value === undefined) return undefined
  return isToken68(value) ? { value } : 'malformed'
}

/**
 * What follows the name of a scheme in `authorization`, whatever it looks like: for who knows it already, or looks at each character
 * anyway. Empty where nothing follows, or more than anybody looks at; `undefined` as of {@link authorizationOf}.
 */
export function credentialIn({ metadata }: Context, scheme: string): string | undefined {
  const header = metadata.get('authorization')
  if (header === undefined) return undefined
  const { length } = scheme
  if (header.slice(0, length).toLowerCase() !== scheme || (header.length > length && header[length] !== ' '))
    return undefined
  if (header.length > maxCredentialLength) return ''
  let start = length
  while (header[start] === ' ') start++
  return header.slice(start)
}

// token68 of RFC 9110, which is the b64token of RFC 6750. A comma or a space, as between two joined headers, is not in it.
const token68 = /^[A-Za-z0-9._~+/-]+=*$/

/** Whether a text can follow `Bearer `. */
export function isToken68(text: string): boolean {
  return token68.test(text)
}

/** The realm of a scheme that was given none: RFC 6750, section 3, wants a parameter after `Bearer`. */
export const defaultRealm = 'api'

/** A `WWW-Authenticate` challenge. Throws `TypeError` for a realm that cannot be quoted. */
export function challengeOf(scheme: string, realm: string, more = ''): string {
  if (!/^[\x20-\x7e]*$/.test(realm) || /["\\]/.test(realm))
    throw new TypeError(
      `${scheme.toLowerCase()}: realm must be visible ASCII without " and \\, got ${JSON.stringify(realm)}`,
    )
  return `${scheme} realm="${realm}"${more === '' ? '' : `, ${more}`}`
}
