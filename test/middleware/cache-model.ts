/** What a cache is to do, as a list of what it remembers and a list of who is under way, and commands to hold it against. */
import fc from 'fast-check'

/** The options that the model knows. */
export interface ModelOptions {
  readonly ttlMs: number
  readonly staleMs: number
  readonly maxEntries: number
}

/** What is asked, and how the service takes it, if it comes to that. */
export interface Asked {
  readonly sku: string
  readonly tookMs: number
  readonly fails: boolean
}

interface Entry {
  readonly sku: string
  readonly value: string
  readonly at: number
}

interface Run {
  readonly asked: Asked
  readonly endsAt: number
  readonly value: string
  /** The entry that it is to take the place of; none for a call that was not answered from memory. */
  readonly instead: Entry | undefined
  /** Tells the call that waits for it. */
  readonly answer: (value: string) => void
  /** How often something was forgotten before it began. */
  readonly forgotten: number
}

/** Runs go on in time; what they gave is remembered when they end. */
export class Model {
  /** Least recently used first. */
  entries: readonly Entry[] = []
  readonly events: string[] = []
  /** By call; a hole while it is under way. */
  readonly answers: string[] = []
  runs = 0
  #asked = 0
  #forgotten = 0
  #underWay: readonly Run[] = []
  #options: ModelOptions

  constructor(options: ModelOptions) {
    this.#options = options
  }

  ask(asked: Asked, now: number): void {
    const { ttlMs, staleMs } = this.#options
    const id = this.#asked++
    const known = this.entries.find(({ sku }) => sku === asked.sku)
    if (known !== undefined) this.entries = [...this.entries.filter(each => each !== known), known] // it is used
    if (known === undefined || now - known.at >= ttlMs + staleMs) {
      this.events.push('missed')
      const answer = (value: string): void => {
        this.answers[id] = value
      }
      this.#run({ asked, instead: undefined, answer }, now)
      return
    }
    this.answers[id] = known.value
    const isFresh = now - known.at < ttlMs
    this.events.push(isFresh ? 'hit' : 'stale')
    if (!isFresh && !this.#underWay.some(({ instead }) => instead === known))
      this.#run({ asked, instead: known, answer: () => {} }, now)
  }

  /** All that ends until then, one after the other. */
  advance(now: number): void {
    for (const run of this.#underWay.filter(({ endsAt }) => endsAt <= now).sort((a, b) => a.endsAt - b.endsAt)) {
      this.#underWay = this.#underWay.filter(each => each !== run)
      this.#end(run)
    }
  }

  forget(sku: string | undefined): void {
    this.#forgotten++
    this.entries = this.entries.filter(each => sku !== undefined && each.sku !== sku)
  }

  configure(options: ModelOptions): void {
    this.#options = options
  }

  #run(run: Pick<Run, 'asked' | 'instead' | 'answer'>, now: number): void {
    const value = `${run.asked.sku} ${++this.runs}`
    this.#underWay = [...this.#underWay, { ...run, value, endsAt: now + run.asked.tookMs, forgotten: this.#forgotten }]
    this.advance(now)
  }

  #end({ asked: { sku, fails }, endsAt, value, instead, forgotten, answer }: Run): void {
    answer(fails ? 'DOWN' : value)
    const isWanted = instead === undefined ? forgotten === this.#forgotten : this.entries.includes(instead)
    if (!fails && isWanted) {
      const others = this.entries.filter(each => each.sku !== sku)
      this.entries = [...others, { sku, value, at: endsAt }].slice(-this.#options.maxEntries)
    }
    if (instead !== undefined) this.events.push(fails ? 'refresh-failed' : 'refreshed')
  }
}

const sku = fc.constantFrom('a', 'b', 'c', 'd')
const options = {
  ttlMs: fc.integer({ min: 1, max: 100 }),
  staleMs: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 200 })),
  maxEntries: fc.integer({ min: 1, max: 4 }),
}

/** Options, and what happens. */
export const plan = fc.record({
  ...options,
  commands: fc.array(
    fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({
          do: fc.constant('ask' as const),
          sku,
          tookMs: fc.oneof(fc.constant(0), fc.nat(60)),
          fails: fc.integer({ min: 0, max: 3 }).map(n => n === 0),
        }),
      },
      { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(80) }) },
      {
        weight: 1,
        arbitrary: fc.record({ do: fc.constant('forget' as const), sku: fc.option(sku, { nil: undefined }) }),
      },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('configure' as const), ...options }) },
    ),
    { minLength: 20, maxLength: 100, size: 'max' },
  ),
})
