// What our spans say, in the words of OpenTelemetry's semantic conventions 1.45.0: those for RPC and HTTP are stable there, those
// for messaging are in development. What has no word there is ours and says so: `tenon.reason`.
import { type Attributes, type AttributeValue, SpanKind as OtelKind } from '@opentelemetry/api'
import type { SpanKind } from '../index.js'

/** Which version of the conventions that is: backends may translate by it. */
export const schemaUrl = 'https://opentelemetry.io/schemas/1.45.0'

export const otelKinds: Readonly<Record<SpanKind, OtelKind>> = {
  internal: OtelKind.INTERNAL,
  server: OtelKind.SERVER,
  client: OtelKind.CLIENT,
  producer: OtelKind.PRODUCER,
  consumer: OtelKind.CONSUMER,
}

/** Names that mean one thing in every span, and what they are called there. All others stay as they are. */
const names: Readonly<Record<string, string>> = {
  attempt: 'tenon.attempt',
  blame: 'tenon.blame',
  reason: 'tenon.reason',
  requests: 'tenon.requests',
  responses: 'tenon.responses',
  tag: 'tenon.failure',
  destination: 'messaging.destination.name',
  messageId: 'messaging.message.id',
  'http.method': 'http.request.method',
  'http.scheme': 'url.scheme',
  'http.version': 'network.protocol.version',
  'http.status_code': 'http.response.status_code',
}

/** What the systems that OpenTelemetry knows are called there. */
const rpcSystems: Readonly<Record<string, string>> = { grpc: 'grpc', jsonrpc: 'jsonrpc' }

/** One attribute of a span of ours, as OpenTelemetry has it. */
export function attributesOf(kind: SpanKind, name: string, value: AttributeValue): Attributes {
  const isMessage = kind === 'producer' || kind === 'consumer'
  switch (name) {
    case 'method':
      return isMessage ? { 'messaging.destination.name': value } : { 'rpc.method': value }
    case 'code':
      return isMessage ? { 'tenon.code': value } : { 'rpc.status_code': String(value).toUpperCase() }
    case 'transport':
      if (isMessage) return { 'messaging.system.name': value }
      return { 'rpc.system.name': rpcSystems[String(value)] ?? 'tenon', ...networkOf(value) }
    case 'http.route':
      return { 'http.route': value, 'url.path': value } // without values, as what is sensitive should be
    case 'http.url':
      return { 'url.full': value, 'url.template': pathOf(String(value)) }
    default:
      return { [names[name] ?? name]: value }
  }
}

/** Everything behind the authority: `/orders/{id}`. */
function pathOf(url: string): string {
  return url.replace(/^[^:/]*:\/\/[^/]*/, '') || '/'
}

function networkOf(transport: AttributeValue): Attributes {
  return transport === 'memory' ? { 'network.transport': 'inproc' } : { 'network.protocol.name': transport }
}

/** What a span of a kind always says. */
export function attributesOfKind(kind: SpanKind): Attributes {
  if (kind === 'producer') return { 'messaging.operation.type': 'send', 'messaging.operation.name': 'send' }
  if (kind === 'consumer') return { 'messaging.operation.type': 'process', 'messaging.operation.name': 'process' }
  return {}
}

/** Whom a span talks to: `127.0.0.1:8080`, `[::1]:8080`, `203.0.113.7`, `2001:db8::1`, `stock`. */
export function attributesOfPeer(kind: SpanKind, peer: string): Attributes {
  const [, host = peer, port] = /^(\[[^\]]*\]|[^:]*):(\d{1,5})$/.exec(peer) ?? []
  const side = kind === 'server' ? 'client' : 'server' // a broker is the server of both its sides
  const address = host.startsWith('[') ? host.slice(1, -1) : host
  return { [`${side}.address`]: address, ...(port === undefined ? {} : { [`${side}.port`]: Number(port) }) }
}

/** An event of a span of ours. */
export function eventOf(name: string, attributes: Attributes): readonly [name: string, attributes: Attributes] {
  const { type, id, ...others } = attributes
  if (name !== 'message' || (type !== 'sent' && type !== 'received')) return [name, attributes]
  const numbered = id === undefined ? {} : { 'rpc.message.id': id }
  return ['rpc.message', { 'rpc.message.type': type.toUpperCase(), ...numbered, ...others }]
}
