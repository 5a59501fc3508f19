// Requests that arrive in one turn of the event loop, served together when all of them are here. One that is served as soon as it is here
// finds that the code and the data of each step have left the processor's caches since the request before: a step is cheaper where it is
// taken for all of them before the next one (docs/decisions/0020-requests-of-a-turn-are-served-together.md).
import { AsyncResource } from 'node:async_hooks'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { setImmediate } from 'node:timers' // the global one may be a test's
import type { Clock } from '../../core/index.js'

/** How many wait at most. */
const most = 64
/** After how long no other is begun in the same turn, in ms: answers wait until all that are begun have been. */
const longestMs = 2

/** What serves a request. */
export type Serve = (message: IncomingMessage, target: ServerResponse) => void

/** Requests that wait for the others of their turn. */
export class Arrivals {
  readonly #serve: Serve
  readonly #clock: Pick<Clock, 'now'>
  readonly #waiting: Arrived[] = []
  #isArmed = false

  constructor(serve: Serve, clock: Pick<Clock, 'now'>) {
    this.#serve = serve
    this.#clock = clock
  }

  /** How many wait. */
  get size(): number {
    return this.#waiting.length
  }

  /** Has a request wait until the turn ends, or as many as may wait are here. */
  add(message: IncomingMessage, target: ServerResponse): void {
    this.#waiting.push(new Arrived(message, target))
    if (this.#waiting.length >= most) this.#take()
    else this.#arm()
  }

  /** Serves all that wait, in their order. */
  serve(): void {
    while (this.#waiting.length > 0) this.#next()
  }

  /** Serves those that wait, as many as there is time for: one at least. */
  #take(): void {
    const until = this.#clock.now() + longestMs
    do this.#next()
    while (this.#waiting.length > 0 && this.#clock.now() < until)
    if (this.#waiting.length > 0) this.#arm()
  }

  #next(): void {
    this.#waiting.shift()?.serve(this.#serve)
  }

  #arm(): void {
    if (this.#isArmed) return
    this.#isArmed = true
    setImmediate(() => {
      this.#isArmed = false
      this.#take()
    })
  }
}

/** A request, and whose asynchronous context it came in: what a handler enters, or what traces node:http, is of one request alone. */
class Arrived extends AsyncResource {
  readonly #message: IncomingMessage
  readonly #target: ServerResponse

  constructor(message: IncomingMessage, target: ServerResponse) {
    super('TenonRequest')
    this.#message = message
    this.#target = target
  }

  /** What is thrown is the process's affair, as it would be without the others, and not theirs. */
  serve(serve: Serve): void {
    try {
      this.runInAsyncScope(serve, undefined, this.#message, this.#target)
    } catch (thrown) {
      const rethrow = (): void => {
        throw thrown
      }
      this.runInAsyncScope(queueMicrotask, undefined, rethrow)
    }
  }
}
