// Puts the shop together and opens it: `npm start`. In one process orders calls stock in memory; with `--split` there are two,
// and the same calls go over HTTP. Nothing else differs.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { collectDefaultMetrics } from 'prom-client'
import { type AnyService, type ClientBinding, chain, connect } from 'tenon'
import { exitWithMessage, logEvents, resource, serve } from 'tenon/lifecycle'
import { logger } from 'tenon/log'
import { metricRegistry } from 'tenon/metrics'
import { prometheus } from 'tenon/metrics/prometheus'
import { logging, metrics } from 'tenon/middleware'
import * as grpc from 'tenon/transport/grpc'
import * as http from 'tenon/transport/http'
import { docs } from 'tenon/transport/http/docs'
import * as memory from 'tenon/transport/memory'
import { Catalogue, Stock } from './contracts.js'
import { type Flags, readFlags } from './flags.js'
import { orders } from './orders.js'
import { overNats } from './over-nats.js'
import { startStock, tellParent } from './second-process.js'
import { stock } from './stock.js'
import { tracesOf } from './traces.js'
import { usersOf } from './users.js'
import { welcome } from './welcome.js'

const flags = readFlags()
const log = logger()
const registry = metricRegistry()
const count = metrics(registry)
const traces = tracesOf(flags.stockOnly ? 'stock' : 'shop', flags.zipkinUrl)
const use = chain(traces.use, logging(log), count)
const users = usersOf()
const useInClient = chain(traces.use, count)

/** What one process serves, and what it closes at its end: the last one first. */
interface Part {
  readonly services: readonly AnyService[]
  readonly resources: readonly AsyncDisposable[]
  /** Where the stock service is, if not in this process. */
  readonly stockUrl?: string
}

const stockService = (): AnyService => {
  const catalogue = Catalogue.parse(JSON.parse(readFileSync(new URL('catalogue.json', import.meta.url), 'utf8')))
  return stock({ catalogue, use })
}

const ordersService = (stockBinding: ClientBinding): AnyService => {
  const { reserve, release } = connect(Stock, stockBinding)
  return orders({ stock: { reserve: useInClient(reserve), release: useInClient(release) }, use, known: users.known })
}

function inOneProcess(): Part {
  const inventory = stockService()
  return { services: [ordersService(memory.client(inventory)), inventory], resources: [] }
}

function withStockAt(stockUrl: string): Part {
  const binding = http.client(stockUrl)
  return { services: [ordersService(binding)], resources: [resource('stock client', () => binding.close())], stockUrl }
}

async function inTwoProcesses({ port }: Flags): Promise<Part> {
  const { address, ending } = await startStock(fileURLToPath(import.meta.url), port === 0 ? 0 : port + 1)
  const part = withStockAt(address)
  return { ...part, resources: [ending, ...part.resources] }
}

async function partOf(flags: Flags): Promise<Part> {
  if (flags.stockOnly) return { services: [stockService()], resources: [] }
  if (flags.stockUrl !== undefined) return withStockAt(flags.stockUrl)
  return flags.split ? await inTwoProcesses(flags) : inOneProcess()
}

async function main(): Promise<void> {
  const { services, resources: own, stockUrl } = await partOf(flags)
  collectDefaultMetrics() // of Node: memory, garbage, file descriptors
  const server = http.server({
    port: flags.port,
    docs: docs({ title: 'The shop', securitySchemes: { token: { type: 'http', scheme: 'bearer' } } }),
    mount: { '/metrics': prometheus(registry) },
  })
  const broker = flags.natsUrl === undefined ? undefined : await overNats(flags.natsUrl)
  // The same services, the same stack; the stock process of two is called over HTTP alone.
  const overGrpc = flags.stockOnly ? [] : [grpc.server({ port: flags.grpcPort, reflection: true })]
  const servers = [server, ...overGrpc, ...(broker === undefined ? [] : [broker.server])]
  const resources = [...traces.resources, ...own, ...(broker === undefined ? [] : [broker.connection])]
  // The stock process waits for connections that others leave idle, for up to 5 s.
  const running = await serve(services, servers, { resources, closeTimeoutMs: 10_000, onEvent: logEvents(log) })
  const [address = '', grpcAddress = ''] = running.addresses
  if (flags.stockOnly) tellParent(running)
  else console.log(welcome({ address, stockAddress: stockUrl ?? address, grpcAddress }, await users.tokens))
}

await main().catch(exitWithMessage)
