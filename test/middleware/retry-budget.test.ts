/** A retry budget is never exceeded, whoever draws on it in whatever order. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { retryBudget } from '../../src/middleware/index.js'
import { deep } from '../deep.js'

/** Keeps the time of everything, and counts anew each time. */
class BudgetModel {
  readonly calls: number[] = []
  readonly retries: number[] = []
  readonly #ratio: number
  readonly #reserve: number
  readonly #ttlMs: number

  constructor({ ratio, minPerSecond, ttlMs }: { ratio: number; minPerSecond: number; ttlMs: number }) {
    this.#ratio = ratio
    this.#reserve = (minPerSecond * ttlMs) / 1_000
    this.#ttlMs = ttlMs
  }

  balance(now: number): number {
    const slice = (at: number): number => Math.floor(at / (this.#ttlMs / 10))
    const lately = (times: readonly number[]): number => times.filter(at => slice(at) > slice(now) - 10).length
    return this.#reserve + this.#ratio * lately(this.calls) - lately(this.retries)
  }

  /** What the budget promises, without slices: the retries of nine tenths of any ttl are paid by the calls of all of it. */
  isKeptAt(now: number): boolean {
    const since = (times: readonly number[], ms: number): number => times.filter(at => at > now - ms).length
    const allowed = this.#reserve + this.#ratio * since(this.calls, this.#ttlMs)
    return since(this.retries, 0.9 * this.#ttlMs) <= allowed + 1e-6
  }
}

const options = fc.record({
  ratio: fc.constantFrom(0, 0.1, 0.2, 0.5, 1, 2),
  minPerSecond: fc.constantFrom(0, 0.5, 1, 10),
  ttlMs: fc.constantFrom(100, 1_000, 2_500, 10_000),
})
const steps = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.constant('call' as const) },
    { weight: 4, arbitrary: fc.constant('retry' as const) },
    { weight: 3, arbitrary: fc.integer({ min: 1, max: 3_000 }) },
  ),
  { minLength: 20, maxLength: 120, size: 'max' },
)

test('gives what its model gives, and never more than it promises', { timeout: deep(30_000, 600_000) }, () => {
  let given = 0
  let withheld = 0
  const run = fc.property(options, steps, (given_, all) => {
    const budget = retryBudget(given_)
    const model = new BudgetModel(given_)
    let now = 12.5
    for (const step of all) {
      if (typeof step === 'number') now += step
      else if (step === 'call') {
        budget.deposit(now)
        model.calls.push(now)
      } else {
        const has = model.balance(now) >= 1 - 1e-9
        expect(budget.tryWithdraw(now)).toBe(has)
        if (has) {
          given++
          model.retries.push(now)
          expect(model.isKeptAt(now)).toBe(true)
        } else withheld++
      }
      expect(budget.balance(now)).toBeCloseTo(model.balance(now), 6)
    }
  })
  fc.assert(run, { numRuns: deep(300, 10_000) })
  expect(Math.min(given, withheld)).toBeGreaterThan(100)
})

describe('a budget', () => {
  test('is by default ten retries a second, and a fifth of the calls', () => {
    const budget = retryBudget()
    expect(budget.balance(0)).toBe(100)
    for (let i = 0; i < 10; i++) budget.deposit(0)
    expect(budget.balance(0)).toBe(102)
  })

  test('forgets after ttlMs what was put in, and what was taken', () => {
    const budget = retryBudget({ ratio: 1, minPerSecond: 0, ttlMs: 1_000 })
    budget.deposit(0)
    expect(budget.tryWithdraw(900)).toBe(true)
    expect(budget.tryWithdraw(900)).toBe(false)
    expect(budget.balance(1_000)).toBe(-1)
    expect(budget.balance(1_900)).toBe(0)
  })

  test('of a hundred calls at 0.29 each is 29 retries, though 0.29 is no binary fraction', () => {
    const budget = retryBudget({ ratio: 0.29, minPerSecond: 0 })
    for (let i = 0; i < 100; i++) budget.deposit(0)
    const given = Array.from({ length: 40 }, () => budget.tryWithdraw(0))
    expect(given.filter(Boolean).length).toBe(29)
  })

  test('may be without a bound', () => {
    const budget = retryBudget({ minPerSecond: Infinity })
    for (let i = 0; i < 1_000; i++) expect(budget.tryWithdraw(0)).toBe(true)
  })
})

test.each([{ ratio: -1 }, { minPerSecond: Number.NaN }, { ttlMs: 0 }])('refuses %o', wrong => {
  expect(() => retryBudget(wrong)).toThrow(RangeError)
})

test('refuses an option that there is not', () => {
  expect(() => retryBudget({ percent: 20 } as object)).toThrow(
    new TypeError("retryBudget: there is no option 'percent'"),
  )
})
