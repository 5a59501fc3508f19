// A clock that stands still until told to move: waits of hours take no time in a test, and the order of events is the
// order of their times, always.
import type { Clock, Timer } from './clock.js'

/** A {@link Clock} moved by hand. */
export interface ManualClock extends Clock {
  /** Moves on by `ms`, firing each timer at its own time; everything that each sets off runs before the next. */
  advance(ms: number): Promise<void>
  /** Lets everything run that is due now. */
  settle(): Promise<void>
  /** How many timers are set that would keep a process alive: 0 when nothing was left behind. */
  readonly pendingTimers: number
}

interface Entry {
  readonly at: number
  readonly order: number
  readonly callback: () => void
  kept: boolean
}

/** Options of {@link manualClock}. */
export interface ManualClockOptions {
  /** Where `now()` starts, in ms. @defaultValue 0 */
  readonly startMs?: number
  /** Where `wallTime()` starts, in ms since the Unix epoch. @defaultValue 2026-01-01T00:00:00Z */
  readonly startWallTime?: number
}

/** Makes a clock for tests. Nothing happens until `advance`. */
export function manualClock(options: ManualClockOptions = {}): ManualClock {
  const { startMs = 0, startWallTime = Date.UTC(2026, 0, 1) } = options
  let time = startMs
  let order = 0
  const entries = new Set<Entry>()

  const earliest = (until: number): Entry | undefined => {
    let first: Entry | undefined
    for (const entry of entries) {
      if (entry.at > until) continue
      if (first === undefined || entry.at < first.at || (entry.at === first.at && entry.order < first.order))
        first = entry
    }
    return first
  }

  return {
    now: () => time,
    wallTime: () => startWallTime + (time - startMs),
    setTimer(callback, delayMs): Timer {
      const entry: Entry = { at: time + Math.max(0, delayMs), order: order++, callback, kept: true }
      entries.add(entry)
      return {
        cancel: () => void entries.delete(entry),
        keepAlive: keep => {
          entry.kept = keep
        },
      }
    },
    async advance(ms) {
      if (!(ms >= 0)) throw new RangeError(`manualClock: can only be advanced by 0 ms or more, got ${ms}`)
      const until = time + ms
      await drain()
      for (let entry = earliest(until); entry !== undefined; entry = earliest(until)) {
        entries.delete(entry)
        time = Math.max(time, entry.at)
        entry.callback()
        await drain()
      }
      time = Math.max(time, until)
    },
    settle: drain,
    get pendingTimers() {
      let kept = 0
      for (const entry of entries) if (entry.kept) kept++
      return kept
    },
  }
}

// A macrotask: all microtasks that are due run before it. setImmediate where there is one, since a timeout costs 1 ms.
const immediately: unknown = Reflect.get(globalThis, 'setImmediate')
function drain(): Promise<void> {
  return new Promise(resolve => {
    if (typeof immediately === 'function') immediately(resolve)
    else setTimeout(resolve, 0)
  })
}
