/** Our spans as OpenTelemetry's: whose they are part of, what they say, and what they are parents of. */
import { context, SpanKind, SpanStatusCode, TraceFlags, type TracerProvider, trace } from '@opentelemetry/api'
import { AlwaysOffSampler, BasicTracerProvider, type SpanProcessor } from '@opentelemetry/sdk-trace-node'
import { call, chain, failed, fromPromise, incoming, type Metadata, manualClock, withMethod } from 'tenon'
import type { Awaitable, Outcome } from 'tenon/core'
import { tracing } from 'tenon/middleware'
import { type SpanKind as OurKind, type Tracer, w3c } from 'tenon/tracing'
import { ambientSpan, otelTracer, registered } from 'tenon/tracing/otel'
import { describe, expect, test } from 'vitest'
import { registerSdk } from './sdk.js'

const traceId = '80f198ee56343ba864fe8b2a57d3eff7'
const spanId = 'e457b5a2e4d86bd1'
const place = { service: 'shop.v1.Orders', name: 'place', idempotency: 'unsafe' } as const

/** Runs an endpoint as a server does. */
function receive(endpoint: object, headers: Readonly<Record<string, string>> = {}): Awaitable<Outcome> {
  const peer = { address: '203.0.113.7', secure: false }
  const metadata = new Map(Object.entries(headers))
  return incoming({ deadlineMs: 30_000, metadata, transport: 'http', from: { peer } }).run(endpoint, {})
}

describe('a span is part of', () => {
  test('the trace that came in', async () => {
    const sdk = registerSdk()
    const endpoint = withMethod(
      fromPromise(async () => 'done'),
      place,
    )
    await receive(tracing(otelTracer())(endpoint), { traceparent: `00-${traceId}-${spanId}-01`, tracestate: 'foo=1' })
    const span = sdk.span('shop.v1.Orders/place')
    expect(span.parentSpanContext).toMatchObject({ traceId, spanId, isRemote: true })
    expect(span.spanContext().traceId).toBe(traceId)
    expect(span.spanContext().traceState?.get('foo')).toBe('1')
    expect(span.kind).toBe(SpanKind.SERVER)
  })

  test("OpenTelemetry's current span, rather than the trace that came in", async () => {
    const sdk = registerSdk()
    const traced = tracing(otelTracer())(fromPromise(async () => 'done'))
    await trace.getTracer('instrumentation').startActiveSpan('GET /orders', async outer => {
      await receive(traced, { traceparent: `00-${traceId}-${spanId}-01` })
      outer.end()
    })
    expect(sdk.span('call').parentSpanContext?.spanId).toBe(sdk.span('GET /orders').spanContext().spanId)
  })

  test('our own span around it, and not of what was current before that', async () => {
    const sdk = registerSdk()
    const tracer = otelTracer()
    const inner = tracing(tracer, { spanName: () => 'inner' })(fromPromise(async () => 'done'))
    const outer = tracing(tracer, { spanName: () => 'outer' })(
      fromPromise(async (_: object, context) => {
        await call(inner, {}, { context })
        return 'done'
      }),
    )
    await trace.getTracer('instrumentation').startActiveSpan('request', async span => {
      await receive(outer)
      span.end()
    })
    expect(sdk.span('inner').parentSpanContext?.spanId).toBe(sdk.span('outer').spanContext().spanId)
    expect(sdk.span('outer').parentSpanContext?.spanId).toBe(sdk.span('request').spanContext().spanId)
  })

  test("a span of OpenTelemetry's that was begun inside ours and is current", async () => {
    const sdk = registerSdk()
    const tracer = otelTracer()
    const inner = tracing(tracer, { spanName: () => 'inner' })(fromPromise(async () => 'done'))
    const handler = fromPromise(async (_: object, context) => {
      await trace.getTracer('own').startActiveSpan('own work', async span => {
        await call(inner, {}, { context })
        span.end()
      })
      return 'done'
    })
    await receive(chain(tracing(tracer, { spanName: () => 'outer' }), ambientSpan())(handler))
    expect(sdk.span('inner').parentSpanContext?.spanId).toBe(sdk.span('own work').spanContext().spanId)
    expect(sdk.span('own work').parentSpanContext?.spanId).toBe(sdk.span('outer').spanContext().spanId)
  })

  test('nothing: it begins a trace', () => {
    const sdk = registerSdk()
    otelTracer().start('alone').end()
    expect(sdk.span('alone').parentSpanContext).toBeUndefined()
  })
})

describe('ambientSpan', () => {
  test("makes our span the parent of OpenTelemetry's in a handler, in interleaved calls too", async () => {
    const sdk = registerSdk()
    const library = trace.getTracer('library')
    const handler = fromPromise(async ({ id }: { readonly id: number }) => {
      await Promise.resolve()
      library.startSpan(`query ${id}`).end()
      await Promise.resolve()
      return trace.getActiveSpan()?.spanContext().traceId
    })
    const traced = chain(tracing(otelTracer()), ambientSpan())(handler)
    const results = await Promise.all(Array.from({ length: 50 }, (_, id) => call(traced, { id })))
    const traces = new Set<string>()
    for (const [id, result] of results.entries()) {
      const query = sdk.span(`query ${id}`)
      const parent = sdk.spans.find(span => span.spanContext().spanId === query.parentSpanContext?.spanId)
      expect(parent?.name).toBe('call')
      expect(result).toMatchObject({ right: query.spanContext().traceId })
      traces.add(query.spanContext().traceId)
    }
    expect(traces.size).toBe(50)
  })

  test('holds for each item of a stream, which still ends once', async () => {
    const sdk = registerSdk()
    const seen: (string | undefined)[] = []
    let closed = 0
    const stream = fromPromise(async () => ({
      async *[Symbol.asyncIterator]() {
        try {
          for (let item = 0; item < 10; item++) {
            seen.push(trace.getActiveSpan()?.spanContext().traceId)
            yield item
          }
        } finally {
          closed++
        }
      },
    }))
    const result = await call(chain(tracing(otelTracer()), ambientSpan())(stream), {})
    if (result._tag === 'Left') throw new Error(result.left.message)
    const items: number[] = []
    for await (const item of result.right) {
      items.push(item)
      if (item === 2) break
    }
    expect(items).toEqual([0, 1, 2])
    const { traceId: own } = sdk.span('call').spanContext()
    expect(seen).toEqual([own, own, own])
    expect(closed).toBe(1)
  })

  test('leaves a call without a span of ours alone', async () => {
    registerSdk()
    const endpoint = ambientSpan()(fromPromise(async () => trace.getActiveSpan()))
    expect(await call(endpoint, {})).toMatchObject({ right: undefined })
  })
})

describe('what a span says', () => {
  test('of a call that was received', async () => {
    const sdk = registerSdk()
    const refusing = fromPromise(async () => failed('invalid_argument', 'BAD_SKU', 'no such sku'))
    await receive(tracing(otelTracer())(withMethod(refusing, place)))
    const { attributes, status, kind } = sdk.span('shop.v1.Orders/place')
    expect(kind).toBe(SpanKind.SERVER)
    expect(attributes).toEqual({
      'rpc.system.name': 'tenon',
      'rpc.method': 'shop.v1.Orders/place',
      'rpc.status_code': 'INVALID_ARGUMENT',
      'network.protocol.name': 'http',
      'client.address': '203.0.113.7',
      'tenon.reason': 'BAD_SKU',
      'tenon.blame': 'caller',
    })
    expect(status).toEqual({ code: SpanStatusCode.UNSET })
  })

  test('of one that failed', async () => {
    const sdk = registerSdk()
    const broken = fromPromise(async () => failed('unavailable', 'CONNECTION_REFUSED', 'nobody there'))
    await receive(tracing(otelTracer())(broken))
    const { attributes, status } = sdk.span('call')
    expect(status).toEqual({ code: SpanStatusCode.ERROR, message: 'unavailable/CONNECTION_REFUSED' })
    expect(attributes).toMatchObject({ 'error.type': 'CONNECTION_REFUSED', 'rpc.status_code': 'UNAVAILABLE' })
  })

  test.each<[OurKind, SpanKind, Readonly<Record<string, unknown>>]>([
    [
      'client',
      SpanKind.CLIENT,
      { 'server.address': 'stock', 'server.port': 8080, 'rpc.system.name': 'grpc', 'network.protocol.name': 'grpc' },
    ],
    [
      'server',
      SpanKind.SERVER,
      { 'client.address': 'stock', 'client.port': 8080, 'rpc.system.name': 'grpc', 'network.protocol.name': 'grpc' },
    ],
    [
      'internal',
      SpanKind.INTERNAL,
      { 'server.address': 'stock', 'server.port': 8080, 'rpc.system.name': 'grpc', 'network.protocol.name': 'grpc' },
    ],
    [
      'producer',
      SpanKind.PRODUCER,
      {
        'server.address': 'stock',
        'server.port': 8080,
        'messaging.system.name': 'grpc',
        'messaging.operation.type': 'send',
        'messaging.operation.name': 'send',
      },
    ],
    [
      'consumer',
      SpanKind.CONSUMER,
      {
        'server.address': 'stock',
        'server.port': 8080,
        'messaging.system.name': 'grpc',
        'messaging.operation.type': 'process',
        'messaging.operation.name': 'process',
      },
    ],
  ])('of kind %s', (kind, expected, attributes) => {
    const sdk = registerSdk()
    otelTracer()
      .start('work', { kind, peer: 'stock:8080', attributes: { transport: 'grpc' } })
      .end()
    expect(sdk.span('work').kind).toBe(expected)
    expect(sdk.span('work').attributes).toEqual(attributes)
  })

  test.each([
    ['127.0.0.1:8080', { 'server.address': '127.0.0.1', 'server.port': 8080 }],
    ['[::1]:8080', { 'server.address': '::1', 'server.port': 8080 }],
    ['2001:db8::1', { 'server.address': '2001:db8::1' }],
    ['stock', { 'server.address': 'stock' }],
  ])('of the peer %s', (peer, attributes) => {
    const sdk = registerSdk()
    const span = otelTracer().start('work', { kind: 'client' })
    span.setPeer(undefined)
    span.setPeer(peer)
    span.end()
    expect(sdk.span('work').attributes).toEqual(attributes)
  })

  test('messages in and out of a broker, with links to those who sent them', () => {
    const sdk = registerSdk()
    const tracer = otelTracer()
    const sent = { traceId, spanId, sampled: true, remote: true }
    const span = tracer.start('work', {
      kind: 'consumer',
      attributes: { destination: 'orders', transport: 'nats', own: true, code: 'ok' },
      links: [{ context: sent, attributes: { messageId: 'm1' } }],
    })
    span.link({ ...sent, sampled: false, random: true })
    span.event('message', { type: 'received', id: 1 })
    span.event('message', { type: 'sent' })
    span.event('own', { a: 1 })
    span.rename('process orders')
    span.end()
    span.end()
    span.rename('too late')
    const { attributes, links, events } = sdk.span('process orders')
    expect(span.name).toBe('process orders')
    expect(attributes).toMatchObject({
      'messaging.system.name': 'nats',
      'messaging.destination.name': 'orders',
      'tenon.code': 'ok',
      own: true,
    })
    expect(links.map(link => link.context)).toEqual([
      { traceId, spanId, traceFlags: TraceFlags.SAMPLED, isRemote: true },
      { traceId, spanId, traceFlags: 2, isRemote: true },
    ])
    expect(events.map(({ name, attributes: said }) => [name, said])).toEqual([
      ['rpc.message', { 'rpc.message.type': 'RECEIVED', 'rpc.message.id': 1 }],
      ['rpc.message', { 'rpc.message.type': 'SENT' }],
      ['own', { a: 1 }],
    ])
  })

  test('when it was, on the clock of the call', async () => {
    const sdk = registerSdk()
    const clock = manualClock({ startWallTime: 1_700_000_000_000 })
    const span = otelTracer().start('work', {}, clock)
    await clock.advance(250.5)
    span.event('half')
    await clock.advance(249.5)
    span.end()
    const { startTime, endTime, events } = sdk.span('work')
    expect(startTime).toEqual([1_700_000_000, 0])
    expect(events[0]?.time).toEqual([1_700_000_000, 250_500_000])
    expect(endTime).toEqual([1_700_000_000, 500_000_000])
  })
})

test('every span names the version of the conventions, also where the SDK is registered later', () => {
  const early = otelTracer()
  const sdk = registerSdk()
  early.start('early').end()
  otelTracer().start('late').end()
  for (const name of ['early', 'late'])
    expect(sdk.span(name).instrumentationScope).toMatchObject({
      name: 'tenon',
      schemaUrl: 'https://opentelemetry.io/schemas/1.45.0',
    })
})

test('a call in one process has no protocol', () => {
  const sdk = registerSdk()
  otelTracer()
    .start('work', { attributes: { transport: 'memory' } })
    .end()
  expect(sdk.span('work').attributes).toEqual({ 'rpc.system.name': 'tenon', 'network.transport': 'inproc' })
})

describe('what is sent on', () => {
  function sentBy(tracer: Tracer, metadata: Readonly<Record<string, string>> = {}): Metadata {
    return tracer.start('work', { parent: tracer.extract(new Map(Object.entries(metadata))) }).headers
  }

  test('names the span', () => {
    registerSdk()
    const headers = sentBy(otelTracer(), { traceparent: `00-${traceId}-${spanId}-01`, tracestate: 'foo=1' })
    expect(headers.get('traceparent')).toMatch(new RegExp(`^00-${traceId}-(?!${spanId})[0-9a-f]{16}-0[13]$`))
    expect(headers.get('tracestate')).toBe('foo=1')
  })

  test('is in the formats that were asked for', () => {
    registerSdk()
    const tracer = otelTracer({ formats: ['b3', 'w3c'] })
    const headers = sentBy(tracer, { b3: `${traceId}-${spanId}-1` })
    expect(headers.get('b3')).toMatch(new RegExp(`^${traceId}-[0-9a-f]{16}-1$`))
    expect(headers.get('traceparent')).toContain(traceId)
  })

  test('is what came in where there is no SDK', () => {
    expect(sentBy(otelTracer(), { traceparent: `00-${traceId}-${spanId}-01` }).get('traceparent')).toBe(
      `00-${traceId}-${spanId}-01`,
    )
    expect(sentBy(otelTracer()).size).toBe(0)
  })

  test('says not to record where the sampler says so', () => {
    registerSdk({ sampler: new AlwaysOffSampler() })
    const span = otelTracer().start('work')
    expect(span.isRecording).toBe(false)
    expect(span.headers.get('traceparent')).toMatch(/-00$/)
  })

  test('says not to record where the caller did, of no trace', () => {
    const sdk = registerSdk()
    const tracer = otelTracer({ formats: ['b3'] })
    const span = tracer.start('work', { parent: tracer.extract(new Map([['b3', '0']])) })
    tracer.start('inside', { parent: span }).end()
    span.end()
    expect(sdk.spans).toEqual([])
    expect([...span.headers]).toEqual([['b3', '0']])
    expect(tracer.start('other', { parent: { sampled: true } }).isRecording).toBe(true)
  })

  test('is in the formats that are registered with OpenTelemetry', () => {
    registerSdk()
    const tracer = otelTracer({ formats: [registered] })
    expect(registered.fields).toEqual(['traceparent', 'tracestate'])
    const headers = sentBy(tracer, { traceparent: `00-${traceId}-${spanId}-01`, tracestate: 'foo=1' })
    expect(headers.get('traceparent')).toContain(traceId)
    expect(headers.get('tracestate')).toBe('foo=1')
    expect(registered.extract(new Map([['traceparent', 'broken']]))).toBeUndefined()
    expect(registered.inject({ sampled: false })).toEqual({})
    const both = { traceId, spanId, sampled: true, random: false, remote: true }
    expect(registered.extract(new Map(Object.entries(w3c.inject(both))))).toEqual(both)
  })
})

describe('an SDK that throws', () => {
  const wrong = new Error('wrong')
  const throwing: SpanProcessor = {
    onStart: () => {},
    onEnd: () => {
      throw wrong
    },
    forceFlush: () => Promise.reject(wrong),
    shutdown: async () => {},
  }

  test('costs a report and not the call', async () => {
    const defects: unknown[] = []
    const provider = new BasicTracerProvider({ spanProcessors: [throwing] })
    const tracer = otelTracer({ provider, onDefect: thrown => defects.push(thrown) })
    expect(await call(tracing(tracer)(fromPromise(async () => 'done')), {})).toMatchObject({ right: 'done' })
    expect(defects).toEqual([wrong])
    await tracer.close()
    const startSpan = (): never => {
      throw wrong
    }
    const refusing: TracerProvider = { getTracer: () => ({ startSpan, startActiveSpan: startSpan }) }
    const span = otelTracer({ provider: refusing, onDefect: thrown => defects.push(thrown) }).start('work')
    span.set('a', 1)
    span.end()
    expect(defects).toEqual([wrong, wrong])
    expect(span.headers.size).toBe(0)
  })

  test('or never ends its flush, is waited for as long as was said', async () => {
    const provider = new BasicTracerProvider({
      spanProcessors: [{ ...throwing, onEnd: () => {}, forceFlush: () => new Promise(() => {}) }],
    })
    const clock = manualClock()
    const flushed = otelTracer({ provider, clock, flushTimeoutMs: 700 }).close()
    await clock.advance(700)
    await flushed
    expect(clock.pendingTimers).toBe(0)
  })
})

test('flush waits for the SDK that is registered, also if that was later', async () => {
  const tracer = otelTracer()
  let flushes = 0
  const provider = new BasicTracerProvider({
    spanProcessors: [{ onStart() {}, onEnd() {}, forceFlush: async () => void flushes++, shutdown: async () => {} }],
  })
  trace.setGlobalTracerProvider(provider)
  await using _ = tracer
  await tracer.flush()
  expect(flushes).toBe(1)
  expect(tracer.start('work').isRecording).toBe(true)
  trace.disable()
  context.disable()
})

test('a time to wait that is none is refused', () => {
  expect(() => otelTracer({ flushTimeoutMs: 0 })).toThrow(RangeError)
  expect(() => otelTracer({ flushTimeoutMs: Number.NaN })).toThrow(RangeError)
})
