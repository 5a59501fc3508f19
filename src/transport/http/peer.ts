// Who calls, from what the socket knows; what a header claims counts only where a trusted proxy wrote it (trusted-proxies.ts).
import type { IncomingMessage } from 'node:http'
import type { Peer } from '../../core/index.js'
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

/** An address without its zone; an IPv4 one that came in IPv6 dress without that. */
export function plainAddress(address: string | undefined): string | undefined {
  const zone = address?.indexOf('%') ?? -1
  const bare = zone === -1 ? address : address?.slice(0, zone)
  return bare?.startsWith('::ffff:') === true && bare.includes('.') ? bare.slice('::ffff:'.length) : bare
}

/** Whether a text can name a host, with or without its port, so that it is safe to build URLs with. */
export function isHost(text: string): boolean {
  return /^(?:[a-z0-9](?:[a-z0-9._-]{0,252})|\[[0-9a-f:.]{2,45}\])(?::\d{1,5})?$/i.test(text)
}
