// Packs responses for those who ask for it. Off unless it is asked for: packing costs time, and a packed body that holds a secret
// beside something that its caller chose tells the secret by its length (the BREACH attack).
import { brotliCompress, constants, deflate, gzip } from 'node:zlib'
import type { Awaitable } from '../../core/index.js'
import { type ContentCoding, isCompressible, negotiate } from './content-coding.js'
import { packedTag } from './entity-tag.js'
import { limit } from './limit.js'
import { type HttpHeaders, type HttpResponse, headerOf } from './message.js'
import { packedStream, packerFor } from './packed-stream.js'

/** How a server packs its responses: the `compression` of `server`. */
export interface CompressionOptions {
  /** What it can pack with; of those that a client likes as much, the first is taken. @defaultValue `['br', 'gzip', 'deflate']` */
  readonly codings?: readonly ContentCoding[]
  /** The fewest bytes of a body that are worth it; streams are packed whatever they come to. @defaultValue 1 024 */
  readonly minBytes?: number
  /** From 0, fast, to 11, small and a hundred times slower. @defaultValue 4 */
  readonly brotliQuality?: number
  /** Of gzip and deflate, from 1, fast, to 9, small. @defaultValue 6 */
  readonly gzipLevel?: number
  /** The most packed streams at once: each holds up to 0.6 MiB while it is open. More are sent as they are. @defaultValue 100 */
  readonly maxStreams?: number
}

/** The options, each with a value. */
export type CompressionSettings = Required<CompressionOptions>

const known: readonly string[] = ['br', 'gzip', 'deflate'] satisfies readonly ContentCoding[]

/** The options, each with a value; undefined for none. Throws `RangeError` or `TypeError` for what makes no sense. */
export function compressionOf(options: boolean | CompressionOptions | undefined): CompressionSettings | undefined {
  if (options === undefined || options === false) return undefined
  const { codings = ['br', 'gzip', 'deflate'], minBytes = 1024, maxStreams = 100 } = options === true ? {} : options
  const { brotliQuality = 4, gzipLevel = 6 } = options === true ? {} : options
  const wrong = codings.find(coding => !known.includes(coding))
  if (wrong !== undefined)
    throw new TypeError(`http: compression.codings has '${wrong}', which is none of ${known.join(', ')}`)
  if (codings.length === 0) throw new TypeError('http: compression.codings is empty: leave compression out instead')
  return {
    codings: [...codings],
    minBytes: limit('compression.minBytes', minBytes, 0),
    brotliQuality: limit('compression.brotliQuality', brotliQuality, 0, 11),
    gzipLevel: limit('compression.gzipLevel', gzipLevel, 1, 9),
    maxStreams: limit('compression.maxStreams', maxStreams, 0),
  }
}

/** What of a request decides how its response is packed. */
interface Asked {
  readonly method: string
  readonly headers: HttpHeaders
}

/** Packs the responses of one server. */
export class Compression {
  readonly #settings: CompressionSettings
  #streams = 0

  constructor(settings: CompressionSettings) {
    this.#settings = settings
  }

  /** The response as it goes out. Never throws or rejects: what cannot be packed goes out as it is. */
  of({ method, headers }: Asked, response: HttpResponse): Awaitable<HttpResponse> {
    const { status, body } = response
    if (status === 304) return varying(response)
    if (status === 204 || status === 206 || !isPackable(response)) return response
    const varied = varying(response)
    const coding = negotiate(headerOf(headers, 'accept-encoding'), this.#settings.codings)
    if (coding === undefined) return varied
    if (!isWhole(body)) return this.#packStream(method, varied, coding)
    if (Buffer.byteLength(body) < this.#settings.minBytes) return varied
    return method === 'HEAD' ? { ...labelled(varied, coding), body: noBody } : this.#packWhole(varied, body, coding)
  }

  /** In zlib's threads: meanwhile others are served. */
  #packWhole(response: HttpResponse, body: string | Uint8Array, coding: ContentCoding): Promise<HttpResponse> {
    return new Promise(resolve => {
      const done = (error: Error | null, packed: Buffer): void => {
        const isSmaller = error === null && packed.length < Buffer.byteLength(body)
        resolve(isSmaller ? { ...labelled(response, coding), body: packed } : response)
      }
      const { brotliQuality, gzipLevel: level } = this.#settings
      const params = {
        [constants.BROTLI_PARAM_QUALITY]: brotliQuality,
        [constants.BROTLI_PARAM_SIZE_HINT]: Buffer.byteLength(body),
      }
      if (coding === 'br') brotliCompress(body, { params }, done)
      else if (coding === 'gzip') gzip(body, { level }, done)
      else deflate(body, { level }, done)
    })
  }

  #packStream(method: string, response: HttpResponse, coding: ContentCoding): HttpResponse {
    const { body } = response
    if (isWhole(body) || (method !== 'HEAD' && this.#streams >= this.#settings.maxStreams)) return response
    if (method === 'HEAD') return labelled(response, coding)
    this.#streams++
    const packer = (): ReturnType<typeof packerFor> => packerFor(coding, this.#settings)
    const packed = packedStream(body, packer, () => this.#streams--)
    return { ...labelled(response, coding), body: packed }
  }
}

/** After HEAD: the length of what is packed is not known, and that of what is not would be wrong. */
const noBody: AsyncIterable<string> = {
  [Symbol.asyncIterator]: () => ({ next: async () => ({ done: true, value: undefined }) }),
}

function isWhole(body: HttpResponse['body']): body is string | Uint8Array {
  return typeof body === 'string' || body instanceof Uint8Array
}

function isPackable({ headers }: HttpResponse): boolean {
  let type: string | undefined
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]
    if (name === 'content-encoding') return false
    if (name === 'content-type') type = headers[i + 1]
    else if (name === 'cache-control' && headers[i + 1]?.toLowerCase().includes('no-transform') === true) return false
  }
  return isCompressible(type)
}

/** Says that the response is another for other `Accept-Encoding`s. */
function varying(response: HttpResponse): HttpResponse {
  const headers = response.headers.slice()
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] !== 'vary') continue
    const vary = headers[i + 1] ?? ''
    const isSaid = vary.split(',').some(each => ['*', 'accept-encoding'].includes(each.trim().toLowerCase()))
    if (!isSaid) headers[i + 1] = `${vary}, accept-encoding`
    return { ...response, headers }
  }
  headers.push('vary', 'accept-encoding')
  return { ...response, headers }
}

function labelled(response: HttpResponse, coding: ContentCoding): HttpResponse {
  const headers = response.headers.slice()
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] === 'etag') headers[i + 1] = packedTag(headers[i + 1] ?? '', coding)
  }
  headers.push('content-encoding', coding)
  return { ...response, headers }
}
