// Writes a response to node:http: at once where it is whole, as fast as the reader takes it where it streams.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { HttpResponse } from './message.js'
import { hasBody } from './node-request.js'
import { joinLists } from './shared-headers.js'

/** A response to send. */
export interface SentResponse extends HttpResponse {
  /** How many bytes a body has that comes bit by bit, where that is known. */
  readonly length?: number | undefined
  /** Asked when the body is over: names and values in turn. */
  readonly trailers?: (() => readonly string[]) | undefined
}

/** Options of {@link send}. */
export interface SendOptions {
  /** Whether the connection ends after this response. */
  readonly last: boolean
  /** The most bytes of an unread request body that are thrown away to keep the connection. */
  readonly maxDiscardedBytes: number
  /** Whether others may have set headers on the response, or may have sent it. */
  readonly shared: boolean
  /** The value of `Keep-Alive`. @defaultValue node:http's own */
  readonly keepAlive?: string | undefined
}

/** Sends a response. A promise where that takes longer: it resolves when all is written or the reader is gone, and never rejects. */
export function send(
  request: IncomingMessage,
  target: ServerResponse,
  response: SentResponse,
  options: SendOptions,
): Promise<void> | undefined {
  const { body, status } = response
  // Where others answer, too, one of them may have done so already: a middleware that loses patience, say.
  if (isTaken(target)) {
    leave(body)
    return undefined
  }
  const isUnread = !request.complete && hasBody(request)
  if (typeof body === 'string' && !isUnread && isPlain(target, response, options)) {
    sendPlain(target, response, { body, keepAlive: options.keepAlive })
    return undefined
  }
  const isWhole = isBytes(body)
  const isLast = options.last || (isWhole && isUnread && !isShort(request, options))
  target.writeHead(status, headersOf(target, response, { ...options, last: isLast }))
  if (!isWhole && request.method !== 'HEAD' && hasContent(status)) {
    target.flushHeaders()
    return pump(body, target).then(
      () => {
        if (response.trailers !== undefined) addTrailers(target, response.trailers())
        endAfterRequest(request, target, options)
      },
      () => breakOff(target),
    )
  }
  if (!isWhole) leave(body)
  if (!isUnread) end(target, isWhole ? body : undefined)
  else {
    if (isWhole && body.length > 0) target.write(body)
    endAfterRequest(request, target, options)
  }
  return undefined
}

function isBytes(body: SentResponse['body']): body is string | Uint8Array {
  return typeof body === 'string' || body instanceof Uint8Array
}

function headersOf(
  target: ServerResponse,
  { status, headers: given, body, length }: SentResponse,
  { shared, last, keepAlive }: SendOptions,
): string[] {
  const headers = shared ? joinLists(target, given) : given.slice()
  if (last) headers.push('connection', 'close')
  else if (keepAlive !== undefined && target.shouldKeepAlive) headers.push('keep-alive', keepAlive)
  if (isBytes(body) && hasContent(status)) headers.push('content-length', String(Buffer.byteLength(body)))
  if (length !== undefined) headers.push('content-length', String(length))
  return headers
}

/** Whether a response with this status may have a body. */
function hasContent(status: number): boolean {
  return status !== 204 && status !== 304
}

/** Whether there is nothing to look at: what nearly all responses are, so it is worth a way of its own. */
function isPlain(target: ServerResponse, { status, headers }: SentResponse, { last, shared }: SendOptions): boolean {
  return hasContent(status) && !last && !shared && headers.length === 2 && target.shouldKeepAlive
}

interface Plain {
  readonly body: string
  readonly keepAlive: string | undefined
}

/** Sends a text with one header. The list is written out: one that grows takes three times its memory. */
function sendPlain(target: ServerResponse, { status, headers }: SentResponse, { body, keepAlive }: Plain): void {
  const [name, value] = headers as readonly [string, string] // as has been seen
  const length = Buffer.byteLength(body)
  const text = String(length)
  target.writeHead(
    status,
    keepAlive === undefined
      ? [name, value, 'content-length', text]
      : [name, value, 'content-length', text, 'keep-alive', keepAlive],
  )
  target.end(body, length === body.length ? 'latin1' : 'utf8')
}

/** A text of as many bytes as characters is ASCII, and node is faster at writing it when it is told. */
function end(target: ServerResponse, body: string | Uint8Array | undefined): void {
  if (body === undefined) target.end()
  else target.end(body, Buffer.byteLength(body) === body.length ? 'latin1' : 'utf8')
}

function isTaken({ destroyed, headersSent }: ServerResponse): boolean {
  return destroyed || headersSent
}

/** A body that breaks off must not look as if it had ended; what was written of it goes out all the same. */
function breakOff(target: ServerResponse): void {
  const { socket } = target
  if (socket === null || socket.destroyed) target.destroy()
  else socket.end(() => socket.destroy())
}

async function pump(body: AsyncIterable<string | Uint8Array>, target: Target): Promise<void> {
  const room = new Room(target)
  for await (const piece of body) {
    if (target.destroyed || target.writableEnded) break // leaving the loop closes the body
    const isFull = !target.write(piece)
    target.flush?.()
    if (isFull) await room.made()
  }
}

function addTrailers(target: ServerResponse, trailers: readonly string[]): void {
  const pairs: [string, string][] = []
  for (let i = 0; i < trailers.length; i += 2) pairs.push([trailers[i] as string, trailers[i + 1] as string]) // names and values in turn
  if (pairs.length > 0) target.addTrailers(pairs)
}

/** A response that packs what is written, as Express's `compression` makes it, says so and keeps it until it is told to flush. */
interface Target extends ServerResponse {
  readonly flush?: () => void
}

/** Waits until the reader has taken something, or is gone. One listener a stream: what packs a response takes none of them back. */
class Room {
  readonly #target: ServerResponse
  #isWatched = false
  #wake: (() => void) | undefined

  constructor(target: ServerResponse) {
    this.#target = target
  }

  made(): Promise<void> {
    if (!this.#isWatched) this.#watch()
    return new Promise(resolve => {
      this.#wake = resolve
    })
  }

  #watch(): void {
    this.#isWatched = true
    const wake = (): void => this.#wake?.()
    this.#target.on('drain', wake)
    this.#target.on('close', wake)
  }
}

/** A stream that nobody will read is closed: its call ends as abandoned. */
function leave(body: SentResponse['body']): void {
  if (isBytes(body)) return
  void body[Symbol.asyncIterator]().return?.()
}

function isShort({ headers }: IncomingMessage, { maxDiscardedBytes }: SendOptions): boolean {
  return Number(headers['content-length'] ?? Number.POSITIVE_INFINITY) <= maxDiscardedBytes
}

/**
 * Ends a response. What was not read of its request is read first, without keeping anything: closing before would reset the
 * connection, and the response with it. A caller that will not end is cut off.
 */
function endAfterRequest(request: IncomingMessage, target: ServerResponse, { maxDiscardedBytes }: SendOptions): void {
  if (request.complete || request.destroyed || !hasBody(request)) {
    target.end()
    return
  }
  let bytes = 0
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > maxDiscardedBytes) request.socket.destroy()
  })
  request.on('end', () => target.end())
  request.resume()
}
