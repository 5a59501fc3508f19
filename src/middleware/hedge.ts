// A second attempt for calls that take unusually long, without waiting for the first to fail: what cuts the tail where one replica of
// many is slow (Dean and Barroso, "The Tail at Scale"). Bounded by a share of all calls, so that it adds no load when all are slow.
import {
  type Branch,
  blame,
  branch,
  type Context,
  definePolicy,
  failureOf,
  isFailure,
  type MethodInfo,
  type Next,
  numberOption,
  type Outcome,
  type Policy,
  type PolicyEvent,
  type PolicyOptions,
  type Timer,
} from '../core/index.js'
import { isStream } from '../core/stream.js'
import { LatencyHistogram } from './latency-histogram.js'
import { hedgeOutsideSingleFlight, hedgeWithoutCancellation, hedgeWithRetry } from './order-rules.js'

/** What a {@link hedge} tells. */
export interface HedgeEvent extends PolicyEvent {
  readonly kind: 'hedge'
  /** `hedged`: a second attempt began. `won`: it was the first to succeed. `refused`: there was no share left for one. */
  readonly type: 'hedged' | 'won' | 'refused'
  /** How long the first attempt had been under way, in ms. */
  readonly afterMs: number
}

/** Options of {@link hedge}. */
export interface HedgeOptions extends PolicyOptions<HedgeEvent> {
  /** Calls that take longer than this share of calls takes are hedged: in (0, 1). @defaultValue 0.95 */
  readonly percentile?: number
  /** The most that hedging adds, as a share of all calls: in (0, 1]. @defaultValue 0.05 */
  readonly maxExtraRatio?: number
  /** Never hedges sooner than this, in ms: 1 or more. @defaultValue 10 */
  readonly minDelayMs?: number
  /** How many calls have to be measured before the first hedge. @defaultValue 100 */
  readonly minCalls?: number
  /** How far back latencies are looked at, in ms; more than 0. @defaultValue 30 000 */
  readonly windowMs?: number
}

/** What {@link hedge} makes. */
export interface Hedge extends Policy<HedgeOptions, HedgeEvent> {}

/**
 * Starts a second attempt when a call takes longer than most do, and answers with the first that succeeds; the other is cancelled.
 * The delay is measured per method: the `percentile` of the latencies of the last `windowMs`. Hedges are at most `maxExtraRatio` of
 * the calls. Only `safe` and `idempotent` unary methods; others, unknown ones included, pass, and so do calls of a caller that makes
 * attempts itself. Where both attempts fail, the failure is that of the last one.
 *
 * Belongs outside `breaker` and `timeout` per attempt, and outside the balancer, so that the second attempt may reach another replica;
 * never together with `retry` around it.
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { callOrThrow, fromPromise } from 'tenon'
 * import { hedge } from 'tenon/middleware'
 *
 * const getStock = { service: 'shop.v1.Stock', name: 'get', idempotency: 'safe' } as const
 * const quick = hedge({ percentile: 0.95, maxExtraRatio: 0.05 })(fromPromise(async () => 7, getStock))
 * assert.equal(await callOrThrow(quick, {}), 7)
 * ```
 */
export function hedge(options: HedgeOptions = {}): Hedge {
  return hedgePolicy(options)
}

/** The most hedges that quiet times may save up. */
const maxSaved = 10

const hedgePolicy = definePolicy<HedgeOptions, HedgeEvent>({
  kind: 'hedge',
  lint: [hedgeOutsideSingleFlight, hedgeWithoutCancellation, hedgeWithRetry],
  rules: {
    percentile: numberOption({ fallback: 0.95, above: 0, below: 1 }),
    maxExtraRatio: numberOption({ fallback: 0.05, above: 0, max: 1 }),
    minDelayMs: numberOption({ fallback: 10, min: 1 }),
    minCalls: numberOption({ fallback: 100, min: 1, integer: true }),
    windowMs: numberOption({ fallback: 30_000, above: 0 }),
  },
  create(frame) {
    let saved = 0
    const middleware = frame.intercept(method => {
      const latencies = new LatencyHistogram()
      const delayMs = (now: number, options: HedgeOptions): number | undefined => {
        const { percentile = 0.95, minCalls = 100, minDelayMs = 10, windowMs = 30_000 } = options
        if (latencies.count(now, windowMs) < minCalls) return undefined
        return Math.max(minDelayMs, latencies.quantile(percentile, now, windowMs))
      }
      return {
        run(next, request, context) {
          if (!mayBeHedged(method, request) || context.maxAttempts > 1) return next(request, context)
          const options = frame.current
          saved = Math.min(maxSaved, saved + (options.maxExtraRatio ?? 0.05))
          const startedAt = context.clock.now()
          const race = new Race({
            next,
            request,
            context,
            delayMs: delayMs(startedAt, options),
            begin() {
              const afterMs = context.clock.now() - startedAt
              const allowed = saved >= 1
              if (allowed) saved--
              frame.emit({ type: allowed ? 'hedged' : 'refused', afterMs, method })
              return allowed
            },
            onEnd(winner, outcome) {
              const tookMs = context.clock.now() - startedAt
              if (winner === 1 && isSuccess(outcome)) frame.emit({ type: 'won', afterMs: tookMs, method })
              latencies.add(tookMs, context.clock.now(), options.windowMs ?? 30_000)
            },
          })
          return race.run()
        },
      }
    })
    return { middleware, controls: {} }
  },
})

function mayBeHedged(method: MethodInfo | undefined, request: unknown): boolean {
  if (method === undefined || method.idempotency === 'unsafe' || isStream(request)) return false
  return method.kind === undefined || method.kind === 'unary'
}

interface Racing {
  readonly next: Next
  readonly request: unknown
  readonly context: Context
  /** When the second attempt may begin; `undefined` for never. */
  readonly delayMs: number | undefined
  /** The time has come: whether the second attempt begins. */
  begin(): boolean
  /** The call is over, with the outcome of this attempt. */
  onEnd(winner: number, outcome: Outcome): void
}

/** Up to two attempts of one call. */
class Race {
  readonly #racing: Racing
  readonly #attempts: Branch[] = []
  #timer: Timer | undefined
  #ended = 0
  #isOver = false
  #resolve: (outcome: Outcome) => void = () => {}

  constructor(racing: Racing) {
    this.#racing = racing
  }

  run(): Outcome | Promise<Outcome> {
    const { context, delayMs } = this.#racing
    const outcome = this.#start()
    if (!(outcome instanceof Promise)) return this.#end(outcome, 0)
    if (delayMs !== undefined) this.#timer = context.clock.setTimer(() => this.#hedge(), delayMs)
    return new Promise(resolve => {
      this.#resolve = resolve
      this.#watch(outcome, 0)
    })
  }

  #start(): Outcome | Promise<Outcome> {
    const { context, next, request } = this.#racing
    const attempt = this.#attempts.length + 1
    const run = branch(context, { attempt, maxAttempts: 2, ownReply: true })
    this.#attempts.push(run)
    return run.run(next, request)
  }

  #hedge(): void {
    this.#timer = undefined
    if (this.#racing.begin()) this.#watch(Promise.resolve(this.#start()), 1)
  }

  #watch(running: Promise<Outcome>, attempt: number): void {
    void running.then(outcome => {
      if (this.#isOver) return // it was the other attempt that counted
      const isLast = ++this.#ended === this.#attempts.length
      if (isLast || isAnswer(outcome)) this.#resolve(this.#end(outcome, attempt))
    })
  }

  #end(outcome: Outcome, winner: number): Outcome {
    this.#isOver = true
    this.#timer?.cancel()
    this.#timer = undefined
    this.#attempts[winner]?.adopt()
    const loser = this.#attempts[1 - winner]
    loser?.cancel(failureOf('cancelled', 'CANCELLED', 'the other attempt was faster'))
    this.#racing.onEnd(winner, outcome)
    return outcome
  }
}

/** Whether nothing better can come: a response, or a failure that the other attempt would get as well. */
function isAnswer(outcome: Outcome): boolean {
  return outcome._tag === 'Right' || blame(outcome.left) === 'caller' // of whom domain failures are, too
}

/** Whether the service did what it was asked: a domain failure is an answer of the business. */
function isSuccess(outcome: Outcome): boolean {
  return outcome._tag === 'Right' || !isFailure(outcome.left)
}
