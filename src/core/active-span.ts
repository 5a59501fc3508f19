// The span that a call is in, as far as the core has to know it: enough for what is sent on, for a log line and for business
// code that adds to it. What spans are made of and where they go is `tenon/tracing`; here there is only their place.
import type { Metadata } from './metadata.js'

/** What a span knows about something, by name. */
export type SpanAttributes = Readonly<Record<string, SpanValue>>

/** A value of an attribute. */
export type SpanValue = string | number | boolean

/**
 * The span that a call is in: `context.span`. What is written to it is bounded (what is too much is dropped and counted) and
 * does nothing where the trace is not sampled or the span has ended. No method throws.
 */
export interface ActiveSpan {
  /** 32 lower-case hex digits; the same in every process that the trace passes through. */
  readonly traceId: string
  /** 16 lower-case hex digits. */
  readonly spanId: string
  /** Whether the trace is recorded. */
  readonly sampled: boolean
  /** Whether anybody will see what is written now: asks before something that is dear to work out. */
  readonly isRecording: boolean
  /** What the next hop is sent so that it joins the trace, in the formats of the tracer. */
  readonly headers: Metadata
  /** Sets an attribute, in place of an earlier one of that name. No secrets: it goes where traces go. */
  set(name: string, value: SpanValue): void
  /** Something that happened at this moment of the span. */
  event(name: string, attributes?: SpanAttributes): void
}
