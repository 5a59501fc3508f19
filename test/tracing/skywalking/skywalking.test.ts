/** Segments for SkyWalking: what they say, when they are sent, what they cost when nobody takes them. */
import { createServer, type Server } from 'node:http'
import {
  type Clock,
  call,
  callOrThrow,
  connect,
  contract,
  failed,
  fromPromise,
  implement,
  manualClock,
  method,
  type Timer,
} from 'tenon'
import { tracing } from 'tenon/middleware'
import { type FinishedSpan, type Reporter, type Tracer, tracer } from 'tenon/tracing'
import { type SkywalkingOptions, type SkywalkingReporter, skywalking } from 'tenon/tracing/skywalking'
import * as http from 'tenon/transport/http'
import { describe, expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { deep } from '../../deep.js'
import { served } from '../../transport/http/served.js'
import { listening } from '../otel/otlp-receiver.js'
import { httpOap, type Oap, type ReceivedSegment } from './oap.js'

interface Reported {
  readonly oap: Oap
  readonly reporter: SkywalkingReporter
  readonly tracer: Tracer
}

async function reported(options: SkywalkingOptions = {}, service = 'shop'): Promise<Reported> {
  const { oap, server } = httpOap()
  const url = await listening(server)
  return { oap, ...traced(url, options, service) }
}

function traced(url: string, options: SkywalkingOptions = {}, service = 'shop'): Omit<Reported, 'oap'> {
  const reporter = skywalking(url, { intervalMs: 60_000, ...options })
  const attributes = { version: '1.4.2' }
  const traces = tracer({ service, instance: `${service}-1`, formats: ['sw8'], reporters: [reporter], attributes })
  onTestFinished(() => traces.close())
  return { reporter, tracer: traces }
}

function only(segments: readonly ReceivedSegment[]): ReceivedSegment {
  if (segments.length !== 1 || segments[0] === undefined) throw new Error(`${segments.length} segments`)
  return segments[0]
}

describe('a segment', () => {
  test('is all that one process has done for one call, field for field', async () => {
    const clock = manualClock({ startWallTime: 1_700_000_000_000 })
    const { oap, tracer: traces } = await reported()
    const root = traces.start('shop.v1.Shop/order', { kind: 'server', peer: '203.0.113.7' }, clock)
    root.setAll({ transport: 'http', code: 'ok', priority: 3, urgent: true })
    await clock.advance(10.4)
    const exit = traces.start('shop.v1.Stock/take', { kind: 'client', parent: root, peer: 'stock:8080' }, clock)
    exit.set('transport', 'grpc')
    exit.event('message', { type: 'sent', id: 1 })
    exit.fail({ message: 'unavailable/BUSY' })
    await clock.advance(5)
    exit.end()
    const local = traces.start('sort', { parent: root }, clock)
    local.end()
    root.end()
    await traces.close()
    expect(oap.mistakes).toEqual([])
    const segment = only(oap.segments)
    const { traceId, spanId } = root
    const common = { refs: [], logs: [], tags: [], skipAnalysis: false, isError: false }
    const start = 1_700_000_000_000
    expect(segment).toEqual({
      traceId,
      traceSegmentId: traceId + spanId,
      service: 'shop',
      serviceInstance: 'shop-1',
      isSizeLimited: false,
      spans: [
        {
          ...common,
          spanId: 0,
          parentSpanId: -1,
          startTime: start,
          endTime: start + 15,
          operationName: 'shop.v1.Shop/order',
          peer: '203.0.113.7',
          spanType: 'Entry',
          spanLayer: 'Http',
          componentId: 49,
          tags: [
            { key: 'transport', value: 'http' },
            { key: 'code', value: 'ok' },
            { key: 'priority', value: '3' },
            { key: 'urgent', value: 'true' },
          ],
        },
        {
          ...common,
          spanId: 1,
          parentSpanId: 0,
          startTime: start + 10,
          endTime: start + 15,
          operationName: 'shop.v1.Stock/take',
          peer: 'stock:8080',
          spanType: 'Exit',
          spanLayer: 'RPCFramework',
          componentId: 23,
          isError: true,
          tags: [{ key: 'transport', value: 'grpc' }],
          logs: [
            {
              time: start + 10,
              data: [
                { key: 'event', value: 'message' },
                { key: 'type', value: 'sent' },
                { key: 'id', value: '1' },
              ],
            },
            {
              time: start + 15,
              data: [
                { key: 'event', value: 'error' },
                { key: 'message', value: 'unavailable/BUSY' },
              ],
            },
          ],
        },
        {
          ...common,
          spanId: 2,
          parentSpanId: 0,
          startTime: start + 15,
          endTime: start + 15,
          operationName: 'sort',
          peer: '',
          spanType: 'Local',
          spanLayer: 'Unknown',
          componentId: 0,
        },
      ],
    })
  })

  test.each([
    ['producer', undefined, 'Exit', 'MQ', 0],
    ['producer', 'amqp', 'Exit', 'MQ', 52],
    ['consumer', 'amqp', 'Entry', 'MQ', 53],
    ['client', 'http', 'Exit', 'Http', 2],
    ['client', 'memory', 'Exit', 'RPCFramework', 0],
    ['internal', undefined, 'Local', 'Unknown', 0],
  ] as const)('of kind %s by %s', async (kind, transport, spanType, spanLayer, componentId) => {
    const { oap, tracer: traces } = await reported()
    const span = traces.start('work', { kind })
    if (transport !== undefined) span.set('transport', transport)
    span.end()
    await traces.close()
    expect(oap.mistakes).toEqual([])
    const expected = { spanType, spanLayer, componentId, peer: spanType === 'Exit' ? 'unknown' : '' }
    expect(only(oap.segments).spans).toEqual([expect.objectContaining(expected)])
  })

  test('is sent when the last of its spans has ended, and not before', async () => {
    const { oap, tracer: traces, reporter } = await reported()
    const root = traces.start('root')
    const late = traces.start('late', { parent: root })
    root.end()
    await traces.flush()
    expect([oap.segments.length, reporter.counts.open, reporter.counts.queued]).toEqual([0, 1, 0])
    late.end()
    await traces.flush()
    expect(only(oap.segments).spans.map(({ operationName }) => operationName)).toEqual(['root', 'late'])
    expect(reporter.counts).toMatchObject({ open: 0, sent: 1, failed: 0, dropped: 0 })
  })

  test('goes on in another, of what begins after its end', async () => {
    const { oap, tracer: traces } = await reported()
    const root = traces.start('root', { kind: 'server' })
    root.end()
    traces.start('late', { parent: root }).end()
    await traces.close()
    const [first, second] = oap.segments
    expect(second?.traceId).toBe(first?.traceId)
    expect(second?.spans[0]?.refs).toEqual([
      {
        refType: 'CrossThread',
        traceId: root.traceId,
        parentTraceSegmentId: first?.traceSegmentId,
        parentSpanId: 0,
        parentService: 'shop',
        parentServiceInstance: 'shop-1',
        parentEndpoint: 'root',
        networkAddressUsedAtPeer: '',
      },
    ])
  })

  test('refers to the producers of the messages that it is about', async () => {
    const { oap, tracer: traces } = await reported()
    const sent = traces.start('send', { kind: 'producer', peer: 'broker:5672' })
    const received = traces.extract(sent.headers)
    sent.end()
    if (received?.traceId === undefined) throw new Error('nothing was sent')
    traces.start('process', { kind: 'consumer', links: [{ context: received, attributes: {} }] }).end()
    await traces.close()
    const process = oap.segments.find(({ spans }) => spans[0]?.operationName === 'process')
    expect(process?.spans[0]?.refs).toMatchObject([
      { refType: 'CrossProcess', traceId: sent.traceId, parentSpanId: 0, networkAddressUsedAtPeer: 'broker:5672' },
    ])
  })

  test('has at most so many spans, the one that begins it among them, and says that it had more', async () => {
    const { oap, tracer: traces } = await reported({ maxSpans: 3 })
    const root = traces.start('root')
    for (let count = 1; count <= 10; count++) traces.start(`inside ${count}`, { parent: root }).end()
    root.end()
    await traces.close()
    const { spans, isSizeLimited } = only(oap.segments)
    expect(spans.map(({ spanId }) => spanId)).toEqual([0, 1, 2])
    expect(isSizeLimited).toBe(true)
  })

  test('that was left out in part says what', async () => {
    const { oap, tracer: traces } = await reported()
    const span = traces.start('work')
    for (let count = 0; count < 100; count++) span.event('again')
    span.end()
    await traces.close()
    expect(only(oap.segments).spans[0]?.tags).toEqual([{ key: 'dropped', value: '36 events' }])
  })
})

test('two services over HTTP are one trace: segments refer to each other', async () => {
  const Item = z.object({ sku: z.string() })
  const Stock = contract('shop.v1.Stock', {
    take: method({ request: Item, response: Item, idempotency: 'idempotent' }),
  })
  const Shop = contract('shop.v1.Shop', { order: method({ request: Item, response: Item, idempotency: 'unsafe' }) })
  const [atShop, atStock] = [await reported(), await reported({}, 'stock')]
  const stock = await served([
    implement(Stock)
      .use(tracing(atStock.tracer))
      .handlers({ take: item => item }),
  ])
  const toStock = http.client(stock.address)
  const take = tracing(atShop.tracer)(connect(Stock, toStock).take)
  const shop = await served([
    implement(Shop)
      .use(tracing(atShop.tracer))
      .handlers({ order: (item, context) => callOrThrow(take, item, { context }) }),
  ])
  const toShop = http.client(shop.address)
  onTestFinished(async () => {
    await toShop.close()
    await toStock.close()
  })
  await callOrThrow(connect(Shop, toShop).order, { sku: 'tea' })
  await atShop.tracer.close()
  await atStock.tracer.close()
  expect([...atShop.oap.mistakes, ...atStock.oap.mistakes]).toEqual([])
  const [ofShop, ofStock] = [only(atShop.oap.segments), only(atStock.oap.segments)]
  expect(ofShop.spans.map(({ spanType, operationName }) => [spanType, operationName])).toEqual([
    ['Entry', 'shop.v1.Shop/order'],
    ['Exit', 'shop.v1.Stock/take'],
  ])
  expect(ofShop.spans[0]?.refs).toEqual([])
  expect(ofShop.spans[1]?.peer).toBe(new URL(stock.address).host)
  expect(ofStock.traceId).toBe(ofShop.traceId)
  const said = [
    { key: 'method', value: 'shop.v1.Stock/take' },
    { key: 'transport', value: 'http' },
  ]
  expect(ofShop.spans[1]).toMatchObject({
    spanLayer: 'Http',
    componentId: 2,
    tags: [
      ...said,
      { key: 'http.method', value: 'POST' },
      { key: 'url', value: `${stock.address}/shop.v1.Stock/take` },
      { key: 'http.version', value: '1.1' },
      { key: 'http.status_code', value: '200' },
      { key: 'code', value: 'ok' },
    ],
  })
  expect(ofStock.spans).toEqual([
    expect.objectContaining({
      spanType: 'Entry',
      operationName: 'shop.v1.Stock/take',
      spanLayer: 'Http',
      componentId: 49,
      tags: [
        ...said,
        { key: 'http.method', value: 'POST' },
        { key: 'url', value: '/shop.v1.Stock/take' },
        { key: 'http.scheme', value: 'http' },
        { key: 'http.version', value: '1.1' },
        { key: 'code', value: 'ok' },
        { key: 'http.status_code', value: '200' },
      ],
      refs: [
        {
          refType: 'CrossProcess',
          traceId: ofShop.traceId,
          parentTraceSegmentId: ofShop.traceSegmentId,
          parentSpanId: 1,
          parentService: 'shop',
          parentServiceInstance: 'shop-1',
          parentEndpoint: 'shop.v1.Shop/order',
          networkAddressUsedAtPeer: new URL(stock.address).host,
        },
      ],
    }),
  ])
})

test('the collector is told what this process is, and each minute that it is there', async () => {
  const clock = manualClock()
  const timers = new Set<Timer>()
  const counted: Clock = {
    ...clock,
    setTimer(callback, delayMs) {
      const timer = clock.setTimer(() => {
        timers.delete(timer)
        callback()
      }, delayMs)
      timers.add(timer)
      return {
        keepAlive: keep => timer.keepAlive(keep),
        cancel() {
          timers.delete(timer)
          timer.cancel()
        },
      }
    },
  }
  const { oap, tracer: traces } = await reported({
    clock: counted,
    intervalMs: 1e9,
    headers: { authentication: 'open' },
  })
  const ping = ['keepAlive', { service: 'shop', serviceInstance: 'shop-1' }]
  const told = [
    'reportProperties',
    {
      service: 'shop',
      serviceInstance: 'shop-1',
      properties: [
        { key: 'language', value: 'NodeJS' },
        { key: 'version', value: '1.4.2' },
      ],
    },
  ]
  await clock.advance(0)
  await expect.poll(() => oap.management).toEqual([told, ping])
  let minutes = 0
  const later = async (): Promise<number> => {
    await clock.advance(60_000)
    minutes++
    return oap.management.length
  }
  await expect.poll(later, { interval: 5 }).toBeGreaterThan(12) // the properties again, after ten signs
  expect(oap.management.slice(0, 3)).toEqual([told, ping, ping])
  expect(oap.management[11]).toEqual(told)
  expect(oap.management.length).toBeLessThanOrEqual(minutes + 3)
  expect(oap.mistakes).toEqual([])
  expect(oap.headers.every(({ authentication }) => authentication === 'open')).toBe(true)
  await traces.close()
  expect(timers.size).toBe(0)
  const before = oap.management.length
  await clock.advance(600_000)
  expect(oap.management.length).toBe(before)
})

describe('a collector that', () => {
  const hanging = (): Server => createServer(() => {})
  const collectors: Readonly<Record<string, () => Promise<string>>> = {
    hangs: () => listening(hanging()),
    'answers garbage': () =>
      listening(createServer((message, response) => message.resume() && response.writeHead(500).end('\u0000{<'))),
    'redirects elsewhere': () =>
      listening(
        createServer((message, response) => {
          if (message.url === '/elsewhere') response.end()
          else response.writeHead(302, { location: '/elsewhere' }).end()
        }),
      ),
    'never ends its refusal': () =>
      listening(
        createServer((_, response) => {
          response.writeHead(500)
          const timer = setInterval(() => response.write('x'.repeat(1_000)), 1)
          response.on('close', () => clearInterval(timer))
        }),
      ),
    'is not there': async () => 'http://127.0.0.1:9',
  }

  test.each(Object.keys(collectors))('%s costs no call anything, and memory a bound', async kind => {
    const url = (await collectors[kind]?.()) ?? ''
    const failures: unknown[] = []
    const { tracer: traces, reporter } = traced(url, {
      maxQueue: 50,
      timeoutMs: 50,
      flushTimeoutMs: 200,
      onFailure: error => failures.push(error),
    })
    const endpoint = tracing(traces)(fromPromise(async () => failed('unavailable', 'BUSY', 'later')))
    const calls = deep(2_000, 100_000)
    for (let count = 0; count < calls; count++) {
      const result = await call(endpoint, {})
      expect(result._tag).toBe('Left')
      const { queued, sending, open } = reporter.counts
      if (queued > 50 || sending > 50 || open > 0) throw new Error(JSON.stringify(reporter.counts))
    }
    await traces.close()
    const { queued, sending, sent, failed: lost, dropped, open } = reporter.counts
    expect([queued, open, sent]).toEqual([0, 0, 0])
    expect(lost + dropped + sending).toBe(calls)
    expect(failures.length).toBeGreaterThan(0)
  })

  test('is asked for one thing at a time: segments wait for a sign of life that hangs', async () => {
    const asked: (string | undefined)[] = []
    const server = createServer((message, response) => {
      asked.push(message.url)
      if (message.url === '/probe') response.end()
    })
    const clock = manualClock()
    const url = await listening(server)
    const options = { clock, intervalMs: 1_000, timeoutMs: 5_000, onFailure: () => {} }
    const { tracer: traces, reporter } = traced(url, options)
    await clock.advance(0)
    await expect.poll(() => asked).toEqual(['/v3/management/reportProperties'])
    traces.start('work', {}, clock).end()
    await clock.advance(1_000)
    expect(reporter.counts.sending).toBe(1)
    await fetch(`${url}/probe`)
    expect(asked).toEqual(['/v3/management/reportProperties', '/probe'])
    await clock.advance(4_000)
    await expect.poll(() => asked).toEqual(['/v3/management/reportProperties', '/probe', '/v3/segments'])
    await clock.advance(1_000)
    expect(reporter.counts).toMatchObject({ sending: 0, failed: 1 })
    const closed = traces.close()
    await clock.advance(1_500)
    await closed
  })

  test('redirects is not followed: what was meant for it goes nowhere else', async () => {
    const asked: (string | undefined)[] = []
    const server = createServer((message, response) => {
      asked.push(message.url)
      message.resume()
      response.writeHead(302, { location: '/elsewhere' }).end()
    })
    const { tracer: traces, reporter } = traced(await listening(server), { onFailure: () => {} })
    traces.start('work').end()
    await traces.flush()
    expect(reporter.counts).toMatchObject({ sent: 0, failed: 1 })
    expect(asked).toContain('/v3/segments')
    expect(asked).not.toContain('/elsewhere')
  })

  test('never ends its answers is not listened to: connections do not pile up', async () => {
    const server = createServer((message, response) => {
      message.resume()
      response.writeHead(200).write('{')
    })
    const { tracer: traces, reporter } = traced(await listening(server))
    for (let count = 0; count < 20; count++) {
      traces.start('work').end()
      await traces.flush()
    }
    expect(reporter.counts.sent).toBe(20)
    const connections = (): Promise<number> =>
      new Promise((resolve, reject) =>
        server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
      )
    await expect.poll(connections).toBeLessThan(5)
  })
})

describe('what waits for spans that go on', () => {
  const counted = (
    options: SkywalkingOptions,
  ): { readonly reporter: Reporter & SkywalkingReporter; readonly tracer: Tracer } =>
    traced('http://127.0.0.1:9', { onFailure: () => {}, timeoutMs: 50, ...options })

  test('is bounded in number: the oldest goes as it is', () => {
    const { reporter, tracer: traces } = counted({ maxOpen: 2 })
    const roots = [1, 2, 3].map(() => traces.start('root'))
    for (const root of roots) traces.start('inside', { parent: root }).end()
    expect(reporter.counts).toMatchObject({ open: 2, queued: 1 })
  })

  test('is bounded in memory', () => {
    const { reporter, tracer: traces } = counted({ maxQueueBytes: 10_000, maxBatch: 5_000 })
    const roots = Array.from({ length: 1_000 }, () => traces.start('root'))
    for (const root of roots) traces.start('inside', { parent: root, attributes: { text: 'x'.repeat(1_000) } }).end()
    const { open, queued, dropped } = reporter.counts
    expect(open + queued).toBeLessThan(20)
    expect(open + queued + dropped).toBe(1_000)
  })

  test('is sent at the end, and what comes after that is counted as lost', async () => {
    const { oap, tracer: traces, reporter } = await reported({ onFailure: () => {} })
    const root = traces.start('root')
    traces.start('inside', { parent: root }).end()
    await traces.close()
    expect(oap.mistakes).toEqual(['Error: no span begins the segment']) // as it went on
    root.end()
    traces.start('inside', { parent: traces.start('another') }).end()
    expect(reporter.counts).toMatchObject({ open: 0, queued: 0, dropped: 2 })
  })
})

test.each([
  ['shop', {}],
  ['ftp://oap', {}],
  ['http://user:secret@oap', {}],
])('the address %s is refused', url => {
  expect(() => skywalking(url)).toThrow(TypeError)
})

test.each<SkywalkingOptions>([
  { maxSpans: 0 },
  { maxSpans: 1.5 },
  { maxOpen: 0 },
  { keepAliveMs: 10 },
  { keepAliveMs: Number.NaN },
  { maxQueue: 0 },
])('%j is refused', options => {
  expect(() => skywalking('http://oap:12800', options)).toThrow(RangeError)
})

test('a span that knows no place is a segment of its own', async () => {
  const { oap, tracer: traces, reporter } = await reported()
  const span = traces.start('work')
  span.end()
  const [traceId, spanId] = ['a'.repeat(32), 'b'.repeat(16)]
  reporter.report({ ...plain, context: { traceId, spanId, sampled: true } })
  await traces.close()
  expect(oap.mistakes).toEqual([])
  expect(oap.segments.map(({ traceSegmentId }) => traceSegmentId)).toContain(traceId + spanId)
})

const plain: Omit<FinishedSpan, 'context'> = {
  parent: undefined,
  shared: false,
  kind: 'server',
  name: 'work',
  startedAt: 1_700_000_000_000,
  durationMs: 1,
  attributes: {},
  events: [],
  links: [],
  error: undefined,
  peer: undefined,
  dropped: { attributes: 0, events: 0, links: 0 },
  pending: 0,
  size: 100,
}
