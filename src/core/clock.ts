// Time as a value: every wait and every deadline goes through a Clock, so that the same code runs in real time, under a
// manual clock in a test, and in a simulation.

/** A timer that was set; both methods do nothing once it has fired. */
export interface Timer {
  /** The callback will not run. */
  cancel(): void
  /** Whether the timer keeps the process alive while nothing else does (it does at first). No effect outside Node. */
  keepAlive(keep: boolean): void
}

/** A source of time. */
export interface Clock {
  /** Milliseconds, with fractions, on a scale that never goes back; the origin means nothing. Deadlines are on this scale. */
  now(): number
  /** Milliseconds since the Unix epoch, for people and for tokens; may jump. */
  wallTime(): number
  /** Runs `callback` once, `delayMs` from now or later. */
  setTimer(callback: () => void, delayMs: number): Timer
}

// setTimeout fires at once for anything above, and for NaN; a longer timer is set again when this much has passed.
const longestTimeoutMs = 2 ** 31 - 1

class SystemTimer implements Timer {
  #handle: ReturnType<typeof setTimeout>
  #kept = true

  constructor(callback: () => void, delayMs: number) {
    this.#handle = this.#arm(callback, delayMs)
  }

  #arm(callback: () => void, delayMs: number): ReturnType<typeof setTimeout> {
    if (!(delayMs > longestTimeoutMs)) return setTimeout(callback, delayMs)
    return setTimeout(() => {
      this.#handle = this.#arm(callback, delayMs - longestTimeoutMs)
      if (!this.#kept) this.keepAlive(false)
    }, longestTimeoutMs)
  }

  cancel(): void {
    clearTimeout(this.#handle)
  }

  keepAlive(keep: boolean): void {
    this.#kept = keep
    const handle = this.#handle
    if (typeof handle !== 'object') return // a browser's timer is a number
    if (keep) handle.ref()
    else handle.unref()
  }
}

// Node keeps `performance` behind a getter, which takes half as long as reading the time. Test runners that put another in its place
// replace `setTimeout`, too, and to look at that costs nothing. Read at first use: whoever only imports this need not load it.
let ofPlatform: Pick<typeof globalThis, 'performance' | 'setTimeout'> | undefined

/**
 * The machine's clock: `performance.now`, `Date.now`, `setTimeout`. Follows a test runner that fakes all of these, or any but
 * `performance` alone.
 */
export const systemClock: Clock = {
  now() {
    ofPlatform ??= { performance, setTimeout }
    return (setTimeout === ofPlatform.setTimeout ? ofPlatform.performance : performance).now()
  },
  wallTime: () => Date.now(),
  setTimer: (callback, delayMs) => new SystemTimer(callback, delayMs),
}
