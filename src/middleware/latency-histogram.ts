// Latencies of the recent past, for quantiles: counts in buckets whose width grows with the value (after HdrHistogram), so that adding
// costs an increment and no sample is kept. Two halves of the window are counted apart, and the older one is dropped as a whole.

/** Buckets per doubling: a quantile is at most 1/16 too high. */
const perDoubling = 16
/** The least that is told apart, in ms. */
const leastMs = 0.01
/** Up to some 10 minutes. */
const buckets = 26 * perDoubling

/** A histogram of the last `windowMs`. */
export class LatencyHistogram {
  #current: Uint32Array = new Uint32Array(buckets)
  #previous: Uint32Array = new Uint32Array(buckets)
  #currentCount = 0
  #previousCount = 0
  #since = Number.NEGATIVE_INFINITY
  #quantileOf = Number.NaN
  #quantile = 0
  #untilAsked = 0

  /** Counts one. @param now - ms on the clock that all calls share */
  add(latencyMs: number, now: number, windowMs: number): void {
    this.#turn(now, windowMs)
    const index = Math.floor(Math.log2(Math.max(latencyMs, leastMs) / leastMs) * perDoubling)
    const bucket = Math.min(buckets - 1, index)
    this.#current[bucket] = (this.#current[bucket] ?? 0) + 1
    this.#currentCount++
    this.#untilAsked--
  }

  /** How many there are. */
  count(now: number, windowMs: number): number {
    this.#turn(now, windowMs)
    return this.#currentCount + this.#previousCount
  }

  /** The latency, in ms, that `share` of them do not exceed. Worked out anew for every 64th that was added. */
  quantile(share: number, now: number, windowMs: number): number {
    this.#turn(now, windowMs)
    if (this.#untilAsked > 0 && this.#quantileOf === share) return this.#quantile
    this.#untilAsked = 64
    this.#quantileOf = share
    this.#quantile = this.#find(share)
    return this.#quantile
  }

  /** The mean, in ms, within half a bucket; 0 where there are none. */
  mean(now: number, windowMs: number): number {
    const count = this.count(now, windowMs)
    let sum = 0
    for (let i = 0; i < buckets; i++)
      sum += ((this.#current[i] ?? 0) + (this.#previous[i] ?? 0)) * leastMs * 2 ** ((i + 0.5) / perDoubling)
    return count === 0 ? 0 : sum / count
  }

  #find(share: number): number {
    const wanted = share * (this.#currentCount + this.#previousCount)
    let seen = 0
    for (let i = 0; i < buckets; i++) {
      seen += (this.#current[i] ?? 0) + (this.#previous[i] ?? 0)
      if (seen >= wanted) return leastMs * 2 ** ((i + 1) / perDoubling)
    }
    return leastMs * 2 ** (buckets / perDoubling)
  }

  #turn(now: number, windowMs: number): void {
    const passed = now - this.#since
    if (passed < windowMs / 2) return
    const emptied = this.#previous.fill(0)
    this.#previous = passed < windowMs ? this.#current : emptied
    this.#previousCount = passed < windowMs ? this.#currentCount : 0
    this.#current = passed < windowMs ? emptied : this.#current.fill(0)
    this.#currentCount = 0
    this.#since = now
    this.#untilAsked = 0
  }
}
