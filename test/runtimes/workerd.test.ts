/** The fetch transport in workerd, the runtime of Cloudflare Workers, without its imitation of Node. */
import { readFileSync, writeFileSync } from 'node:fs'
import { basename } from 'node:path'
import { conformanceTests, transportConformance } from 'tenon/testkit'
import * as http from 'tenon/transport/http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Program, start } from '../examples/program.js'
import { served } from '../transport/http/served.js'
import { type Built, built } from './built.js'
import { type Crossing, crossingCases, departures } from './inside/crossing.js'
import { demo } from './inside/demo.js'
import type { Told } from './inside/program.js'
import { testsWith } from './programs.js'
import { remoteTests } from './remote-cases.js'

/** A request goes with its connection: what is left of its work is told of the end by chance, where workerd is slow to drop it. */
const untold = 'workerd drops the work of a request with its connection, and mostly tells nothing of it'

/** An answer that is complete before its request resets the connection, and the reset may overtake the answer. */
const reset = 'workerd may reset a connection before its answer is read'

/** What comes out one way or the other by chance, so that neither can be asked for. */
const uncertain: Readonly<Record<string, string>> = {
  'hops: a cancellation reaches the last service': untold,
  'cancellation: aborts the work of the handler': untold,
  'cancellation: while waiting for an item fails the stream and aborts its work': untold,
  'cancellation: aborts the work of a stream that nobody has begun to read': untold,
  'streams: an item that does not fit fails the stream and ends its work': untold,
  'abandonment: leaving a stream after 1 items closes and aborts its work': untold,
  'abandonment: leaving a stream after 5 items closes and aborts its work': untold,
  'request streams: a handler may answer without reading to the end': reset,
  'request streams: a handler may answer without reading at all': reset,
  'request streams: a failure in the middle arrives whole, and the stream is closed': reset,
  'request streams: a domain failure in the middle arrives whole': reset,
  'bidirectional streams: a failure in the middle closes both': reset,
  'back-pressure: a slow handler makes the caller wait': reset,
  'limits: a request far above the limit is refused': reset,
}

/** One Worker, that may call whatever is on this machine. */
function configuration(module: string): string {
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .worker), (name = "net", network = (allow = ["private"]))],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")]
);
const worker :Workerd.Worker = (
  modules = [(name = "worker", esModule = embed "${module}")],
  compatibilityDate = "2026-06-01",
  globalOutbound = "net",
);
`
}

testsWith('workerd', command => {
  let files: Built
  let worker: Program
  let address = ''
  let module = ''
  beforeAll(async () => {
    files = built()
    module = await files.bundle('worker', { whole: true })
    const config = `${module}.capnp`
    writeFileSync(config, configuration(basename(module)))
    worker = start(command, ['serve', config, '--control-fd=1'])
    const [, port] = await worker.waitFor(/"port":(\d+)/)
    address = `http://127.0.0.1:${port}`
  })
  afterAll(async () => {
    await worker.stop('SIGKILL')
    files.remove()
  })

  const ask = async (path: string, init: RequestInit = {}): Promise<readonly Told[]> => {
    const response = await globalThis.fetch(address + path, init)
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}\n${worker.output()}`)
    return (await response.json()) as readonly Told[] // what the Worker's program makes
  }

  test('the Worker imports nothing', () => {
    expect(readFileSync(module, 'utf8')).not.toMatch(/^import\b|\bimport\("node:|\brequire\(/m)
  })

  describe('server and client in workerd, without a network', () =>
    remoteTests(transportConformance, () => ask('/without-network')))

  describe('server and client in workerd', () => {
    const certain = transportConformance.filter(({ name }) => uncertain[name] === undefined)
    expect(transportConformance.length - certain.length).toBe(Object.keys(uncertain).length)
    remoteTests(certain, () => ask('/suite', { method: 'POST', body: JSON.stringify(certain.map(({ name }) => name)) }))
    test.for(Object.entries(uncertain))('%s', ([, why], { skip }) => skip(why))
  })

  describe('a client in workerd, a server in Node', () =>
    remoteTests(crossingCases, async () => {
      const { address } = await served([demo()])
      return await ask(`/call?target=${address}`)
    }))

  describe('a server in workerd, a client in Node', () => {
    const crossing = { client: http.client('http://nowhere.test') } as { client: Crossing['client'] }
    beforeAll(() => {
      crossing.client = http.client(address)
    })
    afterAll(() => crossing.client.close())
    const certain = crossingCases.filter(each => !departures.includes(each))
    for (const { name, run } of conformanceTests(certain, crossing)) test.concurrent(name, { timeout: 60_000 }, run)
    test.for(departures)('$name', (_, { skip }) => skip(untold))
  })
})
