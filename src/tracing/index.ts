// "tenon/tracing": spans, where they come from and where they go. Knows no transport and no collector.
export { type BatchingOptions, type BatchingReporter, batching, type ReportCounts } from './batching.js'
export type { Dropped, FinishedSpan } from './finished-span.js'
export type { SpanLimits } from './limits.js'
export { type MemoryReporter, memoryReporter } from './memory-reporter.js'
export { b3, b3multi } from './propagation/b3.js'
export {
  type Baggage,
  type BaggageEntry,
  baggageFromWire,
  baggageOf,
  baggageToWire,
  withBaggage,
} from './propagation/baggage.js'
export {
  type Correlation,
  correlationFromWire,
  correlationOf,
  correlationToWire,
  withCorrelation,
} from './propagation/correlation.js'
export { type FormatName, propagation } from './propagation/formats.js'
export { sw8, sw8FromWire, sw8ToWire } from './propagation/sw8.js'
export { toTraceState, traceStateValue, withTraceState } from './propagation/trace-state.js'
export { w3c } from './propagation/w3c.js'
export type { Propagator } from './propagator.js'
export type { Exporter, Origin, Reporter } from './reporter.js'
export type { Sampler, SpanSeed } from './sampler.js'
export { always, never, parentBased, type RateLimitedOptions, rateLimited, ratio } from './samplers.js'
export type { Span, SpanAttributes, SpanError, SpanEvent, SpanKind, SpanLink, SpanOptions, SpanValue } from './span.js'
export type { Decision, Sw8, TraceContext } from './trace-context.js'
export { type Tracer, type TracerOptions, tracer } from './tracer.js'
