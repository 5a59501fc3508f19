// Puts spans together to segments. SkyWalking takes a segment once and whole, and spans end one by one: those that have ended wait here
// for those of the same request that go on. Bounded as everything is, in number and in memory.
import type { FinishedSpan } from '../index.js'
import { placeOf } from './segment.js'

/** A segment as it goes: whole as a rule. */
export interface Segment {
  readonly spans: readonly [FinishedSpan, ...FinishedSpan[]]
  /** Whether spans were left out. */
  readonly isSizeLimited: boolean
  /** About what it takes in memory, in bytes. */
  readonly size: number
}

/** One that may still get spans. */
interface Open {
  readonly spans: FinishedSpan[]
  isSizeLimited: boolean
  size: number
}

export interface SegmentLimits {
  readonly maxSpans: number
  readonly maxOpen: number
  readonly maxOpenBytes: number
}

export class Segments {
  readonly #limits: SegmentLimits
  readonly #open: Map<string, Open> = new Map()
  #bytes = 0

  constructor(limits: SegmentLimits) {
    this.#limits = limits
  }

  /** How many wait for the rest of their spans. */
  get open(): number {
    return this.#open.size
  }

  /** Takes a span; gives the segments that now are whole, or have to go as they are since there is no more room. */
  add(span: FinishedSpan): readonly Segment[] {
    const { segmentId } = placeOf(span.context)
    const known = this.#open.get(segmentId)
    if (known === undefined && span.pending === 0) return [{ spans: [span], isSizeLimited: false, size: span.size }]
    const segment = known ?? { spans: [], isSizeLimited: false, size: 0 }
    if (known === undefined) this.#open.set(segmentId, segment)
    this.#keep(segment, span)
    const gone: Segment[] = []
    if (span.pending === 0) gone.push(...this.#take(segmentId, segment))
    const { maxOpen, maxOpenBytes } = this.#limits
    for (const [id, oldest] of this.#open) {
      if (this.#open.size <= maxOpen && this.#bytes <= maxOpenBytes) break
      gone.push(...this.#take(id, oldest))
    }
    return gone
  }

  /** All that wait, as they are. */
  takeAll(): readonly Segment[] {
    return Array.from(this.#open).flatMap(([id, segment]) => this.#take(id, segment))
  }

  #keep(segment: Open, span: FinishedSpan): void {
    // The span that begins a segment ends last as a rule, and has its place kept: without it there is no segment.
    const isFirst = placeOf(span.context).spanId === 0
    if (segment.spans.length >= this.#limits.maxSpans - 1 && !isFirst) {
      segment.isSizeLimited = true
      return
    }
    segment.spans.push(span)
    segment.size += span.size
    this.#bytes += span.size
  }

  #take(id: string, { spans, isSizeLimited, size }: Open): readonly Segment[] {
    this.#open.delete(id)
    this.#bytes -= size
    const [first, ...others] = spans
    return first === undefined ? [] : [{ spans: [first, ...others], isSizeLimited, size }]
  }
}
