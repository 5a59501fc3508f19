// A server on grpc-js as its guide writes one, with the request validated.
import grpc from '@grpc/grpc-js'
import { listening } from '../../http/serving.mjs'
import { schemas, Uppercase, uppercase } from '../work.mjs'

const server = new grpc.Server()
server.addService(
  { uppercase: Uppercase },
  {
    uppercase({ request }, respond) {
      const checked = schemas.request.safeParse(request)
      if (checked.success) respond(null, uppercase(checked.data))
      else respond({ code: grpc.status.INVALID_ARGUMENT, details: checked.error.message })
    },
  },
)
server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error
  listening(port)
})
