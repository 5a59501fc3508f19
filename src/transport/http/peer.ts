// Who calls, from what the socket knows; what a header claims counts only where a trusted proxy wrote it (trusted-proxies.ts).
import type { IncomingMessage } from 'node:http'
import type { Peer } from '../../core/index.js'
import { isHost, plainAddress } from '../address.js'
import { certificateOf } from '../peer-certificate.js'

/** Who is at the other end of the connection that a request came over. */
export function directPeer({ socket, headers }: IncomingMessage): Peer {
  const { host } = headers
  const address = plainAddress(socket.remoteAddress)
  const certificate = certificateOf(socket)
  return {
    secure: 'encrypted' in socket,
    ...(address !== undefined && { address }),
    ...(host !== undefined && isHost(host) && { host }),
    ...(certificate !== undefined && { certificate }),
  }
}
