// Reading a token before anything in it is believed: JWS compact serialization (RFC 7515) in its one canonical form, with a header that
// asks for nothing beyond an algorithm, a key's name and a type. All else is refused here, so that no library has to be trusted with it.

import { isToken68 } from '../credential.js'
import { strictObject } from '../strict-json.js'
import { maxKidLength } from './key.js'

/** What the token says of itself; nothing of it has been verified. */
export interface UnverifiedToken {
  readonly algorithm: string
  readonly kid: string | undefined
  /** In lower case, without `application/`: `at+jwt`. */
  readonly typ: string | undefined
  /** As it is written: base64url in its canonical form. */
  readonly payload: string
}

/** The longest header that is read, in characters of base64: keys and certificates do not belong in there. */
const maxHeaderLength = 1_024

/** Names that make a header an order: to take a key out of the token or off the network, to decrypt, to skip the encoding. */
const forbidden = ['crit', 'b64', 'jwk', 'jku', 'x5u', 'x5c', 'enc', 'zip', 'epk', 'p2s', 'p2c'] as const

type Header = Omit<UnverifiedToken, 'payload'>

/** The good header that was read last, with its dot: the tokens of an issuer have the same one, letter by letter. */
let last: { readonly text: string; readonly read: Header } | undefined

/** Three parts of base64url. */
const compact = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/

/** Reads a token, or says why it is none that can be verified. */
export function readToken(token: string): UnverifiedToken | string {
  if (!compact.test(token)) return whyNotCompact(token)
  const first = token.indexOf('.')
  const second = token.indexOf('.', first + 1)
  if (first > maxHeaderLength) return tooLongHeader
  if (!isCanonical(token, 0, first) || !isCanonical(token, first + 1, second) || !isCanonical(token, second + 1))
    return notCanonical
  const read = headerOf(token, first)
  if (typeof read === 'string') return read
  const { algorithm, kid, typ } = read
  return { algorithm, kid, typ, payload: token.slice(first + 1, second) }
}

const notCanonical = 'a part is not base64url in its canonical form'
const tooLongHeader = `the header is longer than ${maxHeaderLength} characters`

function whyNotCompact(token: string): string {
  if (!isToken68(token)) return 'the bearer token is not written as RFC 6750 has it'
  const [header = '', _payload, signature = '', ...more] = token.split('.', 6)
  if (more.length > 0 || signature === '')
    return `a signed token has three parts${more.length === 2 ? ', this looks encrypted' : ''}`
  return header.length > maxHeaderLength ? tooLongHeader : notCanonical
}

function headerOf(token: string, end: number): Header | string {
  if (last !== undefined && last.text.length === end + 1 && token.startsWith(last.text)) return last.read
  const read = readHeader(Buffer.from(token.slice(0, end), 'base64url'))
  if (typeof read !== 'string') last = { text: token.slice(0, end + 1), read }
  return read
}

/** Whose token it says to be, if it says so in text. Believed by nobody: it chooses whose rules the token must meet. */
export function unverifiedIssuer(token: string): string | undefined {
  const payload = token.split('.', 2)[1] ?? ''
  if (!base64url.test(payload) || !isCanonical(payload, 0)) return undefined
  const claims = strictObject(Buffer.from(payload, 'base64url'))
  if (typeof claims === 'string') return undefined
  const { iss } = claims
  return typeof iss === 'string' ? iss : undefined
}

function readHeader(bytes: Buffer): Header | string {
  const header = strictObject(bytes)
  if (typeof header === 'string') return `the header ${header}`
  const order = forbidden.find(name => Object.hasOwn(header, name))
  if (order !== undefined) return `the header has '${order}'`
  const { alg, kid, typ, cty } = header
  if (typeof alg !== 'string') return 'the header has no alg'
  if (kid !== undefined && (typeof kid !== 'string' || kid.length > maxKidLength))
    return 'the kid is no text, or too long'
  if (typ !== undefined && typeof typ !== 'string') return 'the typ is no text'
  if (cty !== undefined) return 'a token inside of a token is not read'
  return { algorithm: alg, kid, typ: mediaTypeOf(typ) }
}

/** As RFC 7515, section 4.1.9, compares types. */
export function mediaTypeOf(typ: string | undefined): string | undefined {
  return typ?.toLowerCase().replace(/^application\//, '')
}

const base64url = /^[A-Za-z0-9_-]+$/

/** Whether base64url without padding has no bit left over at its end: each other text of the same bytes would be the same token. */
function isCanonical(text: string, start: number, end: number = text.length): boolean {
  const last = text.charAt(end - 1)
  switch ((end - start) % 4) {
    case 0:
      return true
    case 2:
      return 'AQgw'.includes(last)
    case 3:
      return 'AEIMQUYcgkosw048'.includes(last)
    default:
      return false
  }
}
