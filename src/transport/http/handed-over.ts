// What a server hands over to an app that answers in its place: an Express app, say. The app knows nothing of the server; each of its
// requests counts as a call all the same, so that draining waits for them and slow callers are cut off.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Cancellable, Connection } from './connections.js'

/** Answers requests, in its own time. */
export type App = (message: IncomingMessage, target: ServerResponse) => unknown

/** The requests that an app answers. */
export class HandedOver {
  readonly #app: App
  #isDraining = false

  constructor(app: App) {
    this.#app = app
  }

  /** Hands a request over. */
  serve(connection: Connection, message: IncomingMessage, target: ServerResponse): void {
    const call = new HandedCall(target)
    connection.began(call)
    connection.expect(message, target)
    target.on('close', () => connection.ended(call, message, target))
    if (this.#isDraining) call.conclude()
    this.#app(message, target)
  }

  /** From now on each answer that is still to be begun says that it is the last on its connection. */
  drain(): void {
    this.#isDraining = true
  }
}

class HandedCall implements Cancellable {
  readonly #target: ServerResponse

  constructor(target: ServerResponse) {
    this.#target = target
  }

  /** Whoever answers hears of it from the request itself. */
  cancel(): void {}

  conclude(): void {
    this.#target.shouldKeepAlive = false
  }

  get isAnswered(): boolean {
    return this.#target.writableEnded
  }
}
