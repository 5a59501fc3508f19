// Refuses what cannot be done in time, early and cheaply: an overloaded server that takes on everything answers nothing. How much it can
// take is found out while it runs, so there is no number to get wrong.
import {
  type Context,
  definePolicy,
  type Entered,
  type Failure,
  failed,
  functionOption,
  isFailure,
  left,
  type MethodInfo,
  numberOption,
  type Outcome,
  onCancelled,
  oneOfOption,
  type Policy,
  type PolicyEvent,
  type PolicyFrame,
  type PolicyOptions,
} from '../core/index.js'
import { CodelQueue } from './codel-queue.js'
import { type LimitAlgorithm, type LimitAlgorithmName, limitAlgorithm } from './concurrency-limit.js'
import { LimitWindow } from './limit-window.js'
import { LoopDelay } from './loop-delay.js'
import { samePolicyTwice, shedInsideQueue, shedInsideRetry } from './order-rules.js'

/** How much it matters that a call is served: the first to be refused, most calls, and the last to be refused. */
export type Criticality = 'sheddable' | 'normal' | 'critical'

/** What a {@link shed} tells. */
export interface ShedEvent extends PolicyEvent {
  readonly kind: 'shed'
  /** `shed`: a call was refused. `limit`: how many may go on has changed. */
  readonly type: 'shed' | 'limit'
  /** How many calls may go on. */
  readonly limit: number
  /** Why a call was refused: too many go on, it waited too long, or the event loop is late. */
  readonly why?: 'limit' | 'queue' | 'event-loop'
}

/** Options of {@link shed}. */
export interface ShedOptions extends PolicyOptions<ShedEvent> {
  /**
   * How the limit is found: `gradient` and `vegas` by latency, `aimd` by calls that came too late or were refused further in. Cannot
   * change. @defaultValue 'gradient'
   */
  readonly algorithm?: LimitAlgorithmName
  /** The limit to begin with, from `minLimit` to `maxLimit`. Cannot change. @defaultValue 20, or the nearest that is within them */
  readonly initialLimit?: number
  /** The least that the limit may become, from 1. @defaultValue 5 */
  readonly minLimit?: number
  /** The most that it may become. @defaultValue 1 000 */
  readonly maxLimit?: number
  /** How many calls may wait for a place; 0 for none. @defaultValue 100 */
  readonly maxQueue?: number
  /** How long a call may wait while calls keep waiting, in ms. @defaultValue 5 */
  readonly targetMs?: number
  /** How long it may wait otherwise, and how long calls have to keep waiting until that counts as overload, in ms. @defaultValue 100 */
  readonly intervalMs?: number
  /** From which delay of the event loop on only critical calls are served, in ms; Infinity for never. @defaultValue 200 */
  readonly maxLoopDelayMs?: number
  /** How critical a call is. Pure. @defaultValue normal, all of them */
  readonly criticality?: (request: unknown, context: Context, method: MethodInfo | undefined) => Criticality
}

/** What {@link shed} makes. */
export interface Shed extends Policy<ShedOptions, ShedEvent> {
  /** How many calls may go on. */
  readonly limit: number
  /** How many do, work included that goes on after its call has ended. */
  readonly inFlight: number
  /** How many wait. */
  readonly queued: number
}

/**
 * Refuses calls with `resource_exhausted`/`OVERLOADED`, `ran: 'no'`, where more would make all of them late: beyond a limit that follows
 * the latency, after a short wait in a queue that tells bursts from overload, and when the event loop is late. `sheddable` calls have
 * 70 % of the limit, `critical` ones 120 %, and a more critical call takes the place in the queue of a less critical one.
 *
 * Belongs outermost on a server, right inside logging and metrics: a refusal must cost next to nothing. On a client use `bulkhead`.
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { call, fromPromise } from 'tenon'
 * import { shed } from 'tenon/middleware'
 *
 * const overload = shed({ initialLimit: 1, minLimit: 1, maxQueue: 0 })
 * const endpoint = overload(fromPromise(() => new Promise<void>(() => {})))
 * void call(endpoint, {}, { deadlineMs: 50 })
 * const refused = await call(endpoint, {})
 * assert.ok(refused._tag === 'Left' && refused.left.reason === 'OVERLOADED' && refused.left.ran === 'no')
 * ```
 */
export function shed(options: ShedOptions = {}): Shed {
  const made = shedPolicy(options)
  const { initialLimit, minLimit = 5, maxLimit = 1_000 } = options
  if (initialLimit !== undefined && (initialLimit < minLimit || initialLimit > maxLimit))
    throw new RangeError(
      `shed: initialLimit must be in [minLimit, maxLimit], got ${initialLimit}, ${minLimit} and ${maxLimit}`,
    )
  return made
}

const shedPolicy = definePolicy<ShedOptions, ShedEvent, Pick<Shed, 'limit' | 'inFlight' | 'queued'>>({
  kind: 'shed',
  lint: [samePolicyTwice, shedInsideQueue, shedInsideRetry],
  rules: {
    algorithm: { ...oneOfOption(['gradient', 'vegas', 'aimd'], 'gradient'), fixed: true },
    initialLimit: { ...numberOption({ fallback: 20, min: 1 }), fixed: true },
    minLimit: numberOption({ fallback: 5, min: 1 }),
    maxLimit: numberOption({ fallback: 1_000, min: 1 }),
    maxQueue: numberOption({ fallback: 100, min: 0, max: 10_000, integer: true }),
    targetMs: numberOption({ fallback: 5, min: 0 }),
    intervalMs: numberOption({ fallback: 100, min: 0 }),
    maxLoopDelayMs: numberOption({ fallback: 200, above: 0, max: Number.POSITIVE_INFINITY }),
    criticality: functionOption(() => 'normal'),
  },
  wrongWith({ minLimit = 5, maxLimit = 1_000, targetMs = 5, intervalMs = 100 }) {
    if (minLimit > maxLimit) return `minLimit must be at most maxLimit, got ${minLimit} and ${maxLimit}`
    if (targetMs > intervalMs) return `targetMs must be at most intervalMs, got ${targetMs} and ${intervalMs}`
    return undefined
  },
  create(frame) {
    const gate = new Gate(frame)
    const middleware = frame.around<Admitted>(method => ({
      enter: (context, request) => gate.enter(context, request, method),
      opened: admitted => {
        admitted.isStream = true
      },
      exit: (outcome, admitted, context) => gate.learn(outcome, admitted, context),
      settled: () => gate.release(),
    }))
    return { middleware, controls: gate.controls, changed: () => gate.admitAll() }
  },
})

/** A call that was let in. */
interface Admitted {
  readonly startedAt: number
  /** How many went on when it began, itself included. */
  readonly inFlight: number
  isStream: boolean
}

const priorities: Readonly<Record<Criticality, number>> = { sheddable: 0, normal: 1, critical: 2 }
/** How much of the limit each priority has: the more important, the more, so that whoever waits holds back nobody more important. */
const shares: readonly number[] = [0.7, 1, 1.2]

class Gate {
  readonly controls: Pick<Shed, 'limit' | 'inFlight' | 'queued'>
  readonly #frame: PolicyFrame<ShedOptions, ShedEvent>
  readonly #algorithm: LimitAlgorithm
  readonly #window: LimitWindow = new LimitWindow()
  readonly #delay: LoopDelay = new LoopDelay()
  readonly #queue: CodelQueue
  #limit: number
  #inFlight = 0

  constructor(frame: PolicyFrame<ShedOptions, ShedEvent>) {
    const { algorithm = 'gradient', initialLimit = 20 } = frame.current
    this.#frame = frame
    this.#algorithm = limitAlgorithm(algorithm)
    this.#limit = initialLimit
    this.#queue = new CodelQueue(() => {
      const { maxQueue = 100, targetMs = 5, intervalMs = 100 } = frame.current
      return { maxQueue, targetMs, intervalMs }
    })
    this.controls = this.#controls()
  }

  #controls(): Pick<Shed, 'limit' | 'inFlight' | 'queued'> {
    const limit = (): number => this.#allowed
    const inFlight = (): number => this.#inFlight
    const queued = (): number => this.#queue.length
    return {
      get limit() {
        return limit()
      },
      get inFlight() {
        return inFlight()
      },
      get queued() {
        return queued()
      },
    }
  }

  /** The limit, within bounds that may have changed. */
  get #allowed(): number {
    const { minLimit = 5, maxLimit = 1_000 } = this.#frame.current
    return Math.floor(Math.min(maxLimit, Math.max(minLimit, this.#limit)))
  }

  enter(
    context: Context,
    request: unknown,
    method: MethodInfo | undefined,
  ): Entered<Admitted> | Promise<Entered<Admitted>> {
    const { criticality, maxLoopDelayMs = 200, maxQueue = 100 } = this.#frame.current
    const level = criticality?.(request, context, method) ?? 'normal'
    const priority: unknown = priorities[level]
    if (typeof priority !== 'number')
      throw new TypeError(`shed: criticality must give one of its words, got ${String(level)}`)
    if (level !== 'critical' && maxLoopDelayMs < Number.POSITIVE_INFINITY) {
      if (this.#delay.of(context.clock) > maxLoopDelayMs) return this.#refuse('event-loop', method)
    }
    if (this.#isFree(priority) && (this.#queue.length === 0 || !this.#queue.holdsBack(priority)))
      return this.#admit(context)
    return maxQueue === 0 ? this.#refuse('limit', method) : this.#wait(context, priority, method)
  }

  #admit(context: Context): { readonly state: Admitted } {
    this.#inFlight++
    return { state: { startedAt: context.clock.now(), inFlight: this.#inFlight, isStream: false } }
  }

  /** Whether there is a place for a call that is so important. */
  #isFree(priority: number): boolean {
    return this.#inFlight < this.#allowed * (shares[priority] ?? 0)
  }

  #wait(context: Context, priority: number, method: MethodInfo | undefined): Promise<Entered<Admitted>> {
    return new Promise(resolve => {
      let unlink = (): void => {} // it may be dropped before it waits
      const leave = this.#queue.add(
        {
          priority,
          admit: () => {
            unlink()
            resolve(this.#admit(context))
          },
          drop: () => {
            unlink()
            resolve(this.#refuse('queue', method))
          },
        },
        context.clock,
      )
      unlink = onCancelled(context, (failure: Failure) => {
        leave()
        resolve(left({ ...failure, ran: 'no' }))
      })
    })
  }

  #refuse(why: NonNullable<ShedEvent['why']>, method: MethodInfo | undefined): Entered<Admitted> {
    this.#frame.emit({ type: 'shed', why, limit: this.#allowed, method })
    return failed('resource_exhausted', 'OVERLOADED', 'the service has more to do than it can', { ran: 'no' })
  }

  learn(outcome: Outcome, { isStream, startedAt, inFlight }: Admitted, { clock }: Context): void {
    const code = outcome._tag === 'Left' && isFailure(outcome.left) ? outcome.left.code : undefined
    // How long a stream lasts says nothing about load, and a call that its caller cancelled says nothing at all.
    if (isStream || code === 'cancelled') return
    const now = clock.now()
    const hasDropped = code === 'deadline_exceeded' || code === 'resource_exhausted'
    const sample = this.#window.add(now, { latencyMs: Math.max(0.1, now - startedAt), inFlight, hasDropped })
    if (sample === undefined) return
    const { minLimit = 5, maxLimit = 1_000 } = this.#frame.current
    const before = this.#allowed
    this.#limit = Math.min(maxLimit, Math.max(minLimit, this.#algorithm.next(this.#limit, sample)))
    if (this.#allowed !== before) this.#frame.emit({ type: 'limit', limit: this.#allowed })
  }

  release(): void {
    this.#inFlight--
    this.admitAll()
  }

  /** There may be places for those that wait, or less time: drops those that wait too long, and sets the timer for the others. */
  admitAll(): void {
    while (this.#queue.length > 0) if (!this.#queue.admit(priority => this.#isFree(priority))) return
  }
}
