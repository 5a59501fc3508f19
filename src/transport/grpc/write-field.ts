// Writes one field of a message, be it one value, a list or a map. Throws `Unfit`, with the way to it, for what has no place there.
import { entryTag, type FieldCodec, hasDefault, isPacked } from './field-codec.js'
import { Unfit } from './wire-scalar.js'
import type { WireWriter } from './wire-writer.js'

/** Writes a field's value, which may be absent. */
export function writeField(writer: WireWriter, codec: FieldCodec, value: unknown, depth: number): void {
  const { field, scalar } = codec
  if (value === undefined) {
    // What is absent on the wire is refused by the receiver's schema; but a default there would be taken for a value.
    if (field.presence === 'required' && hasDefault(codec)) throw new Unfit('is missing')
    return
  }
  if (value === null && field.presence === 'nullable') return
  if (field.cardinality === 'list') writeList(writer, codec, value, depth)
  else if (field.cardinality === 'map') writeMap(writer, codec, value, depth)
  else if (scalar === undefined) writeOne(writer, codec, value, depth)
  else {
    const taken = scalar.take(value)
    if (field.presence === 'required' && scalar.isZero(taken)) return
    writer.uint32(codec.tag)
    scalar.write(writer, taken)
  }
}

function writeOne(writer: WireWriter, { tag, scalar, message }: FieldCodec, value: unknown, depth: number): void {
  writer.uint32(tag)
  if (scalar !== undefined) scalar.write(writer, scalar.take(value))
  else {
    const start = writer.begin()
    message?.write(writer, value, depth + 1)
    writer.end(start)
  }
}

function writeList(writer: WireWriter, codec: FieldCodec, value: unknown, depth: number): void {
  if (!Array.isArray(value)) throw new Unfit('is no list')
  if (value.length === 0) return
  const { scalar, field, tag } = codec
  const packed = isPacked(field, scalar) ? scalar : undefined
  let index = 0
  try {
    if (packed === undefined) for (; index < value.length; index++) writeOne(writer, codec, value[index], depth + 1)
    else {
      writer.uint32(tag)
      const start = writer.begin()
      for (; index < value.length; index++) packed.write(writer, packed.take(value[index]))
      writer.end(start)
    }
  } catch (thrown) {
    if (thrown instanceof Unfit) thrown.keys.push(index)
    throw thrown
  }
}

function writeMap(writer: WireWriter, codec: FieldCodec, value: unknown, depth: number): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Unfit('is no object')
  const entry = { ...codec, tag: entryTag(codec) }
  for (const [key, item] of Object.entries(value)) {
    if (item === undefined) continue
    if (!key.isWellFormed()) throw new Unfit('has half a surrogate pair in a key')
    writer.uint32(codec.tag)
    const start = writer.begin()
    writer.uint32(0x0a)
    writer.text(key)
    try {
      writeOne(writer, entry, item, depth + 1)
    } catch (thrown) {
      if (thrown instanceof Unfit) thrown.keys.push(key)
      throw thrown
    }
    writer.end(start)
  }
}
