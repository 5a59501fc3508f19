// Items that are sent to the other end, as fast as it gives credit: none is made before there is room for it.
import type { Failure } from '../../core/index.js'
import { bodyOf } from './body.js'
import { costOf, valueFrame } from './frame.js'

/** What the sending of items needs, and sets off. Of the last four one is called, once, unless the sending is stopped. */
export interface Outlet {
  send(body: Uint8Array): Failure | undefined
  /** All items were sent. */
  onEnd(count: number): void
  /** The iterable threw. */
  onThrown(count: number, thrown: unknown): void
  /** An item cannot be written. */
  onUnwritable(count: number, thrown: unknown): void
  /** An item could not be sent. */
  onUnsent(count: number, failure: Failure): void
}

export class OutgoingItems {
  readonly #iterator: AsyncIterator<unknown>
  readonly #outlet: Outlet
  #limit: number
  #sent = 0
  #count = 0
  #stopped = false
  #onCredit: (() => void) | undefined

  /** `limit` is the credit that there is to begin with. */
  constructor(items: AsyncIterable<unknown>, limit: number, outlet: Outlet) {
    this.#iterator = items[Symbol.asyncIterator]()
    this.#limit = limit
    this.#outlet = outlet
  }

  /** The other end takes so much in all. */
  credit(limit: number): void {
    if (limit <= this.#limit) return
    this.#limit = limit
    this.#wake()
  }

  /** Sends them all. Never rejects. */
  async run(): Promise<void> {
    while (!this.#stopped) {
      if (this.#sent >= this.#limit) {
        await new Promise<void>(resolve => {
          this.#onCredit = resolve
        })
        continue
      }
      let item: IteratorResult<unknown>
      try {
        item = await this.#iterator.next()
      } catch (thrown) {
        if (!this.#end()) this.#outlet.onThrown(this.#count, thrown)
        return
      }
      if (this.#stopped) return
      if (item.done === true) {
        this.#end()
        this.#outlet.onEnd(this.#count)
        return
      }
      this.#sendOne(item.value)
    }
  }

  #sendOne(value: unknown): void {
    let body: Uint8Array
    try {
      body = bodyOf(valueFrame(this.#count, value))
    } catch (thrown) {
      this.stop()
      this.#outlet.onUnwritable(this.#count, thrown)
      return
    }
    const unsent = this.#outlet.send(body)
    if (unsent !== undefined) {
      this.stop()
      this.#outlet.onUnsent(this.#count, unsent)
      return
    }
    this.#count++
    this.#sent += costOf(body.length)
  }

  /** No more items are wanted: closes the iterable. */
  stop(): void {
    if (this.#end()) return
    void this.#close()
  }

  /** Whether it had ended before. */
  #end(): boolean {
    const hadEnded = this.#stopped
    this.#stopped = true
    this.#wake()
    return hadEnded
  }

  #wake(): void {
    this.#onCredit?.()
    this.#onCredit = undefined
  }

  async #close(): Promise<void> {
    try {
      await this.#iterator.return?.()
    } catch {
      // what it has to say now interests nobody
    }
  }
}
