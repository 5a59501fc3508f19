// How late timers are: a process whose event loop is busy answers nobody in time, however few calls it has taken on. Measured while calls
// come and for a little longer, so that an idle process has no timer.
import type { Clock, Timer } from '../core/index.js'

/** How often is measured, in ms. */
const everyMs = 50
/** How much of the average the latest measurement is. */
const weight = 0.3
/** After how many measurements without a call it stops. */
const idleRounds = 20

/** Measures the delay of a clock's timers. */
export class LoopDelay {
  #clock: Clock | undefined
  #timer: Timer | undefined
  #expectedAt = 0
  #delayMs = 0
  #rounds = 0
  readonly #onMeasured: ((delayMs: number) => void) | undefined

  /** @param onMeasured - told the delay each time that it was measured */
  constructor(onMeasured?: (delayMs: number) => void) {
    this.#onMeasured = onMeasured
  }

  /** A call has come: it is measured from now on, for a while. */
  called(clock: Clock): void {
    this.#rounds = idleRounds
    if (this.#timer !== undefined) return
    this.#clock = clock
    this.#delayMs = 0
    this.#arm(clock)
  }

  /** The delay in ms, an average of the last few measurements: one pause is no overload. Call it for each call that comes. */
  of(clock: Clock): number {
    this.called(clock)
    // A loop that is stuck now has not come to measure itself.
    const overdueMs = this.#clock === clock ? Math.max(0, clock.now() - this.#expectedAt) : 0
    return Math.max(this.#delayMs, this.#with(overdueMs))
  }

  #with(lateMs: number): number {
    return this.#delayMs + (lateMs - this.#delayMs) * weight
  }

  #arm(clock: Clock): void {
    this.#expectedAt = clock.now() + everyMs
    this.#timer = clock.setTimer(() => this.#measure(clock), everyMs)
    this.#timer.keepAlive(false)
  }

  #measure(clock: Clock): void {
    const lateMs = Math.max(0, clock.now() - this.#expectedAt)
    this.#delayMs = this.#with(lateMs)
    this.#timer = undefined
    this.#onMeasured?.(this.#delayMs)
    if (--this.#rounds > 0) this.#arm(clock)
  }
}
