// Items that are sent to the other end, as fast as it gives credit: none is made before there is room for it. Credit is only what the other
// end says: however much that is, no more is sent than the broker has taken, so that the process keeps its memory and its time.
import type { Failure } from '../../core/index.js'
import { bodyOf } from './body.js'
import { costOf, valueFrame } from './frame.js'
import { maxWindowBytes } from './limit.js'

/** How much of one stream may wait here for the broker to take it, as credit counts it. */
const maxUntaken = 256 << 10

/** What the sending of items needs, and sets off. Of the last four one is called, once, unless the sending is stopped. */
export interface Outlet {
  send(body: Uint8Array): Failure | undefined
  /** Resolves when the broker has taken what was sent. Never rejects. */
  taken(): Promise<void>
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
  /** How much of that the broker is known to have taken. */
  #taken = 0
  #asks = false
  #count = 0
  #stopped = false
  #onRoom: (() => void) | undefined

  /** `limit` is the credit that there is to begin with. */
  constructor(items: AsyncIterable<unknown>, limit: number, outlet: Outlet) {
    this.#iterator = items[Symbol.asyncIterator]()
    this.#limit = Math.min(limit, maxWindowBytes)
    this.#outlet = outlet
  }

  /** The other end takes so much in all. What is more than any window is left for when it says so again. */
  credit(limit: number): void {
    const most = Math.min(limit, this.#sent + maxWindowBytes)
    if (most <= this.#limit) return
    this.#limit = most
    this.#wake()
  }

  /** Sends them all. Never rejects. */
  async run(): Promise<void> {
    while (!this.#stopped) {
      if (this.#sent >= this.#limit || this.#sent - this.#taken >= maxUntaken) {
        await new Promise<void>(resolve => {
          this.#onRoom = resolve
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
    if (this.#sent - this.#taken >= maxUntaken / 2 && !this.#asks) void this.#ask()
  }

  /** Asks the broker while there is still room, so that nothing waits unless the broker does. */
  async #ask(): Promise<void> {
    const sent = this.#sent
    this.#asks = true
    await this.#outlet.taken()
    this.#asks = false
    this.#taken = sent
    this.#wake()
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
    this.#onRoom?.()
    this.#onRoom = undefined
  }

  async #close(): Promise<void> {
    try {
      await this.#iterator.return?.()
    } catch {
      // what it has to say now interests nobody
    }
  }
}
