// Between HTTP and one endpoint, for `handler`: the codec, and hooks as in Go kit.
import type { Awaitable, Context, Failure, OnDefect } from '../../core/index.js'
import type { HttpHeaders } from './message.js'

/** A request as a {@link ServerCodec} reads it. */
export interface HandlerRequest {
  readonly method: string
  /** Path and query as sent. */
  readonly url: string
  /** By lower-case name. */
  readonly headers: HttpHeaders
  /** The whole body as text; empty where there is none. Rejects with a `CallError`: `BODY_TOO_LARGE`, `MALFORMED_BODY`. */
  text(): Promise<string>
}

/** What a {@link ServerCodec} answers with. */
export interface HandlerResponse {
  /** From 200 to 599. @defaultValue 200 */
  readonly status?: number
  /**
   * By name. Those that frame the message (`content-length`, `connection`, …) are the server's own, and reported as a defect; so
   * is what HTTP cannot carry. @defaultValue none: say at least the content type
   */
  readonly headers?: Readonly<Record<string, string>>
  /** @defaultValue empty */
  readonly body?: string | Uint8Array
}

/** Between HTTP and an endpoint's own types. */
export interface ServerCodec<Req, Res, E = never> {
  /** Throw a `CallError` for a request that is wrong; anything else thrown is a defect. */
  decode(request: HandlerRequest): Awaitable<Req>
  /** What it throws is answered as a failure: a `CallError` as its own, anything else as a defect. */
  encode(response: Res, request: HandlerRequest): Awaitable<HandlerResponse>
  /** @defaultValue problem details (RFC 9457) with the status of the failure's code */
  encodeFailure?(failure: Failure | E, request: HandlerRequest): HandlerResponse
}

/** What a finalizer is told. */
export interface Finished {
  readonly status: number
  /** Bytes of the response's body. */
  readonly bytes: number
  readonly request: HandlerRequest
}

/** Options of `handler`. */
export interface HandlerOptions {
  /** Run in turn when the request is decoded; each may give the context on, extended, or throw a `CallError`. */
  readonly before?: readonly ((context: Context, request: HandlerRequest) => Context)[]
  /** Run in turn when a response is encoded; each may change it. */
  readonly after?: readonly ((response: HandlerResponse, request: HandlerRequest) => HandlerResponse)[]
  /** Told of each failure before it is encoded, of the codec's own too. */
  readonly onFailure?: (failure: unknown, request: HandlerRequest) => void
  /** Told when the response has been handed to the socket. */
  readonly finalizer?: (finished: Finished) => void
  /** The most bytes of a request body, unpacked. @defaultValue 1 MiB */
  readonly maxBodyBytes?: number
  /** The deadline of a call whose caller names none, and the longest it may name, in ms. @defaultValue 30 000 */
  readonly deadlineMs?: number
  /** @defaultValue one report on stderr */
  readonly onDefect?: OnDefect
}
