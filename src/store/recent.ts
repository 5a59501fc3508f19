// A map that keeps what was used last: memory that grows with the number of different keys a caller can invent is a leak that
// anybody can open.

interface Kept<V> {
  key: string
  /** The map that it is in. */
  among: Map<string, Kept<V>>
  value: V
  newer: Kept<V> | undefined
  older: Kept<V> | undefined
}

/** In which order values were used, in one map or in several that share their bound. */
class Order<V> {
  // A list beside the maps: a Map keeps the places of what was taken out, and looks through them for its first.
  newest: Kept<V> | undefined = undefined
  oldest: Kept<V> | undefined = undefined
  size = 0

  append(kept: Kept<V>): void {
    kept.older = this.newest
    if (this.newest === undefined) this.oldest = kept
    else this.newest.newer = kept
    this.newest = kept
    this.size++
  }

  unlink(kept: Kept<V>): void {
    if (kept.older === undefined) this.oldest = kept.newer
    else kept.older.newer = kept.newer
    if (kept.newer === undefined) this.newest = kept.older
    else kept.newer.older = kept.older
    kept.newer = undefined
    kept.older = undefined
    this.size--
  }

  drop(kept: Kept<V>): void {
    this.unlink(kept)
    kept.among.delete(kept.key)
  }
}

/** A bounded map; the least recently used goes first. */
export class Recent<V> {
  readonly #kept: Map<string, Kept<V>> = new Map()
  readonly #order: Order<V>

  /** `beside`: one that it shares its bound with; what was used in either counts. For keys of several kinds, without a prefix to each. */
  constructor(beside?: Recent<V>) {
    this.#order = beside === undefined ? new Order() : beside.#order
  }

  /** How many there are, in those that share the bound, too. */
  get size(): number {
    return this.#order.size
  }

  /** The value, which counts as use. */
  get(key: string): V | undefined {
    const kept = this.#kept.get(key)
    if (kept === undefined) return undefined
    if (kept !== this.#order.newest) {
      this.#order.unlink(kept)
      this.#order.append(kept)
    }
    return kept.value
  }

  /** The value, which does not count as use. */
  peek(key: string): V | undefined {
    return this.#kept.get(key)?.value
  }

  /** Puts a value in and, where there are more than `max`, the oldest out. */
  set(key: string, value: V, max: number, onEvicted?: (key: string, value: V) => void): void {
    const order = this.#order
    const known = this.#kept.get(key)
    if (known !== undefined) {
      known.value = value
      order.unlink(known)
      order.append(known)
    }
    let evicted: Kept<V> | undefined
    const told: (readonly [key: string, value: V])[] | undefined = onEvicted === undefined ? undefined : []
    while (order.size > (known === undefined ? max - 1 : max) && order.oldest !== undefined) {
      evicted = order.oldest
      order.drop(evicted)
      told?.push([evicted.key, evicted.value])
    }
    if (known === undefined && max > 0) this.#add(key, value, evicted)
    for (const each of told ?? []) onEvicted?.(...each) // at last: it may put something in, too
  }

  /** What was put out is used again: it is old, and another one would have to grow old to be kept. */
  #add(key: string, value: V, evicted: Kept<V> | undefined): void {
    const among = this.#kept
    const kept = evicted ?? { key, among, value, newer: undefined, older: undefined }
    kept.key = key
    kept.among = among
    kept.value = value
    among.set(key, kept)
    this.#order.append(kept)
  }

  delete(key: string): void {
    const kept = this.#kept.get(key)
    if (kept !== undefined) this.#order.drop(kept)
  }

  clear(): void {
    for (const kept of this.#kept.values()) this.#order.drop(kept)
  }

  /** Takes out what matches, in those that share the bound, too. */
  forget(matches: (key: string) => boolean): void {
    for (let kept = this.#order.oldest; kept !== undefined; ) {
      const { newer, key } = kept
      if (matches(key)) this.#order.drop(kept)
      kept = newer
    }
  }
}
