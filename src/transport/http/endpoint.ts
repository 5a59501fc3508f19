// One remote endpoint over HTTP with its own encode and decode, as in Go kit's http.NewClient: for servers that know nothing of
// Tenon.
import { plainFailureFromWire } from '../../contract/index.js'
import { CallError, type Context, type Endpoint, fromRemote, type MethodInfo, type Remote } from '../../core/index.js'
import { openRemote } from './client.js'
import { type Calling, EndpointCall, unsendable } from './endpoint-call.js'
import type { ClientCodec, EndpointOptions, EndpointRequest, EndpointResponse } from './endpoint-options.js'
import { limit } from './limit.js'
import { mediaType } from './media-type.js'
import { problemType } from './problem.js'
import { responseFailure } from './response-failure.js'

/** An endpoint that calls over HTTP, and what closes its connections. */
export type HttpEndpoint<Req, Res, E> = Endpoint<Req, Res, E> & {
  /** Lets go of its connections, each when its call has ended. Calls after it fail with `CLIENT_CLOSED`. */
  close(): Promise<void>
}

/**
 * An endpoint that calls one URL. Without a `decode` of another mind, use {@link decodeSuccess} first: it turns statuses from
 * 400 into failures. Redirects are not followed. Throws `RangeError` for limits that make no sense, `TypeError` for a target that
 * is none.
 */
export function endpoint<Req, Res, E = never>(
  target: string,
  codec: ClientCodec<Req, Res, E>,
  options: EndpointOptions = {},
): HttpEndpoint<Req, Res, E> {
  const { remote, prefix, http, close } = openRemote(target, options)
  const calling: Calling<EndpointRequest> = {
    codec: codec as Calling<EndpointRequest>['codec'], // called with what `endpointOf`'s types say
    options,
    maxStreamBytes: limit('maxStreamBytes', options.maxStreamBytes ?? 1 << 30),
    placeOf: ({ path = '' }) => ({ remote, path: checkedPath(prefix + path || '/') }),
  }
  return endpointOf({ target: { transport: 'http', peer: remote.peer, http }, calling, method: options.method, close })
}

/** What makes an endpoint of its calls. */
export interface EndpointInit<Sent extends Omit<EndpointRequest, 'path'>> {
  readonly target: Remote
  readonly calling: Calling<Sent>
  readonly method: MethodInfo | undefined
  close(): Promise<void>
}

/** The endpoint whose calls are `init.calling`'s; its types are the codec's. */
export function endpointOf<Req, Res, E, Sent extends Omit<EndpointRequest, 'path'>>({
  target,
  calling,
  method,
  close,
}: EndpointInit<Sent>): HttpEndpoint<Req, Res, E> {
  const run = (request: Req, context: Context): Promise<never> =>
    new EndpointCall(calling, context).run(request) as Promise<never> // what the codec's types say
  return Object.assign(fromRemote<Req, Res, E>(target, run, method), { close })
}

/** Path and query, where they can be sent. Throws `CallError` `invalid_argument`/`INVALID_PATH`, `ran: 'no'`. */
export function checkedPath(path: string): string {
  if (/^\/[\x21\x22\x24-\x7e]*$/.test(path)) return path
  throw unsendable(
    'INVALID_PATH',
    `the path ${JSON.stringify(path.slice(0, 100))} does not begin with '/' or is not encoded`,
  )
}

/**
 * The response, where it is no failure: where its status is below 400. Throws a `CallError` otherwise: with the failure that a server on
 * Tenon put into its problem details, code, reason, message, details and all; with the code of the status and the reason
 * `UNEXPECTED_RESPONSE` where there are none. A domain failure, which nothing here declares, is `UNKNOWN_DOMAIN_FAILURE`.
 */
export function decodeSuccess(response: EndpointResponse): EndpointResponse {
  const { status, headers, text, peer } = response
  if (status < 400) return response
  const isProblem = mediaType(response) === problemType
  const read = responseFailure({ status, headers, text, isProblem }, peer)
  throw new CallError('_tag' in read ? read : plainFailureFromWire(read, peer))
}
