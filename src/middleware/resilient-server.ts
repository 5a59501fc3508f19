// The stack that we recommend for serving, in one call: what keeps a service answering while it is sent more than it can do.
// docs/policies/order.md says why each part is where it is, docs/policies/avalanche.md what happens without it.
import type { Middleware } from '../core/index.js'
import { type Bulkhead, type BulkheadEvent, type BulkheadOptions, bulkhead } from './bulkhead.js'
import { type Expiry, type ExpiryEvent, type ExpiryOptions, expiry } from './expiry.js'
import { checkParts, type Part, type PolicyStackOptions, partOf, policyStack } from './policy-stack.js'
import { type RateLimit, type RateLimitEvent, type RateLimitOptions, rateLimit } from './rate-limit.js'
import { type Shed, type ShedEvent, type ShedOptions, shed } from './shed.js'

/** What a {@link resilientServer} tells. */
export type ResilientServerEvent = RateLimitEvent | ShedEvent | BulkheadEvent | ExpiryEvent

/** Options of {@link resilientServer}. What is given for a part goes before what is recommended; `false` leaves it out. */
export interface ResilientServerOptions extends PolicyStackOptions<ResilientServerEvent> {
  /** A bound to the calls in a time, for all callers or for each. @defaultValue none: nobody knows the number but you */
  readonly rateLimit?: Part<RateLimitOptions>
  /** Refuses what cannot be done in time. @defaultValue `{}` */
  readonly shed?: Part<ShedOptions>
  /** A bound that somebody knows: as many calls as a pool has connections. @defaultValue none: `shed` finds one */
  readonly bulkhead?: Part<BulkheadOptions>
  /** Refuses what nobody waits for any more. @defaultValue `{}` */
  readonly expiry?: Part<ExpiryOptions>
}

/** What {@link resilientServer} makes: a middleware, with its parts to watch and to change. */
export interface ResilientServer extends Middleware {
  /** `undefined` where it was left out, as the others. */
  readonly rateLimit: RateLimit | undefined
  readonly shed: Shed | undefined
  readonly bulkhead: Bulkhead | undefined
  readonly expiry: Expiry | undefined
  /** Tells a listener of each event of each part; returns what ends that. */
  onEvent(listener: (event: ResilientServerEvent) => void): () => void
}

/**
 * The recommended stack for serving: `rateLimit` > `shed` > `bulkhead` > `expiry`, outermost first, `rateLimit` and `bulkhead` only
 * where they are asked for; they run fused. Make one and share it among the methods of a process: what is overloaded is the process.
 * Throws as its parts do.
 *
 * Belongs outermost, right inside logging and metrics, and outside authentication: a refusal must cost next to nothing.
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { callOrThrow, fromPromise } from 'tenon'
 * import { resilientServer } from 'tenon/middleware'
 *
 * const guarded = resilientServer({ shed: { maxLimit: 200 }, expiry: { minRemainingMs: 5 } })
 * const getOrder = guarded(fromPromise(async ({ id }: { id: string }) => ({ id })))
 * assert.deepEqual(await callOrThrow(getOrder, { id: '1' }), { id: '1' })
 * assert.equal(guarded.shed?.inFlight, 0)
 * ```
 */
export function resilientServer(options: ResilientServerOptions = {}): ResilientServer {
  checkParts('resilientServer', options, ['name', 'onEvent', 'rateLimit', 'shed', 'bulkhead', 'expiry'])
  const of = options.name
  const parts = {
    rateLimit: partOf<RateLimitOptions, RateLimit>(rateLimit, options.rateLimit ?? false, {
      of,
      kind: 'rateLimit',
      recommended: {},
    }),
    shed: partOf(shed, options.shed, { of, kind: 'shed', recommended: {} }),
    bulkhead: partOf<BulkheadOptions, Bulkhead>(bulkhead, options.bulkhead ?? false, {
      of,
      kind: 'bulkhead',
      recommended: {},
    }),
    expiry: partOf(expiry, options.expiry, { of, kind: 'expiry', recommended: {} }),
  }
  return policyStack<ResilientServerEvent, typeof parts>(parts, options.onEvent)
}
