// A streamed request body for node's streams: closed when the request ends before it does, never told why. Readable.from by itself
// throws the connection's error into the generator, where the caller's own code would take it for its mistake.
import { Readable } from 'node:stream'

/** The chunks as a stream. */
export function bodyStream(chunks: AsyncIterable<Uint8Array>): Readable {
  return Readable.from(
    {
      [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
        const iterator = chunks[Symbol.asyncIterator]()
        return {
          next: () => iterator.next(),
          async return() {
            await iterator.return?.()
            return { done: true, value: undefined }
          },
        }
      },
    },
    { objectMode: false },
  )
}
