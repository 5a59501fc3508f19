// Runs a broker, a server and what calls it, and takes the CPU time of the side that is measured, as it reports it.
import { type ChildProcess, spawn } from 'node:child_process'
import { createServer } from 'node:net'
import type { Contender, Figures } from '../bench.js'
import { type Partner, partner } from '../pinned.js'

interface Usage {
  readonly user: number
  readonly system: number
}

/** Calls before and while it is measured. */
const counts = { 64: { warmUp: 40_000, measured: 40_000 }, 1: { warmUp: 2_000, measured: 4_000 } } as const

export const columns = { 64: '64 calls in flight', 1: 'one call in flight' } as const
type Width = keyof typeof columns

/** One pass for each width. */
export const passes: readonly (readonly string[])[] = [['64'], ['1']]

interface Scene {
  readonly broker: ChildProcess
  readonly port: number
}

async function started(): Promise<Scene> {
  const port = await freePort()
  const broker = spawn('nats-server', ['-a', '127.0.0.1', '-p', String(port)], { stdio: ['ignore', 'ignore', 'pipe'] })
  await new Promise<void>((resolve, reject) => {
    broker.once('error', reject)
    broker.stderr?.on('data', chunk => {
      if (String(chunk).includes('Server is ready')) resolve()
    })
  })
  return { broker, port }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() =>
        typeof address === 'object' && address !== null ? resolve(address.port) : reject(new Error()),
      )
    })
  })
}

/** µs of a server's CPU time for a request. The load speaks the server's `dialect`, which it names. */
export async function served({ file, args = [] }: Contender, [width = '64']: readonly string[]): Promise<Figures> {
  const { broker, port } = await started()
  const server = partner(file, [String(port), ...args], 'measured')
  let load: Partner | undefined
  try {
    const { dialect } = await server.ask<{ dialect: string }>()
    const isNode = dialect === 'moleculer' // only nodes call nodes
    const [loadFile, words] = isNode ? ['peers/nats/moleculer-client.mjs', []] : ['nats/load.mjs', [dialect]]
    load = partner(loadFile, [String(port), width, ...words], 'driver')
    await load.ask() // ready
    const { warmUp, measured } = counts[Number(width) as Width]
    await load.ask({ count: warmUp })
    const before = await usageOf(server)
    await load.ask({ count: measured })
    return { [columns[Number(width) as Width]]: ((await usageOf(server)) - before) / measured }
  } finally {
    await load?.stop()
    await server.stop()
    broker.kill('SIGKILL')
  }
}

/** µs of a client's CPU time for a call. Its first argument is the server that it calls. */
export async function called({ file, args = [] }: Contender, [width = '64']: readonly string[]): Promise<Figures> {
  const [serverFile = '', ...rest] = args
  const { broker, port } = await started()
  const server = partner(serverFile, [String(port), ...rest], 'driver')
  let client: Partner | undefined
  try {
    await server.ask() // it listens
    client = partner(file, [String(port), width, ...rest], 'measured')
    await client.ask() // ready
    const { warmUp, measured } = counts[Number(width) as Width]
    await client.ask({ count: warmUp })
    const { usage } = await client.ask<{ usage: Usage }>({ count: measured })
    return { [columns[Number(width) as Width]]: (usage.user + usage.system) / measured }
  } finally {
    await client?.stop()
    await server.stop()
    broker.kill('SIGKILL')
  }
}

async function usageOf(server: Partner): Promise<number> {
  const { usage } = await server.ask<{ usage: Usage }>({ ask: 'usage' })
  return usage.user + usage.system
}
