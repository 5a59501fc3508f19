// Calls gathered into samples for an algorithm: single latencies say little, and a limit that changes with each call is one more thing
// that swings.
import type { LimitSample } from './concurrency-limit.js'

/** How long a window is at least, in ms: a quarter of Netflix's, since a limit that grows by one a second is late after a restart. */
const windowMs = 250
/** How many calls make a sample. */
const minCalls = 10

/** Gathers calls; gives a sample when a window is over. */
export class LimitWindow {
  #since: number | undefined
  #calls = 0
  #sumMs = 0
  #inFlight = 0
  #hasDropped = false

  /** Takes in one call that has ended. */
  add(now: number, call: LimitSample): LimitSample | undefined {
    this.#since ??= now
    this.#calls++
    this.#sumMs += call.latencyMs
    this.#inFlight = Math.max(this.#inFlight, call.inFlight)
    this.#hasDropped ||= call.hasDropped
    if (now - this.#since < windowMs || this.#calls < minCalls) return undefined
    const sample = { latencyMs: this.#sumMs / this.#calls, inFlight: this.#inFlight, hasDropped: this.#hasDropped }
    this.#since = now
    this.#calls = 0
    this.#sumMs = 0
    this.#inFlight = 0
    this.#hasDropped = false
    return sample
  }
}
