// "tenon/middleware": what endpoints are wrapped with.

export { type Breaker, type BreakerEvent, type BreakerOptions, breaker, countsAsFault } from './breaker.js'
export { type Bulkhead, type BulkheadEvent, type BulkheadFor, type BulkheadOptions, bulkhead } from './bulkhead.js'
export { type Cache, type CacheEvent, type CacheOptions, cache } from './cache.js'
export type { CallKey } from './call-key.js'
export type { BreakerCounts, BreakerState, BreakerStrategy, OpenReason } from './circuit.js'
export { type Collapse, type CollapseEvent, type CollapseOptions, collapse } from './collapse.js'
export { countEvents } from './count-events.js'
export { type Expiry, type ExpiryEvent, type ExpiryOptions, expiry } from './expiry.js'
export { type Fallback, type FallbackEvent, type FallbackOptions, fallback } from './fallback.js'
export { type Hedge, type HedgeEvent, type HedgeOptions, hedge } from './hedge.js'
export {
  type IdempotencyEvent,
  type IdempotencyKey,
  type IdempotencyKeyFor,
  type IdempotencyKeyOptions,
  idempotencyKey,
} from './idempotency-key.js'
export { type Inject, type InjectEvent, type InjectOptions, inject } from './inject.js'
export type { AnswerCodec } from './kept-answer.js'
export type { LiftedCallEvent } from './lifted-call.js'
export type { Executes } from './lifted-parts.js'
export { type LoggingOptions, type LoggingSample, logging } from './logging.js'
export { mayRetry } from './may-retry.js'
export { type MetricsOptions, metrics } from './metrics.js'
export { orderRules } from './order-rules.js'
export { isFault, type Lifted, type LiftedEvent, type LiftedOptions, type LiftOptions, policy } from './policy.js'
export type { Part, PolicyStackOptions } from './policy-stack.js'
export {
  type RateLimit,
  type RateLimitEvent,
  type RateLimitFor,
  type RateLimitOptions,
  rateLimit,
} from './rate-limit.js'
export {
  type ResilientClient,
  type ResilientClientEvent,
  type ResilientClientOptions,
  resilientClient,
} from './resilient-client.js'
export {
  type ResilientServer,
  type ResilientServerEvent,
  type ResilientServerOptions,
  resilientServer,
} from './resilient-server.js'
export { type Retry, type RetryEvent, type RetryOptions, retry } from './retry.js'
export { type RetryBudget, type RetryBudgetOptions, retryBudget } from './retry-budget.js'
export { type Criticality, type Shed, type ShedEvent, type ShedOptions, shed } from './shed.js'
export { type SingleFlight, type SingleFlightEvent, type SingleFlightOptions, singleFlight } from './single-flight.js'
export { type Timeout, type TimeoutEvent, type TimeoutOptions, timeout } from './timeout.js'
export { type TracingOptions, tracing } from './tracing.js'
