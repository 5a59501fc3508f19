// The calls that a server has going on, as a list through the calls themselves. Not a Set or a Map: their tables are made anew as entries come
// and go, each old one refers to the next, and one that has reached the old space keeps all after it alive until a full collection.
import type { Running } from './served-call.js'

export class RunningCalls {
  #newest: Running | undefined
  #size = 0

  get size(): number {
    return this.#size
  }

  add(call: Running): void {
    call.older = this.#newest
    if (this.#newest !== undefined) this.#newest.newer = call
    this.#newest = call
    this.#size++
  }

  /** Takes out a call that is in it. */
  delete(call: Running): void {
    const { newer, older } = call
    if (newer === undefined) this.#newest = older
    else newer.older = older
    if (older !== undefined) older.newer = newer
    call.newer = undefined
    call.older = undefined
    this.#size--
  }

  /** The newest whose answer goes to `reply`. Looks at each: only who gives up a call asks. */
  find(reply: string): Running | undefined {
    let call = this.#newest
    while (call !== undefined && call.reply !== reply) call = call.older
    return call
  }

  /** Those that go on now. */
  all(): readonly Running[] {
    const calls: Running[] = []
    for (let call = this.#newest; call !== undefined; call = call.older) calls.push(call)
    return calls
  }
}
