// Writes a response to node:http: at once where it is whole, as fast as the reader takes it where it streams.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { HttpResponse } from './message.js'

/** Options of {@link send}. */
export interface SendOptions {
  /** Whether the connection ends after this response. */
  readonly last: boolean
  /** The most bytes of an unread request body that are thrown away to keep the connection. */
  readonly maxDiscardedBytes: number
}

/** Sends a response. Resolves when it is written or its reader is gone; never rejects. */
export function send(
  request: IncomingMessage,
  target: ServerResponse,
  response: HttpResponse,
  options: SendOptions,
): Promise<void> | undefined {
  if (target.destroyed) {
    leave(response.body)
    return undefined
  }
  const { body } = response
  const headers = options.last ? [...response.headers, 'connection', 'close'] : [...response.headers]
  if (response.close === true && !request.complete) discard(request, options.maxDiscardedBytes)
  if (typeof body === 'string' || body instanceof Uint8Array) {
    if (response.status !== 204) headers.push('content-length', String(Buffer.byteLength(body)))
    target.writeHead(response.status, headers)
    target.end(body)
    return undefined
  }
  target.writeHead(response.status, headers)
  if (request.method === 'HEAD') {
    leave(body)
    target.end()
    return undefined
  }
  target.flushHeaders()
  return pump(body, target)
}

async function pump(body: AsyncIterable<string>, target: ServerResponse): Promise<void> {
  for await (const text of body) {
    if (target.destroyed) break // leaving the loop closes the body
    if (!target.write(text)) await drained(target)
  }
  target.end()
}

function drained(target: ServerResponse): Promise<void> {
  return new Promise(resolve => {
    const done = (): void => {
      target.off('drain', done)
      target.off('close', done)
      resolve()
    }
    target.on('drain', done)
    target.on('close', done)
  })
}

/** A stream that nobody will read is closed: its call ends as abandoned. */
function leave(body: HttpResponse['body']): void {
  if (typeof body === 'string' || body instanceof Uint8Array) return
  void body[Symbol.asyncIterator]().return?.()
}

/** Reads on without keeping anything, so that the answer arrives before a reset does; a caller that will not end is cut off. */
function discard(request: IncomingMessage, maxBytes: number): void {
  let bytes = 0
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > maxBytes) request.socket.destroy()
  })
  request.resume()
}
