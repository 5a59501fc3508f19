// Which headers a proxy sends on: RFC 9110, section 7.6.1. What is said between two neighbours stays between them, nobody can say on
// behalf of the proxy whom it forwards for, and what a caller proves itself with is for the proxy unless it is said to be the target's.
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

/** Where a caller's credentials are, on every transport. */
const credentialNames = ['authorization', 'cookie', 'x-api-key'] as const

/** A header with a credential of the caller. */
export type CredentialHeader = (typeof credentialNames)[number]

/** Whether these are such headers. */
export function areCredentials(names: unknown): names is readonly CredentialHeader[] {
  return Array.isArray(names) && names.every(name => credentialNames.includes(name))
}

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

/** What goes on of what a caller says of others, and of what it proves itself with. */
export interface Passing {
  readonly forwarded: ForwardedPolicy
  readonly credentials: readonly CredentialHeader[]
}

/** The headers of a request to send on, but for its host. */
export function forwardedHeaders(
  headers: HttpHeaders,
  peer: Peer,
  { forwarded: policy, credentials }: Passing,
): Record<string, string> {
  const left = new Set<string>(credentialNames.filter(name => !credentials.includes(name)))
  const sent: Record<string, string> = {}
  for (const [name, value] of Object.entries(endToEnd(headers))) {
    // CGI and its descendants take `x_forwarded_for` for `x-forwarded-for`.
    const read = name.replaceAll('_', '-')
    if (!ofTheCall.has(name) && !forwardedNames.has(read) && !left.has(read))
      sent[name] = typeof value === 'string' ? value : value.join(', ')
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
