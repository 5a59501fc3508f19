// The client for browsers and edge runtimes, for `connect`: the same failures, deadlines and streams, sent with fetch.
import type { ClientBinding } from '../../../contract/index.js'
import { failed } from '../../../core/index.js'
import { lazily } from '../lazy.js'
import { limit } from '../limit.js'
import { remoteCall } from '../remote.js'
import type { Remote } from '../round-trip.js'
import { parseTarget } from '../target.js'
import { obstacleToStreams } from './request-streams.js'
import { type Fetch, fetchSender } from './sender.js'

/** Options of {@link client}. */
export interface FetchClientOptions {
  /** The most calls going on at once; above, calls fail with `TOO_MANY_CALLS`, `ran: 'no'`. @defaultValue 1024 */
  readonly maxCalls?: number
  /** The most bytes of a response; of a stream, of one item. @defaultValue 4 MiB */
  readonly maxResponseBytes?: number
  /** What sends. @defaultValue the platform's `fetch` */
  readonly fetch?: Fetch
}

/**
 * A client of the services at `target`, for `connect`. Most platforms' fetch does not tell a refused connection from a broken
 * one: where it does not, failed connections are `CONNECTION_LOST` with `ran: 'maybe'`. Redirects are not followed. Where the platform cannot send request
 * streams, methods that have one fail with `unimplemented`/`REQUEST_STREAM_UNSUPPORTED`, `ran: 'no'`. Throws `RangeError` for limits that make
 * no sense, `TypeError` for a target that is none.
 *
 * @param target - `https://api.example.com`, with or without a path before the methods' own
 */
export function client(target: string, options: FetchClientOptions = {}): ClientBinding {
  const url = parseTarget(target)
  const { fetch: send = (input, init) => fetch(input, init) } = options
  const maxCalls = limit('maxCalls', options.maxCalls ?? 1024)
  const maxResponseBytes = limit('maxResponseBytes', options.maxResponseBytes ?? 4 << 20)
  const made = fetchSender(url.origin, send)
  const sender = { ...lazily(async () => made), value: made }
  const remote: Remote = { peer: url.host, maxCalls, maxResponseBytes, calls: 0, closed: false, sender }
  const prefix = url.pathname.replace(/\/$/, '')
  return {
    name: 'http',
    peer: remote.peer,
    http: { url: url.origin + prefix },
    method(spec) {
      const obstacle = spec.request.streamed && options.fetch === undefined ? obstacleToStreams(url) : undefined
      if (obstacle === undefined) return remoteCall(spec, remote, prefix)
      return () => failed('unimplemented', 'REQUEST_STREAM_UNSUPPORTED', obstacle, { ran: 'no' })
    },
    async close() {
      remote.closed = true
    },
  }
}
