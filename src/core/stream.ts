// The response stream of a call, watched: whoever reads it gets the items unchanged, and whoever waits for its end
// (layers, the call's lifetime) is told once whether it ended, failed or was abandoned.
import { CallError, fromThrown, type OnDefect } from './call-error.js'
import { left, right } from './either.js'
import { type Failure, failureOf } from './failure.js'
import type { Outcome } from './outcome.js'

/** Whether a request or a response is a stream. */
export function isStream(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value
}

export interface Watcher {
  readonly onDefect: OnDefect
  /** Called once. */
  onEnd(outcome: Outcome, abandoned: boolean): void
  /** Called once, when the source has really stopped working. */
  onReleased?(): void
}

/** Iterates once. Ends with `CallError` where the stream failed. */
export class CallStream implements AsyncIterableIterator<unknown> {
  readonly #source: AsyncIterable<unknown>
  readonly #watcher: Watcher
  #iterator: AsyncIterator<unknown> | undefined
  #taken = false
  #failure: Failure | undefined
  #over = false
  readonly #waiting: Set<(failure: CallError<unknown>) => void> = new Set()

  constructor(source: AsyncIterable<unknown>, watcher: Watcher) {
    this.#source = source
    this.#watcher = watcher
  }

  [Symbol.asyncIterator](): this {
    if (this.#taken) throw new TypeError('the stream of a call can be iterated only once')
    this.#taken = true
    return this
  }

  next(): Promise<IteratorResult<unknown>> {
    if (this.#failure !== undefined) return Promise.reject(new CallError(this.#failure))
    if (this.#over) return Promise.resolve({ done: true, value: undefined })
    return new Promise((resolve, reject) => {
      this.#waiting.add(reject)
      let next: Promise<IteratorResult<unknown>>
      try {
        this.#iterator ??= this.#source[Symbol.asyncIterator]()
        next = this.#iterator.next()
      } catch (thrown) {
        next = Promise.reject(thrown)
      }
      next.then(
        result => {
          this.#waiting.delete(reject)
          if (result.done === true) {
            this.#end(right(undefined), false)
            this.#release()
          }
          resolve(result)
        },
        thrown => {
          this.#waiting.delete(reject)
          const outcome = fromThrown(thrown, this.#over ? () => {} : this.#watcher.onDefect)
          this.#end(outcome, false)
          this.#release()
          reject(thrown instanceof CallError ? thrown : new CallError(outcome.left))
        },
      )
    })
  }

  async return(): Promise<IteratorResult<unknown>> {
    const closed = this.#close()
    this.#end(left(failureOf('cancelled', 'ABANDONED', 'the reader left the stream before its end')), true)
    await closed
    return { done: true, value: undefined }
  }

  /** Ends the stream from above: whoever waits for an item gets the failure now, and the source is closed. */
  fail(failure: Failure): void {
    if (this.#over) return
    this.#over = true
    this.#failure = failure
    for (const reject of this.#waiting) reject(new CallError(failure))
    this.#waiting.clear()
    void this.#close()
  }

  #end(outcome: Outcome, abandoned: boolean): void {
    if (this.#over) return
    this.#over = true
    this.#watcher.onEnd(outcome, abandoned)
  }

  #closing: Promise<void> | undefined

  #close(): Promise<void> {
    if (this.#over && this.#failure === undefined) return Promise.resolve()
    this.#closing ??= new Promise(resolve => {
      const source = this.#iterator === undefined ? this.#source : { [Symbol.asyncIterator]: () => this.#iterator }
      closeStream(source as AsyncIterable<unknown>, this.#watcher.onDefect, () => {
        this.#release()
        resolve()
      })
    })
    return this.#closing
  }

  #released = false

  #release(): void {
    if (this.#released) return
    this.#released = true
    this.#watcher.onReleased?.()
  }
}

/** Closes a stream that nobody will read; `onClosed` runs when its source has stopped. */
export function closeStream(stream: AsyncIterable<unknown>, onDefect: OnDefect, onClosed: () => void): void {
  try {
    const closing = stream[Symbol.asyncIterator]().return?.()
    if (closing === undefined) onClosed()
    else
      closing.then(onClosed, thrown => {
        if (!(thrown instanceof CallError)) onDefect(thrown)
        onClosed()
      })
  } catch (thrown) {
    onDefect(thrown)
    onClosed()
  }
}
