/** What a bulkhead is to do, as two lists for each key, and commands to hold it against. */
import fc from 'fast-check'

/** The options that the model knows, and that may change. */
export interface ModelOptions {
  readonly maxConcurrent: number
  readonly maxQueue: number
  readonly order: 'fifo' | 'lifo'
}

/** Who runs and who waits, of one key. */
interface Lists {
  readonly running: number[]
  readonly waiting: number[]
}

/** Calls that end when they are told, and keep their place until then. */
export class Model {
  /** Those that run, in the order in which they began. */
  readonly running: number[] = []
  readonly started: number[] = []
  readonly answers: Map<number, string> = new Map()
  readonly lists: Map<string, Lists> = new Map()
  readonly #short: Set<number> = new Set()
  /** How many keys there may be; `undefined` where all calls have the same places. */
  readonly #maxKeys: number | undefined
  #options: ModelOptions
  #count = 0

  constructor(options: ModelOptions, maxKeys: number | undefined) {
    this.#options = options
    this.#maxKeys = maxKeys
  }

  /** How many run that have a place, and how many wait. */
  get counts(): readonly [inFlight: number, queued: number] {
    const all = [...this.lists.values()]
    return [all.flatMap(({ running }) => running).length, all.flatMap(({ waiting }) => waiting).length]
  }

  begin(key: string | undefined, isShort: boolean): void {
    const id = this.#count++
    if (isShort) this.#short.add(id)
    if (key === undefined && this.#maxKeys !== undefined) {
      this.#run(id) // nobody counts it
      return
    }
    const lists = this.#listsOf(this.#maxKeys === undefined ? 'all' : `${key}`)
    const { maxConcurrent, maxQueue, order } = this.#options
    if (lists === undefined) this.answers.set(id, 'BULKHEAD_FULL')
    else if (lists.running.length < maxConcurrent && lists.waiting.length === 0) this.#run(id, lists)
    else if (lists.waiting.length < maxQueue) lists.waiting.push(id)
    else if (order === 'fifo' || maxQueue === 0) this.answers.set(id, 'BULKHEAD_FULL')
    else {
      this.answers.set(lists.waiting.shift() as number, 'BULKHEAD_FULL') // somebody waits
      lists.waiting.push(id)
    }
    this.#forget()
  }

  finish(id: number): void {
    remove(this.running, id)
    for (const { running } of this.lists.values()) remove(running, id)
    if (!this.answers.has(id)) this.answers.set(id, 'done')
    this.#admit()
  }

  /** Its caller is answered; if it runs, it goes on. */
  end(id: number, reason: string): void {
    if (this.answers.has(id)) return
    this.answers.set(id, reason)
    for (const { waiting } of this.lists.values()) remove(waiting, id)
    this.#forget()
  }

  /** The deadlines of all calls that have a short one. */
  expire(): void {
    for (const id of this.#short) this.end(id, 'DEADLINE_EXCEEDED')
    this.#short.clear()
  }

  configure(options: ModelOptions): void {
    this.#options = options
    this.#admit()
  }

  #listsOf(name: string): Lists | undefined {
    const known = this.lists.get(name)
    if (known !== undefined || this.lists.size >= (this.#maxKeys ?? 1)) return known
    const lists = { running: [], waiting: [] }
    this.lists.set(name, lists)
    return lists
  }

  #run(id: number, lists?: Lists): void {
    this.running.push(id)
    this.started.push(id)
    lists?.running.push(id)
  }

  #admit(): void {
    for (const lists of this.lists.values()) {
      while (lists.running.length < this.#options.maxConcurrent) {
        const next = this.#options.order === 'lifo' ? lists.waiting.pop() : lists.waiting.shift()
        if (next === undefined) break
        this.#run(next, lists)
      }
    }
    this.#forget()
  }

  #forget(): void {
    for (const [name, { running, waiting }] of this.lists)
      if (running.length === 0 && waiting.length === 0) this.lists.delete(name)
  }
}

function remove(from: number[], id: number): void {
  const at = from.indexOf(id)
  if (at >= 0) from.splice(at, 1)
}

const options = {
  maxConcurrent: fc.integer({ min: 1, max: 4 }),
  maxQueue: fc.nat(4),
  order: fc.constantFrom('fifo' as const, 'lifo' as const),
}
const commands = {
  begin: fc.record({
    do: fc.constant('begin' as const),
    isShort: fc.boolean(),
    key: fc.constantFrom('a', 'a', 'b', 'c', undefined),
  }),
  finish: fc.record({ do: fc.constant('finish' as const), which: fc.nat(9) }),
  cancel: fc.record({ do: fc.constant('cancel' as const), which: fc.nat(9) }),
  expire: fc.record({ do: fc.constant('expire' as const) }),
  configure: fc.record({ do: fc.constant('configure' as const), ...options }),
}
type Commands = {
  readonly [K in keyof typeof commands]: (typeof commands)[K] extends fc.Arbitrary<infer C> ? C : never
}

/** What to do for each command. */
export type Actions = { readonly [K in keyof Commands]: (command: Commands[K]) => unknown }

/** Options, for how many keys if for any, and what happens. */
export const plan: fc.Arbitrary<
  ModelOptions & { readonly maxKeys: number | undefined; readonly commands: readonly Commands[keyof Commands][] }
> = fc.record({
  ...options,
  maxKeys: fc.constantFrom(undefined, 2, 3),
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
