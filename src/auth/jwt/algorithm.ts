// The algorithms that tokens may be signed with (RFC 7518, RFC 8037), and what each needs of a key. `none` is not among them, so that
// there is no way to ask for it.

/** A JWS algorithm. `EdDSA` and `Ed25519` (RFC 9864) are the same one, under its old and its new name. */
export type Algorithm =
  | 'HS256'
  | 'HS384'
  | 'HS512'
  | 'RS256'
  | 'RS384'
  | 'RS512'
  | 'PS256'
  | 'PS384'
  | 'PS512'
  | 'ES256'
  | 'ES384'
  | 'ES512'
  | 'EdDSA'
  | 'Ed25519'

/** What an algorithm asks of its key. */
export type KeyRule =
  | { readonly family: 'hmac'; readonly minBytes: number }
  | { readonly family: 'rsa' | 'rsa-pss' }
  | { readonly family: 'ec'; readonly curve: string; readonly jwkCurve: string }
  | { readonly family: 'ed25519' }

const rules: readonly (readonly [Algorithm, KeyRule])[] = [
  ['HS256', { family: 'hmac', minBytes: 32 }],
  ['HS384', { family: 'hmac', minBytes: 48 }],
  ['HS512', { family: 'hmac', minBytes: 64 }],
  ['RS256', { family: 'rsa' }],
  ['RS384', { family: 'rsa' }],
  ['RS512', { family: 'rsa' }],
  ['PS256', { family: 'rsa-pss' }],
  ['PS384', { family: 'rsa-pss' }],
  ['PS512', { family: 'rsa-pss' }],
  ['ES256', { family: 'ec', curve: 'prime256v1', jwkCurve: 'P-256' }],
  ['ES384', { family: 'ec', curve: 'secp384r1', jwkCurve: 'P-384' }],
  ['ES512', { family: 'ec', curve: 'secp521r1', jwkCurve: 'P-521' }],
  ['EdDSA', { family: 'ed25519' }],
  ['Ed25519', { family: 'ed25519' }],
]

const byName: ReadonlyMap<string, KeyRule> = new Map(rules)

/** What an algorithm asks of its key. Throws `TypeError` for a name that is none, `none` included. */
export function keyRuleOf(algorithm: string, owner: string): KeyRule {
  const rule = byName.get(algorithm)
  if (rule === undefined)
    throw new TypeError(
      `${owner}: algorithm must be one of ${[...byName.keys()].join(', ')}, got '${String(algorithm)}'`,
    )
  return rule
}

/** Whether two algorithms are the same one. */
export function isSameAlgorithm(a: string, b: string): boolean {
  return a === b || (byName.get(a)?.family === 'ed25519' && byName.get(b)?.family === 'ed25519')
}

/** Each name of an algorithm. */
export function namesOf(algorithm: Algorithm): readonly string[] {
  return [...byName.keys()].filter(name => isSameAlgorithm(name, algorithm))
}
