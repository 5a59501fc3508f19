// The response stream of a call, watched: whoever reads it gets the items unchanged, and whoever waits for its end
// (layers, the call's lifetime) is told once whether it ended, failed or was abandoned.
import { CallError, fromThrown, isAbortError, type OnDefect, observe } from './call-error.js'
import { isEither, left, right } from './either.js'
import { type Failure, failureOf } from './failure.js'
import type { Outcome } from './outcome.js'

/** Whether a request or a response is a stream. */
export function isStream(value: unknown): value is AsyncIterable<unknown> {
  if (typeof value !== 'object' || value === null) return false
  try {
    return (value as Partial<AsyncIterable<unknown>>)[Symbol.asyncIterator] !== undefined // any object may be asked
  } catch {
    return false // a Proxy may refuse the question
  }
}

export interface Watcher {
  readonly onDefect: OnDefect
  /** Called for each item that somebody gets. */
  onItem?(): void
  /** Called once. */
  onEnd(outcome: Outcome, abandoned: boolean): void
  /** Called once, when the source has really stopped working. */
  onReleased(): void
}

type Item = IteratorResult<unknown>
type Reject = (failure: CallError<unknown>) => void

/** Iterates once. Ends with `CallError` where the stream failed. */
export class CallStream implements AsyncIterableIterator<unknown> {
  readonly #source: AsyncIterable<unknown>
  readonly #watcher: Watcher
  readonly #waiting: Set<Reject> = new Set()
  #iterator: AsyncIterator<unknown> | undefined
  #taken = false
  /** Nobody will get another item. */
  #over = false
  #failure: Failure | undefined
  /** The source has said that it will give nothing more. */
  #stopped = false
  #released = false
  #pulls = 0
  #onClosed: (() => void) | undefined

  constructor(source: AsyncIterable<unknown>, watcher: Watcher) {
    this.#source = source
    this.#watcher = watcher
  }

  [Symbol.asyncIterator](): this {
    if (this.#taken) throw new TypeError('the stream of a call can be iterated only once')
    this.#taken = true
    return this
  }

  next(): Promise<Item> {
    if (this.#failure !== undefined) return Promise.reject(new CallError(this.#failure))
    if (this.#over) return Promise.resolve({ done: true, value: undefined })
    return new Promise((resolve, reject) => {
      this.#waiting.add(reject)
      this.#pulls++
      const broken = (thrown: unknown): void => {
        this.#waiting.delete(reject)
        reject(this.#broken(thrown))
        this.#pulled(true)
      }
      this.#pull().then(item => {
        if (typeof item !== 'object' || item === null) return broken(new TypeError('an item came without its result'))
        this.#waiting.delete(reject)
        const stopped = item.done === true
        if (stopped) this.#end(right(undefined), false)
        else if (!this.#over) this.#watcher.onItem?.()
        resolve(item)
        this.#pulled(stopped)
      }, broken)
    })
  }

  #pull(): Promise<Item> {
    try {
      this.#iterator ??= this.#source[Symbol.asyncIterator]()
      const item = this.#iterator.next()
      return item instanceof Promise ? item : Promise.resolve(item)
    } catch (thrown) {
      return Promise.reject(thrown)
    }
  }

  #broken(thrown: unknown): CallError<unknown> {
    const outcome = fromThrown(thrown, this.#over ? () => {} : this.#watcher.onDefect)
    this.#end(outcome, false)
    return thrown instanceof CallError ? thrown : new CallError(outcome.left)
  }

  /** Leaves the stream. Waits until its source has closed, as a loop over any iterable does, or for {@link giveUp}. */
  async return(): Promise<Item> {
    if (!this.#over) {
      const closed = this.#close()
      this.#end(left(failureOf('cancelled', 'ABANDONED', 'the reader left the stream before its end')), true)
      await closed
    }
    return { done: true, value: undefined }
  }

  /** Ends the stream from above: whoever waits for an item gets the failure now, and the source is closed. */
  fail(failure: Failure): void {
    if (this.#over) return
    this.#over = true
    this.#failure = failure
    this.#rejectWaiting(failure)
    void this.#close()
  }

  /** The reader that has left need not wait for the source any longer. */
  giveUp(failure: Failure): void {
    this.#rejectWaiting(failure)
    this.#onClosed?.()
  }

  #rejectWaiting(failure: Failure): void {
    for (const reject of this.#waiting) reject(new CallError(failure))
    this.#waiting.clear()
  }

  #end(outcome: Outcome, abandoned: boolean): void {
    if (this.#over) return
    this.#over = true
    this.#watcher.onEnd(outcome, abandoned)
  }

  #close(): Promise<void> {
    return new Promise(resolve => {
      this.#onClosed = resolve
      const iterator = this.#iterator
      const source = iterator === undefined ? this.#source : { [Symbol.asyncIterator]: () => iterator }
      closeStream(source, this.#watcher.onDefect, () => {
        this.#stopped = true
        this.#releaseIfIdle()
        resolve()
      })
    })
  }

  #pulled(stopped: boolean): void {
    this.#pulls--
    if (stopped) this.#stopped = true
    this.#releaseIfIdle()
  }

  #releaseIfIdle(): void {
    if (this.#released || !this.#stopped || this.#pulls > 0) return
    this.#released = true
    this.#watcher.onReleased()
  }
}

/** The same stream, whose items are counted as they are read. */
export function watchItems(source: AsyncIterable<unknown>, onItem: () => void): AsyncIterable<unknown> {
  return {
    [Symbol.asyncIterator](): AsyncIterator<unknown> {
      const iterator = source[Symbol.asyncIterator]()
      return {
        async next() {
          const item = await iterator.next()
          if (item.done !== true) onItem()
          return item
        },
        async return() {
          await iterator.return?.()
          return { done: true, value: undefined }
        },
      }
    },
  }
}

/** Closes a stream that nobody will read; `onClosed` runs when its source has stopped. */
export function closeStream(stream: AsyncIterable<unknown>, onDefect: OnDefect, onClosed: () => void): void {
  const close = async (): Promise<unknown> => stream[Symbol.asyncIterator]().return?.()
  close().then(onClosed, thrown => {
    if (!(thrown instanceof CallError) && !isAbortError(thrown)) observe(onDefect, thrown)
    onClosed()
  })
}

/** The same stream, but what it throws is changed on the way. */
export function mapThrown(
  source: AsyncIterable<unknown>,
  change: (thrown: unknown) => unknown,
): AsyncIterable<unknown> {
  return {
    [Symbol.asyncIterator](): AsyncIterator<unknown> {
      const iterator = source[Symbol.asyncIterator]()
      return {
        async next() {
          try {
            const item = await iterator.next()
            // A generator that returns a failure means what a function does that returns one.
            if (item.done === true && isEither(item.value) && item.value._tag === 'Left')
              throw new CallError(item.value.left)
            return item
          } catch (thrown) {
            throw change(thrown)
          }
        },
        async return() {
          await iterator.return?.()
          return { done: true, value: undefined }
        },
      }
    },
  }
}
