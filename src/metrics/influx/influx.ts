// Metrics for InfluxDB, and for all that take its line protocol over HTTP: Telegraf, VictoriaMetrics, QuestDB.
import { type OptionRules, optional } from '../../core/index.js'
import { checkedOptions } from '../../core/option-rules.js'
import { batchesOf } from '../batches.js'
import type { MetricFamily } from '../family.js'
import { Intervals, quantiles } from '../intervals.js'
import type { MetricRegistry } from '../metric-registry.js'
import { type MetricSender, Refused, type SenderOptions, senderRules, startSender } from '../sender.js'
import { lineOf } from './line-protocol.js'

/** Options of {@link influx}. */
export interface InfluxOptions extends SenderOptions {
  /** Where lines are written: `http://127.0.0.1:8086/write?db=shop`, of InfluxDB 2 `…/api/v2/write?org=me&bucket=shop`. Without a password. */
  readonly url: string
  /** Headers of each request: `{ authorization: 'Token …' }`. @defaultValue none */
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * Sends what a registry counts to InfluxDB, and a last time when it is closed. A counter or gauge has the field `value`, a counter's
 * being its total (use `non_negative_derivative`); a histogram `count` and `sum`, which are totals, and `p50`, `p95`, `p99` of the interval,
 * within a bucket. Labels are tags; `prefix` goes before the measurement's name, with a dot.
 *
 * What the server refuses (a status of 400 to 499) is lost and told; what it does not answer is sent again at the next interval. Throws
 * `TypeError` and `RangeError` for options that make no sense.
 *
 * @example
 * ```ts no-run
 * import { metricRegistry } from 'tenon/metrics'
 * import { influx } from 'tenon/metrics/influx'
 *
 * const registry = metricRegistry()
 * const sender = influx(registry, { url: 'http://influx.internal:8086/write?db=shop' })
 * await sender.close()
 * ```
 */
export function influx(registry: MetricRegistry, options: InfluxOptions): MetricSender {
  if (typeof registry?.attach !== 'function') throw new TypeError('influx: needs a metricRegistry')
  const settings = checkedOptions('influx', rules, { base: undefined, given: options }) as Checked // all that have a default are there
  const url = new URL(settings.url)
  if (url.username !== '' || url.password !== '')
    throw new TypeError('influx: the url must not have a password in it; use headers')
  url.searchParams.set('precision', 'ms')
  const { clock, headers = {}, prefix } = settings
  const intervals = new Intervals()
  return startSender({
    target: `influx ${url.host}`,
    options: settings,
    read: () => batchesOf(lines(registry, { prefix, intervals, timeMs: Math.floor(clock.wallTime()) }), batchBytes),
    send: (body, signal) => post(url, { body, headers, signal }),
    end() {},
  })
}

const batchBytes = 262_144
const longestSaid = 500

type Checked = InfluxOptions & Required<Pick<InfluxOptions, 'clock'>>

const rules: OptionRules<InfluxOptions> = {
  ...senderRules,
  url: { must: 'be an http or https URL', allows: isHttpUrl },
  headers: optional({ must: 'be an object of strings', allows: isHeaders }),
}

function isHttpUrl(value: unknown): boolean {
  return typeof value === 'string' && URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)
}

function isHeaders(value: unknown): boolean {
  try {
    return typeof value === 'object' && value !== null && new Headers(value as Record<string, string>) !== undefined
  } catch {
    return false
  }
}

async function post(
  url: URL,
  {
    body,
    headers,
    signal,
  }: { readonly body: string; readonly headers: Readonly<Record<string, string>>; readonly signal: AbortSignal },
): Promise<void> {
  const response = await fetch(url, {
    method: 'POST',
    body,
    headers: { 'content-type': 'text/plain; charset=utf-8', ...headers },
    signal,
  })
  if (response.ok) return void response.body?.cancel() // nobody reads what it says, however long that is
  const said = `${response.status} ${(await beginningOf(response)).trim()}`
  if (response.status >= 400 && response.status < 500 && response.status !== 408 && response.status !== 429)
    throw new Refused(said)
  throw new Error(said)
}

/** Of what a server says, as much as somebody will read. */
async function beginningOf({ body }: Response): Promise<string> {
  let text = ''
  const decoder = new TextDecoder()
  for await (const part of body ?? []) {
    text += decoder.decode(part, { stream: true })
    if (text.length >= longestSaid) break // which cancels the rest
  }
  return text.slice(0, longestSaid)
}

interface Now {
  readonly prefix: string | undefined
  readonly intervals: Intervals
  readonly timeMs: number
}

function* lines(registry: MetricRegistry, { prefix, intervals, timeMs }: Now): Generator<string> {
  for (const family of registry.families) {
    const name = prefix === undefined ? family.name : `${prefix}.${family.name}`
    for (const [labels, fields] of fieldsOf(family, intervals)) yield lineOf(name, labels, { fields, timeMs })
  }
}

function fieldsOf(
  family: MetricFamily,
  intervals: Intervals,
): readonly (readonly [labels: Readonly<Record<string, string>>, fields: Readonly<Record<string, number>>])[] {
  if (family.kind !== 'histogram') return family.read().map(({ labels, value }) => [labels, { value }])
  return family.read().map(reading => {
    const { labels, count, sum } = reading
    return [labels, { count, sum, ...Object.fromEntries(quantiles(family.buckets, intervals.added(reading))) }]
  })
}
