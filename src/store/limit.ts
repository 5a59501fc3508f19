// A limit to a rate, and what taking a call out of it tells.

/** So many calls in such a time. */
export interface Limit {
  /** How many calls fit in the window, in the long run. More than 0. */
  readonly limit: number
  /** The window, in ms. More than 0. */
  readonly windowMs: number
  /** How many calls may come at once. 1 or more. */
  readonly burst: number
}

/** What taking a call out of a limit has told. */
export interface Taken {
  /** Whether there was one left. */
  readonly allowed: boolean
  /** How many are left now. Whole. */
  readonly remaining: number
  /** How long until there is one, in ms; 0 where this one was allowed. */
  readonly retryAfterMs: number
  /** How long until the whole burst is there again, in ms. */
  readonly resetMs: number
}

/** What is remembered of the calls of one key. */
export interface Meter {
  /** Takes a call out. @param now - ms, on a scale that never goes back */
  take(limit: Limit, now: number): Taken
  /** Whether a meter that remembers nothing would say the same. */
  isFull(limit: Limit, now: number): boolean
}

/** A caller who waits exactly as long as it was told must be let through, although sums of fractions are not exact; in ms. */
export const roundingMs = 1e-6
