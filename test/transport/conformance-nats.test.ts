/** NATS keeps the conformance suite, on connections of either library. */
import { conformanceTests, type TransportHarness, transportConformance } from 'tenon/testkit'
import * as nats from 'tenon/transport/nats'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { hasNats, needNats, startNats } from '../integration/nats.js'
import type { OwnServer } from '../integration/own-server.js'
import { libraries, type TestConnection } from './nats/connections.js'

const maxMessageBytes = 512 << 10 // the broker takes 1 MiB, headers included

const deviations = {
  'messages: a service that the server does not know was not run':
    'nobody listens to its subjects, which a broker cannot tell from a service that is down: NO_RESPONDERS',
}

let broker: OwnServer | undefined
beforeAll(async () => {
  if (!hasNats) return
  broker = await startNats()
})
afterAll(() => broker?.stop())

describe.each(Object.keys(libraries))('nats with the library %s', library => {
  let ends: { readonly served: TestConnection; readonly calling: TestConnection } | undefined
  beforeAll(async () => {
    const connect = libraries[library]
    if (connect === undefined || broker === undefined) return
    ends = { served: await connect(broker.port), calling: await connect(broker.port) }
  })
  afterAll(async () => {
    await ends?.served.close()
    await ends?.calling.close()
  })
  const harness: TransportHarness = {
    name: `nats with ${library}`,
    maxMessageBytes,
    maxBufferedBytes: 2 << 20,
    async open(services, runtime) {
      if (ends === undefined) throw new Error('there is no connection')
      const listening = await nats.server(ends.served, { maxBodyBytes: maxMessageBytes }).listen(services, runtime)
      const client = nats.client(ends.calling)
      return {
        client,
        async close() {
          await listening.close()
          void client.close() // waits for calls that have not ended
        },
      }
    },
  }
  for (const { name, run } of conformanceTests(transportConformance, harness, { deviations })) {
    test(name, async ({ skip }) => {
      needNats(skip)
      await run()
    })
  }
})
