// Where lines go unless the program says otherwise: stdout, or the console where there is no such thing. Lines for people one by one;
// JSON, which nobody waits for, in batches. Neither waits for a slow reader, nor keeps without bound what that does not take.

import { type Batch, batch } from './batch.js'
import type { LogEntry } from './entry.js'
import { json, logfmt } from './format.js'
import { descriptorWriter, runtime, type Stdout } from './runtime.js'

function stdout(): Stdout | undefined {
  const found = runtime?.stdout
  return typeof found?.write === 'function' ? found : undefined
}

let isWatched = false
let isReported = false

/** Through the stream, or the console where there is none. */
function writeToStream(line: string): void {
  const out = stdout()
  if (out === undefined) {
    // biome-ignore lint/suspicious/noConsole: without a stdout, the console is where lines are read
    console.log(line)
    return
  }
  if (!isWatched) {
    isWatched = true
    // A terminal that is closed would otherwise end the process with an uncaught error, some time after the write.
    out.on('error', error => {
      if (!isReported) console.error('tenon: stdout does not take log lines any more:', error)
      isReported = true
    })
  }
  out.write(`${line}\n`)
}

/** What the stream would not do for a pipe: it keeps all that a slow reader does not take, and loses it where the process exits. */
function takesBatches(): boolean {
  return !isTerminal() && stdout() !== undefined && descriptorWriter() !== undefined
}

let batched: Batch | undefined
let single: Batch | undefined

/** Writes a line of JSON to stdout, with others of the whole process; at once to a terminal. */
export function batchToStdout(): (line: string) => void {
  if (!takesBatches()) return writeToStream
  batched ??= batch({ onDropped: dropped => batched?.write(json(droppedEntry(dropped), 1_000)) })
  return batched.write
}

/** Writes a line to stdout at once. */
export function lineToStdout(): (line: string) => void {
  if (!takesBatches()) return writeToStream
  single ??= batch({
    batchLength: 1,
    onDropped: dropped => single?.write(logfmt(droppedEntry(dropped), 1_000)),
  })
  const { write } = single
  return line => {
    batched?.flush() // what came before it
    write(line)
  }
}

function droppedEntry(dropped: number): LogEntry {
  return { time: Date.now(), level: 'warn', message: 'log lines were dropped', fields: { dropped } }
}

/** Whether a person is reading stdout. */
export function isTerminal(): boolean {
  return stdout()?.isTTY === true
}

/** Whether colours are welcome (no-color.org). */
export function takesColours(): boolean {
  return (runtime?.env?.NO_COLOR ?? '') === ''
}
