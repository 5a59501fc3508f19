// A logger for tests: what was logged is data to compare.
import type { LogEntry } from './entry.js'
import { type EntryOptions, type Logger, loggerOf } from './logger-of.js'

/** A {@link Logger} that keeps what it is told. */
export interface MemoryLogger extends Logger {
  /** What was logged so far, by loggers made with `with` too. */
  readonly entries: readonly LogEntry[]
  /** Forgets the entries. */
  clear(): void
}

/**
 * Makes a logger that keeps its entries, all of them: for tests. Its level is `'debug'` unless given. Throws as `loggerOf`.
 *
 * @example
 * ```ts
 * import { memoryLogger } from 'tenon/log'
 *
 * const log = memoryLogger()
 * log.with({ order: 7 }).warn('late', { byMs: 20n })
 * console.assert(log.entries[0]?.fields['byMs'] === '20')
 * ```
 */
export function memoryLogger(options: EntryOptions = {}): MemoryLogger {
  const entries: LogEntry[] = []
  const log = loggerOf(entry => void entries.push(entry), { level: 'debug', ...options })
  return {
    ...log,
    entries,
    clear: () => {
      entries.length = 0
    },
  }
}
