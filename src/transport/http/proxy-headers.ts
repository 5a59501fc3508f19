// Which headers a proxy sends on: RFC 9110, section 7.6.1. What is said between two neighbours stays between them, and nobody can
// say on behalf of the proxy whom it forwards for.
import type { Peer } from '../../core/index.js'
import { attemptHeader, timeoutHeader } from '../wire-headers.js'
import { framingHeaders, type HttpHeaders, headerOf } from './message.js'

/** Between two neighbours, whatever `Connection` says. */
const hopByHop: ReadonlySet<string> = new Set([
  ...framingHeaders,
  'expect',
  'http2-settings',
  'proxy-authenticate',
  'proxy-authorization',
])

/** What a proxy says of its caller. */
const forwardedNames: ReadonlySet<string> = new Set([
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-prefix',
  'x-forwarded-proto',
  'x-forwarded-server',
  'x-real-ip',
])

/** The call's own, which say how much is left of its time now, and which attempt it is. */
const ofTheCall: ReadonlySet<string> = new Set([
  attemptHeader,
  'connect-timeout-ms',
  'grpc-timeout',
  'host',
  timeoutHeader,
])

/** The headers of a message that are for its end and not for its next hop. */
export function endToEnd(headers: HttpHeaders): Record<string, string | readonly string[]> {
  const listed = new Set(
    String(headers['connection'] ?? '')
      .split(',')
      .map(name => name.trim().toLowerCase()),
  )
  const kept: Record<string, string | readonly string[]> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && !hopByHop.has(name) && !listed.has(name)) kept[name] = value
  }
  return kept
}

/** What becomes of what a caller said of those it forwards for. */
export type ForwardedPolicy = 'replace' | 'append' | 'drop'

/** The headers of a request to send on, but for its host. */
export function forwardedHeaders(headers: HttpHeaders, peer: Peer, policy: ForwardedPolicy): Record<string, string> {
  const sent: Record<string, string> = {}
  for (const [name, value] of Object.entries(endToEnd(headers))) {
    // CGI and its descendants take `x_forwarded_for` for `x-forwarded-for`.
    const isForwarded = forwardedNames.has(name.replaceAll('_', '-'))
    if (!ofTheCall.has(name) && !isForwarded) sent[name] = typeof value === 'string' ? value : value.join(', ')
  }
  sent['via'] = appended(headerOf(headers, 'via'), '1.1 tenon')
  if (policy === 'drop') return sent
  const before = (name: string): string | undefined => (policy === 'append' ? headerOf(headers, name) : undefined)
  const { address = 'unknown', secure, host } = peer
  const proto = secure ? 'https' : 'http'
  sent['x-forwarded-for'] = appended(before('x-forwarded-for'), address)
  sent['x-forwarded-proto'] = before('x-forwarded-proto') ?? proto
  if (host !== undefined) sent['x-forwarded-host'] = before('x-forwarded-host') ?? host
  const element = [`for=${nodeOf(address)}`, `proto=${proto}`, ...(host === undefined ? [] : [`host=${quoted(host)}`])]
  sent['forwarded'] = appended(before('forwarded'), element.join(';'))
  return sent
}

function appended(before: string | undefined, value: string): string {
  return before === undefined || before === '' ? value : `${before}, ${value}`
}

/** An address as RFC 7239 writes it. */
function nodeOf(address: string): string {
  return address.includes(':') ? `"[${address}]"` : address
}

function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`
}
