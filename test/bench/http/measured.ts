// Runs a server and its load, or a client and its server, each on its own core, and takes the CPU time of the one that is
// measured, as it reports it.
import type { Contender, Figures } from '../bench.js'
import { type Partner, partner } from '../pinned.js'

interface Usage {
  readonly user: number
  readonly system: number
}

/**
 * Requests before, and as many while it is measured: of the fast, of whom the optimiser is still at work after 20 000, and on the
 * measured core; of those who run as much code in fewer.
 */
export const requests = { fast: 40_000, slow: 15_000 } as const

export const columns = { post: 'POST /uppercase', get: 'GET /users/:id' } as const
type Route = keyof typeof columns

/** One pass for each route. */
export const passes: readonly (readonly Route[])[] = [['post'], ['get']]

/** µs of a server's CPU time for a request, under the load of `load.mjs`. */
export async function served(
  { file, args = [] }: Contender,
  [route]: readonly string[],
  count: number = requests.fast,
): Promise<Figures> {
  const server = partner(file, args, 'measured')
  let load: Partner | undefined
  try {
    const { port, dialect } = await server.ask<{ port: number; dialect: string }>()
    load = partner('http/load.mjs', [port, route, dialect, count].map(String), 'driver')
    await load.ask() // warmed up
    const before = await usageOf(server)
    await load.ask({ go: true })
    return { [columns[route as Route]]: ((await usageOf(server)) - before) / count } // a pass is a route
  } finally {
    await load?.stop()
    await server.stop()
  }
}

/** µs of a client's CPU time for a call of the server written by hand. */
export async function called(
  { file, args = [] }: Contender,
  [route]: readonly string[],
  count: number = requests.fast,
): Promise<Figures> {
  const server = partner('http/servers/by-hand.mjs', [], 'driver')
  let client: Partner | undefined
  try {
    const { port } = await server.ask<{ port: number }>()
    client = partner(file, [...args, String(port), String(route)], 'measured')
    await client.ask() // ready
    await client.ask({ count })
    const { usage } = await client.ask<{ usage: Usage }>({ count })
    return { [columns[route as Route]]: (usage.user + usage.system) / count } // a pass is a route
  } finally {
    await client?.stop()
    await server.stop()
  }
}

async function usageOf(server: Partner): Promise<number> {
  const { usage } = await server.ask<{ usage: Usage }>({ ask: 'usage' })
  return usage.user + usage.system
}
