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
  get(token: string, version: number | undefined, now: number): C | undefined {
    if (!this.#isOf(version)) return undefined
    const key = keyOf(token)
    const known = this.#recent.get(key)
    if (known === undefined) return undefined
    if (now < known.until) return known.claims
    this.#recent.delete(key)
    return undefined
  }

  /** Remembers a token until `until`, unless the keys have changed since it was verified. */
  set(token: string, remembered: Remembered<C>, version: number | undefined): void {
    if (this.#max > 0 && this.#isOf(version)) this.#recent.set(keyOf(token), remembered, this.#max)
  }

  /** Whether this remembers tokens of that set; what it remembers of another one it forgets. */
  #isOf(version: number | undefined): boolean {
    if (version === undefined) return false
    if (version !== this.#version) this.#recent.clear()
    this.#version = version
    return true
  }
}

function keyOf(token: string): string {
  return hash('sha256', token, 'binary') // 32 characters: one line of the processor's cache
}
