// The calls of one key that wait until their limit lets them through: in order, one timer for all of them.
import type { Clock, Context, Failure, Timer } from '../core/index.js'
import type { Taken } from '../store/limit.js'
import { WaitingLine } from './waiting-line.js'

/** What a {@link Turnstile} works with. */
export interface TurnstileInit {
  readonly clock: Clock
  /** Takes one call out of the limit; gives the failure that those who wait get where nobody can tell. */
  readonly take: () => Promise<Taken | Failure>
  /** Nobody waits any more. Called once. */
  readonly onEmpty: () => void
}

/** How long to wait before asking again where the answer was "now": the answer came from a clock that is not ours. */
const leastWaitMs = 1

export class Turnstile {
  readonly #init: TurnstileInit
  readonly #line: WaitingLine = new WaitingLine()
  #timer: Timer | undefined
  #isAsking = false
  #isOver = false
  #nextAt = 0
  /** What the limit said last. */
  last: Taken | undefined = undefined

  constructor(init: TurnstileInit) {
    this.#init = init
  }

  /** How many wait. */
  get length(): number {
    return this.#line.length
  }

  /** How long until the first of them has its turn, in ms, as far as is known. */
  get nextMs(): number {
    return Math.max(0, this.#nextAt - this.#init.clock.now())
  }

  /** Waits for its turn, which is not before `firstMs` from now where nobody waits yet. Resolves with the failure that ends it, if any. */
  join(
    context: Context,
    { firstMs, onLeft }: { readonly firstMs: number; readonly onLeft: () => void },
  ): Promise<Failure | undefined> {
    const turn = this.#line.join(context, () => {
      onLeft()
      this.#endIfEmpty()
    })
    if (this.#timer === undefined && !this.#isAsking && !this.#isOver) this.#wait(firstMs)
    return turn
  }

  /** The limit has changed: asks it at once. */
  hurry(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    void this.#ask()
  }

  #wait(delayMs: number): void {
    const { clock } = this.#init
    const waitMs = Math.max(leastWaitMs, delayMs)
    this.#nextAt = clock.now() + waitMs
    this.#timer = clock.setTimer(() => {
      this.#timer = undefined
      void this.#ask()
    }, waitMs)
  }

  async #ask(): Promise<void> {
    if (this.#isAsking) return
    this.#isAsking = true
    while (this.#line.length > 0) {
      const taken = await this.#init.take()
      if ('_tag' in taken) this.#line.takeOldest()?.end(taken)
      else {
        this.last = taken
        if (!taken.allowed) break
        this.#line.takeOldest()?.end(undefined)
      }
    }
    this.#isAsking = false
    if (this.#line.length > 0) this.#wait(this.last?.retryAfterMs ?? 0)
    else this.#endIfEmpty()
  }

  #endIfEmpty(): void {
    if (this.#line.length > 0 || this.#isAsking || this.#isOver) return
    this.#isOver = true
    this.#timer?.cancel()
    this.#timer = undefined
    this.#init.onEmpty()
  }
}
