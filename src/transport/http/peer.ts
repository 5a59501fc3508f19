// Who calls, from what the socket knows; what a header claims counts only where a trusted proxy wrote it (trusted-proxies.ts).
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Peer } from '../../core/index.js'
import { isHost, plainAddress } from '../address.js'
import { certificateOf } from '../peer-certificate.js'

/** Who is at the other end of the connection that a request came over. */
export function directPeer({ socket, headers }: IncomingMessage): Peer {
  const { host } = headers
  if ('encrypted' in socket) return peerOf(socket, host) // what is known of its certificate may change
  let last = plain.get(socket)
  if (last === undefined || last.host !== host) {
    last = { host, peer: peerOf(socket, host) }
    plain.set(socket, last)
  }
  return last.peer
}

/** Who is at the other end of connections without TLS, as of the last request: most requests of one name the same host. */
const plain: WeakMap<Socket, { readonly host: string | undefined; readonly peer: Peer }> = new WeakMap()

function peerOf(socket: Socket, host: string | undefined): Peer {
  const address = plainAddress(socket.remoteAddress)
  const certificate = certificateOf(socket)
  return Object.freeze({
    secure: 'encrypted' in socket,
    ...(address !== undefined && { address }),
    ...(host !== undefined && isHost(host) && { host }),
    ...(certificate !== undefined && { certificate }),
  })
}
