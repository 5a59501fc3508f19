/** What a bulkhead is to do, as two lists, and commands to hold it against. */
import fc from 'fast-check'

/** The options that the model knows. */
export interface ModelOptions {
  readonly maxConcurrent: number
  readonly maxQueue: number
  readonly order: 'fifo' | 'lifo'
}

/** Calls that end when they are told, and keep their place until then. */
export class Model {
  readonly running: number[] = []
  readonly waiting: number[] = []
  readonly started: number[] = []
  readonly answers: Map<number, string> = new Map()
  readonly #short: Set<number> = new Set()
  readonly #order: 'fifo' | 'lifo'
  #maxConcurrent: number
  #maxQueue: number
  #count = 0

  constructor({ order, maxConcurrent, maxQueue }: ModelOptions) {
    this.#order = order
    this.#maxConcurrent = maxConcurrent
    this.#maxQueue = maxQueue
  }

  begin(isShort: boolean): void {
    const id = this.#count++
    if (isShort) this.#short.add(id)
    if (this.running.length < this.#maxConcurrent && this.waiting.length === 0) this.#run(id)
    else if (this.waiting.length < this.#maxQueue) this.waiting.push(id)
    else if (this.#order === 'fifo' || this.#maxQueue === 0) this.answers.set(id, 'BULKHEAD_FULL')
    else {
      this.answers.set(this.waiting.shift() as number, 'BULKHEAD_FULL') // somebody waits
      this.waiting.push(id)
    }
  }

  finish(id: number): void {
    this.running.splice(this.running.indexOf(id), 1)
    if (!this.answers.has(id)) this.answers.set(id, 'done')
    this.#admit()
  }

  /** Its caller is answered; if it runs, it goes on. */
  end(id: number, reason: string): void {
    if (this.answers.has(id)) return
    this.answers.set(id, reason)
    const place = this.waiting.indexOf(id)
    if (place >= 0) this.waiting.splice(place, 1)
  }

  /** The deadlines of all calls that have a short one. */
  expire(): void {
    for (const id of this.#short) this.end(id, 'DEADLINE_EXCEEDED')
    this.#short.clear()
  }

  configure({ maxConcurrent, maxQueue }: Omit<ModelOptions, 'order'>): void {
    this.#maxConcurrent = maxConcurrent
    this.#maxQueue = maxQueue
    this.#admit()
  }

  #run(id: number): void {
    this.running.push(id)
    this.started.push(id)
  }

  #admit(): void {
    while (this.running.length < this.#maxConcurrent) {
      const next = this.#order === 'lifo' ? this.waiting.pop() : this.waiting.shift()
      if (next === undefined) return
      this.#run(next)
    }
  }
}

const sizes = { maxConcurrent: fc.integer({ min: 1, max: 4 }), maxQueue: fc.nat(4) }
const commands = {
  begin: fc.record({ do: fc.constant('begin' as const), isShort: fc.boolean() }),
  finish: fc.record({ do: fc.constant('finish' as const), which: fc.nat(9) }),
  cancel: fc.record({ do: fc.constant('cancel' as const), which: fc.nat(9) }),
  expire: fc.record({ do: fc.constant('expire' as const) }),
  configure: fc.record({ do: fc.constant('configure' as const), ...sizes }),
}
type Commands = {
  readonly [K in keyof typeof commands]: (typeof commands)[K] extends fc.Arbitrary<infer C> ? C : never
}

/** What to do for each command. */
export type Actions = { readonly [K in keyof Commands]: (command: Commands[K]) => unknown }

/** Options, and what happens. */
export const plan: fc.Arbitrary<ModelOptions & { readonly commands: readonly Commands[keyof Commands][] }> = fc.record({
  ...sizes,
  order: fc.constantFrom('fifo', 'lifo'),
  commands: fc.array(
    fc.oneof(
      { weight: 5, arbitrary: commands.begin },
      { weight: 3, arbitrary: commands.finish },
      { weight: 2, arbitrary: commands.cancel },
      { weight: 1, arbitrary: commands.expire },
      { weight: 1, arbitrary: commands.configure },
    ),
    { minLength: 10, maxLength: 60, size: 'max' },
  ),
})
