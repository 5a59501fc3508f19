// A span that is not recorded. It has no place of its own in the trace: what it sends on is what came, so that the next one that is
// recorded hangs below the last one that was. Where the trace begins here, its ids are made when somebody asks for them.
import type { Metadata } from '../core/index.js'
import { NewTraceId, newSpanId, type Words } from './ids.js'
import type { Propagator } from './propagator.js'
import type { Span, SpanKind } from './span.js'
import type { Sw8, TraceContext } from './trace-context.js'

export class SilentSpan implements Span, TraceContext {
  readonly kind: SpanKind
  readonly #propagator: Propagator
  readonly #words: Words
  readonly #inherited: TraceContext | undefined
  #newId: NewTraceId | string
  #spanId: string | undefined
  #headers: Metadata | undefined

  constructor(
    home: { readonly propagator: Propagator; readonly words: Words },
    kind: SpanKind,
    id: NewTraceId | TraceContext,
  ) {
    this.kind = kind
    this.#propagator = home.propagator
    this.#words = home.words
    const isNew = id instanceof NewTraceId
    this.#inherited = isNew ? undefined : id
    this.#newId = isNew ? id : ''
  }

  get traceId(): string {
    if (this.#inherited !== undefined) return this.#inherited.traceId
    if (typeof this.#newId !== 'string') this.#newId = this.#newId.toString()
    return this.#newId
  }

  get spanId(): string {
    this.#spanId ??= this.#inherited === undefined ? newSpanId(this.#words) : this.#inherited.spanId
    return this.#spanId
  }

  get parentSpanId(): string | undefined {
    return this.#inherited?.parentSpanId
  }

  get sampled(): false {
    return false
  }

  get random(): boolean {
    return this.#inherited === undefined ? true : this.#inherited.random === true
  }

  get traceState(): string | undefined {
    return this.#inherited?.traceState
  }

  get skywalking(): Sw8 | undefined {
    return this.#inherited?.skywalking
  }

  get context(): TraceContext {
    return this
  }

  get name(): string {
    return ''
  }

  get isRecording(): false {
    return false
  }

  get headers(): Metadata {
    this.#headers ??= new Map(Object.entries(this.#propagator.inject(this)))
    return this.#headers
  }

  rename(): void {}
  set(): void {}
  setAll(): void {}
  event(): void {}
  link(): void {}
  setPeer(): void {}
  fail(): void {}
  end(): void {}
}
