// The endpoints of the service, as in pkg/addendpoint, each in its middleware. The limit is outside of the breaker here: inside, as in the
// original, callers who are too fast open it for everybody.
import { around, chain, type Endpoint, fromPromise, type Middleware, systemClock } from 'tenon'
import type { Logger } from 'tenon/log'
import type { Histogram, Labelled, MetricProvider } from 'tenon/metrics'
import { breaker, rateLimit } from 'tenon/middleware'
import type { AddService, Answer } from './service.js'

export interface Pair<T> {
  readonly a: T
  readonly b: T
}

/** All endpoints, as transports take and clients give them. */
export interface AddEndpoints {
  readonly sum: Endpoint<Pair<bigint>, Answer<bigint>>
  readonly concat: Endpoint<Pair<string>, Answer<string>>
}

export function addEndpoints(svc: AddService, log: Logger, metrics: MetricProvider): AddEndpoints {
  // Without buckets, a histogram is what Prometheus calls a summary.
  const duration = metrics.histogram({
    name: 'example_addsvc_request_duration_seconds',
    help: 'Request duration in seconds.',
    labels: ['method', 'success'],
    buckets: [],
  })
  const layers = (method: string, burst: number): Middleware =>
    chain(
      instrumenting(duration, method),
      logging(log, method),
      rateLimit({ limit: 1, windowMs: 1_000, burst }),
      breaker({ consecutiveFailures: 6, errorRatio: Number.POSITIVE_INFINITY, openMs: 60_000 }), // as gobreaker is by default
    )
  return {
    sum: layers('Sum', 1)(fromPromise(({ a, b }: Pair<bigint>) => svc.sum(a, b))),
    concat: layers('Concat', 100)(fromPromise(({ a, b }: Pair<string>) => svc.concat(a, b))),
  }
}

function instrumenting(duration: Labelled<'method' | 'success', Histogram>, method: string): Middleware {
  return around({
    name: 'instrumenting',
    enter: () => ({ state: systemClock.now() }),
    exit({ _tag }, begin: number) {
      const success = String(_tag === 'Right')
      duration.with({ method, success }).observe((systemClock.now() - begin) / 1_000)
    },
  })
}

function logging(log: Logger, method: string): Middleware {
  return around({
    name: 'logging',
    enter: () => ({ state: systemClock.now() }),
    exit(outcome, begin: number) {
      const err = outcome._tag === 'Left' ? errorText(outcome.left) : null
      log.info('call', { method, transport_error: err, took: `${systemClock.now() - begin}ms` })
    },
  })
}

/** What Go kit says when it refuses a call; anything else speaks for itself. */
export function errorText(failure: object): string {
  const { reason, message } = failure as { readonly reason?: string; readonly message?: string } // these endpoints declare no failures
  if (reason === 'RATE_LIMITED') return 'rate limit exceeded'
  return reason === 'BREAKER_OPEN' ? 'circuit breaker is open' : String(message)
}

/** What a client puts around each method: one limit for all of them, a breaker for each. */
export function clientLayers(): (openMs: number) => Middleware {
  const limit = rateLimit({ limit: 1, windowMs: 1_000, burst: 100 })
  return openMs => chain(limit, breaker({ consecutiveFailures: 6, errorRatio: Number.POSITIVE_INFINITY, openMs }))
}
