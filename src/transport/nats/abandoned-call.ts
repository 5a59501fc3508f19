// A call that was given up before its caller knew who works on it: whoever speaks of it first is told, unless that is its end.
import type { Clock, Timer } from '../../core/index.js'
import { cancelBody } from './announcement.js'
import type { NatsMessage } from './connection.js'
import type { Receiver } from './line.js'
import type { Remote } from './remote.js'

/** How long to wait for that, in ms: servers speak of calls that last much sooner, where they can. */
const waitMs = 1_000

export class AbandonedCall implements Receiver {
  readonly #remote: Remote
  readonly #reply: string
  readonly #timer: Timer

  /** Takes over what comes to `reply`. */
  constructor(remote: Remote, reply: string, clock: Clock) {
    this.#remote = remote
    this.#reply = reply
    remote.abandoned++
    remote.line.replace(reply, this)
    this.#timer = clock.setTimer(() => this.#end(), waitMs)
    this.#timer.keepAlive(false)
  }

  onMessage({ reply = '' }: NatsMessage): void {
    if (reply !== '') this.#remote.line.send(reply, cancelBody)
    this.#end()
  }

  onLost(): void {
    this.#end()
  }

  #end(): void {
    this.#timer.cancel()
    this.#remote.line.release(this.#reply)
    this.#remote.abandoned--
    this.#remote.left()
  }
}
