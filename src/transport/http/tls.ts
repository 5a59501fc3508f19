// Connections of the server that are secured: who it says it is, to whom, and what becomes of handshakes that fail or never end.
import type { RequestListener, Server } from 'node:http'
import type { Server as HttpsServer, ServerOptions } from 'node:https'
import type { Socket } from 'node:net'
import type { SecureContext, TLSSocket } from 'node:tls'
import type { OnDefect } from '../../core/index.js'
import { refuse } from './client-error.js'
import { rememberCertificate } from './peer-certificate.js'
import { contextOptions, secureContext, type TlsIdentity, type TlsSettings } from './tls-options.js'

/** Who wants to know of a server's connections. */
interface Secured {
  readonly handshakes: Handshakes
  readonly connected: (socket: Socket) => void
  readonly onDefect: OnDefect
}

/** The identity of a binding's servers, which may change while they run. */
export class Identity {
  readonly settings: TlsSettings
  #current: TlsIdentity
  readonly #servers: Set<HttpsServer> = new Set()

  constructor(settings: TlsSettings) {
    this.settings = settings
    this.#current = settings.identity
  }

  /** A server that tells of connections once they are secure. */
  server(options: ServerOptions, serve: RequestListener, { handshakes, connected, onDefect }: Secured): Server {
    // 14 ms that most servers need not wait for.
    const { createServer } = process.getBuiltinModule('node:https')
    const server = createServer({ ...options, ...this.#options(onDefect) }, serve)
    this.#servers.add(server)
    server.once('close', () => this.#servers.delete(server))
    server.on('connection', (socket: Socket) => handshakes.begin(socket))
    server.on('secureConnection', socket => {
      if (handshakes.done(socket, this.settings)) connected(socket)
      else socket.destroy()
    })
    return server as Server // all that is used of one is the same
  }

  #options(onDefect: OnDefect): ServerOptions {
    const { clientCertificate, handshakeTimeoutMs, sni } = this.settings
    return {
      ...contextOptions(this.settings, this.#current),
      handshakeTimeout: handshakeTimeoutMs,
      requestCert: clientCertificate !== undefined,
      rejectUnauthorized: clientCertificate === 'required',
      ...(sni !== undefined && { SNICallback: this.#named(sni, onDefect) }),
    }
  }

  #named(sni: NonNullable<TlsSettings['sni']>, onDefect: OnDefect): NonNullable<ServerOptions['SNICallback']> {
    const prepared = new WeakMap<TlsIdentity, SecureContext>()
    const contextFor = async (name: string): Promise<SecureContext | undefined> => {
      const identity = await sni(name.toLowerCase())
      if (identity === undefined) return undefined
      const context = prepared.get(identity) ?? secureContext(this.settings, identity)
      prepared.set(identity, context)
      return context
    }
    // Whatever is thrown in here ends the process (CVE-2026-21637), so nothing is.
    return (name, done) => {
      contextFor(name).then(
        context => done(null, context),
        (thrown: unknown) => {
          onDefect(thrown)
          done(new Error(`there is no certificate for ${JSON.stringify(name.slice(0, 100))}`))
        },
      )
    }
  }

  /** For connections that open from now on. Throws `TypeError`, and changes nothing, for a key and a certificate that do not fit. */
  renew(identity: TlsIdentity): void {
    secureContext(this.settings, identity)
    this.#current = { key: identity.key, cert: identity.cert }
    for (const server of this.#servers) server.setSecureContext(contextOptions(this.settings, this.#current))
  }
}

/** The `renewTls` of a binding. */
export function renewal(identity: Identity | undefined): (renewed: TlsIdentity) => void {
  return renewed => {
    if (identity === undefined) throw new TypeError('http: a server without tls has no certificate to renew')
    identity.renew(renewed)
  }
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

  /** Whether the connection may be used: an optional certificate that is not verified is not just ignored. */
  done(socket: TLSSocket, { clientCertificate }: TlsSettings): boolean {
    this.#open.delete(keyOf(socket))
    return clientCertificate === undefined || rememberCertificate(socket)
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
