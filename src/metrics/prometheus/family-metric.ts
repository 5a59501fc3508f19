// One of our instruments as a metric of prom-client: it is asked when a page is made, and costs nothing before.
import type { Metric } from 'prom-client'
import type { HistogramReading, MetricFamily } from '../family.js'

/** A line of the page. */
interface PageValue {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
  /** Where it is not the metric's own. */
  readonly metricName?: string
}

/** What a registry of prom-client asks of a metric. */
export interface PageMetric {
  name: string
  readonly help: string
  readonly type: string
  get(): Promise<{ readonly name: string; readonly values: readonly PageValue[] }>
}

/** The metric that stands for an instrument. */
export function metricOf(family: MetricFamily): Metric {
  const { name, help } = family
  const type = typeOf(family)
  const metric: PageMetric & { reset(): void } = {
    name,
    help,
    type,
    get: async () => ({ name, help, type, aggregator: 'sum', values: valuesOf(family) }),
    reset: () => {}, // what we have counted is not prom-client's to forget
  }
  return metric as unknown as Metric // all that a registry asks of one; its types name its own classes
}

/** A histogram without buckets is what Prometheus calls a summary. */
function typeOf({ kind, buckets }: MetricFamily): string {
  return kind === 'histogram' && buckets.length === 0 ? 'summary' : kind
}

function valuesOf(family: MetricFamily): PageValue[] {
  if (family.kind !== 'histogram') return family.read().map(({ labels, value }) => ({ labels, value }))
  return family.read().flatMap(reading => histogramValues(family, reading))
}

function histogramValues({ name, buckets }: MetricFamily, reading: HistogramReading): PageValue[] {
  const { labels, sum, count, counts } = reading
  let below = 0
  const bounded = buckets.map((bound, i) => {
    below += counts[i] ?? 0
    return { metricName: `${name}_bucket`, labels: { ...labels, le: String(bound) }, value: below }
  })
  const all =
    buckets.length === 0 ? [] : [{ metricName: `${name}_bucket`, labels: { ...labels, le: '+Inf' }, value: count }]
  return [
    ...bounded,
    ...all,
    { metricName: `${name}_sum`, labels: { ...labels }, value: sum },
    { metricName: `${name}_count`, labels: { ...labels }, value: count },
  ]
}
