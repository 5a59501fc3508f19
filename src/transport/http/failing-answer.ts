// An answer of the target that is a failure to the middleware of a proxy, and all the same the response that the caller gets: the call
// fails when the last byte has been read, and so lasts, with deadline and cancellation, as long as any other.
import { CallError, type Failure } from '../../core/index.js'

type Chunk = IteratorResult<Uint8Array, undefined>
type Source = AsyncIterableIterator<Uint8Array, undefined>

/** The bytes, and then the failure. */
export function failingAtEnd(bytes: Source, failure: Failure): Source {
  return iterator({
    async next() {
      const chunk = await bytes.next()
      if (chunk.done === true) throw new CallError(failure)
      return chunk
    },
    leave: async () => void (await bytes.return?.()),
  })
}

/**
 * The bytes of such an answer without the failure; any other is thrown. `isEmpty`: there are no bytes, so that whoever sends the answer
 * leaves it unread, and its call would end as abandoned.
 */
export function withoutFailure(body: AsyncIterable<Uint8Array>, failure: Failure, isEmpty: boolean): Source {
  const bytes = body[Symbol.asyncIterator]()
  const next = async (): Promise<Chunk> => {
    try {
      const chunk = await bytes.next()
      return chunk.done === true ? over : chunk
    } catch (thrown) {
      if (thrown instanceof CallError && thrown.failure === failure) return over
      throw thrown
    }
  }
  return iterator({
    next,
    async leave() {
      if (isEmpty) await next()
      await bytes.return?.()
    },
  })
}

const over: Chunk = { done: true, value: undefined }

/** No generator: one that is left before it began would not leave its source. */
function iterator({ next, leave }: { next(): Promise<Chunk>; leave(): Promise<void> }): Source {
  return {
    next,
    async return() {
      await leave()
      return over
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }
}
