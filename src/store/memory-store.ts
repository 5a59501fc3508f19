// A store in the memory of one process: for one instance, for tests, and as the measure of what the others have to do.
import { observe } from '../core/call-error.js'
import { type Clock, systemClock } from '../core/index.js'
import { Gcra } from './gcra.js'
import type { Limit, Taken } from './limit.js'
import { Recent } from './recent.js'
import type { Change, Store } from './store.js'
import { storeUnavailable } from './unavailable.js'

/** Options of {@link memoryStore}. */
export interface MemoryStoreOptions {
  /** How many values, and how many limits, are kept; the least recently used go first. Whole, 1 or more. @defaultValue 10 000 */
  readonly maxEntries?: number
  /** @defaultValue systemClock */
  readonly clock?: Clock
  /** Told of each key that was forgotten before its time. May not throw. @defaultValue nobody */
  readonly onEvicted?: (key: string) => void
}

/**
 * Makes a store that lives and dies with the process. No timers: what has expired goes when it is asked for, or when there is no
 * room. Throws `RangeError` for `maxEntries` out of range.
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { memoryStore } from 'tenon/store'
 *
 * await using store = memoryStore({ maxEntries: 1_000 })
 * await store.set('greeting', 'hello', 60_000)
 * assert.equal(await store.get('greeting'), 'hello')
 * ```
 */
export function memoryStore(options: MemoryStoreOptions = {}): Store {
  const { maxEntries = 10_000, clock = systemClock, onEvicted } = options
  if (!Number.isInteger(maxEntries) || maxEntries < 1)
    throw new RangeError(`memoryStore: maxEntries must be a whole number in [1, ∞), got ${String(maxEntries)}`)
  return new MemoryStore({ maxEntries, clock, onEvicted })
}

interface Entry {
  readonly value: string
  readonly expiresAt: number
}

class MemoryStore implements Store {
  readonly #values: Recent<Entry> = new Recent()
  readonly #limits: Recent<{ readonly meter: Gcra; fullAt: number }> = new Recent()
  readonly #maxEntries: number
  readonly #clock: Clock
  readonly #onEvicted: (key: string) => void
  #closed = false

  constructor(options: {
    readonly maxEntries: number
    readonly clock: Clock
    readonly onEvicted: ((key: string) => void) | undefined
  }) {
    this.#maxEntries = options.maxEntries
    this.#clock = options.clock
    const { onEvicted } = options
    this.#onEvicted = key => onEvicted !== undefined && observe(onEvicted, key)
  }

  async get(key: string): Promise<string | undefined> {
    this.#checkOpen()
    return this.#read(key)
  }

  async set(key: string, value: string, ttlMs: number): Promise<void> {
    this.#checkOpen()
    this.#write(key, value, ttlMs)
  }

  async delete(key: string): Promise<void> {
    this.#checkOpen()
    this.#values.delete(key)
  }

  async compareAndSet(key: string, { from, to, ttlMs }: Change): Promise<boolean> {
    this.#checkOpen()
    if (this.#read(key) !== from) return false
    if (to === undefined) this.#values.delete(key)
    else this.#write(key, to, ttlMs)
    return true
  }

  async take(key: string, limit: Limit): Promise<Taken> {
    this.#checkOpen()
    const now = this.#clock.now()
    let entry = this.#limits.get(key)
    if (entry === undefined) {
      entry = { meter: new Gcra(), fullAt: now }
      this.#limits.set(key, entry, this.#maxEntries, (evicted, { fullAt }) => {
        if (fullAt > now) this.#onEvicted(evicted)
      })
    }
    const taken = entry.meter.take(limit, now)
    entry.fullAt = now + taken.resetMs
    return taken
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#values.clear()
    this.#limits.clear()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #checkOpen(): void {
    if (this.#closed) throw storeUnavailable('the store has been closed')
  }

  #read(key: string): string | undefined {
    const entry = this.#values.get(key)
    if (entry === undefined || entry.expiresAt > this.#clock.now()) return entry?.value
    this.#values.delete(key)
    return undefined
  }

  #write(key: string, value: string, ttlMs: number): void {
    const now = this.#clock.now()
    this.#values.set(key, { value, expiresAt: now + ttlMs }, this.#maxEntries, (evicted, { expiresAt }) => {
      if (expiresAt > now) this.#onEvicted(evicted)
    })
  }
}
