// One command as `HystrixCommand` of Hystrix's stream, field for field as hystrix-metrics-event-stream 1.5 writes it.
import { type Command, windowMs } from './command.js'

/** Java's largest int: what stands for "no bound", which JSON cannot say. */
const most = 2_147_483_647
const shares = { '0': 0, '25': 0.25, '50': 0.5, '75': 0.75, '90': 0.9, '95': 0.95, '99': 0.99, '99.5': 0.995, '100': 1 }

/** The fields, as they are now. @param currentTime - ms since 1970 */
export function fieldsOf(command: Command, currentTime: number): Readonly<Record<string, unknown>> {
  const { name, group, policies } = command
  return {
    type: 'HystrixCommand',
    name,
    group,
    currentTime,
    isCircuitBreakerOpen: policies.breaker !== undefined && policies.breaker.state !== 'closed',
    ...countsOf(command),
    currentConcurrentExecutionCount: command.running,
    rollingMaxConcurrentExecutionCount: command.highest(),
    ...latenciesOf(command),
    ...propertiesOf(command),
    reportingHosts: 1,
    threadPool: group,
  }
}

function countsOf(command: Command): Readonly<Record<string, number>> {
  const counts = command.counts()
  // As HealthCounts has it: a call that an open circuit refused says nothing about the service.
  const errorCount = counts.Failure + counts.Timeout + counts.SemaphoreRejected
  const requestCount = errorCount + counts.Success
  return {
    errorPercentage: requestCount === 0 ? 0 : Math.floor((errorCount * 100) / requestCount),
    errorCount,
    requestCount,
    rollingCountBadRequests: counts.BadRequests,
    rollingCountCollapsedRequests: counts.CollapsedRequests,
    rollingCountEmit: 0, // of commands that give several items
    rollingCountExceptionsThrown: counts.ExceptionsThrown,
    rollingCountFailure: counts.Failure,
    rollingCountFallbackEmit: 0,
    rollingCountFallbackFailure: counts.FallbackFailure,
    rollingCountFallbackMissing: counts.FallbackMissing,
    rollingCountFallbackRejection: 0, // a fallback has no bound of its own here
    rollingCountFallbackSuccess: counts.FallbackSuccess,
    rollingCountResponsesFromCache: counts.ResponsesFromCache,
    rollingCountSemaphoreRejected: counts.SemaphoreRejected,
    rollingCountShortCircuited: counts.ShortCircuited,
    rollingCountSuccess: counts.Success,
    rollingCountThreadPoolRejected: 0, // there are no thread pools
    rollingCountTimeout: counts.Timeout,
  }
}

function latenciesOf(command: Command): Readonly<Record<string, unknown>> {
  const { mean, at } = command.latencies(Object.values(shares))
  const percentiles = Object.fromEntries(Object.keys(shares).map((name, i) => [name, Math.round(at[i] ?? 0)]))
  const latencyMean = Math.round(mean)
  return {
    latencyExecute_mean: latencyMean,
    latencyExecute: percentiles,
    latencyTotal_mean: latencyMean,
    latencyTotal: percentiles,
  }
}

function propertiesOf({ policies }: Command): Readonly<Record<string, unknown>> {
  const { breaker, bulkhead, timeout, cache } = policies
  const { minCalls = 20, openMs = 5_000, errorRatio = 0.5 } = breaker?.options ?? {}
  const timeoutMs = timeout?.options.timeoutMs ?? 0
  return {
    propertyValue_circuitBreakerRequestVolumeThreshold: Math.min(minCalls, most),
    propertyValue_circuitBreakerSleepWindowInMilliseconds: Math.min(openMs, most),
    propertyValue_circuitBreakerErrorThresholdPercentage: Math.min(errorRatio * 100, most),
    propertyValue_circuitBreakerForceOpen: breaker?.forced === 'open',
    propertyValue_circuitBreakerForceClosed: breaker?.forced === 'closed',
    propertyValue_circuitBreakerEnabled: breaker !== undefined,
    propertyValue_executionIsolationStrategy: 'SEMAPHORE',
    propertyValue_executionIsolationThreadTimeoutInMilliseconds: timeoutMs,
    propertyValue_executionTimeoutInMilliseconds: timeoutMs,
    propertyValue_executionIsolationThreadInterruptOnTimeout: true,
    propertyValue_executionIsolationThreadPoolKeyOverride: null,
    propertyValue_executionIsolationSemaphoreMaxConcurrentRequests: bulkhead?.options.maxConcurrent ?? most,
    propertyValue_fallbackIsolationSemaphoreMaxConcurrentRequests: most,
    propertyValue_metricsRollingStatisticalWindowInMilliseconds: windowMs,
    propertyValue_requestCacheEnabled: cache !== undefined,
    propertyValue_requestLogEnabled: false,
  }
}
