// The calls that a server has going on, and those of them that last.
import type { Clock, Failure, Timer } from '../../core/index.js'
import { type Linked, LinkedCalls } from '../linked-calls.js'

/** A call that goes on. */
export interface Running extends Linked<Running> {
  /** How often it was seen to go on. */
  looks: number
  /** Tells its caller where it can be given up: it lasts. Once at most. Throws nothing. */
  announce(): void
  /** Ends it, and tells the caller: the server must stop. */
  cancel(failure: Failure): void
}

/** How often the calls are looked at, in ms: one that goes on at the second look lasts. */
const lookMs = 50

export class RunningCalls {
  readonly #clock: Clock
  readonly #calls: LinkedCalls<Running> = new LinkedCalls()
  #timer: Timer | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get size(): number {
    return this.#calls.size
  }

  add(call: Running): void {
    this.#calls.add(call)
    if (this.#timer === undefined) this.#watch()
  }

  /** Takes out a call that is in it. */
  delete(call: Running): void {
    this.#calls.delete(call)
  }

  /** One timer for all calls, set at most once in {@link lookMs}. */
  #watch(): void {
    this.#timer = this.#clock.setTimer(() => this.#look(), lookMs)
    this.#timer.keepAlive(false)
  }

  #look(): void {
    this.#timer = undefined
    const { newest } = this.#calls
    if (newest === undefined || newest.looks === 2) return // none, or all that there are have been announced
    for (let call: Running | undefined = newest; call !== undefined && call.looks < 2; call = call.older)
      if (++call.looks === 2) call.announce()
    this.#watch()
  }

  /** Those that go on now. */
  all(): readonly Running[] {
    return this.#calls.all()
  }

  /** Lets go of its timer. Calls may go on, and end. */
  close(): void {
    this.#timer?.cancel()
  }
}
