/**
 * Servers that no package manager of the system has: `.ci/run` fetches or builds them into a cache outside the checkout. A test that
 * needs one starts its own, on free loopback ports, and stops it by its pid.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { existsSync } from 'node:fs'
import { createServer } from 'node:net'
import { homedir } from 'node:os'
import { join } from 'node:path'

const { XDG_CACHE_HOME: cache = join(homedir(), '.cache'), TENON_REQUIRE_SERVERS: required } = process.env

/** Where `.ci/run` puts a file. */
export function cached(file: string): string {
  return join(cache, 'tenon/servers', file)
}

/** Skips a test where a file is missing, unless it must be there. */
export function needFile(file: string, skip: (reason: string) => void): void {
  if (required !== '1' && !existsSync(file)) skip(`there is no ${file}: .ci/run puts it there`)
}

/** A server that is the test's own. */
export interface ServerProgram {
  /** Ends it at once. */
  stop(): Promise<void>
}

/** Starts a program; resolves when `isReady`, which is asked again and again, says so. Rejects when the program ends before, with what it said. */
export async function startProgram(
  program: string,
  args: readonly string[],
  isReady: () => Promise<boolean>,
): Promise<ServerProgram> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  const listen = (chunk: unknown): void => {
    said = `${said}${chunk}`.slice(-4_000)
  }
  child.stdout.on('data', listen)
  child.stderr.on('data', listen)
  let ended: string | undefined
  child.once('error', error => {
    ended = error.message
  })
  child.once('exit', (code, signal) => {
    ended = `it ended with ${code ?? signal}`
  })
  while (!(await isReady().catch(() => false))) {
    if (ended !== undefined) throw new Error(`${program}: ${ended}: ${said}`)
    await new Promise(resolve => setTimeout(resolve, 100))
  }
  return { stop: () => stop(child) }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise(resolve => child.once('exit', resolve))
  child.kill('SIGKILL')
  await ended
}

/**
 * So many ports that were free a moment ago. Below those that systems give to whoever connects: one of these may be taken by a client
 * of another test before the server starts.
 */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>()
  for (let tries = 0; ports.size < count; tries++) {
    if (tries > 1_000) throw new Error(`found only ${ports.size} of ${count} free ports`)
    const port = randomInt(15_000, 32_000)
    if (await isFree(port)) ports.add(port)
  }
  return [...ports]
}

function isFree(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
