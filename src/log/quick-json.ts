// The JSON line of an entry without the entry: where all fields are plain values, as nearly always, that costs a fraction of turning
// them into data first. It knows when it cannot, and a test shows that it writes what the thorough way does.

import { quoted } from '../core/escape.js'
import type { Redaction } from '../core/index.js'
import { redacted } from '../core/redaction.js'
import type { Level } from './entry.js'
import type { Fields } from './logger-of.js'
import { ownNames } from './pairs.js'
import { timeText } from './time-text.js'

/** A line, or `undefined` where only the thorough way will do. May throw what reading a field throws. */
export type QuickLine = (time: number, level: Level, message: unknown, fields: Fields | undefined) => string | undefined

/** What is written before a value, or in place of one that is hidden. `undefined`: such a name needs the thorough way. */
interface Label {
  readonly text: string | undefined
  readonly isSecret: boolean
}

// Names and messages out of requests must not fill the memory.
const maxKnown = 500
const longestKnown = 100
const mostFields = 100
/** What the thorough way keeps free to tell of values that it cut, and more. */
const reserve = 60

// Short words, numbers and ids: nothing to escape, and nothing that a redaction takes for a token.
const harmless = /^(?:[\w./-]{1,11}|[\da-f.-]{1,40})$/

/** Writes the lines of a logger and of those that were made `with` it. */
export class QuickJson {
  readonly #redaction: Redaction
  readonly #maxLength: number
  readonly #labels: Map<string, Label> = new Map()
  readonly #messages: Map<string, string> = new Map()

  constructor(redaction: Redaction, maxLength: number) {
    this.#redaction = redaction
    this.#maxLength = maxLength
  }

  /** For a logger with such bound fields, which are read when it writes its first line. */
  lines(sources: readonly Fields[]): QuickLine {
    let bound: { readonly text: string | undefined; readonly names: ReadonlySet<string> } | undefined
    return (time, level, message, fields) => {
      bound ??= this.#bound(sources)
      if (bound.text === undefined || typeof message !== 'string') return undefined
      const more = fields === undefined ? '' : this.#fields(fields, bound.names)
      if (more === undefined) return undefined
      const text = this.#message(message)
      const line = `{"time":"${timeText(time)}","level":"${level}","message":${text}${bound.text}${more}}`
      return line.length > this.#maxLength - reserve || text.length > this.#maxLength / 2 - reserve ? undefined : line
    }
  }

  #bound(sources: readonly Fields[]): { readonly text: string | undefined; readonly names: ReadonlySet<string> } {
    const all = new Map<string, unknown>()
    for (const source of sources) for (const name of Object.keys(source)) all.set(name, source[name])
    return { text: this.#fields(Object.fromEntries(all), new Set()), names: new Set(all.keys()) }
  }

  #fields(fields: Fields, taken: ReadonlySet<string>): string | undefined {
    const names = Object.keys(fields)
    if (names.length > mostFields) return undefined
    let text = ''
    for (const name of names) {
      if (taken.has(name)) return undefined
      const value = fields[name]
      if (value === undefined) continue
      const label = this.#labels.get(name) ?? this.#label(name)
      if (label.text === undefined) return undefined
      const written = label.isSecret ? '' : this.#value(value)
      if (written === undefined) return undefined
      text += label.text + written
    }
    return text
  }

  #value(value: unknown): string | undefined {
    if (typeof value === 'string') return harmless.test(value) ? `"${value}"` : this.#text(value)
    if (typeof value === 'number') return Number.isFinite(value) ? String(value) : undefined
    return typeof value === 'boolean' || value === null ? String(value) : undefined
  }

  #label(name: string): Label {
    const isSecret = this.#redaction.isSecret(name)
    const isOdd = ownNames.includes(name) || /^\d/.test(name) || this.#redaction.text(name) !== name
    const text = isOdd ? undefined : `,${quoted(name)}:${isSecret ? `"${redacted}"` : ''}`
    const label = { text, isSecret }
    if (this.#labels.size < maxKnown && name.length < longestKnown) this.#labels.set(name, label)
    return label
  }

  #message(message: string): string {
    const known = this.#messages.get(message)
    if (known !== undefined) return known
    const text = this.#text(message)
    if (this.#messages.size < maxKnown && message.length < longestKnown) this.#messages.set(message, text)
    return text
  }

  #text(value: string): string {
    return quoted(this.#redaction.text(value))
  }
}
