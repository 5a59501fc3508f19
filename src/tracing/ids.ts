// Ids, 32 bits at a time. From the machine's generator for secrets by default, in blocks: an id that can be guessed lets a caller write
// into somebody else's trace, and one call for each number would cost more than the span.
import type { Random } from '../core/index.js'

/** Draws 32 random bits, as an integer of 0 or more. */
export type Words = () => number

const blockSize = 2_048

/** Bits of `crypto.getRandomValues`. */
export function cryptoWords(): Words {
  const block = new Uint32Array(blockSize)
  let next = blockSize
  return () => {
    if (next === blockSize) {
      globalThis.crypto.getRandomValues(block)
      next = 0
    }
    return block[next++] as number // below the size of the block
  }
}

/** Bits of an injected generator. */
export function wordsOf(random: Random): Words {
  return () => Math.floor(random.next() * 2 ** 32)
}

const hexOf: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** 8 lower-case hex digits. */
function hex(word: number): string {
  return (
    (hexOf[word >>> 24] as string) + // of bytes, as the table is
    (hexOf[(word >>> 16) & 0xff] as string) +
    (hexOf[(word >>> 8) & 0xff] as string) +
    (hexOf[word & 0xff] as string)
  )
}

/** A span id; never all 0. */
export function newSpanId(words: Words): string {
  const [high, low] = [words(), words()]
  return hex(high) + hex(high === 0 && low === 0 ? 1 : low)
}

/** A trace id that has not been written out yet: most traces are not recorded, and nobody asks for theirs. */
export class NewTraceId {
  readonly #first: number
  readonly #second: number
  readonly #third: number
  readonly #fourth: number

  constructor(words: Words) {
    this.#first = words()
    this.#second = words()
    this.#third = words()
    this.#fourth = words()
  }

  /** The last 56 bits as a share of 2^56. */
  get position(): number {
    return ((this.#third & 0xffffff) * 2 ** 32 + this.#fourth) / 2 ** 56
  }

  toString(): string {
    const rest = hex(this.#second) + hex(this.#third) + hex(this.#fourth)
    const isZero = (this.#first | this.#second | this.#third | this.#fourth) === 0
    return hex(isZero ? 1 : this.#first) + rest
  }
}

/** {@link NewTraceId.position} of an id that is written out. */
export function positionOf(traceId: string): number {
  return Number.parseInt(traceId.slice(18), 16) / 2 ** 56
}
