// A node:http request as the codec and the hooks of `handler` read it: whole or as it comes, once, with what was read of it counted.
import type { IncomingMessage } from 'node:http'
import { CallError, type Failure, type HttpSource, type Peer } from '../../core/index.js'
import { parseJson } from '../json.js'
import { notRun } from '../wire-headers.js'
import { type BodyDone, readBody, textOf } from './body.js'
import { ByteStream } from './byte-stream.js'
import type { HandlerRequest } from './handler-options.js'
import type { HttpHeaders } from './message.js'
import { hasBody, NodeRequest } from './node-request.js'
import { directPeer } from './peer.js'

/** A request of one `handler`. */
export class ServedRequest implements HandlerRequest, HttpSource {
  readonly method: string
  readonly url: string
  readonly headers: HttpHeaders
  onStatus: HttpSource['onStatus'] = undefined
  readonly #message: IncomingMessage
  readonly #maxBytes: number
  #whole: Promise<Buffer> | undefined
  #stream: ByteStream | undefined
  #length = 0
  #peer: Peer | undefined

  constructor(message: IncomingMessage, maxBytes: number) {
    this.method = message.method ?? 'GET'
    this.url = message.url ?? '/'
    this.headers = message.headers
    this.#message = message
    this.#maxBytes = maxBytes
  }

  get protocol(): string {
    return `HTTP/${this.httpVersion}`
  }

  get rawHeaders(): readonly string[] {
    return this.#message.rawHeaders
  }

  get httpVersion(): string {
    return this.#message.httpVersion
  }

  get peer(): Peer {
    this.#peer ??= directPeer(this.#message)
    return this.#peer
  }

  get hasBody(): boolean {
    return hasBody(this.#message)
  }

  /** How many bytes of the body were read. */
  get bytesRead(): number {
    return this.#stream?.bytes ?? this.#length
  }

  async text(): Promise<string> {
    if (!this.hasBody) return ''
    const text = textOf(await this.#read())
    if (typeof text !== 'string') throw new CallError(text)
    return text
  }

  async json(): Promise<unknown> {
    return parseJson(await this.text())
  }

  async bytes(): Promise<Uint8Array> {
    return this.#read()
  }

  #read(): Promise<Buffer> {
    if (this.#stream !== undefined) throw readTwice()
    this.#whole ??= new Promise((resolve, reject) => {
      this.readWhole(this.#message, this.#maxBytes, (failure, body) => {
        this.#length = body.length
        if (failure === undefined) resolve(body)
        else reject(new CallError(failure))
      })
    })
    return this.#whole
  }

  /** How a whole body is read. */
  protected readWhole(message: IncomingMessage, maxBytes: number, done: BodyDone): void {
    readBody(message, maxBytes, done)
  }

  /** How a body is read as it comes. */
  protected arriving(message: IncomingMessage): AsyncIterable<Uint8Array> {
    return new NodeRequest(message).chunks()
  }

  chunks(maxBytes: number): AsyncIterableIterator<Uint8Array> {
    if (this.#whole !== undefined || this.#stream !== undefined) throw readTwice()
    const tooLarge = (): Failure =>
      notRun('resource_exhausted', 'BODY_TOO_LARGE', `the body has more than ${maxBytes} bytes`)
    if (Number(this.headers['content-length'] ?? 0) > maxBytes) throw new CallError(tooLarge())
    const source = this.hasBody ? this.arriving(this.#message) : nothing()
    this.#stream = new ByteStream(source, { maxBytes, tooLarge })
    return this.#stream
  }
}

function readTwice(): TypeError {
  return new TypeError('handler: the body of a request can be read only once, whole or as it comes')
}

async function* nothing(): AsyncGenerator<Uint8Array, void, undefined> {}
