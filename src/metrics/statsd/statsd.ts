// Metrics for statsd: what was counted since the last time, in datagrams that fit the network. What it aggregates itself, the values of
// histograms, it is sent as they are; many of them as a sample, and told so.
import { createSocket, type Socket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import {
  numberOption,
  type OptionRules,
  objectOption,
  oneOfOption,
  type Random,
  systemRandom,
} from '../../core/index.js'
import { checkedOptions } from '../../core/option-rules.js'
import { batchesOf } from '../batches.js'
import type { MetricFamily } from '../family.js'
import { Intervals } from '../intervals.js'
import type { MetricRegistry } from '../metric-registry.js'
import { type MetricSender, type SenderOptions, senderRules, startSender } from '../sender.js'
import { type Dialect, type Lines, linesOf } from './lines.js'
import { Samples } from './samples.js'

/** Options of {@link statsd}. */
export interface StatsdOptions extends SenderOptions {
  /** Name or address of the server; a name is looked up as IPv4. @defaultValue '127.0.0.1' */
  readonly host?: string
  /** @defaultValue 8125 */
  readonly port?: number
  /** What the server understands: with `statsd`, values of labels are parts of the name; with `dogstatsd`, tags. @defaultValue 'statsd' */
  readonly dialect?: Dialect
  /**
   * The most in one datagram, in bytes, 100 to 65 507: more than the network's frames take is lost as a whole where one part is. A line
   * that is longer goes alone. @defaultValue 1 432, which fits Ethernet
   */
  readonly maxDatagramBytes?: number
  /** How many values of one series of a histogram are sent in an interval, 1 to 10 000; of more, a sample. @defaultValue 200 */
  readonly maxSamples?: number
  /** For the sample. @defaultValue systemRandom */
  readonly random?: Random
}

/**
 * Sends what a registry counts to statsd over UDP, and a last time when it is closed. Counters are sent as what was added, gauges as they
 * are, values of histograms one by one, durations (`…_seconds`) to Etsy's in ms, as it wants them. Attach it before the calls begin:
 * values of histograms from before are not sent.
 *
 * UDP tells nobody what was lost. Throws `TypeError` and `RangeError` for options that make no sense.
 *
 * @example
 * ```ts
 * import { metricRegistry } from 'tenon/metrics'
 * import { statsd } from 'tenon/metrics/statsd'
 *
 * const registry = metricRegistry()
 * const sender = statsd(registry, { host: '127.0.0.1', prefix: 'shop' })
 * registry.counter({ name: 'orders_total', help: 'Orders placed.' }).add() // shop.orders_total:1|c
 * await sender.close()
 * ```
 */
export function statsd(registry: MetricRegistry, options: StatsdOptions = {}): MetricSender {
  if (typeof registry?.attach !== 'function') throw new TypeError('statsd: needs a metricRegistry')
  const settings = checkedOptions('statsd', rules, { base: undefined, given: options }) as Checked // all that have a default are there
  const { host, port, maxDatagramBytes } = settings
  const source = new Source(registry, settings)
  const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4')
  socket.on('error', () => {}) // of a datagram, whose own callback tells
  socket.unref()
  return startSender({
    target: `statsd ${host}:${port}`,
    options: settings,
    read: () => batchesOf(source.lines(), maxDatagramBytes),
    send: batch => sent(socket, batch, { host, port }),
    end() {
      source.close()
      socket.close()
    },
  })
}

type Checked = StatsdOptions & Required<Omit<StatsdOptions, 'prefix' | 'onEvent'>>

const rules: OptionRules<StatsdOptions> = {
  ...senderRules,
  host: {
    fallback: '127.0.0.1',
    must: 'be a name or an address',
    allows: value => typeof value === 'string' && value !== '',
  },
  port: numberOption({ fallback: 8125, min: 1, max: 65_535, integer: true }),
  dialect: oneOfOption(['statsd', 'dogstatsd'], 'statsd'),
  maxDatagramBytes: numberOption({ fallback: 1_432, min: 100, max: 65_507, integer: true }),
  maxSamples: numberOption({ fallback: 200, min: 1, max: 10_000, integer: true }),
  random: objectOption(['next'], systemRandom),
}

function sent(
  socket: Socket,
  batch: string,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.send(batch.slice(0, -1), port, host, error => (error === null ? resolve() : reject(error)))
  })
}

/** What there is to send. */
class Source {
  readonly #registry: MetricRegistry
  readonly #settings: Checked
  readonly #intervals: Intervals = new Intervals()
  readonly #samples: Map<object, Samples> = new Map()
  readonly close: () => void

  constructor(registry: MetricRegistry, settings: Checked) {
    this.#registry = registry
    this.#settings = settings
    this.close = registry.attach({
      series: (_, labels) => {
        const samples = new Samples(settings.maxSamples, settings.random)
        this.#samples.set(labels, samples)
        return value => samples.add(value)
      },
    })
  }

  *lines(): Generator<string> {
    const write = linesOf(this.#settings.dialect, this.#settings.prefix)
    for (const family of this.#registry.families) yield* this.#linesOf(family, write)
  }

  #linesOf(family: MetricFamily, write: Lines): readonly string[] {
    const { name } = family
    if (family.kind === 'gauge') return family.read().flatMap(reading => write.gauge(name, reading))
    if (family.kind === 'counter')
      return family.read().flatMap(reading => {
        const growth = this.#intervals.growth(reading)
        return growth === 0 ? [] : write.counter(name, reading.labels, growth)
      })
    return family.read().flatMap(({ labels }) => {
      const taken = this.#samples.get(labels)?.take()
      return taken === undefined ? [] : write.histogram(name, labels, taken.values, taken.share)
    })
  }
}
