// A fetch Request as the rest of the HTTP transport sees requests.
import { CallError, type Failure, failureOf, type Peer } from '../../../core/index.js'
import { notRun } from '../../wire-headers.js'
import { joined } from '../joined.js'
import type { Body, Bytes, HttpHeaders, HttpRequest } from '../message.js'

/** An {@link HttpRequest} that came in as a fetch `Request`. */
export class FetchRequest implements HttpRequest {
  readonly method: string
  readonly url: string
  readonly headers: HttpHeaders
  /** `Headers` joins several of a name. */
  readonly rawHeaders: undefined
  readonly httpVersion: undefined
  onStatus: HttpRequest['onStatus'] = undefined
  readonly #request: Request
  readonly #onBroken: () => void
  readonly #peerOf: (request: Request) => Peer

  /** `onBroken`: the body broke off while it was read as it came, so the caller is gone. Deno says so nowhere else. */
  constructor(
    request: Request,
    { onBroken, peerOf }: { readonly onBroken: () => void; readonly peerOf: (request: Request) => Peer },
  ) {
    this.#request = request
    this.#onBroken = onBroken
    this.#peerOf = peerOf
    this.method = request.method
    const { pathname, search } = new URL(request.url)
    this.url = pathname + search
    const headers: Record<string, string> = {}
    for (const [name, value] of request.headers) headers[name] = value
    this.headers = headers
  }

  get peer(): Peer {
    return this.#peerOf(this.#request)
  }

  /** Asks the request only where its headers leave it open: a platform may have to make more of it first. */
  get hasBody(): boolean {
    if (this.method === 'GET' || this.method === 'HEAD') return false
    const length = this.headers['content-length']
    return length === undefined ? this.#request.body !== null : length !== '0'
  }

  body(maxBytes: number, done: (body: Body) => void): void {
    void this.#body(maxBytes).then(done)
  }

  async #body(maxBytes: number): Promise<Body> {
    if (Number(this.headers['content-length']) <= maxBytes && this.headers['content-encoding'] === undefined)
      return this.#atOnce(maxBytes)
    const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
    let text = ''
    const failure = await this.#read(maxBytes, chunk => {
      text += decoder.decode(chunk, { stream: true })
    })
    if (failure !== undefined) return { failure }
    try {
      return { text: text + decoder.decode() }
    } catch (thrown) {
      return { failure: broken(thrown) }
    }
  }

  /** A body whose length was said and is no longer than allowed, as the platform reads it fastest: @hono/node-server without a stream. */
  async #atOnce(maxBytes: number): Promise<Body> {
    try {
      const bytes = await this.#request.arrayBuffer()
      return bytes.byteLength > maxBytes ? { failure: tooLarge(maxBytes) } : { text: utf8.decode(bytes) }
    } catch (thrown) {
      return { failure: broken(thrown) }
    }
  }

  async bytes(maxBytes: number): Promise<Bytes> {
    const chunks: Uint8Array[] = []
    const failure = await this.#read(maxBytes, chunk => void chunks.push(chunk))
    return failure === undefined ? { bytes: joined(chunks) } : { failure }
  }

  /** Unpacks the body piece by piece, never more of it than allowed. Gives why it cannot be read. */
  async #read(maxBytes: number, take: (chunk: Uint8Array) => void): Promise<Failure | undefined> {
    const encoding = this.headers['content-encoding']
    const { body } = this.#request
    if (body === null) return undefined
    const unpacked = typeof encoding === 'string' ? unpack(body, encoding) : body
    if (unpacked === undefined)
      return notRun('invalid_argument', 'UNSUPPORTED_MEDIA_TYPE', 'the body must be plain, gzip or deflate')
    const reader = unpacked.getReader()
    let bytes = 0
    try {
      for (let read = await reader.read(); !read.done; read = await reader.read()) {
        bytes += read.value.byteLength
        if (bytes > maxBytes) {
          await reader.cancel().catch(() => {}) // the caller gets our answer, not the stream's
          return tooLarge(maxBytes)
        }
        take(read.value)
      }
    } catch (thrown) {
      return broken(thrown)
    }
    return undefined
  }

  async *chunks(): AsyncIterable<Uint8Array> {
    const reader = this.#request.body?.getReader()
    if (reader === undefined) return
    try {
      for (let read = await reader.read(); !read.done; read = await reader.read()) yield read.value
    } catch (thrown) {
      this.#onBroken()
      throw new CallError(broken(thrown))
    } finally {
      await reader.cancel().catch(() => {}) // it is over either way
    }
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function tooLarge(maxBytes: number): Failure {
  return notRun('resource_exhausted', 'BODY_TOO_LARGE', `the body is over ${maxBytes} bytes`)
}

type Packed = NonNullable<Request['body']>

function unpack(body: Packed, encoding: string): Packed | undefined {
  const name = encoding.trim().toLowerCase()
  if (name === 'identity') return body
  if (name === 'gzip' || name === 'x-gzip') return body.pipeThrough(new DecompressionStream('gzip'))
  return name === 'deflate' ? body.pipeThrough(new DecompressionStream('deflate')) : undefined
}

function broken(thrown: unknown): Failure {
  return failureOf('invalid_argument', 'MALFORMED_BODY', 'the body broke off, or is not what its headers say', {
    ran: 'no',
    cause: thrown,
  })
}
