/**
 * A receiver of OTLP over HTTP with JSON, which refuses what breaks the protocol: opentelemetry-proto 1.x in the JSON form of its
 * specification (ids in hex, 64-bit integers as decimal text, enums as numbers). Nothing unknown is let pass.
 */
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'
import { onTestFinished } from 'vitest'
import { z } from 'zod'

const traceId = z.string().regex(/^(?!0{32})[0-9a-f]{32}$/)
const spanId = z.string().regex(/^(?!0{16})[0-9a-f]{16}$/)
const uint64 = z.string().regex(/^[1-9]\d{0,19}$/)
const uint32 = z
  .int()
  .min(0)
  .max(2 ** 32 - 1)
const value = z.union([
  z.strictObject({ stringValue: z.string() }),
  z.strictObject({ intValue: z.union([z.int(), z.string().regex(/^-?\d+$/)]) }),
  z.strictObject({ doubleValue: z.number() }),
  z.strictObject({ boolValue: z.boolean() }),
])
const attributes = z.array(z.strictObject({ key: z.string().min(1), value }))
const span = z.strictObject({
  traceId,
  spanId,
  parentSpanId: spanId.optional(),
  traceState: z.string().optional(),
  name: z.string().min(1),
  kind: z.union([z.literal(1), z.literal(2), z.literal(3), z.literal(4), z.literal(5)]),
  startTimeUnixNano: uint64,
  endTimeUnixNano: uint64,
  attributes,
  droppedAttributesCount: uint32,
  events: z.array(
    z.strictObject({ name: z.string(), timeUnixNano: uint64, attributes, droppedAttributesCount: uint32 }),
  ),
  droppedEventsCount: uint32,
  links: z.array(
    z.strictObject({
      traceId,
      spanId,
      traceState: z.string().optional(),
      attributes,
      droppedAttributesCount: uint32,
      flags: uint32,
    }),
  ),
  droppedLinksCount: uint32,
  status: z.strictObject({ code: z.int().min(0).max(2), message: z.string().optional() }),
  flags: uint32,
})
const request = z.strictObject({
  resourceSpans: z
    .array(
      z.strictObject({
        resource: z.strictObject({
          attributes,
          droppedAttributesCount: uint32,
          entityRefs: z.array(z.unknown()).optional(),
        }),
        schemaUrl: z.string().optional(),
        scopeSpans: z.array(
          z.strictObject({
            scope: z.strictObject({ name: z.string(), version: z.string().optional() }),
            schemaUrl: z.string().optional(),
            spans: z.array(span).min(1),
          }),
        ),
      }),
    )
    .min(1),
})

/** A span as it arrived. */
export interface ReceivedSpan extends Omit<z.infer<typeof span>, 'attributes' | 'events' | 'links'> {
  readonly service: unknown
  readonly scope: string
  readonly schemaUrl: string | undefined
  readonly attributes: Readonly<Record<string, unknown>>
  readonly events: readonly {
    readonly name: string
    readonly at: bigint
    readonly attributes: Readonly<Record<string, unknown>>
  }[]
  readonly links: readonly {
    readonly traceId: string
    readonly spanId: string
    readonly attributes: Readonly<Record<string, unknown>>
  }[]
}

export interface OtlpReceiver {
  readonly url: string
  readonly spans: ReceivedSpan[]
  /** What was said of the process, in each request. */
  readonly resources: Readonly<Record<string, unknown>>[]
  /** What was wrong with what arrived. */
  readonly mistakes: string[]
}

function plain(list: z.infer<typeof attributes>): Readonly<Record<string, unknown>> {
  const entries = list.map(({ key, value: said }) => [key, Object.values(said)[0]] as const)
  if (new Set(entries.map(([key]) => key)).size !== entries.length) throw new Error('an attribute occurs twice')
  return Object.fromEntries(entries)
}

function received(body: unknown): ReceivedSpan[] {
  return request.parse(body).resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ scope, schemaUrl, spans }) =>
      spans.map(each => ({
        ...each,
        service: plain(resource.attributes)['service.name'],
        scope: scope.name,
        schemaUrl,
        attributes: plain(each.attributes),
        events: each.events.map(({ name, timeUnixNano, attributes: said }) => ({
          name,
          at: BigInt(timeUnixNano),
          attributes: plain(said),
        })),
        links: each.links.map(({ traceId: trace, spanId: of, attributes: said }) => ({
          traceId: trace,
          spanId: of,
          attributes: plain(said),
        })),
      })),
    ),
  )
}

async function bodyOf(message: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  for await (const chunk of message) chunks.push(chunk)
  const bytes = Buffer.concat(chunks)
  return JSON.parse(String(message.headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes))
}

export async function otlpReceiver(): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = []
  const mistakes: string[] = []
  const resources: Readonly<Record<string, unknown>>[] = []
  const server = createServer(async (message, response) => {
    try {
      if (message.method !== 'POST' || message.url !== '/v1/traces') throw new Error(`${message.method} ${message.url}`)
      if (message.headers['content-type'] !== 'application/json') throw new Error('no JSON')
      const body = await bodyOf(message)
      spans.push(...received(body))
      resources.push(...request.parse(body).resourceSpans.map(({ resource }) => plain(resource.attributes)))
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"partialSuccess":{}}')
    } catch (thrown) {
      mistakes.push(String(thrown))
      response.writeHead(400).end()
    }
  })
  return { url: `${await listening(server)}/v1/traces`, spans, resources, mistakes }
}

/** Listens on a free port until the end of the test; its address. */
export async function listening(server: Server): Promise<string> {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    return new Promise(resolve => server.close(() => resolve()))
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
