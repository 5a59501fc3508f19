// One method of a server that knows nothing of Tenon, as an endpoint with its own encode and decode: Go kit's grpc.NewClient.
import type { MethodDefinition } from '@grpc/grpc-js'
import { fromThrown, observe } from '../../core/call-error.js'
import {
  type Awaitable,
  type Context,
  type DomainFailure,
  type Endpoint,
  type Failure,
  fromRemote,
  left,
  type MethodInfo,
  type Outcome,
  type Reply,
  right,
} from '../../core/index.js'
import { asBuffer } from './as-buffer.js'
import { type CalledMethod, ClientCall } from './client-call.js'
import { type ItemOf, mapped } from './item-of.js'
import { sentMetadata } from './metadata.js'
import { type ChannelSettings, Remote } from './remote.js'

/** Between an endpoint's own types and a method's messages, one at a time also where these come in streams. */
export interface ClientCodec<Req, Res, In, Out> {
  /** What it throws fails the call: a `CallError` as its own failure, anything else as a defect. */
  encode(request: ItemOf<Req>, context: Context): Awaitable<In>
  /** As {@link encode}: throw a `CallError` for a response that is a failure, as where errors are fields of messages. */
  decode(response: Out): Awaitable<ItemOf<Res>>
}

/** What the finalizer of a call is told. */
export interface FinishedCall {
  /** What came of it: of a stream, that it began. */
  readonly outcome: Outcome
  /** The failure in it, if any. */
  readonly failure: Failure | DomainFailure | undefined
  /** Headers that came, and trailers; of a stream these come later. */
  readonly reply: Reply
  /** From the call's beginning to its outcome, in ms. */
  readonly durationMs: number
}

/** Options of `endpoint`. */
export interface EndpointOptions extends ChannelSettings {
  /** What the endpoint is, for retries, caches, logs. @defaultValue unknown, so unsafe */
  readonly method?: MethodInfo
  /** Run in turn before anything is sent; each may give the context on with more `outgoing`: `withOutgoing`. */
  readonly before?: readonly ((context: Context) => Context)[]
  /** Told of what came beside each response. */
  readonly after?: (reply: Reply, context: Context) => void
  /** Told of each failure. */
  readonly onFailure?: (failure: Failure | DomainFailure) => void
  /** Told once for each call, when its outcome is there. */
  readonly finalizer?: (finished: FinishedCall) => void
}

/** An endpoint that calls over gRPC, and what closes its connection. */
export type GrpcEndpoint<Req, Res, E> = Endpoint<Req, Res, E> & {
  /** Lets go of its connection when its calls have ended. Calls after it fail with `CLIENT_CLOSED`. */
  close(): Promise<void>
}

/**
 * An endpoint that calls one method, which `definition` describes: of a package that proto-loader made, or of code that was generated
 * for grpc-js. Throws `RangeError` for limits that make no sense, `TypeError` for a target that is none.
 *
 * @param target - as that of `client`
 */
export function endpoint<Req, Res, In, Out, E = never>(
  target: string,
  definition: MethodDefinition<In, Out>,
  codec: ClientCodec<Req, Res, In, Out>,
  options: EndpointOptions = {},
): GrpcEndpoint<Req, Res, E> {
  const remote = new Remote(target, options)
  const method: CalledMethod = {
    path: definition.path,
    spec: undefined,
    failures: new Map(),
    isRequestStreamed: definition.requestStream,
    isResponseStreamed: definition.responseStream,
    request: { encode: message => definition.requestSerialize(message as In) }, // as the codec encodes
    response: { decode: bytes => definition.responseDeserialize(asBuffer(bytes)) },
  }
  const calling = new Calling(method, remote, codec as Calling['codec'], options) // called with what the types above say
  const run = (request: Req, context: Context): Promise<never> => calling.run(request, context) as Promise<never> // as above
  const close = { close: () => remote.close() }
  return Object.assign(fromRemote<Req, Res, E>({ transport: 'grpc', peer: remote.peer }, run, options.method), close)
}

/** What all calls of an endpoint share. */
class Calling {
  readonly method: CalledMethod
  readonly remote: Remote
  readonly codec: ClientCodec<unknown, unknown, unknown, unknown>
  readonly options: EndpointOptions

  constructor(method: CalledMethod, remote: Remote, codec: Calling['codec'], options: EndpointOptions) {
    this.method = method
    this.remote = remote
    this.codec = codec
    this.options = options
  }

  async run(request: unknown, given: Context): Promise<Outcome> {
    const { finalizer, onFailure, after } = this.options
    const startedAt = finalizer === undefined ? 0 : given.clock.now()
    let outcome: Outcome
    let thrown: { readonly thrown: unknown } | undefined
    try {
      outcome = await this.#call(request, given)
    } catch (error) {
      thrown = { thrown: error }
      outcome = fromThrown(error, () => {}) // who runs the call reports it
    }
    const failure = outcome._tag === 'Left' ? outcome.left : undefined
    if (after !== undefined) observe(after, given.reply, given)
    if (failure !== undefined && onFailure !== undefined) observe(onFailure, failure)
    if (finalizer !== undefined)
      observe(finalizer, { outcome, failure, reply: given.reply, durationMs: given.clock.now() - startedAt })
    if (thrown !== undefined) throw thrown.thrown
    return outcome
  }

  async #call(request: unknown, given: Context): Promise<Outcome> {
    const { method, codec, remote, options } = this
    const context = (options.before ?? []).reduce((each, hook) => hook(each), given)
    const encode = (item: unknown): Awaitable<unknown> => codec.encode(item, context)
    const message = method.isRequestStreamed
      ? mapped(request as AsyncIterable<unknown>, encode) // as the definition says
      : asBuffer(method.request.encode(await encode(request)))
    const metadata = sentMetadata(context)
    if ('left' in metadata) return metadata
    const channel = remote.begin()
    if ('_tag' in channel) return left(channel)
    const outcome = await new ClientCall(method, remote, context, channel).run(metadata, message)
    if (outcome._tag === 'Left') return outcome
    const decode = (item: unknown): Awaitable<unknown> => codec.decode(item)
    if (!method.isResponseStreamed) return right(await decode(outcome.right))
    return right(mapped(outcome.right as AsyncIterable<unknown>, decode)) // as the definition says
  }
}
