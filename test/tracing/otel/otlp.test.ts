/** From a call over HTTP to a collector of OTLP, by OpenTelemetry's own SDK and exporter: what arrives there, field for field. */
import { createServer } from 'node:http'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-node'
import {
  call,
  callOrThrow,
  chain,
  connect,
  contract,
  failed,
  failure,
  fromPromise,
  implement,
  left,
  method,
  stream,
} from 'tenon'
import { resource, serve } from 'tenon/lifecycle'
import { retry, tracing } from 'tenon/middleware'
import type { Tracer } from 'tenon/tracing'
import { otelTracer } from 'tenon/tracing/otel'
import * as http from 'tenon/transport/http'
import { describe, expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { deep } from '../../deep.js'
import { nowhere } from '../../transport/http/listening.js'
import { listening, otlpReceiver, type ReceivedSpan } from './otlp-receiver.js'

const Item = z.object({ sku: z.string() })
const Stock = contract('shop.v1.Stock', {
  take: method({
    request: Item,
    response: Item,
    idempotency: 'idempotent',
    failures: { OutOfStock: failure('failed_precondition', z.object({})) },
  }),
  watch: method({ request: Item, response: stream(Item), idempotency: 'safe' }),
})
const Shop = contract('shop.v1.Shop', { order: method({ request: Item, response: Item, idempotency: 'unsafe' }) })

/** What a service has: the SDK, as a program makes it, and our tracer of it. */
function sdk(service: string, url: string, options: { readonly timeoutMillis?: number } = {}): Tracer {
  const exporter = new OTLPTraceExporter({ url, ...options })
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({ 'service.name': service }),
    spanProcessors: [new BatchSpanProcessor(exporter, { scheduledDelayMillis: 60_000 })],
  })
  onTestFinished(() => provider.shutdown().catch(() => {}))
  return otelTracer({ provider, service })
}

/** A stock that refuses at first, and a shop that asks it. */
async function shopAndStock(url: string) {
  const tracers = { shop: sdk('shop', url), stock: sdk('stock', url) }
  let attempts = 0
  const stock = implement(Stock)
    .use(tracing(tracers.stock))
    .handlers({
      take: ({ sku }) => {
        if (sku === 'gone') return failed('not_found', 'NO_SKU', 'there is none')
        if (sku === 'rare') return left(Stock.failures.OutOfStock({}))
        return ++attempts === 1 ? failed('unavailable', 'BUSY', 'later', { ran: 'no' }) : { sku }
      },
      watch: async function* ({ sku }) {
        yield { sku }
        yield { sku }
      },
    })
  const stockRunning = await serve([stock], [http.server({ port: 0 })], { signals: false })
  const toStock = http.client(stockRunning.addresses[0] ?? '')
  const plain = connect(Stock, toStock)
  const traced = chain(retry({ maxAttempts: 2, baseMs: 1 }), tracing(tracers.shop))
  const client = { take: traced(plain.take), watch: traced(plain.watch) }
  const shop = implement(Shop)
    .use(tracing(tracers.shop))
    .handlers({
      order: async (request, context) => {
        if (request.sku !== 'streamed') {
          await call(client.take, request, { context })
          return request
        }
        for await (const _ of await callOrThrow(client.watch, request, { context })) void _
        return request
      },
    })
  const resources = [resource('shop', () => tracers.shop.close()), resource('stock', () => tracers.stock.close())]
  const shopRunning = await serve([shop], [http.server({ port: 0 })], { signals: false, resources })
  const toShop = http.client(shopRunning.addresses[0] ?? '')
  const stop = async (): Promise<void> => {
    for (const each of [toShop, shopRunning, toStock, stockRunning]) await each.close()
  }
  onTestFinished(stop)
  return { shop: connect(Shop, toShop), stockAt: stockRunning.addresses[0] ?? '', stop }
}

describe('what arrives', () => {
  test('of a call with an attempt that failed', async () => {
    const receiver = await otlpReceiver()
    const { shop, stockAt, stop } = await shopAndStock(receiver.url)
    const before = BigInt(Date.now() - 1) * 1_000_000n
    await callOrThrow(shop.order, { sku: 'tea' })
    await stop()
    expect(receiver.mistakes).toEqual([])
    const of = (service: string, kind: number): ReceivedSpan[] =>
      receiver.spans
        .filter(span => span.service === service && span.kind === kind)
        .sort((a, b) => (BigInt(a.startTimeUnixNano) < BigInt(b.startTimeUnixNano) ? -1 : 1))
    const [order, ...others] = of('shop', 2)
    const [first, second, third] = of('shop', 3)
    const [refused, taken] = of('stock', 2)
    if (!order || !first || !second || !refused || !taken) throw new Error(JSON.stringify(receiver.spans))
    expect([others, third, receiver.spans.length]).toEqual([[], undefined, 5])
    expect(new Set(receiver.spans.map(span => span.traceId)).size).toBe(1)
    expect(new Set(receiver.spans.map(span => span.spanId)).size).toBe(5)
    expect(order.parentSpanId).toBeUndefined()
    expect([first.parentSpanId, second.parentSpanId]).toEqual([order.spanId, order.spanId])
    expect([refused.parentSpanId, taken.parentSpanId]).toEqual([first.spanId, second.spanId])
    const port = Number(new URL(stockAt).port)
    const http = { 'rpc.system.name': 'tenon', 'network.protocol.name': 'http' }
    const stock = { ...http, 'rpc.method': 'shop.v1.Stock/take' }
    const toStock = { ...stock, 'server.address': '127.0.0.1', 'server.port': port }
    const busy = { 'rpc.status_code': 'UNAVAILABLE', 'tenon.reason': 'BUSY', 'error.type': 'BUSY' }
    const version = { 'network.protocol.version': '1.1' }
    const post = (route: string): object => ({
      ...version,
      'http.request.method': 'POST',
      'http.route': route,
      'url.path': route,
      'url.scheme': 'http',
    })
    const sent = {
      ...version,
      'http.request.method': 'POST',
      'url.full': `${stockAt}/shop.v1.Stock/take`,
      'url.template': '/shop.v1.Stock/take',
    }
    const status = (code: number): object => ({ 'http.response.status_code': code })
    expect(order.attributes).toEqual({
      ...http,
      ...post('/shop.v1.Shop/order'),
      ...status(200),
      'rpc.method': 'shop.v1.Shop/order',
      'rpc.status_code': 'OK',
      'client.address': '127.0.0.1',
    })
    expect(first.attributes).toEqual({
      ...toStock,
      ...sent,
      ...status(503),
      ...busy,
      'tenon.attempt': 1,
      'tenon.blame': 'dependency',
    })
    expect(second.attributes).toEqual({
      ...toStock,
      ...sent,
      ...status(200),
      'tenon.attempt': 2,
      'rpc.status_code': 'OK',
    })
    const fromShop = { ...stock, ...post('/shop.v1.Stock/take'), 'client.address': '127.0.0.1' }
    expect(refused.attributes).toMatchObject({ ...fromShop, ...status(503), ...busy, 'tenon.attempt': 1 })
    expect(taken.attributes).toEqual({ ...fromShop, ...status(200), 'tenon.attempt': 2, 'rpc.status_code': 'OK' })
    expect(first.status).toEqual({ code: 2, message: 'unavailable/BUSY' })
    expect(refused.status).toEqual({ code: 2, message: 'unavailable/BUSY' })
    for (const span of [order, second, taken]) expect(span.status).toEqual({ code: 0 })
    for (const span of receiver.spans) {
      expect(span.name).toBe(span.service === 'shop' && span.kind === 2 ? 'shop.v1.Shop/order' : 'shop.v1.Stock/take')
      expect([span.scope, span.schemaUrl]).toEqual(['tenon', 'https://opentelemetry.io/schemas/1.45.0'])
      expect(span.flags & 0xff).toBeGreaterThanOrEqual(1) // sampled
      expect(span.flags & 0x100).toBe(0x100) // it is known whether the parent is remote
      expect((span.flags & 0x200) !== 0).toBe(span.service === 'stock')
      const [start, end] = [BigInt(span.startTimeUnixNano), BigInt(span.endTimeUnixNano)]
      expect(start >= before && end >= start && end < before + 60_000_000_000n).toBe(true)
    }
  })

  test.each<[string, Readonly<Record<string, unknown>>, ReceivedSpan['status'], ReceivedSpan['status']]>([
    ['rare', { 'tenon.failure': 'OutOfStock' }, { code: 0 }, { code: 0 }],
    [
      'gone',
      { 'rpc.status_code': 'NOT_FOUND', 'tenon.reason': 'NO_SKU' },
      { code: 2, message: 'not_found/NO_SKU' },
      { code: 0 },
    ],
  ])('of what is no mistake of the stock: %s', async (sku, said, atShop, atStock) => {
    const receiver = await otlpReceiver()
    const { shop, stop } = await shopAndStock(receiver.url)
    await call(shop.order, { sku })
    await stop()
    expect(receiver.mistakes).toEqual([])
    const [asked] = receiver.spans.filter(span => span.kind === 3)
    const [answered] = receiver.spans.filter(span => span.service === 'stock')
    expect(asked).toMatchObject({ attributes: said, status: atShop })
    expect(answered).toMatchObject({ attributes: said, status: atStock, parentSpanId: asked?.spanId })
  })

  test('of a stream: one span on each side, with its messages', async () => {
    const receiver = await otlpReceiver()
    const { shop, stop } = await shopAndStock(receiver.url)
    await callOrThrow(shop.order, { sku: 'streamed' })
    await stop()
    expect(receiver.mistakes).toEqual([])
    const messages = (type: string): unknown =>
      [1, 2].map(id => ({ name: 'rpc.message', attributes: { 'rpc.message.type': type, 'rpc.message.id': id } }))
    const watches = receiver.spans.filter(span => span.name === 'shop.v1.Stock/watch')
    expect(watches).toHaveLength(2)
    for (const { kind, events, startTimeUnixNano, endTimeUnixNano, attributes } of watches) {
      expect(events.map(({ at: _, ...event }) => event)).toEqual(messages(kind === 3 ? 'RECEIVED' : 'SENT'))
      for (const { at } of events) expect(at >= BigInt(startTimeUnixNano) && at <= BigInt(endTimeUnixNano)).toBe(true)
      expect(attributes['tenon.responses']).toBe(2)
    }
  })
})

describe('a collector that', () => {
  const collectors: Readonly<Record<string, () => Promise<string>>> = {
    hangs: () => listening(createServer(() => {})),
    'answers garbage': () => listening(createServer((_, response) => response.end('\u0000{<'))),
    'refuses everything': () => listening(createServer((_, response) => response.writeHead(503).end())),
    'is not there': async () => nowhere,
  }

  test.each(Object.keys(collectors))(
    '%s costs no call anything, nor the end of the process more than a flush may take',
    async kind => {
      const url = await collectors[kind]?.()
      const tracer = sdk('shop', `${url}/v1/traces`, { timeoutMillis: 100 })
      const traced = tracing(tracer)(fromPromise(async () => 'done'))
      for (let count = 0; count < deep(3_000, 100_000); count++) {
        const result = await call(traced, {})
        if (result._tag === 'Left') throw new Error(result.left.message)
      }
      const span = tracer.start('still there')
      expect(span.isRecording).toBe(true)
      span.end()
      await tracer.close()
    },
  )
})
