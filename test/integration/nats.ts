/** NATS servers for tests: each test that needs one starts its own, on a free port, and stops it by its pid. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts } from './server-program.js'

const program = ['/usr/sbin/nats-server', '/usr/bin/nats-server'].find(path => existsSync(path))

/** Skips a test where there is none, unless one must be there. */
export function needNats(skip: (reason: string) => void): void {
  if (program === undefined && process.env['TENON_REQUIRE_SERVERS'] !== '1') skip('nats-server is not installed')
}

/** A NATS server that is the test's own. */
export interface NatsServerProgram {
  readonly port: number
  /** Starts it again on the same port, with what JetStream stored. */
  start(): Promise<void>
  /** Sends it a signal; waits for its end where that ends it. */
  signal(name: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): Promise<void>
  /** Ends it, and takes its folder away. */
  stop(): Promise<void>
}

/** Starts a NATS server with JetStream; resolves when it takes connections. */
export async function startNats(): Promise<NatsServerProgram> {
  const [port = 0] = await freePorts(1)
  const folder = mkdtempSync(join(tmpdir(), 'tenon-nats-'))
  let child: ChildProcess | undefined
  const ended = (): Promise<void> =>
    new Promise(resolve => {
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) resolve()
      else child.once('exit', () => resolve())
    })
  const server: NatsServerProgram = {
    port,
    async start() {
      const args = ['-a', '127.0.0.1', '-p', String(port), '-js', '-sd', folder]
      child = spawn(program ?? 'nats-server', args, { stdio: ['ignore', 'ignore', 'pipe'] })
      await ready(child)
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

function ready(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = ''
    child.stderr?.on('data', chunk => {
      said = `${said}${chunk}`.slice(-4_000)
      if (said.includes('Server is ready')) resolve()
    })
    child.once('error', reject)
    child.once('exit', code => reject(new Error(`nats-server ended with ${code}: ${said}`)))
  })
}
