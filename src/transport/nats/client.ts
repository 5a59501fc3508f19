// The client over NATS, for `connect`: requests to a service's subjects, answers to one inbox for the whole connection.
import type { ClientBinding, RemoteCall } from '../../contract/index.js'
import { failed } from '../../core/index.js'
import type { NatsConnection } from './connection.js'
import { limit } from './limit.js'
import { lineOf } from './line.js'
import type { Remote } from './remote.js'
import { StreamCall } from './stream-call.js'
import { UnaryCall } from './unary-call.js'

/** Options of {@link client}. */
export interface NatsClientOptions {
  /** The most calls going on at once; above, calls fail with `TOO_MANY_CALLS`, `ran: 'no'`. @defaultValue 1024 */
  readonly maxCalls?: number
  /** The most of one stream that is on its way or waits here to be read, in bytes; the sender waits. @defaultValue 256 KiB */
  readonly windowBytes?: number
  /**
   * How often a stream gives a sign of life, in ms; one of which nothing is heard three times as long is `STREAM_BROKEN`. At most a
   * server's, if that was changed. @defaultValue 5 000
   */
  readonly heartbeatMs?: number
  /** What inboxes begin with, as on the connection: a user may be allowed no other. @defaultValue '_INBOX' */
  readonly inboxPrefix?: string
}

/**
 * A client of the services on a NATS connection, for `connect`. A method is the subject `<service>.<method>`. Calls fail with
 * `NO_RESPONDERS` (`ran: 'no'`) where nobody serves it, with `CONNECTION_FAILED` (`ran: 'no'`) while the connection is down, and with
 * `CONNECTION_LOST` where it breaks before the answer. Closing it ends no call, and leaves the connection open. Throws `RangeError` for
 * limits that make no sense.
 */
export function client(connection: NatsConnection, options: NatsClientOptions = {}): ClientBinding {
  const { inboxPrefix = '_INBOX' } = options
  const maxCalls = limit('maxCalls', options.maxCalls ?? 1024)
  const windowBytes = limit('windowBytes', options.windowBytes ?? 256 << 10, 1024)
  const heartbeatMs = limit('heartbeatMs', options.heartbeatMs ?? 5000)
  const line = lineOf(connection, inboxPrefix)
  const remote: Remote = {
    line,
    peer: line.server,
    maxCalls,
    windowBytes,
    heartbeatMs,
    calls: 0,
    onIdle: undefined,
  }
  let unuse: (() => void) | undefined
  let closing: Promise<void> | undefined
  const close = (): Promise<void> => {
    closing ??= new Promise<void>(resolve => {
      if (remote.calls === 0) resolve()
      else remote.onIdle = resolve
    }).then(() => unuse?.())
    return closing
  }
  return {
    name: 'nats',
    peer: remote.peer,
    method: spec => {
      const subject = `${spec.info.service}.${spec.info.name}`
      const call: RemoteCall = (request, context) => {
        if (closing !== undefined)
          return failed('unavailable', 'CLIENT_CLOSED', `the client of ${remote.peer} is closed`, { ran: 'no' })
        if (remote.calls >= maxCalls)
          return failed('resource_exhausted', 'TOO_MANY_CALLS', `${maxCalls} calls are going on`, { ran: 'no' })
        try {
          unuse ??= line.use()
        } catch (cause) {
          return failed('unavailable', 'CONNECTION_FAILED', `the connection to ${remote.peer} is closed`, {
            ran: 'no',
            cause,
          })
        }
        const Call = spec.info.kind === 'unary' ? UnaryCall : StreamCall
        return new Call(remote, spec, context).run(subject, request)
      }
      return call
    },
    close,
  }
}
