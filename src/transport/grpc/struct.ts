// google.protobuf.Struct: JSON as protocol buffers, for details of failures that have no message type of their own.
// https://protobuf.dev/reference/protobuf/google.protobuf/#struct
import { maxJsonDepth } from '../json-depth.js'
import { bytesField, doubleField, doubleOf, fieldsOf, messageOf, textField, textOf, varintField } from './protobuf.js'

/** An object of JSON's own types as a Struct. */
export function structOf(object: Readonly<Record<string, unknown>>): Buffer {
  const fields = Object.entries(object).filter(([, value]) => value !== undefined)
  return messageOf(
    ...fields.map(([name, value]) => bytesField(1, messageOf(textField(1, name), bytesField(2, bytesOf(value))))),
  )
}

function bytesOf(value: unknown): Buffer {
  if (typeof value === 'number') return doubleField(2, value)
  if (typeof value === 'string') return textField(3, value)
  if (typeof value === 'boolean') return varintField(4, value ? 1 : 0)
  if (Array.isArray(value)) return bytesField(6, messageOf(...value.map(item => bytesField(1, bytesOf(item)))))
  if (typeof value === 'object' && value !== null) return bytesField(5, structOf({ ...value }))
  return varintField(1, 0) // null
}

/** The object in a Struct. Throws `RangeError` or `TypeError` for what is none, and for one of over 64 levels. */
export function objectOf(struct: Uint8Array, depth = 1): Record<string, unknown> {
  if (depth > maxJsonDepth) throw new RangeError('a Struct is too deep')
  const object: Record<string, unknown> = {}
  for (const { number, bytes } of fieldsOf(struct)) {
    if (number !== 1) continue
    let name = ''
    let value: unknown = null
    for (const part of fieldsOf(bytes)) {
      if (part.number === 1) name = textOf(part)
      else if (part.number === 2) value = readValue(part.bytes, depth)
    }
    // Defined rather than set, which for `__proto__` would change the prototype.
    Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true })
  }
  return object
}

function readValue(bytes: Uint8Array, depth: number): unknown {
  const [field] = fieldsOf(bytes)
  switch (field?.number) {
    case 2:
      return doubleOf(field)
    case 3:
      return textOf(field)
    case 4:
      return field.bits !== 0n
    case 5:
      return objectOf(field.bytes, depth + 1)
    case 6:
      if (depth >= maxJsonDepth) throw new RangeError('a Struct is too deep')
      return fieldsOf(field.bytes).flatMap(item => (item.number === 1 ? [readValue(item.bytes, depth + 1)] : []))
    default:
      return null
  }
}
