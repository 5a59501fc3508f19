// The port of where keys come from: a list, a JWK Set on the network. A token only names a key; what its name leads to is looked up among
// keys that are there already, and nothing else is ever done with it (RFC 8725, 3.10: it may be a path, or SQL).
import type { Awaitable, Failure, Left } from '../../core/index.js'
import { namesOf } from './algorithm.js'
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

/** Keys of one algorithm. */
interface OfAlgorithm {
  /** `undefined` where there are several. */
  only: BoundKey | undefined
  readonly byKid: Map<string, BoundKey>
}

/** Keys that do not change, of which no two have both algorithm and id in common. */
export class KeySet {
  readonly #byAlgorithm: ReadonlyMap<string, OfAlgorithm>
  readonly #hasKids: boolean

  constructor(keys: readonly BoundKey[]) {
    this.#hasKids = keys.some(({ kid }) => kid !== undefined)
    const byAlgorithm = new Map<string, OfAlgorithm>()
    for (const key of keys) {
      for (const name of namesOf(key.algorithm)) {
        const others = byAlgorithm.get(name)
        const of = others ?? { only: key, byKid: new Map() }
        if (others !== undefined) others.only = undefined
        if (key.kid !== undefined) of.byKid.set(key.kid, key)
        byAlgorithm.set(name, of)
      }
    }
    this.#byAlgorithm = byAlgorithm
  }

  /** By its id; a token without one may have the only key of its algorithm, and so may each where no key has an id. */
  find({ algorithm, kid }: KeyHint): BoundKey | undefined {
    const of = this.#byAlgorithm.get(algorithm)
    return kid === undefined || !this.#hasKids ? of?.only : of?.byKid.get(kid)
  }
}

/** A list of keys as a source. Throws `TypeError` for none, for several that cannot be told apart, and for one key under two algorithms. */
export function fixedKeys(keys: JwtKey | readonly JwtKey[], owner: string): KeySource {
  const list = Array.isArray(keys) ? (keys as readonly JwtKey[]) : [keys as JwtKey] // Array.isArray does not know readonly arrays
  const bound = list.map(key => verificationKey(key, owner))
  checkApart(bound, owner)
  const set = new KeySet(bound)
  return { current: () => 0, find: hint => set.find(hint) }
}

function checkApart(keys: readonly BoundKey[], owner: string): void {
  if (keys.length === 0) throw new TypeError(`${owner}: needs a key`)
  const kids = new Set(keys.flatMap(({ kid }) => kid ?? []))
  if (keys.length > 1 && kids.size < keys.length)
    throw new TypeError(`${owner}: of several keys each needs a kid of its own`)
  for (const [i, { key, algorithm }] of keys.entries()) {
    const twin = keys.slice(0, i).find(other => other.algorithm !== algorithm && isSameKey(key, other.key))
    if (twin !== undefined)
      throw new TypeError(`${owner}: one key cannot be for ${twin.algorithm} and for ${algorithm}`)
  }
}

function isSameKey(a: BoundKey['key'], b: BoundKey['key']): boolean {
  return a.type === b.type && a.equals(b)
}
