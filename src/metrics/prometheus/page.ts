// A page of metrics in either of Prometheus' two formats, from one registry of prom-client. By itself that has one format for good, and
// writing OpenMetrics takes `_total` from the names of its counters, which are then wrong on each later page.
import { Registry, type RegistryContentType } from 'prom-client'
import type { PageMetric } from './family-metric.js'

/** `text`: Prometheus' own format, 0.0.4. `openmetrics`: OpenMetrics 1.0. */
export type PageFormat = 'text' | 'openmetrics'

/** A registry of prom-client, whatever its own format. */
export type AnyRegistry = Registry<RegistryContentType>

/** The media type of each format, as Prometheus sends and expects it. */
export const contentTypes: Readonly<Record<PageFormat, RegistryContentType>> = {
  text: Registry.PROMETHEUS_CONTENT_TYPE,
  openmetrics: Registry.OPENMETRICS_CONTENT_TYPE,
}

/** Writes all metrics of a registry. Rejects where one of them cannot be read. */
export async function pageOf(register: AnyRegistry, format: PageFormat): Promise<string> {
  // The registry itself but for its format and for metrics that may be renamed: default labels and all else are its own.
  const page: AnyRegistry = Object.create(register, {
    contentType: { value: contentTypes[format] },
    getMetricsAsArray: { value: () => (register.getMetricsAsArray() as unknown as AskedMetric[]).map(renamable) }, // metrics, not objects, whatever its types say
  })
  return page.metrics()
}

/** A metric of prom-client's own may have another way to be asked, which gives exemplars. */
interface AskedMetric extends PageMetric {
  getForPromString?(): ReturnType<PageMetric['get']>
}

function renamable(metric: AskedMetric): PageMetric {
  const { name, help, type } = metric
  const own: PageMetric = {
    name,
    help,
    type,
    async get() {
      const given = await (metric.getForPromString === undefined ? metric.get() : metric.getForPromString())
      return given.name === own.name ? given : { ...given, name: own.name }
    },
  }
  return own
}
