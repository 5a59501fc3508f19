// google.protobuf.Value, ListValue and Struct: any JSON, on protobuf's wire. Depth is counted as JSON's is.
import { maxJsonDepth } from '../json-depth.js'
import { Malformed, type WireReader } from './wire-reader.js'
import type { WireWriter } from './wire-writer.js'

type Fields = Readonly<Record<string, unknown>>

// Value: null_value = 1, number_value = 2, string_value = 3, bool_value = 4, struct_value = 5, list_value = 6.
const tag = { null: 0x08, number: 0x11, string: 0x1a, bool: 0x20, struct: 0x2a, list: 0x32 } as const
/** Field 1 with a length: an entry of a Struct, its key, a value of a ListValue. */
const first = 0x0a
/** Field 2 with a length: the value of an entry. */
const second = 0x12

/** Writes JSON, as `toWire` gives it, as a Value with its length. */
export function writeValue(writer: WireWriter, value: unknown): void {
  const start = writer.begin()
  switch (typeof value) {
    case 'number':
      writer.uint32(tag.number)
      writer.double(value)
      break
    case 'string':
      writer.uint32(tag.string)
      writer.text(value)
      break
    case 'boolean':
      writer.uint32(tag.bool)
      writer.uint32(value ? 1 : 0)
      break
    default:
      if (value === null) {
        writer.uint32(tag.null)
        writer.uint32(0)
      } else if (Array.isArray(value)) {
        writer.uint32(tag.list)
        const list = writer.begin()
        for (const item of value) {
          writer.uint32(first)
          writeValue(writer, item)
        }
        writer.end(list)
      } else {
        writer.uint32(tag.struct)
        const struct = writer.begin()
        writeStruct(writer, value as Fields) // what JSON is, if nothing else
        writer.end(struct)
      }
  }
  writer.end(start)
}

/** Writes an object's members as those of a Struct, without its length. */
export function writeStruct(writer: WireWriter, fields: Fields): void {
  for (const [key, value] of Object.entries(fields)) {
    if (value === undefined) continue
    writer.uint32(first)
    const entry = writer.begin()
    writer.uint32(first)
    writer.text(key)
    writer.uint32(second)
    writeValue(writer, value)
    writer.end(entry)
  }
}

/** Reads a Value with its length. A Value that holds nothing is null. */
export function readValue(reader: WireReader, depth = 1): unknown {
  let value: unknown = null
  const outer = reader.enter()
  while (!reader.isAtEnd) {
    const next = reader.tag()
    switch (next) {
      case tag.null:
        reader.varint64()
        value = null
        break
      case tag.number: {
        const number = reader.double()
        value = Number.isFinite(number) ? number : String(number)
        break
      }
      case tag.string:
        value = reader.text()
        break
      case tag.bool:
        value = reader.varint64() !== 0 || reader.high !== 0
        break
      case tag.struct: {
        const inner = reader.enter()
        value = readStruct(reader, depth)
        reader.leave(inner)
        break
      }
      case tag.list:
        value = readList(reader, depth)
        break
      default:
        reader.skip(next)
    }
  }
  reader.leave(outer)
  return value
}

/** Reads the members of a Struct up to its end. */
export function readStruct(reader: WireReader, depth = 1): Record<string, unknown> {
  checkDepth(depth)
  const fields: Record<string, unknown> = {}
  while (!reader.isAtEnd) {
    const next = reader.tag()
    if (next !== first) {
      reader.skip(next)
      continue
    }
    let key = ''
    let value: unknown = null
    const outer = reader.enter()
    while (!reader.isAtEnd) {
      const part = reader.tag()
      if (part === first) key = reader.text()
      else if (part === second) value = readValue(reader, depth + 1)
      else reader.skip(part)
    }
    reader.leave(outer)
    putKey(fields, key, value)
  }
  return fields
}

/** As a key of a received object. */
export function putKey(fields: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__') throw new Malformed('has a key with a forbidden name')
  fields[key] = value
}

function readList(reader: WireReader, depth: number): readonly unknown[] {
  checkDepth(depth)
  const list: unknown[] = []
  const outer = reader.enter()
  while (!reader.isAtEnd) {
    const next = reader.tag()
    if (next === first) list.push(readValue(reader, depth + 1))
    else reader.skip(next)
  }
  reader.leave(outer)
  return list
}

/** Throws where a message nests deeper than JSON may. */
export function checkDepth(depth: number): void {
  if (depth > maxJsonDepth) throw new Malformed(`nests over ${maxJsonDepth} levels deep`)
}
