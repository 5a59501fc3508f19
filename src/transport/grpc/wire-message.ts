// A message type's codec, put together once from what the contract says of it. One pass either way: no object in between, and no code
// made at run time.
import type { ProtoMessage } from '../../contract/proto-file.js'
import { maxJsonDepth } from '../json-depth.js'
import { type FieldCodec, type Fields, isPacked, type MessageFields } from './field-codec.js'
import { readField, restore } from './read-field.js'
import { checkDepth } from './wire-json.js'
import { Malformed, type WireReader, wireType } from './wire-reader.js'
import { scalarCodecs, Unfit } from './wire-scalar.js'
import type { WireWriter } from './wire-writer.js'
import { writeField } from './write-field.js'

/** Writes and reads the fields of one message type. */
export class WireMessage implements MessageFields {
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
