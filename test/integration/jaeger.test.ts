/** The same shop, as a real Jaeger tells it: over OTLP, by OpenTelemetry's SDK and by its exporter alone, and in Zipkin's format. */
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-node'
import { otel, otelTracer } from 'tenon/tracing/otel'
import { zipkin } from 'tenon/tracing/zipkin'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type JaegerServer, needJaeger, startJaeger } from './jaeger.js'
import { type TracedShopOptions, tracedShop } from './traced-shop.js'

let server: JaegerServer | undefined
let missing: string | undefined

beforeAll(async () => {
  needJaeger(reason => {
    missing = reason
  })
  if (missing === undefined) server = await startJaeger()
})

afterAll(() => server?.stop())

describe('a real Jaeger', () => {
  test.beforeEach(({ skip }) => skip(missing !== undefined, missing))

  test('tells calls with their attempts and errors as one trace', async () => {
    const { zipkinUrl } = server as JaegerServer // or the test was skipped
    const shop = await tracedShop({ reporter: () => zipkin(zipkinUrl), formats: ['w3c', 'b3'] })
    const traceId = await shop.order('flaky')
    await shop.stop()
    const { spans, processes } = await (server as JaegerServer).trace(traceId, 7)
    const rows = [...spans]
      .sort((a, b) => a.startTime - b.startTime)
      .map(({ operationName, processID, tags, references, spanID }) => {
        const tag = (key: string): unknown => tags.find(each => each.key === key)?.value
        const parent = spans.find(each => each.spanID === references[0]?.spanID)
        return {
          what: `${processes[processID]?.serviceName} ${tag('span.kind')} ${operationName}`,
          parent: parent === undefined ? undefined : `${processes[parent.processID]?.serviceName}`,
          attempt: tag('attempt'),
          failed: tag('error') !== undefined,
          http: `${tag('http.path')} ${tag('http.status_code')}`,
          spanID,
        }
      })
    const take = 'shop.v1.stock/take'
    const [busy, taken, watched] = ['/take 503', '/take 200', '/watch/{sku} 200'].map(http => ({ http }))
    expect(rows.map(({ spanID: _, ...row }) => row)).toEqual([
      {
        what: 'shop server shop.v1.shop/order',
        parent: undefined,
        attempt: undefined,
        failed: false,
        http: '/order 200',
      },
      { what: `shop client ${take}`, parent: 'shop', attempt: '1', failed: true, ...busy },
      { what: `stock server ${take}`, parent: 'shop', attempt: '1', failed: true, ...busy },
      { what: `shop client ${take}`, parent: 'shop', attempt: '2', failed: false, ...taken },
      { what: `stock server ${take}`, parent: 'shop', attempt: '2', failed: false, ...taken },
      { what: 'shop client shop.v1.stock/watch', parent: 'shop', attempt: undefined, failed: false, ...watched },
      { what: 'stock server shop.v1.stock/watch', parent: 'shop', attempt: undefined, failed: false, ...watched },
    ])
  })

  const overOtlp: Readonly<Record<string, (exporter: () => OTLPTraceExporter) => TracedShopOptions>> = {
    'an exporter alone': exporter => ({ reporter: () => otel(exporter()) }),
    'the SDK': exporter => ({
      tracerOf: service => {
        const resource = resourceFromAttributes({ 'service.name': service })
        const provider = new BasicTracerProvider({ resource, spanProcessors: [new BatchSpanProcessor(exporter())] })
        return otelTracer({ provider, service })
      },
    }),
  }

  test.each(Object.entries(overOtlp))('is told the same over OTLP by %s', async (_, optionsFor) => {
    const { otlpUrl } = server as JaegerServer // or the test was skipped
    const shop = await tracedShop(optionsFor(() => new OTLPTraceExporter({ url: `${otlpUrl}/v1/traces` })))
    const traceId = await shop.order('flaky')
    await shop.stop()
    const { spans, processes } = await (server as JaegerServer).trace(traceId, 7)
    // Not by their times: the SDK has no more than milliseconds, of which several spans may have the same.
    const nameOf = ({ operationName, tags }: (typeof spans)[number]): string => {
      const tag = (key: string) => tags.find(each => each.key === key)?.value
      return `${operationName} ${tag('tenon.attempt')} ${tag('span.kind')}`
    }
    const rows = [...spans]
      .sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1))
      .map(({ operationName, processID, tags, references }) => {
        const tag = (key: string): unknown => tags.find(each => each.key === key)?.value
        const parent = spans.find(each => each.spanID === references[0]?.spanID)
        return {
          what: `${processes[processID]?.serviceName} ${tag('span.kind')} ${operationName}`,
          parent: parent === undefined ? undefined : processes[parent.processID]?.serviceName,
          attempt: tag('tenon.attempt'),
          status: tag('rpc.status_code'),
          http: [
            tag('http.request.method'),
            tag('http.route') ?? tag('url.template'),
            tag('http.response.status_code'),
          ].join(' '),
          failed: tag('error') === true ? tag('error.type') : undefined,
        }
      })
    const http = 'POST /take 200'
    const busy = { status: 'UNAVAILABLE', failed: 'SHELF_BUSY', http: 'POST /take 503' }
    const ok = { status: 'OK', failed: undefined, http }
    const take = 'shop.v1.Stock/take'
    const watch = { attempt: undefined, ...ok, http: 'GET /watch/{sku} 200' }
    const order = { attempt: undefined, ...ok, http: 'POST /order 200' }
    expect(rows).toEqual([
      { what: 'shop server shop.v1.Shop/order', parent: undefined, ...order },
      { what: `shop client ${take}`, parent: 'shop', attempt: 1, ...busy },
      { what: `stock server ${take}`, parent: 'shop', attempt: 1, ...busy },
      { what: `shop client ${take}`, parent: 'shop', attempt: 2, ...ok },
      { what: `stock server ${take}`, parent: 'shop', attempt: 2, ...ok },
      { what: 'shop client shop.v1.Stock/watch', parent: 'shop', ...watch },
      { what: 'stock server shop.v1.Stock/watch', parent: 'shop', ...watch },
    ])
  })
})
