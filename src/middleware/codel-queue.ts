// A queue for calls that knows a burst from an overload: as long as it is empty now and then, calls may wait; when it has not been for a
// while, waiting is no use, and it takes the newest, whose caller is still there. CoDel and adaptive LIFO as Facebook runs them ("Fail
// at Scale", ACM Queue 2015).
import type { Clock, Timer } from '../core/index.js'

/** What waits. */
export interface Waiting {
  /** Less important ones give way to more important ones. */
  readonly priority: number
  /** Its turn has come. */
  admit(): void
  /** It has waited too long, or has given way. */
  drop(): void
}

/** How long calls may wait. */
export interface QueueLimits {
  readonly maxQueue: number
  /** ms that a call may wait while the queue has not been empty for `intervalMs`. */
  readonly targetMs: number
  /** ms that a call may wait otherwise. */
  readonly intervalMs: number
}

interface Entry {
  readonly waiting: Waiting
  readonly since: number
}

/** Calls that wait for a place. */
export class CodelQueue {
  /** Oldest first. */
  readonly #entries: Entry[] = []
  readonly #limits: () => QueueLimits
  #clock: Clock | undefined
  #emptyAt = Number.NEGATIVE_INFINITY
  #timer: Timer | undefined
  #timerAt: number | undefined

  constructor(limits: () => QueueLimits) {
    this.#limits = limits
  }

  get length(): number {
    return this.#entries.length
  }

  /** Lets a call wait; when the queue is full, the least important call gives way, which may be this one. Returns what takes it out. */
  add(waiting: Waiting, clock: Clock): () => void {
    const now = clock.now()
    this.#clock = clock
    if (this.#entries.length === 0) this.#emptyAt = now
    const entry: Entry = { waiting, since: now }
    this.#entries.push(entry)
    while (this.#entries.length > this.#limits().maxQueue) this.#dropLeast()
    this.#arm()
    return () => void this.#remove(entry)
  }

  /** Whether somebody waits whom one that is so important may not overtake. */
  holdsBack(priority: number): boolean {
    return this.#entries.some(({ waiting }) => waiting.priority >= priority)
  }

  /**
   * A place may be free: who gets it?
   * @param isFree - whether there is a place for one that is so important
   * @returns whether somebody did
   */
  admit(isFree: (priority: number) => boolean): boolean {
    this.#dropLate()
    const entry = this.#next()
    if (entry === undefined || !isFree(entry.waiting.priority)) return false
    this.#remove(entry)
    entry.waiting.admit()
    return true
  }

  get #now(): number {
    return this.#clock?.now() ?? 0
  }

  get #isOverloaded(): boolean {
    return this.#now - this.#emptyAt >= this.#limits().intervalMs
  }

  #next(): Entry | undefined {
    const isNewestFirst = this.#isOverloaded
    let best: Entry | undefined
    for (const entry of this.#entries) {
      const { priority } = entry.waiting
      const bestPriority = best?.waiting.priority ?? Number.NEGATIVE_INFINITY
      if (priority > bestPriority || (isNewestFirst && priority === bestPriority)) best = entry
    }
    return best
  }

  #dropLeast(): void {
    let least: Entry | undefined
    for (const entry of this.#entries) {
      if (least === undefined || entry.waiting.priority <= least.waiting.priority) least = entry
    }
    if (least === undefined) return
    this.#remove(least)
    least.waiting.drop()
  }

  #dropLate(): void {
    for (
      let [oldest] = this.#entries;
      oldest !== undefined && this.#dueAt(oldest) <= this.#now;
      [oldest] = this.#entries
    ) {
      this.#remove(oldest)
      oldest.waiting.drop()
    }
    this.#arm()
  }

  /** When a call has waited too long, if it is the oldest and nothing happens before. */
  #dueAt({ since }: Entry): number {
    const { targetMs, intervalMs } = this.#limits()
    const overloadedAt = this.#emptyAt + intervalMs
    return Math.min(since + intervalMs, Math.max(since + targetMs, overloadedAt))
  }

  #remove(entry: Entry): void {
    const at = this.#entries.indexOf(entry)
    if (at === -1) return
    this.#entries.splice(at, 1)
    if (this.#entries.length > 0) return
    this.#emptyAt = this.#now
    this.#arm()
  }

  /** One timer for all: for the oldest, which is the first that may be too late. */
  #arm(): void {
    const [oldest] = this.#entries
    const dueAt = oldest === undefined ? undefined : this.#dueAt(oldest)
    if (dueAt === this.#timerAt) return
    this.#timer?.cancel()
    this.#timer = undefined
    this.#timerAt = dueAt
    if (dueAt === undefined) return
    this.#timer = this.#clock?.setTimer(
      () => {
        this.#timer = undefined
        this.#timerAt = undefined
        this.#dropLate()
      },
      Math.max(0, dueAt - this.#now),
    )
  }
}
