// One endpoint as a handler of anybody's grpc-js server, with its own decode and encode: Go kit's grpc.NewServer. For services that
// are described by a .proto alone; with a contract everything that the hooks do is middleware.
import { once } from 'node:events'
import type { sendUnaryData, UntypedHandleCall } from '@grpc/grpc-js'
import { defectsTo, fromThrown, observe } from '../../core/call-error.js'
import {
  type Awaitable,
  CallError,
  type Context,
  type DomainFailure,
  type Endpoint,
  type Failure,
  failureOf,
  type Incoming,
  incoming,
  isFailure,
  left,
  type OnDefect,
  type Outcome,
  type Peer,
  systemClock,
} from '../../core/index.js'
import { plainAddress } from '../address.js'
import { attemptsFrom } from '../wire-headers.js'
import type { HandlerOptions, ServerCodec, SurfaceCall } from './handler-options.js'
import { mapped } from './item-of.js'
import { entryOf, headersOf, receivedMetadata, trailersOf } from './metadata.js'
import { type SentStatus, sentStatus } from './sent-failure.js'

/**
 * A handler for `addService` of a grpc-js server, of whichever kind the method is. Its limits are that server's own. Throws
 * `RangeError` for a deadline that is none.
 */
export function handler<Req, Res, In, Out, E = never>(
  endpoint: Endpoint<Req, Res, E, Context>,
  codec: ServerCodec<Req, Res, In, Out, E>,
  options: HandlerOptions = {},
): UntypedHandleCall {
  const { deadlineMs = 30_000 } = options
  if (!(deadlineMs > 0)) throw new RangeError(`grpc: deadlineMs must be more than 0, got ${deadlineMs}`)
  const init: HandlingInit = {
    endpoint,
    codec: codec as unknown as HandlingInit['codec'], // paired with the endpoint by the types above
    options,
    deadlineMs,
  }
  return (call: unknown, respond?: unknown) => {
    // grpc-js gives a callback where one message is answered, and what the other kinds share where not.
    void new Handling(init, call as SurfaceCall, respond as sendUnaryData<unknown> | undefined).run()
  }
}

interface HandlingInit {
  readonly endpoint: object
  readonly codec: ServerCodec<unknown, unknown, unknown, unknown, unknown>
  readonly options: HandlerOptions
  readonly deadlineMs: number
}

const gone = failureOf('cancelled', 'CANCELLED', 'the caller gave up')

/** One call. */
class Handling {
  readonly #init: HandlingInit
  readonly #surface: SurfaceCall
  readonly #respond: sendUnaryData<unknown> | undefined
  readonly #onDefect: OnDefect
  readonly #cancelled: AbortController = new AbortController()
  #call: Incoming | undefined

  constructor(init: HandlingInit, surface: SurfaceCall, respond: sendUnaryData<unknown> | undefined) {
    this.#init = init
    this.#surface = surface
    this.#respond = respond
    this.#onDefect = defectsTo(init.options.onDefect)
  }

  async run(): Promise<void> {
    const { finalizer, clock = systemClock } = this.#init.options
    const startedAt = clock.now()
    const failure = await this.#answer()
    if (finalizer === undefined) return
    observe(finalizer, { path: this.#surface.getPath(), failure, durationMs: clock.now() - startedAt })
  }

  /** Gives what was answered as a failure. Never rejects. */
  async #answer(): Promise<Failure | DomainFailure | undefined> {
    const outcome = await this.#outcome()
    let failure = outcome._tag === 'Left' ? outcome.left : undefined
    try {
      const reply = this.#call?.context.reply
      for (const hook of this.#init.options.after ?? []) if (reply !== undefined) hook(reply, this.#context)
      reply?.close()
      const headers = headersOf(reply, this.#onDefect)
      if (headers !== undefined) this.#surface.sendMetadata(headers)
      if (failure === undefined) await this.#succeed((outcome as Extract<Outcome, { _tag: 'Right' }>).right) // there is no failure
    } catch (thrown) {
      failure = fromThrown(thrown, this.#onDefect).left
    }
    if (failure !== undefined) this.#fail(failure)
    return failure
  }

  async #outcome(): Promise<Outcome> {
    const { endpoint, codec, options } = this.#init
    try {
      const call = this.#incoming()
      this.#call = call
      this.#surface.on('cancelled', () => {
        call.cancel(gone)
        this.#cancelled.abort()
      })
      const context = (options.before ?? []).reduce((each, hook) => hook(each, this.#surface), call.context)
      const decode = (message: unknown): Awaitable<unknown> => codec.decode(message, context)
      const { request } = this.#surface
      const decoded =
        request === undefined
          ? mapped(this.#surface.iterator({ destroyOnReturn: false }) as AsyncIterable<unknown>, decode) // an object stream
          : await decode(request)
      return await call.run(endpoint, decoded, context)
    } catch (thrown) {
      const { left: failure } = fromThrown(thrown, this.#onDefect)
      return left(isFailure(failure) ? { ...failure, ran: 'no' } : failure) // a call's own run throws nothing
    }
  }

  #incoming(): Incoming {
    const { metadata } = this.#surface
    const { clock } = this.#init.options
    const leftMs = Number(this.#surface.getDeadline()) - Date.now()
    return incoming({
      deadlineMs: Math.min(leftMs, this.#init.deadlineMs),
      ...attemptsFrom(name => entryOf(metadata, name)),
      metadata: () => receivedMetadata(metadata),
      transport: 'grpc',
      from: { peer: peerOf(this.#surface) },
      onDefect: this.#onDefect,
      ...(clock !== undefined && { clock }),
    })
  }

  get #context(): Context {
    return (this.#call as Incoming).context // it has run
  }

  async #succeed(response: unknown): Promise<void> {
    const { codec } = this.#init
    if (this.#respond !== undefined) {
      const message = await codec.encode(response, this.#context)
      this.#respond(null, message, trailersOf(this.#call?.reply, this.#onDefect))
      return
    }
    const { signal } = this.#cancelled
    for await (const item of response as AsyncIterable<unknown>) {
      const message = await codec.encode(item, this.#context)
      if (signal.aborted) return
      if (!this.#surface.write(message)) await once(this.#surface, 'drain', { signal }).catch(() => {})
    }
    this.#surface.end(trailersOf(this.#call?.reply, this.#onDefect))
  }

  #fail(failure: Failure | DomainFailure): void {
    const { codec, options } = this.#init
    if (options.onFailure !== undefined) observe(options.onFailure, failure)
    const [, service = ''] = this.#surface.getPath().split('/')
    const plain = (): SentStatus => {
      const trailers = trailersOf(this.#call?.reply, this.#onDefect)
      return sentStatus(
        failure,
        { service, spec: undefined, failures: new Map() },
        { trailers, onDefect: this.#onDefect },
      )
    }
    let status: SentStatus
    try {
      status = codec.encodeFailure === undefined ? plain() : codec.encodeFailure(failure)
    } catch (thrown) {
      this.#onDefect(thrown)
      status = plain()
    }
    if (this.#respond !== undefined) this.#respond(status)
    else if (!this.#cancelled.signal.aborted)
      this.#surface.emit('error', Object.assign(new CallError<never>(gone), status))
  }
}

function peerOf(call: SurfaceCall): Peer {
  const from = call.getPeer()
  const { transportSecurityType } = call.getAuthContext()
  const address = from === 'unknown' ? undefined : plainAddress(from.replace(/:\d+$/, ''))
  return { secure: transportSecurityType === 'ssl', ...(address !== undefined && { address }) }
}
