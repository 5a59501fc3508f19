// A span in Zipkin's words, as its own library has them.
import zipkin from 'zipkin'
import type { FinishedSpan, Origin, SpanAttributes } from '../index.js'

/** The span that zipkin encodes. Names are lower-cased there, and a duration is at least one microsecond. */
export function zipkinSpan(span: FinishedSpan, origin: Origin): zipkin.model.Span {
  const { context, parent } = span
  const made = new zipkin.model.Span(
    new zipkin.TraceId({
      traceId: context.traceId,
      spanId: context.spanId,
      parentId: parent === undefined ? zipkin.option.None : new zipkin.option.Some(parent.spanId),
      sampled: new zipkin.option.Some(true),
      debug: context.debug === true,
      shared: span.shared,
    }),
  )
  made.setName(span.name)
  if (span.kind !== 'internal') made.setKind(span.kind.toUpperCase())
  made.setTimestamp(micros(span.startedAt))
  made.setDuration(micros(span.durationMs))
  made.setLocalEndpoint(new zipkin.model.Endpoint({ serviceName: origin.service }))
  if (span.peer !== undefined) made.setRemoteEndpoint(endpointOf(span.peer))
  for (const { name, at, attributes } of span.events) made.addAnnotation(micros(at), textOf(name, attributes))
  for (const [name, value] of tagsOf(span, origin)) made.putTag(name, value)
  return made
}

function micros(ms: number): number {
  return Math.round(ms * 1_000)
}

/** `127.0.0.1:8080`, `stock:8080`, `2001:db8::1`. Only names of servers are names of services: addresses of callers have no end. */
function endpointOf(peer: string): zipkin.model.Endpoint {
  const [, named = peer, port] = /^(\[[^\]]*\]|[^:]*):(\d{1,5})$/.exec(peer) ?? []
  const host = named === 'localhost' ? '127.0.0.1' : named.replace(/^\[|\]$/g, '')
  const at = port === undefined ? {} : { port: Number(port) }
  if (/^\d{1,3}(?:\.\d{1,3}){3}$/.test(host)) return new zipkin.model.Endpoint({ ipv4: host, ...at })
  if (!/^[\da-f:.]*:[\da-f:.]*$/i.test(host)) return new zipkin.model.Endpoint({ serviceName: host, ...at })
  // The library knows no IPv6 and would leave out an endpoint that has nothing else; its encoder writes what is there.
  return Object.assign(new zipkin.model.Endpoint(at), { ipv6: host, isEmpty: () => false })
}

/** By which Zipkin is searched: of a URL what is behind the authority, of a route itself. */
function pathOf(url: string): string {
  return url.replace(/^[^:/]*:\/\/[^/]*/, '') || '/'
}

/** Zipkin's events are texts. */
function textOf(name: string, attributes: SpanAttributes): string {
  return [name, ...Object.entries(attributes).map(([key, value]) => `${key}=${value}`)].join(' ')
}

/** Zipkin has neither links nor places for what was left out: they are tags. What is known of the process is on its outermost spans. */
function tagsOf(span: FinishedSpan, origin: Origin): [name: string, value: string][] {
  const { attributes, links, dropped, error } = span
  const tags: [string, string][] =
    span.parent === undefined || span.parent.remote ? Object.entries(origin.attributes) : []
  for (const [name, value] of Object.entries(attributes)) {
    tags.push([name, String(value)])
    if (name === 'http.route' || name === 'http.url') tags.push(['http.path', pathOf(String(value))])
  }
  for (const [i, { context }] of links.entries()) tags.push([`link.${i}`, `${context.traceId}-${context.spanId}`])
  if (error !== undefined) tags.push(['error', error])
  const missing = Object.entries(dropped).filter(([, count]) => count > 0)
  if (missing.length > 0) tags.push(['dropped', missing.map(([what, count]) => `${count} ${what}`).join(', ')])
  return tags
}
