// Puts names and values into one line of limited length, whatever the notation: names are unique, nobody else's field passes
// for the entry's own level, and a line that was cut still parses and says so.
import { type Plain, textOf } from './plain.js'

/** How names and values are written. */
export interface Notation {
  readonly between: string
  /** The name as far as the notation can hold it. */
  name(name: string): string
  /** A name that {@link name} gave, with what stands before its value. */
  label(name: string): string
  value(value: Plain): string
  text(text: string): string
}

/** The names of the entry's own parts; a field of the same name gets `_` appended. */
export const ownNames: readonly string[] = ['time', 'level', 'message', 'truncated']
const shortestCut = 16

/** The part of a line that holds names and values. */
export class Pairs {
  readonly #notation: Notation
  readonly #taken = new Set<string>(ownNames)
  readonly #parts: string[] = []
  #room: number
  #cut = 0

  /** @param room - the most characters that {@link end} may give */
  constructor(notation: Notation, room: number) {
    this.#notation = notation
    this.#room = room - this.#marker(Number.MAX_SAFE_INTEGER).length
  }

  /** Adds one of the entry's own parts, in at most `longest` characters. */
  own(name: string, value: string, longest: number = this.#room): this {
    this.#add(this.#notation.label(name), value, longest)
    return this
  }

  /** Adds fields, in order, while there is room; what is too long is cut, and left out if little of it would remain. */
  fields(fields: Iterable<readonly [string, Plain]>): this {
    for (const [name, value] of fields) {
      if (this.#room < this.#notation.between.length + shortestCut) this.#cut++
      else this.#add(this.#notation.label(this.#unique(this.#notation.name(name))), value, this.#room)
    }
    return this
  }

  /** The line's text, with the number of values that were cut or left out, if any were. */
  end(): string {
    return this.#parts.join(this.#notation.between) + (this.#cut > 0 ? this.#marker(this.#cut) : '')
  }

  #marker(count: number): string {
    return this.#notation.between + this.#notation.label('truncated') + count
  }

  #unique(name: string): string {
    let unique = name
    while (this.#taken.has(unique)) unique += '_'
    this.#taken.add(unique)
    return unique
  }

  #add(label: string, value: Plain, longest: number): void {
    const room = Math.min(longest, this.#room) - label.length - this.#notation.between.length
    let written = this.#notation.value(value)
    if (written.length > room) {
      this.#cut++
      const isText = typeof value === 'object' ? value !== null : typeof value === 'string'
      if (!isText || room < shortestCut) return
      written = this.#notation.text(firstOf(textOf(value), room, text => this.#notation.text(text).length))
    }
    this.#parts.push(label + written)
    this.#room -= this.#notation.between.length + label.length + written.length
  }
}

/** As much of the text as takes no more than `room`, and an ellipsis. Never splits a character. */
function firstOf(text: string, room: number, lengthOf: (text: string) => number): string {
  let left = room - lengthOf('…')
  let end = 0
  for (const character of text) {
    left -= lengthOf(`${character}…`) - lengthOf('…')
    if (left < 0) break
    end += character.length
  }
  return `${text.slice(0, end)}…`
}
