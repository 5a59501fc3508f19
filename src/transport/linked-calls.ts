// The calls that a server has going on, as a list through the calls themselves. Not a Set or a Map: their tables are made anew as entries
// come and go, each old one refers to the next, and one that has reached the old space keeps all after it alive until a full collection.

/** A call in such a list, with its neighbours: `undefined` at first, and where there is none. */
export interface Linked<C> {
  newer: C | undefined
  older: C | undefined
}

export class LinkedCalls<C extends Linked<C>> {
  #newest: C | undefined
  #size = 0

  get newest(): C | undefined {
    return this.#newest
  }

  get size(): number {
    return this.#size
  }

  add(call: C): void {
    call.older = this.#newest
    if (this.#newest !== undefined) this.#newest.newer = call
    this.#newest = call
    this.#size++
  }

  /** Takes out a call that is in it. */
  delete(call: C): void {
    const { newer, older } = call
    if (newer === undefined) this.#newest = older
    else newer.older = older
    if (older !== undefined) older.newer = newer
    call.newer = undefined
    call.older = undefined
    this.#size--
  }

  /** Those that are in it now. */
  all(): readonly C[] {
    const calls: C[] = []
    for (let call = this.#newest; call !== undefined; call = call.older) calls.push(call)
    return calls
  }
}
