/** A listener on a free port, for one test. */
import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { onTestFinished } from 'vitest'

export interface Listening {
  readonly address: string
  readonly port: number
  readonly server: Server
}

/** Nobody listens there: a port that was free a moment ago may be another server's by now, even that of the same test. */
export const nowhere = 'http://127.0.0.1:2'

export async function listening(listener: RequestListener): Promise<Listening> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return { address: `http://127.0.0.1:${port}`, port, server }
}
