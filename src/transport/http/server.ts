// The server over HTTP, for `serve`. Its work is in http-server.ts.
import type { ServerBinding } from '../../contract/index.js'
import { HttpServer } from './http-server.js'
import { type HttpServerOptions, settingsOf } from './server-options.js'

/**
 * A server of contracts over HTTP, for `serve`. Throws `RangeError` for limits that make no sense.
 */
export function server(options: HttpServerOptions): ServerBinding {
  const settings = settingsOf(options)
  return { name: 'http', listen: (services, runtime) => new HttpServer(services, runtime, settings).listen() }
}
