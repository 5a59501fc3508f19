// Which traces are recorded. Decided once, where a trace begins, and kept by everybody who joins it: half a trace tells less than none.
import type { SpanKind } from './span.js'
import type { TraceContext } from './trace-context.js'

/** A span that is about to begin. */
export interface SpanSeed {
  readonly name: string
  readonly kind: SpanKind
  /** `undefined`: it begins a trace. */
  readonly parent: TraceContext | undefined
  /** 0 up to 1: the last 7 bytes of the trace id as a share of the largest; the same for each span of the trace, in each process. */
  readonly position: number
}

/** Decides which spans are recorded. */
export interface Sampler {
  /** For `explain` and error messages: `ratio(0.1)`. */
  readonly name: string
  /** Whether to record. Synchronous and quick: it is on the path of each call. What it throws counts as no. */
  shouldSample(seed: SpanSeed): boolean
}
