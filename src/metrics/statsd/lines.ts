// The two dialects of statsd: Etsy's, which has names and nothing else, and Datadog's, which has tags and histograms.
import type { ValueReading } from '../family.js'
import { pathName } from '../path-name.js'

/** `statsd`: Etsy's. `dogstatsd`: Datadog's, also spoken by Telegraf, the OpenTelemetry collector and VictoriaMetrics' agents. */
export type Dialect = 'statsd' | 'dogstatsd'

/** Writes lines of a dialect. */
export interface Lines {
  counter(name: string, labels: Labels, growth: number): readonly string[]
  gauge(name: string, reading: ValueReading): readonly string[]
  /** @param share - which share of all values these are, in (0, 1] */
  histogram(name: string, labels: Labels, values: readonly number[], share: number): readonly string[]
}

type Labels = Readonly<Record<string, string>>

/** The lines of a dialect. */
export function linesOf(dialect: Dialect, prefix: string | undefined): Lines {
  return dialect === 'statsd' ? etsy(prefix) : datadog(prefix)
}

function etsy(prefix: string | undefined): Lines {
  return {
    counter: (name, labels, growth) => [`${pathName(prefix, name, labels)}:${growth}|c`],
    gauge(name, { labels, value }) {
      const path = pathName(prefix, name, labels)
      // With a sign, it would be a change of the gauge and not its value.
      return value < 0 ? [`${path}:0|g`, `${path}:${value}|g`] : [`${path}:${value}|g`]
    },
    histogram(name, labels, values, share) {
      const path = pathName(prefix, name, labels)
      const factor = isDuration(name) ? 1_000 : 1
      return values.map(value => `${path}:${value * factor}|ms${rate(share)}`) // its one type for values, whatever they are
    },
  }
}

function datadog(prefix: string | undefined): Lines {
  const path = (name: string): string => pathName(prefix, name)
  return {
    counter: (name, labels, growth) => [`${path(name)}:${growth}|c${tags(labels)}`],
    gauge: (name, { labels, value }) => [`${path(name)}:${value}|g${tags(labels)}`],
    histogram: (name, labels, values, share) =>
      values.map(value => `${path(name)}:${value}|h${rate(share)}${tags(labels)}`),
  }
}

function isDuration(name: string): boolean {
  return name.endsWith('_seconds')
}

function rate(share: number): string {
  return share < 1 ? `|@${share.toPrecision(6)}` : ''
}

/** An empty value is no tag. What parts tags, fields and lines becomes `_`. */
function tags(labels: Labels): string {
  const given = Object.entries(labels).filter(([, value]) => value !== '')
  if (given.length === 0) return ''
  return `|#${given.map(([name, value]) => `${name}:${value.replace(/[,|#\s\p{Cc}]/gu, '_')}`).join(',')}`
}
