// One request and its response on a client's connections: the part of a call over HTTP that knows nothing of contracts.

import { carriedOf } from '../../core/context.js'
import {
  type Awaitable,
  CallError,
  type Context,
  type Failure,
  failed,
  failureOf,
  left,
  type Outcome,
} from '../../core/index.js'
import type { Dependent, Scope } from '../../core/scope.js'
import { connectionFailure } from './connection-failure.js'
import { IncomingStream } from './incoming-stream.js'
import { joined } from './joined.js'
import type { Lazy } from './lazy.js'
import { type HttpHeaders, headerOf } from './message.js'
import type { Receiver, Sender, Sending, SentRequest, Unpacked, Unpacker } from './sender.js'

/** A server, as its callers share it. */
export interface Remote {
  readonly peer: string
  readonly maxCalls: number
  readonly maxResponseBytes: number
  /** Going on now. */
  calls: number
  closed: boolean
  readonly sender: Lazy<Sender>
  /** Its `Accept-Encoding`. Absent where it asks for nothing, or where the platform does. */
  readonly acceptEncoding?: string
  /** Where redirects may lead, and how many of them in one call. Absent where none are followed. */
  readonly redirects?: { readonly origin: string; readonly most: number }
}

/** What is made of a response. */
export interface Reading {
  /** Whether a packed body is given as it is. @defaultValue false: it is unpacked */
  readonly isPacked?: boolean
  /** The headers are here. Whether the body is to be read as it comes. */
  onHead(status: number, headers: HttpHeaders): boolean
  /** The whole response is here, as bytes. Looked at then; undefined where the response is text, for `onWhole`. */
  readonly onBytes?: ((bytes: Uint8Array) => Awaitable<Outcome>) | undefined
  /** The whole response is here, in so many bytes. */
  onWhole(text: string, bytes: number): Awaitable<Outcome>
  /** The body is coming. */
  onStream(chunks: IncomingStream): Outcome
}

/** Sends a request in the call that `context` belongs to. Never rejects. */
export function roundTrip(
  remote: Remote,
  request: SentRequest,
  context: Context,
  reading: Reading,
): Awaitable<Outcome> {
  if (remote.closed)
    return failed('unavailable', 'CLIENT_CLOSED', `the client of ${remote.peer} is closed`, { ran: 'no' })
  const { value: sender } = remote.sender
  if (sender === undefined) return remote.sender.get().then(() => roundTrip(remote, request, context, reading))
  if (remote.calls >= remote.maxCalls) {
    const message = `${remote.maxCalls} calls to ${remote.peer} are going on`
    return failed('resource_exhausted', 'TOO_MANY_CALLS', message, { ran: 'no' })
  }
  return new Promise(resolve => {
    new Exchange(remote, reading, resolve).start(sender, request, context)
  })
}

// Hangs on its call itself, where `onCancelled` would make an object and two functions for each.
class Exchange implements Receiver, Dependent {
  newer: Dependent | undefined = undefined
  older: Dependent | undefined = undefined
  readonly #remote: Remote
  readonly #reading: Reading
  #resolve: ((outcome: Awaitable<Outcome>) => void) | undefined
  #sending: Sending | undefined
  #sender: Sender | undefined
  #unpacker: Unpacker | undefined
  /** Whether anything of a packed body has come. */
  #isUnpacking = false
  #scope: Scope | undefined
  #onStatus: ((status: number) => void) | undefined
  #sent = false
  #over = false
  #chunks: Uint8Array[] = []
  #length = 0
  #trailers: HttpHeaders | undefined
  #stream: IncomingStream | undefined

  constructor(remote: Remote, reading: Reading, resolve: (outcome: Awaitable<Outcome>) => void) {
    this.#remote = remote
    this.#reading = reading
    this.#resolve = resolve
  }

  start(sender: Sender, request: SentRequest, context: Context): void {
    this.#sender = sender
    this.#remote.calls++
    const { scope, onStatus } = carriedOf(context)
    if (scope.ended !== undefined) {
      this.end(scope.ended)
      return
    }
    this.#onStatus = onStatus
    this.#scope = scope
    scope.attach(this)
    try {
      this.#sending = sender.send(request, this)
    } catch (error) {
      this.onError(error)
    }
  }

  get outlives(): boolean {
    return false
  }

  /** The call ended early. */
  end(failure: Failure): void {
    this.#stop(failure)
  }

  onSent(): void {
    this.#sent = true
  }

  onHead(status: number, headers: HttpHeaders): void {
    this.#onStatus?.(status)
    if (headers['content-encoding'] !== undefined && !this.#unpack(status, headers)) return
    if (!this.#reading.onHead(status, headers)) return
    const resume = (): void => (this.#unpacker ?? this.#sending)?.resume()
    this.#stream = new IncomingStream({ resume, close: () => this.#end() })
    this.#settle(this.#reading.onStream(this.#stream))
  }

  /** Whether the body can be read from here on. */
  #unpack(status: number, headers: HttpHeaders): boolean {
    const open = this.#sender?.unpacker
    const coding = headerOf(headers, 'content-encoding') ?? ''
    if (open === undefined || this.#reading.isPacked === true || coding.toLowerCase() === 'identity') return true
    const { peer } = this.#remote
    const to: Unpacked = {
      onData: chunk => this.#take(chunk),
      onEnd: () => this.#ended(),
      onBroken: () => this.#broken(`the packed body from ${peer} is broken or ends too early`),
      onDrain: () => this.#sending?.resume(),
    }
    this.#unpacker = open(coding, to)
    if (this.#unpacker !== undefined) return true
    const message = `${peer} answered ${status} with the content-encoding ${JSON.stringify(coding.slice(0, 40))}`
    this.#stop(failureOf('internal', 'UNEXPECTED_RESPONSE', message, { peer, details: { status } }))
    return false
  }

  onData(chunk: Uint8Array): boolean {
    if (this.#unpacker === undefined) return this.#take(chunk)
    this.#isUnpacking = true
    return this.#unpacker.write(chunk)
  }

  #take(chunk: Uint8Array): boolean {
    if (this.#stream !== undefined) return this.#stream.push(chunk)
    this.#length += chunk.length
    const { peer, maxResponseBytes } = this.#remote
    if (this.#length > maxResponseBytes) {
      const message = `the response of ${peer} is over ${maxResponseBytes} bytes`
      this.#stop(failureOf('resource_exhausted', 'RESPONSE_TOO_LARGE', message, { peer }))
      return false
    }
    this.#chunks.push(chunk)
    return true
  }

  onEnd(trailers?: HttpHeaders): void {
    this.#trailers = trailers
    // After HEAD, with 204 and 304 there is no body whatever the headers say, and some servers send none with an error either.
    if (this.#unpacker !== undefined && this.#isUnpacking) this.#unpacker.end()
    else this.#ended()
  }

  #ended(): void {
    if (this.#stream !== undefined) {
      this.#stream.end(this.#trailers)
      return
    }
    if (this.#over) return
    this.#finish()
    const outcome =
      this.#reading.onBytes === undefined
        ? this.#reading.onWhole(this.#sender?.textOf(this.#chunks) ?? '', this.#length)
        : this.#reading.onBytes(joined(this.#chunks))
    this.#settle(outcome)
  }

  #broken(message: string): void {
    const { peer } = this.#remote
    const isStream = this.#stream !== undefined
    this.#stop(
      isStream
        ? failureOf('unavailable', 'STREAM_BROKEN', message, { peer })
        : failureOf('internal', 'UNEXPECTED_RESPONSE', message, { peer }),
    )
  }

  onError(error: unknown): void {
    if (this.#over) return
    const { peer } = this.#remote
    if (this.#stream === undefined) {
      this.#finish()
      this.#settle(left(connectionFailure(error, { peer, sent: this.#sent })))
      return
    }
    const message = `the stream from ${peer} broke off`
    this.#stream.fail(new CallError(failureOf('unavailable', 'STREAM_BROKEN', message, { peer, cause: error })))
  }

  /** The call ended early, or the response is too much. */
  #stop(failure: Failure): void {
    if (this.#over) return
    this.#end()
    this.#settle(left(failure))
    this.#stream?.fail(new CallError(failure))
  }

  #end(): void {
    if (this.#over) return
    this.#finish()
    this.#sending?.abort()
  }

  #finish(): void {
    this.#over = true
    this.#remote.calls--
    this.#unpacker?.close()
    this.#scope?.detach(this)
  }

  #settle(outcome: Awaitable<Outcome>): void {
    this.#resolve?.(outcome)
    this.#resolve = undefined
  }
}
