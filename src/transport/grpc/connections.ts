// The sockets of a server, which we accept ourselves and hand to grpc-js: it can neither limit them, nor close those that hang, nor say
// whose certificate came over which.
import { createServer, type Server, type Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { OnDefect, Peer } from '../../core/index.js'
import { isHost, plainAddress } from '../address.js'
import type { Identity } from '../identity.js'
import { certificateOf } from '../peer-certificate.js'

/** What becomes of sockets. */
export interface ConnectionsInit {
  readonly maxConnections: number
  readonly identity: Identity | undefined
  readonly onDefect: OnDefect
  /** One is ready for HTTP/2. */
  connected(socket: Socket): void
}

/** What a call knows of its connection. */
export interface ConnectionInfo {
  readonly remoteAddress?: string | undefined
  readonly remotePort?: number | undefined
}

/** How long a connection is silent before TCP asks whether its peer still exists, in ms. */
const tcpKeepAliveMs = 60_000

/** The connections of one server. */
export class Connections {
  /** Listens. */
  readonly server: Server
  readonly #identity: Identity | undefined
  readonly #open: Map<string, Socket> = new Map()
  /** Whose handshake goes on. */
  readonly #raw: Set<Socket> = new Set()

  constructor({ maxConnections, identity, onDefect, connected }: ConnectionsInit) {
    this.#identity = identity
    const options = { noDelay: true, keepAlive: true, keepAliveInitialDelay: tcpKeepAliveMs }
    const ready = (socket: Socket): void => {
      const key = keyOf(socket)
      this.#open.set(key, socket)
      socket.once('close', () => this.#open.delete(key))
      socket.on('error', () => {}) // its `close` says all there is to know
      connected(socket)
    }
    if (identity === undefined) this.server = createServer(options, ready)
    else {
      const tls = process.getBuiltinModule('node:tls')
      const server = tls.createServer({ ...options, ...identity.options(onDefect), ALPNProtocols: ['h2'] })
      identity.follow(server)
      server.on('secureConnection', (socket: TLSSocket) => {
        if (identity.accepts(socket)) ready(socket)
        else socket.destroy()
      })
      server.on('tlsClientError', (_, socket) => socket.destroy())
      this.server = server
    }
    this.server.maxConnections = maxConnections
    this.server.on('connection', socket => {
      this.#raw.add(socket)
      socket.once('close', () => this.#raw.delete(socket))
    })
  }

  /** Who is at the other end of a call's connection. `host` is what the caller asked for. */
  peerOf({ remoteAddress, remotePort }: ConnectionInfo, host: string): Peer {
    const address = plainAddress(remoteAddress)
    const socket = this.#open.get(`${remoteAddress} ${remotePort}`)
    const certificate = socket === undefined ? undefined : certificateOf(socket)
    return {
      secure: this.#identity !== undefined,
      ...(address !== undefined && { address }),
      ...(isHost(host) && { host }),
      ...(certificate !== undefined && { certificate }),
    }
  }

  /** Closes all, at once. */
  destroy(): void {
    for (const socket of this.#open.values()) socket.destroy()
    for (const socket of this.#raw) socket.destroy()
  }
}

function keyOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}
