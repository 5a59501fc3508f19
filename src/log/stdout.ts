// Where lines go unless the program says otherwise: stdout, or the console where there is no such thing. Lines for people one by one;
// JSON, which nobody waits for, in batches.

import { type Batch, batch } from './batch.js'
import type { LogEntry } from './entry.js'
import { json } from './format.js'
import { descriptorWriter, runtime, type Stdout } from './runtime.js'

function stdout(): Stdout | undefined {
  const found = runtime?.stdout
  return typeof found?.write === 'function' ? found : undefined
}

let isWatched = false
let isReported = false

/** Writes a line to stdout. */
export function writeToStdout(line: string): void {
  const out = stdout()
  if (out === undefined) {
    // biome-ignore lint/suspicious/noConsole: without a stdout, the console is where lines are read
    console.log(line)
    return
  }
  if (!isWatched) {
    isWatched = true
    // A closed pipe (`service | head`) would otherwise end the process with an uncaught EPIPE, some time after the write.
    out.on('error', error => {
      if (!isReported) console.error('tenon: stdout does not take log lines any more:', error)
      isReported = true
    })
  }
  out.write(`${line}\n`)
}

let shared: Batch | undefined

/** Writes a line of JSON to stdout, with others of the whole process; at once to a terminal. */
export function batchToStdout(): (line: string) => void {
  if (isTerminal() || stdout() === undefined || descriptorWriter() === undefined) return writeToStdout
  shared ??= batch({ onDropped: tellDropped })
  return shared.write
}

function tellDropped(dropped: number): void {
  const entry: LogEntry = { time: Date.now(), level: 'warn', message: 'log lines were dropped', fields: { dropped } }
  shared?.write(json(entry, 1_000))
}

/** Whether a person is reading stdout. */
export function isTerminal(): boolean {
  return stdout()?.isTTY === true
}

/** Whether colours are welcome (no-color.org). */
export function takesColours(): boolean {
  return (runtime?.env?.NO_COLOR ?? '') === ''
}
