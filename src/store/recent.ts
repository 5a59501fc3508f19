// A map that keeps what was used last: memory that grows with the number of different keys a caller can invent is a leak that
// anybody can open.

/** A bounded map; the least recently used goes first. */
export class Recent<V> {
  // A Map remembers the order of insertion: what is used is taken out and put in again.
  readonly #values: Map<string, V> = new Map()

  get size(): number {
    return this.#values.size
  }

  /** The value, which counts as use. */
  get(key: string): V | undefined {
    const value = this.#values.get(key)
    if (value === undefined) return undefined
    this.#values.delete(key)
    this.#values.set(key, value)
    return value
  }

  /** The value, which does not count as use. */
  peek(key: string): V | undefined {
    return this.#values.get(key)
  }

  /** Puts a value in and, where there are more than `max`, the oldest out. */
  set(key: string, value: V, max: number, onEvicted?: (key: string, value: V) => void): void {
    this.#values.delete(key)
    this.#values.set(key, value)
    for (const [oldest, evicted] of this.#values) {
      if (this.#values.size <= max) return
      this.#values.delete(oldest)
      onEvicted?.(oldest, evicted)
    }
  }

  delete(key: string): void {
    this.#values.delete(key)
  }

  clear(): void {
    this.#values.clear()
  }

  /** Takes out what matches. */
  forget(matches: (key: string) => boolean): void {
    for (const key of this.#values.keys()) if (matches(key)) this.#values.delete(key)
  }
}
