// The calls that a server has going on, as a list through the calls themselves, and those of them that last. Not a Set or a Map: their
// tables are made anew as entries come and go, each old one refers to the next, and one that has reached the old space keeps all after it
// alive until a full collection.
import type { Clock, Failure, Timer } from '../../core/index.js'

/** A call that goes on. */
export interface Running {
  /** Its neighbours in the list. */
  newer: Running | undefined
  older: Running | undefined
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
  #newest: Running | undefined
  #size = 0
  #timer: Timer | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get size(): number {
    return this.#size
  }

  add(call: Running): void {
    call.older = this.#newest
    if (this.#newest !== undefined) this.#newest.newer = call
    this.#newest = call
    this.#size++
    if (this.#timer === undefined) this.#watch()
  }

  /** Takes out a call that is in it. */
  delete(call: Running): void {
    const { newer, older } = call
    if (newer === undefined) this.#newest = older
    else newer.older = older
    if (older !== undefined) older.newer = newer
    call.newer = undefined
    call.older = undefined
    this.#size--
  }

  /** One timer for all calls, set at most once in {@link lookMs}. */
  #watch(): void {
    this.#timer = this.#clock.setTimer(() => this.#look(), lookMs)
    this.#timer.keepAlive(false)
  }

  #look(): void {
    this.#timer = undefined
    if (this.#newest === undefined || this.#newest.looks === 2) return // none, or all that there are have been announced
    for (let call: Running | undefined = this.#newest; call !== undefined && call.looks < 2; call = call.older)
      if (++call.looks === 2) call.announce()
    this.#watch()
  }

  /** Those that go on now. */
  all(): readonly Running[] {
    const calls: Running[] = []
    for (let call = this.#newest; call !== undefined; call = call.older) calls.push(call)
    return calls
  }

  /** Lets go of its timer. Calls may go on, and end. */
  close(): void {
    this.#timer?.cancel()
  }
}
