// One request and its response on a client's connections: the part of a call over HTTP that knows nothing of contracts.
import {
  type Awaitable,
  CallError,
  type Context,
  type Failure,
  failed,
  failureOf,
  left,
  type Outcome,
  onCancelled,
} from '../../core/index.js'
import { connectionFailure } from './connection-failure.js'
import { IncomingStream } from './incoming-stream.js'
import type { Lazy } from './lazy.js'
import type { HttpHeaders } from './message.js'
import type { Receiver, Sender, Sending, SentRequest } from './sender.js'

/** A server, as its callers share it. */
export interface Remote {
  readonly peer: string
  readonly maxCalls: number
  readonly maxResponseBytes: number
  /** Going on now. */
  calls: number
  closed: boolean
  readonly sender: Lazy<Sender>
}

/** What is made of a response. */
export interface Reading {
  /** The headers are here. Whether the body is to be read as it comes. */
  onHead(status: number, headers: HttpHeaders): boolean
  /** The whole response is here. */
  onWhole(text: string): Awaitable<Outcome>
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

class Exchange implements Receiver {
  readonly #remote: Remote
  readonly #reading: Reading
  #resolve: ((outcome: Awaitable<Outcome>) => void) | undefined
  #sending: Sending | undefined
  #textOf: Sender['textOf'] = () => ''
  #unlink: (() => void) | undefined
  #sent = false
  #over = false
  #chunks: Uint8Array[] = []
  #length = 0
  #stream: IncomingStream | undefined

  constructor(remote: Remote, reading: Reading, resolve: (outcome: Awaitable<Outcome>) => void) {
    this.#remote = remote
    this.#reading = reading
    this.#resolve = resolve
  }

  start(sender: Sender, request: SentRequest, context: Context): void {
    this.#textOf = sender.textOf
    this.#remote.calls++
    this.#unlink = onCancelled(context, failure => this.#stop(failure))
    if (this.#over) return
    try {
      this.#sending = sender.send(request, this)
    } catch (error) {
      this.onError(error)
    }
  }

  onSent(): void {
    this.#sent = true
  }

  onHead(status: number, headers: HttpHeaders): void {
    if (!this.#reading.onHead(status, headers)) return
    this.#stream = new IncomingStream({ resume: () => this.#sending?.resume(), close: () => this.#end() })
    this.#settle(this.#reading.onStream(this.#stream))
  }

  onData(chunk: Uint8Array): boolean {
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

  onEnd(): void {
    if (this.#stream !== undefined) {
      this.#stream.end()
      return
    }
    if (this.#over) return
    this.#finish()
    this.#settle(this.#reading.onWhole(this.#textOf(this.#chunks)))
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
    this.#unlink?.()
  }

  #settle(outcome: Awaitable<Outcome>): void {
    this.#resolve?.(outcome)
    this.#resolve = undefined
  }
}
