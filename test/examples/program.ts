// Programs that tests start, wait for, and stop by their own pid: the examples, and what they are compared with.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { freePorts } from '../integration/server-program.js'
import { bundled } from './bundled.js'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** A program that runs. */
export interface Program {
  readonly pid: number
  /** What it has printed so far, on stdout and stderr. */
  readonly output: () => string
  /** Waits until its output matches. Rejects, with the output, when the program ends first or half a minute is over. */
  waitFor(pattern: RegExp): Promise<RegExpMatchArray>
  /** Its exit code, or the signal's name, once it has ended. */
  readonly ended: Promise<number | string>
  /** Sends it a signal and waits until it has ended. @defaultValue SIGTERM */
  stop(signal?: NodeJS.Signals): Promise<number | string>
}

/** Starts a file of this repository as users do, under tsx. */
export function startScript(file: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Program {
  return start(process.execPath, ['--import', 'tsx', file, ...args], env)
}

/** Starts a file of this repository, bundled: a third of the work, for tests to which it does not matter how it was started. */
export function startBundled(file: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Program {
  return start(process.execPath, [bundled(file), ...args], env)
}

/** Starts a program in the root of this repository. */
export function start(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Program {
  const child = spawn(command, args, {
    cwd: root,
    env: { ...process.env, NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  const collect = (chunk: Buffer): void => {
    output += chunk.toString()
  }
  child.stdout.on('data', collect)
  child.stderr.on('data', collect)
  const ended = endOf(child)
  return {
    pid: child.pid ?? -1,
    output: () => output,
    ended,
    async waitFor(pattern) {
      for (let waitedMs = 0; waitedMs < 30_000; waitedMs += 20) {
        const match = output.match(pattern)
        if (match !== null) return match
        if (child.exitCode !== null || child.signalCode !== null) break
        await new Promise(resolve => setTimeout(resolve, 20))
      }
      throw new Error(`${command} ${args.join(' ')} did not print ${pattern}, but:\n${output}`)
    },
    async stop(signal = 'SIGTERM') {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal)
      return await ended
    },
  }
}

async function endOf(child: ChildProcess): Promise<number | string> {
  const [code, signal] = await once(child, 'close')
  return code ?? signal
}

/** A port of the loopback interface that nobody uses just now. */
export async function freePort(): Promise<number> {
  const [port = 0] = await freePorts(1)
  return port
}
