// The port of where keys come from: a list, a JWK Set on the network. A token only names a key; what its name leads to is looked up among
// keys that are there already, and nothing else is ever done with it (RFC 8725, 3.10: it may be a path, or SQL).
import type { Awaitable, Failure, Left } from '../../core/index.js'
import { isSameAlgorithm } from './algorithm.js'
import { type BoundKey, type JwtKey, verificationKey } from './key.js'

/** What a token says of its key. */
export interface KeyHint {
  readonly algorithm: string
  /** `undefined` where the token names none. */
  readonly kid: string | undefined
}

/** Where the keys are that tokens are verified with: {@link jwks} makes one. */
export interface KeySource {
  /**
   * The number of the set of keys, another one whenever a key has come or gone: tokens that were verified with another set are verified
   * anew. `undefined` where the set has to be confirmed first. Asked for every token, remembered ones too.
   */
  current(): number | undefined
  /** The key; `undefined` where there is none for such a token, or more than one; a failure where it cannot be told now. */
  find(hint: KeyHint): Awaitable<BoundKey | Left<Failure> | undefined>
}

/** Keys that do not change. */
export class KeySet {
  readonly #keys: readonly BoundKey[]
  readonly #byKid: ReadonlyMap<string, BoundKey>

  /** Throws `TypeError` for none, for several that cannot be told apart, and for one key under two algorithms. */
  constructor(keys: readonly BoundKey[], owner: string) {
    if (keys.length === 0) throw new TypeError(`${owner}: needs a key`)
    this.#keys = keys
    this.#byKid = new Map(keys.flatMap(key => (key.kid === undefined ? [] : [[key.kid, key] as const])))
    if (keys.length > 1 && this.#byKid.size < keys.length)
      throw new TypeError(`${owner}: of several keys each needs a kid of its own`)
    for (const [i, { key, algorithm }] of keys.entries()) {
      const twin = keys.slice(0, i).find(other => other.algorithm !== algorithm && isSameKey(key, other.key))
      if (twin !== undefined)
        throw new TypeError(`${owner}: one key cannot be for ${twin.algorithm} and for ${algorithm}`)
    }
  }

  /** By its id; a token without one may have the only key of its algorithm, and an only key without an id fits every token. */
  find({ algorithm, kid }: KeyHint): BoundKey | undefined {
    const found = kid === undefined || this.#byKid.size === 0 ? this.#onlyOf(algorithm) : this.#byKid.get(kid)
    return found !== undefined && isSameAlgorithm(found.algorithm, algorithm) ? found : undefined
  }

  #onlyOf(algorithm: string): BoundKey | undefined {
    let found: BoundKey | undefined
    for (const key of this.#keys) {
      if (!isSameAlgorithm(key.algorithm, algorithm)) continue
      if (found !== undefined) return undefined
      found = key
    }
    return found
  }
}

function isSameKey(a: BoundKey['key'], b: BoundKey['key']): boolean {
  return a.type === b.type && a.equals(b)
}

/** A list of keys as a source. Throws as {@link KeySet} does. */
export function fixedKeys(keys: JwtKey | readonly JwtKey[], owner: string): KeySource {
  const list = Array.isArray(keys) ? (keys as readonly JwtKey[]) : [keys as JwtKey] // Array.isArray does not know readonly arrays
  const set = new KeySet(
    list.map(key => verificationKey(key, owner)),
    owner,
  )
  return { current: () => 0, find: hint => set.find(hint) }
}
