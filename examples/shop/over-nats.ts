// The same services over NATS, beside HTTP: where NATS_URL names a broker.
import { connect } from 'nats'
import type { ServerBinding } from 'tenon'
import { resource } from 'tenon/lifecycle'
import * as nats from 'tenon/transport/nats'

/** A server for `serve`, and the connection that it is on, to be closed after it. Rejects where there is no broker. */
export async function overNats(
  url: string,
): Promise<{ readonly server: ServerBinding; readonly connection: AsyncDisposable }> {
  const connection = await connect({ servers: url, name: 'shop', ...nats.connectionDefaults })
  const micro = { version: '1.0.0', description: 'an example' }
  return {
    server: nats.server(connection, { micro }),
    connection: resource('NATS connection', () => connection.drain()),
  }
}
