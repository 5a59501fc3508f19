// Reads protobuf's wire format as somebody else wrote it: every length and number is held to what is there, text has to be UTF-8, and
// what is not known is skipped without recursion deeper than a message may be.

/** What is wrong with bytes: caught where the message's name is known. */
export class Malformed extends Error {
  /** The way to it, from the outside in. */
  readonly keys: (string | number)[] = []
}

/** How a field is written. */
export const wireType = { varint: 0, fixed64: 1, length: 2, group: 3, groupEnd: 4, fixed32: 5 } as const

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const maxGroups = 64

/** The text that bytes are. */
export function utf8TextOf(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch {
    throw new Malformed('has text that is not UTF-8')
  }
}

/** Reads bytes from their beginning to their end. */
export class WireReader {
  readonly #bytes: Buffer
  #at = 0
  /** Where the message at hand ends. */
  #end: number
  /** The upper half of what {@link varint64} has read. */
  high = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#end = bytes.length
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#end
  }

  /** Number and wire type of the next field. */
  tag(): number {
    const low = this.varint64()
    if (this.high !== 0 || low >>> 3 === 0) throw new Malformed('has a field with an impossible number')
    return low
  }

  /** The lower half of a varint; the upper one is in {@link high} then. */
  varint64(): number {
    let [low, high] = [0, 0]
    for (let index = 0; index < 10; index++) {
      if (this.#at >= this.#end) throw new Malformed('ends in the middle of a number')
      const byte = this.#bytes[this.#at++] ?? 0
      const bits = byte & 0x7f
      if (index < 4) low |= bits << (7 * index)
      else if (index === 4) {
        low |= bits << 28
        high = bits >>> 4
      } else high |= bits << (7 * index - 32)
      if (byte < 0x80) {
        this.high = high >>> 0
        return low >>> 0
      }
    }
    throw new Malformed('has a number of more than 10 bytes')
  }

  double(): number {
    return this.#bytes.readDoubleLE(this.#take(8))
  }

  text(): string {
    const length = this.#length()
    const start = this.#take(length)
    if (length < 16) {
      let text = ''
      let index = start
      for (; index < start + length; index++) {
        const byte = this.#bytes[index] ?? 0
        if (byte >= 0x80) break
        text += String.fromCharCode(byte)
      }
      if (index === start + length) return text
    }
    return utf8TextOf(this.#bytes.subarray(start, start + length))
  }

  /** A view of them. */
  bytes(): Buffer {
    const length = this.#length()
    const start = this.#take(length)
    return this.#bytes.subarray(start, start + length)
  }

  /** Enters what has its length before it; give the result to {@link leave}. */
  enter(): number {
    const length = this.#length()
    if (this.#at + length > this.#end) throw new Malformed('ends in the middle of a field')
    const outer = this.#end
    this.#end = this.#at + length
    return outer
  }

  /** Goes on after it. */
  leave(outer: number): void {
    this.#end = outer
  }

  /** Skips a field of which the tag was read. */
  skip(tag: number): void {
    let open = 0
    let next = tag
    const groups: number[] = []
    do {
      switch (next & 7) {
        case wireType.varint:
          this.varint64()
          break
        case wireType.fixed64:
          this.#take(8)
          break
        case wireType.length:
          this.#take(this.#length())
          break
        case wireType.fixed32:
          this.#take(4)
          break
        case wireType.group:
          groups.push(next >>> 3)
          if (++open > maxGroups) throw new Malformed(`has groups over ${maxGroups} levels deep`)
          break
        case wireType.groupEnd:
          if (groups.pop() !== next >>> 3) throw new Malformed('ends a group that it did not begin')
          open--
          break
        default:
          throw new Malformed('has a field of an impossible type')
      }
      if (open > 0) next = this.tag()
    } while (open > 0)
  }

  #length(): number {
    const length = this.varint64()
    if (this.high !== 0 || length > 0x7fff_ffff) throw new Malformed('has a field of an impossible length')
    return length
  }

  #take(length: number): number {
    const start = this.#at
    if (start + length > this.#end) throw new Malformed('ends in the middle of a field')
    this.#at = start + length
    return start
  }
}
