// One remote endpoint over NATS with its own encode and decode, as Go kit's nats.NewPublisher: for services that know nothing of Tenon.
// Go kit's sends no headers, so that no trace, token or deadline gets across; this one does.
import { plainFailureFromWire } from '../../contract/index.js'
import { fromThrown, observe } from '../../core/call-error.js'
import {
  type Awaitable,
  CallError,
  type Context,
  type DomainFailure,
  type Endpoint,
  type Failure,
  fromRemote,
  left,
  type Metadata,
  type MethodInfo,
  type Outcome,
  right,
} from '../../core/index.js'
import { addMetadata, noMetadata } from '../../core/metadata.js'
import { bodyOf, emptyBody, textIn } from './body.js'
import type { NatsConnection, NatsMessage } from './connection.js'
import { readFailure } from './failure-message.js'
import { receivedMetadata, requestHeaders } from './headers.js'
import { type NatsClientOptions, Remote } from './remote.js'
import { checkedSubject } from './subject.js'
import { unaryCall } from './unary-call.js'

/** What a {@link ClientCodec} sends. */
export interface EndpointRequest {
  /** Beside what the call itself sends. @defaultValue none */
  readonly headers?: Readonly<Record<string, string>>
  /** @defaultValue empty */
  readonly body?: string | Uint8Array
}

/** An answer as a {@link ClientCodec} reads it. */
export interface EndpointResponse {
  /** By lower-case name. */
  readonly headers: Metadata
  readonly bytes: Uint8Array
  /** Who answered, for failures. */
  readonly peer: string
  /** The body as text. Throws a `CallError`: `MALFORMED_BODY`. */
  text(): string
}

/** Between an endpoint's own types and NATS. */
export interface ClientCodec<Req, Res, E = never> {
  /** Throw a `CallError` for a request that cannot be sent; anything else thrown is a defect. */
  encode(request: Req, context: Context): Awaitable<EndpointRequest>
  /** Throw a `CallError`, of a domain failure too, where the answer is a failure; anything else thrown is a defect. */
  decode(response: EndpointResponse): Awaitable<Res>
  /** Only for its type. */
  readonly failures?: E
}

/** What the finalizer of a call is told. */
export interface Called {
  readonly outcome: Outcome
  /** The failure in it, if any. */
  readonly failure: Failure | DomainFailure | undefined
  /** Bytes of the request's body. */
  readonly requestBytes: number
  /** From the call's beginning to its answer, in ms. */
  readonly durationMs: number
}

/** Options of {@link endpoint}. */
export interface EndpointOptions extends Pick<NatsClientOptions, 'maxCalls' | 'inboxPrefix'> {
  /** What the endpoint is, for retries, caches, logs. @defaultValue unknown, so unsafe */
  readonly method?: MethodInfo
  /** Run in turn on what is about to be sent; each may change it. */
  readonly before?: readonly ((request: EndpointRequest, context: Context) => EndpointRequest)[]
  /** Told of each answer, before it is decoded. */
  readonly after?: (response: EndpointResponse, context: Context) => void
  /** Told of each failure. */
  readonly onFailure?: (failure: unknown) => void
  /** Told once for each call, when it is over. */
  readonly finalizer?: (called: Called) => void
}

/** Where an {@link endpoint} is. */
export interface NatsTarget {
  readonly connection: NatsConnection
  readonly subject: string
}

/** An endpoint that calls over NATS. */
export type NatsEndpoint<Req, Res, E> = Endpoint<Req, Res, E> & {
  /** Lets go of its inbox, when its calls have ended. Calls after it fail with `CLIENT_CLOSED`. */
  close(): Promise<void>
}

/**
 * An endpoint that calls one subject. Use {@link decodeSuccess} in `decode` for services that answer failures with NATS's own headers. Throws
 * `RangeError` for limits that make no sense, `TypeError` for a subject that is none.
 */
export function endpoint<Req, Res, E = never>(
  { connection, subject }: NatsTarget,
  codec: ClientCodec<Req, Res, E>,
  options: EndpointOptions = {},
): NatsEndpoint<Req, Res, E> {
  checkedSubject(subject)
  const remote = new Remote(connection, options)
  const calling: Calling = { remote, subject, codec: codec as Calling['codec'], options } // called with what the types say
  const run = (request: Req, context: Context): Promise<never> => called(calling, request, context) as Promise<never> // as above
  const target = { transport: 'nats', peer: remote.peer }
  return Object.assign(fromRemote<Req, Res, E>(target, run, options.method), { close: () => remote.close() })
}

interface Calling {
  readonly remote: Remote
  readonly subject: string
  readonly codec: ClientCodec<unknown, unknown, unknown>
  readonly options: EndpointOptions
}

async function called(calling: Calling, request: unknown, context: Context): Promise<Outcome> {
  const { onFailure, finalizer } = calling.options
  const startedAt = context.clock.now()
  const sent = { bytes: 0 }
  const tell = (outcome: Outcome): void => {
    const failure = outcome._tag === 'Left' ? outcome.left : undefined
    if (failure !== undefined && onFailure !== undefined) observe(onFailure, failure)
    const durationMs = context.clock.now() - startedAt
    if (finalizer !== undefined) observe(finalizer, { outcome, failure, requestBytes: sent.bytes, durationMs })
  }
  try {
    const outcome = await send(calling, request, context, sent)
    tell(outcome)
    return outcome
  } catch (thrown) {
    tell(fromThrown(thrown, () => {})) // who runs the call reports it
    throw thrown
  }
}

async function send(calling: Calling, request: unknown, context: Context, sent: { bytes: number }): Promise<Outcome> {
  const { remote, subject, codec, options } = calling
  const refusal = remote.refusal()
  if (refusal !== undefined) return left(refusal)
  const encoded = await codec.encode(request, context)
  const { headers = {}, body = emptyBody } = (options.before ?? []).reduce(
    (given, hook) => hook(given, context),
    encoded,
  )
  addMetadata(noMetadata, headers) // throws for what would break the message
  const bytes = typeof body === 'string' ? bodyOf(body) : body
  sent.bytes = bytes.length
  let answer: EndpointResponse | undefined
  const read = (message: NatsMessage): Outcome => {
    answer = responseIn(message, remote.peer)
    return right(undefined)
  }
  const reading = { subject, canBeGivenUp: true, read }
  const own = requestHeaders(context, Object.entries(headers))
  const outcome = await unaryCall(remote, reading, context, { body: bytes, headers: own })
  if (answer === undefined) return outcome
  if (options.after !== undefined) observe(options.after, answer, context)
  return right(await codec.decode(answer))
}

function responseIn({ data, headers }: NatsMessage, peer: string): EndpointResponse {
  const metadata = receivedMetadata(headers, Number.POSITIVE_INFINITY) ?? noMetadata
  return { headers: metadata, bytes: data, peer, text: () => textIn(data) }
}

/**
 * The answer, where it is no failure by NATS's own headers. Throws a `CallError` otherwise: with the failure that a service on Tenon put into
 * its problem details, or with the code of the status and `UNEXPECTED_RESPONSE` where there are none.
 */
export function decodeSuccess(response: EndpointResponse): EndpointResponse {
  const { bytes, headers, peer } = response
  const read = readFailure(bytes, headers, peer)
  if (read === undefined) return response
  throw new CallError('_tag' in read ? read : plainFailureFromWire(read, peer))
}
