// A reporter for tests: what was reported is data to compare.
import type { FinishedSpan } from './finished-span.js'
import type { Reporter } from './reporter.js'

/** A {@link Reporter} that keeps what it is told. */
export interface MemoryReporter extends Reporter {
  /** What has ended so far, in the order in which it did. */
  readonly spans: readonly FinishedSpan[]
  /** Forgets the spans. */
  clear(): void
}

/** Makes a reporter that keeps its spans, all of them: for tests. */
export function memoryReporter(): MemoryReporter {
  const spans: FinishedSpan[] = []
  return {
    spans,
    report: span => void spans.push(span),
    flush: async () => {},
    close: async () => {},
    clear: () => {
      spans.length = 0
    },
  }
}
