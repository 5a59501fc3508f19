/** Reporting to Zipkin over HTTP: the form on the wire, and collectors that hang, refuse or answer garbage. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createNetServer, type Server as NetServer, type Socket } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { call, fromPromise, manualClock } from '../../../src/core/index.js'
import { tracing } from '../../../src/middleware/index.js'
import { type SpanOptions, tracer } from '../../../src/tracing/index.js'
import { zipkin } from '../../../src/tracing/zipkin/index.js'
import { nowhere } from '../../transport/http/listening.js'

interface Collector {
  readonly url: string
  readonly requests: { readonly path: string; readonly headers: IncomingMessage['headers']; readonly body: string }[]
  /** Connections that are open now. */
  readonly open: Set<Socket>
  most: number
  closed: number
}

function listening(server: Server | NetServer): Promise<string> {
  return new Promise(resolve => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      if (typeof address === 'object' && address !== null) resolve(`http://127.0.0.1:${address.port}`)
    })
  })
}

/** So many times around the event loop. The end of a connection is heard later than the beginning of the next one, though it came before. */
async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise(resolve => setImmediate(resolve))
}

async function collector(answer: (response: ServerResponse) => void = accept): Promise<Collector> {
  const requests: Collector['requests'] = []
  const open = new Set<Socket>()
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', chunk => chunks.push(chunk))
    request.on('end', () => {
      requests.push({ path: request.url ?? '', headers: request.headers, body: Buffer.concat(chunks).toString() })
      answer(response)
    })
  })
  const made = { requests, open, most: 0, closed: 0, url: '' }
  server.on('connection', socket => {
    open.add(socket)
    void turns(10).then(() => {
      made.most = Math.max(made.most, open.size)
    })
    socket.once('close', () => {
      made.closed++
      open.delete(socket)
    })
  })
  made.url = await listening(server)
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return made
}

function accept(response: ServerResponse): void {
  response.writeHead(202).end()
}

const quiet = { onFailure: () => {} }

async function sentBy(
  options: SpanOptions & { readonly write?: (span: ReturnType<ReturnType<typeof tracer>['start']>) => void },
) {
  const { write, ...rest } = options
  const { url, requests } = await collector()
  const clock = manualClock({ startWallTime: 1_700_000_000_000 })
  const traces = tracer({ service: 'Shop', reporters: [zipkin(url)], clock, attributes: { version: '1' } })
  const span = traces.start('shop.v1.Stock/take', rest)
  write?.(span)
  await clock.advance(2.5)
  span.end()
  await traces.close()
  expect(requests).toHaveLength(1)
  const [{ body = '[]' } = {}] = requests
  const spans = JSON.parse(body) as Record<string, unknown>[]
  expect(spans).toHaveLength(1)
  return { sent: spans[0], span, request: requests[0] }
}

describe('a span on the wire', () => {
  test('is V2 JSON, to /api/v2/spans', async () => {
    const parent = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), sampled: true, remote: true }
    const { sent, span, request } = await sentBy({
      kind: 'client',
      parent,
      peer: '127.0.0.1:8080',
      write(span) {
        span.set('code', 'ok')
        span.set('attempt', 2)
        span.event('message', { type: 'sent', id: 1 })
        span.link({ traceId: 'c'.repeat(32), spanId: 'd'.repeat(16) })
        span.fail({ message: 'unavailable/DOWN' })
      },
    })
    expect(request?.path).toBe('/api/v2/spans')
    expect(request?.headers['content-type']).toBe('application/json')
    expect(sent).toEqual({
      traceId: 'a'.repeat(32),
      parentId: 'b'.repeat(16),
      id: span.spanId,
      name: 'shop.v1.stock/take',
      kind: 'CLIENT',
      timestamp: 1_700_000_000_000_000,
      duration: 2_500,
      localEndpoint: { serviceName: 'shop' },
      remoteEndpoint: { ipv4: '127.0.0.1', port: 8080 },
      annotations: [{ timestamp: 1_700_000_000_000_000, value: 'message type=sent id=1' }],
      tags: {
        version: '1',
        code: 'ok',
        attempt: '2',
        'link.0': `${'c'.repeat(32)}-${'d'.repeat(16)}`,
        error: 'unavailable/DOWN',
      },
    })
  })

  test.each([
    { peer: 'stock:8080', remoteEndpoint: { serviceName: 'stock', port: 8080 } },
    { peer: 'localhost:8080', remoteEndpoint: { ipv4: '127.0.0.1', port: 8080 } },
    { peer: '203.0.113.7', remoteEndpoint: { ipv4: '203.0.113.7' } },
    { peer: '[::1]:8080', remoteEndpoint: { ipv6: '::1', port: 8080 } },
    { peer: '2001:db8::1', remoteEndpoint: { ipv6: '2001:db8::1' } },
    { peer: 'memory:shop', remoteEndpoint: { serviceName: 'memory:shop' } },
    { peer: undefined, remoteEndpoint: undefined },
  ])('names the peer $peer', async ({ peer, remoteEndpoint }) => {
    const { sent } = await sentBy({ kind: 'client', peer })
    expect(sent?.['remoteEndpoint']).toEqual(remoteEndpoint)
  })

  test.each([
    { kind: 'server', sent: 'SERVER' },
    { kind: 'producer', sent: 'PRODUCER' },
    { kind: 'consumer', sent: 'CONSUMER' },
    { kind: 'internal', sent: undefined },
  ] as const)('of the kind $kind is $sent', async ({ kind, sent: expected }) => {
    const { sent } = await sentBy({ kind })
    expect(sent?.['kind']).toBe(expected)
  })

  test('of a debug trace says so, and one with too much says what is missing', async () => {
    const parent = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), debug: true, remote: true }
    const { sent } = await sentBy({
      parent,
      write: span => {
        for (let i = 0; i < 100; i++) span.event('again')
      },
    })
    expect(sent).toMatchObject({ debug: true, tags: { dropped: '36 events' } })
  })

  test('has text that JSON must escape', async () => {
    const { sent } = await sentBy({ write: span => span.set('odd', '"\\\u0000\n\ud800é') })
    expect(sent).toMatchObject({ tags: { odd: '"\\\u0000\n\ud800é' } })
  })
})

/** Makes calls that are reported; none of them may notice it. */
async function traced(reporter: ReturnType<typeof zipkin>, count: number): Promise<ReturnType<typeof tracer>> {
  const traces = tracer({ service: 'shop', reporters: [reporter] })
  const endpoint = tracing(traces)(fromPromise(async () => 'done'))
  for (let i = 0; i < count; i++) expect((await call(endpoint, {}))._tag).toBe('Right')
  return traces
}

/** Makes calls against a collector, and closes the tracer. */
async function calls(url: string, count: number, options = {}): Promise<ReturnType<typeof zipkin>> {
  const patience = { timeoutMs: 3_000, flushTimeoutMs: 5_000 }
  const reporter = zipkin(url, { ...quiet, maxQueue: 100, maxBatch: 10, ...patience, ...options })
  const traces = await traced(reporter, count)
  await traces.close()
  return reporter
}

describe('a collector that', () => {
  test('hangs gets one request at a time, and costs the spans it does not take', async () => {
    const hanging = await collector(() => {})
    const reporter = zipkin(hanging.url, { ...quiet, maxQueue: 100, maxBatch: 10, timeoutMs: 500, flushTimeoutMs: 50 })
    await traced(reporter, 1_000)
    expect(reporter.counts.queued).toBeLessThanOrEqual(100)
    const patient = { timeout: 20_000 }
    await expect.poll(() => hanging.requests.length, patient).toBeGreaterThan(0)
    await expect.poll(() => hanging.closed, patient).toBeGreaterThan(0) // the request has been aborted
    await reporter.close()
    expect(hanging.most).toBe(1)
    const { queued, sending, sent, failed, dropped } = reporter.counts
    expect({ queued, sent, all: sending + failed + dropped }).toEqual({ queued: 0, sent: 0, all: 1_000 })
    expect(failed).toBeGreaterThanOrEqual(10)
  })

  test('never accepts the bytes is given up', async () => {
    const sockets: Socket[] = []
    const server = createNetServer(socket => void sockets.push(socket.pause()))
    const url = await listening(server)
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy()
      server.close()
    })
    const { counts } = await calls(url, 100, { timeoutMs: 150, flushTimeoutMs: 300 })
    expect(counts).toMatchObject({ queued: 0, sent: 0 })
    expect(sockets.length).toBeLessThanOrEqual(3)
  })

  test('is not there loses the spans', async () => {
    const errors: string[] = []
    const { counts } = await calls(nowhere, 50, { onFailure: (error: unknown) => errors.push(String(error)) })
    expect(counts.failed + counts.dropped).toBe(50)
    expect(errors[0]).toContain('Error sending Zipkin data')
  })

  test.each([
    { what: 'refuses', answer: (r: ServerResponse) => void r.writeHead(500).end('no') },
    { what: 'redirects', answer: (r: ServerResponse) => void r.writeHead(307, { location: '/elsewhere' }).end() },
    { what: 'cuts the connection', answer: (r: ServerResponse) => void r.socket?.destroy() },
    { what: 'answers what is no HTTP', answer: (r: ServerResponse) => void r.socket?.end('garbage\r\n\r\n') },
  ])('$what loses the batch, and the error does not show the spans', async ({ answer }) => {
    const odd = await collector(answer)
    const errors: string[] = []
    const { counts } = await calls(odd.url, 5, { onFailure: (error: unknown) => errors.push(String(error)) })
    expect(counts).toMatchObject({ queued: 0, sent: 0, failed: 5 })
    expect(errors).toHaveLength(1)
    expect(errors[0]).not.toContain('traceId')
    expect(odd.requests).toHaveLength(1)
  })

  test('answers without end is not read', async () => {
    let closed = 0
    const server = createNetServer(socket => {
      const more = (): void => void (!socket.destroyed && socket.write(`10000\r\n${'x'.repeat(65_536)}\r\n`, more))
      socket.once('data', () => socket.write('HTTP/1.1 202 Accepted\r\ntransfer-encoding: chunked\r\n\r\n', more))
      socket.on('error', () => {})
      socket.once('close', () => closed++)
    })
    const url = await listening(server)
    onTestFinished(() => void server.close())
    const { counts } = await calls(url, 5)
    expect(counts).toMatchObject({ sent: 5, failed: 0 })
    // One with the answer; node's own client may open another one at once, which idles, and is closed as well.
    await expect.poll(() => closed).toBeGreaterThanOrEqual(1)
  })

  test('wants to know who reports gets the headers', async () => {
    const strict = await collector()
    await calls(strict.url, 1, { headers: { authorization: 'Bearer for-zipkin' } })
    expect(strict.requests[0]?.headers.authorization).toBe('Bearer for-zipkin')
  })
})

test('a path that is given is kept', async () => {
  const other = await collector()
  await calls(`${other.url}/zipkin/spans`, 1)
  expect(other.requests[0]?.path).toBe('/zipkin/spans')
})

test('nothing is written to the console, whatever happens', async () => {
  const said: unknown[] = []
  const { error, log } = console
  console.error = (...words: unknown[]) => void said.push(words)
  console.log = console.error
  onTestFinished(() => void Object.assign(console, { error, log }))
  const odd = await collector(response => void response.writeHead(400).end())
  await calls(odd.url, 30)
  expect(said).toEqual([])
})

test.each([
  { url: 'localhost:9411', wrong: 'zipkin: the url must begin with http:// or https://' },
  { url: 'ftp://zipkin', wrong: 'zipkin: the url must begin with http:// or https://' },
  { url: 'http://user:secret@zipkin', wrong: 'zipkin: the url must not have a password in it; use headers' },
])('an address that makes no sense is refused: $url', ({ url, wrong }) => {
  expect(() => zipkin(url)).toThrow(new TypeError(wrong))
})
