// Tenon's whole stack, outermost first: a server's for production, with a limit for each caller.
import { authenticate, authorize, scopes } from 'tenon/auth'
import { batch, logger } from 'tenon/log'
import { metricRegistry } from 'tenon/metrics'
import { breaker, logging, metrics, rateLimit, timeout, tracing } from 'tenon/middleware'
import { parentBased, ratio, tracer } from 'tenon/tracing'
import * as work from '../work.mjs'
import { customersOf } from './customers.mjs'

/** Each middleware by its name; `fd` is where lines go, `reporter` takes the spans. */
export function stackOf({ fd, reporter, isCached }) {
  const registry = metricRegistry()
  const lines = batch({ fd, batchLength: work.batchLength })
  const spans = tracer({
    service: 'shop',
    reporters: [reporter],
    sampler: parentBased(ratio(work.traced)),
    formats: ['b3multi'],
  })
  const layers = {
    tracing: tracing(spans),
    logging: logging(logger({ format: 'json', write: lines.write })),
    metrics: metrics(registry, { buckets: work.buckets }),
    authenticate: authenticate(customersOf({ isCached })),
    rateLimit: rateLimit({ ...work.limit, key: (_, { principal }) => principal.id }),
    authorize: authorize(scopes(work.scope)),
    breaker: breaker(),
    timeout: timeout({ timeoutMs: work.timeoutMs }),
  }
  return { layers, registry, flush: () => lines.flush(), close: () => spans.close() }
}
