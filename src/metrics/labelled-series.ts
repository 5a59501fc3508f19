// The series of one instrument by their labels, and no more of them than there may be: a label that a caller can choose (a path, an
// id) is the commonest way in which a service fills its memory, and its Prometheus' as well.
import type { Description } from './description.js'

/** What the labels of the overflow series say. */
const overflowLabel = '(overflow)'

/** A longer value of a label is not kept. */
const maxValueLength = 256

/** Gives series. `Series` is made by `make`, once for each combination of labels. */
export class LabelledSeries<Series> {
  readonly #description: Description
  readonly #make: (labels: Readonly<Record<string, string>>) => Series
  readonly #onOverflow: () => void
  readonly #series: Map<string, Series> = new Map()
  #overflow: Series | undefined

  constructor(
    description: Description,
    make: (labels: Readonly<Record<string, string>>) => Series,
    onOverflow: () => void,
  ) {
    this.#description = description
    this.#make = make
    this.#onOverflow = onOverflow
  }

  /** How many there are, the overflow series left out. */
  get size(): number {
    return this.#series.size
  }

  with(labels: Readonly<Record<string, string>>): Series {
    const key = this.#keyOf(labels)
    return this.#series.get(key) ?? this.#added(labels)
  }

  *[Symbol.iterator](): Generator<Series> {
    yield* this.#series.values()
    if (this.#overflow !== undefined) yield this.#overflow
  }

  /** Each value behind its length, so that no two combinations have one key, whatever is in them. */
  #keyOf(labels: Readonly<Record<string, string>>): string {
    let key = ''
    for (const name of this.#description.labels) {
      const value = labels?.[name]
      if (typeof value !== 'string') throw this.#mistake(labels, name)
      key += `${value.length}:${value}`
    }
    if (Object.keys(labels).length !== this.#description.labels.length) throw this.#mistake(labels)
    return key
  }

  #added(given: Readonly<Record<string, string>>): Series {
    const { labels: names, maxSeries } = this.#description
    if (this.#series.size >= maxSeries || names.some(name => (given[name] ?? '').length > maxValueLength))
      return this.#overflowed()
    // Half a surrogate pair cannot be sent, and two that differ in it would be one on the page. Copied, since the text may be a part
    // of a much larger one, which it would keep.
    const labels = Object.fromEntries(names.map(name => [name, copyOf((given[name] ?? '').toWellFormed())]))
    const key = this.#keyOf(labels)
    let series = this.#series.get(key)
    if (series === undefined) {
      series = this.#make(Object.freeze(labels))
      this.#series.set(key, series)
    }
    return series
  }

  #overflowed(): Series {
    this.#onOverflow()
    this.#overflow ??= this.#make(
      Object.freeze(Object.fromEntries(this.#description.labels.map(name => [name, overflowLabel]))),
    )
    return this.#overflow
  }

  #mistake(labels: unknown, missing?: string): TypeError {
    const { kind, name, labels: names } = this.#description
    const wanted = `${kind} ${name}: needs the labels ${names.join(', ')}`
    if (typeof labels !== 'object' || labels === null) return new TypeError(`${wanted}, got ${String(labels)}`)
    const unknown = Object.keys(labels).find(label => !names.includes(label))
    if (unknown !== undefined) return new TypeError(`${wanted}, and not '${unknown}'`)
    return new TypeError(`${wanted}; ${missing} must be a string`)
  }
}

/** The same text with memory of its own. */
function copyOf(text: string): string {
  return JSON.parse(JSON.stringify(text)) as string // a string gives a string
}
