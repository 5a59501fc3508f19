// What reporters get: a span that has ended, which nothing changes any more. One record for all of them; times are the wall clock's.
import type { SpanAttributes, SpanEvent, SpanKind, SpanLink } from './span.js'
import type { TraceContext } from './trace-context.js'

/** How much of a span was left out since it was more than there may be. */
export interface Dropped {
  readonly attributes: number
  readonly events: number
  readonly links: number
}

/** A span that has ended. Immutable. */
export interface FinishedSpan {
  /** Its own; `sampled` is true, and `skywalking` its place in the segment of this process. */
  readonly context: TraceContext
  /** What it is part of, a span of this process or what a caller told; its `remote` tells whether that is in another process. `undefined`: it begins the trace. */
  readonly parent: TraceContext | undefined
  /**
   * It has the ids of the client's span that called it, as B3 does by default (the tracer's `sharesSpans`); `parent` is then the parent
   * of that client's span, where the caller told it. @defaultValue false
   */
  readonly shared: boolean
  /**
   * How many spans of this process, in the same part of the trace, still go on: 0 for the last one. Only while it is being reported:
   * others may end later.
   */
  readonly pending: number
  readonly kind: SpanKind
  readonly name: string
  /** Milliseconds since the Unix epoch, with fractions (microseconds). */
  readonly startedAt: number
  /** Milliseconds, with fractions; 0 or more. */
  readonly durationMs: number
  readonly attributes: SpanAttributes
  readonly events: readonly SpanEvent[]
  readonly links: readonly SpanLink[]
  /** Why it failed; `undefined` where it did not. */
  readonly error: string | undefined
  /** Whom it called, where that is known: `127.0.0.1:8080`. */
  readonly peer: string | undefined
  readonly dropped: Dropped
  /** About how much memory it takes, in bytes: what bounds queues. */
  readonly size: number
}
