// "tenon/tracing": spans, where they come from and where they go. Knows no transport, no format of headers and no collector.
export type { Dropped, FinishedSpan } from './finished-span.js'
export type { Propagator } from './propagator.js'
export type { Exporter, Origin, Reporter } from './reporter.js'
export type { Sampler, SpanSeed } from './sampler.js'
export type { Span, SpanAttributes, SpanError, SpanEvent, SpanKind, SpanLink, SpanOptions, SpanValue } from './span.js'
export type { Decision, Sw8, TraceContext } from './trace-context.js'
export type { Tracer } from './tracer.js'
