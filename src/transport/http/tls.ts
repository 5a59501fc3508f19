// Connections of the server that are secured, and what becomes of handshakes that fail or never end.
import type { RequestListener, Server } from 'node:http'
import type { ServerOptions } from 'node:https'
import type { Socket } from 'node:net'
import type { OnDefect } from '../../core/index.js'
import type { Identity } from '../identity.js'
import { refuse } from './client-error.js'

/** Who wants to know of a server's connections. */
interface Secured {
  readonly handshakes: Handshakes
  readonly connected: (socket: Socket) => void
  readonly onDefect: OnDefect
}

/** A server that tells of connections once they are secure. */
export function securedServer(
  identity: Identity,
  options: ServerOptions,
  serve: RequestListener,
  { handshakes, connected, onDefect }: Secured,
): Server {
  // 14 ms that most servers need not wait for.
  const { createServer } = process.getBuiltinModule('node:https')
  const server = createServer({ ...options, ...identity.options(onDefect) }, serve)
  identity.follow(server)
  server.on('connection', (socket: Socket) => handshakes.begin(socket))
  server.on('secureConnection', socket => {
    handshakes.done(socket)
    if (identity.accepts(socket)) connected(socket)
    else socket.destroy()
  })
  return server as Server // all that is used of one is the same
}

/** How long a connection is kept whose handshake failed, in ms, for its caller to hear of it. */
const lingerMs = 1_000

/** Connections on which no request can have come yet. */
export class Handshakes {
  /** By the caller's address and port: node tells of a failed handshake with another socket than of its beginning. */
  readonly #open: Map<string, Socket> = new Map()
  #isClosed = false

  begin(socket: Socket): void {
    if (this.#isClosed) {
      socket.destroy()
      return
    }
    const key = keyOf(socket)
    this.#open.set(key, socket)
    socket.on('close', () => {
      if (this.#open.get(key) === socket) this.#open.delete(key)
    })
  }

  done(socket: Socket): void {
    this.#open.delete(keyOf(socket))
  }

  /** Closes the connection of a handshake that failed; one that began with plain HTTP is told so, in plain HTTP. */
  failed(error: NodeJS.ErrnoException, socket: Socket): void {
    const plain = this.#open.get(keyOf(socket))
    socket.destroy()
    if (plain === undefined) return
    if (error.code === 'ERR_SSL_HTTP_REQUEST') refuse(error, plain)
    else closeLate(plain)
  }

  /** Closes those that are open, and those to come. */
  destroy(): void {
    this.#isClosed = true
    for (const socket of this.#open.values()) socket.destroy()
  }
}

/**
 * Closes a connection so that TLS's last word, why the handshake failed, arrives: with unread data in the socket, such as a first
 * request that came along, closing would reset the connection.
 */
function closeLate(socket: Socket): void {
  const timer = setTimeout(() => socket.destroy(), lingerMs)
  socket.once('close', () => clearTimeout(timer))
  socket.resume()
  socket.end()
}

function keyOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}
