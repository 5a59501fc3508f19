// Tenon's server on node:http, bare or with the whole stack.
import { contract, implement, method } from 'tenon'
import { serve } from 'tenon/lifecycle'
import { prometheus } from 'tenon/metrics/prometheus'
import { zipkin } from 'tenon/tracing/zipkin'
import * as http from 'tenon/transport/http'
import { isBare, isCached, listening, openLog, spansUrl } from '../serving.mjs'
import { maxBodyBytes, place, schemas } from '../work.mjs'
import { stackOf } from './stack.mjs'

const Orders = contract('shop.v1.Orders', {
  place: method({ ...schemas, idempotency: 'unsafe', http: { post: '/orders', status: 201 } }),
})

if (isBare) {
  const orders = implement(Orders).handlers({ place: request => place(request, 'somebody') })
  const running = await serve([orders], [http.server({ port: 0, maxBodyBytes })])
  listening(Number(new URL(running.addresses[0]).port))
} else {
  const { layers, registry, flush } = stackOf({ fd: openLog(), reporter: zipkin(spansUrl), isCached })
  const used = Object.values(layers).reduce((service, layer) => service.use(layer), implement(Orders))
  const orders = used.handlers({ place: (request, { principal }) => place(request, principal.id) })
  const running = await serve(
    [orders],
    [http.server({ port: 0, maxBodyBytes, mount: { '/metrics': prometheus(registry) } })],
  )
  listening(Number(new URL(running.addresses[0]).port), { flush })
}
