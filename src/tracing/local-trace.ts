// What the spans of one trace in one process have in common, so that a span need not hold its parent: a chain of calls without end, each
// begun in the one before, must not keep them all in memory.
import type { Clock } from '../core/index.js'
import type { FinishedSpan } from './finished-span.js'
import type { Words } from './ids.js'
import type { Limits } from './limits.js'
import type { Propagator } from './propagator.js'
import type { Origin } from './reporter.js'
import type { TraceContext } from './trace-context.js'

/** What spans need of their tracer. */
export interface SpanHome {
  readonly origin: Origin
  readonly propagator: Propagator
  readonly limits: Limits
  readonly words: Words
  /** Takes a span that has ended. */
  finished(span: FinishedSpan): void
}

/** The part of a trace that this process has recorded since a call came in: SkyWalking's segment. */
export class LocalTrace {
  readonly home: SpanHome
  readonly clock: Clock
  /** What to add to the clock's `now()` to get the time of day: taken once, so that the spans of a trace stay in order. */
  readonly epoch: number
  readonly traceId: string
  /** The id of the span that began it. */
  readonly rootId: string
  readonly rootName: string
  /** Another process's, or one of a part that is over; undefined where the trace began here. */
  readonly remote: TraceContext | undefined
  readonly debug: boolean
  readonly random: boolean
  #spans = 0
  #pending = 0

  constructor(
    home: SpanHome,
    clock: Clock,
    begun: Pick<LocalTrace, 'traceId' | 'rootId' | 'rootName' | 'remote' | 'debug' | 'random'> & {
      readonly at: number
    },
  ) {
    this.home = home
    this.clock = clock
    this.epoch = epochOf(clock, begun.at)
    this.traceId = begun.traceId
    this.rootId = begun.rootId
    this.rootName = begun.rootName
    this.remote = begun.remote
    this.debug = begun.debug
    this.random = begun.random
  }

  /** How many of its spans go on. Once that is 0 it is over, and what begins later begins another. */
  get pending(): number {
    return this.#pending
  }

  /** A span has begun: its number, from 0. */
  next(): number {
    this.#pending++
    return this.#spans++
  }

  /** A span has ended. */
  ended(): void {
    this.#pending--
  }
}

/** The epoch that was taken last, and on which clock: nearly all programs have one. */
let last: { readonly clock: Clock; readonly value: number; readonly takenAt: number } | undefined
/** How long an epoch holds, in ms: the time of day is set, and clocks drift. */
const epochMs = 1_000

function epochOf(clock: Clock, now: number): number {
  const known = last?.clock === clock ? last : undefined
  if (known !== undefined && Math.abs(now - known.takenAt) < epochMs) return known.value
  const value = clock.wallTime() - clock.now()
  // Of whole milliseconds, each reading is up to one late: the latest that is not contradicted is the closest.
  const kept = known !== undefined && Math.abs(value - known.value) < 2 ? Math.max(value, known.value) : value
  last = { clock, value: kept, takenAt: now }
  return kept
}
