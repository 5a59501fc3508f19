// Where spans come from: the ids, the decision to record, the formats and the reporters of one process.
import type { Clock, Metadata } from '../core/index.js'
import type { Propagator } from './propagator.js'
import type { Span, SpanOptions } from './span.js'
import type { Decision, TraceContext } from './trace-context.js'

/** Starts spans and reports them when they have ended. Holds no current span: that is `context.span`. */
export interface Tracer extends AsyncDisposable {
  /** The name of this service. */
  readonly service: string
  /** The formats of headers that it reads and writes. */
  readonly propagator: Propagator
  /** Starts a span, on `clock` if that is not the tracer's own. Never throws. */
  start(name: string, options?: SpanOptions, clock?: Clock): Span
  /** What a caller said about its trace, marked as `remote`; undefined where it said nothing. Never throws. */
  extract(metadata: Metadata): TraceContext | Decision | undefined
  /** Resolves when what has ended so far has been sent, or given up. Never rejects. */
  flush(): Promise<void>
  /** Flushes and closes the reporters. Spans that end later are lost. Never rejects. */
  close(): Promise<void>
}
