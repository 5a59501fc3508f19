/** Fetch runtimes keep the conformance suite: the client against a server on node:http, the server against that client. */
import { bindingHarness, conformanceTests, type TransportHarness, transportConformance } from 'tenon/testkit'
import * as http from 'tenon/transport/http'
import * as fetch from 'tenon/transport/http/fetch'
import { describe, test } from 'vitest'

const client = bindingHarness({
  name: 'fetch client',
  server: () => http.server({ port: 0 }),
  client: address => fetch.client(address),
})

/** Without a network: the client's requests are the server's. */
const server: TransportHarness = {
  name: 'fetch server',
  async open(services, { onDefect, clock }) {
    const serve = fetch.server(services, { onDefect, clock })
    const client = fetch.client('http://server.test', { fetch: (url, init) => serve(new Request(url, init)) })
    return { client, close: () => client.close() }
  },
}

describe.each([client, server])('$name', harness => {
  for (const { name, run } of conformanceTests(transportConformance, harness)) test(name, run)
})
