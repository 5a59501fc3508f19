// What an instrument may be called and labelled: what every backend takes, so that a description that is accepted once can go anywhere.
// Names are Prometheus' without colons, which are kept for recording rules.
import type { MetricKind } from './family.js'
import { durationBuckets } from './instrument.js'

/** A description, checked. */
export interface Description {
  readonly kind: MetricKind
  readonly name: string
  readonly help: string
  readonly labels: readonly string[]
  readonly buckets: readonly number[]
  readonly maxSeries: number
}

/** A description as it was given; its type says less than it should for callers without one. */
export interface GivenDescription {
  readonly name?: unknown
  readonly help?: unknown
  readonly labels?: unknown
  readonly buckets?: unknown
  readonly maxSeries?: unknown
}

const nameRule = /^[a-zA-Z_][a-zA-Z0-9_]{0,199}$/
const reserved: ReadonlySet<string> = new Set(['le', 'quantile'])
const maxLabels = 16
const maxBuckets = 200
/** The most that `maxSeries` may be. */
const mostSeries = 1_000_000

/** Checks a description. Throws `TypeError` and `RangeError`. */
export function described(kind: MetricKind, given: GivenDescription, maxSeries: number): Description {
  if (typeof given !== 'object' || given === null) throw new TypeError(`${kind}: options must be an object`)
  const allowed = ['name', 'help', 'labels', 'maxSeries', ...(kind === 'histogram' ? ['buckets'] : [])]
  for (const key of Object.keys(given)) {
    if (!allowed.includes(key)) throw new TypeError(`${kind}: there is no option '${key}'`)
  }
  const { name, help } = given
  if (typeof name !== 'string' || !nameRule.test(name))
    throw new TypeError(`${kind}: a name is letters, digits and _, without a digit first; got ${shown(name)}`)
  if (typeof help !== 'string' || help.trim() === '') throw new TypeError(`${kind} ${name}: help must be a text`)
  return {
    kind,
    name,
    help,
    labels: labelsOf(`${kind} ${name}`, given.labels),
    buckets: kind === 'histogram' ? bucketsOf(name, given.buckets ?? durationBuckets) : [],
    maxSeries: seriesOf(`${kind} ${name}`, given.maxSeries ?? maxSeries),
  }
}

function labelsOf(what: string, labels: unknown): readonly string[] {
  if (labels === undefined) return []
  if (!Array.isArray(labels) || labels.length === 0 || labels.length > maxLabels)
    throw new TypeError(`${what}: labels must be a list of 1 to ${maxLabels} names`)
  for (const label of labels) {
    if (typeof label !== 'string' || !nameRule.test(label) || label.startsWith('__') || reserved.has(label))
      throw new TypeError(`${what}: ${shown(label)} cannot name a label`)
  }
  if (new Set(labels).size < labels.length) throw new TypeError(`${what}: a label is named twice`)
  return Object.freeze([...labels])
}

function bucketsOf(name: string, buckets: unknown): readonly number[] {
  if (!Array.isArray(buckets)) throw new TypeError(`histogram ${name}: buckets must be a list of numbers`)
  if (buckets.length > maxBuckets)
    throw new RangeError(`histogram ${name}: there may be ${maxBuckets} buckets, got ${buckets.length}`)
  buckets.forEach((bound: unknown, i) => {
    if (typeof bound !== 'number' || !Number.isFinite(bound) || (i > 0 && bound <= buckets[i - 1]))
      throw new RangeError(`histogram ${name}: buckets must be finite and rise, got ${shown(bound)} at ${i}`)
  })
  return Object.freeze([...buckets])
}

/** Checks how many series there may be. */
export function seriesOf(what: string, maxSeries: unknown): number {
  if (typeof maxSeries !== 'number' || !Number.isInteger(maxSeries) || maxSeries < 1 || maxSeries > mostSeries)
    throw new RangeError(`${what}: maxSeries must be a whole number from 1 to ${mostSeries}, got ${shown(maxSeries)}`)
  return maxSeries
}

/** Whether two descriptions are of one instrument. */
export function isSame(a: Description, b: Description): boolean {
  return (
    a.kind === b.kind &&
    a.maxSeries === b.maxSeries &&
    a.help === b.help &&
    areEqual(a.labels, b.labels) &&
    areEqual(a.buckets, b.buckets)
  )
}

function areEqual(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((each, i) => each === b[i])
}

/** The names on Prometheus' page that an instrument takes. */
export function samplesOf({ kind, name }: Description): readonly string[] {
  return kind === 'histogram' ? [name, `${name}_bucket`, `${name}_count`, `${name}_sum`] : [name]
}

function shown(value: unknown): string {
  return typeof value === 'string' ? `'${value.slice(0, 60)}'` : String(value)
}
