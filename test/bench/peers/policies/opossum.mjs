// opossum's: always a breaker, which can do more.
import CircuitBreaker from 'opossum'
import { handler } from '../../policies/work.mjs'

const options = {
  timeout: { timeout: 1_000 },
  breaker: {},
  bulkhead: { capacity: 10 },
  fallback: {},
  cache: { cache: true, cacheTTL: 1, cacheSize: 1_000, cacheGetKey: request => request.key },
  singleFlight: { coalesce: true, coalesceTTL: 1, coalesceSize: 1_000, cacheGetKey: request => request.key },
}

export function contender(name) {
  const circuit = new CircuitBreaker(handler, {
    timeout: false,
    errorThresholdPercentage: 50,
    volumeThreshold: 20,
    resetTimeout: 5_000,
    ...options[name],
  })
  if (name === 'fallback') circuit.fallback(() => 0)
  return { run: request => circuit.fire(request), bare: handler }
}
