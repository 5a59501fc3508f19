// One remote endpoint over HTTP with its own encode and decode, as in Go kit's http.NewClient: for servers that know nothing of
// Tenon.
import { fromThrown, observe } from '../../core/call-error.js'
import {
  type Awaitable,
  CallError,
  type Context,
  type Endpoint,
  type Failure,
  failureOf,
  fromRemote,
  left,
  type MethodInfo,
  type Outcome,
  right,
} from '../../core/index.js'
import { type HttpClientOptions, openRemote } from './client.js'
import type { HttpHeaders } from './message.js'
import { responseFailure } from './response-failure.js'
import { roundTrip } from './round-trip.js'
import type { SentRequest } from './sender.js'
import { sentHeaders, withOwnHeaders } from './sent-headers.js'

/** A request that a {@link ClientCodec} made. */
export interface EndpointRequest {
  /** @defaultValue 'POST' */
  readonly method?: string
  /** Path and query; after the target's own path. @defaultValue '' */
  readonly path?: string
  /** By name. @defaultValue none */
  readonly headers?: Readonly<Record<string, string>>
  /** Allowed with any method, GET included. @defaultValue none */
  readonly body?: string
}

/** A response as a {@link ClientCodec} reads it. */
export interface EndpointResponse {
  readonly status: number
  /** By lower-case name. */
  readonly headers: HttpHeaders
  readonly text: string
}

/** Between an endpoint's own types and HTTP. */
export interface ClientCodec<Req, Res, E = never> {
  /** Throw a `CallError` for a request that cannot be sent; anything else thrown is a defect. */
  encode(request: Req, context: Context): EndpointRequest
  /** Throw a `CallError`, of a domain failure too, where the response is a failure; anything else thrown is a defect. */
  decode(response: EndpointResponse): Awaitable<Res>
  /** Only for its type. */
  readonly failures?: E
}

/** Options of {@link endpoint}. */
export interface EndpointOptions extends HttpClientOptions {
  /** What the endpoint is, for retries, caches, logs. @defaultValue unknown, so unsafe */
  readonly method?: MethodInfo
  /** Run in turn on what is about to be sent; each may change it. */
  readonly before?: readonly ((request: EndpointRequest, context: Context) => EndpointRequest)[]
  /** Told of each response, before it is decoded. */
  readonly after?: (response: EndpointResponse) => void
  /** Told of each failure. */
  readonly onFailure?: (failure: unknown) => void
  /** Told when a call is over. */
  readonly finalizer?: (outcome: Outcome) => void
}

/** An endpoint that calls `target`, and what closes its connections. */
export type HttpEndpoint<Req, Res, E> = Endpoint<Req, Res, E> & {
  /** Lets go of its connections, each when its call has ended. Calls after it fail with `CLIENT_CLOSED`. */
  close(): Promise<void>
}

/**
 * An endpoint that calls one URL. Without a `decode` of another mind, use {@link decodeSuccess} first: it turns statuses from
 * 400 into failures.
 */
export function endpoint<Req, Res, E = never>(
  target: string,
  codec: ClientCodec<Req, Res, E>,
  options: EndpointOptions = {},
): HttpEndpoint<Req, Res, E> {
  const { remote, prefix, close } = openRemote(target, options)
  const call = async (request: Req, context: Context): Promise<Outcome> => {
    const hooks = options.before ?? []
    const made = hooks.reduce((given, hook) => hook(given, context), codec.encode(request, context))
    const headers = sentHeaders(context)
    if (remote.acceptEncoding !== undefined) headers.push('accept-encoding', remote.acceptEncoding)
    const sent = sendable(made, prefix, headers)
    let status = 0
    let received: HttpHeaders = {}
    const onWhole = async (text: string): Promise<Outcome> => {
      const response = { status, headers: received, text }
      if (options.after !== undefined) observe(options.after, response)
      return right(await codec.decode(response))
    }
    return roundTrip(remote, sent, context, {
      onHead(code, given) {
        status = code
        received = given
        return false
      },
      onWhole,
      onStream: () => left(failureOf('internal', 'DEFECT', 'a response that was not asked for as a stream')),
    })
  }
  const tell = (outcome: Outcome): void => {
    if (outcome._tag === 'Left' && options.onFailure !== undefined) observe(options.onFailure, outcome.left)
    if (options.finalizer !== undefined) observe(options.finalizer, outcome)
  }
  const made = fromRemote<Req, Res, E>(
    `http ${remote.peer}`,
    async (request, context) => {
      let outcome: Outcome
      try {
        outcome = await call(request, context)
      } catch (thrown) {
        tell(fromThrown(thrown, () => {})) // who runs the call reports it
        throw thrown
      }
      tell(outcome)
      return outcome as Awaited<ReturnType<ReturnType<ReturnType<Endpoint<Req, Res, E>>>>> // what the codec's types say
    },
    options.method,
  )
  return Object.assign(made, { close })
}

/** Throws `CallError` `invalid_argument`, `ran: 'no'`, for a request that cannot be sent. */
function sendable(request: EndpointRequest, prefix: string, outgoing: readonly string[]): SentRequest {
  const { method = 'POST', path = '', headers = {}, body } = request
  if (!/^[A-Z][A-Z-]*$/.test(method) || method === 'CONNECT')
    throw unsendable('INVALID_REQUEST', `${JSON.stringify(method)} is no HTTP method to call with`)
  const target = prefix + path || '/'
  if (!/^\/[\x21\x22\x24-\x7e]*$/.test(target))
    throw unsendable(
      'INVALID_PATH',
      `the path ${JSON.stringify(target.slice(0, 100))} does not begin with '/' or is not encoded`,
    )
  return { method, path: target, headers: withOwnHeaders(outgoing, headers), body }
}

function unsendable(reason: string, message: string): CallError<never> {
  return new CallError<never>(failureOf('invalid_argument', reason, message, { ran: 'no' }))
}

/** The response, where it is no failure. Throws a `CallError` with the code of the status, reason `UNEXPECTED_RESPONSE`. */
export function decodeSuccess(response: EndpointResponse, peer = 'the server'): EndpointResponse {
  if (response.status < 400) return response
  throw new CallError(responseFailure({ ...response, isProblem: false }, peer) as Failure) // made here: no problem details
}
