// How many retries a target may be given, whoever retries: a part of its calls. What keeps retries from turning a brown-out into
// an outage. The semantics are those of Finagle's RetryBudget, whose deposits and withdrawals are both forgotten after a while.
import { numberOption, type OptionRules } from '../core/index.js'
import { checkedOptions } from '../core/option-rules.js'
import { TimeWindow } from './rolling-window.js'

/** What `retry` asks before each retry. Share one among all that call one target. */
export interface RetryBudget {
  /** A call was made that is no retry. @param now - ms on the call's clock, as everywhere here */
  deposit(now: number): void
  /** Takes one retry, or tells that there is none. */
  tryWithdraw(now: number): boolean
  /** How many retries there are, with fractions; below 0 where calls were forgotten before the retries that they paid for. */
  balance(now: number): number
}

/** Options of {@link retryBudget}. The defaults are Finagle's. */
export interface RetryBudgetOptions {
  /** Retries per call, 0 or more: 0.2 lets a fifth of the calls be retried once. @defaultValue 0.2 */
  readonly ratio?: number
  /** Retries per second besides, for targets with few calls: 0 or more, Infinity for no bound. @defaultValue 10 */
  readonly minPerSecond?: number
  /** How long a call pays for retries, and a retry counts, in ms, more than 0; a tenth of it goes at once. @defaultValue 10 000 */
  readonly ttlMs?: number
}

/**
 * Makes a budget: within any `ttlMs`, at most `ratio` times the calls and `minPerSecond` times the seconds may be retries. Throws
 * `RangeError` and `TypeError` as policies do.
 *
 * @example
 * ```ts
 * import { retry, retryBudget } from 'tenon/middleware'
 *
 * const budget = retryBudget({ ratio: 0.1 }) // one for the target
 * const forReads = retry({ budget })
 * const forWrites = retry({ budget, maxAttempts: 2 })
 * ```
 */
export function retryBudget(options: RetryBudgetOptions = {}): RetryBudget {
  return new WindowedBudget(checkedOptions('retryBudget', rules, { base: undefined, given: options }))
}

const rules: OptionRules<RetryBudgetOptions> = {
  ratio: numberOption({ fallback: 0.2, min: 0 }),
  minPerSecond: numberOption({ fallback: 10, min: 0, max: Number.POSITIVE_INFINITY }),
  ttlMs: numberOption({ fallback: 10_000, above: 0 }),
}

const [deposits, withdrawals] = [0, 1] // the columns of the window

class WindowedBudget implements RetryBudget {
  readonly #window: TimeWindow
  readonly #ratio: number
  readonly #reserve: number

  constructor({ ratio = 0, minPerSecond = 0, ttlMs = 0 }: RetryBudgetOptions) {
    this.#window = new TimeWindow(ttlMs, 2)
    this.#ratio = ratio
    this.#reserve = (minPerSecond * ttlMs) / 1_000
  }

  deposit(now: number): void {
    this.#window.advance(now)
    this.#window.count(1 << deposits)
  }

  tryWithdraw(now: number): boolean {
    if (this.balance(now) < 1 - rounding) return false
    this.#window.count(1 << withdrawals)
    return true
  }

  balance(now: number): number {
    this.#window.advance(now)
    return this.#reserve + this.#ratio * this.#window.total(deposits) - this.#window.total(withdrawals)
  }
}

/** Ten calls at 0.1 each are one retry, though not in binary fractions. */
const rounding = 1e-9
