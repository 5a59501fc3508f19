// A node:http request's body as bytes, never more of it than allowed: what counts is what it unpacks to, so that a kilobyte
// of zeros zipped a thousandfold is cut off as early as a long upload. Callbacks instead of promises: this is on every POST's path.
import { isUtf8 } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import type { Transform } from 'node:stream'
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib'
import { type Failure, failureOf } from '../../core/failure.js'
import { Gathering } from './gathering.js'

/** Told once: a failure (and then an empty body), or the body. */
export type BodyDone = (failure: Failure | undefined, body: Buffer) => void

const nothing: Buffer = Buffer.alloc(0)

const decoders: ReadonlyMap<string, () => Transform> = new Map<string, () => Transform>([
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
 * ends too early; `cancelled`/`CANCELLED` when the caller went away. All say `ran: 'no'`.
 *
 * After a failure the request is paused with the rest of its body unread, so the connection cannot carry another request: answer
 * with `connection: close` and end the response; node:http then closes the socket. Do not resume the request unless what still
 * arrives is bounded otherwise. No listener of ours is left either way.
 */
export function readBody(request: IncomingMessage, maxBytes: number, done: BodyDone): void {
  const { headers } = request
  const length = headers['content-length']
  if (request.destroyed && !request.complete) return done(cancelled(), nothing)
  if (length !== undefined && Number(length) > maxBytes) return refuse(request, tooLarge(maxBytes), done)
  const isEmpty = length === undefined ? headers['transfer-encoding'] === undefined : Number(length) === 0
  if (isEmpty) return done(undefined, nothing)
  const encoding = headers['content-encoding']
  if (encoding === undefined || encoding === 'identity') {
    new Reading(request, maxBytes, done)
    return
  }
  const decoder = decoders.get(encoding.trim().toLowerCase())
  if (decoder === undefined) return refuse(request, unsupported(), done)
  new Unpacking(request, decoder(), { maxBytes, done })
}
