// One reader of the stream: gets everything anew every so often, skips what it is too slow for, and is let go when it takes nothing.
import type { ServerResponse } from 'node:http'
import type { Clock, Timer } from '../../core/index.js'

/** How long a reader may take nothing before its connection is closed, in ms. */
const patienceMs = 30_000

const headers = {
  'content-type': 'text/event-stream;charset=UTF-8',
  'cache-control': 'no-cache, no-store, max-age=0, must-revalidate',
  pragma: 'no-cache',
}

/** What a reader is given. */
export interface ReaderInit {
  readonly response: ServerResponse
  readonly clock: Clock
  readonly delayMs: number
  /** Everything, as events. */
  readonly read: () => string
  /** The reader has left, or was let go. Called once. */
  readonly onLeft: () => void
}

/** A reader that is there. */
export class Reader {
  readonly #init: ReaderInit
  #timer: Timer | undefined
  #stalledMs = 0
  #isOver = false

  constructor(init: ReaderInit) {
    this.#init = init
  }

  /** Sends the first round, and goes on. */
  start(): void {
    const { response } = this.#init
    response.once('close', () => this.#leave())
    response.on('error', () => this.#leave())
    response.writeHead(200, headers)
    this.#send()
  }

  /** Ends the stream. */
  close(): void {
    if (!this.#isOver) this.#init.response.end()
    this.#leave()
  }

  #send(): void {
    const { response, clock, delayMs, read } = this.#init
    if (this.#isOver) return
    if (!response.writableNeedDrain) {
      this.#stalledMs = 0
      response.write(read())
    } else {
      this.#stalledMs += delayMs
      if (this.#stalledMs >= patienceMs) response.destroy()
    }
    this.#timer = clock.setTimer(() => this.#send(), delayMs)
  }

  #leave(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#timer?.cancel()
    this.#init.onLeft()
  }
}
