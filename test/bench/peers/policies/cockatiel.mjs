// cockatiel's policies, on the path of a call that succeeds.
import {
  bulkhead,
  circuitBreaker,
  ExponentialBackoff,
  fallback,
  handleAll,
  retry,
  SamplingBreaker,
  TimeoutStrategy,
  timeout,
  wrap,
} from 'cockatiel'
import { handler } from '../../policies/work.mjs'

const retried = () => retry(handleAll, { maxAttempts: 2, backoff: new ExponentialBackoff() })
const broken = () =>
  circuitBreaker(handleAll, {
    halfOpenAfter: 5_000,
    breaker: new SamplingBreaker({ threshold: 0.5, duration: 10_000, minimumRps: 2 }),
  })
const bounded = () => timeout(1_000, TimeoutStrategy.Aggressive)

const policies = {
  timeout: bounded,
  retry: retried,
  breaker: broken,
  bulkhead: () => bulkhead(10),
  fallback: () => fallback(handleAll, 0),
  'retry, breaker, timeout': () => wrap(retried(), broken(), bounded()),
}

export function contender(name) {
  const policy = policies[name]()
  return { run: request => policy.execute(() => handler(request)), bare: handler }
}
