// A bound to how many calls run at once, so that one slow dependency does not take all of a process with it. What counts is work, not
// answers: a call that timed out keeps its place until what it began has really ended.
import {
  type Awaitable,
  type Context,
  definePolicy,
  type Entered,
  type Failure,
  failureOf,
  functionOption,
  type Guard,
  left,
  type MethodInfo,
  numberOption,
  oneOfOption,
  optional,
  type Policy,
  type PolicyControls,
  type PolicyEvent,
  type PolicyFrame,
  type PolicyOptions,
} from '../core/index.js'
import { type CallKey, keyOf } from './call-key.js'
import { samePolicyTwice } from './order-rules.js'
import { WaitingLine } from './waiting-line.js'

/** What a {@link bulkhead} tells. */
export interface BulkheadEvent extends PolicyEvent {
  readonly kind: 'bulkhead'
  /** `queued`: a call waits for a place. `refused`: a call was refused. `left`: a waiting call was cancelled, or met its deadline. */
  readonly type: 'queued' | 'refused' | 'left'
  /** How many calls run, after what happened. */
  readonly inFlight: number
  /** How many calls wait, after what happened. */
  readonly queued: number
  /** The key of the call, where there is one. */
  readonly key?: string
}

/** Options of {@link bulkhead}. */
export interface BulkheadOptions<C extends Context = Context> extends PolicyOptions<BulkheadEvent> {
  /** How many calls may run at once, of each key. Whole, 1 or more. Less than run now: these go on, and nobody follows them. */
  readonly maxConcurrent: number
  /** How many calls may wait for a place, of each key. Less than wait now: these stay. Whole, 0 or more. @defaultValue 0 */
  readonly maxQueue?: number
  /**
   * Who of those that wait is next. `lifo` serves those who can still be served in time, and when the queue is full refuses the one
   * that has waited longest, not the one that comes. @defaultValue 'fifo'
   */
  readonly order?: 'fifo' | 'lifo'
  /** Gives each key a bulkhead of its own. Cannot change. @defaultValue one for all calls */
  readonly key?: CallKey<C>
  /** How many keys may have calls running at once; a call of one more is refused. Whole, 1 or more. @defaultValue 10 000 */
  readonly maxKeys?: number
}

/** What can be seen of a bulkhead. */
export interface BulkheadState {
  /** How many calls run, of all keys: work that has not really ended, whether it was answered or not. */
  readonly inFlight: number
  /** How many calls wait, of all keys. */
  readonly queued: number
  /** How many keys have calls that run or wait; without `key`, 0. */
  readonly keys: number
}

/** What {@link bulkhead} makes. */
export interface Bulkhead extends Policy<BulkheadOptions, BulkheadEvent>, BulkheadState {}

/** What {@link bulkhead} makes where `key` reads `N` in the context: it needs a provider of that outside it. */
export interface BulkheadFor<N>
  extends Guard<N>,
    PolicyControls<BulkheadOptions<Context & N>, BulkheadEvent>,
    BulkheadState {}

/**
 * Lets `maxConcurrent` calls run at once and `maxQueue` more wait. Everybody else is refused with
 * `resource_exhausted`/`BULKHEAD_FULL`, `ran: 'no'`. A waiting call that is cancelled, or meets its deadline, leaves at once. A call
 * that runs keeps its place until its work has really ended: a stream until it has closed, work that ignores its abort until it is
 * done.
 *
 * Belongs outside a breaker, which must not learn of its refusals, and outside `timeout`, whose late work it counts. Outside `retry`
 * a call keeps its place while it waits between attempts; inside, each attempt takes one.
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { call, fromPromise, isLeft } from 'tenon'
 * import { bulkhead } from 'tenon/middleware'
 *
 * const small = bulkhead({ maxConcurrent: 1 })
 * const endpoint = small(fromPromise(() => new Promise(resolve => setTimeout(() => resolve('done'), 10))))
 * const [first, second] = await Promise.all([call(endpoint, {}), call(endpoint, {})])
 * assert.ok(!isLeft(first))
 * assert.ok(isLeft(second) && second.left.reason === 'BULKHEAD_FULL')
 * ```
 */
export function bulkhead(options: BulkheadOptions): Bulkhead
/** As above, with a `key` that needs more of the context: `bulkhead({ …, key: (_, context: Context & Authenticated<User>) => … })`. */
export function bulkhead<N>(options: BulkheadOptions<Context & N>): BulkheadFor<N>
export function bulkhead(options: BulkheadOptions): Bulkhead {
  return bulkheadPolicy(options)
}

/** The calls of one key. */
class Compartment {
  readonly key: string | undefined
  /** What a call that enters is given: made once. */
  readonly entered: { readonly state: Compartment }
  readonly line: WaitingLine = new WaitingLine()
  inFlight = 0

  constructor(key: string | undefined) {
    this.key = key
    this.entered = { state: this }
  }
}

/** A call that wants a place. */
interface EnteringCall {
  readonly context: Context
  readonly options: BulkheadOptions
  readonly method: MethodInfo | undefined
}

class Compartments implements BulkheadState {
  readonly #frame: PolicyFrame<BulkheadOptions, BulkheadEvent>
  readonly #common: Compartment = new Compartment(undefined)
  /** Those in use, and no others: nothing has to be forgotten. */
  readonly #byKey: Map<string, Compartment> = new Map()
  /** How many calls with a key run. */
  #keyed = 0
  queued = 0

  constructor(frame: PolicyFrame<BulkheadOptions, BulkheadEvent>) {
    this.#frame = frame
  }

  get inFlight(): number {
    return this.#common.inFlight + this.#keyed
  }

  get keys(): number {
    return this.#byKey.size
  }

  enter(context: Context, request: unknown, method: MethodInfo | undefined): Awaitable<Entered<Compartment>> {
    const options = this.#frame.current
    if (options.key !== undefined) return this.#enterOwn(options.key, request, { context, options, method })
    const common = this.#common
    // What nearly all calls come to is here and short: the engine puts only so much into one function.
    if (common.inFlight >= options.maxConcurrent || common.line.length > 0)
      return this.#wait(common, { context, options, method })
    common.inFlight++
    return common.entered
  }

  #enterOwn(key: CallKey, request: unknown, call: EnteringCall): Awaitable<Entered<Compartment>> {
    const { context, options, method } = call
    const name = keyOf(key, { policy: 'bulkhead', request, context })
    if (name === undefined) return undefined
    const compartment = this.#find(name, options)
    if (compartment === undefined) return left(this.#refusal(name, method))
    if (compartment.inFlight >= options.maxConcurrent || compartment.line.length > 0)
      return this.#wait(compartment, call)
    this.#begin(compartment)
    return compartment.entered
  }

  /** The work of a call has really ended. */
  leave(compartment: Compartment): void {
    compartment.inFlight--
    if (compartment.key !== undefined) this.#keyed--
    if (compartment.key !== undefined || compartment.line.length > 0) this.#admit(compartment)
  }

  /** Options have changed: there may be places for those that wait. */
  admitAll(): void {
    this.#admit(this.#common)
    for (const compartment of this.#byKey.values()) this.#admit(compartment)
  }

  #find(name: string, { maxKeys = defaults.maxKeys }: BulkheadOptions): Compartment | undefined {
    let compartment = this.#byKey.get(name)
    if (compartment === undefined && this.#byKey.size < maxKeys) {
      compartment = new Compartment(name)
      this.#byKey.set(name, compartment)
    }
    return compartment
  }

  async #wait(compartment: Compartment, call: EnteringCall): Promise<Entered<Compartment>> {
    const { maxQueue = defaults.maxQueue, order } = call.options
    const { line } = compartment
    const { method } = call
    if (line.length >= maxQueue) {
      if (order !== 'lifo' || maxQueue === 0) return left(this.#refusal(compartment.key, method))
      const oldest = line.takeOldest()
      this.queued--
      oldest?.end(this.#refusal(compartment.key, undefined)) // of a method that is not known here
    }
    this.queued++
    const turn = line.join(call.context, () => {
      this.queued--
      this.#tell('left', compartment.key, method)
      this.#drop(compartment)
    })
    this.#tell('queued', compartment.key, method)
    const ended = await turn
    return ended === undefined ? compartment.entered : left(ended)
  }

  #begin(compartment: Compartment): void {
    compartment.inFlight++
    if (compartment.key !== undefined) this.#keyed++
  }

  #admit(compartment: Compartment): void {
    const { maxConcurrent, order } = this.#frame.current
    const { line } = compartment
    while (compartment.inFlight < maxConcurrent) {
      const next = order === 'lifo' ? line.takeNewest() : line.takeOldest()
      if (next === undefined) break
      this.queued--
      this.#begin(compartment)
      next.end(undefined)
    }
    this.#drop(compartment)
  }

  #drop({ key, inFlight, line }: Compartment): void {
    if (key !== undefined && inFlight === 0 && line.length === 0) this.#byKey.delete(key)
  }

  #refusal(key: string | undefined, method: MethodInfo | undefined): Failure {
    this.#tell('refused', key, method)
    return failureOf('resource_exhausted', 'BULKHEAD_FULL', 'as many calls run and wait as may', { ran: 'no' })
  }

  #tell(type: BulkheadEvent['type'], key: string | undefined, method: MethodInfo | undefined): void {
    if (!this.#frame.isObserved) return
    const { inFlight, queued } = this
    this.#frame.emit({ type, inFlight, queued, ...(key !== undefined && { key }), method })
  }
}

const defaults = { maxQueue: 0, maxKeys: 10_000 } as const

const bulkheadPolicy = definePolicy<BulkheadOptions, BulkheadEvent, BulkheadState>({
  kind: 'bulkhead',
  lint: [samePolicyTwice],
  rules: {
    maxConcurrent: numberOption({ min: 1, integer: true }),
    maxQueue: numberOption({ fallback: defaults.maxQueue, min: 0, integer: true }),
    order: oneOfOption(['fifo', 'lifo'], 'fifo'),
    key: optional({ ...functionOption<CallKey>(), fixed: true }),
    maxKeys: numberOption({ fallback: defaults.maxKeys, min: 1, integer: true }),
  },
  create(frame) {
    const compartments = new Compartments(frame)
    const middleware = frame.around<Compartment | undefined>(method => ({
      enter: (context, request) => compartments.enter(context, request, method),
      settled: compartment => {
        if (compartment !== undefined) compartments.leave(compartment)
      },
    }))
    const controls = {
      get inFlight() {
        return compartments.inFlight
      },
      get queued() {
        return compartments.queued
      },
      get keys() {
        return compartments.keys
      },
    }
    return { middleware, controls, changed: () => compartments.admitAll() }
  },
})
