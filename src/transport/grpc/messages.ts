// Messages of one direction as they come in, for whoever reads them as an iterable: one is asked for when somebody waits for one,
// which is all that makes the other side wait.

/** Where messages come from. */
export interface MessageSource {
  /** Asks for one more message, or the end. */
  pull(): void
  /** What a message means. Throws what its reader gets. */
  decode(bytes: Buffer): unknown
  /** Called once when its reader wants no more, be it that it left, or that a message meant nothing. */
  onLeft(): void
}

type Item = IteratorResult<unknown, undefined>

const done: Item = { done: true, value: undefined }

/** The messages, read by one reader. */
export class Messages implements AsyncIterableIterator<unknown> {
  readonly #source: MessageSource
  #resolve: ((item: Item) => void) | undefined
  #reject: ((thrown: unknown) => void) | undefined
  /** Nothing more will come. */
  #over = false
  #failed: { readonly thrown: unknown } | undefined

  constructor(source: MessageSource) {
    this.#source = source
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<Item> {
    if (this.#failed !== undefined) return Promise.reject(this.#failed.thrown)
    if (this.#over) return Promise.resolve(done)
    return new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
      this.#source.pull()
    })
  }

  async return(): Promise<Item> {
    if (!this.#over) {
      this.#over = true
      this.#resolve?.(done)
      this.#source.onLeft()
    }
    return done
  }

  /** A message that was asked for has come. */
  take(bytes: Buffer): void {
    if (this.#over) return
    let value: unknown
    try {
      value = this.#source.decode(bytes)
    } catch (thrown) {
      this.fail(thrown)
      this.#source.onLeft()
      return
    }
    this.#resolve?.({ done: false, value })
  }

  end(): void {
    this.#over = true
    this.#resolve?.(done)
  }

  /** Whoever waits, or will ask next, gets `thrown`. */
  fail(thrown: unknown): void {
    if (this.#over) return
    this.#over = true
    this.#failed = { thrown }
    this.#reject?.(thrown)
  }
}
