// A request stream as its handler reads it: over when the call is. Whatever the transport, nobody goes on waiting for items
// of a caller that is gone, and no caller's iterable stays open behind a call that has ended.
import { CallError, type Context, type Failure, onCancelled } from '../core/index.js'

/** The same items, until the call of `context` ends early: then whoever waits for one gets a `CallError`. */
export function untilCallEnds(source: AsyncIterable<unknown>, context: Context): AsyncIterable<unknown> {
  return { [Symbol.asyncIterator]: () => new RequestStream(source[Symbol.asyncIterator](), context) }
}

/** Read by one reader, item by item: by the generator that validates. */
class RequestStream implements AsyncIterator<unknown> {
  readonly #source: AsyncIterator<unknown>
  readonly #unlink: () => void
  #failure: Failure | undefined
  #reject: ((thrown: unknown) => void) | undefined

  constructor(source: AsyncIterator<unknown>, context: Context) {
    this.#source = source
    this.#unlink = onCancelled(context, failure => this.#fail(failure))
  }

  next(): Promise<IteratorResult<unknown>> {
    if (this.#failure !== undefined) return Promise.reject(new CallError(this.#failure))
    return new Promise((resolve, reject) => {
      this.#reject = reject
      this.#source.next().then(
        item => {
          if (item.done === true) this.#unlink()
          resolve(item)
        },
        thrown => {
          this.#unlink()
          reject(thrown)
        },
      )
    })
  }

  async return(): Promise<IteratorResult<unknown>> {
    this.#unlink()
    await this.#source.return?.()
    return { done: true, value: undefined }
  }

  #fail(failure: Failure): void {
    this.#failure = failure
    this.#reject?.(new CallError(failure))
    // The call has its outcome: what its source has to say when it closes interests nobody.
    this.#source.return?.().catch(() => {})
  }
}
