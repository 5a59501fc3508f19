// The transports, one a line: what serves the service, and what calls it. `at` is where: the port that the server got, or what is said of
// the broker.
import { serve } from 'tenon/lifecycle'
import * as grpc from 'tenon/transport/grpc'
import * as http from 'tenon/transport/http'
import * as memory from 'tenon/transport/memory'
import * as nats from 'tenon/transport/nats'
import { service } from './work.mjs'

const overHttp = at => http.client(`http://127.0.0.1:${at}`, { maxConnections: 64 })

/** `serve` resolves with `at`, when the service can be called there; `client` gives a binding for `connect`. */
export const bindings = {
  memory: { serve: async () => 0, client: () => memory.client(service) },
  http: { serve: () => listening(http.server({ port: 0 })), client: overHttp },
  express: { serve: inExpress, client: overHttp },
  grpc: { serve: () => listening(grpc.server({ port: 0 })), client: at => grpc.client(`127.0.0.1:${at}`) },
  nats: { serve: onBroker, client: async at => nats.client(await connected(at)) },
}

async function listening(binding) {
  const { addresses } = await serve([service], [binding])
  return Number(new URL(addresses[0]).port)
}

async function connected(broker) {
  const { connect } = await import('@nats-io/transport-node')
  return connect({ servers: `127.0.0.1:${broker}`, ...nats.connectionDefaults })
}

async function onBroker(broker) {
  await serve([service], [nats.server(await connected(broker))])
  return broker
}

async function inExpress() {
  const [{ default: express }, { router }] = await Promise.all([
    import('express'),
    import('tenon/transport/http/express'),
  ])
  const app = express()
    .disable('x-powered-by')
    .disable('etag')
    .use(router([service]))
  return new Promise(resolve => {
    const server = app.listen(0, '127.0.0.1', () => resolve(server.address().port))
  })
}
