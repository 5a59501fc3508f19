// Counts what goes on in a call, which may be long after its end: work that ignores its abort, calls that nobody waits for.
import { type OnDefect, observe } from './call-error.js'
import { Expiring } from './deadlines.js'

/** What may outlast its own end. */
export abstract class Work extends Expiring {
  abstract readonly onDefect: OnDefect
  /** Counts this as work of its own. */
  #around: Work | undefined
  #count = 0
  #isSettled = false
  #onSettled: (() => void)[] | undefined

  /** How much goes on, itself included. */
  get work(): number {
    return this.#count
  }

  /** It goes on, as work of `around`. */
  protected beginWork(around: Work | undefined): void {
    this.#count = 1
    if (around === undefined) return
    this.#around = around
    around.hold()
  }

  /** Runs `callback` when all work that began here has really ended, which may be long after the call. */
  settled(callback: () => void): void {
    if (this.#count === 0 || this.#isSettled) {
      callback()
      return
    }
    this.#onSettled ??= []
    this.#onSettled.push(callback)
  }

  /** Some work has begun; {@link release} says when it ends. */
  hold(): void {
    this.#count++
  }

  /** What was held has ended. The last one settles it, for good. */
  release(): void {
    if (--this.#count > 0 || this.#isSettled) return
    this.#isSettled = true
    if (this.#onSettled !== undefined) for (const callback of this.#onSettled) this.#tell(callback)
    this.#onSettled = undefined
    this.#around?.release()
  }

  #tell(callback: () => void): void {
    try {
      callback()
    } catch (thrown) {
      observe(this.onDefect, thrown)
    }
  }
}
