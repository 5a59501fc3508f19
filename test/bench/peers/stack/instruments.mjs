// What the stacks of Fastify and Express have in common: the libraries that people put beside either.
import { circuitBreaker, handleAll, SamplingBreaker, TimeoutStrategy, timeout, wrap } from 'cockatiel'
import pino from 'pino'
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import zipkin from 'zipkin'
import { HttpLogger } from 'zipkin-transport-http'
import { logFile, spansUrl } from '../../stack/serving.mjs'
import { batchLength, buckets, timeoutMs, traced } from '../../stack/work.mjs'

/** pino, as its documentation recommends it: synchronous, several lines at a time. */
const destination = pino.destination({ dest: logFile, minLength: batchLength, sync: true })
export const log = pino(destination)
export const flush = () => destination.flushSync()

const registry = new Registry()
const registers = [registry]
const labelNames = ['method', 'transport']
const inFlight = new Gauge({ name: 'calls_in_flight', help: 'Calls that have not ended.', labelNames, registers })
const total = new Counter({ name: 'calls_total', help: 'Calls.', labelNames: [...labelNames, 'code'], registers })
const took = new Histogram({
  name: 'call_duration_seconds',
  help: 'How long calls took.',
  labelNames: [...labelNames, 'code'],
  buckets,
  registers,
})
const labels = { method: 'POST /orders', transport: 'http' }

export const page = () => registry.metrics()

/** A call has begun: gives the function that counts its end and writes its line. */
export function begun(caller) {
  const startedAt = performance.now()
  inFlight.inc(labels)
  return (logger, status, traceId) => {
    const tookMs = performance.now() - startedAt
    const code = status < 400 ? 'ok' : String(status)
    inFlight.dec(labels)
    total.inc({ ...labels, code })
    took.observe({ ...labels, code }, tookMs / 1_000)
    const line = {
      method: 'POST /orders',
      code,
      tookMs: Math.round(tookMs * 1_000) / 1_000,
      attempt: 1,
      traceId,
      side: 'server',
      transport: 'http',
      caller,
    }
    logger.info(line, 'call')
  }
}

/** A breaker of half of the calls in 10 s around a timeout. */
export const guarded = wrap(
  circuitBreaker(handleAll, {
    halfOpenAfter: 5_000,
    breaker: new SamplingBreaker({ threshold: 0.5, duration: 10_000, minimumRps: 2 }),
  }),
  timeout(timeoutMs, TimeoutStrategy.Aggressive),
)

export const tracer = new zipkin.Tracer({
  ctxImpl: new zipkin.ExplicitContext(),
  recorder: new zipkin.BatchRecorder({
    logger: new HttpLogger({ endpoint: spansUrl, jsonEncoder: zipkin.jsonEncoder.JSON_V2 }),
  }),
  sampler: new zipkin.sampler.CountingSampler(traced),
  localServiceName: 'shop',
})
export { zipkin }
