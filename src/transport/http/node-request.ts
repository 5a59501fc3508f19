// A node:http request as the rest of this folder sees requests.
import type { IncomingMessage } from 'node:http'
import type { Awaitable } from '../../core/index.js'
import { readBody, textOf } from './body.js'
import type { Body, HttpHeaders, HttpRequest } from './message.js'

/** An {@link HttpRequest} that came in over node:http. */
export class NodeRequest implements HttpRequest {
  readonly method: string
  readonly url: string
  readonly headers: HttpHeaders
  readonly #message: IncomingMessage

  constructor(message: IncomingMessage) {
    this.#message = message
    this.method = message.method ?? 'GET'
    this.url = message.url ?? '/'
    this.headers = message.headers
  }

  get hasBody(): boolean {
    const { headers } = this.#message
    const length = headers['content-length']
    return headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0')
  }

  text(maxBytes: number): Awaitable<Body> {
    return new Promise(resolve => {
      readBody(this.#message, maxBytes, (failure, body) => {
        resolve(failure === undefined ? textOrFailure(body) : { failure })
      })
    })
  }

  chunks(): AsyncIterable<Uint8Array> {
    return this.#message
  }
}

function textOrFailure(bytes: Buffer): Body {
  const text = textOf(bytes)
  return typeof text === 'string' ? { text } : { failure: text }
}
