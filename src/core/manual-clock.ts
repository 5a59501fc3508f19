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
  // The next one last, so that a simulation's many timers cost little.
  const entries: Entry[] = []

  const placeOf = (entry: Entry): number => {
    let low = 0
    let high = entries.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const other = entries[middle] as Entry // within the array
      if (other.at > entry.at || (other.at === entry.at && other.order > entry.order)) low = middle + 1
      else high = middle
    }
    return low
  }

  return {
    now: () => time,
    wallTime: () => startWallTime + (time - startMs),
    setTimer(callback, delayMs): Timer {
      const entry: Entry = { at: time + Math.max(0, delayMs || 0), order: order++, callback, kept: true }
      entries.splice(placeOf(entry), 0, entry)
      return {
        cancel() {
          const place = placeOf(entry)
          if (entries[place] === entry) entries.splice(place, 1)
        },
        keepAlive: keep => {
          entry.kept = keep
        },
      }
    },
    async advance(ms) {
      if (!(ms >= 0)) throw new RangeError(`manualClock: can only be advanced by 0 ms or more, got ${ms}`)
      const until = time + ms
      await drain()
      for (let entry = entries.at(-1); entry !== undefined && entry.at <= until; entry = entries.at(-1)) {
        entries.pop()
        time = Math.max(time, entry.at)
        entry.callback()
        await drain()
      }
      time = Math.max(time, until)
    },
    settle: drain,
    get pendingTimers() {
      return entries.filter(entry => entry.kept).length
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
