// Finds the end of a JSON value and what is wrong with it, in the words of Go's encoding/json (scanner.go of Go 1.26). JSON.parse
// refuses the same texts, in other words, and cannot stop after the first value.
import { CallError, failureOf } from 'tenon'

/** What a value is, as Go's errors call it. */
export type Kind = 'object' | 'array' | 'string' | 'number' | 'bool' | 'null'

/** A value somewhere in a text. */
export interface Value {
  readonly kind: Kind
  /** As it is written; of an object or an array the bracket only. */
  readonly text: string
}

/** The outermost value; if that is an object, with its members in order. */
export interface FirstValue extends Value {
  readonly members: readonly { readonly key: string; readonly value: Value }[]
}

/** What a request fails with, in Go's words. */
export function mistake(text: string): CallError {
  return new CallError<never>(failureOf('invalid_argument', 'MALFORMED_BODY', text))
}

const kinds: Readonly<Record<string, Kind>> = {
  '{': 'object',
  '[': 'array',
  '"': 'string',
  t: 'bool',
  f: 'bool',
  n: 'null',
}
const words: Readonly<Record<string, string>> = { t: 'true', f: 'false', n: 'null' }
const maxDepth = 10_000

/** Reads the first value of a text; does not look at what follows. Throws a `CallError`. */
export function firstValue(text: string): FirstValue {
  const scanner = new Scanner(text)
  return scanner.firstValue()
}

class Scanner {
  readonly #text: string
  #at = 0
  /** The brackets that are open. A list and no recursion: callers choose the depth. */
  readonly #open: string[] = []
  /** The innermost of them has nothing in it yet. */
  #isFresh = false

  constructor(text: string) {
    this.#text = text
  }

  firstValue(): FirstValue {
    this.#skipSpace()
    if (this.#next === '') throw mistake('EOF')
    const members: { readonly key: string; readonly value: Value }[] = []
    const first = this.#value()
    while (this.#open.length > 0) {
      const isMember = this.#open.length === 1 && first.kind === 'object'
      if (this.#closes()) continue
      const key = this.#open.at(-1) === '{' ? this.#key() : ''
      const value = this.#value()
      if (isMember) members.push({ key, value })
    }
    return { ...first, members }
  }

  get #next(): string {
    return this.#text[this.#at] ?? ''
  }

  /** Takes the bracket that ends the innermost object or array, or the comma before its next part. */
  #closes(): boolean {
    const isObject = this.#open.at(-1) === '{'
    this.#skipSpace()
    const wasFresh = this.#isFresh
    this.#isFresh = false
    if (this.#take(isObject ? /}/ : /]/)) {
      this.#open.pop()
      return true
    }
    if (!wasFresh) this.#expect(/,/, isObject ? 'after object key:value pair' : 'after array element')
    return false
  }

  #key(): string {
    this.#skipSpace()
    const start = this.#at
    if (this.#next !== '"') this.#fail('looking for beginning of object key string')
    this.#string()
    const key = this.#text.slice(start, this.#at)
    this.#skipSpace()
    this.#expect(/:/, 'after object key')
    return key
  }

  /** A whole scalar, or the bracket that begins an object or an array. */
  #value(): Value {
    this.#skipSpace()
    const start = this.#at
    const first = this.#next
    const kind = kinds[first] ?? (/[-\d]/.test(first) ? 'number' : this.#fail('looking for beginning of value'))
    if (kind === 'object' || kind === 'array') this.#enter(first)
    else if (kind === 'string') this.#string()
    else if (kind === 'number') this.#number()
    else this.#word(words[first] ?? '')
    return { kind, text: this.#text.slice(start, this.#at) }
  }

  #enter(bracket: string): void {
    if (this.#open.push(bracket) > maxDepth) this.#fail('exceeded max depth')
    this.#isFresh = true
    this.#at++
  }

  #string(): void {
    this.#at++
    while (this.#next !== '"') {
      if (this.#next < ' ') this.#fail('in string literal')
      if (this.#next === '\\') this.#escape()
      else this.#at++
    }
    this.#at++
  }

  #escape(): void {
    this.#at++
    if (this.#take(/u/)) {
      for (let digit = 0; digit < 4; digit++) this.#expect(/[\da-fA-F]/, 'in \\u hexadecimal character escape')
    } else this.#expect(/["\\/bfnrt]/, 'in string escape code')
  }

  #number(): void {
    this.#take(/-/)
    if (!this.#take(/0/)) this.#digits('in numeric literal')
    if (this.#take(/\./)) this.#digits('after decimal point in numeric literal')
    if (!this.#take(/[eE]/)) return
    this.#take(/[+-]/)
    this.#digits('in exponent of numeric literal')
  }

  #digits(place: string): void {
    this.#expect(/\d/, place)
    while (this.#take(/\d/));
  }

  #word(word: string): void {
    for (const letter of word) this.#expect(new RegExp(letter), `in literal ${word} (expecting '${letter}')`)
  }

  #skipSpace(): void {
    while (this.#take(/[ \t\r\n]/));
  }

  #take(wanted: RegExp): boolean {
    const isThere = wanted.test(this.#next)
    if (isThere) this.#at++
    return isThere
  }

  #expect(wanted: RegExp, place: string): void {
    if (!this.#take(wanted)) this.#fail(place)
  }

  #fail(place: string): never {
    if (this.#next === '') throw mistake('unexpected EOF')
    const [byte = 0] = Buffer.from(String.fromCodePoint(this.#text.codePointAt(this.#at) ?? 0)) // Go looks at bytes
    throw mistake(`invalid character ${quoted(byte)} ${place}`)
  }
}

const escapes: Readonly<Record<string, string>> = {
  "'": "\\'",
  '\\': '\\\\',
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
}

/** A byte as Go shows it. */
function quoted(byte: number): string {
  const character = String.fromCharCode(byte)
  const hex = byte.toString(16)
  if (byte < 0x20 || byte === 0x7f) return `'${escapes[character] ?? `\\x${hex.padStart(2, '0')}`}'`
  if ((byte > 0x7f && byte <= 0xa0) || byte === 0xad) return `'\\u00${hex}'`
  return `'${escapes[character] ?? character}'`
}
