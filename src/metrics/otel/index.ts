// "tenon/metrics/otel": metrics for OpenTelemetry, through a meter.
export { type OtelMeter, type OtelMetricOptions, type OtelObservable, otel } from './otel.js'
