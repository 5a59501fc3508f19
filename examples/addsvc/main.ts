// Go kit's addsvc, side by side with cmd/addsvc/addsvc.go: a service in layers, endpoints around it, transports around those, each with
// its port. README.md says what differs.
import { serve } from 'tenon/lifecycle'
import { logger } from 'tenon/log'
import { metricRegistry } from 'tenon/metrics'
import { prometheus } from 'tenon/metrics/prometheus'
import * as grpc from 'tenon/transport/grpc'
import * as http from 'tenon/transport/http'
import { addEndpoints } from './endpoints.js'
import { hostPort, missingFlags, parseFlags, refuseMissing } from './go-flags.js'
import { addServer } from './grpc.js'
import { addHandlers } from './http.js'
import { addService } from './service.js'

const flags = {
  'debug.addr': [':8080', 'Debug and metrics listen address'],
  'http-addr': [':8081', 'HTTP listen address'],
  'grpc-addr': [':8082', 'gRPC listen address'],
  ...missingFlags,
} as const
const { values } = parseFlags('addsvc [flags]', flags, process.argv.slice(2))
refuseMissing(flags, values)

const log = logger({ format: 'logfmt' })
const registry = metricRegistry()

// The layers of the onion from the inside out: the business, its endpoints, and the transports that these are bound to.
const service = addService(log, registry)
const endpoints = addEndpoints(service, log, registry)

await serve(
  [addServer(endpoints)],
  [
    // As promhttp.Handler of then: OpenMetrics would rename the counters, which have no _total.
    http.server({
      ...hostPort(values['debug.addr']),
      mount: { '/metrics': prometheus(registry, { openMetrics: false }) },
    }),
    http.server({ ...hostPort(values['http-addr']), mount: addHandlers(endpoints) }),
    grpc.server(hostPort(values['grpc-addr'])),
  ],
)
log.info('listening', { debug: values['debug.addr'], http: values['http-addr'], grpc: values['grpc-addr'] })
