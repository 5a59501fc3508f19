// A span that is not recorded. It has no place of its own in the trace: what it sends on is what came, so that the next one that is
// recorded hangs below the last one that was. Where the trace begins here, its ids are made when somebody asks for them.
import type { Metadata } from '../core/index.js'
import { NewTraceId, newSpanId, type Words } from './ids.js'
import type { Propagator } from './propagator.js'
import type { Span, SpanKind } from './span.js'
import type { Sw8, TraceContext } from './trace-context.js'

/** What it needs of its tracer. */
interface SilentHome {
  readonly propagator: Propagator
  readonly words: Words
}

export class SilentSpan implements Span, TraceContext {
  readonly kind: SpanKind
  readonly #home: SilentHome
  readonly #id: NewTraceId | TraceContext
  #spanId: string | undefined
  #headers: Metadata | undefined

  constructor(home: SilentHome, kind: SpanKind, id: NewTraceId | TraceContext) {
    this.#home = home
    this.kind = kind
    this.#id = id
  }

  /** What came; undefined where the trace begins here. */
  get #inherited(): TraceContext | undefined {
    return this.#id instanceof NewTraceId ? undefined : this.#id
  }

  get traceId(): string {
    return this.#id instanceof NewTraceId ? this.#id.toString() : this.#id.traceId
  }

  get spanId(): string {
    this.#spanId ??= this.#inherited?.spanId ?? newSpanId(this.#home.words)
    return this.#spanId
  }

  get parentSpanId(): string | undefined {
    return this.#inherited?.parentSpanId
  }

  get sampled(): false {
    return false
  }

  get random(): boolean {
    return this.#inherited === undefined || this.#inherited.random === true
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
    this.#headers ??= new Map(Object.entries(this.#home.propagator.inject(this)))
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
