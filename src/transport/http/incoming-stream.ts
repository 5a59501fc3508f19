// A response stream as it comes in: chunks in a bounded buffer, and the items in them. A reader that is slow makes the
// connection wait; a reader that leaves closes it.
import { failureFromWire, type MethodSpec } from '../../contract/index.js'
import { CallError, type Context } from '../../core/index.js'
import type { HttpHeaders } from './message.js'
import { readLines } from './ndjson.js'

/** How much may wait to be read before the connection is told to stop, in bytes. */
const highWaterBytes = 64 * 1024

/** What feeds the stream. */
export interface Source {
  resume(): void
  /** The reader has left, or the stream is over. */
  close(): void
}

/** The chunks of a response, pushed in and pulled out. */
export class IncomingStream implements AsyncIterableIterator<Uint8Array> {
  /** What came behind the last chunk. */
  trailers: HttpHeaders = {}
  readonly #source: Source
  readonly #chunks: Uint8Array[] = []
  #waiting = 0
  #ended = false
  #error: CallError<unknown> | undefined
  #reader: (() => void) | undefined

  constructor(source: Source) {
    this.#source = source
  }

  /** Takes a chunk; false means no more for now. */
  push(chunk: Uint8Array): boolean {
    this.#chunks.push(chunk)
    this.#waiting += chunk.length
    this.#wake()
    return this.#waiting < highWaterBytes
  }

  end(trailers: HttpHeaders = {}): void {
    this.trailers = trailers
    this.#ended = true
    this.#wake()
  }

  fail(error: CallError<unknown>): void {
    this.#error ??= error
    this.#wake()
  }

  #wake(): void {
    this.#reader?.()
    this.#reader = undefined
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    for (;;) {
      const chunk = this.#chunks.shift()
      if (chunk !== undefined) {
        const full = this.#waiting >= highWaterBytes
        this.#waiting -= chunk.length
        if (full && this.#waiting < highWaterBytes) this.#source.resume()
        return { done: false, value: chunk }
      }
      if (this.#error !== undefined) throw this.#error
      if (this.#ended) {
        this.#source.close()
        return { done: true, value: undefined }
      }
      await new Promise<void>(resolve => {
        this.#reader = resolve
      })
    }
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#source.close()
    this.#ended = true
    this.#wake()
    return { done: true, value: undefined }
  }
}

/** What {@link streamItems} needs to know. */
export interface ItemSource {
  readonly spec: MethodSpec
  readonly peer: string
  readonly maxBytes: number
  readonly context: Context
}

/** The items of a response stream. Throws `CallError`: the server's failure as it was, or `STREAM_BROKEN` without an end. */
export async function* streamItems(
  chunks: IncomingStream,
  options: ItemSource,
): AsyncGenerator<unknown, void, undefined> {
  const { spec, peer, maxBytes, context } = options
  try {
    for await (const line of readLines(chunks, maxBytes)) {
      if (line.kind === 'value') {
        yield line.value
        continue
      }
      for (const [name, value] of Object.entries(line.trailers)) takeTrailer(context, name, value)
      if (line.kind === 'failure') throw new CallError(await failureFromWire(spec, line.failure, peer))
    }
  } finally {
    await chunks.return()
  }
}

function takeTrailer({ reply }: Context, name: string, value: string): void {
  try {
    reply.trailer(name, value)
  } catch {
    // one that cannot be metadata is left out, as with headers
  }
}
