// The server over HTTP, for `serve`. Its work is in http-server.ts.
import type { ServerBinding } from '../../contract/index.js'
import { renewal } from '../identity.js'
import type { TlsIdentity } from '../tls-options.js'
import { HttpServer } from './http-server.js'
import { type HttpServerOptions, settingsOf } from './server-options.js'

/** A server over HTTP, for `serve`. */
export interface HttpServerBinding extends ServerBinding {
  /**
   * Changes key and certificate while it runs: connections that open from now on get these, those that are open stay as they are.
   * Throws `TypeError`, and changes nothing, for a key and a certificate that do not belong together, and without `tls`.
   */
  renewTls(identity: TlsIdentity): void
}

/**
 * A server of contracts over HTTP, for `serve`. Throws `RangeError` for limits that make no sense, `TypeError` for TLS that cannot
 * work.
 */
export function server(options: HttpServerOptions): HttpServerBinding {
  const settings = settingsOf(options)
  return {
    name: 'http',
    listen: (services, runtime) => new HttpServer(services, runtime, settings).listen(),
    renewTls: renewal(settings.identity, 'http'),
  }
}
