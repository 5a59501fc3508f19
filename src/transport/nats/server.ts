// The server over NATS, for `serve`: on a connection that is the user's own, and stays open when the server stops.
import type { ServerBinding } from '../../contract/index.js'
import type { NatsConnection } from './connection.js'
import { lineOf } from './line.js'
import { NatsServer } from './nats-server.js'
import { type NatsServerOptions, settingsOf } from './server-options.js'

/**
 * A server of contracts on a NATS connection, for `serve`. A method is the subject `<service>.<method>`. When the server stops it
 * leaves the connection open: give that to `serve` as a resource. Throws `RangeError` for limits that make no sense, `TypeError` for
 * a queue that is no name.
 */
export function server(connection: NatsConnection, options: NatsServerOptions = {}): ServerBinding {
  const { inboxPrefix = '_INBOX' } = options
  const settings = settingsOf(options)
  const line = lineOf(connection, inboxPrefix)
  return {
    name: 'nats',
    listen: (services, runtime) => new NatsServer(line, services, runtime, settings).listen(),
  }
}
