// A response of a codec's as node:http will take it, or the reason why not, said before a byte has gone out.
import { validateHeaderName, validateHeaderValue } from 'node:http'
import type { Reply } from '../../core/index.js'
import type { HandlerResponse } from './handler-options.js'
import { framingHeaders } from './message.js'
import type { SentResponse } from './send.js'

/** The response, with what the handler set on its reply. Throws for what cannot be sent. */
export function checkedResponse(
  { status, headers = {}, body = '', length, trailers }: HandlerResponse,
  reply: Reply | undefined,
): SentResponse {
  const code = status ?? reply?.status ?? 200
  if (!Number.isInteger(code) || code < 200 || code > 599)
    throw new RangeError(`handler: a status must be from 200 to 599, got ${code}`)
  if (length !== undefined && !(Number.isSafeInteger(length) && length >= 0))
    throw new RangeError(`handler: the length of a body must be a whole number from 0 on, got ${length}`)
  const pairs = headerPairs(headers, reply)
  if (typeof body === 'string' || body instanceof Uint8Array) return { status: code, headers: pairs, body }
  return { status: code, headers: pairs, body, length, trailers: trailers && (() => trailerPairs(trailers())) }
}

function headerPairs(headers: NonNullable<HandlerResponse['headers']>, reply: Reply | undefined): string[] {
  const pairs: string[] = []
  const own = new Set<string>()
  for (const [name, values] of Object.entries(headers)) {
    own.add(name.toLowerCase())
    for (const value of typeof values === 'string' ? [values] : values) add(pairs, name, value)
  }
  if (reply === undefined) return pairs
  for (const [name, value] of reply.headers) if (!own.has(name)) add(pairs, name, value)
  for (const value of reply.setCookies) add(pairs, 'set-cookie', value)
  return pairs
}

function add(pairs: string[], name: string, value: string): void {
  validateHeaderName(name)
  validateHeaderValue(name, value)
  if (framingHeaders.has(name.toLowerCase())) throw new TypeError(`handler: the header '${name}' is the server's own`)
  pairs.push(name, value)
}

/** What cannot be a trailer is left out: the response has gone, and nobody could be told. */
function trailerPairs(trailers: Readonly<Record<string, string>>): string[] {
  const pairs: string[] = []
  for (const [name, value] of Object.entries(trailers)) {
    try {
      if (notTrailers.has(name.toLowerCase())) continue
      add(pairs, name, value)
    } catch {}
  }
  return pairs
}

/** They say how to read what came before (RFC 9110, section 6.5.1). */
const notTrailers: ReadonlySet<string> = new Set([
  'authorization',
  'cache-control',
  'content-encoding',
  'content-range',
  'content-type',
  'host',
  'set-cookie',
])
