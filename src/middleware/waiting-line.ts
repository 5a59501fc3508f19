// Calls that wait for something, in order. Any of them may leave at any time at the cost of one step: a queue that finds out only at
// its turn that nobody waits any more is what made cockatiel's bulkhead keep places for calls long gone.
import { type Context, type Failure, onCancelled } from '../core/index.js'

/** A call that waits. */
export class Waiting {
  newer: Waiting | undefined = undefined
  older: Waiting | undefined = undefined
  readonly #settle: (refusal: Failure | undefined) => void

  constructor(settle: (refusal: Failure | undefined) => void) {
    this.#settle = settle
  }

  /** It waits no longer: it goes on, or is refused. */
  end(refusal: Failure | undefined): void {
    this.#settle(refusal)
  }
}

/** Calls that wait in one line. */
export class WaitingLine {
  #oldest: Waiting | undefined
  #newest: Waiting | undefined
  #length = 0

  get length(): number {
    return this.#length
  }

  /**
   * Puts a call at the end. Resolves when it has been taken out, with the failure that ends it, if any. A call that is cancelled or
   * meets its deadline leaves the line at once: `onLeft` runs, and the promise resolves with why.
   */
  join(context: Context, onLeft: () => void): Promise<Failure | undefined> {
    return new Promise(resolve => {
      const waiting = new Waiting(refusal => {
        unlink()
        resolve(refusal)
      })
      this.#append(waiting)
      const unlink = onCancelled(context, failure => {
        this.#remove(waiting)
        onLeft()
        resolve(failure)
      })
    })
  }

  /** Takes out the one that has waited longest. */
  takeOldest(): Waiting | undefined {
    const oldest = this.#oldest
    if (oldest !== undefined) this.#remove(oldest)
    return oldest
  }

  /** Takes out the one that came last. */
  takeNewest(): Waiting | undefined {
    const newest = this.#newest
    if (newest !== undefined) this.#remove(newest)
    return newest
  }

  #append(waiting: Waiting): void {
    waiting.older = this.#newest
    if (this.#newest === undefined) this.#oldest = waiting
    else this.#newest.newer = waiting
    this.#newest = waiting
    this.#length++
  }

  #remove(waiting: Waiting): void {
    if (waiting.older === undefined) this.#oldest = waiting.newer
    else waiting.older.newer = waiting.newer
    if (waiting.newer === undefined) this.#newest = waiting.older
    else waiting.newer.older = waiting.older
    waiting.older = undefined
    waiting.newer = undefined
    this.#length--
  }
}
