// Who a server that speaks TLS says it is, to whom, and whose certificates it takes: for any transport whose connections are sockets.
import type { SecureContext, Server, TlsOptions as ServerTlsOptions, TLSSocket } from 'node:tls'
import type { OnDefect } from '../core/index.js'
import { rememberCertificate } from './peer-certificate.js'
import { contextOptions, secureContext, type TlsIdentity, type TlsSettings } from './tls-options.js'

/** The identity of a binding's servers, which may change while they run. */
export class Identity {
  readonly settings: TlsSettings
  #current: TlsIdentity
  readonly #servers: Set<Server> = new Set()

  constructor(settings: TlsSettings) {
    this.settings = settings
    this.#current = settings.identity
  }

  /** The options of a server of node:tls, or of one made of that. */
  options(onDefect: OnDefect): ServerTlsOptions {
    const { clientCertificate, handshakeTimeoutMs, sni } = this.settings
    return {
      ...contextOptions(this.settings, this.#current),
      handshakeTimeout: handshakeTimeoutMs,
      requestCert: clientCertificate !== undefined,
      rejectUnauthorized: clientCertificate === 'required',
      ...(sni !== undefined && { SNICallback: this.#named(sni, onDefect) }),
    }
  }

  /** Renews a server, too, that was made with {@link options}, until it closes. */
  follow(server: Server): void {
    this.#servers.add(server)
    server.once('close', () => this.#servers.delete(server))
  }

  /** Whether a connection may be used whose handshake is over: an optional certificate that is not verified is not just ignored. */
  accepts(socket: TLSSocket): boolean {
    return this.settings.clientCertificate === undefined || rememberCertificate(socket)
  }

  #named(sni: NonNullable<TlsSettings['sni']>, onDefect: OnDefect): NonNullable<ServerTlsOptions['SNICallback']> {
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

/** The `renewTls` of the binding of a transport. */
export function renewal(identity: Identity | undefined, transport: string): (renewed: TlsIdentity) => void {
  return renewed => {
    if (identity === undefined) throw new TypeError(`${transport}: a server without tls has no certificate to renew`)
    identity.renew(renewed)
  }
}
