// A key and the one algorithm it is for, made and judged once, at construction. A key that knows its algorithm cannot be talked into
// another by a token (RFC 8725, 3.1): not an RSA key into HMAC, whose secret would be public.
import { createPrivateKey, createPublicKey, createSecretKey, type JsonWebKey, KeyObject } from 'node:crypto'
import { type Algorithm, type KeyRule, keyRuleOf } from './algorithm.js'
import { needJose } from './jose.js'

/** A key of one algorithm. */
export interface JwtKey {
  /** The one algorithm that the key is for. */
  readonly algorithm: Algorithm
  /**
   * For HS256, HS384, HS512 the secret, as long as the hash at least: 32, 48, 64 bytes; text counts as UTF-8. For all others a PEM text
   * or a JWK: the public key for {@link jwt}, the private one for {@link signer}. RSA needs 2,048 to 8,192 bits, ES256 P-256, ES384
   * P-384, ES512 P-521, EdDSA Ed25519. A `KeyObject` of Node is taken as it is.
   */
  readonly key: KeyObject | string | Uint8Array | JsonWebKey
  /** Which key it is among several, as tokens name it. At most 256 characters. @defaultValue it is the only one */
  readonly kid?: string
}

/** A key that has been judged. */
export interface BoundKey {
  readonly algorithm: Algorithm
  readonly kid: string | undefined
  readonly key: KeyObject
}

/** The longest key id, of keys and of tokens. */
export const maxKidLength = 256

/** The key to verify with. Throws `TypeError` for one that is of another kind, private, or too weak. */
export function verificationKey(given: JwtKey, owner: string): BoundKey {
  return bound(given, owner, 'public')
}

/** The key to sign with. Throws `TypeError` for one that is of another kind, public, or too weak. */
export function signingKey(given: JwtKey, owner: string): BoundKey {
  return bound(given, owner, 'private')
}

type Half = 'public' | 'private'

function bound(given: JwtKey, owner: string, half: Half): BoundKey {
  if (typeof given !== 'object' || given === null) throw new TypeError(`${owner}: a key is { algorithm, key }`)
  const { algorithm, kid } = given
  const rule = keyRuleOf(algorithm, owner)
  if (kid !== undefined && (typeof kid !== 'string' || kid === '' || kid.length > maxKidLength))
    throw new TypeError(`${owner}: kid must be text of 1 to ${maxKidLength} characters`)
  if (rule.family === 'ed25519') needJose(owner)
  const key = rule.family === 'hmac' ? secretOf(given, owner) : asymmetricOf(given, owner, half)
  const weakness = weaknessOf(key, rule)
  if (weakness !== undefined) throw new TypeError(`${owner}: ${algorithm} needs ${weakness}`)
  return { algorithm, kid, key }
}

function secretOf({ algorithm, key }: JwtKey, owner: string): KeyObject {
  if (key instanceof KeyObject && key.type === 'secret') return key
  // A public key is no secret, though it is text or bytes and long enough.
  const bytes = typeof key === 'string' ? Buffer.from(key, 'utf8') : key instanceof Uint8Array ? key : octetsOf(key)
  if (bytes === undefined || looksAsymmetric(bytes))
    throw new TypeError(`${owner}: ${algorithm} needs a secret, not one half of a key pair`)
  if (bytes.length === 0) throw new TypeError(`${owner}: ${algorithm} needs a secret, got an empty one`)
  return createSecretKey(bytes)
}

function octetsOf(key: KeyObject | JsonWebKey): Uint8Array | undefined {
  return !(key instanceof KeyObject) && key.kty === 'oct' && typeof key.k === 'string'
    ? Buffer.from(key.k, 'base64url')
    : undefined
}

function looksAsymmetric(bytes: Uint8Array): boolean {
  if (Buffer.from(bytes).includes('-----BEGIN')) return true
  for (const type of ['spki', 'pkcs1'] as const) {
    try {
      createPublicKey({ key: Buffer.from(bytes), format: 'der', type })
      return true
    } catch {
      // It is not that either.
    }
  }
  return false
}

function asymmetricOf({ algorithm, key }: JwtKey, owner: string, half: Half): KeyObject {
  const made = key instanceof KeyObject ? key : parsed(key, owner, half)
  if (made.type === half) return made
  if (made.type === 'secret') throw new TypeError(`${owner}: ${algorithm} needs a key pair, not a secret`)
  const advice = half === 'public' ? 'whoever verifies must not be able to sign' : 'the public half cannot sign'
  throw new TypeError(`${owner}: ${algorithm} needs the ${half} key here: ${advice}`)
}

function parsed(key: string | Uint8Array | JsonWebKey, owner: string, half: Half): KeyObject {
  const input =
    typeof key === 'string' || key instanceof Uint8Array ? Buffer.from(key) : ({ key, format: 'jwk' } as const)
  try {
    return isPrivate(key) ? createPrivateKey(input) : createPublicKey(input)
  } catch {
    // What Node says is left out: it may quote the key.
    throw new TypeError(`${owner}: this is no ${half} key, neither as PEM nor as a JWK`)
  }
}

function isPrivate(key: string | Uint8Array | JsonWebKey): boolean {
  return typeof key === 'string' || key instanceof Uint8Array
    ? Buffer.from(key).includes('PRIVATE KEY-----')
    : key.d !== undefined
}

/** What a key would have to be instead; undefined where it will do. */
function weaknessOf(key: KeyObject, rule: KeyRule): string | undefined {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details = {} } = key
  switch (rule.family) {
    case 'hmac':
      return (key.symmetricKeySize ?? 0) < rule.minBytes
        ? `a secret of ${rule.minBytes} bytes at least, got ${key.symmetricKeySize}`
        : undefined
    case 'rsa':
    case 'rsa-pss': {
      if (type !== 'rsa' && type !== rule.family) return `an RSA key, got ${type}`
      const { modulusLength = 0, publicExponent = 0n } = details
      if (modulusLength < 2_048 || modulusLength > 8_192) return `an RSA key of 2048 to 8192 bits, got ${modulusLength}`
      return publicExponent < 3n ? 'an RSA key with an exponent of 3 at least' : undefined
    }
    case 'ec':
      return type !== 'ec' || details.namedCurve !== rule.curve
        ? `a key on ${rule.jwkCurve}, got ${details.namedCurve ?? type}`
        : undefined
    case 'ed25519':
      return type === 'ed25519' ? undefined : `an Ed25519 key, got ${type}`
  }
}
