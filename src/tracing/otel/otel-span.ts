// A span of ours that is one of OpenTelemetry's: what is written to it goes to the SDK at once, in its words.
import {
  type Attributes,
  type HrTime,
  isSpanContextValid,
  type Span as OtelApiSpan,
  type Context as OtelContext,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'
import { observe } from '../../core/call-error.js'
import type { Clock, Metadata, OnDefect } from '../../core/index.js'
import type { Propagator, Span, SpanAttributes, SpanError, SpanKind, SpanValue, TraceContext } from '../index.js'
import { attributesOf, attributesOfPeer, eventOf } from './conventions.js'
import { toHrTime, toSpanContext, toTraceContext } from './otel-context.js'

/** What a span needs of its tracer. */
export interface OtelHome {
  readonly propagator: Propagator
  readonly onDefect: OnDefect
}

/** What it is made of. */
export interface OtelParts {
  readonly span: OtelApiSpan
  /** The context that it was started in, with it in it. */
  readonly context: OtelContext
  /** The span that was current when it began. */
  readonly outer: OtelApiSpan | undefined
  readonly name: string
  readonly kind: SpanKind
  readonly clock: Clock
  /** Whether its times are of another clock than the SDK's. */
  readonly hasOwnTime: boolean
}

export class OtelSpan implements Span {
  readonly kind: SpanKind
  readonly context: TraceContext
  /** Further in, this is what OpenTelemetry's own spans begin in. */
  readonly within: OtelContext
  readonly outer: OtelApiSpan | undefined
  readonly #home: OtelHome
  readonly #span: OtelApiSpan
  readonly #clock: Clock
  readonly #hasOwnTime: boolean
  #name: string
  #reason = '_OTHER'
  #headers: Metadata | undefined

  constructor(home: OtelHome, parts: OtelParts) {
    this.#home = home
    this.#span = parts.span
    this.#clock = parts.clock
    this.#hasOwnTime = parts.hasOwnTime
    this.#name = parts.name
    this.kind = parts.kind
    this.within = parts.context
    this.outer = parts.outer
    this.context = toTraceContext(parts.span.spanContext())
  }

  get traceId(): string {
    return this.context.traceId
  }

  get spanId(): string {
    return this.context.spanId
  }

  get sampled(): boolean {
    return this.context.sampled === true
  }

  get name(): string {
    return this.#name
  }

  get isRecording(): boolean {
    return this.#span.isRecording()
  }

  /** Whether OpenTelemetry's span `other` is this one. */
  is(other: OtelApiSpan | undefined): boolean {
    return other === this.#span
  }

  get headers(): Metadata {
    // Without an SDK, or where it is told to keep quiet, there may be no trace at all to send on.
    const sent = isSpanContextValid(this.#span.spanContext()) ? this.context : { sampled: false }
    this.#headers ??= new Map(Object.entries(this.#home.propagator.inject(sent)))
    return this.#headers
  }

  rename(name: string): void {
    this.#safely(span => span.updateName(name))
    if (this.isRecording) this.#name = name
  }

  set(name: string, value: SpanValue): void {
    if (name === 'reason') this.#reason = String(value)
    this.#safely(span => span.setAttributes(attributesOf(this.kind, name, value)))
  }

  setAll(attributes: SpanAttributes): void {
    for (const [name, value] of Object.entries(attributes)) this.set(name, value)
  }

  event(name: string, attributes: SpanAttributes = {}): void {
    const [called, said] = eventOf(name, attributes)
    this.#safely(span => span.addEvent(called, said, this.#hasOwnTime ? momentOf(this.#clock) : undefined))
  }

  link(context: TraceContext, attributes: Attributes = {}): void {
    this.#safely(span => span.addLink({ context: toSpanContext(context), attributes }))
  }

  setPeer(peer: string | undefined): void {
    if (peer !== undefined) this.#safely(span => span.setAttributes(attributesOfPeer(this.kind, peer)))
  }

  fail({ message }: SpanError): void {
    this.#safely(span => {
      span.setStatus({ code: SpanStatusCode.ERROR, message })
      span.setAttribute('error.type', this.#reason)
    })
  }

  end(at?: number): void {
    const time = at === undefined && !this.#hasOwnTime ? undefined : momentOf(this.#clock, at)
    this.#safely(span => span.end(time))
  }

  /** What a processor of the SDK throws would come out of the call. */
  #safely(write: (span: OtelApiSpan) => void): void {
    try {
      write(this.#span)
    } catch (thrown) {
      observe(this.#home.onDefect, thrown)
    }
  }
}

/** A moment of a clock, as OpenTelemetry has it. */
export function momentOf(clock: Clock, at: number = clock.now()): HrTime {
  return toHrTime(clock.wallTime() + (at - clock.now()))
}

/** The span that is current in a context of OpenTelemetry, if it names a trace. */
export function currentSpan(context: OtelContext): OtelApiSpan | undefined {
  const span = trace.getSpan(context)
  return span !== undefined && isSpanContextValid(span.spanContext()) ? span : undefined
}
