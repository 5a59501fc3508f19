// What has happened since it was last asked, for backends that are told of intervals: how much a counter grew, and which values a
// histogram had. Kept by series, and as long as the series is.
import type { HistogramReading, ValueReading } from './family.js'

/** The readings before, by the labels of their series, which are one object for each. */
export class Intervals {
  readonly #values: WeakMap<object, number> = new WeakMap()
  readonly #counts: WeakMap<object, readonly number[]> = new WeakMap()

  /** How much a counter has grown. */
  growth({ labels, value }: ValueReading): number {
    const before = this.#values.get(labels) ?? 0
    this.#values.set(labels, value)
    return value - before
  }

  /** How many more values are in each bucket of a histogram. */
  added({ labels, counts }: HistogramReading): readonly number[] {
    const before = this.#counts.get(labels)
    this.#counts.set(labels, counts)
    return counts.map((count, i) => count - (before?.[i] ?? 0))
  }
}

/**
 * The value that `share` of the values do not exceed, in the way of Prometheus' `histogram_quantile`: they are taken to lie evenly in their
 * bucket, and above the last bound it is that bound. `undefined` where there are no values or no buckets.
 */
export function quantile(share: number, buckets: readonly number[], counts: readonly number[]): number | undefined {
  const total = counts.reduce((sum, count) => sum + count, 0)
  const last = buckets.at(-1)
  if (total === 0 || last === undefined) return undefined
  const wanted = share * total
  let below = 0
  for (const [i, upper] of buckets.entries()) {
    const count = counts[i] ?? 0
    if (below + count >= wanted && count > 0) {
      const lower = buckets[i - 1] ?? Math.min(0, upper)
      return lower + (upper - lower) * ((wanted - below) / count)
    }
    below += count
  }
  return last
}

/** The shares that are sent, by name. */
const shares = { p50: 0.5, p95: 0.95, p99: 0.99 } as const

/** The quantiles of an interval, by name; none where it had no values. */
export function quantiles(
  buckets: readonly number[],
  counts: readonly number[],
): readonly (readonly [string, number])[] {
  return Object.entries(shares).flatMap(([name, share]) => {
    const value = quantile(share, buckets, counts)
    return value === undefined ? [] : [[name, value] as const]
  })
}
