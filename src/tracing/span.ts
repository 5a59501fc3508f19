// The span as code writes it. The common part of what Zipkin, OpenTelemetry and SkyWalking know of one, written once on the call path
// and turned into each of theirs when it is sent.
import type { ActiveSpan, SpanAttributes, SpanValue } from '../core/index.js'
import type { Decision, TraceContext } from './trace-context.js'

/**
 * What a span is in its trace: it serves or makes a call (`server`, `client`), puts a message into a broker or takes one out
 * (`producer`, `consumer`), or is work in between.
 */
export type SpanKind = 'server' | 'client' | 'producer' | 'consumer' | 'internal'

/** Something that happened at a moment of a span. */
export interface SpanEvent {
  readonly name: string
  /** Milliseconds since the Unix epoch, with fractions. */
  readonly at: number
  readonly attributes: SpanAttributes
}

/** Another span, of this trace or another, that a span has to do with: the messages of a batch, each with its producer. */
export interface SpanLink {
  readonly context: TraceContext
  readonly attributes: SpanAttributes
}

/** What a span ends with, where nobody says otherwise. */
export interface SpanError {
  /** What went wrong, for people: cut at 1,024 characters. */
  readonly message: string
}

/**
 * A span that goes on. Everything written to it is bounded: see `SpanLimits`. Nothing here throws, and nothing has an effect once it
 * has ended or where it is not recorded.
 */
export interface Span extends ActiveSpan {
  /** Names it as a parent or in a link. */
  readonly context: TraceContext
  readonly kind: SpanKind
  readonly name: string
  /** Replaces the name, for what is known only later, such as the route. */
  rename(name: string): void
  /** Sets several attributes. */
  setAll(attributes: SpanAttributes): void
  /** Links another span to it. */
  link(context: TraceContext, attributes?: SpanAttributes): void
  /** Whom it calls, or who called, once that is known: `127.0.0.1:8080`. Does nothing for `undefined`. */
  setPeer(peer: string | undefined): void
  /** It failed. The last one counts. */
  fail(error: SpanError): void
  /** Ends it, now or `at` a moment on the clock that it was started with, and hands it to the reporters. The first time counts. */
  end(at?: number): void
}

/** What a span is started with. */
export interface SpanOptions {
  /** @defaultValue 'internal' */
  readonly kind?: SpanKind
  /** What it is part of: a span, or what a propagator read, which is another process's. @defaultValue none: it begins a trace */
  readonly parent?: TraceContext | Decision | undefined
  /** When it began, in ms on `clock`. @defaultValue now */
  readonly at?: number
  /** Whom it calls, where that is known: formats may send it along. @defaultValue not known */
  readonly peer?: string | undefined
  /** @defaultValue none */
  readonly attributes?: SpanAttributes
  /** @defaultValue none */
  readonly links?: readonly SpanLink[]
}

export type { SpanAttributes, SpanValue }
