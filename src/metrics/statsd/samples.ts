// Values of a histogram between two sendings, for servers that aggregate themselves: all of them while there are few, a fair sample
// beyond (Vitter's algorithm R), so that a busy minute takes no more memory than a quiet one.
import type { Random } from '../../core/index.js'

/** Keeps values. */
export class Samples {
  readonly #max: number
  readonly #random: Random
  #values: number[] = []
  #seen = 0

  constructor(max: number, random: Random) {
    this.#max = max
    this.#random = random
  }

  add(value: number): void {
    this.#seen++
    if (this.#values.length < this.#max) {
      this.#values.push(value)
      return
    }
    const place = Math.floor(this.#random.next() * this.#seen)
    if (place < this.#max) this.#values[place] = value
  }

  /** What there is, and which share of all it is; then it begins anew. */
  take(): { readonly values: readonly number[]; readonly share: number } {
    const taken = { values: this.#values, share: this.#seen === 0 ? 1 : this.#values.length / this.#seen }
    this.#values = []
    this.#seen = 0
    return taken
  }
}
