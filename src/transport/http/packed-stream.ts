// A stream of lines, packed line by line: each is flushed as it comes, so that a reader gets it as soon as it would without packing.
// Zlib's memory is taken when the first line is asked for and given back when the stream ends, is left or fails.
import {
  type BrotliCompress,
  constants,
  createBrotliCompress,
  createDeflate,
  createGzip,
  type Deflate,
  type Gzip,
} from 'node:zlib'
import type { ContentCoding } from './content-coding.js'
import { closedUnbegun } from './unbegun.js'

/** How much a stream may cost. */
export interface PackerSettings {
  readonly brotliQuality: number
  readonly gzipLevel: number
}

/** Packs one stream. One call at a time. */
export interface Packer {
  /** What a reader needs to have all of `text`. */
  pack(text: string | Uint8Array): Promise<Uint8Array>
  /** What is left. */
  end(): Promise<Uint8Array>
  close(): void
}

/** A packer for a coding. */
export function packerFor(coding: ContentCoding, { brotliQuality, gzipLevel: level }: PackerSettings): Packer {
  if (coding !== 'br')
    return new ZlibPacker(coding === 'gzip' ? createGzip({ level }) : createDeflate({ level }), constants.Z_SYNC_FLUSH)
  const params = { [constants.BROTLI_PARAM_QUALITY]: brotliQuality, [constants.BROTLI_PARAM_LGWIN]: 18 }
  return new ZlibPacker(createBrotliCompress({ params }), constants.BROTLI_OPERATION_FLUSH)
}

class ZlibPacker implements Packer {
  readonly #zlib: BrotliCompress | Gzip | Deflate
  readonly #flush: number
  #pieces: Buffer[] = []
  #reject: ((thrown: unknown) => void) | undefined

  constructor(zlib: BrotliCompress | Gzip | Deflate, flush: number) {
    this.#zlib = zlib
    this.#flush = flush
    zlib.on('data', (piece: Buffer) => this.#pieces.push(piece))
    zlib.on('error', error => this.#reject?.(error))
  }

  pack(text: string | Uint8Array): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      this.#reject = reject
      this.#zlib.write(text)
      this.#zlib.flush(this.#flush, () => resolve(this.#taken()))
    })
  }

  end(): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      this.#reject = reject
      this.#zlib.on('end', () => resolve(this.#taken()))
      this.#zlib.end()
    })
  }

  #taken(): Uint8Array {
    const [first] = this.#pieces
    const taken = this.#pieces.length === 1 && first !== undefined ? first : Buffer.concat(this.#pieces)
    this.#pieces = []
    return taken
  }

  close(): void {
    this.#zlib.destroy()
  }
}

/**
 * The lines, packed. `onEnd` runs once, when it is over. Left before it was begun, it leaves `lines` too: a generator would not.
 */
export function packedStream(
  lines: AsyncIterable<string | Uint8Array>,
  open: () => Packer,
  onEnd: () => void,
): AsyncIterable<Uint8Array> {
  return closedUnbegun(piecesOf(lines, open, onEnd), () => {
    onEnd()
    return lines[Symbol.asyncIterator]().return?.()
  })
}

async function* piecesOf(
  lines: AsyncIterable<string | Uint8Array>,
  open: () => Packer,
  onEnd: () => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  let packer: Packer | undefined
  try {
    packer = open()
    for await (const line of lines) yield await packer.pack(line)
    yield await packer.end()
  } finally {
    packer?.close()
    onEnd()
  }
}
