// Reads one field of a message into its members, and fills in what is not on the wire because it need not be. Throws `Malformed`.
import { entryTag, type FieldCodec, type Fields, type MessageFields } from './field-codec.js'
import { dateTimeText } from './timestamp.js'
import { putKey } from './wire-json.js'
import { Malformed, WireReader, wireType } from './wire-reader.js'

const maxKeys = 1000

/** Where a field that is read goes. */
interface At {
  readonly tag: number
  readonly fields: Fields
  readonly depth: number
}

/** Reads a field. Whether it was what it should be; one that was not has to be skipped. */
export function readField(reader: WireReader, codec: FieldCodec, { tag, fields, depth }: At): boolean {
  const { property, cardinality } = codec.field
  if (cardinality === 'list') {
    const list = own(fields, property, () => []) as unknown[] // put there here, and nowhere else
    return readItems(reader, codec, { tag, list, depth: depth + 1 })
  }
  if (tag !== codec.tag) return false
  if (cardinality === 'map') readEntry(reader, codec, own(fields, property, () => ({})) as Fields, depth + 1)
  else if (codec.message === undefined) fields[property] = codec.scalar?.read(reader)
  // A message that comes in two parts is both together.
  else fields[property] = readMessage(reader, codec.message, depth + 1, own(fields, property, () => ({})) as Fields)
  return true
}

function own(fields: Fields, property: string, make: () => unknown): unknown {
  if (!Object.hasOwn(fields, property)) fields[property] = make()
  return fields[property]
}

function readMessage(reader: WireReader, message: MessageFields, depth: number, fields?: Fields): Fields {
  const outer = reader.enter()
  const read = message.read(reader, depth, fields)
  reader.leave(outer)
  return read
}

interface Items {
  readonly tag: number
  readonly list: unknown[]
  readonly depth: number
}

function readItems(
  reader: WireReader,
  { scalar, message, tag: own }: FieldCodec,
  { tag, list, depth }: Items,
): boolean {
  if (message !== undefined) {
    if (tag !== own) return false
    list.push(readMessage(reader, message, depth + 1))
    return true
  }
  if (scalar === undefined) return false
  const wire = tag & 7
  if (wire === scalar.wire) {
    list.push(scalar.read(reader))
    return true
  }
  if (wire !== wireType.length) return false
  const outer = reader.enter()
  while (!reader.isAtEnd) list.push(scalar.read(reader))
  reader.leave(outer)
  return true
}

function readEntry(reader: WireReader, codec: FieldCodec, map: Fields, depth: number): void {
  const { scalar, message } = codec
  const valueTag = entryTag(codec)
  let key = ''
  let value: unknown
  const outer = reader.enter()
  while (!reader.isAtEnd) {
    const tag = reader.tag()
    if (tag === 0x0a) key = reader.text()
    else if (tag !== valueTag) reader.skip(tag)
    else value = message === undefined ? scalar?.read(reader) : readMessage(reader, message, depth + 1)
  }
  reader.leave(outer)
  putKey(map, key, value === undefined ? emptyOf(codec, depth) : value)
}

/** What the value of an entry is that has none. */
function emptyOf({ field, scalar, message }: FieldCodec, depth: number): unknown {
  if (message !== undefined) return message.read(new WireReader(new Uint8Array()), depth + 1)
  if (field.type === 'google.protobuf.Value') return null
  return scalar?.zero ?? dateTimeText(0, 0)
}

/** What is not on the wire because it need not be. */
export function restore({ field, scalar }: FieldCodec, fields: Fields): void {
  const { property, cardinality, presence } = field
  if (Object.hasOwn(fields, property)) {
    if (cardinality === 'map') checkKeys(property, fields[property] as Fields) // put there by readEntry
    return
  }
  if (presence === 'nullable') fields[property] = null
  if (presence !== 'required') return
  if (cardinality === 'list') fields[property] = []
  else if (cardinality === 'map') fields[property] = {}
  else if (scalar?.zero !== undefined) fields[property] = scalar.zero
}

function checkKeys(property: string, map: Fields): void {
  if (Object.keys(map).length <= maxKeys) return
  const malformed = new Malformed(`has more than ${maxKeys} keys`)
  malformed.keys.push(property)
  throw malformed
}
