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

const digits: Uint8Array = Uint8Array.from('0123456789abcdef', digit => digit.charCodeAt(0))

/** The code of the digit that a word has at `shift`, a multiple of 4. */
function digit(word: number, shift: number): number {
  return digits[(word >>> shift) & 0xf] as number // there are 16
}

/**
 * 16 lower-case hex digits, all at once: put together from pieces they would be a tree of strings, which takes twice as long to make and,
 * where a regular expression reads it, ten times as long to read.
 */
function hex(high: number, low: number): string {
  // biome-ignore format: a line for each word
  return String.fromCharCode(
    digit(high, 28), digit(high, 24), digit(high, 20), digit(high, 16), digit(high, 12), digit(high, 8), digit(high, 4), digit(high, 0),
    digit(low, 28), digit(low, 24), digit(low, 20), digit(low, 16), digit(low, 12), digit(low, 8), digit(low, 4), digit(low, 0),
  )
}

/** 32 of them, for the same reason. */
function hex128(first: number, second: number, third: number, fourth: number): string {
  // biome-ignore format: a line for each word
  return String.fromCharCode(
    digit(first, 28), digit(first, 24), digit(first, 20), digit(first, 16), digit(first, 12), digit(first, 8), digit(first, 4), digit(first, 0),
    digit(second, 28), digit(second, 24), digit(second, 20), digit(second, 16), digit(second, 12), digit(second, 8), digit(second, 4), digit(second, 0),
    digit(third, 28), digit(third, 24), digit(third, 20), digit(third, 16), digit(third, 12), digit(third, 8), digit(third, 4), digit(third, 0),
    digit(fourth, 28), digit(fourth, 24), digit(fourth, 20), digit(fourth, 16), digit(fourth, 12), digit(fourth, 8), digit(fourth, 4), digit(fourth, 0),
  )
}

/** A span id; never all 0. */
export function newSpanId(words: Words): string {
  const high = words()
  const low = words()
  return hex(high, high === 0 && low === 0 ? 1 : low)
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
      this.#text = hex128(isZero ? 1 : first, second, third, fourth)
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
