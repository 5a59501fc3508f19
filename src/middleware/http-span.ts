// What a span says of a call over HTTP, besides what it says of any. Of its path only the route is told: what stands there in place of
// a parameter is a part of the request, may be a secret, and is never the same twice.
import { type Context, type HttpSource, httpSourceOf, type MethodInfo, type RemoteHttp } from '../core/index.js'
import type { Span } from '../tracing/index.js'

/** Methods that are told by their names; anybody can invent others without end. */
const known: ReadonlySet<string> = new Set('CONNECT DELETE GET HEAD OPTIONS PATCH POST PUT QUERY TRACE'.split(' '))

/** Says how a call came, and gives what will tell the status of its answer; undefined for a call that did not come over HTTP. */
export function describeServed(span: Span, context: Context, method: MethodInfo | undefined): HttpSource | undefined {
  const source = httpSourceOf(context)
  if (source === undefined) return undefined
  span.set('http.method', known.has(source.method) ? source.method : '_OTHER')
  if (method?.http !== undefined) span.set('http.route', method.http.route)
  span.set('http.scheme', context.peer.secure ? 'https' : 'http')
  if (source.httpVersion !== undefined) span.set('http.version', source.httpVersion)
  return source
}

/** What the spans of all calls to a method say of where it is. */
export interface SentTo {
  readonly method: string | undefined
  readonly url: string
  readonly version: string | undefined
}

/** Where a client's method is. */
export function sentTo({ url, version }: RemoteHttp, method: MethodInfo | undefined): SentTo {
  const { http } = method ?? {}
  return { method: http?.method, url: http === undefined ? url : url + http.route, version }
}

/** Says where a call goes. */
export function describeSent(span: Span, { method, url, version }: SentTo): void {
  if (method !== undefined) span.set('http.method', method)
  span.set('http.url', url)
  if (version !== undefined) span.set('http.version', version)
}
