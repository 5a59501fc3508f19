// The client over NATS, for `connect`: requests to a service's subjects, answers to one inbox for the whole connection.
import type { ClientBinding } from '../../contract/index.js'
import { left } from '../../core/index.js'
import type { NatsConnection } from './connection.js'
import { type NatsClientOptions, Remote } from './remote.js'
import { remoteCall } from './remote-call.js'

/**
 * A client of the services on a NATS connection, for `connect`. A method is the subject `<service>.<method>`. Calls fail with
 * `NO_RESPONDERS` (`ran: 'no'`) where nobody serves it, with `CONNECTION_FAILED` (`ran: 'no'`) while the connection is down, and with
 * `CONNECTION_LOST` where it breaks before the answer. Closing it ends no call, and leaves the connection open. Throws `RangeError` for
 * limits that make no sense.
 */
export function client(connection: NatsConnection, options: NatsClientOptions = {}): ClientBinding {
  const remote = new Remote(connection, options)
  return {
    name: 'nats',
    peer: remote.peer,
    method(spec) {
      const send = remoteCall(remote, spec)
      return (request, context) => {
        const refusal = remote.refusal()
        return refusal === undefined ? send(request, context) : left(refusal)
      }
    },
    close: () => remote.close(),
  }
}
