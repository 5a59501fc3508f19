// "tenon/metrics": counters, gauges and histograms, and the registry that backends read.
export type {
  HistogramFamily,
  HistogramReading,
  MetricFamily,
  MetricKind,
  MetricObserver,
  ValueReading,
} from './family.js'
export {
  type BucketOptions,
  type Counter,
  durationBuckets,
  type Gauge,
  type Histogram,
  type InstrumentOptions,
  type Labelled,
  type LabelOptions,
  type NoLabelOptions,
} from './instrument.js'
export { type MetricRegistry, type MetricRegistryOptions, metricRegistry } from './metric-registry.js'
export type { MetricProvider } from './provider.js'
