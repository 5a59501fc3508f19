// Traces to Zipkin, where ZIPKIN_URL says where that is: `ZIPKIN_URL=http://localhost:9411 npm start`.
import type { Middleware } from 'tenon'
import { tracing } from 'tenon/middleware'
import { tracer } from 'tenon/tracing'
import { zipkin } from 'tenon/tracing/zipkin'

/** What traces the calls of one process. */
export interface Traces {
  /** Around each method, served or called. */
  readonly use: Middleware
  /** Sends what is left at the end. */
  readonly resources: readonly AsyncDisposable[]
}

/** Without an address nothing is traced. */
export function tracesOf(service: string, url: string | undefined): Traces {
  if (url === undefined) return { use: next => next, resources: [] }
  const own = tracer({ service, reporters: [zipkin(url)] })
  return { use: tracing(own), resources: [own] }
}
