// What is counted with: the three instruments of Prometheus and Go kit, as interfaces. A series is bound to its labels once and then
// costs an addition, so that metrics can be where the calls are.

/** Counts up: calls, bytes, failures. */
export interface Counter {
  /**
   * Adds `amount`, 0 or more. One that is negative or not finite is left out and counted in `tenon_metrics_rejected_total`: a metric
   * never fails a call. @defaultValue 1
   */
  add(amount?: number): void
}

/** Goes up and down: calls in flight, queue lengths, temperatures. */
export interface Gauge {
  /** Is `value` from now on. One that is not finite is left out and counted, as a {@link Counter}'s. */
  set(value: number): void
  /** Adds `amount`, which may be negative. One that is not finite is left out and counted. @defaultValue 1 */
  add(amount?: number): void
}

/** Counts values by size: durations, message sizes. */
export interface Histogram {
  /** Counts `value` in its bucket. One that is not finite is left out and counted, as a {@link Counter}'s. */
  observe(value: number): void
}

/** An instrument with labels: one series for each combination of their values. */
export interface Labelled<L extends string, Series> {
  /**
   * The series with these values: always the same for the same ones. Keep it, where the values are known beforehand; looking it up
   * costs more than using it. Beyond `maxSeries`, and for a value of more than 256 characters, it is the overflow series, whose
   * labels are all `(overflow)`. Throws `TypeError` for a label that is missing, that is none, or that is no string.
   */
  with(labels: Readonly<Record<L, string>>): Series
}

/** What every instrument is described by. */
export interface InstrumentOptions {
  /** `shop_orders_total`: letters, digits and `_`, no digit first. By convention a counter ends in `_total`, and units are spelt out, in base units: `_seconds`, `_bytes`. */
  readonly name: string
  /** One sentence for whoever reads the page of metrics. */
  readonly help: string
}

/** What is added to the options of an instrument with labels. */
export interface LabelOptions<L extends string> {
  /** Names of labels, as those of metrics. `le`, `quantile` and what begins with `__` are Prometheus' own. One at least, 16 at most. */
  readonly labels: readonly L[]
  /** How many combinations of values there may be; whole, 1 to 1 000 000. More share one overflow series. @defaultValue the registry's */
  readonly maxSeries?: number
}

/** What is added to the options of an instrument without labels: nothing. */
export interface NoLabelOptions {
  /** None. */
  readonly labels?: never
}

/** What is added to the options of a histogram. */
export interface BucketOptions {
  /**
   * Upper bounds, rising; a value that equals one is below it. Those above the last are counted, too. None leaves count and sum alone:
   * a `summary`, in Prometheus' terms. 200 at most. @defaultValue {@link durationBuckets}
   */
  readonly buckets?: readonly number[]
}

/** Upper bounds for durations in seconds, from 1 ms to 10 s: each about twice the one before. */
export const durationBuckets: readonly number[] = Object.freeze([
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
])
