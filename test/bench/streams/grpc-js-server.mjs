// A stream served by grpc-js, with the request validated and a writer that waits for its reader.
import { pipeline, Readable } from 'node:stream'
import grpc from '@grpc/grpc-js'
import { serving } from '../transports/talking.mjs'
import { items, schemas } from '../transports/work.mjs'
import { Items } from './proto.mjs'

const server = new grpc.Server()
server.addService(
  { items: Items },
  {
    items(call) {
      const checked = schemas.order.safeParse(call.request)
      if (checked.success) pipeline(Readable.from(items(checked.data)), call, () => {})
      else call.destroy({ code: grpc.status.INVALID_ARGUMENT, details: checked.error.message })
    },
  },
)
server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error
  serving(port)
})
