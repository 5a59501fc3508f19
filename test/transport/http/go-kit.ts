/** Go kit's own HTTP transport, as a program built from fixtures/gokit. Go keeps what it downloads and compiles in its own caches. */
import { execFile } from 'node:child_process'
import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { freePort, type Program, start } from '../../examples/program.js'

const run = promisify(execFile)
const fixture = fileURLToPath(new URL('fixtures/gokit/', import.meta.url))

export interface GoKit {
  /** What the client said that was run with these arguments, line by line. */
  run(...args: string[]): Promise<readonly Record<string, unknown>[]>
  /** Starts it with these arguments, to be watched while it runs. */
  start(...args: string[]): Program
  /** Starts `serve` or `proxy`. */
  serve(mode: 'serve' | 'proxy', ...args: string[]): Promise<{ readonly address: string; readonly program: Program }>
  /** Stops what runs, and removes the program. */
  close(): Promise<void>
}

/** Builds it; gives the reason why not, where Go or its modules are not here and need not be. */
export async function goKit(): Promise<GoKit | string> {
  const folder = await mkdtemp(join(tmpdir(), 'tenon-gokit-'))
  const program = join(folder, 'gokit')
  const running: Program[] = []
  try {
    await Promise.all(['go.mod', 'go.sum', 'main.go'].map(file => copyFile(join(fixture, file), join(folder, file))))
    const env = { ...process.env, GOFLAGS: '-mod=mod -buildvcs=false' }
    await run('go', ['build', '-o', program, '.'], { cwd: folder, env })
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    if (process.env['TENON_REQUIRE_SERVERS'] === '1') throw error
    return `Go kit cannot be built here: ${String(error).split('\n', 1)[0]}`
  }
  return {
    async run(...args) {
      const { stdout } = await run(program, args, { timeout: 30_000 })
      return stdout
        .trim()
        .split('\n')
        .map(line => JSON.parse(line))
    },
    start(...args) {
      const started = start(program, args)
      running.push(started)
      return started
    },
    async serve(mode, ...args) {
      const port = await freePort()
      const started = start(program, [mode, `127.0.0.1:${port}`, ...args])
      running.push(started)
      const address = `http://127.0.0.1:${port}`
      for (let waitedMs = 0; ; waitedMs += 20) {
        if (await fetch(`${address}/headers`).catch(() => undefined)) return { address, program: started }
        if (waitedMs > 10_000) throw new Error(`the Go program does not answer:\n${started.output()}`)
        await new Promise(resolve => setTimeout(resolve, 20))
      }
    },
    async close() {
      await Promise.all(running.map(each => each.stop()))
      await rm(folder, { recursive: true, force: true })
    },
  }
}
