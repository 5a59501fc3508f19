// Redis servers for tests: each test that needs one starts its own, on a free port, and stops it by its pid.
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts } from './server-program.js'

const program = '/usr/bin/redis-server'
const isRequired = process.env['TENON_REQUIRE_SERVERS'] === '1'

/** Whether there is one; true as well where one must be there. */
export const hasRedis: boolean = existsSync(program) || isRequired

/** Skips a test where there is none, unless one must be there. */
export function needRedis(skip: (reason: string) => void): void {
  if (!hasRedis) skip(`there is no ${program}`)
}

/** A Redis server that is the test's own. */
export interface RedisServer {
  readonly port: number
  /** Starts it again, empty, on the same port. */
  start(): Promise<void>
  /** Sends it a signal; waits for its end where that ends it. */
  signal(name: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): Promise<void>
  /** Ends it, and takes its folder away. */
  stop(): Promise<void>
}

/** Starts a Redis; resolves when it takes connections. */
export async function startRedis(): Promise<RedisServer> {
  const [port = 0] = await freePorts(1)
  const folder = mkdtempSync(join(tmpdir(), 'tenon-redis-'))
  let child: ChildProcess | undefined
  const ended = (): Promise<void> =>
    new Promise(resolve => {
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) resolve()
      else child.once('exit', () => resolve())
    })
  const server: RedisServer = {
    port,
    async start() {
      const args = ['--bind', '127.0.0.1', '--port', String(port), '--save', '', '--appendonly', 'no', '--dir', folder]
      child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] })
      await accepting(child)
    },
    async signal(name) {
      child?.kill(name)
      if (name === 'SIGKILL') await ended()
    },
    async stop() {
      child?.kill('SIGKILL')
      await ended()
      rmSync(folder, { recursive: true, force: true })
    },
  }
  await server.start()
  return server
}

function accepting(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = ''
    child.stdout?.on('data', chunk => {
      said += chunk
      if (said.includes('Ready to accept connections')) resolve()
    })
    child.once('error', reject)
    child.once('exit', code => reject(new Error(`redis-server ended with ${code}: ${said}`)))
  })
}
