// How a program that cannot start says so: one line on stderr and exit code 1. Node's own report of a rejection shows the source
// of a file of ours, two stacks and the system's error, and the line that matters somewhere between.
import { StartError } from './start-error.js'

/**
 * Ends the process with exit code 1, after one line on stderr for a {@link StartError} and the whole error for any other. For the
 * end of `serve(…)`, or of a `main()` around it, where the program is yours; without it the promise rejects and the process ends
 * with code 1 as well, less readably.
 *
 * @example
 * ```ts no-run
 * import { exitWithMessage, serve } from 'tenon/lifecycle'
 *
 * const running = await serve([], []).catch(exitWithMessage)
 * console.log(running.addresses)
 * ```
 */
export function exitWithMessage(error: unknown): never {
  if (error instanceof StartError) console.error(error.message)
  else console.error(error)
  process.exit(1)
}
