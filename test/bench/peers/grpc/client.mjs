// connect-node's client, speaking gRPC over HTTP/2, with a deadline, the headers, and what comes back validated.
import { createClient } from '@connectrpc/connect'
import { createGrpcTransport } from '@connectrpc/connect-node'
import { calling } from '../../grpc/calling.mjs'
import { deadlineMs, headers, schemas } from '../../grpc/work.mjs'
import { service } from './descriptor.mjs'

const [port, inFlight] = process.argv.slice(2).map(Number)
const client = createClient(service, createGrpcTransport({ baseUrl: `http://127.0.0.1:${port}` }))

calling(inFlight, async input => {
  const checked = schemas.response.safeParse(await client.uppercase(input, { timeoutMs: deadlineMs, headers }))
  if (checked.success) return checked.data
  throw checked.error
})
