// An instrument as backends read it: all its series, with their labels. Reading copies; nothing that a backend does reaches a series.

/** What kind of instrument it is. */
export type MetricKind = 'counter' | 'gauge' | 'histogram'

/** A series of a counter or a gauge. */
export interface ValueReading {
  /** By name, in the order of the family's. */
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** A series of a histogram. */
export interface HistogramReading {
  /** By name, in the order of the family's. */
  readonly labels: Readonly<Record<string, string>>
  /** Of all values. */
  readonly sum: number
  /** How many values there were. */
  readonly count: number
  /** How many were in each bucket, not cumulated; the last is of those above all bounds. */
  readonly counts: readonly number[]
}

interface FamilyOf<Kind extends MetricKind, Reading> {
  readonly kind: Kind
  readonly name: string
  readonly help: string
  /** Names of its labels, in the order of the description. */
  readonly labels: readonly string[]
  /** Upper bounds, rising; empty where it is no histogram. */
  readonly buckets: readonly number[]
  /** The series, as they are now. */
  read(): readonly Reading[]
}

/** An instrument, to be read. */
export type MetricFamily =
  | FamilyOf<'counter', ValueReading>
  | FamilyOf<'gauge', ValueReading>
  | FamilyOf<'histogram', HistogramReading>

/** A histogram, to be read. */
export type HistogramFamily = Extract<MetricFamily, { readonly kind: 'histogram' }>

/** What a backend is told as it happens, besides what it reads. */
export interface MetricObserver {
  /** There is an instrument: told of those that exist, and of each new one. What it throws, whoever describes the instrument gets. */
  family?(family: MetricFamily): void
  /**
   * A histogram has a series: what to call with each value, or nothing. For backends that aggregate themselves; it costs each call, so
   * it only notes the value, and never throws.
   */
  series?(family: HistogramFamily, labels: Readonly<Record<string, string>>): ((value: number) => void) | undefined
}
