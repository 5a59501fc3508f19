// The port between those who count and whatever keeps the counts. Middleware and libraries ask for instruments here, and know nothing
// of Prometheus or statsd.
import type {
  BucketOptions,
  Counter,
  Gauge,
  Histogram,
  InstrumentOptions,
  Labelled,
  LabelOptions,
  NoLabelOptions,
} from './instrument.js'

/**
 * Gives instruments. Asked again for one of the same description, it gives the same. `metricRegistry` makes one that all our backends
 * read; anything else with these three methods will do.
 */
export interface MetricProvider {
  /** A counter for each combination of labels. Throws `TypeError` for a description that is wrong, or that differs from an earlier one of that name. */
  counter<const L extends string>(options: InstrumentOptions & LabelOptions<L>): Labelled<L, Counter>
  /** A counter. */
  counter(options: InstrumentOptions & NoLabelOptions): Counter
  /** A gauge for each combination of labels, which is 0 at first. Throws as {@link counter}. */
  gauge<const L extends string>(options: InstrumentOptions & LabelOptions<L>): Labelled<L, Gauge>
  /** A gauge, which is 0 at first. */
  gauge(options: InstrumentOptions & NoLabelOptions): Gauge
  /** A histogram for each combination of labels. Throws as {@link counter}, and `RangeError` for buckets that do not rise. */
  histogram<const L extends string>(
    options: InstrumentOptions & BucketOptions & LabelOptions<L>,
  ): Labelled<L, Histogram>
  /** A histogram. */
  histogram(options: InstrumentOptions & BucketOptions & NoLabelOptions): Histogram
}
