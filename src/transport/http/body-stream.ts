// A streamed request body for node's streams: closed when the request ends before it does, never told why. Readable.from by itself
// throws the connection's error into the generator, where the caller's own code would take it for its mistake.
import { Readable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'

/**
 * How much is sent before everything else in the process has its turn, in bytes. The system takes megabytes at once, and an
 * iterable that always has an item ready would keep the answer, and all other calls, waiting for as long.
 */
const turnBytes = 64 * 1024

/** The chunks as a stream. */
export function bodyStream(chunks: AsyncIterable<Uint8Array>): Readable {
  return Readable.from(
    {
      [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
        const iterator = chunks[Symbol.asyncIterator]()
        let sent = 0
        return {
          async next() {
            if (sent >= turnBytes) {
              sent = 0
              await turn()
            }
            const item = await iterator.next()
            if (item.done !== true) sent += item.value.length
            return item
          },
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
