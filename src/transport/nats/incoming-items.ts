// Items that come from the other end: in order, each once, and no more at a time than there was credit for.
import { CallError, type Failure, failureOf } from '../../core/index.js'
import { costOf } from './frame.js'

type Item = IteratorResult<unknown, undefined>

const done: Item = { done: true, value: undefined }

/** How items ended. */
export interface Ending {
  /** What the reader is thrown; absent where all went well. */
  readonly thrown?: unknown
  /** Told when the reader has come there. */
  readonly reached?: () => void
}

/** What the reading of items sets off. */
export interface Flow {
  /** How much may wait here, as credit counts it. */
  readonly windowBytes: number
  /** The other end may send so much in all. */
  onCredit(limit: number): void
  /** The reader has left before the end. */
  onLeft(): void
}

/** Read by one reader, item by item. */
export class IncomingItems implements AsyncIterableIterator<unknown> {
  readonly #flow: Flow
  readonly #waiting: { readonly value: unknown; readonly cost: number }[] = []
  #reader: { resolve(item: Item): void; reject(thrown: unknown): void } | undefined
  #count = 0
  #received = 0
  #read = 0
  #limit: number
  #ended: Ending | undefined
  #over = false

  constructor(flow: Flow) {
    this.#flow = flow
    this.#limit = flow.windowBytes
  }

  /** How much the other end may send in all. */
  get limit(): number {
    return this.#limit
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  /** Takes the item `number`. Why the stream is broken, where it is not the next one, or is too much. */
  take(number: number, value: unknown, bytes: number): Failure | undefined {
    if (this.#ended !== undefined || this.#over) return undefined
    const wrong = this.#unexpected(number)
    if (wrong !== undefined) return wrong
    if (this.#received >= this.#limit)
      return failureOf('invalid_argument', 'MALFORMED_BODY', 'more items came than there was credit for')
    this.#count++
    const cost = costOf(bytes)
    this.#received += cost
    if (this.#reader === undefined) {
      this.#waiting.push({ value, cost })
      return undefined
    }
    const { resolve } = this.#reader
    this.#reader = undefined
    this.#taken(cost)
    resolve({ done: false, value })
    return undefined
  }

  #unexpected(number: number): Failure | undefined {
    if (number === this.#count) return undefined
    return failureOf('unavailable', 'STREAM_BROKEN', `items were lost: ${number} came where ${this.#count} was next`)
  }

  /** The stream ends behind the items that are here, after `number` of them. */
  end(number: number, ending: Ending = {}): Failure | undefined {
    if (this.#ended !== undefined || this.#over) return undefined
    const wrong = this.#unexpected(number)
    if (wrong !== undefined) return wrong
    this.#ended = ending
    if (this.#reader !== undefined) this.#finish()
    return undefined
  }

  /** The stream ends now, whatever is here. */
  fail(thrown: unknown): void {
    if (this.#over) return
    this.#waiting.length = 0
    this.#ended = { thrown }
    if (this.#reader !== undefined) this.#finish()
  }

  next(): Promise<Item> {
    const first = this.#waiting.shift()
    if (first !== undefined) {
      this.#taken(first.cost)
      return Promise.resolve({ done: false, value: first.value })
    }
    return new Promise((resolve, reject) => {
      this.#reader = { resolve, reject }
      if (this.#over || this.#ended !== undefined) this.#finish()
    })
  }

  /** Nothing is left to read. */
  #finish(): void {
    const reader = this.#reader
    const ended = this.#over ? undefined : this.#ended
    this.#over = true
    this.#reader = undefined
    ended?.reached?.()
    if (ended !== undefined && 'thrown' in ended) reader?.reject(ended.thrown)
    else reader?.resolve(done)
  }

  #taken(cost: number): void {
    this.#read += cost
    const limit = this.#read + this.#flow.windowBytes
    if (this.#ended !== undefined || limit - this.#limit < this.#flow.windowBytes / 2) return
    this.#limit = limit
    this.#flow.onCredit(limit)
  }

  async return(): Promise<Item> {
    if (this.#over) return done
    const hasEnded = this.#ended !== undefined
    this.#over = true
    this.#waiting.length = 0
    this.#reader?.resolve(done)
    this.#reader = undefined
    if (!hasEnded) this.#flow.onLeft()
    return done
  }
}

/** What a reader is thrown for a stream that broke. */
export function broken(message: string, peer?: string): CallError<never> {
  return new CallError<never>(
    failureOf('unavailable', 'STREAM_BROKEN', message, { ...(peer !== undefined && { peer }) }),
  )
}
