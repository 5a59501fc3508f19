// A message type's codec, put together once from what the contract says of it. One pass either way: no object in between, and no code
// made at run time.
import type { ProtoField, ProtoMessage } from '../../contract/proto-file.js'
import { maxJsonDepth } from '../json-depth.js'
import { dateTimeText } from './timestamp.js'
import { checkDepth, putKey } from './wire-json.js'
import { Malformed, WireReader, wireType } from './wire-reader.js'
import { type ScalarCodec, scalarCodecs, Unfit } from './wire-scalar.js'
import type { WireWriter } from './wire-writer.js'

type Fields = Record<string, unknown>

interface FieldCodec {
  readonly field: ProtoField
  readonly tag: number
  /** Either of these. */
  readonly scalar: ScalarCodec | undefined
  readonly message: WireMessage | undefined
  /** Whether `value[property]` could find something inherited. */
  readonly isInherited: boolean
}

const maxKeys = 1000

/** Writes and reads the fields of one message type. */
export class WireMessage {
  readonly #fields: FieldCodec[] = []
  readonly #byNumber: Map<number, FieldCodec> = new Map()
  readonly #hasToJson: boolean

  /** @param known - the codecs made so far: a recursive type finds itself there */
  constructor(message: ProtoMessage, known: Map<ProtoMessage, WireMessage> = new Map()) {
    known.set(message, this)
    this.#hasToJson = message.fields.some(({ property }) => property === 'toJSON')
    for (const field of message.fields) {
      const { type } = field
      const inner = typeof type === 'object' ? (known.get(type) ?? new WireMessage(type, known)) : undefined
      const scalar = typeof type === 'object' ? undefined : scalarCodecs[type]
      const isLength = inner !== undefined || field.cardinality === 'map'
      const wire = isLength || isPacked(field, scalar) ? wireType.length : (scalar?.wire ?? wireType.length)
      const tag = ((field.number << 3) | wire) >>> 0
      const codec = { field, tag, scalar, message: inner, isInherited: field.property in Object.prototype }
      this.#fields.push(codec)
      this.#byNumber.set(field.number, codec)
    }
  }

  /** Writes a value's fields, without their length. Throws {@link Unfit} for what has no place there. */
  write(writer: WireWriter, value: unknown, depth: number): void {
    const fields = this.#taken(value)
    if (depth > maxJsonDepth) throw new Unfit(`nests over ${maxJsonDepth} levels deep, or contains itself`)
    for (const codec of this.#fields) {
      const { property } = codec.field
      const given = codec.isInherited && !Object.hasOwn(fields, property) ? undefined : fields[property]
      try {
        writeField(writer, codec, given, depth)
      } catch (thrown) {
        if (thrown instanceof Unfit) thrown.keys.push(property)
        throw thrown
      }
    }
  }

  #taken(value: unknown): Fields {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new Unfit(value === undefined ? 'is missing' : 'is no object, as a message must be')
    }
    const { toJSON: own } = value as { readonly toJSON?: unknown } // any object can be asked
    if (typeof own !== 'function' || this.#hasToJson) return value as Fields
    return this.#taken(own.call(value, ''))
  }

  /** Reads fields up to the end, over those that are there. Throws {@link Malformed}. */
  read(reader: WireReader, depth: number, fields: Fields = {}): Fields {
    checkDepth(depth)
    while (!reader.isAtEnd) {
      const tag = reader.tag()
      const codec = this.#byNumber.get(tag >>> 3)
      try {
        if (codec === undefined || !readField(reader, codec, { tag, fields, depth })) reader.skip(tag)
      } catch (thrown) {
        if (thrown instanceof Malformed && codec !== undefined) thrown.keys.unshift(codec.field.property)
        throw thrown
      }
    }
    for (const codec of this.#fields) restore(codec, fields)
    return fields
  }
}

function hasDefault({ field, scalar }: FieldCodec): boolean {
  return field.cardinality !== 'one' || scalar?.zero !== undefined
}

/** What is not on the wire because it need not be. */
function restore({ field, scalar }: FieldCodec, fields: Fields): void {
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

function isPacked({ cardinality }: ProtoField, scalar: ScalarCodec | undefined): boolean {
  return cardinality === 'list' && scalar !== undefined && scalar.wire !== wireType.length
}

function writeField(writer: WireWriter, codec: FieldCodec, value: unknown, depth: number): void {
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

/** Field 2 of a map's entry. */
function entryTag({ scalar }: FieldCodec): number {
  return 0x10 | (scalar?.wire ?? wireType.length)
}

interface At {
  readonly tag: number
  readonly fields: Fields
  readonly depth: number
}

/** Whether the field was what it should be; one that was not has to be skipped. */
function readField(reader: WireReader, codec: FieldCodec, { tag, fields, depth }: At): boolean {
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

function readMessage(reader: WireReader, message: WireMessage, depth: number, fields?: Fields): Fields {
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
