// "tenon/metrics/otel": metrics for OpenTelemetry, through a meter.
export { type OtelHistogram, type OtelMeter, type OtelMetricOptions, type OtelObservable, otel } from './otel.js'
