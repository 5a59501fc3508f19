// Between HTTP and one endpoint, for `handler`: the codec, and hooks as in Go kit.
import type { Awaitable, Clock, Context, DomainFailure, Failure, OnDefect, Peer } from '../../core/index.js'
import type { HttpHeaders } from './message.js'

/** A request as a {@link ServerCodec} reads it. */
export interface HandlerRequest {
  readonly method: string
  /** Path and query as sent. */
  readonly url: string
  /** By lower-case name. */
  readonly headers: HttpHeaders
  /** `HTTP/1.1` */
  readonly protocol: string
  /** Who opened the connection: a proxy, where there is one in front. The same as `context.peer`. */
  readonly peer: Peer
  /** Whether there is a body at all. Any method may have one, GET included. */
  readonly hasBody: boolean
  /** The whole body as text, unpacked; empty where there is none. Rejects with a `CallError`: `BODY_TOO_LARGE`, `MALFORMED_BODY`. */
  text(): Promise<string>
  /** The whole body as JSON of at most 64 levels. Rejects as {@link text} does, and with `MALFORMED_BODY` for what is none. */
  json(): Promise<unknown>
  /** The whole body, unpacked. Rejects as {@link text} does. */
  bytes(): Promise<Uint8Array>
  /**
   * The body as it arrives, not unpacked; the caller waits while nobody reads. Fails with `BODY_TOO_LARGE` above `maxBytes`, with
   * `CANCELLED` where the caller goes away. A body is read once: `TypeError` for a second time, or after {@link text}.
   */
  chunks(maxBytes: number): AsyncIterableIterator<Uint8Array>
}

/** What a {@link ServerCodec} answers with. */
export interface HandlerResponse {
  /** From 200 to 599. @defaultValue what the handler set as `context.reply.status`, else 200 */
  readonly status?: number
  /**
   * By name; a list for several of one name. They come over those of `context.reply`. Those that frame the message
   * (`content-length`, `connection`, …) are the server's own, and reported as a defect; so is what HTTP cannot carry.
   * @defaultValue none: say at least the content type
   */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  /**
   * An iterable is sent as it comes, as fast as the caller takes it. It is closed when the caller goes away or the deadline
   * passes; where it throws, the connection breaks, so that nobody takes a part for the whole. @defaultValue empty
   */
  readonly body?: string | Uint8Array | AsyncIterable<string | Uint8Array>
  /**
   * How many bytes an iterable has, where that is known: sent as `content-length`, after HEAD too. An iterable that has more or fewer
   * is broken off. @defaultValue not known: sent in chunks
   */
  readonly length?: number
  /** Asked when an iterable has ended: what is sent behind it, by name, where the caller's HTTP can carry it. @defaultValue none */
  readonly trailers?: () => Readonly<Record<string, string>>
}

/** Between HTTP and an endpoint's own types. `Q` is what requests are where there is more to them than HTTP. */
export interface ServerCodec<Req, Res, E = never, Q extends HandlerRequest = HandlerRequest> {
  /** Throw a `CallError` for a request that is wrong; anything else thrown is a defect. */
  decode(request: Q, context: Context): Awaitable<Req>
  /** What it throws is answered as a failure: a `CallError` as its own, anything else as a defect. */
  encode(response: Res, request: Q, context: Context): Awaitable<HandlerResponse>
  /** @defaultValue problem details (RFC 9457) with the status of the failure's code: see `problem` */
  encodeFailure?(failure: Failure | E, request: Q): HandlerResponse
}

/** What a finalizer is told. */
export interface Finished<Q extends HandlerRequest = HandlerRequest> {
  readonly request: Q
  readonly status: number
  /** What was sent, by lower-case name. */
  readonly headers: HttpHeaders
  /** Bytes of the response's body: those that were sent of one that came as a stream. */
  readonly bytes: number
  /** Bytes of the request's body that were read, counted unpacked unless it was read with `chunks`. */
  readonly requestBytes: number
  /** From the request's head to the response's end, in ms. */
  readonly durationMs: number
  /**
   * `sent`: the system has taken all of the response. `broken`: its body failed. `gone`: the caller went away before.
   */
  readonly outcome: 'sent' | 'broken' | 'gone'
  /** What was answered as a failure, or broke the body off. Undefined for a response. */
  readonly failure: Failure | DomainFailure | undefined
}

/** Options of `handler`. */
export interface HandlerOptions<Q extends HandlerRequest = HandlerRequest> {
  /**
   * Run in turn before the request is decoded, so that they refuse before anybody reads its body: each may give the context on,
   * extended, or throw a `CallError`.
   */
  readonly before?: readonly ((context: Context, request: Q) => Context)[]
  /** Run in turn when a response is encoded, a failure's too; each may change it. */
  readonly after?: readonly ((response: HandlerResponse, request: Q) => HandlerResponse)[]
  /** Told of each failure before it is encoded, of the codec's own too, and of what breaks a body off. */
  readonly onFailure?: (failure: unknown, request: Q) => void
  /** Told once for each request, when its response has gone or its caller has: after the body, however long that takes. */
  readonly finalizer?: (finished: Finished<Q>) => void
  /** The most bytes of a request body that is read whole, unpacked. @defaultValue 1 MiB */
  readonly maxBodyBytes?: number
  /**
   * The deadline of a call whose caller names none, and the longest it may name, in ms. It bounds the whole call, bodies
   * included: allow more where they stream. @defaultValue 30 000
   */
  readonly deadlineMs?: number
  /** @defaultValue systemClock */
  readonly clock?: Clock
  /** @defaultValue one report on stderr */
  readonly onDefect?: OnDefect
}

/** Options of a `handler` whose endpoint needs more of its context than every context has. */
export interface ProvidingOptions<P extends object> extends HandlerOptions {
  /**
   * Supplies what the endpoint needs: `requestInfo` for what HTTP says of the request. Runs before {@link before}; throw a
   * `CallError` to refuse.
   */
  readonly provide: (request: HandlerRequest) => P
}
