// A span that is recorded, from its start until the reporters have it: one object for all of that, since on the path of a call each
// further one would cost as much as what it holds. What only a reporter asks for is worked out when it asks.
import type { Metadata } from '../core/index.js'
import type { Dropped, FinishedSpan } from './finished-span.js'
import { boundedAttributes, boundedName, boundedValue, none } from './limits.js'
import type { LocalTrace } from './local-trace.js'
import type { Span, SpanAttributes, SpanError, SpanEvent, SpanKind, SpanLink, SpanOptions, SpanValue } from './span.js'
import type { Sw8, TraceContext } from './trace-context.js'

/** Which span of its trace it is. */
export interface SpanPlace {
  readonly trace: LocalTrace
  readonly spanId: string
  /** Where in its parent's process it belongs; undefined for one that begins the trace in this process. */
  readonly parent: RecordedSpan | undefined
  /** It has the ids of its client's span. */
  readonly shared: boolean
}

/** About what a span takes in memory beside its texts, in bytes. */
const ownSize = 600
const entrySize = 64

export class RecordedSpan implements Span, FinishedSpan, TraceContext {
  readonly trace: LocalTrace
  readonly spanId: string
  readonly parentSpanId: string | undefined
  readonly kind: SpanKind
  readonly shared: boolean
  /** Its number in the local trace, and that of its parent there: -1 for none. */
  readonly index: number
  readonly #parentIndex: number
  /** On the trace's clock. */
  readonly #at: number
  #name: string
  #peer: string | undefined
  #durationMs = -1
  #error: string | undefined
  readonly #names: string[] = []
  readonly #values: SpanValue[] = []
  #events: SpanEvent[] | undefined
  #links: SpanLink[] | undefined
  #dropped: { attributes: number; events: number; links: number } | undefined
  #headers: Metadata | undefined
  #size = ownSize

  constructor(place: SpanPlace, name: string, options: SpanOptions, at?: number) {
    const { trace, parent, shared } = place
    this.trace = trace
    this.spanId = place.spanId
    this.shared = shared
    this.index = trace.next()
    this.#parentIndex = parent === undefined ? -1 : parent.index
    const remoteId = shared ? trace.remote?.parentSpanId : trace.remote?.spanId
    this.parentSpanId = parent === undefined ? remoteId : parent.spanId
    this.#name = boundedName(name)
    this.kind = options.kind ?? 'internal'
    this.#peer = options.peer
    this.#at = at ?? options.at ?? trace.clock.now()
    if (options.attributes !== undefined) this.setAll(options.attributes)
    for (const { context, attributes } of options.links ?? []) this.link(context, attributes)
  }

  get traceId(): string {
    return this.trace.traceId
  }

  get sampled(): true {
    return true
  }

  get debug(): boolean {
    return this.trace.debug
  }

  get random(): boolean {
    return this.trace.random
  }

  get traceState(): string | undefined {
    return this.trace.remote?.traceState
  }

  get skywalking(): Sw8 {
    return this.#placeOf(this.index, this.peer ?? '')
  }

  get context(): TraceContext {
    return this
  }

  get name(): string {
    return this.#name
  }

  get peer(): string | undefined {
    return this.#peer
  }

  get isRecording(): boolean {
    return this.#durationMs < 0
  }

  get headers(): Metadata {
    this.#headers ??= new Map(Object.entries(this.trace.home.propagator.inject(this)))
    return this.#headers
  }

  rename(name: string): void {
    if (this.isRecording) this.#name = boundedName(name)
  }

  set(name: string, value: SpanValue): void {
    if (this.#durationMs >= 0) return
    const { maxAttributes, maxValueLength } = this.trace.home.limits
    const kept = boundedValue(value, maxValueLength)
    if (kept === undefined) return
    const bounded = boundedName(name)
    const known = this.#names.indexOf(bounded)
    if (known < 0 && this.#names.length === maxAttributes) {
      this.#count('attributes')
      return
    }
    if (known < 0) {
      this.#names.push(bounded)
      this.#values.push(kept)
      this.#size += entrySize + lengthOf(kept)
    } else {
      this.#size += lengthOf(kept) - lengthOf(this.#values[known])
      this.#values[known] = kept
    }
  }

  setAll(attributes: SpanAttributes): void {
    for (const name in attributes) this.set(name, attributes[name] as SpanValue) // one of its own names
  }

  event(name: string, attributes: SpanAttributes = none): void {
    if (this.#durationMs >= 0) return
    const { limits } = this.trace.home
    this.#events ??= []
    if (this.#events.length >= limits.maxEvents) {
      this.#count('events')
      return
    }
    const { clock, epoch } = this.trace
    const kept = boundedAttributes(attributes, limits)
    this.#events.push({ name: boundedName(name), at: epoch + clock.now(), attributes: kept })
    this.#size += entrySize + sizeOf(kept)
  }

  link(context: TraceContext, attributes: SpanAttributes = none): void {
    if (this.#durationMs >= 0) return
    const { limits } = this.trace.home
    this.#links ??= []
    if (this.#links.length >= limits.maxLinks) {
      this.#count('links')
      return
    }
    const { traceId, spanId, sampled, traceState, skywalking } = context // not the span itself, which is much more
    const kept = boundedAttributes(attributes, limits)
    const linked = {
      traceId,
      spanId,
      sampled,
      ...(traceState !== undefined && { traceState }),
      ...(skywalking !== undefined && { skywalking }),
    }
    this.#links.push({ context: linked, attributes: kept })
    this.#size += 2 * entrySize + sizeOf(kept)
  }

  setPeer(peer: string | undefined): void {
    if (this.#durationMs < 0 && peer !== undefined) this.#peer = boundedName(peer)
  }

  fail({ message }: SpanError): void {
    if (this.#durationMs >= 0) return
    const before = lengthOf(this.#error)
    this.#error = String(boundedValue(message, this.trace.home.limits.maxValueLength))
    this.#size += this.#error.length - before
  }

  end(at: number = this.trace.clock.now()): void {
    if (this.#durationMs >= 0) return
    this.#durationMs = Math.max(0, at - this.#at)
    this.trace.ended()
    this.trace.home.finished(this)
  }

  // From here on for reporters.

  get parent(): TraceContext | undefined {
    const { traceId, remote, debug } = this.trace
    if (this.parentSpanId === undefined) return undefined
    if (this.#parentIndex < 0) return this.shared ? { traceId, spanId: this.parentSpanId, remote: true } : remote
    const skywalking = this.#placeOf(this.#parentIndex, '')
    return { traceId, spanId: this.parentSpanId, sampled: true, debug, skywalking }
  }

  get pending(): number {
    return this.trace.pending
  }

  get startedAt(): number {
    return this.trace.epoch + this.#at
  }

  get durationMs(): number {
    return Math.max(0, this.#durationMs)
  }

  get attributes(): SpanAttributes {
    const attributes: Record<string, SpanValue> = {}
    for (const [i, name] of this.#names.entries()) attributes[name] = this.#values[i] as SpanValue // as many values as names
    return attributes
  }

  get events(): readonly SpanEvent[] {
    return this.#events ?? []
  }

  get links(): readonly SpanLink[] {
    return this.#links ?? []
  }

  get error(): string | undefined {
    return this.#error
  }

  get dropped(): Dropped {
    return this.#dropped ?? noneDropped
  }

  get size(): number {
    return this.#size
  }

  #count(what: keyof Dropped): void {
    this.#dropped ??= { attributes: 0, events: 0, links: 0 }
    this.#dropped[what]++
  }

  #placeOf(spanId: number, address: string): Sw8 {
    const { traceId, rootId, rootName, remote, home } = this.trace
    const { service, instance } = home.origin
    const named = remote?.skywalking?.traceId ?? traceId
    return { traceId: named, segmentId: traceId + rootId, spanId, service, instance, endpoint: rootName, address }
  }
}

const noneDropped: Dropped = Object.freeze({ attributes: 0, events: 0, links: 0 })

function lengthOf(value: SpanValue | undefined): number {
  return typeof value === 'string' ? value.length : 0
}

function sizeOf(attributes: SpanAttributes): number {
  let size = 0
  for (const name in attributes) size += entrySize + String(attributes[name]).length
  return size
}
