// The server over gRPC, for `serve`. Its work is in grpc-server.ts.
import type { ServerBinding } from '../../contract/index.js'
import { renewal } from '../identity.js'
import type { TlsIdentity } from '../tls-options.js'
import { GrpcServer } from './grpc-server.js'
import { type GrpcServerOptions, settingsOf } from './server-options.js'

/** A server over gRPC, for `serve`. */
export interface GrpcServerBinding extends ServerBinding {
  /**
   * Changes key and certificate while it runs: connections that open from now on get these, those that are open stay as they are.
   * Throws `TypeError`, and changes nothing, for a key and a certificate that do not belong together, and without `tls`.
   */
  renewTls(identity: TlsIdentity): void
}

/**
 * A server of contracts over gRPC, for `serve`. Throws `RangeError` for limits that make no sense, `TypeError` for TLS that cannot
 * work; listening rejects with `TypeError` for a contract that has no place in a .proto.
 */
export function server(options: GrpcServerOptions): GrpcServerBinding {
  const settings = settingsOf(options)
  return {
    name: 'grpc',
    listen: async (services, runtime) => new GrpcServer(services, runtime, settings).listen(),
    renewTls: renewal(settings.identity, 'grpc'),
  }
}
