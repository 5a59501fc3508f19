// The generic cell rate algorithm (ITU-T I.371, as "virtual scheduling"): a limit whose whole memory is one point in time, which is
// why stores keep it. Decides as a token bucket does.
import { type Limit, type Meter, roundingMs, type Taken } from './limit.js'

/** A limit as the time when the whole burst will be there again. A change of the limit keeps that time. */
export class Gcra implements Meter {
  #fullAt = Number.NEGATIVE_INFINITY

  take({ limit, windowMs, burst }: Limit, now: number): Taken {
    const intervalMs = windowMs / limit
    // Never further off than an empty bucket is: the burst may have become smaller, or the clock been set back.
    const fullAt = Math.min(Math.max(this.#fullAt, now), now + burst * intervalMs)
    const waitMs = fullAt + intervalMs - burst * intervalMs - now
    if (waitMs > roundingMs) {
      this.#fullAt = fullAt // what was told holds
      return { allowed: false, remaining: 0, retryAfterMs: waitMs, resetMs: fullAt - now }
    }
    this.#fullAt = fullAt + intervalMs
    const remaining = Math.max(0, Math.floor((roundingMs - waitMs) / intervalMs))
    return { allowed: true, remaining, retryAfterMs: 0, resetMs: this.#fullAt - now }
  }

  isFull(_: Limit, now: number): boolean {
    return this.#fullAt <= now
  }
}
