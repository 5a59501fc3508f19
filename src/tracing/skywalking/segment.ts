// Spans in SkyWalking's words (trace data protocol v3.1, as JSON): a segment is all that one process has done for one request, and its
// spans are numbered in it from 0.
import type { FinishedSpan, Origin, SpanAttributes, SpanKind, Sw8, TraceContext } from '../index.js'

/** `SegmentObject`. */
export interface SegmentObject {
  readonly traceId: string
  readonly traceSegmentId: string
  readonly spans: readonly SpanObject[]
  readonly service: string
  readonly serviceInstance: string
  /** Whether spans were left out since there were more than there may be. */
  readonly isSizeLimited: boolean
}

/** `SpanObject`; times are whole milliseconds since the epoch. */
export interface SpanObject {
  readonly spanId: number
  /** -1: it begins the segment. */
  readonly parentSpanId: number
  readonly startTime: number
  readonly endTime: number
  readonly refs: readonly SegmentReference[]
  readonly operationName: string
  readonly peer: string
  readonly spanType: 'Entry' | 'Exit' | 'Local'
  readonly spanLayer: 'Unknown' | 'RPCFramework' | 'Http' | 'MQ'
  readonly componentId: number
  readonly isError: boolean
  readonly tags: readonly KeyStringValuePair[]
  readonly logs: readonly { readonly time: number; readonly data: readonly KeyStringValuePair[] }[]
  readonly skipAnalysis: boolean
}

/** `SegmentReference`: where the span goes on that something else began. */
export interface SegmentReference {
  readonly refType: 'CrossProcess' | 'CrossThread'
  readonly traceId: string
  readonly parentTraceSegmentId: string
  readonly parentSpanId: number
  readonly parentService: string
  readonly parentServiceInstance: string
  readonly parentEndpoint: string
  readonly networkAddressUsedAtPeer: string
}

/** `KeyStringValuePair`. */
export interface KeyStringValuePair {
  readonly key: string
  readonly value: string
}

/** The spans of one segment as one object. */
export function segmentObject(
  [first, ...others]: readonly [FinishedSpan, ...FinishedSpan[]],
  { service, instance }: Origin,
  isSizeLimited: boolean,
): SegmentObject {
  const { traceId, segmentId } = placeOf(first.context)
  return {
    traceId,
    traceSegmentId: segmentId,
    spans: [first, ...others].map(spanObject).sort((a, b) => a.spanId - b.spanId),
    service,
    serviceInstance: instance,
    isSizeLimited,
  }
}

/** Where a span is: spans of `tracer` know that. One of another tracer is a segment of its own. */
export function placeOf({ skywalking, traceId, spanId }: TraceContext): Pick<Sw8, 'traceId' | 'segmentId' | 'spanId'> {
  return skywalking ?? { traceId, segmentId: traceId + spanId, spanId: 0 }
}

const types: Readonly<Record<SpanKind, SpanObject['spanType']>> = {
  server: 'Entry',
  consumer: 'Entry',
  client: 'Exit',
  producer: 'Exit',
  internal: 'Local',
}

function spanObject(span: FinishedSpan): SpanObject {
  const { context, parent, kind, attributes, startedAt, durationMs, error } = span
  const { spanId, segmentId } = placeOf(context)
  const above = parent?.skywalking
  const isInSegment = above?.segmentId === segmentId
  const startTime = Math.round(startedAt)
  const spanType = types[kind]
  return {
    spanId,
    parentSpanId: isInSegment && above !== undefined ? above.spanId : -1,
    startTime,
    endTime: Math.max(startTime, Math.round(startedAt + durationMs)),
    refs: isInSegment ? [] : refsOf(span),
    operationName: span.name,
    peer: span.peer ?? (spanType === 'Exit' ? 'unknown' : ''), // it must be told where something is left
    spanType,
    spanLayer: layerOf(kind, attributes['transport']),
    componentId: componentOf(kind, attributes['transport']),
    isError: error !== undefined,
    tags: tagsOf(span),
    logs: [...span.events.map(eventLog), ...(error === undefined ? [] : [errorLog(startedAt + durationMs, error)])],
    skipAnalysis: false,
  }
}

/** Of a span that begins a segment: its parent elsewhere, and the producers of the messages that it is about. */
function refsOf({ parent, links }: FinishedSpan): SegmentReference[] {
  const linked = links.map(({ context }) => reference(context, 'CrossProcess'))
  return [reference(parent, parent?.remote === true ? 'CrossProcess' : 'CrossThread'), ...linked].flatMap(
    ref => ref ?? [],
  )
}

/** Undefined for a span of which SkyWalking knows nothing: its trace came in another format. */
function reference(
  context: TraceContext | undefined,
  refType: SegmentReference['refType'],
): SegmentReference | undefined {
  const place = context?.skywalking
  if (place === undefined) return undefined
  return {
    refType,
    traceId: place.traceId,
    parentTraceSegmentId: place.segmentId,
    parentSpanId: place.spanId,
    parentService: place.service,
    parentServiceInstance: place.instance,
    parentEndpoint: place.endpoint,
    networkAddressUsedAtPeer: place.address,
  }
}

function layerOf(kind: SpanKind, transport: unknown): SpanObject['spanLayer'] {
  if (kind === 'producer' || kind === 'consumer') return 'MQ'
  if (transport === 'http') return 'Http'
  return transport === undefined ? 'Unknown' : 'RPCFramework'
}

/** Ids of SkyWalking's component library: 2 HttpClient, 49 HttpServer, 23 GRPC, 52 and 53 RabbitMQ; 0 for what it does not know. */
function componentOf(kind: SpanKind, transport: unknown): number {
  switch (transport) {
    case 'http':
      return kind === 'server' ? 49 : 2
    case 'grpc':
      return 23
    case 'amqp':
      return kind === 'producer' ? 52 : 53
    default:
      return 0
  }
}

/** What SkyWalking's own agents call it, and its pages look for. */
const names: Readonly<Record<string, string>> = { 'http.url': 'url', 'http.route': 'url' }

function tagsOf({ attributes, dropped }: FinishedSpan): KeyStringValuePair[] {
  const tags = pairsOf(attributes).map(({ key, value }) => ({ key: names[key] ?? key, value }))
  const missing = Object.entries(dropped).filter(([, count]) => count > 0)
  if (missing.length > 0)
    tags.push({ key: 'dropped', value: missing.map(([what, count]) => `${count} ${what}`).join(', ') })
  return tags
}

function eventLog({ name, at, attributes }: FinishedSpan['events'][number]): SpanObject['logs'][number] {
  return { time: Math.round(at), data: [{ key: 'event', value: name }, ...pairsOf(attributes)] }
}

/** As SkyWalking's agents write what was thrown. */
function errorLog(at: number, message: string): SpanObject['logs'][number] {
  return {
    time: Math.round(at),
    data: [
      { key: 'event', value: 'error' },
      { key: 'message', value: message },
    ],
  }
}

function pairsOf(attributes: SpanAttributes): KeyStringValuePair[] {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: String(value) }))
}
