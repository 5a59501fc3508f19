// A stream served by connect-node, speaking gRPC over HTTP/2, with the request validated.
import { createServer } from 'node:http2'
import { Code, ConnectError } from '@connectrpc/connect'
import { connectNodeAdapter } from '@connectrpc/connect-node'
import { serving } from '../../transports/talking.mjs'
import { items, schemas } from '../../transports/work.mjs'
import { service } from './descriptor.mjs'

const routes = router =>
  router.service(service, {
    items(request) {
      const checked = schemas.order.safeParse(request)
      if (checked.success) return items(checked.data)
      throw new ConnectError(checked.error.message, Code.InvalidArgument)
    },
  })
const server = createServer(connectNodeAdapter({ routes }))
server.listen(0, '127.0.0.1', () => serving(server.address().port))
