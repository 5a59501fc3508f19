// The JSON line of an entry without the entry: where all fields are plain values, as nearly always, that costs a fraction of turning
// them into data first. It knows when it cannot, and a test shows that it writes what the thorough way does.

import { quoted } from '../core/escape.js'
import type { Redaction } from '../core/index.js'
import { redacted } from '../core/redaction.js'
import type { Level } from './entry.js'
import type { Fields } from './logger-of.js'
import { numberText } from './number-text.js'
import { ownNames } from './pairs.js'
import { timeText } from './time-text.js'

/** A line, or `undefined` where only the thorough way will do. May throw what reading a field throws. */
export type QuickLine = (time: number, level: Level, message: unknown, fields: Fields | undefined) => string | undefined

/** What is known of a name. */
interface Label {
  readonly name: string
  /** `,"sku":`, or with the hidden value of a secret; `undefined` where such a name needs the thorough way. */
  readonly text: string | undefined
  readonly isSecret: boolean
  /** `,"sku":"` */
  readonly quoted: string
  /** With values that come again and again: `,"code":"ok"`. */
  readonly pairs: Map<unknown, string>
}

interface Bound {
  /** `undefined` where only the thorough way will do. */
  readonly text: string | undefined
  readonly names: ReadonlySet<string>
  readonly plan: Label[]
}

// Names, values and messages out of requests must not fill the memory.
const maxKnown = 500
const longestKnown = 100
const maxPairs = 50
const longestInPair = 24
const mostFields = 100
/** What the thorough way keeps free to tell of values that it cut, and more. */
const reserve = 60

// Nothing to escape, and nothing that a redaction takes for a token: the first are too short for one.
const words = /^[\w./-]*$/
const longestWord = 11
const ids = /^[\da-f.-]{12,40}$/
/** Of IPv4, with a port: there are more of them than are remembered, and a colon makes a redaction look twice. */
const addresses = /^\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?$/

/**
 * The same text in one piece. What is put together from strings stays a tree of them until it is read, and a tree within another is walked
 * each time: what is kept for many lines must not be one.
 */
function inOnePiece(text: string): string {
  return String(JSON.parse(JSON.stringify(text)))
}

function isSmall(value: unknown): boolean {
  return typeof value === 'number' && (value | 0) === value && value < 100
}

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
    let bound: Bound | undefined
    let known: { readonly level: Level; readonly message: string; readonly text: string } | undefined
    // Up to the fields; lines come in bursts, many in one millisecond.
    let head = ''
    let headTime = Number.NaN
    return (time, level, message, fields) => {
      bound ??= this.#bound(sources)
      if (bound.text === undefined || typeof message !== 'string') return undefined
      const more = fields === undefined ? '' : this.#fields(fields, bound)
      if (more === undefined) return undefined
      if (known?.message !== message || known.level !== level) {
        const text = this.#message(message)
        if (text.length > this.#maxLength / 2 - reserve) return undefined
        known = { level, message, text: inOnePiece(`","level":"${level}","message":${text}${bound.text}`) }
        headTime = Number.NaN
      }
      if (time !== headTime) {
        head = `{"time":"${timeText(time)}${known.text}`
        headTime = time
      }
      const line = `${head}${more}}`
      return line.length > this.#maxLength - reserve ? undefined : line
    }
  }

  #bound(sources: readonly Fields[]): Bound {
    const all = new Map<string, unknown>()
    for (const source of sources) for (const name of Object.keys(source)) all.set(name, source[name])
    const text = this.#fields(Object.fromEntries(all), { names: new Set(), plan: [] })
    return { text, names: new Set(all.keys()), plan: [] }
  }

  /** `plan`: the labels of the fields before, which mostly have the same names in the same order. */
  #fields(fields: Fields, { names, plan }: Pick<Bound, 'names' | 'plan'>): string | undefined {
    if (Object.getPrototypeOf(fields) !== Object.prototype) return undefined
    let text = ''
    let at = 0
    // Three times as fast as the list of its keys. What others put on Object.prototype has no label.
    for (const name in fields) {
      let label = plan[at]
      if (label?.name !== name) {
        label = Object.hasOwn(fields, name) && at < mostFields && !names.has(name) ? this.#label(name) : undefined
        if (label === undefined) return undefined
        plan[at] = label
      }
      at++
      const value = fields[name]
      if (value === undefined) continue
      const pair = this.#pair(label, value)
      if (pair === undefined) return undefined
      text += pair
    }
    return text
  }

  #pair(label: Label, value: unknown): string | undefined {
    const isCommon = typeof value === 'string' ? value.length <= longestInPair : isSmall(value)
    const known = isCommon ? label.pairs.get(value) : undefined
    if (known !== undefined) return known
    if (label.text === undefined || label.isSecret) return label.text
    if (!isCommon && typeof value === 'string' && ids.test(value)) return `${label.quoted}${value}"`
    const written = this.#value(value)
    if (written === undefined) return undefined
    const pair = label.text + written
    if (isCommon && label.pairs.size < maxPairs) label.pairs.set(value, inOnePiece(pair))
    return pair
  }

  #value(value: unknown): string | undefined {
    if (typeof value === 'string')
      return (value.length <= longestWord && words.test(value)) || addresses.test(value)
        ? `"${value}"`
        : this.#text(value)
    if (typeof value === 'number') return Number.isFinite(value) ? numberText(value) : undefined
    return typeof value === 'boolean' || value === null ? String(value) : undefined
  }

  #label(name: string): Label {
    const before = this.#labels.get(name)
    if (before !== undefined) return before
    const isSecret = this.#redaction.isSecret(name)
    const isOdd = ownNames.includes(name) || /^\d/.test(name) || this.#redaction.text(name) !== name
    const text = isOdd ? undefined : inOnePiece(`,${quoted(name)}:${isSecret ? `"${redacted}"` : ''}`)
    const label: Label = { name, text, isSecret, quoted: inOnePiece(`${text}"`), pairs: new Map() }
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
