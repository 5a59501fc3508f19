/**
 * `shed` as its documentation tells it: a list of calls that go on, a list of those that have ended since the last sample, and a queue
 * that is itself a model. The algorithm is the real one, which limit-model.test.ts holds against a model of its own.
 */
import fc from 'fast-check'
import { type LimitAlgorithm, type LimitAlgorithmName, limitAlgorithm } from '../../src/middleware/concurrency-limit.js'
import type { Criticality } from '../../src/middleware/index.js'
import { CodelModel } from './codel-queue-model.js'

export interface ModelOptions {
  readonly algorithm: LimitAlgorithmName
  readonly initialLimit: number
  readonly minLimit: number
  readonly maxLimit: number
  readonly maxQueue: number
  readonly targetMs: number
  readonly intervalMs: number
}

/** What becomes of work: `late` and `refused` say that something is overloaded. */
export type End = 'fine' | 'wrong' | 'down' | 'late' | 'refused'

interface Going {
  readonly since: number
  readonly inFlight: number
}

const levels: readonly Criticality[] = ['sheddable', 'normal', 'critical']
const shares = [0.7, 1, 1.2]

export class ShedModel {
  readonly going: Map<number, Going> = new Map()
  readonly started: number[] = []
  readonly answers: Map<number, string> = new Map()
  readonly events: string[] = []
  readonly #queue: CodelModel
  readonly #algorithm: LimitAlgorithm
  readonly #levels: Map<number, Criticality> = new Map()
  #options: ModelOptions
  #limit: number
  #now = 0
  #heard = 0
  #windowSince: number | undefined
  #ended: { latencyMs: number; inFlight: number; hasDropped: boolean }[] = []

  constructor(options: ModelOptions) {
    this.#options = options
    this.#algorithm = limitAlgorithm(options.algorithm)
    this.#limit = options.initialLimit
    this.#queue = new CodelModel(options)
  }

  get limit(): number {
    return Math.floor(this.#within(this.#limit))
  }

  get queued(): number {
    return this.#queue.calls.length
  }

  /** Goes on if there is a place for such as it is and nobody waits whom it would overtake. */
  begin(id: number, level: Criticality): void {
    this.#levels.set(id, level)
    const priority = levels.indexOf(level)
    const isFirst = this.#queue.calls.every(call => call.priority < priority)
    if (isFirst && this.#isFree(priority)) this.#start(id)
    else if (this.#options.maxQueue === 0) this.#refuse(id, 'limit')
    else {
      this.#queue.add(`${id}`, priority)
      this.#listen()
    }
  }

  finish(id: number, end: End): void {
    const call = this.going.get(id)
    if (call === undefined) return
    if (!this.answers.has(id)) {
      this.answers.set(id, end)
      this.#learn(call, end)
    }
    this.going.delete(id)
    this.#admitAll()
  }

  #admitAll(): void {
    while (this.#queue.admit(priority => this.#isFree(priority))) this.#listen()
    this.#listen()
  }

  /** Its caller is answered; if it goes on, it keeps its place. */
  cancel(id: number): void {
    if (this.answers.has(id)) return
    this.answers.set(id, 'cancelled')
    this.#queue.leave(`${id}`)
  }

  wait(ms: number): void {
    this.#now += ms
    this.#queue.wait(ms)
    this.#listen()
  }

  configure(changes: Partial<ModelOptions>): void {
    this.#options = { ...this.#options, ...changes }
    this.#queue.limits = this.#options
    this.#admitAll()
  }

  #isFree(priority: number): boolean {
    return this.going.size < this.limit * (shares[priority] ?? 0)
  }

  #within(limit: number): number {
    return Math.min(this.#options.maxLimit, Math.max(this.#options.minLimit, limit))
  }

  #start(id: number): void {
    this.going.set(id, { since: this.#now, inFlight: this.going.size + 1 })
    this.started.push(id)
  }

  #refuse(id: number, why: string): void {
    this.answers.set(id, 'OVERLOADED')
    this.events.push(`shed ${why} ${this.limit}`)
  }

  /** What the queue has told since it was last listened to. */
  #listen(): void {
    for (; this.#heard < this.#queue.told.length; this.#heard++) {
      const [id, what] = this.#queue.told[this.#heard]?.split(' ') ?? []
      if (what === 'in') this.#start(Number(id))
      else this.#refuse(Number(id), 'queue')
    }
  }

  #learn({ since, inFlight }: Going, end: End): void {
    this.#windowSince ??= this.#now
    this.#ended.push({
      latencyMs: this.#now === since ? 0.1 : this.#now - since,
      inFlight,
      hasDropped: end === 'late' || end === 'refused',
    })
    if (this.#now < this.#windowSince + 250 || this.#ended.length < 10) return
    const all = this.#ended
    const sample = {
      latencyMs: all.reduce((sum, each) => sum + each.latencyMs, 0) / all.length,
      inFlight: Math.max(...all.map(each => each.inFlight)),
      hasDropped: all.some(each => each.hasDropped),
    }
    this.#windowSince = this.#now
    this.#ended = []
    const before = this.limit
    this.#limit = this.#within(this.#algorithm.next(this.#limit, sample))
    if (this.limit !== before) this.events.push(`limit ${this.limit}`)
  }
}

const small = { minLimit: fc.integer({ min: 1, max: 6 }), maxLimit: fc.integer({ min: 6, max: 12 }) }
const maxQueue = fc.constantFrom(0, 1, 3, 8)
const several = fc.integer({ min: 1, max: 6 })
const commands = {
  begin: fc.record({ do: fc.constant('begin' as const), level: fc.constantFrom(...levels), times: several }),
  finish: fc.record({
    do: fc.constant('finish' as const),
    which: fc.nat(9),
    end: fc.constantFrom<End[]>('fine', 'fine', 'fine', 'wrong', 'down', 'late', 'refused'),
    times: several,
  }),
  cancel: fc.record({ do: fc.constant('cancel' as const), which: fc.nat(9) }),
  wait: fc.record({ do: fc.constant('wait' as const), ms: fc.oneof(fc.nat(20), fc.nat(300)) }),
  configure: fc.record({ do: fc.constant('configure' as const), to: fc.record({ ...small, maxQueue }) }),
}
type Commands = {
  readonly [K in keyof typeof commands]: (typeof commands)[K] extends fc.Arbitrary<infer C> ? C : never
}

/** What to do for each command. */
export type Actions = { readonly [K in keyof Commands]: (command: Commands[K]) => unknown }

/** Options, and what happens. */
export const plan: fc.Arbitrary<{
  readonly options: ModelOptions
  readonly commands: readonly Commands[keyof Commands][]
}> = fc.record({
  options: fc
    .record({
      ...small,
      maxQueue,
      algorithm: fc.constantFrom<LimitAlgorithmName[]>('gradient', 'vegas', 'aimd'),
      initialLimit: fc.integer({ min: 1, max: 12 }),
      targetMs: fc.constantFrom(0, 5, 20),
      intervalMs: fc.constantFrom(20, 50, 100),
    })
    .map(({ initialLimit, ...rest }) => ({
      ...rest,
      initialLimit: Math.min(rest.maxLimit, Math.max(rest.minLimit, initialLimit)),
    })),
  commands: fc.array(
    fc.oneof(
      { weight: 5, arbitrary: commands.begin },
      { weight: 5, arbitrary: commands.finish },
      { weight: 1, arbitrary: commands.cancel },
      { weight: 4, arbitrary: commands.wait },
      { weight: 2, arbitrary: commands.configure },
    ),
    { minLength: 10, maxLength: 60, size: 'max' },
  ),
})
