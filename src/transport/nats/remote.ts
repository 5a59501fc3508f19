// The services on a connection, as their callers share them.
import type { Line } from './line.js'

export interface Remote {
  readonly line: Line
  readonly peer: string
  readonly maxCalls: number
  /** The most of one stream that waits here to be read, as credit counts it. */
  readonly windowBytes: number
  /** How often either end of a stream gives a sign of life, in ms. */
  readonly heartbeatMs: number
  /** Going on now. */
  calls: number
  /** Told when none goes on any longer. */
  onIdle: (() => void) | undefined
}
