// The port of formats: how a trace is written into metadata and read out of it. A pure pair, so that it can be fuzzed, and the same
// for every transport, since all of them carry names and values. What came from outside is taken whole or not at all.
import type { Metadata } from '../core/index.js'
import type { Decision, TraceContext } from './trace-context.js'

/** A format of trace headers. */
export interface Propagator {
  /** What it is called in a list of formats: `b3`. */
  readonly name: string
  /** The metadata that it reads and writes, in lower case. */
  readonly fields: readonly string[]
  /** What metadata says; undefined where it says nothing or something invalid. Never throws. */
  extract(metadata: Metadata): TraceContext | Decision | undefined
  /** The metadata that says it. Never throws. */
  inject(context: TraceContext | Decision): Readonly<Record<string, string>>
}
