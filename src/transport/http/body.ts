// A node:http request's body as bytes, never more of it than allowed: what counts is what it unpacks to, so that a kilobyte
// of zeros zipped a thousandfold is cut off as early as a long upload. Callbacks instead of promises: this is on every POST's path.
import { isUtf8 } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import {
  type BrotliDecompress,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  type Gunzip,
  type Inflate,
} from 'node:zlib'
import type { Failure } from '../../core/failure.js'
import { notRun } from '../wire-headers.js'
import { Gathering } from './gathering.js'

/** Told once: a failure (and then an empty body), or the body. */
export type BodyDone = (failure: Failure | undefined, body: Buffer) => void

const nothing: Buffer = Buffer.alloc(0)
const unsupported: Failure = notRun(
  'invalid_argument',
  'UNSUPPORTED_MEDIA_TYPE',
  'the body has a content-encoding other than one of gzip, deflate, br and identity',
)

/** Why a body cannot be read a second time. */
export const alreadyRead: Failure = notRun(
  'internal',
  'BODY_ALREADY_READ',
  'something before Tenon has read the body and left nothing of it that can be used: mount Tenon before it',
)

type Decoder = Gunzip | Inflate | BrotliDecompress

const decoders: ReadonlyMap<string, () => Decoder> = new Map<string, () => Decoder>([
  ['gzip', createGunzip],
  ['x-gzip', createGunzip],
  ['deflate', createInflate],
  ['br', createBrotliDecompress],
])

/**
 * Reads a request's body to its end, unpacking `Content-Encoding` gzip, deflate (zlib) or br. Neither what arrives nor what it unpacks
 * to may have more than `maxBytes`. A body that came in one piece is not copied. `done` is called once, and before this returns
 * where nothing has to be read.
 *
 * Fails with `resource_exhausted`/`BODY_TOO_LARGE`, before reading where `Content-Length` says so; `invalid_argument`/
 * `UNSUPPORTED_MEDIA_TYPE` for another encoding or several; `invalid_argument`/`MALFORMED_BODY` for packed data that is broken or
 * ends too early; `cancelled`/`CANCELLED` when the caller went away; `internal`/`BODY_ALREADY_READ` where somebody else has begun to
 * read it. All say `ran: 'no'`.
 *
 * After a failure the request is paused with the rest of its body unread, so the connection cannot carry another request: answer
 * with `connection: close` and end the response; node:http then closes the socket. Do not resume the request unless what still
 * arrives is bounded otherwise. No listener of ours is left either way.
 */
export function readBody(request: IncomingMessage, maxBytes: number, done: BodyDone): void {
  const refusal = refusalOf(request, maxBytes)
  if (refusal !== undefined) {
    request.pause()
    done(refusal, nothing)
  } else if (isEmpty(request)) {
    done(undefined, nothing)
  } else {
    const decode = decoders.get(encodingOf(request))
    new Reading(request, { maxBytes, decoder: decode?.(), done }).start()
  }
}

/** Whether a body can be had by waiting, with {@link arrivedBody}: it may turn out to be whole, and needs no unpacking. */
export function isWorthAwaiting({ headers }: IncomingMessage, maxBytes: number): boolean {
  return headers['content-encoding'] === undefined && Number(headers['content-length'] ?? 0) <= maxBytes
}

/**
 * The body of a request that has arrived whole, read without a listener. Undefined where there is more to do ({@link readBody}). Fails
 * as that does.
 */
export function arrivedBody(request: IncomingMessage, maxBytes: number): Buffer | Failure | undefined {
  if (!request.complete || request.destroyed || wasRead(request) || request.readableEncoding !== null) return undefined
  const body: Buffer = request.read() ?? nothing // all of it: no encoding was set
  return body.length > maxBytes ? tooLarge(maxBytes) : body
}

function refusalOf(request: IncomingMessage, maxBytes: number): Failure | undefined {
  if (request.destroyed && !request.complete) return gone()
  if (isEmpty(request)) return undefined
  if (wasRead(request)) return alreadyRead
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) return tooLarge(maxBytes)
  const encoding = encodingOf(request)
  return encoding === 'identity' || decoders.has(encoding) ? undefined : unsupported
}

/** Whether somebody has begun to read the body: what is left of it is not the whole. */
export function wasRead(request: IncomingMessage): boolean {
  return request.readableDidRead || request.readableEnded
}

function isEmpty({ headers }: IncomingMessage): boolean {
  const length = headers['content-length']
  return length === undefined ? headers['transfer-encoding'] === undefined : Number(length) === 0
}

function encodingOf({ headers }: IncomingMessage): string {
  return headers['content-encoding']?.trim().toLowerCase() ?? 'identity'
}

interface ReadingOptions {
  /** Of what arrives, and of what it unpacks to. */
  readonly maxBytes: number
  /** Undefined for a body that is not packed. */
  readonly decoder: Decoder | undefined
  /** Where the body goes. */
  readonly done: BodyDone
}

class Reading {
  readonly #request: IncomingMessage
  readonly #options: ReadingOptions
  readonly #gathering: Gathering = new Gathering()
  #arrived = 0

  constructor(request: IncomingMessage, options: ReadingOptions) {
    this.#request = request
    this.#options = options
  }

  start(): void {
    const { decoder } = this.#options
    const source = decoder ?? this.#request
    this.#request.on('close', this.#onClose)
    this.#request.on('error', this.#onClose)
    source.on('data', this.#onData)
    source.on('end', this.#onEnd)
    if (decoder === undefined) return
    decoder.on('error', this.#onBroken)
    this.#request.on('data', this.#onPacked)
    this.#request.pipe(decoder)
  }

  readonly #onData = (piece: Buffer): void => {
    if (this.#gathering.length + piece.length > this.#options.maxBytes) this.#finish(tooLarge(this.#options.maxBytes))
    else this.#gathering.add(piece)
  }

  /** Packed bytes count as well: they may unpack to nothing, and would otherwise arrive for ever. */
  readonly #onPacked = (piece: Buffer): void => {
    this.#arrived += piece.length
    if (this.#arrived > this.#options.maxBytes) this.#finish(tooLarge(this.#options.maxBytes))
  }

  readonly #onEnd = (): void => {
    const { decoder } = this.#options
    const hasMore = decoder !== undefined && (!this.#request.readableEnded || decoder.bytesWritten < this.#arrived)
    this.#finish(hasMore ? malformed('the packed body is followed by something else') : undefined)
  }

  readonly #onBroken = (): void => this.#finish(malformed('the packed body is broken or ends too early'))

  readonly #onClose = (): void => {
    if (!this.#request.readableEnded) this.#finish(gone()) // else the decoder is still busy with all of it
  }

  #finish(failure: Failure | undefined): void {
    const { decoder, done } = this.#options
    const request = this.#request
    request.off('close', this.#onClose)
    request.off('error', this.#onClose)
    request.off('data', this.#onData)
    request.off('end', this.#onEnd)
    if (decoder !== undefined) {
      request.off('data', this.#onPacked)
      request.unpipe(decoder)
      decoder.off('error', this.#onBroken)
      decoder.on('error', ignore) // of a write that was under way
      decoder.destroy()
    }
    if (failure !== undefined) request.pause()
    done(failure, failure === undefined ? this.#gathering.whole() : nothing)
  }
}

function ignore(): void {}

/** The text of a body, or a failure `invalid_argument`/`MALFORMED_BODY` if it is not UTF-8. A byte order mark stays in it. */
export function textOf(body: Buffer): string | Failure {
  return isUtf8(body) ? body.toString('utf8') : malformed('the body is not UTF-8')
}

function tooLarge(maxBytes: number): Failure {
  return notRun('resource_exhausted', 'BODY_TOO_LARGE', `the body has more than ${maxBytes} bytes`)
}

function malformed(message: string): Failure {
  return notRun('invalid_argument', 'MALFORMED_BODY', message)
}

function gone(): Failure {
  return notRun('cancelled', 'CANCELLED', 'the caller went away in the middle of the body')
}
