/** What a rate limit with a queue is to do: whole milliseconds of debt, and a list, looked at in each millisecond. */
import fc from 'fast-check'

/** The options that the model knows. */
export interface ModelOptions {
  readonly windowMs: number
  readonly burst: number
  readonly maxQueue: number
}

/** One call costs `windowMs` of debt, which shrinks with time and may be as much as `burst` calls cost. */
export class Model {
  readonly waiting: number[] = []
  readonly started: number[] = []
  readonly #options: ModelOptions
  #debtMs = 0
  #count = 0

  constructor(options: ModelOptions) {
    this.#options = options
  }

  begin(): void {
    const id = this.#count++
    if ((this.waiting.length > 0 || !this.#isFree) && this.waiting.length >= this.#options.maxQueue) return
    this.waiting.push(id)
    this.#admit()
  }

  cancel(id: number): void {
    const place = this.waiting.indexOf(id)
    if (place >= 0) this.waiting.splice(place, 1)
  }

  pass(ms: number): void {
    for (let i = 0; i < ms; i++) {
      this.#debtMs = Math.max(0, this.#debtMs - 1)
      this.#admit()
    }
  }

  get #isFree(): boolean {
    const { windowMs, burst } = this.#options
    return this.#debtMs + windowMs <= burst * windowMs
  }

  #admit(): void {
    while (this.#isFree) {
      const next = this.waiting.shift()
      if (next === undefined) return
      this.started.push(next)
      this.#debtMs += this.#options.windowMs
    }
  }
}

const commands = {
  begin: fc.record({ do: fc.constant('begin' as const) }),
  pass: fc.record({ do: fc.constant('pass' as const), ms: fc.nat(60) }),
  cancel: fc.record({ do: fc.constant('cancel' as const), which: fc.nat(20) }),
}
type Commands = {
  readonly [K in keyof typeof commands]: (typeof commands)[K] extends fc.Arbitrary<infer C> ? C : never
}

/** What to do for each command. */
export type Actions = { readonly [K in keyof Commands]: (command: Commands[K]) => unknown }

/** Options, and what happens. */
export const plan: fc.Arbitrary<
  ModelOptions & { readonly algorithm: 'gcra' | 'token-bucket'; readonly commands: readonly Commands[keyof Commands][] }
> = fc.record({
  windowMs: fc.integer({ min: 1, max: 20 }),
  burst: fc.integer({ min: 1, max: 3 }),
  maxQueue: fc.nat(5),
  algorithm: fc.constantFrom('gcra', 'token-bucket'),
  commands: fc.array(
    fc.oneof(
      { weight: 4, arbitrary: commands.begin },
      { weight: 3, arbitrary: commands.pass },
      { weight: 1, arbitrary: commands.cancel },
    ),
    { minLength: 10, maxLength: 50, size: 'max' },
  ),
})
