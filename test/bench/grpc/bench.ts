// gRPC: the same calls by the same client of the servers, and of the same server by the clients, each on its own core.
import type { Bench, Contender, Figures } from '../bench.js'
import { type Partner, partner } from '../pinned.js'

interface Usage {
  readonly user: number
  readonly system: number
}

/** Calls before and while it is measured, by how many go on at once. */
const counts: Readonly<Record<string, number>> = { 64: 8_000, 1: 2_000 }
const us: Readonly<Record<string, string>> = { 64: '64 at a time', 1: 'one at a time' }
const perSecond: Readonly<Record<string, string>> = { 64: '64: calls/s', 1: 'one: calls/s' }
const passes = Object.keys(counts).map(inFlight => [inFlight])

const file = { tenon: 'tenon.mjs', bare: 'grpc-js.mjs' } as const
const bare = 'grpc-js'
const own = 'Tenon'

async function measured(
  server: Partner,
  client: Partner,
  inFlight: string,
  side: 'server' | 'client',
): Promise<Figures> {
  const count = counts[inFlight] ?? 0
  await client.ask() // ready
  await client.ask({ count })
  const usageOf = async (): Promise<number> => sum((await server.ask<{ usage: Usage }>({ ask: 'usage' })).usage)
  const before = await usageOf()
  const { usage, seconds } = await client.ask<{ usage: Usage; seconds: number }>({ count })
  const used = side === 'client' ? sum(usage) : (await usageOf()) - before
  return { [us[inFlight] ?? '']: used / count, [perSecond[inFlight] ?? '']: count / seconds }
}

function sum({ user, system }: Usage): number {
  return user + system
}

async function run(
  side: 'server' | 'client',
  contender: Contender,
  [inFlight = '1']: readonly string[],
): Promise<Figures> {
  const [serverFile, clientFile] =
    side === 'server' ? [contender.file, `grpc/clients/${file.bare}`] : [`grpc/servers/${file.bare}`, contender.file]
  const server = partner(serverFile, [], side === 'server' ? 'measured' : 'driver')
  let client: Partner | undefined
  try {
    const { port } = await server.ask<{ port: number }>()
    client = partner(clientFile, [String(port), inFlight], side === 'client' ? 'measured' : 'driver')
    return await measured(server, client, inFlight, side)
  } finally {
    await client?.stop()
    await server.stop()
  }
}

function benchOf(side: 'server' | 'client', title: string): Bench {
  return {
    name: `grpc-${side}s`,
    title,
    contenders: [
      { name: bare, file: `grpc/${side}s/${file.bare}` },
      { name: own, file: `grpc/${side}s/${file.tenon}` },
      { name: 'connect-node', file: `peers/grpc/${side}.mjs`, rounds: 3 },
    ],
    columns: [...Object.values(us), ...Object.values(perSecond)],
    passes,
    rounds: 9,
    against: { contender: bare, column: us['64'] ?? '' },
    targets: Object.values(us).map(column => ({ ours: own, theirs: bare, column, atMost: 1.15 })),
    peers: ['@grpc/grpc-js', '@connectrpc/connect-node', 'protobufjs', 'zod'],
    run: (contender, args) => run(side, contender, args),
  }
}

export const grpcServers: Bench = benchOf(
  'server',
  'Servers over gRPC: µs of the server’s CPU time per call, and calls/s',
)
export const grpcClients: Bench = benchOf(
  'client',
  'Clients over gRPC: µs of the client’s CPU time per call, and calls/s',
)
