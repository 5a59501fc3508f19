// A node:http request as the rest of this folder sees requests.
import type { IncomingMessage } from 'node:http'
import { type Awaitable, CallError, type Failure, failureOf, type Peer } from '../../core/index.js'
import { ArrivingMessage } from './arriving-message.js'
import { alreadyRead, arrivedBody, isWorthAwaiting, readBody, textOf, wasRead } from './body.js'
import type { Body, Bytes, HttpHeaders, HttpRequest } from './message.js'
import { directPeer } from './peer.js'
import { originForm } from './request-path.js'
import type { ThroughProxies } from './trusted-proxies.js'

/** An {@link HttpRequest} that came in over node:http. */
export class NodeRequest implements HttpRequest {
  readonly method: string
  readonly url: string
  readonly headers: HttpHeaders
  onStatus: HttpRequest['onStatus'] = undefined
  readonly #message: IncomingMessage
  readonly #throughProxies: ThroughProxies | undefined
  #peer: Peer | undefined

  constructor(message: IncomingMessage, throughProxies?: ThroughProxies) {
    this.#message = message
    this.#throughProxies = throughProxies
    this.method = message.method ?? 'GET'
    this.url = originForm(message.url ?? '/')
    this.headers = message.headers
  }

  get peer(): Peer {
    this.#peer ??= this.#throughProxies?.(directPeer(this.#message), this.headers) ?? directPeer(this.#message)
    return this.#peer
  }

  get rawHeaders(): readonly string[] {
    return this.#message.rawHeaders
  }

  get httpVersion(): string {
    return this.#message.httpVersion
  }

  get hasBody(): boolean {
    return hasBody(this.#message)
  }

  body(maxBytes: number, done: (body: Body) => void): void {
    wholeBody(this.#message, maxBytes, done)
  }

  bytes(maxBytes: number): Awaitable<Bytes> {
    return new Promise(resolve => {
      readBody(this.#message, maxBytes, (failure, bytes) => resolve(failure === undefined ? { bytes } : { failure }))
    })
  }

  /** Leaving it early leaves the connection as it is: the answer has yet to go out. */
  async *chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    if (wasRead(this.#message)) throw new CallError(alreadyRead)
    try {
      for await (const chunk of this.#message.iterator({ destroyOnReturn: false })) yield chunk
    } catch (cause) {
      throw new CallError(
        failureOf('cancelled', 'CANCELLED', 'the caller went away in the middle of its stream', { cause }),
      )
    }
  }
}

function wholeBody(message: IncomingMessage, maxBytes: number, done: (body: Body) => void): void {
  if (!(message instanceof ArrivingMessage) || !isWorthAwaiting(message, maxBytes)) {
    listenedBody(message, maxBytes, done)
    return
  }
  message.whenHere(() => {
    const body = arrivedBody(message, maxBytes)
    if (body === undefined) listenedBody(message, maxBytes, done)
    else done(Buffer.isBuffer(body) ? textBody(body) : { failure: body as Failure }) // the other of two
  })
}

/** The body, listened for from now on: where others may answer the request and node:http then throws its body away. */
export function listenedBody(message: IncomingMessage, maxBytes: number, done: (body: Body) => void): void {
  readBody(message, maxBytes, (failure, body) => done(failure === undefined ? textBody(body) : { failure }))
}

/** Whether a request comes with a body. */
export function hasBody({ headers }: IncomingMessage): boolean {
  const length = headers['content-length']
  return length === undefined ? headers['transfer-encoding'] !== undefined : length !== '0'
}

/** The text of a body that is whole. */
export function textBody(bytes: Buffer): Body {
  const text = textOf(bytes)
  return typeof text === 'string' ? { text } : { failure: text }
}
