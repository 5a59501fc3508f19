// One coarse timer for the deadlines of all calls: a setTimeout per call costs more than everything else in a call
// together. Deadlines are rounded up to ticks, so a call never ends early and at most one tick late.
import type { Clock, Timer } from './clock.js'

/** How coarse deadlines are, in ms. */
export const tickMs = 10

/** How many buckets are kept while they are empty: a prime, so that the usual differences of deadlines do not share a place. */
const keptBuckets = 31

/** Something that ends at a deadline. The other fields belong to {@link Deadlines}, and are `undefined` at first. */
export interface Expiring {
  /** ms on the clock; Infinity for none. */
  readonly deadline: number
  nextExpiring: Expiring | undefined
  previousExpiring: Expiring | undefined
  bucket: Bucket | undefined
  expire(): void
}

export interface Bucket {
  readonly tick: number
  first: Expiring | undefined
}

/** A deadline that is not a call's. */
export class Alarm implements Expiring {
  readonly deadline: number
  nextExpiring: Expiring | undefined = undefined
  previousExpiring: Expiring | undefined = undefined
  bucket: Bucket | undefined = undefined
  readonly #onExpire: () => void

  constructor(deadline: number, onExpire: () => void) {
    this.deadline = deadline
    this.#onExpire = onExpire
  }

  expire(): void {
    this.#onExpire()
  }
}

/** Also of a deadline before the clock's beginning: a place below 0 would not be emptied with the others. */
function placeOf(tick: number): number {
  return Math.abs(tick) % keptBuckets
}

/** The deadlines of one clock. */
export class Deadlines {
  readonly clock: Clock
  // By tick; empty ones only where they are kept as well, since the next call most likely needs the same again.
  readonly #buckets: Map<number, Bucket> = new Map()
  readonly #kept: (Bucket | undefined)[] = new Array(keptBuckets).fill(undefined)
  #timer: Timer | undefined
  #timerTick: number = Number.POSITIVE_INFINITY
  /** The platform's setTimeout when the timer was set. */
  #setWith: unknown
  #count = 0

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** How many calls are waited for. */
  get count(): number {
    return this.#count
  }

  add(item: Expiring): void {
    let tick = Math.ceil(item.deadline / tickMs)
    if (tick * tickMs < item.deadline) tick++ // the division was rounded down
    const bucket = this.#bucketOf(tick)
    item.bucket = bucket
    item.nextExpiring = bucket.first
    if (bucket.first !== undefined) bucket.first.previousExpiring = item
    bucket.first = item
    if (++this.#count === 1) this.#timer?.keepAlive(true)
    if (tick < this.#timerTick) this.#arm(tick)
  }

  remove(item: Expiring): void {
    const bucket = item.bucket
    if (bucket === undefined) return
    item.bucket = undefined
    if (item.previousExpiring === undefined) bucket.first = item.nextExpiring
    else item.previousExpiring.nextExpiring = item.nextExpiring
    if (item.nextExpiring !== undefined) item.nextExpiring.previousExpiring = item.previousExpiring
    item.nextExpiring = undefined
    item.previousExpiring = undefined
    if (bucket.first === undefined && this.#kept[placeOf(bucket.tick)] !== bucket) this.#drop(bucket)
    if (--this.#count === 0) this.#timer?.keepAlive(false)
  }

  #bucketOf(tick: number): Bucket {
    const place = placeOf(tick)
    const kept = this.#kept[place]
    if (kept?.tick === tick) return kept
    if (kept !== undefined) this.#drop(kept)
    // Test runners put a setTimeout of their own in the platform's place, and back: a timer set in between may never fire, so look now.
    if (this.#setWith !== setTimeout && this.#timer !== undefined) this.#arm(Number.NEGATIVE_INFINITY)
    let bucket = this.#buckets.get(tick)
    if (bucket === undefined) {
      bucket = { tick, first: undefined }
      this.#buckets.set(tick, bucket)
    }
    this.#kept[place] = bucket
    return bucket
  }

  #drop(bucket: Bucket): void {
    if (bucket.first === undefined && this.#buckets.get(bucket.tick) === bucket) this.#buckets.delete(bucket.tick)
  }

  #arm(tick: number): void {
    this.#timer?.cancel()
    this.#timerTick = tick
    this.#setWith = setTimeout
    this.#timer = this.clock.setTimer(() => this.#fire(), Math.max(0, tick * tickMs - this.clock.now()))
    if (this.#count === 0) this.#timer.keepAlive(false)
  }

  #fire(): void {
    this.#timer = undefined
    this.#timerTick = Number.POSITIVE_INFINITY
    this.#kept.fill(undefined)
    const now = this.clock.now()
    const due: number[] = []
    let next = Number.POSITIVE_INFINITY
    for (const [tick, bucket] of this.#buckets) {
      if (bucket.first === undefined) this.#buckets.delete(tick)
      else if (tick * tickMs <= now) due.push(tick)
      else if (tick < next) next = tick
    }
    if (next !== Number.POSITIVE_INFINITY) this.#arm(next)
    for (const tick of due.sort((a, b) => a - b)) this.#expire(tick)
  }

  #expire(tick: number): void {
    const bucket = this.#buckets.get(tick)
    this.#buckets.delete(tick)
    this.#kept[placeOf(tick)] = undefined
    for (let item = bucket?.first; item !== undefined; item = bucket?.first) {
      this.remove(item)
      item.expire()
    }
  }
}

/** A timer for each deadline, for platforms where timers cannot be shared. */
export class LoneDeadlines extends Deadlines {
  readonly #timers: Map<Expiring, Timer> = new Map()

  override get count(): number {
    return this.#timers.size
  }

  override add(item: Expiring): void {
    const leftMs = Math.max(0, Math.ceil(item.deadline - this.clock.now()))
    this.#timers.set(
      item,
      this.clock.setTimer(() => this.#fire(item), leftMs),
    )
  }

  override remove(item: Expiring): void {
    this.#timers.get(item)?.cancel()
    this.#timers.delete(item)
  }

  #fire(item: Expiring): void {
    this.#timers.delete(item)
    if (this.clock.now() < item.deadline)
      this.add(item) // platforms round
    else item.expire()
  }
}

/**
 * Workers end a request's timers together with it, and tell nobody: a timer for the calls of several requests would leave
 * those without a deadline that go on.
 */
const timersEndWithRequests =
  Reflect.get(Object(Reflect.get(globalThis, 'navigator')), 'userAgent') === 'Cloudflare-Workers'

const ofClock: WeakMap<Clock, Deadlines> = new WeakMap()

/** The deadlines of a clock: always the same for the same clock. */
export function deadlinesOf(clock: Clock): Deadlines {
  let deadlines = ofClock.get(clock)
  if (deadlines === undefined) {
    deadlines = timersEndWithRequests ? new LoneDeadlines(clock) : new Deadlines(clock)
    ofClock.set(clock, deadlines)
  }
  return deadlines
}
