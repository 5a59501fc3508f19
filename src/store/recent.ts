// A map that keeps what was used last: memory that grows with the number of different keys a caller can invent is a leak that
// anybody can open.

interface Kept<V> {
  readonly key: string
  value: V
  newer: Kept<V> | undefined
  older: Kept<V> | undefined
}

/** A bounded map; the least recently used goes first. */
export class Recent<V> {
  // The order is a list beside the map: a Map keeps the places of what was taken out, and looks through them for its first.
  readonly #kept: Map<string, Kept<V>> = new Map()
  #newest: Kept<V> | undefined
  #oldest: Kept<V> | undefined

  get size(): number {
    return this.#kept.size
  }

  /** The value, which counts as use. */
  get(key: string): V | undefined {
    const kept = this.#kept.get(key)
    if (kept === undefined) return undefined
    if (kept !== this.#newest) {
      this.#unlink(kept)
      this.#append(kept)
    }
    return kept.value
  }

  /** The value, which does not count as use. */
  peek(key: string): V | undefined {
    return this.#kept.get(key)?.value
  }

  /** Puts a value in and, where there are more than `max`, the oldest out. */
  set(key: string, value: V, max: number, onEvicted?: (key: string, value: V) => void): void {
    let kept = this.#kept.get(key)
    if (kept === undefined) {
      kept = { key, value, newer: undefined, older: undefined }
      this.#kept.set(key, kept)
    } else {
      kept.value = value
      this.#unlink(kept)
    }
    this.#append(kept)
    while (this.#kept.size > max && this.#oldest !== undefined) {
      const evicted = this.#oldest
      this.#drop(evicted)
      onEvicted?.(evicted.key, evicted.value)
    }
  }

  delete(key: string): void {
    const kept = this.#kept.get(key)
    if (kept !== undefined) this.#drop(kept)
  }

  clear(): void {
    this.#kept.clear()
    this.#newest = undefined
    this.#oldest = undefined
  }

  /** Takes out what matches. */
  forget(matches: (key: string) => boolean): void {
    for (const kept of this.#kept.values()) if (matches(kept.key)) this.#drop(kept)
  }

  #append(kept: Kept<V>): void {
    kept.older = this.#newest
    if (this.#newest === undefined) this.#oldest = kept
    else this.#newest.newer = kept
    this.#newest = kept
  }

  #unlink(kept: Kept<V>): void {
    if (kept.older === undefined) this.#oldest = kept.newer
    else kept.older.newer = kept.newer
    if (kept.newer === undefined) this.#newest = kept.older
    else kept.newer.older = kept.older
    kept.newer = undefined
    kept.older = undefined
  }

  #drop(kept: Kept<V>): void {
    this.#unlink(kept)
    this.#kept.delete(kept.key)
  }
}
