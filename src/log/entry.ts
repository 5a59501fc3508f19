// What is logged, as data: the one shape between the logger that people call and whatever keeps or prints its lines.
import type { Plain } from './plain.js'

/** The levels, from the least important to the most. */
export const levels = ['debug', 'info', 'warn', 'error'] as const

/** How important an entry is. */
export type Level = (typeof levels)[number]

/** The least important level that is logged; `'silent'` logs nothing. */
export type Threshold = Level | 'silent'

/** Whether entries of `level` pass `threshold`. */
export function passes(level: Level, threshold: Threshold): boolean {
  return threshold !== 'silent' && levels.indexOf(level) >= levels.indexOf(threshold)
}

/** One entry of the log. Its data is plain, finite and without secrets, so a sink may print, send or keep it as it is. */
export interface LogEntry {
  /** Milliseconds since the Unix epoch. */
  readonly time: number
  /** How important it is. */
  readonly level: Level
  /** As it was given, without what looks like a secret: control characters included, which whoever prints it must escape. */
  readonly message: string
  /** By name: the bound fields first, then those of the call, which win. */
  readonly fields: Readonly<Record<string, Plain>>
}

/** Takes entries. What it throws, or rejects with, is reported on stderr once per logger and reaches nobody else. */
export type LogSink = (entry: LogEntry) => void
