// A request in an Express app: its path is what is left below the place where we are mounted, and something before us may have read
// its body already.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Awaitable, CallError, type Failure, type Peer } from '../../../core/index.js'
import { checkedJson } from '../../json.js'
import { notRun } from '../../wire-headers.js'
import { alreadyRead, type BodyDone, readBody, wasRead } from '../body.js'
import type { Body, Bytes } from '../message.js'
import { listenedBody, NodeRequest, textBody } from '../node-request.js'
import type { ThroughProxies } from '../trusted-proxies.js'
import { peerOf } from './peer.js'

/** What `app.use`, `app.get` and so on take. */
export type ExpressHandler = (message: IncomingMessage, target: ServerResponse, next: (error?: unknown) => void) => void

/** A request as an app hands it over. */
export interface Parsed extends IncomingMessage {
  /** What a parser of the app made of the body: `express.json()` a value, `express.raw()` bytes, `express.text()` a string. */
  readonly body?: unknown
}

const nothing: Buffer = Buffer.alloc(0)

/** A {@link NodeRequest} whose body the app may have read. Its `url` is relative to the mount path, as Express makes it. */
export class ExpressRequest extends NodeRequest {
  readonly #message: Parsed
  readonly #isTrusting: boolean

  constructor(message: IncomingMessage, throughProxies?: ThroughProxies) {
    super(message, throughProxies)
    this.#message = message
    this.#isTrusting = throughProxies !== undefined
  }

  override get peer(): Peer {
    return this.#isTrusting ? super.peer : peerOf(this.#message)
  }

  override body(maxBytes: number, done: (body: Body) => void): void {
    if (wasRead(this.#message)) done(bodyOf(this.#message, maxBytes))
    else listenedBody(this.#message, maxBytes, done)
  }

  override bytes(maxBytes: number): Awaitable<Bytes> {
    if (!wasRead(this.#message)) return super.bytes(maxBytes)
    const read = parsed(this.#message, maxBytes)
    if ('bytes' in read) return { bytes: read.bytes }
    return { failure: read.failure ?? alreadyRead } // a value is not the bytes that it was made of
  }

  override async *chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    if (!wasRead(this.#message)) {
      yield* super.chunks()
      return
    }
    const bytes = bytesOf(this.#message.body)
    if (bytes === undefined) throw new CallError(alreadyRead)
    yield bytes
  }
}

/** As `readBody`, where the app may have read the body. */
export function readParsed(message: Parsed, maxBytes: number, done: BodyDone): void {
  if (!wasRead(message)) {
    readBody(message, maxBytes, done)
    return
  }
  const read = parsed(message, maxBytes)
  if (read.failure !== undefined) done(read.failure, nothing)
  else if ('bytes' in read) done(undefined, read.bytes)
  else jsonBytes(read.value, done)
}

function jsonBytes(value: unknown, done: BodyDone): void {
  let bytes: Buffer
  try {
    bytes = Buffer.from(JSON.stringify(checkedJson(value)))
  } catch (thrown) {
    // A parser that was told to revive dates and the like has left something that is no JSON.
    done(thrown instanceof CallError ? (thrown.failure as Failure) : alreadyRead, nothing)
    return
  }
  done(undefined, bytes)
}

type ParsedBody =
  | { readonly failure: Failure }
  | ({ readonly failure?: undefined } & ({ readonly bytes: Buffer } | { readonly value: unknown }))

/** What the app has made of the body. */
function parsed(message: Parsed, maxBytes: number): ParsedBody {
  const { body } = message
  const bytes = bytesOf(body)
  if (bytes !== undefined) return bytes.length > maxBytes ? tooLarge(maxBytes) : { bytes }
  // A form, say, is no JSON any more, and what it came from is gone.
  if (body === undefined || !isJson(message)) return { failure: alreadyRead }
  return sizeOf(message, body) > maxBytes ? tooLarge(maxBytes) : { value: body }
}

function bodyOf(message: Parsed, maxBytes: number): Body {
  const read = parsed(message, maxBytes)
  return 'bytes' in read ? textBody(read.bytes) : read
}

function bytesOf(body: unknown): Buffer | undefined {
  if (typeof body === 'string') return Buffer.from(body)
  return Buffer.isBuffer(body) ? body : undefined
}

function isJson({ headers }: IncomingMessage): boolean {
  return headers['content-type']?.includes('json') === true
}

/** How large the body was unpacked; where nobody has said that, how large it is at least. */
function sizeOf({ headers }: IncomingMessage, body: unknown): number {
  const length = headers['content-length']
  if (length !== undefined && headers['content-encoding'] === undefined) return Number(length)
  try {
    return Buffer.byteLength(JSON.stringify(body) ?? '')
  } catch {
    return 0 // nested so deep that it is refused for that
  }
}

function tooLarge(maxBytes: number): { readonly failure: Failure } {
  return { failure: notRun('resource_exhausted', 'BODY_TOO_LARGE', `the body has more than ${maxBytes} bytes`) }
}
