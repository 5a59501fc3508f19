// The calls of a `handler`, as far as their callers can give them up. It has no end of its own, so that it holds on to the connection's
// inbox only while calls go on that last.
import type { Clock, Failure, Incoming } from '../../core/index.js'
import { announce, givenUp } from './announcement.js'
import type { Line } from './line.js'
import { type Running, RunningCalls } from './running-calls.js'

export class LastingCalls {
  readonly #line: Line
  readonly #calls: RunningCalls

  constructor(line: Line, clock: Clock) {
    this.#line = line
    this.#calls = new RunningCalls(clock)
  }

  /** A call begins that is answered to `reply`. Returns what is to be called when it has ended. */
  begin(call: Incoming, reply: string): () => void {
    const lasting = new LastingCall(this.#line, call, reply)
    this.#calls.add(lasting)
    return () => {
      this.#calls.delete(lasting)
      lasting.end()
    }
  }
}

class LastingCall implements Running {
  newer: Running | undefined = undefined
  older: Running | undefined = undefined
  looks = 0
  readonly #line: Line
  readonly #call: Incoming
  readonly #reply: string
  #unannounce: (() => void) | undefined

  constructor(line: Line, call: Incoming, reply: string) {
    this.#line = line
    this.#call = call
    this.#reply = reply
  }

  announce(): void {
    if (this.#line.connection.isClosed()) return
    const unuse = this.#line.use()
    const unannounce = announce(this.#line, this.#reply, () => this.cancel(givenUp))
    this.#unannounce = () => {
      unannounce()
      unuse()
    }
  }

  cancel(failure: Failure): void {
    this.#call.cancel(failure)
  }

  end(): void {
    this.#unannounce?.()
  }
}
