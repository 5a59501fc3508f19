// What to do about an exception that nobody caught. Node's default kills the process with its calls in flight; going on is no
// better, since nobody knows what state was left. So: report it, let the calls end, exit. Not installed unless asked for: a
// handler for the whole process is the program's decision.
import { observe } from '../core/call-error.js'
import { type OnDefect, reportDefect } from '../core/index.js'

/** Options of {@link exitOnUncaught}. */
export interface ExitOnUncaughtOptions {
  /** Told about each, the first and those that follow while draining. @defaultValue one report on stderr */
  readonly onDefect?: OnDefect
}

/**
 * From now on an uncaught exception, or a rejection that nobody handles, drains `running` and ends the process with exit code 1.
 * Returns what undoes it.
 *
 * @example
 * ```ts
 * import { exitOnUncaught } from 'tenon/lifecycle'
 *
 * const undo = exitOnUncaught({ drain: async () => {} }) // what serve gave
 * undo()
 * ```
 */
export function exitOnUncaught(
  running: { readonly drain: () => Promise<void> },
  options: ExitOnUncaughtOptions = {},
): () => void {
  const { onDefect = reportDefect } = options
  let draining = false
  // Rejections too: Node raises those here unless told otherwise with --unhandled-rejections.
  const onUncaught = (thrown: unknown) => {
    observe(onDefect, thrown)
    if (draining) return
    draining = true
    const exit = () => process.exit(1)
    running.drain().then(exit, exit)
  }
  process.on('uncaughtException', onUncaught)
  return () => void process.off('uncaughtException', onUncaught)
}
