// Starts measured processes: bare node on one core. Without pinning a process moves between cores and pays for cold caches,
// and the threads of the engine (compiler, collector) would work beside the measured one for free.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { Figures } from './bench.js'

const folder = fileURLToPath(new URL('./', import.meta.url))

/** Part of every Linux; elsewhere nothing is pinned, and the report says so. */
const pin = 'taskset'
export const canPin: boolean = spawnSync(pin, ['-V']).status === 0

/**
 * The core for what is measured, for what only drives it, and for what is measured as well as the other side, and sleeps like it. The first
 * does most of the machine's own work.
 */
const cores = { measured: availableParallelism() - 1, driver: 0, beside: 0 } as const

type Role = keyof typeof cores

/** How a process is started. */
export interface StartOptions {
  /** Options of Node. @defaultValue none */
  readonly nodeArgs?: readonly string[]
  /** Whether it is given the time to end by itself. @defaultValue false */
  readonly graceful?: boolean
}

interface Started extends StartOptions {
  readonly role: Role
  readonly channel?: 'ipc'
}

/** Starts `file` of `test/bench` on a core, with nothing of this process' settings but the path. */
function start(file: string, args: readonly string[], { role, channel, nodeArgs = [] }: Started): ChildProcess {
  const awake = role === 'driver' ? ['--import', `${folder}awake.mjs`] : []
  const node = [process.execPath, ...awake, ...nodeArgs, `${folder}${file}`, ...args]
  const [command = '', ...rest] = canPin ? [pin, '-c', String(cores[role]), ...node] : node
  const env = { PATH: process.env['PATH'], NODE_ENV: 'production' }
  return spawn(command, rest, {
    env,
    stdio: ['ignore', 'pipe', 'inherit', ...(channel === undefined ? [] : [channel])],
  })
}

/** Runs `file` to its end and reads the figures in its last line. */
export async function pinned(file: string, args: readonly string[]): Promise<Figures> {
  const child = start(file, args, { role: 'measured' })
  const timer = setTimeout(() => child.kill('SIGKILL'), 120_000)
  let output = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  const status = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve))
  clearTimeout(timer)
  if (status !== 0) throw new Error(`${file} ${args.join(' ')} ended with ${status}`)
  return JSON.parse(output.trimEnd().split('\n').at(-1) ?? '') as Figures // checked by the runner
}

/** A process to talk with, until it is stopped. */
export interface Partner {
  /** Sends `message`, if any, and gives what comes back. Rejects when the process ends before, or does not answer in a minute. */
  ask<Answer>(message?: object): Promise<Answer>
  /** Sends `message`, upon which it is to end by itself. */
  end(message: object): Promise<void>
  stop(): Promise<void>
}

/** Starts `file` with a channel: the other side of a measurement, or one that has to be asked. */
export function partner(file: string, args: readonly string[], role: Role, options: StartOptions = {}): Partner {
  const child = start(file, args, { ...options, role, channel: 'ipc' })
  child.stdout?.pipe(process.stderr)
  const ended = once(child, 'close')
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL')
    await ended
  }
  const ask = async (message?: object): Promise<unknown> => {
    const patience = AbortSignal.timeout(60_000)
    const answer = once(child, 'message', { signal: patience })
    const failed = ended.then(([status]) => {
      throw new Error(`${file} ${args.join(' ')} ended with ${status}`)
    })
    if (message !== undefined) child.send(message)
    const [received] = await Promise.race([answer, failed])
    return received
  }
  const end = async (message: object): Promise<void> => {
    child.send(message)
    await ended
  }
  return { ask: ask as Partner['ask'], end, stop } // whoever asks knows what is answered
}
