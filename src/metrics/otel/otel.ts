// Metrics for OpenTelemetry: our instruments as those of a meter, for whatever SDK and exporter the program has. Nothing is imported: a
// meter is what its user brings.
import { observe } from '../../core/call-error.js'
import type { HistogramFamily, MetricFamily } from '../family.js'
import type { MetricRegistry } from '../metric-registry.js'

type Labels = Readonly<Record<string, string>>

/** What a meter is told of an instrument. */
export interface OtelMetricOptions {
  /** What it counts. */
  readonly description: string
  /** In UCUM: `s`, `By`. @defaultValue none */
  readonly unit?: string
  /** Bounds of a histogram's buckets, which views of the SDK may replace. @defaultValue none */
  readonly advice?: { readonly explicitBucketBoundaries: number[] }
}

/** An instrument that the SDK asks. `addCallback` of `@opentelemetry/api`'s `Observable`. */
export interface OtelObservable {
  /** Has the SDK call it whenever it collects. */
  addCallback(callback: (result: { observe(value: number, attributes?: Labels): void }) => void): void
  /** Ends that. */
  removeCallback(callback: (result: { observe(value: number, attributes?: Labels): void }) => void): void
}

/** An instrument that is told each value. */
export interface OtelHistogram {
  /** Counts a value. */
  record(value: number, attributes?: Labels): void
}

/** What {@link otel} needs of a meter: `metrics.getMeter('shop')` of `@opentelemetry/api` has it. */
export interface OtelMeter {
  /** For our counters. */
  createObservableCounter(name: string, options: OtelMetricOptions): OtelObservable
  /** For our gauges. */
  createObservableGauge(name: string, options: OtelMetricOptions): OtelObservable
  /** For our histograms. */
  createHistogram(name: string, options: OtelMetricOptions): OtelHistogram
}

/**
 * Gives what a registry counts to OpenTelemetry; returns what ends that. Counters and gauges are read when the SDK collects, and cost a
 * call nothing. Values of histograms are recorded as they are observed, since the API has no other way: that costs a call what the SDK
 * takes. Attach it before the calls begin: earlier values of histograms are not known to it.
 *
 * Names lose a counter's `_total`, which exporters for Prometheus add; `_seconds` and `_bytes` are told as units, too. Throws
 * `TypeError` for something that is no meter, and what the meter throws.
 *
 * @example
 * ```ts no-run
 * import { metrics } from '@opentelemetry/api'
 * import { metricRegistry } from 'tenon/metrics'
 * import { otel } from 'tenon/metrics/otel'
 *
 * const registry = metricRegistry()
 * const end = otel(registry, metrics.getMeter('shop'))
 * ```
 */
export function otel(registry: MetricRegistry, meter: OtelMeter): () => void {
  if (typeof registry?.attach !== 'function') throw new TypeError('otel: needs a metricRegistry')
  if (typeof meter?.createObservableCounter !== 'function' || typeof meter.createHistogram !== 'function')
    throw new TypeError('otel: needs a Meter of @opentelemetry/api')
  const histograms = new Map<HistogramFamily, OtelHistogram>()
  const ends: (() => void)[] = []
  const detach = registry.attach({
    family(family) {
      if (family.kind === 'histogram') histograms.set(family, meter.createHistogram(family.name, optionsOf(family)))
      else ends.push(observed(family, meter))
    },
    series(family, labels) {
      const histogram = histograms.get(family)
      if (histogram === undefined) return undefined
      const record = (value: number): void => histogram.record(value, labels)
      return value => observe(record, value) // what the SDK throws would come out of the call
    },
  })
  return () => {
    detach()
    for (const end of ends.splice(0)) end()
  }
}

function observed(family: Exclude<MetricFamily, HistogramFamily>, meter: OtelMeter): () => void {
  const observable =
    family.kind === 'counter'
      ? meter.createObservableCounter(family.name.replace(/_total$/, ''), optionsOf(family))
      : meter.createObservableGauge(family.name, optionsOf(family))
  const callback = (result: { observe(value: number, attributes?: Labels): void }): void => {
    for (const { labels, value } of family.read()) result.observe(value, labels)
  }
  observable.addCallback(callback)
  return () => observable.removeCallback(callback)
}

function optionsOf({ name, help, kind, buckets }: MetricFamily): OtelMetricOptions {
  const unit = /_seconds(?:_total)?$/.test(name) ? 's' : /_bytes(?:_total)?$/.test(name) ? 'By' : undefined
  return {
    description: help,
    ...(unit !== undefined && { unit }),
    ...(kind === 'histogram' && { advice: { explicitBucketBoundaries: [...buckets] } }),
  }
}
