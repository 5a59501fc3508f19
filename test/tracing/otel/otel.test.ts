/** Our own spans for an exporter of OpenTelemetry's SDK: what arrives over OTLP, and what it costs when nothing does. */
import { createServer } from 'node:http'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { call, failed, fromPromise, manualClock } from 'tenon'
import { tracing } from 'tenon/middleware'
import { tracer } from 'tenon/tracing'
import { type OtelExportResult, otel } from 'tenon/tracing/otel'
import { describe, expect, onTestFinished, test } from 'vitest'
import { deep } from '../../deep.js'
import { listening, otlpReceiver } from './otlp-receiver.js'

const traceId = '80f198ee56343ba864fe8b2a57d3eff7'
const spanId = 'e457b5a2e4d86bd1'

test('arrives over OTLP, field for field', async () => {
  const receiver = await otlpReceiver()
  const clock = manualClock({ startWallTime: 1_700_000_000_000 })
  const traces = tracer({
    service: 'shop',
    instance: 'shop-1',
    attributes: { 'service.version': '1.4.2' },
    reporters: [otel(new OTLPTraceExporter({ url: receiver.url }))],
    limits: { maxEvents: 2 },
  })
  const parent = traces.extract(
    new Map([
      ['traceparent', `00-${traceId}-${spanId}-03`],
      ['tracestate', 'foo=1'],
    ]),
  )
  const root = traces.start('shop.v1.Shop/order', { kind: 'server', parent, peer: '203.0.113.7' }, clock)
  root.setAll({ method: 'shop.v1.Shop/order', transport: 'http', code: 'ok', priority: 3, urgent: true, share: 0.5 })
  root.link({ traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), sampled: true }, { role: 'before' })
  await clock.advance(10.5)
  const inside = traces.start('shop.v1.Stock/take', { kind: 'client', parent: root, peer: 'stock:8080' }, clock)
  for (const id of [1, 2, 3]) inside.event('message', { type: 'sent', id })
  inside.set('reason', 'BUSY')
  inside.fail({ message: 'unavailable/BUSY' })
  inside.end()
  root.end()
  const other = traces.start('broken')
  other.fail({ message: 'wrong' })
  other.end()
  await traces.close()
  expect(receiver.mistakes).toEqual([])
  const [client, server, broken] = receiver.spans
  const common = {
    service: 'shop',
    scope: 'tenon',
    schemaUrl: 'https://opentelemetry.io/schemas/1.45.0',
    traceId,
    traceState: 'foo=1',
    droppedAttributesCount: 0,
    droppedLinksCount: 0,
  }
  const start = 1_700_000_000_000_000_000n
  const at = String(start + 10_500_000n)
  expect(server).toEqual({
    ...common,
    spanId: root.spanId,
    parentSpanId: spanId,
    name: 'shop.v1.Shop/order',
    kind: 2,
    startTimeUnixNano: String(start),
    endTimeUnixNano: at,
    attributes: {
      'rpc.method': 'shop.v1.Shop/order',
      'rpc.system.name': 'tenon',
      'network.protocol.name': 'http',
      'rpc.status_code': 'OK',
      'client.address': '203.0.113.7',
      priority: 3,
      urgent: true,
      share: 0.5,
    },
    events: [],
    droppedEventsCount: 0,
    links: [{ traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), attributes: { role: 'before' } }],
    status: { code: 0 },
    flags: 0x303, // sampled and random; it is known that the parent is remote
  })
  const sent = (id: number): unknown => ({
    name: 'rpc.message',
    at: BigInt(at),
    attributes: { 'rpc.message.type': 'SENT', 'rpc.message.id': id },
  })
  expect(client).toEqual({
    ...common,
    spanId: inside.spanId,
    parentSpanId: root.spanId,
    name: 'shop.v1.Stock/take',
    kind: 3,
    startTimeUnixNano: at,
    endTimeUnixNano: at,
    attributes: { 'server.address': 'stock', 'server.port': 8080, 'tenon.reason': 'BUSY', 'error.type': 'BUSY' },
    events: [sent(1), sent(2)],
    droppedEventsCount: 1,
    links: [],
    status: { code: 2, message: 'unavailable/BUSY' },
    flags: 0x103,
  })
  expect(broken).toMatchObject({ attributes: { 'error.type': '_OTHER' }, status: { code: 2, message: 'wrong' } })
  expect(broken?.parentSpanId).toBeUndefined()
  expect(receiver.resources[0]).toEqual({
    'service.name': 'shop',
    'service.instance.id': 'shop-1',
    'service.version': '1.4.2',
  })
})

test('says of the process what it is given', async () => {
  const receiver = await otlpReceiver()
  const resource = resourceFromAttributes({ 'service.name': 'other' })
  const reporter = otel(new OTLPTraceExporter({ url: receiver.url }), { resource })
  const traces = tracer({ service: 'shop', reporters: [reporter] })
  traces.start('work').end()
  await traces.close()
  expect(receiver.spans[0]?.service).toBe('other')
})

describe('an exporter that', () => {
  test('fails or throws loses its batch, and says so', async () => {
    const failures: unknown[] = []
    let code = 0
    const results: (() => OtelExportResult)[] = [
      () => ({ code: 1, error: new Error('no') }),
      () => ({ code: 1 }),
      () => {
        throw new Error('wrong')
      },
      () => ({ code: 0 }),
    ]
    let shutdowns = 0
    const reporter = otel(
      { export: (_, done) => done(results[code++]?.() ?? { code: 1 }), shutdown: async () => void shutdowns++ },
      { onFailure: error => failures.push(error) },
    )
    const traces = tracer({ service: 'shop', reporters: [reporter] })
    for (let count = 0; count < 4; count++) {
      traces.start('work').end()
      await traces.flush()
    }
    await traces.close()
    expect(failures.map(String)).toEqual(['Error: no', 'Error: the exporter does not say why', 'Error: wrong'])
    expect(reporter.counts).toMatchObject({ sent: 1, failed: 3 })
    expect(shutdowns).toBe(1)
  })

  test('asks a collector that hangs costs no call anything, and memory a bound', async () => {
    const url = await listening(createServer(() => {}))
    const exporter = new OTLPTraceExporter({ url: `${url}/v1/traces`, timeoutMillis: 50 })
    const reporter = otel(exporter, { maxQueue: 100, timeoutMs: 100, flushTimeoutMs: 200, onFailure: () => {} })
    const traces = tracer({ service: 'shop', reporters: [reporter] })
    onTestFinished(() => traces.close())
    const traced = tracing(traces)(fromPromise(async () => failed('unavailable', 'BUSY', 'later')))
    const calls = deep(2_000, 100_000)
    for (let count = 0; count < calls; count++) {
      await call(traced, {})
      if (reporter.counts.queued > 100) throw new Error(JSON.stringify(reporter.counts))
    }
    await traces.close()
    const { sent, failed: lost, dropped, queued } = reporter.counts
    expect([sent, queued, lost + dropped]).toEqual([0, 0, calls])
  })

  test('is none is refused', () => {
    expect(() => otel({} as never)).toThrow(TypeError)
  })
})
