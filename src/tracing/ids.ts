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
  const high = words()
  const low = words()
  return hex(high) + hex(high === 0 && low === 0 ? 1 : low)
}

/** A trace id that is drawn and written out when somebody asks: most traces are not recorded, and nobody asks for theirs. */
export class NewTraceId {
  readonly #words: Words
  #drawn: readonly [number, number, number, number] | undefined
  #text: string | undefined

  constructor(words: Words) {
    this.#words = words
  }

  /** The last 56 bits as a share of 2^56. */
  get position(): number {
    const [, , third, fourth] = this.#draw()
    return ((third & 0xffffff) * 2 ** 32 + fourth) / 2 ** 56
  }

  toString(): string {
    if (this.#text === undefined) {
      const [first, second, third, fourth] = this.#draw()
      const isZero = (first | second | third | fourth) === 0
      this.#text = hex(isZero ? 1 : first) + hex(second) + hex(third) + hex(fourth)
    }
    return this.#text
  }

  #draw(): readonly [number, number, number, number] {
    const words = this.#words
    this.#drawn ??= [words(), words(), words(), words()]
    return this.#drawn
  }
}

/** {@link NewTraceId.position} of an id that is written out. */
export function positionOf(traceId: string): number {
  return Number.parseInt(traceId.slice(18), 16) / 2 ** 56
}
