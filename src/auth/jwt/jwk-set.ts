// A JWK Set, of which what cannot be used is left aside (RFC 7517, section 5): other key types, keys to encrypt with, weak ones. A set of
// which nothing is left is no set, so that a mistake of the issuer's does not become an answer.
import type { JsonWebKey } from 'node:crypto'
import { type Algorithm, isSameAlgorithm, keyRuleOf } from './algorithm.js'
import { type BoundKey, verificationKey } from './key.js'
import { KeySet } from './key-source.js'

/** So many keys of a set are looked at. */
const maxKeys = 100

/** The keys of a set that are for these algorithms. Throws `TypeError` for what is no set, and for one without any. */
export function keysOf(text: string, algorithms: readonly Algorithm[]): KeySet {
  let set: unknown
  try {
    set = JSON.parse(text)
  } catch {
    throw new TypeError('jwks: the answer is not JSON')
  }
  const keys: unknown = typeof set === 'object' && set !== null ? Reflect.get(set, 'keys') : undefined
  if (!Array.isArray(keys)) throw new TypeError('jwks: the answer is no JWK Set')
  if (keys.length > maxKeys) throw new RangeError(`jwks: the set has more than ${maxKeys} keys`)
  const usable = keys.flatMap(key => usableKey(key, algorithms) ?? [])
  const apart = usable.filter(({ kid }) => kid === undefined || usable.filter(other => other.kid === kid).length === 1)
  if (apart.length === 0) throw new TypeError(`jwks: the set has no key for ${algorithms.join(', ')}`)
  return new KeySet(apart, 'jwks')
}

function usableKey(jwk: unknown, algorithms: readonly Algorithm[]): BoundKey | undefined {
  if (typeof jwk !== 'object' || jwk === null) return undefined
  const given = jwk as JsonWebKey // each member is looked at before it is used
  const { alg, use, key_ops: operations, kid, kty, crv } = given
  if (use !== undefined && use !== 'sig') return undefined
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify'))) return undefined
  const fits = (algorithm: Algorithm): boolean => {
    if (alg !== undefined) return typeof alg === 'string' && isSameAlgorithm(alg, algorithm)
    const rule = keyRuleOf(algorithm, 'jwks')
    if (rule.family === 'ec') return kty === 'EC' && crv === rule.jwkCurve
    return rule.family === 'ed25519' ? kty === 'OKP' && crv === 'Ed25519' : kty === 'RSA'
  }
  const algorithm = algorithms.find(fits)
  if (algorithm === undefined) return undefined
  try {
    return verificationKey({ algorithm, key: given, ...(kid !== undefined && { kid: kid as string }) }, 'jwks') // which checks it
  } catch {
    return undefined
  }
}
