// The bytes of a body on their way, in either direction: counted, limited, and told of once when they are over. It can be ended from
// above while its reader waits for its source: a source that is silent must not hold a connection, nor what waits for its end.
import { CallError, type Failure, failureOf } from '../../core/index.js'

/** How a body ended. */
export type BodyEnd =
  | { readonly kind: 'read' }
  /** Its reader wanted no more of it. */
  | { readonly kind: 'left' }
  | { readonly kind: 'failed'; readonly thrown: unknown }

/** What is known of a body. */
export interface ByteStreamInit {
  /** More than this fails. @defaultValue unlimited */
  readonly maxBytes?: number
  /** What more than `maxBytes` fails with. */
  readonly tooLarge?: () => Failure
  /** How many there are, where that was said: fewer are a body that broke off. @defaultValue not known */
  readonly length?: number | undefined
  /** Called once, when nothing more will be read. */
  readonly onEnd?: (end: BodyEnd) => void
}

type Chunk = IteratorResult<Uint8Array, undefined>
interface Reader {
  resolve(chunk: Chunk): void
  reject(thrown: unknown): void
}

const encoder = new TextEncoder()
const over: Chunk = { done: true, value: undefined }

/** Iterates once, for one reader. */
export class ByteStream implements AsyncIterableIterator<Uint8Array> {
  /** How many were read. */
  bytes = 0
  readonly #source: AsyncIterable<Uint8Array | string>
  readonly #init: ByteStreamInit
  #iterator: AsyncIterator<Uint8Array | string> | undefined
  #reader: Reader | undefined
  #end: BodyEnd | undefined

  constructor(source: AsyncIterable<Uint8Array | string>, init: ByteStreamInit = {}) {
    this.#source = source
    this.#init = init
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  /** Whether somebody has begun to read it, so that it cannot be sent again. */
  get isTaken(): boolean {
    return this.#iterator !== undefined || this.#end !== undefined
  }

  next(): Promise<Chunk> {
    if (this.#end?.kind === 'failed') return Promise.reject(this.#end.thrown)
    if (this.#end !== undefined) return Promise.resolve(over)
    return new Promise((resolve, reject) => {
      this.#reader = { resolve, reject }
      this.#pull().then(
        item => this.#take(item),
        thrown => this.#finish({ kind: 'failed', thrown }),
      )
    })
  }

  async #pull(): Promise<IteratorResult<Uint8Array | string>> {
    this.#iterator ??= this.#source[Symbol.asyncIterator]()
    return this.#iterator.next()
  }

  #take(item: IteratorResult<Uint8Array | string>): void {
    if (this.#end !== undefined) return
    const { maxBytes = Number.POSITIVE_INFINITY, tooLarge = brokenOff, length } = this.#init
    if (item.done === true) {
      if (length === undefined || this.bytes === length) this.#finish({ kind: 'read' })
      else this.fail(new CallError(brokenOff()))
      return
    }
    const chunk = typeof item.value === 'string' ? encoder.encode(item.value) : item.value
    if (!(chunk instanceof Uint8Array)) {
      this.fail(new TypeError('a chunk of a body must be bytes or text'))
      return
    }
    this.bytes += chunk.length
    if (this.bytes > maxBytes) this.fail(new CallError(tooLarge()))
    else if (length !== undefined && this.bytes > length) this.fail(new CallError(brokenOff()))
    else {
      const reader = this.#reader
      this.#reader = undefined
      reader?.resolve({ done: false, value: chunk })
    }
  }

  /** Ends it from above: its reader gets what is thrown, and its source is closed. */
  fail(thrown: unknown): void {
    if (this.#end !== undefined) return
    this.#finish({ kind: 'failed', thrown })
    void this.#close()
  }

  /** Leaves it. Waits until its source has closed, unless that is still busy with an item. */
  async return(): Promise<Chunk> {
    if (this.#end !== undefined) return over
    const isBusy = this.#reader !== undefined
    this.#finish({ kind: 'left' })
    const closed = this.#close()
    if (!isBusy) await closed
    return over
  }

  #finish(end: BodyEnd): void {
    if (this.#end !== undefined) return
    this.#end = end
    const reader = this.#reader
    this.#reader = undefined
    if (end.kind === 'failed') reader?.reject(end.thrown)
    else reader?.resolve(over)
    this.#init.onEnd?.(end)
  }

  /** What a source has to say when it closes interests nobody. */
  async #close(): Promise<void> {
    try {
      this.#iterator ??= this.#source[Symbol.asyncIterator]()
      await this.#iterator.return?.()
    } catch {}
  }
}

function brokenOff(): Failure {
  return failureOf('unavailable', 'STREAM_BROKEN', 'the body has not the length that was said')
}
