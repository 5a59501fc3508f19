// The stack that we recommend for calling a service, in one call. Its order is Polly's standard pipeline, but for the bulkhead, which
// is further in here; docs/policies/order.md says why each part is where it is.
import type { Middleware } from '../core/index.js'
import { type Breaker, type BreakerEvent, type BreakerOptions, breaker } from './breaker.js'
import { type Bulkhead, type BulkheadEvent, type BulkheadOptions, bulkhead } from './bulkhead.js'
import { checkParts, type Part, type PolicyStackOptions, partOf, policyStack } from './policy-stack.js'
import { type Retry, type RetryEvent, type RetryOptions, retry } from './retry.js'
import { type Timeout, type TimeoutEvent, type TimeoutOptions, timeout } from './timeout.js'

/** What a {@link resilientClient} tells. */
export type ResilientClientEvent = TimeoutEvent | RetryEvent | BulkheadEvent | BreakerEvent

/** Options of {@link resilientClient}. What is given for a part goes before what is recommended; `false` leaves it out. */
export interface ResilientClientOptions extends PolicyStackOptions<ResilientClientEvent> {
  /** Bounds the whole call, its attempts and the waits between them. @defaultValue `{ timeoutMs: 30_000 }` */
  readonly timeout?: Part<TimeoutOptions>
  /** Further attempts, each of which is bounded. @defaultValue `{ attemptTimeoutMs }` of a third of the whole call's, else 10 000 */
  readonly retry?: Part<RetryOptions>
  /** Bounds how many attempts run at once. @defaultValue `{ maxConcurrent: 1_000 }` */
  readonly bulkhead?: Part<BulkheadOptions>
  /** Stops calling what keeps failing. @defaultValue `{ openMs: 2_000, openJitter: 0.5 }` */
  readonly breaker?: Part<BreakerOptions>
}

/** What {@link resilientClient} makes: a middleware, with its parts to watch and to change. */
export interface ResilientClient extends Middleware {
  /** `undefined` where it was left out, as the others. */
  readonly timeout: Timeout | undefined
  readonly retry: Retry | undefined
  readonly bulkhead: Bulkhead | undefined
  readonly breaker: Breaker | undefined
  /** Tells a listener of each event of each part; returns what ends that. */
  onEvent(listener: (event: ResilientClientEvent) => void): () => void
}

/**
 * The recommended stack for calling one service: `timeout` > `retry` > `bulkhead` > `breaker`, outermost first, each attempt bounded
 * by `retry`'s `attemptTimeoutMs`. Make one for each service that is called and share it among its methods: they share the breaker,
 * the places and the budget of retries. Throws as its parts do.
 *
 * Belongs around a client's endpoints, outside a balancer, inside `fallback`, `cache`, `singleFlight`.
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { callOrThrow, fromPromise } from 'tenon'
 * import { resilientClient } from 'tenon/middleware'
 *
 * const toStock = resilientClient({
 *   name: 'stock',
 *   timeout: { timeoutMs: 2_000 },
 *   retry: { attemptTimeoutMs: 500 },
 *   onEvent: ({ policy, type }) => console.log(policy, type), // "stock breaker opened"
 * })
 * const getStock = toStock(fromPromise(async ({ sku }: { sku: string }) => ({ sku, left: 7 })))
 * assert.equal((await callOrThrow(getStock, { sku: 'tea' })).left, 7)
 * toStock.breaker?.configure({ openMs: 500 }) // while calls go on
 * ```
 */
export function resilientClient(options: ResilientClientOptions = {}): ResilientClient {
  checkParts('resilientClient', options, ['name', 'onEvent', 'timeout', 'retry', 'bulkhead', 'breaker'])
  const of = options.name
  const parts = {
    timeout: partOf(timeout, options.timeout, { of, kind: 'timeout', recommended: { timeoutMs: 30_000 } }),
    retry: partOf(retry, options.retry, {
      of,
      kind: 'retry',
      recommended: { attemptTimeoutMs: attemptTimeoutMsFor(options) },
    }),
    bulkhead: partOf<BulkheadOptions, Bulkhead>(bulkhead, options.bulkhead, {
      of,
      kind: 'bulkhead',
      recommended: { maxConcurrent: 1_000 },
    }),
    breaker: partOf(breaker, options.breaker, { of, kind: 'breaker', recommended: { openMs: 2_000, openJitter: 0.5 } }),
  }
  return policyStack<ResilientClientEvent, typeof parts>(parts, options.onEvent)
}

/** Polly's share: an attempt that hangs leaves time for two more. */
function attemptTimeoutMsFor({ timeout }: ResilientClientOptions): number {
  return ((timeout !== false && timeout?.timeoutMs) || 30_000) / 3
}
