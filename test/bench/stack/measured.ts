// Runs a server and its load, each on its own core, with a collector of spans beside, and takes the server's CPU time. Whatever it was to do
// besides answering, it must have done.
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Contender } from '../bench.js'
import { type Partner, partner, type StartOptions } from '../pinned.js'

interface Proof {
  readonly lines: number
  readonly counted: number
}

/** Until then the optimiser is at work beside the calls, in all of them. */
const counts = { warmUp: 40_000, measured: 10_000 }

const leastSpans = 0.006 * (counts.warmUp + counts.measured)

export const column = 'POST /orders'

/** What a server was found to take. */
export interface Served {
  /** µs of CPU time for an order. */
  readonly us: number
  /** When it was measured, in µs of the machine's clock: as profiles have it. */
  readonly from: number
  readonly to: number
}

/** µs of a server's CPU time for an order, under the load of `load.mjs`. */
export async function served(contender: Contender, options: StartOptions = {}): Promise<Served> {
  const folder = mkdtempSync(join(tmpdir(), 'tenon-bench-'))
  const collector = await collecting()
  const { file, args = [] } = contender
  const isBare = args.includes('bare')
  const server = partner(file, [join(folder, 'log'), collector.url, ...args], 'measured', options)
  let load: Partner | undefined
  try {
    const { port } = await server.ask<{ port: number }>()
    const { warmUp, measured } = counts
    load = partner('stack/load.mjs', [port, isBare ? 'bare' : 'whole', warmUp, measured].map(String), 'driver')
    await load.ask() // warmed up
    const before = await usageOf(server)
    const { answered } = await load.ask<{ answered: number }>({ go: true })
    const after = await usageOf(server)
    if (!isBare) {
      const proof = await server.ask<Proof>({ ask: 'proof' })
      check(contender.name, proof, await collector.atLeast(leastSpans))
    }
    if (options.graceful === true) await server.end({ ask: 'end' })
    return { us: (after.us - before.us) / answered, from: before.at, to: after.at }
  } finally {
    await load?.stop()
    await server.stop()
    await collector.close()
    rmSync(folder, { recursive: true })
  }
}

/** A line and a count for each order; of spans about one in a hundred, of which the last may still be under way. */
function check(name: string, { lines, counted }: Proof, spans: number): void {
  const orders = counts.warmUp + counts.measured
  if (lines !== orders || counted !== orders)
    throw new Error(`${name} wrote ${lines} lines and counted ${counted} of ${orders} orders`)
  if (spans < leastSpans || spans > 0.013 * orders) throw new Error(`${name} sent ${spans} spans of ${orders} orders`)
}

/** Takes spans in Zipkin's JSON, and counts them. */
async function collecting() {
  let spans = 0
  const server = createServer(async (request, response) => {
    let text = ''
    for await (const chunk of request.setEncoding('utf8')) text += chunk
    spans += (JSON.parse(text) as readonly unknown[]).length // Zipkin's form
    response.writeHead(202).end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // of a server on a port
  const close = async (): Promise<void> => {
    server.close()
    server.closeAllConnections()
  }
  /** How many there are, when there are so many or for want of them after a while: they are sent in batches. */
  const atLeast = async (count: number): Promise<number> => {
    for (let waited = 0; spans < count && waited < 100; waited++) await new Promise(resolve => setTimeout(resolve, 50))
    return spans
  }
  return { url: `http://127.0.0.1:${port}`, atLeast, close }
}

async function usageOf(server: Partner): Promise<{ readonly us: number; readonly at: number }> {
  const { usage, at } = await server.ask<{ usage: NodeJS.CpuUsage; at: number }>({ ask: 'usage' })
  return { us: usage.user + usage.system, at }
}
