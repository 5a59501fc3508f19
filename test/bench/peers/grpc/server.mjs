// A server on connect-node, speaking gRPC over HTTP/2, with the request validated.
import { createServer } from 'node:http2'
import { Code, ConnectError } from '@connectrpc/connect'
import { connectNodeAdapter } from '@connectrpc/connect-node'
import { schemas, uppercase } from '../../grpc/work.mjs'
import { listening } from '../../http/serving.mjs'
import { service } from './descriptor.mjs'

const routes = router =>
  router.service(service, {
    uppercase(request) {
      const checked = schemas.request.safeParse(request)
      if (checked.success) return uppercase(checked.data)
      throw new ConnectError(checked.error.message, Code.InvalidArgument)
    },
  })
const server = createServer(connectNodeAdapter({ routes }))
server.listen(0, '127.0.0.1', () => listening(server.address().port))
