// The other way to keep a limit: as calls that are left. Decides as the generic cell rate algorithm does, but a change of the limit
// keeps what is left and not how long it takes.
import { type Limit, type Meter, roundingMs, type Taken } from '../store/limit.js'

/** A limit as a bucket of tokens, full at first. */
export class TokenBucket implements Meter {
  #tokens: number | undefined
  #at = 0

  take(limit: Limit, now: number): Taken {
    const intervalMs = limit.windowMs / limit.limit
    const tokens = this.#tokensAt(limit, now)
    const allowed = tokens >= 1 - roundingMs / intervalMs
    this.#tokens = allowed ? tokens - 1 : tokens
    this.#at = now
    const resetMs = (limit.burst - this.#tokens) * intervalMs
    return allowed
      ? {
          allowed,
          remaining: Math.max(0, Math.floor(this.#tokens + roundingMs / intervalMs)),
          retryAfterMs: 0,
          resetMs,
        }
      : { allowed, remaining: 0, retryAfterMs: (1 - tokens) * intervalMs, resetMs }
  }

  isFull(limit: Limit, now: number): boolean {
    return this.#tokensAt(limit, now) >= limit.burst
  }

  #tokensAt({ limit, windowMs, burst }: Limit, now: number): number {
    if (this.#tokens === undefined) return burst
    return Math.min(burst, this.#tokens + ((now - this.#at) * limit) / windowMs)
  }
}
