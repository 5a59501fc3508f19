// Keeps what is counted, and lets backends read it: one set of instruments, any number of readers. Nothing is sent from here.
import { type Description, described, type GivenDescription, isSame, samplesOf, seriesOf } from './description.js'
import type { HistogramFamily, MetricFamily, MetricKind, MetricObserver } from './family.js'
import { LabelledSeries } from './labelled-series.js'
import type { MetricProvider } from './provider.js'
import { HistogramSeries, type SeriesInit, ValueSeries } from './series.js'

/** Options of {@link metricRegistry}. */
export interface MetricRegistryOptions {
  /** How many series an instrument with labels may have that does not say so itself; whole, 1 to 1 000 000. @defaultValue 1 000 */
  readonly maxSeries?: number
}

/** Instruments, and what they have counted. Made by {@link metricRegistry}. */
export interface MetricRegistry extends MetricProvider {
  /** All instruments, in the order in which they were described, and behind them the two of its own. */
  readonly families: readonly MetricFamily[]
  /** Tells a backend of instruments and values; returns what ends that. Throws what its `family` throws. */
  attach(observer: MetricObserver): () => void
}

/**
 * Makes a registry. It counts two things of its own: `tenon_metrics_overflow_total{metric}`, how often
 * labels went to the overflow series, and `tenon_metrics_rejected_total{metric}`, how many values were left out.
 *
 * Its instruments throw `TypeError` and `RangeError` when they are described, and when labels are bound; recording never throws.
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { metricRegistry } from 'tenon/metrics'
 *
 * const registry = metricRegistry()
 * const orders = registry.counter({ name: 'shop_orders_total', help: 'Orders placed.', labels: ['country'] })
 * const swiss = orders.with({ country: 'CH' })
 * swiss.add()
 * swiss.add(2)
 * const [family] = registry.families
 * assert.deepEqual(family?.read(), [{ labels: { country: 'CH' }, value: 3 }])
 * ```
 */
export function metricRegistry(options: MetricRegistryOptions = {}): MetricRegistry {
  const { maxSeries = 1_000, ...rest } = options
  const [unknown] = Object.keys(rest)
  if (unknown !== undefined) throw new TypeError(`metricRegistry: there is no option '${unknown}'`)
  return new Registry(seriesOf('metricRegistry', maxSeries)) as unknown as MetricRegistry // overloads: by labels or none
}

/** How many instruments there may be: they belong to a program, and not to its requests. */
const maxInstruments = 1_000

type AnySeries = ValueSeries | HistogramSeries

interface Instrument {
  readonly description: Description
  readonly family: MetricFamily
  /** What its users have. */
  readonly given: LabelledSeries<AnySeries> | AnySeries
  readonly series: Iterable<AnySeries>
}

class Registry {
  readonly #maxSeries: number
  readonly #instruments: Map<string, Instrument> = new Map()
  /** Whose the names on Prometheus' page are. */
  readonly #samples: Map<string, string> = new Map()
  readonly #observers: Map<MetricObserver, (() => void)[]> = new Map()
  readonly #overflow: LabelledSeries<AnySeries>
  readonly #rejected: LabelledSeries<AnySeries>

  constructor(maxSeries: number) {
    this.#maxSeries = maxSeries
    this.#overflow = this.#own('overflow')
    this.#rejected = this.#own('rejected')
  }

  readonly counter = (options: GivenDescription): unknown => this.#instrument('counter', options)
  readonly gauge = (options: GivenDescription): unknown => this.#instrument('gauge', options)
  readonly histogram = (options: GivenDescription): unknown => this.#instrument('histogram', options)

  get families(): readonly MetricFamily[] {
    const [overflow, rejected, ...described] = [...this.#instruments.values()].map(({ family }) => family)
    return [...described, overflow, rejected].filter(family => family !== undefined)
  }

  attach(observer: MetricObserver): () => void {
    if (typeof observer !== 'object' || observer === null) throw new TypeError('attach: needs an observer')
    const ends: (() => void)[] = []
    for (const { family } of this.#instruments.values()) observer.family?.(family)
    this.#observers.set(observer, ends)
    for (const { family, series } of this.#instruments.values()) {
      for (const each of series) tap(observer, ends, { family, series: each })
    }
    return () => {
      this.#observers.delete(observer)
      for (const end of ends.splice(0)) end()
    }
  }

  #instrument(kind: MetricKind, options: GivenDescription): unknown {
    const description = described(kind, options, this.#maxSeries)
    const there = this.#instruments.get(description.name)
    if (there !== undefined) {
      if (isSame(there.description, description)) return there.given
      throw new TypeError(
        `${kind} ${description.name}: there is a ${there.description.kind} of that name that is described otherwise`,
      )
    }
    for (const sample of samplesOf(description)) {
      const owner = this.#samples.get(sample)
      if (owner !== undefined)
        throw new TypeError(`${kind} ${description.name}: '${sample}' is a part of ${owner} already`)
    }
    if (this.#instruments.size >= maxInstruments + 2)
      throw new RangeError(`${kind} ${description.name}: is one more than the ${maxInstruments} there may be`)
    return this.#add(description).given
  }

  #add(description: Description): Instrument {
    const { kind, name, help, labels, buckets } = description
    const reject = (): void => this.#count(this.#rejected, name)
    const make = (own: Readonly<Record<string, string>>): AnySeries => {
      const init: SeriesInit = { labels: own, buckets, reject }
      const series = kind === 'histogram' ? new HistogramSeries(init) : new ValueSeries(init, kind === 'counter')
      for (const [observer, ends] of this.#observers) tap(observer, ends, { family, series })
      return series
    }
    let series: Iterable<AnySeries> = []
    const read = () => Array.from(series, each => each.read())
    const family = { kind, name, help, labels, buckets, read } as MetricFamily // the kind of its series is that of its description
    for (const observer of this.#observers.keys()) observer.family?.(family)
    const given =
      labels.length === 0
        ? make(Object.freeze({}))
        : new LabelledSeries(description, make, () => this.#count(this.#overflow, name))
    series = given instanceof LabelledSeries ? given : [given]
    const instrument = { description, family, given, series }
    this.#instruments.set(name, instrument)
    for (const sample of samplesOf(description)) this.#samples.set(sample, name)
    return instrument
  }

  /** Described at once: a backend that cannot take them says so when it is attached, and not in the midst of a call. */
  #own(what: keyof typeof ownHelp): LabelledSeries<AnySeries> {
    const name = `tenon_metrics_${what}_total`
    const own = described('counter', { name, help: ownHelp[what], labels: ['metric'] }, maxInstruments + 2)
    return this.#add(own).given as LabelledSeries<AnySeries> // it has a label
  }

  #count(counter: LabelledSeries<AnySeries>, metric: string): void {
    const series = counter.with({ metric })
    if (series instanceof ValueSeries) series.add()
  }
}

const ownHelp = {
  overflow: 'How often labels went to the overflow series, since the instrument has as many series as it may.',
  rejected: 'Values that were left out, since they cannot be counted.',
} as const

function tap(
  observer: MetricObserver,
  ends: (() => void)[],
  { family, series }: { readonly family: MetricFamily; readonly series: AnySeries },
): void {
  if (!(series instanceof HistogramSeries)) return
  const each = observer.series?.(family as HistogramFamily, series.labels) // its series are those of a histogram
  if (each !== undefined) ends.push(series.tap(each))
}
