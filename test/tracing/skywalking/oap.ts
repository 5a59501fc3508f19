/**
 * A collector of SkyWalking as far as a test needs one: over HTTP for our reporter, over gRPC for the official agent. It refuses what
 * breaks the protocol (trace data protocol v3.1): nothing unknown is let pass, and nothing that is required may be missing.
 */
import { createServer, type IncomingMessage } from 'node:http'
import { z } from 'zod'

const pair = z.strictObject({ key: z.string().min(1), value: z.string() })
const ms = z.int().positive()
const int32 = z
  .int()
  .min(-(2 ** 31))
  .max(2 ** 31 - 1)
const reference = z.strictObject({
  refType: z.enum(['CrossProcess', 'CrossThread']),
  traceId: z.string().min(1),
  parentTraceSegmentId: z.string().min(1),
  parentSpanId: int32.min(0),
  parentService: z.string().min(1),
  parentServiceInstance: z.string(),
  parentEndpoint: z.string(),
  networkAddressUsedAtPeer: z.string(),
})
const span = z.strictObject({
  spanId: int32.min(0),
  parentSpanId: int32.min(-1),
  startTime: ms,
  endTime: ms,
  refs: z.array(reference),
  operationName: z.string().min(1),
  peer: z.string(),
  spanType: z.enum(['Entry', 'Exit', 'Local']),
  spanLayer: z.enum(['Unknown', 'Database', 'RPCFramework', 'Http', 'MQ', 'Cache', 'FAAS']),
  componentId: int32.min(0),
  isError: z.boolean(),
  tags: z.array(pair),
  logs: z.array(z.strictObject({ time: ms, data: z.array(pair) })),
  skipAnalysis: z.boolean(),
})
const segment = z.strictObject({
  traceId: z.string().min(1),
  traceSegmentId: z.string().min(1),
  spans: z.array(span).min(1),
  service: z.string().min(1),
  serviceInstance: z.string().min(1),
  isSizeLimited: z.boolean(),
})
const instance = z.strictObject({ service: z.string().min(1), serviceInstance: z.string().min(1) })
const properties = instance.extend({ properties: z.array(pair) })

export type ReceivedSegment = z.infer<typeof segment>

/** What holds beyond the form: one span begins a segment, others hang on spans that are there, and an exit says where to. */
function checkSegment({ spans }: ReceivedSegment): void {
  const ids = new Set(spans.map(({ spanId }) => spanId))
  if (ids.size !== spans.length) throw new Error('a span id occurs twice')
  if (!ids.has(0)) throw new Error('no span begins the segment')
  for (const { spanId, parentSpanId, spanType, peer, startTime, endTime, refs } of spans) {
    if ((spanId === 0) !== (parentSpanId === -1)) throw new Error('another span begins the segment')
    if (parentSpanId !== -1 && !ids.has(parentSpanId)) throw new Error('a parent is missing')
    if (spanType === 'Exit' && peer === '') throw new Error('an exit without a peer')
    if (endTime < startTime) throw new Error('a span ends before it begins')
    if (refs.length > 0 && spanId !== 0) throw new Error('a reference of a span that does not begin the segment')
  }
}

export interface Oap {
  readonly segments: ReceivedSegment[]
  /** `reportProperties` and `keepAlive`, in their order. */
  readonly management: (readonly [call: string, body: unknown])[]
  /** What was wrong with what arrived. */
  readonly mistakes: string[]
  /** How many requests were under way at once, at most. */
  readonly mostAtOnce: number
  readonly headers: readonly IncomingMessage['headers'][]
}

/** Takes what our reporter sends. */
export function httpOap(): { readonly oap: Oap; readonly server: ReturnType<typeof createServer> } {
  const [segments, management, mistakes, headers]: [
    ReceivedSegment[],
    (readonly [string, unknown])[],
    string[],
    IncomingMessage['headers'][],
  ] = [[], [], [], []]
  let [now, mostAtOnce] = [0, 0]
  const server = createServer(async (message, response) => {
    mostAtOnce = Math.max(mostAtOnce, ++now)
    headers.push(message.headers)
    try {
      const chunks: Buffer[] = []
      for await (const chunk of message) chunks.push(chunk)
      take(String(message.method), String(message.url), JSON.parse(String(Buffer.concat(chunks))))
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
    } catch (thrown) {
      mistakes.push(String(thrown))
      response.writeHead(400).end()
    }
    now--
  })
  const take = (method: string, path: string, body: unknown): void => {
    if (method !== 'POST') throw new Error(method)
    if (path === '/v3/segments') {
      const taken = z.array(segment).min(1).parse(body)
      for (const each of taken) checkSegment(each)
      segments.push(...taken)
    } else if (path === '/v3/management/reportProperties') management.push(['reportProperties', properties.parse(body)])
    else if (path === '/v3/management/keepAlive') management.push(['keepAlive', instance.parse(body)])
    else throw new Error(path)
  }
  const oap = {
    segments,
    management,
    mistakes,
    headers,
    get mostAtOnce() {
      return mostAtOnce
    },
  }
  return { oap, server }
}
