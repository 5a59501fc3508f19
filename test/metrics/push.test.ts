/** What Graphite and InfluxDB are sent, and what they do about a server that is gone or hangs. */
import { once } from 'node:events'
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { manualClock } from '../../src/core/index.js'
import { graphite } from '../../src/metrics/graphite/index.js'
import { metricRegistry } from '../../src/metrics/index.js'
import { influx, type SenderEvent } from '../../src/metrics/influx/index.js'
import { quantile } from '../../src/metrics/intervals.js'
import { deep } from '../deep.js'

const help = 'For tests.'
const closers: (() => unknown)[] = []

afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

async function listening<S extends Server | HttpServer>(
  server: S,
): Promise<{ readonly server: S; readonly port: number }> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => void sockets.add(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closers.push(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return { server, port: (server.address() as AddressInfo).port }
}

describe('Graphite', () => {
  it('is sent labels as tags where it takes them', async () => {
    const { server, port } = await listening(createServer())
    const received = once(server, 'connection').then(([socket]) => text(socket as Socket))
    const registry = metricRegistry()
    const orders = registry.counter({ name: 'orders_total', help, labels: ['method', 'code'] })
    orders.with({ method: 'shop.v1.Orders/place', code: '~a b;c\nd ü' }).add(2)
    orders.with({ method: 'x', code: '' }).add(1e-9)
    const sender = graphite(registry, { port, tags: true, clock: manualClock(), prefix: 'shop' })
    registry
      .histogram({ name: 'took_seconds', help, buckets: [], labels: ['code'] })
      .with({ code: 'ok' })
      .observe(5)
    await sender.close()
    expect((await received).split('\n')).toEqual([
      'shop.orders_total;method=shop.v1.Orders/place;code=_a_b_c_d_ü 2 1767225600',
      'shop.orders_total;method=x 1e-9 1767225600',
      'shop.took_seconds.count;code=ok 1 1767225600',
      'shop.took_seconds.sum;code=ok 5 1767225600',
      '',
    ])
  })

  it('that takes nothing costs the time that it may take, and no more', async () => {
    const { port } = await listening(createServer(socket => void socket.pause()))
    const clock = manualClock()
    const registry = metricRegistry({ maxSeries: 50_000 })
    const many = registry.counter({ name: 'orders_total', help, labels: ['user'] })
    for (let user = 0; user < 50_000; user++) many.with({ user: `${user} ${'x'.repeat(240)}` }).add()
    const events: string[] = []
    const sender = graphite(registry, {
      port,
      clock,
      maxBufferedBytes: 50_000_000,
      onEvent: ({ type }) => void events.push(type),
    })
    let isClosed = false
    void sender.close().then(() => {
      isClosed = true
    })
    for (let i = 0; i < 100 && !isClosed; i++) {
      await new Promise(resolve => setImmediate(resolve)) // what the system takes, it may have
      await clock.advance(100)
    }
    expect(isClosed).toBe(true)
    expect(events).toContain('dropped')
    expect(sender.droppedBytes).toBeGreaterThan(0)
    expect(clock.pendingTimers).toBe(0)
  })

  it('that is not there is told once, and nothing is left open', async () => {
    const events: string[] = []
    const { server, port } = await listening(createServer())
    server.close()
    const sender = graphite(metricRegistry(), { port, onEvent: ({ type }) => void events.push(type) })
    const registry = metricRegistry()
    registry.counter({ name: 'orders_total', help }).add()
    const other = graphite(registry, { port, onEvent: ({ type }) => void events.push(type) })
    await other.flush()
    await other.flush()
    await Promise.all([sender.close(), other.close()])
    expect(events).toEqual(['failed', 'dropped', 'dropped', 'dropped'])
  })
})

describe('InfluxDB', () => {
  it('is sent lines with their time in ms, and the headers that it wants', async () => {
    const requests: unknown[] = []
    const { port } = await listening(
      createHttpServer(async (request, response) => {
        requests.push([request.method, request.url, request.headers['authorization'], await text(request)])
        response.writeHead(204).end()
      }),
    )
    const registry = metricRegistry()
    registry
      .counter({ name: 'orders_total', help, labels: ['a', 'b'] })
      .with({ a: 'x y,z=1\\', b: '' })
      .add(2)
    const url = `http://127.0.0.1:${port}/api/v2/write?org=me&bucket=shop`
    const sender = influx(registry, {
      url,
      headers: { authorization: 'Token t' },
      clock: manualClock(),
      prefix: 'shop',
    })
    await sender.close()
    expect(requests).toEqual([
      [
        'POST',
        '/api/v2/write?org=me&bucket=shop&precision=ms',
        'Token t',
        'shop.orders_total,a=x\\ y\\,z\\=1_ value=2 1767225600000\n',
      ],
    ])
  })

  it.each([
    [500, 'failed'],
    [503, 'failed'],
    [429, 'failed'],
    [400, 'dropped'],
    [401, 'dropped'],
  ])('that answers %i: %s', async (status, expected) => {
    const { port } = await listening(createHttpServer((_, response) => void response.writeHead(status).end('why')))
    const events: unknown[] = []
    const registry = metricRegistry()
    registry.counter({ name: 'orders_total', help }).add()
    const sender = influx(registry, {
      url: `http://127.0.0.1:${port}/write`,
      onEvent: event => void events.push(event),
    })
    await sender.flush()
    expect(events).toMatchObject([{ type: expected, error: { message: `${status} why` } }])
    await sender.close()
  })
})

// No more of it can be read than what lies in buffers, however fast it comes.
it.each([200, 500])('InfluxDB that answers %i without end is not listened to', async status => {
  let [written, closed] = [0, () => {}]
  const left = new Promise<void>(resolve => {
    closed = resolve
  })
  const { port } = await listening(
    createHttpServer((_, response) => {
      response.writeHead(status).on('close', closed)
      const more = (): void => {
        for (let room = true; room && !response.destroyed && written < 1e9; written += 65_536)
          room = response.write('x'.repeat(65_536))
      }
      response.on('drain', more)
      more()
    }),
  )
  const events: SenderEvent[] = []
  const registry = metricRegistry()
  registry.counter({ name: 'orders_total', help }).add()
  const sender = influx(registry, {
    url: `http://127.0.0.1:${port}/write`,
    timeoutMs: 60_000,
    onEvent: event => void events.push(event),
  })
  await sender.flush()
  await left
  expect(written).toBeLessThan(5e7)
  expect(events.map(({ type }) => type)).toEqual(status === 200 ? [] : ['failed'])
  const [first] = events
  if (first?.type === 'failed') expect(first.error).toMatchObject({ message: `500 ${'x'.repeat(500)}` })
  await sender.close()
})

describe('a quantile', () => {
  it.each([
    [0.5, [1, 2], [0, 0, 0], undefined],
    [0.5, [], [3], undefined],
    [0.5, [1, 2], [2, 0, 0], 0.5],
    [0.5, [1, 2], [0, 2, 0], 1.5],
    [1, [1, 2], [1, 1, 0], 2],
    [0.99, [1, 2], [0, 0, 5], 2],
    [0.5, [-2, -1], [2, 0, 0], -2],
  ])('%d of %j with %j is %d', (share, buckets, counts, expected) => {
    expect(quantile(share, buckets, counts)).toBe(expected)
  })

  it('lies in the bucket of the value that it stands for', () => {
    const values = fc.array(fc.double({ min: 0, max: 9.99, noNaN: true }), { minLength: 1, maxLength: 50 })
    const property = fc.property(values, fc.constantFrom(0.5, 0.95, 0.99), (observed, share) => {
      const buckets = [1, 2, 3, 5, 10]
      const counts = [...buckets, 0].map(() => 0)
      for (const value of observed) {
        const at = buckets.findIndex(bound => value <= bound)
        counts[at] = (counts[at] ?? 0) + 1
      }
      const sorted = observed.toSorted((a, b) => a - b)
      const exact = sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN
      const place = buckets.findIndex(bound => exact <= bound)
      const found = quantile(share, buckets, counts) ?? Number.NaN
      expect(found).toBeGreaterThan((buckets[place - 1] ?? 0) - 1e-9)
      expect(found).toBeLessThanOrEqual((buckets[place] ?? 0) + 1e-9)
    })
    fc.assert(property, { numRuns: deep(100, 5_000) })
  })
})

it.each([
  [() => graphite(undefined as never), /graphite: needs a metricRegistry/],
  [() => graphite(metricRegistry(), { tag: true } as never), /there is no option 'tag'/],
  [() => graphite(metricRegistry(), { port: 70_000 }), /port must/],
  [() => influx(undefined as never, { url: 'http://a' }), /influx: needs a metricRegistry/],
  [() => influx(metricRegistry(), {} as never), /url is required/],
  [() => influx(metricRegistry(), { url: 'a' }), /url must/],
  [() => influx(metricRegistry(), { url: 'udp://a' }), /url must/],
  [
    () => influx(metricRegistry(), { url: 'http://u:p@a' }),
    /^influx: the url must not have a password in it; use headers$/,
  ],
  [() => influx(metricRegistry(), { url: 'http://a', headers: { 'a b': 'c' } }), /headers must/],
])('options that make no sense are refused: %s', (make, message) => {
  expect(make).toThrow(message)
})
