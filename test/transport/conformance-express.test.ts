/** Express keeps the conformance suite: beneath a path, behind the app's own parsers, and where the app itself listens. */
import { once } from 'node:events'
import express from 'express'
import { bindingHarness, conformanceTests, type TransportHarness, transportConformance } from 'tenon/testkit'
import * as http from 'tenon/transport/http'
import * as tenon from 'tenon/transport/http/express'
import { describe, test } from 'vitest'

const client = (address: string) => http.client(`${address}/api`)

function served(name: string, make: () => express.Express): TransportHarness {
  return bindingHarness({
    name,
    server: () => {
      const app = make()
      return tenon.server({ app, port: 0, passOn: 'nothing', mount: services => app.use('/api', services) })
    },
    client,
  })
}

/** Without our server, and with unknown paths left to the app. */
const listening: TransportHarness = {
  name: 'an app that listens itself, with express.raw() before',
  async open(services, { onDefect, clock }) {
    const app = express().use(express.raw({ limit: '1gb', type: 'application/json' }))
    app.use('/api', tenon.router(services, { onDefect, clock }))
    const server = app.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const binding = client(`http://127.0.0.1:${port}`)
    return {
      client: binding,
      async close() {
        await binding.close()
        server.closeAllConnections()
        await new Promise(resolve => server.close(resolve))
      },
    }
  },
}

const theAppAnswers = 'an unknown path is left to the app, whose 404 says nothing of Tenon'

const variants: readonly { readonly harness: TransportHarness; readonly deviations?: Record<string, string> }[] = [
  { harness: served('an app', () => express()) },
  {
    harness: served('an app with express.json() before', () => express().use(express.json({ limit: '1gb' }))),
    deviations: {
      'messages: a request that is no object at all is refused': 'express.json() refuses it first, and the app answers',
    },
  },
  {
    harness: listening,
    deviations: {
      'messages: a method that the server does not know was not run': theAppAnswers,
      'messages: a service that the server does not know was not run': theAppAnswers,
    },
  },
]

for (const { harness, deviations = {} } of variants) {
  describe(harness.name, () => {
    for (const { name, run } of conformanceTests(transportConformance, harness, { deviations })) test(name, run)
  })
}
