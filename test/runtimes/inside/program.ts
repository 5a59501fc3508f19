// What a runtime's program does, by its arguments: run the conformance suite inside, serve the demo, or call it elsewhere.
import type { AnyService, ClientBinding } from 'tenon'
import {
  type ConformanceCase,
  type ConformanceResult,
  runConformance,
  type TransportHarness,
  transportConformance,
} from 'tenon/testkit'
import * as fetch from 'tenon/transport/http/fetch'
import { crossingCases } from './crossing.js'
import { demo } from './demo.js'

/** What came of a case, as it is told to the tests outside. */
export interface Told {
  readonly name: string
  /** Why it failed. */
  readonly error?: string
}

export type Handle = (request: Request) => Promise<Response>

/** What differs between runtimes. */
export interface Platform {
  readonly name: string
  readonly args: readonly string[]
  /** Serves on a free port of the loopback interface. */
  serve(handle: Handle): { readonly address: string; close(): Promise<unknown> }
}

/** Prints a line: what came of the cases as JSON, or the address that it serves at. */
export async function runProgram(platform: Platform): Promise<void> {
  const [task, target = ''] = platform.args
  if (task === 'suite') return print(await toldOf(transportConformance, harnessOf(platform)))
  if (task === 'call') return print(await crossing(fetch.client(target)))
  if (task === 'serve') console.log(`serving at ${platform.serve(fetch.server([demo()])).address}`)
  else throw new TypeError(`there is no task ${task}`)
}

function print(told: readonly Told[]): void {
  console.log(`told ${JSON.stringify(told)}`)
}

function harnessOf({ name, serve }: Platform): TransportHarness {
  return {
    name,
    async open(services, { onDefect, clock }) {
      const { address, close } = serve(fetch.server(services, { onDefect, clock }))
      const client = fetch.client(address)
      return { client, close: async () => void (await Promise.all([client.close(), close()])) }
    },
  }
}

/** Client and server in one program, without a network between them. */
export const harnessWithoutNetwork: TransportHarness = {
  name: 'fetch without a network',
  maxBufferedBytes: 1 << 20,
  async open(services: readonly AnyService[], { onDefect, clock }) {
    const serve = fetch.server(services, { onDefect, clock })
    const client = fetch.client('http://server.test', { fetch: (url, init) => serve(new Request(url, init)) })
    return { client, close: () => client.close() }
  },
}

/** Calls the demo. */
export async function crossing(client: ClientBinding, cases = crossingCases): Promise<readonly Told[]> {
  const told = await toldOf(cases, { client })
  await client.close()
  return told
}

/** Runs cases one after the other, and tells what came of each. */
export async function toldOf<Harness>(
  cases: readonly ConformanceCase<Harness>[],
  harness: Harness,
): Promise<readonly Told[]> {
  return (await runConformance(cases, harness)).map(told)
}

function told({ name, error }: ConformanceResult): Told {
  return error === undefined
    ? { name }
    : { name, error: error instanceof Error ? String(error.stack ?? error) : String(error) }
}
