// What `handler` does between a request and its response: the hooks, decode, run, encode. Whatever a codec or a hook throws becomes
// a failure that is answered: a listener that threw would end the process.
import { defectsTo, fromThrown, observe } from '../../core/call-error.js'
import {
  CallError,
  type Context,
  type DomainFailure,
  extend,
  type Failure,
  failureOf,
  type HttpSource,
  type Incoming,
  incoming,
  isFailure,
  left,
  type OnDefect,
  type Outcome,
  type Timer,
} from '../../core/index.js'
import { closeStream, isStream } from '../../core/stream.js'
import { attemptsFrom, timeoutFrom } from '../wire-headers.js'
import { type BodyEnd, ByteStream } from './byte-stream.js'
import { checkedResponse } from './checked-response.js'
import type {
  HandlerOptions,
  HandlerRequest,
  HandlerResponse,
  ProvidingOptions,
  ServerCodec,
} from './handler-options.js'
import { type CameWith, headerOf } from './message.js'
import { metadataOf } from './metadata.js'
import { problem, problemOfFailure } from './problem-response.js'
import type { SentResponse } from './send.js'

/** A codec and the hooks around it. */
export interface Serving {
  readonly codec: ServerCodec<unknown, unknown, unknown>
  readonly options: HandlerOptions & Partial<Pick<ProvidingOptions<object>, 'provide'>>
}

/** A request as the server has it. */
type Received = HandlerRequest & HttpSource & CameWith

/** Begins a call. The response never rejects. */
export function begin(endpoint: object, request: Received, serving: Serving): Handling {
  return new Handling(endpoint, request, serving)
}

/** One request on its way to a response. */
export class Handling {
  /** Never rejects. */
  readonly response: Promise<SentResponse>
  /** What was answered as a failure, or broke the body off. */
  failure: Failure | DomainFailure | undefined = undefined
  readonly #request: Received
  readonly #serving: Serving
  readonly #onDefect: OnDefect
  #call: Incoming | undefined
  #body: ByteStream | undefined
  /** Such a hook is not asked again for the failure that came of it. */
  #afterThrew = false

  constructor(endpoint: object, request: Received, serving: Serving) {
    this.#request = request
    this.#serving = serving
    this.#onDefect = defectsTo(serving.options.onDefect)
    this.response = this.#respond(endpoint)
  }

  /** The bytes of a body that came as a stream; undefined for any other. */
  get streamedBytes(): number | undefined {
    return this.#body?.bytes
  }

  /** Ends the call, and a body that is on its way. */
  cancel(failure: Failure): void {
    this.#call?.cancel(failure)
    this.#body?.fail(new CallError(failure))
  }

  async #respond(endpoint: object): Promise<SentResponse> {
    const sent = await this.#answer(endpoint)
    this.#request.onStatus?.(sent.status)
    return sent
  }

  async #answer(endpoint: object): Promise<SentResponse> {
    const { codec } = this.#serving
    const outcome = await this.#run(endpoint)
    if (outcome._tag === 'Left') return this.#failed(outcome.left)
    const response = outcome.right
    try {
      const encoded = await codec.encode(response, this.#request, this.#context)
      const sent = this.#sendable(encoded)
      if (this.#body === undefined) leave(response)
      return sent
    } catch (thrown) {
      leave(response)
      return this.#failed(fromThrown(thrown, this.#onDefect).left)
    }
  }

  async #run(endpoint: object): Promise<Outcome> {
    try {
      const call = this.#incoming()
      this.#call = call
      const context = this.#prepared(call.context)
      const decoded = await this.#serving.codec.decode(this.#request, context)
      return await call.run(endpoint, decoded, context)
    } catch (thrown) {
      const { left: failure } = fromThrown(thrown, this.#onDefect)
      return left(isFailure(failure) ? { ...failure, ran: 'no' } : failure) // a call's own run throws nothing
    }
  }

  #incoming(): Incoming {
    const { headers } = this.#request
    const { deadlineMs = 30_000, clock } = this.#serving.options
    const get = (name: string): string | undefined => headerOf(headers, name)
    return incoming({
      deadlineMs: Math.min(timeoutFrom(get) ?? deadlineMs, deadlineMs),
      ...attemptsFrom(get),
      metadata: () => metadataOf(this.#request),
      onDefect: this.#onDefect,
      transport: 'http',
      from: this.#request,
      http: this.#request,
      ...(clock !== undefined && { clock }),
    })
  }

  #prepared(given: Context): Context {
    const { before = [], provide } = this.#serving.options
    const first = provide === undefined ? given : extend(given, provide(this.#request) as Record<never, never>) // what the endpoint needs, by its type
    return before.reduce((context, hook) => hook(context, this.#request), first)
  }

  get #context(): Context {
    return (this.#call as Incoming).context // it has run
  }

  #failed(failure: Failure | DomainFailure): SentResponse {
    const { codec, options } = this.#serving
    this.failure = failure
    if (options.onFailure !== undefined) observe(options.onFailure, failure, this.#request)
    try {
      const { encodeFailure } = codec
      return this.#sendable(
        encodeFailure === undefined
          ? problemOfFailure(failure, this.#onDefect)
          : encodeFailure.call(codec, failure, this.#request),
      )
    } catch (thrown) {
      this.#onDefect(thrown)
      return checkedResponse(problem(failureOf('internal', 'DEFECT', 'internal error')), undefined)
    }
  }

  /** Throws for what cannot be sent. */
  #sendable(encoded: HandlerResponse): SentResponse {
    const reply = this.#call?.reply
    reply?.close()
    try {
      const changed = this.#changed(encoded)
      const checked = checkedResponse(changed, reply)
      if (!isStream(changed.body)) return checked
      this.#body = this.#streamed(changed.body, changed.length)
      return { ...checked, body: this.#body }
    } catch (thrown) {
      if (isStream(encoded.body)) closeStream(encoded.body, this.#onDefect, () => {})
      throw thrown
    }
  }

  #changed(encoded: HandlerResponse): HandlerResponse {
    const { after = [] } = this.#serving.options
    if (this.#afterThrew) return encoded
    try {
      return after.reduce((given, hook) => hook(given, this.#request), encoded)
    } catch (thrown) {
      this.#afterThrew = true
      throw thrown
    }
  }

  /** A call lives as long as its response, where that is the stream; for any other body the deadline is kept here. */
  #streamed(source: AsyncIterable<string | Uint8Array>, length: number | undefined): ByteStream {
    const { clock, remainingMs } = this.#context
    let timer: Timer | undefined
    const body = new ByteStream(source, {
      length,
      onEnd: end => {
        timer?.cancel()
        this.#bodyEnded(end)
      },
    })
    const tooLate = failureOf('deadline_exceeded', 'DEADLINE_EXCEEDED', 'the body took longer than the deadline allows')
    timer = clock.setTimer(() => body.fail(new CallError(tooLate)), remainingMs + deadlineSlackMs)
    return body
  }

  #bodyEnded(end: BodyEnd): void {
    if (end.kind !== 'failed') return
    const { left: failure } = fromThrown(end.thrown, this.#onDefect)
    this.failure ??= failure
    const { onFailure } = this.#serving.options
    if (onFailure !== undefined) observe(onFailure, failure, this.#request)
  }
}

/** A call's own deadline comes first where it has one. */
const deadlineSlackMs = 20

/** A response stream that will not be sent is left: its call would go on until its deadline. */
function leave(response: unknown): void {
  if (!isStream(response)) return
  void (response as AsyncIterableIterator<unknown>).return?.() // the streams of a call are iterators, and never reject
}
