// NATS: the same load on servers of several makers, and the same calls by their clients, of a server on the other core. Each of our rows has
// the library by itself beside it. NestJS and Moleculer speak protocols of their own: their clients call their servers.
import type { Bench, Contender, Figures } from '../bench.js'
import { type Partner, partner } from '../pinned.js'
import { natsBroker } from './broker.js'

interface Usage {
  readonly user: number
  readonly system: number
}

/** Calls before and while it is measured, by how many go on at once. */
const counts: Readonly<Record<string, number>> = { 64: 15_000, 1: 3_000 }
const columns: Readonly<Record<string, string>> = { 64: '64 at a time', 1: 'one at a time' }

/** What is compared: the library that a row is on, where that is its argument, and what else serves the calls of its clients. */
interface Row {
  readonly name: string
  readonly server: string
  readonly client: string
  readonly args: readonly string[]
  /** What the clients of this row call. @defaultValue its own server */
  readonly calls?: string
}

const byHand = 'nats/servers/bare.mjs'
const libraries = { v2: 'nats', v3: '@nats-io/transport-node' } as const
const on = (library: string): readonly Row[] => [
  { name: `\`${library}\` by itself`, server: byHand, client: 'nats/clients/bare.mjs', args: [library] },
  {
    name: `Tenon on \`${library}\``,
    server: 'nats/servers/tenon.mjs',
    client: 'nats/clients/tenon.mjs',
    args: [library],
    calls: byHand,
  },
]
const peer = (name: string, module: string): Row => ({
  name,
  server: `peers/nats/${module}.mjs`,
  client: `peers/nats/${module}-client.mjs`,
  args: [],
})
const rows: readonly Row[] = [
  ...on(libraries.v2),
  ...on(libraries.v3),
  peer('NestJS', 'nestjs'),
  peer('Moleculer', 'moleculer'),
]

type Side = 'server' | 'client'

/** µs of CPU time of one side of a row for a call. */
async function measured(side: Side, { name }: Contender, [inFlight = '1']: readonly string[]): Promise<Figures> {
  const row = rows.find(each => each.name === name)
  if (row === undefined) throw new Error(`there is no ${name}`)
  const broker = await natsBroker()
  const [own, other] = ['measured', 'driver'] as const
  let server: Partner | undefined
  let client: Partner | undefined
  try {
    const serverFile = side === 'server' ? row.server : (row.calls ?? row.server)
    server = partner(serverFile, [broker.at, ...row.args], side === 'server' ? own : other)
    const { dialect } = await server.ask<{ dialect: string }>() // it listens
    const [clientFile, words] = side === 'client' ? [row.client, row.args] : loadFor(dialect)
    client = partner(clientFile, [broker.at, inFlight, ...words], side === 'client' ? own : other)
    await client.ask() // ready
    const count = counts[inFlight] ?? 0
    await client.ask({ count })
    const before = await usageOf(server)
    const { usage } = await client.ask<{ usage: Usage }>({ count })
    const used = side === 'client' ? sum(usage) : (await usageOf(server)) - before
    return { [columns[inFlight] ?? '']: used / count }
  } finally {
    await client?.stop()
    await server?.stop()
    await broker.stop()
  }
}

/** One load for all servers, in their dialects; only nodes of Moleculer call such. */
function loadFor(dialect: string): readonly [file: string, words: readonly string[]] {
  return dialect === 'moleculer' ? ['peers/nats/moleculer-client.mjs', []] : ['nats/load.mjs', [dialect]]
}

async function usageOf(server: Partner): Promise<number> {
  return sum((await server.ask<{ usage: Usage }>({ ask: 'usage' })).usage)
}

function sum({ user, system }: Usage): number {
  return user + system
}

function benchOf(side: Side, title: string, atMost: number): Bench {
  const [column = ''] = [columns['64']]
  const own = (name: string): string => `Tenon on \`${name}\``
  const itself = (name: string): string => `\`${name}\` by itself`
  return {
    name: `nats-${side}s`,
    title,
    contenders: rows.map(row => ({ name: row.name, file: row[side], args: row.args })),
    columns: [column, columns['1'] ?? ''],
    passes: [['64'], ['1']],
    rounds: 7,
    against: { contender: itself(libraries.v2), column },
    targets: Object.values(libraries).map(name => ({ ours: own(name), theirs: itself(name), column, atMost })),
    peers: ['nats', '@nats-io/transport-node', '@nestjs/microservices', 'moleculer', 'zod'],
    run: (contender, pass) => measured(side, contender, pass),
  }
}

export const natsServers: Bench = benchOf(
  'server',
  'Servers over NATS, requests with three headers, JSON and validation: µs of the server’s CPU time per request',
  1.3,
)
export const natsClients: Bench = benchOf(
  'client',
  'Clients over NATS, requests with three headers, JSON and validation: µs of the client’s CPU time per call',
  0.4,
)
