// Protocol buffers by hand, as far as the messages need that gRPC itself brings: google.rpc.Status, health, reflection. A library
// would have to be loaded by every service that wants a failure's reason, and these few never change.
// https://protobuf.dev/programming-guides/encoding

/** One field of a message as it is on the wire. */
export interface WireField {
  readonly number: number
  /** Of a varint or a fixed-length field. */
  readonly bits: bigint
  /** Of a length-delimited field: a message, text or bytes. */
  readonly bytes: Uint8Array
}

const none = new Uint8Array()

/** The fields of a message in order. Throws `RangeError` for what is no message. */
export function fieldsOf(message: Uint8Array): readonly WireField[] {
  const fields: WireField[] = []
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength)
  let at = 0
  const varint = (): bigint => {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = message[at++]
      if (byte === undefined) throw new RangeError('a varint is cut off')
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return BigInt.asUintN(64, value)
    }
    throw new RangeError('a varint is too long')
  }
  const skip = (length: number): number => {
    const start = at
    at += length
    if (at > message.length) throw new RangeError('a field is cut off')
    return start
  }
  while (at < message.length) {
    const tag = Number(varint())
    const number = Math.floor(tag / 8)
    if (number === 0 || number >= 1 << 29) throw new RangeError('a field has no number')
    switch (tag & 7) {
      case 0:
        fields.push({ number, bits: varint(), bytes: none })
        break
      case 1:
        fields.push({ number, bits: view.getBigUint64(skip(8), true), bytes: none })
        break
      case 2: {
        const length = Number(varint())
        const start = skip(length)
        fields.push({ number, bits: 0n, bytes: message.subarray(start, at) })
        break
      }
      case 5:
        fields.push({ number, bits: BigInt(view.getUint32(skip(4), true)), bytes: none })
        break
      default:
        throw new RangeError('a field is of no known kind')
    }
  }
  return fields
}

/** The text of a field. Throws `TypeError` for what is not UTF-8. */
export function textOf({ bytes }: WireField): string {
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
}

/** The number of a double field. */
export function doubleOf({ bits }: WireField): number {
  const view = new DataView(new ArrayBuffer(8))
  view.setBigUint64(0, bits)
  return view.getFloat64(0)
}

/** A message of fields that {@link bytesField} and its like made. */
export function messageOf(...fields: readonly Uint8Array[]): Buffer {
  return Buffer.concat(fields)
}

/** A field of bytes, of which a message is one. */
export function bytesField(number: number, bytes: Uint8Array): Buffer {
  return Buffer.concat([varintOf((BigInt(number) << 3n) | 2n), varintOf(BigInt(bytes.length)), bytes])
}

/** A field of text. What is half a surrogate pair becomes U+FFFD. */
export function textField(number: number, text: string): Buffer {
  return bytesField(number, Buffer.from(text, 'utf8'))
}

/** A field of an integer, an enum or a boolean. */
export function varintField(number: number, value: bigint | number): Buffer {
  return Buffer.concat([varintOf(BigInt(number) << 3n), varintOf(BigInt(value))])
}

/** A field of a double. */
export function doubleField(number: number, value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleLE(value)
  return Buffer.concat([varintOf((BigInt(number) << 3n) | 1n), bytes])
}

function varintOf(value: bigint): Buffer {
  const bytes: number[] = []
  let rest = BigInt.asUintN(64, value)
  while (rest >= 0x80n) {
    bytes.push(Number(rest & 0x7fn) | 0x80)
    rest >>= 7n
  }
  bytes.push(Number(rest))
  return Buffer.from(bytes)
}
