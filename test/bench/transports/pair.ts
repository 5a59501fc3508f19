// A server and what calls it, each on a core of its own, and the broker between them where the transport has one.
import type { Contender } from '../bench.js'
import { type Partner, partner } from '../pinned.js'

/** A broker that was started. */
export interface Broker {
  /** Given to the server and to the client, as their last argument. */
  readonly at: string
  stop(): Promise<void> | void
}

/** A contender of which both sides are measured: its file, with its arguments, is the client. */
export interface Pair extends Contender {
  /** The server's file, which gets the same arguments. @defaultValue the one that serves over each of Tenon's transports */
  readonly server?: string
  /** Starts what is between them. @defaultValue nothing is: the server says where it is called */
  broker?(): Promise<Broker>
}

/** One of Tenon's transports, by its name in `bindings.mjs`. */
export function own(name: string, file: string, transport: string, broker?: Pair['broker']): Pair {
  return { name, file, args: [transport], ...(broker !== undefined && { broker }) }
}

interface Usage {
  readonly user: number
  readonly system: number
}

interface Said {
  readonly usage: Usage
  readonly peakKiB: number
}

/** What a run took. */
export interface Taken {
  readonly seconds: number
  /** µs of CPU time of either side. */
  readonly serverUs: number
  readonly clientUs: number
  /** The most memory that either side ever had, in MiB. */
  readonly serverMiB: number
  readonly clientMiB: number
}

/** Has the client do each of `tellings` in turn, and says what the last of them took. */
export async function taken(pair: Pair, tellings: readonly object[]): Promise<Taken> {
  const { file, args = [], server: serverFile = 'transports/server.mjs' } = pair
  const broker = await pair.broker?.()
  let server: Partner | undefined
  let client: Partner | undefined
  try {
    server = partner(serverFile, broker === undefined ? args : [...args, broker.at], 'measured')
    const { at } = await server.ask<{ at: number | string }>()
    client = partner(file, [...args, String(at)], 'beside')
    await client.ask() // ready
    for (const telling of tellings.slice(0, -1)) await client.ask(telling)
    const before = await server.ask<Said>({ ask: 'usage' })
    const called = await client.ask<Said & { readonly seconds: number }>(tellings.at(-1))
    const after = await server.ask<Said>({ ask: 'usage' })
    return {
      seconds: called.seconds,
      serverUs: sum(after.usage) - sum(before.usage),
      clientUs: sum(called.usage),
      serverMiB: after.peakKiB / 1024,
      clientMiB: called.peakKiB / 1024,
    }
  } finally {
    await client?.stop()
    await server?.stop()
    await broker?.stop()
  }
}

function sum({ user, system }: Usage): number {
  return user + system
}
