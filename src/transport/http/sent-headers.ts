// What a client sends beside its message: what the call says, and what its caller added, as far as HTTP leaves that to callers.
import { CallError, type Context, failureOf } from '../../core/index.js'
import { attemptHeader, outgoingOf, ranHeader, timeoutHeader } from '../wire-headers.js'
import { framingHeaders } from './message.js'

/** Names that a caller may not use: two values of one of these would be read differently here and there. */
const reserved: ReadonlySet<string> = new Set([
  ...framingHeaders,
  'accept',
  'accept-encoding',
  'connect-timeout-ms',
  'content-encoding',
  'content-type',
  'expect',
  'grpc-timeout',
  'host',
  attemptHeader,
  ranHeader,
  timeoutHeader,
])

/** Names and values in turn. Throws `CallError` `invalid_argument`/`INVALID_METADATA`, `ran: 'no'`, for a name that is the transport's. */
export function sentHeaders(context: Context): string[] {
  const headers: string[] = []
  const { outgoing } = context
  if (outgoing.size > 0)
    for (const name of outgoing.keys())
      if (reserved.has(name)) throw invalid(`the header '${name}' belongs to the transport`)
  for (const pair of outgoingOf(context)) headers.push(pair[0], pair[1])
  return headers
}

const nameRule = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const valueRule = /^[\t\x20-\x7e\x80-\xff]*$/

/** `headers` with `own` in place of those of the same name. Throws as {@link sentHeaders}, and for what HTTP cannot carry. */
export function withOwnHeaders(headers: readonly string[], own: Readonly<Record<string, string>>): string[] {
  const merged = new Map<string, string>()
  for (let i = 0; i < headers.length; i += 2) merged.set(headers[i] as string, headers[i + 1] as string) // names and values in turn
  for (const [name, value] of Object.entries(own)) {
    const lower = name.toLowerCase()
    if (framingHeaders.has(lower) || lower === 'expect') throw invalid(`the header '${name}' belongs to the transport`)
    if (!nameRule.test(name)) throw invalid(`${JSON.stringify(name.slice(0, 64))} cannot be the name of a header`)
    if (typeof value !== 'string' || !valueRule.test(value))
      throw invalid(`the header '${name}' cannot have this value`)
    merged.set(lower, value)
  }
  return [...merged].flat()
}

function invalid(message: string): CallError<never> {
  return new CallError<never>(failureOf('invalid_argument', 'INVALID_METADATA', message, { ran: 'no' }))
}
