// The numbers themselves. This is all that a call pays for: no look-up, no allocation, one typed array of each series.
import type { HistogramReading, ValueReading } from './family.js'
import type { Counter, Gauge, Histogram } from './instrument.js'

/** What every series is made with. */
export interface SeriesInit {
  readonly labels: Readonly<Record<string, string>>
  readonly buckets: readonly number[]
  /** A value was left out. */
  readonly reject: () => void
}

/** A series of a counter or a gauge. */
export class ValueSeries implements Counter, Gauge {
  readonly labels: Readonly<Record<string, string>>
  readonly #cell: Float64Array = new Float64Array(1)
  readonly #reject: () => void
  readonly #least: number

  constructor({ labels, reject }: SeriesInit, isCounter: boolean) {
    this.labels = labels
    this.#reject = reject
    this.#least = isCounter ? 0 : -Number.MAX_VALUE
  }

  add(amount: number = 1): void {
    if (typeof amount === 'number' && amount >= this.#least && amount <= Number.MAX_VALUE)
      this.#cell[0] = (this.#cell[0] ?? 0) + amount
    else this.#reject()
  }

  set(value: number): void {
    if (isCountable(value)) this.#cell[0] = value
    else this.#reject()
  }

  read(): ValueReading {
    return { labels: this.labels, value: this.#cell[0] ?? 0 }
  }
}

/** A series of a histogram. */
export class HistogramSeries implements Histogram {
  readonly labels: Readonly<Record<string, string>>
  readonly #buckets: Float64Array
  /** How many values are in each bucket, and behind those their sum. */
  readonly #cells: Float64Array
  readonly #reject: () => void
  #taps: readonly ((value: number) => void)[] | undefined

  constructor({ labels, buckets, reject }: SeriesInit) {
    this.labels = labels
    this.#buckets = Float64Array.from(buckets)
    this.#cells = new Float64Array(buckets.length + 2)
    this.#reject = reject
  }

  observe(value: number): void {
    if (!isCountable(value)) {
      this.#reject()
      return
    }
    const buckets = this.#buckets
    const cells = this.#cells
    const at = buckets.length <= 32 ? fromBelow(buckets, value) : byHalves(buckets, value)
    const sumAt = buckets.length + 1
    cells[at] = (cells[at] ?? 0) + 1
    cells[sumAt] = (cells[sumAt] ?? 0) + value
    if (this.#taps !== undefined) for (const tap of this.#taps) tap(value)
  }

  read(): HistogramReading {
    const counts = [...this.#cells.subarray(0, -1)]
    const sum = this.#cells[this.#cells.length - 1] ?? 0
    return { labels: this.labels, sum, count: counts.reduce((all, each) => all + each, 0), counts }
  }

  /** Calls `tap` with each value from now on; returns what ends that. */
  tap(tap: (value: number) => void): () => void {
    this.#taps = [...(this.#taps ?? []), tap]
    return () => {
      const left = this.#taps?.filter(each => each !== tap) ?? []
      this.#taps = left.length === 0 ? undefined : left
    }
  }
}

/** Most values are small, and most histograms have a dozen buckets. */
function fromBelow(buckets: Float64Array, value: number): number {
  let at = 0
  while (at < buckets.length && value > (buckets[at] ?? 0)) at++
  return at
}

function byHalves(buckets: Float64Array, value: number): number {
  let [from, to] = [0, buckets.length]
  while (from < to) {
    const middle = (from + to) >>> 1
    if (value > (buckets[middle] ?? 0)) from = middle + 1
    else to = middle
  }
  return from
}

/** A finite number, whatever types have promised: text would be appended, and a bigint throw. */
function isCountable(value: number): boolean {
  return typeof value === 'number' && value >= -Number.MAX_VALUE && value <= Number.MAX_VALUE
}
