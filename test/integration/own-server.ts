/**
 * Servers that are a test's own, of which one is started again and again: on a free port, with a folder of their own, stopped by
 * their pid. Each server is one description.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts } from './server-program.js'

/** What is started, and how one sees that it is. */
export interface ServerDescription {
  /** Where it may be; the first that is there is taken. */
  readonly programs: readonly string[]
  args(port: number, folder: string): readonly string[]
  /** What it says, on either stream, when it takes connections. */
  readonly ready: string
}

/** A server that is the test's own. */
export interface OwnServer {
  readonly port: number
  /** Starts it again on the same port, with what it has stored in its folder. */
  start(): Promise<void>
  /** Sends it a signal; waits for its end where that ends it. */
  signal(name: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): Promise<void>
  /** Ends it, and takes its folder away. */
  stop(): Promise<void>
}

/** Whether a server is there; true as well where it must be. */
export function isInstalled({ programs }: ServerDescription): boolean {
  return programs.some(path => existsSync(path)) || process.env['TENON_REQUIRE_SERVERS'] === '1'
}

/** Starts one; resolves when it takes connections. */
export async function startOwn(description: ServerDescription): Promise<OwnServer> {
  const ports = await freePorts(3)
  for (;;) {
    const server = new Server(description, ports.pop() ?? 0)
    try {
      await server.start()
      return server
    } catch (thrown) {
      await server.stop()
      if (ports.length === 0) throw thrown // otherwise somebody else may have taken the port
    }
  }
}

class Server implements OwnServer {
  readonly port: number
  readonly #description: ServerDescription
  readonly #folder = mkdtempSync(join(tmpdir(), 'tenon-server-'))
  #child: ChildProcess | undefined

  constructor(description: ServerDescription, port: number) {
    this.#description = description
    this.port = port
  }

  async start(): Promise<void> {
    const { programs, args, ready } = this.#description
    const program = programs.find(path => existsSync(path)) ?? programs.join(' or ')
    this.#child = spawn(program, args(this.port, this.#folder), { stdio: ['ignore', 'pipe', 'pipe'] })
    await saying(this.#child, ready)
  }

  async signal(name: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): Promise<void> {
    const child = this.#child
    if (child === undefined || child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise(resolve => child.once('exit', resolve))
    child.kill(name)
    if (name === 'SIGKILL') await ended
  }

  async stop(): Promise<void> {
    await this.signal('SIGKILL')
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

/** Resolves when it has said `ready`. Rejects when it ends before, with what it said. What it says later is read, and dropped. */
function saying(child: ChildProcess, ready: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = ''
    const listen = (chunk: unknown): void => {
      said = `${said}${chunk}`.slice(-4_000)
      if (said.includes(ready)) resolve()
    }
    child.stdout?.on('data', listen)
    child.stderr?.on('data', listen)
    child.once('error', reject)
    child.once('exit', code => reject(new Error(`${child.spawnfile} ended with ${code}: ${said}`)))
  })
}
