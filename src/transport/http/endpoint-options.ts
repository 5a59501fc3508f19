// Between one endpoint's own types and HTTP, for `endpoint`: the codec, and hooks as in Go kit.
import type { Awaitable, Context, DomainFailure, Failure, MethodInfo, Outcome } from '../../core/index.js'
import type { HttpClientOptions } from './client.js'
import type { HttpHeaders } from './message.js'

/** A request that a {@link ClientCodec} made. */
export interface EndpointRequest {
  /** @defaultValue 'POST' */
  readonly method?: string
  /** Path and query; after the target's own path. @defaultValue '' */
  readonly path?: string
  /** By name. @defaultValue none */
  readonly headers?: Readonly<Record<string, string>>
  /**
   * Allowed with any method, GET included. An iterable is sent as it comes, as fast as the server takes it, and once: it is
   * closed when the call ends before it. Where it throws, the call fails with that. @defaultValue none
   */
  readonly body?: string | Uint8Array | AsyncIterable<Uint8Array>
}

/** A request to a URL of its own, for `explicitEndpoint`. */
export interface ExplicitRequest extends Omit<EndpointRequest, 'path'> {
  /** The whole URL, `http:` or `https:`, without credentials; a fragment is not sent. */
  readonly url: string
}

/** A response as a {@link ClientCodec} reads it. */
export interface EndpointResponse {
  readonly status: number
  /** By lower-case name. */
  readonly headers: HttpHeaders
  readonly text: string
  /** Who sent it: `127.0.0.1:8080`. */
  readonly peer: string
  /** The value of its JSON, whatever its content type. Throws `CallError` `internal`/`INVALID_RESPONSE` where it is none. */
  json(): unknown
}

/** A response whose body is on its way. */
export interface StreamedResponse {
  readonly status: number
  /** By lower-case name. */
  readonly headers: HttpHeaders
  /**
   * The bytes as they come, not unpacked; the server waits while nobody reads. Throws a `CallError`: `STREAM_BROKEN`, or
   * `RESPONSE_TOO_LARGE` above `maxStreamBytes`. Leaving it closes the connection.
   */
  readonly body: AsyncIterableIterator<Uint8Array>
}

/** Between an endpoint's own types and HTTP. `Sent` is what {@link encode} makes. */
export interface ClientCodec<Req, Res, E = never, Sent = EndpointRequest> {
  /** Throw a `CallError` for a request that cannot be sent; anything else thrown is a defect. */
  encode(request: Req, context: Context): Awaitable<Sent>
  /** Throw a `CallError`, of a domain failure too, where the response is a failure; anything else thrown is a defect. */
  decode(response: EndpointResponse): Awaitable<Res>
  /**
   * Where it is given, responses with a status below 300 come here as soon as their headers are there, and `decode` gets the
   * others only. Give the body, or an iterable made of it: the call lasts, with deadline and cancellation, until that has ended.
   * @defaultValue all responses are read whole
   */
  open?(response: StreamedResponse): Res
  /** Only for its type. */
  readonly failures?: E
}

/** What the finalizer of a call is told. */
export interface Called {
  /** What came of it; of a stream, how it ended: `Left` where it failed or was left. */
  readonly outcome: Outcome
  /** The failure in it, if any. */
  readonly failure: Failure | DomainFailure | undefined
  /** Undefined where no response came. */
  readonly status: number | undefined
  /** By lower-case name; none where no response came. */
  readonly headers: HttpHeaders
  /** Bytes of the request's body: those that were sent of one that comes as a stream. */
  readonly requestBytes: number
  /** Bytes of the response's body that came. */
  readonly bytes: number
  /** From the call's beginning to the end of its response, in ms. */
  readonly durationMs: number
}

/** Options of `endpoint`. */
export interface EndpointOptions<Sent = EndpointRequest> extends HttpClientOptions {
  /** What the endpoint is, for retries, caches, logs. @defaultValue unknown, so unsafe */
  readonly method?: MethodInfo
  /** Run in turn on what is about to be sent; each may change it. */
  readonly before?: readonly ((request: Sent, context: Context) => Sent)[]
  /** Told of each response, before it is decoded; `text` is empty where the body is still on its way. */
  readonly after?: (response: EndpointResponse, context: Context) => void
  /** Told of each failure. */
  readonly onFailure?: (failure: unknown) => void
  /** Told once for each call, when it is over: after the body of a response that comes as a stream. */
  readonly finalizer?: (called: Called) => void
  /** The most bytes of a response that comes as a stream. @defaultValue 1 GiB */
  readonly maxStreamBytes?: number
}

/** Options of `explicitEndpoint`. */
export interface ExplicitOptions extends EndpointOptions<ExplicitRequest> {
  /**
   * The most servers whose connections are kept; a further one takes the place of the one that was longest not called. Where all
   * have calls going on, calls to further ones fail with `TOO_MANY_CALLS`, `ran: 'no'`. @defaultValue 32
   */
  readonly maxOrigins?: number
}
