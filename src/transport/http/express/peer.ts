// Who calls, as the app has it: whom it trusts to speak for others is its setting `trust proxy`.
import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import type { Request } from 'express'
import type { Peer } from '../../../core/index.js'
import { isHost, plainAddress } from '../../address.js'
import { directPeer } from '../peer.js'

/** Who calls. What a trusted proxy says counts only as far as it is an address, and a host. */
export function peerOf(message: IncomingMessage): Peer {
  const direct = directPeer(message)
  const { ip, secure, host }: Partial<Request> = message as Request // or as whoever calls us without Express has it
  if (secure === undefined) return direct
  const address = plainAddress(ip)
  // The certificate of a proxy's connection is the proxy's.
  const { certificate, ...claimed } = { ...direct, secure }
  const named = typeof host === 'string' && isHost(host) ? { ...claimed, host } : claimed
  if (address === direct.address) return certificate === undefined ? named : { ...named, certificate }
  const { address: _, ...nobody } = named
  return address !== undefined && isIP(address) > 0 ? { ...nobody, address } : nobody
}
