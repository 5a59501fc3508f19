// What happened lately, counted by kind: over a time (ten buckets, as Hystrix and Finagle keep them, so that counting costs the
// same however much there is to count) or over so many of the last ones.

/** Counts of the last time, or of the last so many. The columns are the caller's: calls, failures. */
export interface Window {
  /** Forgets what is too old at `now`. */
  advance(now: number): void
  /** Counts one in each column whose bit is set in `columns`. */
  count(columns: number): void
  /** How many are in the window, as of the last {@link advance}. */
  total(column: number): number
  /** Empties it. */
  clear(): void
}

const bucketCount = 10

/** The last `windowMs`, of which the oldest tenth goes at once. Its clock never goes back. */
export class TimeWindow implements Window {
  readonly #columns: number
  readonly #totals: number[]
  /** One row of columns for each bucket, used in turn. */
  readonly #buckets: number[]
  #bucketMs: number
  /** The number of the bucket that is counted in: time by `#bucketMs`. */
  #current = Number.NEGATIVE_INFINITY
  /** Where its row begins. */
  #row = 0
  /** Until when a call is certainly counted in it: most come within the bucket of the last. */
  #certainUntil = Number.NEGATIVE_INFINITY

  constructor(windowMs: number, columns: number) {
    this.#columns = columns
    this.#bucketMs = windowMs / bucketCount
    this.#totals = new Array<number>(columns).fill(0)
    this.#buckets = new Array<number>(columns * bucketCount).fill(0)
  }

  advance(now: number): void {
    if (now < this.#certainUntil) return
    const bucket = Math.floor(now / this.#bucketMs)
    if (bucket <= this.#current) return
    if (bucket - this.#current >= bucketCount) this.clear()
    else for (let each = this.#current + 1; each <= bucket; each++) this.#empty(this.#rowOf(each))
    this.#moveTo(bucket)
  }

  #moveTo(bucket: number): void {
    this.#current = bucket
    this.#row = this.#rowOf(bucket)
    this.#certainUntil = (bucket + 1) * this.#bucketMs * (1 - 2 ** -50) // the division in advance may round up
  }

  count(columns: number): void {
    for (let column = 0, left = columns; left !== 0; column++, left >>= 1) {
      if ((left & 1) === 0) continue
      const at = this.#row + column
      this.#buckets[at] = (this.#buckets[at] as number) + 1
      this.#totals[column] = (this.#totals[column] as number) + 1
    }
  }

  total(column: number): number {
    return this.#totals[column] as number // within the array, as all indices here
  }

  clear(): void {
    this.#totals.fill(0)
    this.#buckets.fill(0)
  }

  /** Another length, from `now` on: what was counted stays, in the bucket that its own began in. */
  resize(windowMs: number, now: number): void {
    this.advance(now)
    const [newest, oldMs] = [this.#current, this.#bucketMs]
    const old = this.#buckets.slice()
    this.clear()
    this.#bucketMs = windowMs / bucketCount
    this.#moveTo(Math.floor(now / this.#bucketMs))
    for (let bucket = newest - bucketCount + 1; bucket <= newest; bucket++) {
      const moved = Math.min(Math.floor((bucket * oldMs) / this.#bucketMs), this.#current) // the product may have been rounded up
      if (moved <= this.#current - bucketCount) continue
      const [from, to] = [this.#rowOf(bucket), this.#rowOf(moved)]
      for (let column = 0; column < this.#columns; column++) this.#add(to + column, old[from + column] as number)
    }
  }

  #rowOf(bucket: number): number {
    return (((bucket % bucketCount) + bucketCount) % bucketCount) * this.#columns
  }

  #add(at: number, count: number): void {
    this.#buckets[at] = (this.#buckets[at] as number) + count
    const column = at % this.#columns
    this.#totals[column] = (this.#totals[column] as number) + count
  }

  #empty(row: number): void {
    for (let column = 0; column < this.#columns; column++)
      this.#add(row + column, -(this.#buckets[row + column] as number))
  }
}

/** The last `size`, however long ago they were. */
export class CountWindow implements Window {
  readonly #totals: number[]
  #ring: Uint8Array
  #next = 0
  #filled = 0

  constructor(size: number, columns: number) {
    this.#totals = new Array<number>(columns).fill(0)
    this.#ring = new Uint8Array(size)
  }

  advance(): void {}

  count(columns: number): void {
    if (this.#filled === this.#ring.length)
      this.#add(this.#ring[this.#next] as number, -1) // within the array
    else this.#filled++
    this.#ring[this.#next] = columns
    this.#next = (this.#next + 1) % this.#ring.length
    this.#add(columns, 1)
  }

  total(column: number): number {
    return this.#totals[column] as number // within the array
  }

  clear(): void {
    this.#totals.fill(0)
    this.#filled = 0
  }

  /** Another size: the latest stay. */
  resize(size: number): void {
    const { length } = this.#ring
    const kept = Math.min(this.#filled, size)
    const latest = Array.from(
      { length: kept },
      (_, i) => this.#ring[(this.#next - kept + i + length) % length] as number,
    )
    this.clear()
    this.#ring = new Uint8Array(size)
    this.#next = 0
    for (const columns of latest) this.count(columns)
  }

  #add(columns: number, count: number): void {
    for (let column = 0; column < this.#totals.length; column++) {
      if ((columns & (1 << column)) !== 0) this.#totals[column] = (this.#totals[column] as number) + count
    }
  }
}
