// "tenon/tracing/otel": spans for whatever OpenTelemetry SDK a program has registered, or for one of its exporters.
export { ambientSpan } from './ambient-span.js'
export {
  type OtelExportResult,
  type OtelOptions,
  type OtelReadableSpan,
  type OtelResource,
  type OtelSpanExporter,
  otel,
} from './otel.js'
export { type OtelTracerOptions, otelTracer } from './otel-tracer.js'
export { registered } from './registered.js'
