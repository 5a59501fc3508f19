// A stream read by connect-node, speaking gRPC over HTTP/2, with a deadline, the headers, and items validated.
import { createClient } from '@connectrpc/connect'
import { createGrpcTransport } from '@connectrpc/connect-node'
import { read } from '../../streams/reading.mjs'
import { calling } from '../../transports/talking.mjs'
import { deadlineMs, headers, schemas } from '../../transports/work.mjs'
import { service } from './descriptor.mjs'

const client = createClient(service, createGrpcTransport({ baseUrl: `http://127.0.0.1:${process.argv.at(-1)}` }))

calling(async told => {
  const { count, size } = told
  const items = client.items({ count, size }, { timeoutMs: deadlineMs, headers })
  await read(items, told, item => schemas.item.parse(item))
})
