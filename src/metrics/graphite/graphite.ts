// Metrics for Graphite: its plaintext protocol over TCP, one line for each number. Totals are sent as totals, so that what is lost while
// nobody listens is a gap and no wrong sum.
import { booleanOption, numberOption, type OptionRules } from '../../core/index.js'
import { checkedOptions } from '../../core/option-rules.js'
import { batchesOf } from '../batches.js'
import type { MetricFamily } from '../family.js'
import { Intervals, quantiles } from '../intervals.js'
import type { MetricRegistry } from '../metric-registry.js'
import { pathName } from '../path-name.js'
import { type MetricSender, type SenderOptions, senderRules, startSender } from '../sender.js'
import { LineConnection } from './line-connection.js'

/** Options of {@link graphite}. */
export interface GraphiteOptions extends SenderOptions {
  /** Name or address of carbon. @defaultValue '127.0.0.1' */
  readonly host?: string
  /** @defaultValue 2003 */
  readonly port?: number
  /** Whether labels are sent as tags (Graphite 1.1 and newer, VictoriaMetrics); else their values are parts of the name. @defaultValue false */
  readonly tags?: boolean
}

/**
 * Sends what a registry counts to Graphite, and a last time when it is closed. A counter is sent as its total (use `perSecond` or
 * `nonNegativeDerivative`); a histogram as `.count` and `.sum`, which are totals, and `.p50`, `.p95`, `.p99` of the interval, within a bucket.
 *
 * Connects again at the next interval where the connection is lost, and sends what has waited. Throws `TypeError` and `RangeError` for
 * options that make no sense.
 *
 * @example
 * ```ts no-run
 * import { metricRegistry } from 'tenon/metrics'
 * import { graphite } from 'tenon/metrics/graphite'
 *
 * const registry = metricRegistry()
 * const sender = graphite(registry, { host: 'carbon.internal', prefix: 'shop' })
 * await sender.close()
 * ```
 */
export function graphite(registry: MetricRegistry, options: GraphiteOptions = {}): MetricSender {
  if (typeof registry?.attach !== 'function') throw new TypeError('graphite: needs a metricRegistry')
  const settings = checkedOptions('graphite', rules, { base: undefined, given: options }) as Checked // all that have a default are there
  const { host, port, clock } = settings
  const connection = new LineConnection({ host, port })
  const intervals = new Intervals()
  return startSender({
    target: `graphite ${host}:${port}`,
    options: settings,
    read: () =>
      batchesOf(lines(registry, { settings, intervals, time: Math.floor(clock.wallTime() / 1_000) }), batchBytes),
    send: (batch, signal) => connection.write(batch, signal),
    end: () => connection.end(),
  })
}

const batchBytes = 16_384

type Checked = GraphiteOptions & Required<Omit<GraphiteOptions, 'prefix' | 'onEvent'>>

const rules: OptionRules<GraphiteOptions> = {
  ...senderRules,
  host: {
    fallback: '127.0.0.1',
    must: 'be a name or an address',
    allows: value => typeof value === 'string' && value !== '',
  },
  port: numberOption({ fallback: 2003, min: 1, max: 65_535, integer: true }),
  tags: booleanOption(false),
}

interface Now {
  readonly settings: Checked
  readonly intervals: Intervals
  /** Seconds since 1970. */
  readonly time: number
}

function* lines(registry: MetricRegistry, { settings, intervals, time }: Now): Generator<string> {
  const { prefix, tags } = settings
  for (const family of registry.families) {
    for (const [labels, numbers] of numbersOf(family, intervals)) {
      for (const [part, value] of numbers) {
        const name = tags
          ? `${pathName(prefix, family.name)}${part}${tagsOf(labels)}`
          : `${pathName(prefix, family.name, labels)}${part}`
        yield `${name} ${value} ${time}`
      }
    }
  }
}

type Numbers = readonly (readonly [part: string, value: number])[]

function numbersOf(
  family: MetricFamily,
  intervals: Intervals,
): readonly (readonly [labels: Readonly<Record<string, string>>, Numbers])[] {
  if (family.kind !== 'histogram') return family.read().map(({ labels, value }) => [labels, [['', value]]])
  return family.read().map(reading => {
    const own = quantiles(family.buckets, intervals.added(reading)).map(([name, value]) => [`.${name}`, value] as const)
    return [reading.labels, [['.count', reading.count], ['.sum', reading.sum], ...own]]
  })
}

/** An empty value is no tag. What parts tags and fields, or begins an expression, becomes `_`. */
function tagsOf(labels: Readonly<Record<string, string>>): string {
  const given = Object.entries(labels).filter(([, value]) => value !== '')
  return given.map(([name, value]) => `;${name}=${value.replace(/^~|[;\s\p{Cc}]/gu, '_')}`).join('')
}
