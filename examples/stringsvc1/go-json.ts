// What Go's encoding/json does otherwise than JSON.parse and JSON.stringify, as far as clients can tell: names in any case, the
// first value only, errors in these very words. For structs whose fields are strings (decode.go, encode.go of Go 1.26).
import type { CallError } from 'tenon'
import { firstValue, mistake, type Value } from './go-scanner.js'

/** A struct to decode into: its Go name, for errors, and the names of its fields. */
export interface GoStruct<Field extends string> {
  readonly name: string
  /** @defaultValue 'main' */
  readonly package?: string
  readonly fields: readonly Field[]
}

/** How the fields of a struct are read. */
interface GoType<T> {
  readonly name: string
  readonly zero: T
  /** Undefined for a value of another type. */
  read(value: Value): T | undefined
}

const goString: GoType<string> = {
  name: 'string',
  zero: '',
  read: ({ kind, text }) => (kind === 'string' ? unquoted(text) : undefined),
}

const goInt: GoType<bigint> = {
  name: 'int',
  zero: 0n,
  read({ kind, text }) {
    if (kind !== 'number' || !/^-?\d+$/.test(text)) return undefined
    const value = BigInt(text)
    return BigInt.asIntN(64, value) === value ? value : undefined
  },
}

/** `json.NewDecoder(body).Decode(&value)`, of a struct of strings. Throws a `CallError` with Go's text. */
export function decode<Field extends string>(text: string, struct: GoStruct<Field>): Record<Field, string> {
  return decodeAs(goString, text, struct)
}

/** As {@link decode}, of a struct of ints. */
export function decodeInts<Field extends string>(text: string, struct: GoStruct<Field>): Record<Field, bigint> {
  return decodeAs(goInt, text, struct)
}

function decodeAs<T, Field extends string>(type: GoType<T>, text: string, struct: GoStruct<Field>): Record<Field, T> {
  const { kind, members } = firstValue(text)
  const decoded = Object.fromEntries(struct.fields.map(field => [field, type.zero])) as Record<Field, T> // all of them
  if (kind !== 'object' && kind !== 'null')
    throw mismatch(kind, `value of type ${struct.package ?? 'main'}.${struct.name}`)
  let first: CallError | undefined
  for (const { key, value } of members) {
    const field = struct.fields.find(name => folded(name) === folded(unquoted(key)))
    if (field === undefined || value.kind === 'null') continue
    const read = type.read(value)
    if (read !== undefined) decoded[field] = read
    else {
      const found = type === goInt && value.kind === 'number' ? `number ${value.text}` : value.kind
      first ??= mismatch(found, `struct field ${struct.name}.${field} of type ${type.name}`)
    }
  }
  if (first !== undefined) throw first
  return decoded
}

function mismatch(found: string, target: string): CallError {
  return mistake(`json: cannot unmarshal ${found} into Go ${target}`)
}

/** `json.NewEncoder(body).Encode(value)`: safe inside HTML, and with a line break at its end. */
export function encode(value: unknown): string {
  const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  return `${JSON.stringify(value).replace(/[<>&\u2028\u2029]/g, escaped)}\n`
}

/** A name without its case: in Unicode's simple folding the long s is an s, and the Kelvin sign a k. */
function folded(name: string): string {
  return name
    .replace(/[a-z]/g, letter => letter.toUpperCase())
    .replaceAll('\u017f', 'S')
    .replaceAll('\u212a', 'K')
}

/** What a JSON string means; half of a surrogate pair becomes U+FFFD. */
function unquoted(literal: string): string {
  const text: string = JSON.parse(literal)
  return text.toWellFormed()
}
