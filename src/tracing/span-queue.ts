// A ring of spans that wait to be sent, bounded in number and in memory. When it is full the oldest goes: what happens now is what
// somebody will want to see.

/** What can wait. */
export interface Sized {
  /** About what it takes in memory, in bytes. */
  readonly size: number
}

export class SpanQueue<Item extends Sized> {
  readonly #maxBytes: number
  readonly #ring: (Item | undefined)[]
  #first = 0
  #size = 0
  #bytes = 0
  #dropped = 0
  #gone = 0

  constructor(maxSpans: number, maxBytes: number) {
    this.#ring = new Array(maxSpans)
    this.#maxBytes = maxBytes
  }

  get size(): number {
    return this.#size
  }

  /** How many are not in the queue any more, for whatever reason. */
  get gone(): number {
    return this.#gone
  }

  /** How many went since there was no room. */
  get dropped(): number {
    return this.#dropped
  }

  push(span: Item): void {
    if (span.size > this.#maxBytes) {
      this.#dropped++ // it never fits, and need not take all others with it
      return
    }
    if (this.#size === this.#ring.length) this.#drop()
    this.#ring[(this.#first + this.#size) % this.#ring.length] = span
    this.#size++
    this.#bytes += span.size
    while (this.#bytes > this.#maxBytes) this.#drop()
  }

  /** The oldest ones, which are out of the queue. */
  take(most: number): Item[] {
    const taken: Item[] = []
    while (taken.length < most && this.#size > 0) taken.push(this.#shift())
    return taken
  }

  #drop(): void {
    this.#shift()
    this.#dropped++
  }

  #shift(): Item {
    const span = this.#ring[this.#first] as Item // there is one, or nobody asks
    this.#ring[this.#first] = undefined
    this.#first = (this.#first + 1) % this.#ring.length
    this.#size--
    this.#gone++
    this.#bytes -= span.size
    return span
  }
}
