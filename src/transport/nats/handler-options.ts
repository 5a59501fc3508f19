// Between NATS and one endpoint, for `handler`: the codec, and hooks as in Go kit.
import type { Awaitable, Clock, Context, DomainFailure, Failure, Metadata, OnDefect } from '../../core/index.js'
import type { NatsConnection } from './connection.js'

/** A request as a {@link ServerCodec} reads it. */
export interface HandlerRequest {
  readonly subject: string
  /** Where its answer goes; empty where none is expected. */
  readonly reply: string
  /** By lower-case name. */
  readonly headers: Metadata
  readonly bytes: Uint8Array
  /** The body as text. Throws a `CallError`: `MALFORMED_BODY`. */
  text(): string
  /** The body as JSON of at most 64 levels. Throws as {@link text}. */
  json(): unknown
}

/** What a {@link ServerCodec} answers with. */
export interface HandlerResponse {
  /** They come over those of `context.reply`. @defaultValue none */
  readonly headers?: Readonly<Record<string, string>>
  /** @defaultValue empty */
  readonly body?: string | Uint8Array
}

/** Between NATS and an endpoint's own types. */
export interface ServerCodec<Req, Res, E = never> {
  /** Throw a `CallError` for a request that is wrong; anything else thrown is a defect. */
  decode(request: HandlerRequest, context: Context): Awaitable<Req>
  /** What it throws is answered as a failure: a `CallError` as its own, anything else as a defect. */
  encode(response: Res, request: HandlerRequest, context: Context): Awaitable<HandlerResponse>
  /** @defaultValue problem details, with the headers by which NATS's service clients know a failure */
  encodeFailure?(failure: Failure | E, request: HandlerRequest): HandlerResponse
}

/** What a finalizer is told. */
export interface Finished {
  readonly request: HandlerRequest
  /** Bytes of the answer's body; 0 where none was sent. */
  readonly bytes: number
  /** From the request's arrival to its answer, in ms. */
  readonly durationMs: number
  /** What was answered as a failure. Undefined for a response. */
  readonly failure: Failure | DomainFailure | undefined
}

/** Options of `handler`. */
export interface HandlerOptions {
  /** Run in turn before the request is decoded: each may give the context on, extended, or throw a `CallError`. */
  readonly before?: readonly ((context: Context, request: HandlerRequest) => Context)[]
  /** Run in turn when a response is encoded, a failure's too; each may change it. */
  readonly after?: readonly ((response: HandlerResponse, request: HandlerRequest) => HandlerResponse)[]
  /** Told of each failure before it is encoded, of the codec's own too. */
  readonly onFailure?: (failure: unknown, request: HandlerRequest) => void
  /** Told once for each request, when it has been answered. */
  readonly finalizer?: (finished: Finished) => void
  /** The most calls going on at once; more are refused at once with `TOO_MANY_CALLS`, `ran: 'no'`. @defaultValue 1024 */
  readonly maxCalls?: number
  /** The most bytes of a request. @defaultValue 1 MiB */
  readonly maxBodyBytes?: number
  /** The deadline of a call whose caller names none, and the longest it may name, in ms. @defaultValue 30 000 */
  readonly deadlineMs?: number
  /**
   * The connection that the subscription is on. Where it is given, a call that its caller gives up before its deadline is aborted: callers on
   * Tenon are told where to say so, once their call has gone on for a while. @defaultValue none: such calls go on
   */
  readonly connection?: NatsConnection
  /** What inboxes begin with, as on that connection. @defaultValue '_INBOX' */
  readonly inboxPrefix?: string
  /** @defaultValue systemClock */
  readonly clock?: Clock
  /** @defaultValue one report on stderr */
  readonly onDefect?: OnDefect
}
