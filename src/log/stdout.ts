// Where lines go unless the program says otherwise: stdout, or the console where there is no such thing. Found through
// `globalThis`, so that this folder loads in a browser too.

interface Stdout {
  readonly isTTY?: boolean
  write(text: string): unknown
  on(event: 'error', listener: (error: unknown) => void): unknown
}

interface Process {
  readonly stdout?: Stdout
  readonly env?: { readonly NO_COLOR?: string }
}

const { process } = globalThis as { readonly process?: Process } // what Node has of it; other runtimes have less

function stdout(): Stdout | undefined {
  const found = process?.stdout
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

/** Whether a person is reading stdout. */
export function isTerminal(): boolean {
  return stdout()?.isTTY === true
}

/** Whether colours are welcome (no-color.org). */
export function takesColours(): boolean {
  return (process?.env?.NO_COLOR ?? '') === ''
}
