// "tenon/tracing/otel": spans for whatever OpenTelemetry SDK a program has registered.
export { ambientSpan } from './ambient-span.js'
export { type OtelTracerOptions, otelTracer } from './otel-tracer.js'
export { registered } from './registered.js'
