// A bound to how many calls come in a time, for each caller, tenant or whatever a key says: kept by this process alone, or by all that
// share a store.
import { carriedOf } from '../core/context.js'
import {
  type Awaitable,
  booleanOption,
  type Context,
  definePolicy,
  type Entered,
  type Failure,
  failureOf,
  fixed,
  functionOption,
  type Guard,
  left,
  type MethodInfo,
  numberOption,
  objectOption,
  oneOfOption,
  optional,
  type Policy,
  type PolicyControls,
  type PolicyEvent,
  type PolicyFrame,
  type PolicyOptions,
} from '../core/index.js'
import type { Limit, Store, Taken } from '../store/index.js'
import { type CallKey, keyOf } from './call-key.js'
import { sayLimit } from './limit-headers.js'
import { type LimitAlgorithm, LocalLimits } from './local-limits.js'
import { samePolicyTwice } from './order-rules.js'
import { Turnstile } from './turnstile.js'

/** What a {@link rateLimit} tells. */
export interface RateLimitEvent extends PolicyEvent {
  readonly kind: 'rateLimit'
  /**
   * `refused`: a call was refused. `queued`: a call waits. `left`: a waiting call was cancelled, or met its deadline. `evicted`: a key
   * was forgotten although it had used up some of its limit. `store-failed`: the store could not tell, and `whenStoreFails` decided.
   */
  readonly type: 'refused' | 'queued' | 'left' | 'evicted' | 'store-failed'
  /** The key, where there is one. */
  readonly key?: string
}

/** Options of {@link rateLimit}. */
export interface RateLimitOptions<C extends Context = Context> extends PolicyOptions<RateLimitEvent> {
  /** How many calls each key has in `windowMs`, in the long run. Whole, 1 or more. */
  readonly limit: number
  /** The time that `limit` is for, in ms, more than 0. */
  readonly windowMs: number
  /** How many calls may come at once; 1 spaces them evenly. Whole, 1 or more. @defaultValue `limit` */
  readonly burst?: number
  /** Tells apart who has a limit of its own. Cannot change. @defaultValue all calls share one */
  readonly key?: CallKey<C>
  /** How many keys are remembered; those used least recently are forgotten. Whole, 1 or more. @defaultValue 10 000 */
  readonly maxKeys?: number
  /**
   * How the limit is kept. Both let the same calls through. When the limit changes, `token-bucket` keeps how many calls are left, and
   * `gcra` how long it takes until all are there again; a store keeps `gcra` alone. Cannot change. @defaultValue 'gcra'
   */
  readonly algorithm?: LimitAlgorithm
  /** What becomes of a call too many: it is refused, or waits for its turn, in order. @defaultValue 'refuse' */
  readonly whenLimited?: 'refuse' | 'wait'
  /** How many calls may wait, of all keys. Whole, 0 or more. @defaultValue 1 000 */
  readonly maxQueue?: number
  /** Whether replies say what is left, as `RateLimit` and `RateLimit-Policy`, under the name of the policy. @defaultValue false */
  readonly headers?: boolean
  /** Keeps the limit for all that share it, under `name`, which is then required. Cannot change. @defaultValue none: each process has the whole limit */
  readonly store?: Store
  /**
   * What becomes of a call while the store cannot tell: `open` lets it through, `closed` refuses it with
   * `unavailable`/`STORE_UNAVAILABLE`. @defaultValue 'open'
   */
  readonly whenStoreFails?: 'open' | 'closed'
}

/** What can be seen of a rate limit. */
export interface RateLimitState {
  /** How many calls wait, of all keys. */
  readonly queued: number
  /** How many keys are remembered here; with a store, 0. */
  readonly keys: number
}

/** What {@link rateLimit} makes. */
export interface RateLimit extends Policy<RateLimitOptions, RateLimitEvent>, RateLimitState {}

/** What {@link rateLimit} makes where `key` reads `N` in the context: it needs a provider of that outside it. */
export interface RateLimitFor<N>
  extends Guard<N>,
    PolicyControls<RateLimitOptions<Context & N>, RateLimitEvent>,
    RateLimitState {}

/**
 * Lets each key have `limit` calls in `windowMs`, and `burst` of them at once. A call too many fails with
 * `resource_exhausted`/`RATE_LIMITED`, `ran: 'no'`, and `retryAfterMs`: exactly how long until there is one. Or it waits: in order, no
 * longer than its deadline, which it is told at once where it cannot be kept.
 *
 * Belongs outermost, right behind `authenticate` where the key is a principal: what is refused has cost nothing, and no breaker learns of
 * it. On a client, inside `retry`, it keeps to the limit of a service.
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { call, fromPromise, isLeft } from 'tenon'
 * import { rateLimit } from 'tenon/middleware'
 *
 * const perAddress = rateLimit({ limit: 2, windowMs: 60_000, key: (_, { peer }) => peer.address ?? 'unknown' })
 * const endpoint = perAddress(fromPromise(async () => 'done'))
 * await call(endpoint, {})
 * await call(endpoint, {})
 * const refused = await call(endpoint, {})
 * assert.ok(isLeft(refused) && refused.left.reason === 'RATE_LIMITED')
 * ```
 */
export function rateLimit(options: RateLimitOptions): RateLimit
/** As above, with a `key` that needs more of the context: `rateLimit({ …, key: (_, context: Context & Authenticated<User>) => … })`. */
export function rateLimit<N>(options: RateLimitOptions<Context & N>): RateLimitFor<N>
export function rateLimit(options: RateLimitOptions): RateLimit {
  return rateLimitPolicy(options)
}

interface Asking {
  readonly context: Context
  readonly method: MethodInfo | undefined
  readonly options: Readonly<RateLimitOptions>
  readonly key: string | undefined
}

const defaults = { maxKeys: 10_000, maxQueue: 1_000, algorithm: 'gcra' } as const

/** What a store that failed is taken to have said, where calls go on without it. */
const passed: Taken = { allowed: true, remaining: 0, retryAfterMs: 0, resetMs: 0 }

class Limiter implements RateLimitState {
  readonly #frame: PolicyFrame<RateLimitOptions, RateLimitEvent>
  readonly #local: LocalLimits
  /** Of keys with calls that wait, and no others. */
  readonly #turnstiles: Map<string | undefined, Turnstile> = new Map()
  queued = 0

  constructor(frame: PolicyFrame<RateLimitOptions, RateLimitEvent>) {
    this.#frame = frame
    const { algorithm = defaults.algorithm } = frame.current
    this.#local = new LocalLimits(algorithm, key => frame.emit({ type: 'evicted', key }))
  }

  get keys(): number {
    return this.#local.keys
  }

  enter(context: Context, request: unknown, method: MethodInfo | undefined): Awaitable<Entered<undefined>> {
    const options = this.#frame.current
    const key = options.key === undefined ? undefined : keyOf(options.key, { policy: 'rateLimit', request, context })
    if (options.key !== undefined && key === undefined) return undefined
    const asking: Asking = { context, method, options, key }
    if (this.#turnstiles.has(key)) return this.#queue(asking, undefined)
    if (options.store === undefined) return this.#decide(asking, this.#takeHere(asking))
    return this.#takeShared(options.store, asking).then(
      taken => (carriedOf(context).scope.ended === undefined ? this.#decide(asking, taken) : undefined), // else nobody waits for it
    )
  }

  /** The options have changed: those that wait may have their turn. */
  hurry(): void {
    for (const turnstile of this.#turnstiles.values()) turnstile.hurry()
  }

  #decide(asking: Asking, taken: Taken | Failure): Awaitable<Entered<undefined>> {
    if ('_tag' in taken) return left(taken)
    if (!taken.allowed) return this.#queue(asking, taken)
    this.#say(asking, taken)
    return undefined
  }

  #takeHere({ options, key, context }: Asking): Taken {
    const { maxKeys = defaults.maxKeys } = options
    return this.#local.take(key, { limit: limitOf(options), maxKeys, now: context.clock.now() })
  }

  async #takeShared(store: Store, { options, key, method }: Asking): Promise<Taken | Failure> {
    try {
      return await store.take(key === undefined ? `${options.name}` : `${options.name}:${key}`, limitOf(options))
    } catch (cause) {
      this.#frame.emit({ type: 'store-failed', ...(key !== undefined && { key }), method })
      if (options.whenStoreFails !== 'closed') return passed
      return failureOf('unavailable', 'STORE_UNAVAILABLE', 'the limit cannot be told now', { ran: 'no', cause })
    }
  }

  /** Puts a call behind those that wait already, or refuses it. */
  #queue(asking: Asking, taken: Taken | undefined): Awaitable<Entered<undefined>> {
    const { context, options, key, method } = asking
    const { whenLimited, maxQueue = defaults.maxQueue, limit, windowMs } = options
    const others = this.#turnstiles.get(key)
    const firstMs = taken?.retryAfterMs ?? 0
    const waitMs = others === undefined ? firstMs : others.nextMs + (others.length * windowMs) / limit
    if (whenLimited !== 'wait' || this.queued >= maxQueue || waitMs > context.remainingMs) {
      this.#tell('refused', key, method)
      const last = taken ?? others?.last
      if (last !== undefined) this.#say(asking, last)
      const message = `as many calls came as may: ${limit} in ${windowMs} ms`
      return left(failureOf('resource_exhausted', 'RATE_LIMITED', message, { ran: 'no', retryAfterMs: waitMs }))
    }
    return this.#wait(asking, others ?? this.#turnstile(asking), firstMs)
  }

  async #wait(asking: Asking, turnstile: Turnstile, firstMs: number): Promise<Entered<undefined>> {
    const { context, key, method } = asking
    let isWaiting = true
    const leave = (): void => {
      if (isWaiting) this.queued--
      isWaiting = false
    }
    this.queued++
    const onLeft = (): void => {
      leave()
      this.#tell('left', key, method)
    }
    const turn = turnstile.join(context, { firstMs, onLeft })
    this.#tell('queued', key, method)
    const ended = await turn
    leave()
    if (ended !== undefined) return left(ended)
    if (turnstile.last !== undefined) this.#say(asking, turnstile.last)
    return undefined
  }

  #turnstile(first: Asking): Turnstile {
    const { key, context } = first
    const turnstile = new Turnstile({
      clock: context.clock,
      take: async () => {
        const asking = { ...first, options: this.#frame.current }
        const { store } = asking.options
        return store === undefined ? this.#takeHere(asking) : this.#takeShared(store, asking)
      },
      onEmpty: () => this.#turnstiles.delete(key),
    })
    this.#turnstiles.set(key, turnstile)
    return turnstile
  }

  #say({ context, options }: Asking, taken: Taken): void {
    if (options.headers === true && taken !== passed)
      sayLimit(context, options.name ?? 'default', { limit: limitOf(options), taken })
  }

  #tell(type: RateLimitEvent['type'], key: string | undefined, method: MethodInfo | undefined): void {
    if (this.#frame.isObserved) this.#frame.emit({ type, ...(key !== undefined && { key }), method })
  }
}

function limitOf({ limit, windowMs, burst = limit }: RateLimitOptions): Limit {
  return { limit, windowMs, burst }
}

const rateLimitPolicy = definePolicy<RateLimitOptions, RateLimitEvent, RateLimitState>({
  kind: 'rateLimit',
  lint: [samePolicyTwice],
  rules: {
    limit: numberOption({ min: 1, integer: true }),
    windowMs: numberOption({ above: 0 }),
    burst: optional(numberOption({ min: 1, integer: true })),
    key: optional(fixed(functionOption<CallKey>())),
    maxKeys: numberOption({ fallback: defaults.maxKeys, min: 1, integer: true }),
    algorithm: fixed(oneOfOption(['gcra', 'token-bucket'], defaults.algorithm)),
    whenLimited: oneOfOption(['refuse', 'wait'], 'refuse'),
    maxQueue: numberOption({ fallback: defaults.maxQueue, min: 0, integer: true }),
    headers: booleanOption(false),
    store: optional(objectOption<Store>(['take'])),
    whenStoreFails: oneOfOption(['open', 'closed'], 'open'),
  },
  wrongWith({ store, algorithm, name }) {
    if (store === undefined) return undefined
    if (name === undefined) return 'a limit in a store needs a name: those of one name are one limit'
    return algorithm === 'token-bucket' ? "a store keeps limits as 'gcra' alone" : undefined
  },
  create(frame) {
    const limiter = new Limiter(frame)
    const middleware = frame.around(method => ({
      enter: (context, request) => limiter.enter(context, request, method),
    }))
    const controls = {
      get queued() {
        return limiter.queued
      },
      get keys() {
        return limiter.keys
      },
    }
    return { middleware, controls, changed: () => limiter.hurry() }
  },
})
