// What Go's encoding/json does otherwise than JSON.parse and JSON.stringify, as far as clients can tell: names in any case, the
// first value only, errors in these very words. For structs whose fields are strings (decode.go, encode.go of Go 1.26).
import type { CallError } from 'tenon'
import { firstValue, type Kind, mistake } from './go-scanner.js'

/** A struct to decode into: its Go name, for errors, and the names of its fields. */
export interface GoStruct<Field extends string> {
  readonly name: string
  readonly fields: readonly Field[]
}

/** `json.NewDecoder(body).Decode(&value)`. Throws a `CallError` with Go's text. */
export function decode<Field extends string>(text: string, struct: GoStruct<Field>): Record<Field, string> {
  const { kind, members } = firstValue(text)
  const decoded = Object.fromEntries(struct.fields.map(field => [field, ''])) as Record<Field, string> // all of them
  if (kind !== 'object' && kind !== 'null') throw mismatch(kind, `value of type main.${struct.name}`)
  let first: CallError | undefined
  for (const { key, value } of members) {
    const field = struct.fields.find(name => folded(name) === folded(unquoted(key)))
    if (field === undefined || value.kind === 'null') continue
    if (value.kind === 'string') decoded[field] = unquoted(value.text)
    else first ??= mismatch(value.kind, `struct field ${struct.name}.${field} of type string`)
  }
  if (first !== undefined) throw first
  return decoded
}

function mismatch(kind: Kind, target: string): CallError {
  return mistake(`json: cannot unmarshal ${kind} into Go ${target}`)
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
