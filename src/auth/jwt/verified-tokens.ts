// Tokens that were verified before. Kept under the hash of the whole token, signature included: a token that differs in one character is
// another one, and a heap dump holds nothing that could be shown to a server.
import { hash } from 'node:crypto'
import { Recent } from '../../store/recent.js'

interface Remembered<C> {
  readonly claims: C
  /** By the wall clock, in ms. */
  readonly until: number
}

/** A bounded memory of what verified tokens say. */
export class VerifiedTokens<C> {
  readonly #max: number
  readonly #recent: Recent<Remembered<C>> = new Recent()
  #version = 0

  constructor(max: number) {
    this.#max = max
  }

  /** What is known of a token that was verified with the set of keys of this version. */
  get(token: string, version: number, now: number): C | undefined {
    if (this.#max === 0 || !this.#isOf(version)) return undefined
    const key = keyOf(token)
    const known = this.#recent.get(key)
    if (known === undefined) return undefined
    if (now < known.until) return known.claims
    this.#recent.delete(key)
    return undefined
  }

  /** Remembers a token until `until`, unless the keys have changed since it was verified. */
  set(token: string, remembered: Remembered<C>, version: number): void {
    if (this.#max > 0 && this.#isOf(version)) this.#recent.set(keyOf(token), remembered, this.#max)
  }

  /** Forgets everything where the keys are newer; false where they are older than those that this remembers of. */
  #isOf(version: number): boolean {
    if (version > this.#version) {
      this.#recent.clear()
      this.#version = version
    }
    return version === this.#version
  }
}

function keyOf(token: string): string {
  return hash('sha256', token, 'base64')
}
