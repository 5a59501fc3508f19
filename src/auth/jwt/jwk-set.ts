// A JWK Set, of which what cannot be used is left aside (RFC 7517, section 5): other key types, keys to encrypt with, weak ones. A set of
// which nothing is left is no set, so that a mistake of the issuer's does not become an answer.
import type { JsonWebKey } from 'node:crypto'
import { type Algorithm, isSameAlgorithm, keyRuleOf } from './algorithm.js'
import { type BoundKey, verificationKey } from './key.js'
import { KeySet } from './key-source.js'

/** So many keys of a set are looked at; making one of a JWK costs up to a millisecond. */
const maxKeys = 1_000

/** The keys of a set that are for these algorithms. Throws `TypeError` for what is no set, and for one without any. */
export function keysOf(text: string, algorithms: readonly Algorithm[]): KeySet {
  let set: unknown
  try {
    set = JSON.parse(text)
  } catch {
    throw new TypeError('jwks: the answer is not JSON')
  }
  const members: unknown = typeof set === 'object' && set !== null ? Reflect.get(set, 'keys') : undefined
  if (!Array.isArray(members)) throw new TypeError('jwks: the answer is no JWK Set')
  const keys = members.slice(0, maxKeys).flatMap(member => usableKey(member, algorithms) ?? [])
  const usable = toldApart(withOneAlgorithm(keys, algorithms))
  if (usable.length === 0) throw new TypeError(`jwks: the set has no key for ${algorithms.join(', ')}`)
  return new KeySet(usable)
}

/** A key that is there for several algorithms is for the first of ours, as one is that names none (RFC 8725, section 3.1). */
function withOneAlgorithm(keys: readonly BoundKey[], algorithms: readonly Algorithm[]): readonly BoundKey[] {
  const chosen = new Map<string, Algorithm>()
  const named = keys.map(key => ({ key, name: publicNameOf(key) }))
  const rank = (algorithm: Algorithm): number => algorithms.findIndex(each => isSameAlgorithm(each, algorithm))
  for (const { key, name } of named) {
    const known = chosen.get(name)
    if (known === undefined || rank(key.algorithm) < rank(known)) chosen.set(name, key.algorithm)
  }
  return named.filter(({ key, name }) => chosen.get(name) === key.algorithm).map(({ key }) => key)
}

/** Without those that a token cannot choose between: of one algorithm, and of one id or of none. A key that is there twice is one. */
function toldApart(keys: readonly BoundKey[]): readonly BoundKey[] {
  const byHint = new Map<string, BoundKey | 'several'>()
  for (const key of keys) {
    const hint = JSON.stringify([key.algorithm, key.kid])
    const known = byHint.get(hint)
    if (known === undefined) byHint.set(hint, key)
    else if (known === 'several' || publicNameOf(known) !== publicNameOf(key)) byHint.set(hint, 'several')
  }
  return [...byHint.values()].filter(key => key !== 'several')
}

/** The same for the same key only. */
function publicNameOf({ key }: BoundKey): string {
  return key.export({ type: 'spki', format: 'der' }).toString('base64')
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
