// Where in which trace something belongs: what crosses from one process to the next, whatever the headers are called. The ids are W3C's
// (Trace Context §3.2), which B3 shares; a span is one of these too, and so can be given wherever one is asked for.

/** The names of a span, and what its callees have to know of its trace. Plain data, or a span. */
export interface TraceContext {
  /** 32 lower-case hex digits, not all 0. One of 16 (B3) has 16 zeros before it. */
  readonly traceId: string
  /** 16 lower-case hex digits, not all 0. */
  readonly spanId: string
  /** The span that this one has its parent in, where that is told (B3). */
  readonly parentSpanId?: string | undefined
  /** Whether the trace is recorded. Absent: whoever gets it decides (B3). */
  readonly sampled?: boolean | undefined
  /** Recorded whatever it costs: B3's debug flag. @defaultValue false */
  readonly debug?: boolean | undefined
  /** Whether the last 14 digits of the trace id are random (W3C, level 2), so that others may sample by them. @defaultValue false */
  readonly random?: boolean | undefined
  /** What tracing systems tell themselves: W3C's `tracestate`, valid. Each span has that of its parent. */
  readonly traceState?: string | undefined
  /** The same span as SkyWalking knows it, where a message told that. Each span of this process knows its own. */
  readonly skywalking?: Sw8 | undefined
  /** It came from another process. @defaultValue false */
  readonly remote?: boolean | undefined
}

/** Only a decision, and no span: B3's `0`. */
export interface Decision {
  readonly traceId?: undefined
  readonly sampled: boolean
  readonly debug?: boolean | undefined
}

/** A span as SkyWalking knows it: its place in a segment, which is the part of a trace that one process has done. */
export interface Sw8 {
  /** Any text; of our own traces the hex id. */
  readonly traceId: string
  readonly segmentId: string
  /** Counted from 0 in the segment, up to 2^31 - 1. */
  readonly spanId: number
  /** Who has the span. */
  readonly service: string
  readonly instance: string
  /** What the segment began with: `orders/place`, `POST:/orders`. */
  readonly endpoint: string
  /** Where its caller reaches the callee: `stock:8080`. Empty where that is not known. */
  readonly address: string
}
