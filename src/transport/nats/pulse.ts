// Signs of life between the two ends of a stream: NATS tells nobody that a peer is gone, and a stream may be silent for long.
import type { Clock, Timer } from '../../core/index.js'

/** How many beats may be missed. */
const patience = 3

export class Pulse {
  readonly #clock: Clock
  readonly #everyMs: number
  readonly #beat: () => void
  readonly #dead: () => void
  #heardAt: number
  #timer: Timer

  /** Calls `beat` every `everyMs`, and `dead`, once, when nothing was heard for three times as long. */
  constructor(clock: Clock, everyMs: number, on: { readonly beat: () => void; readonly dead: () => void }) {
    this.#clock = clock
    this.#everyMs = everyMs
    this.#beat = on.beat
    this.#dead = on.dead
    this.#heardAt = clock.now()
    this.#timer = this.#next()
  }

  /** Something came from the other end. */
  heard(): void {
    this.#heardAt = this.#clock.now()
  }

  stop(): void {
    this.#timer.cancel()
  }

  #next(): Timer {
    const timer = this.#clock.setTimer(() => {
      if (this.#clock.now() - this.#heardAt >= patience * this.#everyMs) {
        this.#dead()
        return
      }
      this.#timer = this.#next()
      this.#beat()
    }, this.#everyMs)
    timer.keepAlive(false)
    return timer
  }
}
