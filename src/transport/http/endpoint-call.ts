// One call of an `endpoint`: encode, send, read, decode, and the hooks around them.
import { fromThrown, observe } from '../../core/call-error.js'
import { CallError, type Context, failureOf, left, type Outcome, onCancelled, right } from '../../core/index.js'
import { type BodyEnd, ByteStream } from './byte-stream.js'
import type { ClientCodec, EndpointOptions, EndpointRequest, EndpointResponse } from './endpoint-options.js'
import type { IncomingStream } from './incoming-stream.js'
import type { HttpHeaders } from './message.js'
import { readResponse } from './read-response.js'
import { following } from './redirects.js'
import type { Reading, Remote } from './round-trip.js'
import { isWhole, type SentRequest } from './sender.js'
import { sentHeaders, withOwnHeaders } from './sent-headers.js'

/** Where a request goes. */
export interface Place {
  readonly remote: Remote
  /** Path and query. */
  readonly path: string
}

/** What all calls of an endpoint share. `Sent` is what its codec makes. */
export interface Calling<Sent extends Omit<EndpointRequest, 'path'>> {
  readonly codec: ClientCodec<unknown, unknown, unknown, Sent>
  readonly options: EndpointOptions<Sent>
  readonly maxStreamBytes: number
  /** Where a request goes. Throws a `CallError` where it cannot. */
  placeOf(sent: Sent): Place
}

/** One call. */
export class EndpointCall<Sent extends Omit<EndpointRequest, 'path'>> implements Reading {
  readonly #calling: Calling<Sent>
  readonly #context: Context
  readonly #startedAt: number
  #status: number | undefined
  #headers: HttpHeaders = {}
  #peer = ''
  #requestBytes = 0
  #bytes = 0
  #sending: ByteStream | undefined
  /** What the caller's own body or `open` threw: the true cause of what the connection then came to. */
  #thrown: { readonly thrown: unknown } | undefined
  #receiving: ByteStream | undefined

  constructor(calling: Calling<Sent>, context: Context) {
    this.#calling = calling
    this.#context = context
    this.#startedAt = calling.options.finalizer === undefined ? 0 : context.clock.now()
  }

  async run(request: unknown): Promise<Outcome> {
    let outcome: Outcome
    try {
      outcome = await this.#send(request)
      if (this.#thrown !== undefined) throw this.#thrown.thrown
    } catch (thrown) {
      this.#over(fromThrown(thrown, () => {})) // who runs the call reports it
      throw thrown
    }
    this.#over(outcome)
    return outcome
  }

  /** A response that comes as a stream tells of its end itself. */
  #over(outcome: Outcome): void {
    if (outcome._tag === 'Left') void this.#sending?.return() // nobody sends it
    if (this.#receiving === undefined) this.#tell(outcome)
  }

  async #send(request: unknown): Promise<Outcome> {
    const { codec, options, placeOf } = this.#calling
    const context = this.#context
    const encoded = await codec.encode(request, context)
    const made = (options.before ?? []).reduce((given, hook) => hook(given, context), encoded)
    const { remote, path } = placeOf(made)
    this.#peer = remote.peer
    return following(remote, this.#sendable(made, { remote, path }), context, this)
  }

  #sendable({ method = 'POST', headers = {}, body }: Sent, { remote, path }: Place): SentRequest {
    if (!/^[A-Z][A-Z-]*$/.test(method) || method === 'CONNECT')
      throw unsendable('INVALID_REQUEST', `${JSON.stringify(method)} is no HTTP method to call with`)
    const own = sentHeaders(this.#context)
    if (remote.acceptEncoding !== undefined) own.push('accept-encoding', remote.acceptEncoding)
    const merged = withOwnHeaders(own, headers)
    if (isWhole(body)) {
      if (body !== undefined) this.#requestBytes = Buffer.byteLength(body)
      return { method, path, headers: merged, body }
    }
    const onEnd = (end: BodyEnd): void => {
      if (end.kind === 'failed') this.#thrown = end
    }
    this.#sending = new ByteStream(body, { onEnd })
    return { method, path, headers: merged, body: this.#sending }
  }

  onHead(status: number, headers: HttpHeaders): boolean {
    this.#status = status
    this.#headers = headers
    return this.#calling.codec.open !== undefined && status < 300
  }

  async onWhole(text: string, bytes: number): Promise<Outcome> {
    this.#bytes = bytes
    const response = this.#response(text)
    return right(await this.#calling.codec.decode(response))
  }

  onStream(chunks: IncomingStream): Outcome {
    const { codec, maxStreamBytes } = this.#calling
    const peer = this.#peer
    const message = `the response of ${peer} is over ${maxStreamBytes} bytes`
    const body = new ByteStream(chunks, {
      maxBytes: maxStreamBytes,
      tooLarge: () => failureOf('resource_exhausted', 'RESPONSE_TOO_LARGE', message, { peer }),
      onEnd: end => {
        unlink()
        this.#tell(outcomeOf(end))
      },
    })
    const unlink = onCancelled(this.#context, failure => body.fail(new CallError(failure)))
    this.#receiving = body
    const { status, headers } = this.#response('')
    try {
      return right(codec.open?.({ status, headers, body }))
    } catch (thrown) {
      this.#thrown = { thrown }
      body.fail(thrown)
      return right(undefined) // not given: `run` throws
    }
  }

  #response(text: string): EndpointResponse {
    const response = readResponse({ status: this.#status ?? 0, headers: this.#headers, text, peer: this.#peer })
    const { after } = this.#calling.options
    if (after !== undefined) observe(after, response, this.#context)
    return response
  }

  #tell(outcome: Outcome): void {
    const { onFailure, finalizer } = this.#calling.options
    const failure = outcome._tag === 'Left' ? outcome.left : undefined
    if (failure !== undefined && onFailure !== undefined) observe(onFailure, failure)
    if (finalizer === undefined) return
    observe(finalizer, {
      outcome,
      failure,
      status: this.#status,
      headers: this.#headers,
      requestBytes: this.#sending?.bytes ?? this.#requestBytes,
      bytes: this.#receiving?.bytes ?? this.#bytes,
      durationMs: this.#context.clock.now() - this.#startedAt,
    })
  }
}

function outcomeOf(end: BodyEnd): Outcome {
  if (end.kind === 'read') return right(undefined)
  if (end.kind === 'failed') return fromThrown(end.thrown, () => {}) // its reader reports it
  return left(failureOf('cancelled', 'ABANDONED', 'the reader left the stream before its end'))
}

/** What a request fails with that cannot be sent. */
export function unsendable(reason: string, message: string): CallError<never> {
  return new CallError<never>(failureOf('invalid_argument', reason, message, { ran: 'no' }))
}
