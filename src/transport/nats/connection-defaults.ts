// How a connection should behave that services are served and called on. The libraries' own defaults give up after ten attempts, some
// 20 s, and for good; wait 20 s for a machine that does not answer; and take four minutes to see that a broker hangs.

/** Options for `connect` of either library, of how a connection is kept. */
export interface ConnectionDefaults {
  /** -1: it never gives up. */
  readonly maxReconnectAttempts: number
  /** How long from one attempt to the next on the same server, in ms; the first is made at once. */
  readonly reconnectTimeWait: number
  /** At most so much is added to that by chance, in ms, so that not all come back at once. */
  readonly reconnectJitter: number
  /** The same with TLS, whose beginnings cost the server more. */
  readonly reconnectJitterTLS: number
  /** How long one attempt may take, in ms: a machine that does not answer may be another by now. */
  readonly timeout: number
  /** How often the server is asked whether it is there, in ms. */
  readonly pingInterval: number
  /** How many such questions may be open: with the next, the connection is lost. */
  readonly maxPingOut: number
}

/**
 * What to give to `connect` of either library, beside `servers` and credentials: reconnects for ever, and is back at most 2 s after its
 * server takes connections again, plus what connecting takes. A server that hangs is noticed within 20 s.
 * @example
 * ```ts no-run
 * import { connect } from '@nats-io/transport-node'
 * import { connectionDefaults } from 'tenon/transport/nats'
 *
 * const connection = await connect({ servers: '127.0.0.1:4222', ...connectionDefaults })
 * ```
 */
export const connectionDefaults: ConnectionDefaults = Object.freeze({
  maxReconnectAttempts: -1,
  reconnectTimeWait: 500,
  reconnectJitter: 500,
  reconnectJitterTLS: 1_000,
  timeout: 2_000,
  pingInterval: 5_000,
  maxPingOut: 2,
})
