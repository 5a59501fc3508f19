/** A server of grpc-js on a port of its own, as tests of others' servers and clients need one. */
import { type Server, ServerCredentials } from '@grpc/grpc-js'

/** Has a server listen on loopback. Resolves with `127.0.0.1:port`. */
export async function bound(server: Server, credentials = ServerCredentials.createInsecure()): Promise<string> {
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', credentials, (error, taken) => (error === null ? resolve(taken) : reject(error))),
  )
  return `127.0.0.1:${port}`
}
