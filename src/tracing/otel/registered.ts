// The formats that are registered with OpenTelemetry's API, as one of ours: for programs whose SDK has chosen them already.
import { propagation, ROOT_CONTEXT, trace } from '@opentelemetry/api'
import type { Metadata } from '../../core/index.js'
import type { Propagator } from '../index.js'
import { toSpanContext, toTraceContext } from './otel-context.js'

/**
 * Whatever propagator is registered with `@opentelemetry/api`, also if that happens later: W3C's, B3, Jaeger's, several. It has no way to
 * say a decision without a trace.
 */
export const registered: Propagator = {
  name: 'opentelemetry',
  get fields() {
    return propagation.fields().map(name => name.toLowerCase())
  },
  extract(metadata) {
    const found = trace.getSpanContext(propagation.extract(ROOT_CONTEXT, metadata, getter))
    return found === undefined ? undefined : toTraceContext(found)
  },
  inject(context) {
    if (context.traceId === undefined) return {}
    const headers: Record<string, string> = {}
    propagation.inject(trace.setSpanContext(ROOT_CONTEXT, toSpanContext(context)), headers, setter)
    return headers
  },
}

const getter = {
  get: (metadata: Metadata, name: string): string | undefined => metadata.get(name.toLowerCase()),
  keys: (metadata: Metadata): string[] => [...metadata.keys()],
}

const setter = {
  set(headers: Record<string, string>, name: string, value: string): void {
    headers[name.toLowerCase()] = value
  },
}
