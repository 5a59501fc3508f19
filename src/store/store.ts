// The port of stores: the few atomic things that limits, idempotency keys and sessions need of a memory that several processes may
// share. Small, so that a store over something else than Redis is an afternoon's work; `storeConformance` says when it is done.
import type { Limit, Taken } from './limit.js'

/** A change that happens only where nobody else was first. */
export interface Change {
  /** The value that must be there; `undefined`: none may be. */
  readonly from: string | undefined
  /** The value that is put there; `undefined` removes it. */
  readonly to: string | undefined
  /** How long the new value is kept, in ms, more than 0. */
  readonly ttlMs: number
}

/**
 * A memory of texts by key. Each operation is atomic, also among processes that share the store. Each ends in bounded time, and
 * rejects with `CallError` `unavailable`/`STORE_UNAVAILABLE` where the store cannot be reached or has been closed; then it may have
 * happened or not.
 */
export interface Store extends AsyncDisposable {
  /** The value; `undefined` where there is none, or no longer. */
  get(key: string): Promise<string | undefined>
  /** Puts a value there for `ttlMs`, more than 0, whatever was there. */
  set(key: string, value: string, ttlMs: number): Promise<void>
  /** Removes a value, if there is one. */
  delete(key: string): Promise<void>
  /** Makes a change if the value is `from`; whether it was. Renewing the time of a value is a change to itself. */
  compareAndSet(key: string, change: Change): Promise<boolean>
  /** Takes one call out of a limit. Limits have keys of their own, apart from those of values. */
  take(key: string, limit: Limit): Promise<Taken>
  /** Ends the use of the store; a connection that was given stays open. Waiting operations end as they would. */
  close(): Promise<void>
}
