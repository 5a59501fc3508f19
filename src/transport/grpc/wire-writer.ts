// Writes protobuf's wire format (https://protobuf.dev/programming-guides/encoding): tags, varints, fixed and length-delimited values,
// into one buffer that grows. What is inside a length is written first and moved where its length needs more than a byte.

const maxVarint32 = 0x80

/** Bytes in the making. */
export class WireWriter {
  #bytes: Buffer = Buffer.allocUnsafe(256)
  #length = 0

  /** What was written. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }

  /** A number from 0 to 2^32 - 1. */
  uint32(value: number): void {
    this.#reserve(5)
    let left = value
    while (left >= maxVarint32) {
      this.#bytes[this.#length++] = (left & 0x7f) | 0x80
      left >>>= 7
    }
    this.#bytes[this.#length++] = left
  }

  /** Any safe integer, as an int64. */
  integer(value: number): void {
    if (value >= 0 && value < 0x1_0000_0000) this.uint32(value)
    else this.#varint64(value >>> 0, Math.floor(value / 0x1_0000_0000) >>> 0)
  }

  /** From -2^63 to 2^64 - 1, in two's complement. */
  bigint(value: bigint): void {
    const bits = BigInt.asUintN(64, value)
    this.#varint64(Number(bits & 0xffff_ffffn), Number(bits >> 32n))
  }

  double(value: number): void {
    this.#reserve(8)
    this.#length = this.#bytes.writeDoubleLE(value, this.#length)
  }

  /** With its length. */
  text(value: string): void {
    const length = Buffer.byteLength(value)
    this.uint32(length)
    this.#reserve(length)
    if (length === value.length && length < 24) {
      for (let index = 0; index < length; index++) this.#bytes[this.#length + index] = value.charCodeAt(index)
    } else this.#bytes.write(value, this.#length, length)
    this.#length += length
  }

  /** With their length. */
  bytes(value: Uint8Array): void {
    this.uint32(value.length)
    this.#reserve(value.length)
    this.#bytes.set(value, this.#length)
    this.#length += value.length
  }

  /** Begins what has its length before it; give the result to {@link end}. */
  begin(): number {
    this.#reserve(1)
    return ++this.#length
  }

  /** Ends it. */
  end(start: number): void {
    const length = this.#length - start
    if (length < maxVarint32) {
      this.#bytes[start - 1] = length
      return
    }
    const extra = length < 0x4000 ? 1 : length < 0x20_0000 ? 2 : length < 0x1000_0000 ? 3 : 4
    this.#reserve(extra)
    this.#bytes.copyWithin(start + extra, start, this.#length)
    this.#length = start - 1
    this.uint32(length)
    this.#length += length
  }

  #varint64(low: number, high: number): void {
    this.#reserve(10)
    let [lo, hi] = [low, high]
    while (hi > 0) {
      this.#bytes[this.#length++] = (lo & 0x7f) | 0x80
      lo = ((lo >>> 7) | (hi << 25)) >>> 0
      hi >>>= 7
    }
    this.uint32(lo)
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return
    const grown = Buffer.allocUnsafe(Math.max(2 * this.#bytes.length, this.#length + more))
    this.#bytes.copy(grown, 0, 0, this.#length)
    this.#bytes = grown
  }
}
