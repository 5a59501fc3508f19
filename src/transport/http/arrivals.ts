// Requests that arrive in one turn of the event loop, served together when all of them are here. One that is served as soon as it is here
// finds that the code and the data of each step have left the processor's caches since the request before: a step is cheaper where it is
// taken for all of them before the next one (docs/decisions/0020-requests-of-a-turn-are-served-together.md).
import { AsyncResource } from 'node:async_hooks'
import type { IncomingMessage, ServerResponse } from 'node:http'

/** How many wait at most. */
const most = 64

/** What serves a request. */
export type Serve = (message: IncomingMessage, target: ServerResponse) => void

/** Requests that wait for the others of their turn. */
export class Arrivals {
  readonly #serve: Serve
  #waiting: Arrived[] = []

  constructor(serve: Serve) {
    this.#serve = serve
  }

  /** How many wait. */
  get size(): number {
    return this.#waiting.length
  }

  /** Has a request wait until the turn ends, or as many as may wait are here. */
  add(message: IncomingMessage, target: ServerResponse): void {
    if (this.#waiting.length === 0) setImmediate(() => this.serve())
    this.#waiting.push(new Arrived(message, target))
    if (this.#waiting.length >= most) this.serve()
  }

  /** Serves those that wait, in their order. */
  serve(): void {
    const arrived = this.#waiting
    this.#waiting = []
    for (const each of arrived) each.serve(this.#serve)
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
      queueMicrotask(() => {
        throw thrown
      })
    }
  }
}
