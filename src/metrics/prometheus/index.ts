// "tenon/metrics/prometheus": the page that Prometheus reads, with prom-client.
export type { AnyRegistry, PageFormat } from './page.js'
export { type PrometheusOptions, type PrometheusPage, prometheus } from './prometheus.js'
