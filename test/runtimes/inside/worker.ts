// The Worker: serves the demo, the services of the case at hand, and what came of the cases it was asked to run.
import { type TransportHarness, transportConformance } from 'tenon/testkit'
import * as fetch from 'tenon/transport/http/fetch'
import { demo } from './demo.js'
import { crossing, type Handle, harnessWithoutNetwork, type Told, toldOf } from './program.js'

/** Says which of the servers of this isolate a request is for: it has but one address. */
const serverHeader = 'x-server'
const servers = new Map<string, Handle>()
const serveDemo = fetch.server([demo()])

/** Requests go out to the loopback interface, and come in again as requests of their own. */
function harnessAt(address: string): TransportHarness {
  return {
    name: 'fetch on workerd',
    async open(services, { onDefect, clock }) {
      const name = crypto.randomUUID()
      servers.set(name, fetch.server(services, { onDefect, clock }))
      const client = fetch.client(address, {
        fetch: (url, init) => {
          const headers = new Headers(init.headers)
          headers.set(serverHeader, name)
          return globalThis.fetch(url, { ...init, headers })
        },
      })
      const close = async (): Promise<void> => {
        await client.close()
        servers.delete(name)
      }
      return { client, close }
    },
  }
}

async function suite(address: string, names: ReadonlySet<string>): Promise<readonly Told[]> {
  return await toldOf(
    transportConformance.filter(({ name }) => names.has(name)),
    harnessAt(address),
  )
}

async function answer(request: Request): Promise<Response> {
  const { pathname, searchParams, origin } = new URL(request.url)
  const server = servers.get(request.headers.get(serverHeader) ?? '')
  if (server !== undefined) return await server(request)
  if (pathname === '/suite') return Response.json(await suite(origin, new Set((await request.json()) as string[])))
  if (pathname === '/without-network') return Response.json(await toldOf(transportConformance, harnessWithoutNetwork))
  if (pathname === '/call') return Response.json(await crossing(fetch.client(searchParams.get('target') ?? '')))
  return await serveDemo(request)
}

// biome-ignore lint/style/noDefaultExport: how workerd finds a Worker's handlers
export default { fetch: answer }
