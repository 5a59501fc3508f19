// Answers what is not HTTP, or never becomes a request: in plain text on the socket, because there is no response to use.
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Failure } from '../../core/index.js'
import { notRun } from '../wire-headers.js'
import { problemResponse } from './problem.js'

const phrases: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  408: 'Request Timeout',
  431: 'Request Header Fields Too Large',
}

/** What a request that takes too long to arrive is answered with. */
export const requestTimeout: NodeJS.ErrnoException = Object.assign(new Error('request timeout'), {
  code: 'ERR_HTTP_REQUEST_TIMEOUT',
})

function failureFor(error: NodeJS.ErrnoException): Failure {
  if (error.code === 'HPE_HEADER_OVERFLOW')
    return notRun('resource_exhausted', 'HEADERS_TOO_LARGE', 'the headers are too large')
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return notRun('deadline_exceeded', 'REQUEST_TIMEOUT', 'the request did not arrive in time')
  if (error.code === 'ERR_SSL_HTTP_REQUEST')
    return notRun('invalid_argument', 'MALFORMED_HTTP', 'this port speaks HTTPS, and the request came without TLS')
  return notRun('invalid_argument', 'MALFORMED_HTTP', 'the request is not HTTP/1.1')
}

/** Answers a broken request, where the socket still can, and closes the connection. For node:http's `clientError`. */
export function refuse(error: NodeJS.ErrnoException, stream: Duplex): void {
  const socket = stream as Socket // node:http's own are sockets, TLS ones included
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const { status, headers, body } = problemResponse(failureFor(error))
  const lines = [`HTTP/1.1 ${status} ${phrases[status] ?? 'Error'}`]
  for (let i = 0; i < headers.length; i += 2) lines.push(`${headers[i]}: ${headers[i + 1]}`)
  const text = String(body)
  lines.push('connection: close', `content-length: ${Buffer.byteLength(text)}`, '', text)
  socket.end(lines.join('\r\n'), () => socket.destroy())
}
