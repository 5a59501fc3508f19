// `grpc-timeout`: the time left, as PROTOCOL-HTTP2 of gRPC writes it, in at most eight digits and a unit. grpc-js reads it for its servers:
// it finds a time in `-5S` and in nine digits, and takes what does not fit its 32 bits for over or for less.
import { EventEmitter } from 'node:events'
import type { IncomingHttpHeaders } from 'node:http2'
import { grpcTimeoutMs } from '../wire-headers.js'

/** grpc-js counts a server's timeout in 32 bits. */
const longestMs = 2 ** 31 - 1

/** `ms` as `grpc-timeout`, never longer: a callee must not go on when nobody waits. */
export function timeoutText(ms: number): string {
  const left = Math.floor(Math.min(Math.max(1, ms), longestMs))
  return left < 1e8 ? `${left}m` : `${Math.floor(left / 1000)}S`
}

/** Has a server of grpc-js read the times of its callers right, from the headers that come to it. */
export function mendTimeouts(server: object): void {
  const servers: unknown = Reflect.get(server, 'http2Servers') // its own affair, so nothing is done where it is not as known (1.14)
  if (!(servers instanceof Map)) return
  for (const each of servers.keys()) if (each instanceof EventEmitter) each.prependListener('stream', mendTimeout)
}

function mendTimeout(_stream: unknown, headers: IncomingHttpHeaders): void {
  const text = headers['grpc-timeout']
  if (text === undefined) return
  const ms = grpcTimeoutMs(String(text))
  if (ms === undefined)
    headers['grpc-timeout'] = 'malformed' // in which it finds no time
  else if (ms > longestMs) headers['grpc-timeout'] = timeoutText(longestMs)
}
