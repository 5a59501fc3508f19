/**
 * The process in which the programs of the documentation run, one after the other, and which says of each how it ended.
 * One process for all, because starting one costs more than most programs take. A program has ended when its module has been
 * evaluated and nothing of it keeps the process alive: a server left open is a mistake in the documentation too.
 * Arguments: how many milliseconds each may take, and their paths.
 */
import { setImmediate as immediate, setTimeout as sleep } from 'node:timers/promises'

/** What the process sends after each program, in the order of its arguments. */
export interface ProgramEnd {
  readonly path: string
  /** `undefined` when it ended well. */
  readonly failure: string | undefined
}

const [limitText = '', ...paths] = process.argv.slice(2)
const limitMs = Number(limitText)
let uncaught: string | undefined

function describeError(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

/** What keeps the process alive now and did not before. */
function keptAlive(before: readonly string[]): readonly string[] {
  const rest = [...before]
  return process.getActiveResourcesInfo().filter(name => {
    const index = rest.indexOf(name)
    if (index >= 0) rest.splice(index, 1)
    return index < 0
  })
}

async function run(path: string): Promise<string | undefined> {
  uncaught = undefined
  const until = performance.now() + limitMs
  const before = process.getActiveResourcesInfo()
  const late = new AbortController()
  const outcome = await Promise.race([
    import(path).then(() => undefined, describeError),
    sleep(limitMs, `did not finish within ${limitMs / 1_000} s`, { signal: late.signal, ref: false }),
  ])
  late.abort()
  if (outcome !== undefined) return outcome
  await immediate() // a rejection counts as unhandled only after the microtasks
  let kept = keptAlive(before)
  while (kept.length > 0 && uncaught === undefined && performance.now() < until) {
    await sleep(5)
    kept = keptAlive(before)
  }
  if (uncaught !== undefined) return uncaught
  if (process.exitCode !== undefined && process.exitCode !== 0) {
    process.exitCode = 0 // what a failing node:test says
    return 'set an exit code'
  }
  return kept.length > 0 ? `keeps the process alive: ${kept.join(', ')}` : undefined
}

// Node's only prints, and an example that prints "Assertion failed" has failed.
console.assert = (holds?: boolean, ...message: unknown[]) => {
  if (holds !== true) throw new Error(['console.assert', ...message].map(String).join(' '))
}

process.on('uncaughtException', error => {
  uncaught = describeError(error)
})
process.on('unhandledRejection', error => {
  uncaught = describeError(error)
})

for (const path of paths) {
  const failure = await run(path)
  const end: ProgramEnd = { path, failure }
  process.send?.(end)
  // What hangs would be blamed on the next one.
  if (failure !== undefined) break
}
process.disconnect()
process.exit()
