// Messages as lists of fields, for the few that gRPC itself brings: google.rpc.Status, health, reflection. They never change, so that a
// codec put together for each, as contracts' messages have one, would say more than it does.
import { utf8TextOf, WireReader, wireType } from './wire-reader.js'
import { WireWriter } from './wire-writer.js'

/** One field of a message as it is on the wire. */
export interface WireField {
  readonly number: number
  /** Of a varint. */
  readonly bits: bigint
  /** Of a length-delimited field: a message, text or bytes. */
  readonly bytes: Uint8Array
}

const none = new Uint8Array()

/** The varints and the length-delimited fields of a message in order; these messages have no others. Throws `Malformed` for what is no message. */
export function fieldsOf(message: Uint8Array): readonly WireField[] {
  const fields: WireField[] = []
  const reader = new WireReader(message)
  while (!reader.isAtEnd) {
    const tag = reader.tag()
    const number = tag >>> 3
    switch (tag & 7) {
      case wireType.varint: {
        const low = reader.varint64()
        fields.push({ number, bits: (BigInt(reader.high) << 32n) | BigInt(low), bytes: none })
        break
      }
      case wireType.length:
        fields.push({ number, bits: 0n, bytes: reader.bytes() })
        break
      default:
        reader.skip(tag)
    }
  }
  return fields
}

/** The text of a field. Throws `Malformed` for what is not UTF-8. */
export function textOf({ bytes }: WireField): string {
  return utf8TextOf(bytes)
}

/** A message of fields that {@link bytesField} and its like made. */
export function messageOf(...fields: readonly Uint8Array[]): Buffer {
  return Buffer.concat(fields)
}

/** A field of bytes, of which a message is one. */
export function bytesField(number: number, bytes: Uint8Array): Uint8Array {
  return field(number, wireType.length, writer => writer.bytes(bytes))
}

/** A field of text. What is half a surrogate pair becomes U+FFFD. */
export function textField(number: number, text: string): Uint8Array {
  return field(number, wireType.length, writer => writer.text(text))
}

/** A field of an integer, an enum or a boolean. */
export function varintField(number: number, value: number): Uint8Array {
  return field(number, wireType.varint, writer => writer.integer(value))
}

function field(number: number, type: number, write: (writer: WireWriter) => void): Uint8Array {
  const writer = new WireWriter()
  writer.uint32((number << 3) | type)
  write(writer)
  return writer.finish()
}
