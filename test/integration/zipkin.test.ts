/** A shop that calls its stock, as a real Zipkin server tells it through its own API. */
import { zipkin } from 'tenon/tracing/zipkin'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startBundled } from '../examples/program.js'
import { type TracedShopOptions, tracedShop } from './traced-shop.js'
import { needZipkin, startZipkin, type ZipkinServer, type ZipkinSpan } from './zipkin-server.js'

let server: ZipkinServer | undefined
let missing: string | undefined

beforeAll(async () => {
  needZipkin(reason => {
    missing = reason
  })
  if (missing === undefined) server = await startZipkin()
})

afterAll(() => server?.stop())

/** What Zipkin has of one order, when shop and stock have stopped: nothing waits for a timer. */
async function ordered(
  sku: Parameters<Awaited<ReturnType<typeof tracedShop>>['order']>[0],
  { spans, ...options }: { readonly spans: number } & Partial<TracedShopOptions>,
) {
  const { url } = server as ZipkinServer // or the test was skipped
  const shop = await tracedShop({ reporter: () => zipkin(url), formats: ['w3c'], ...options })
  const traceId = await shop.order(sku)
  await shop.stop()
  return await (server as ZipkinServer).trace(traceId, spans)
}

function of(trace: readonly ZipkinSpan[], kind: string, name: string): ZipkinSpan[] {
  return trace
    .filter(span => span.kind === kind && span.name === name)
    .sort((a, b) => (a.timestamp ?? 0) - (b.timestamp ?? 0))
}

describe('a real Zipkin', () => {
  test.beforeEach(({ skip }) => skip(missing !== undefined, missing))

  test('tells a call as a client and a server span in one trace, drained to the last span', async () => {
    const trace = await ordered('tea', { spans: 5 })
    expect(trace).toHaveLength(5)
    const [served] = of(trace, 'SERVER', 'shop.v1.shop/order')
    const [made] = of(trace, 'CLIENT', 'shop.v1.stock/take')
    const [taken] = of(trace, 'SERVER', 'shop.v1.stock/take')
    expect(new Set(trace.map(span => span.traceId)).size).toBe(1)
    expect(served?.traceId).toMatch(/^[0-9a-f]{32}$/)
    expect(served?.parentId).toBeUndefined()
    expect(made?.parentId).toBe(served?.id)
    expect(taken?.parentId).toBe(made?.id)
    expect([served, made, taken].map(span => span?.localEndpoint?.serviceName)).toEqual(['shop', 'shop', 'stock'])
    expect(made?.remoteEndpoint).toMatchObject({ ipv4: '127.0.0.1', port: expect.any(Number) })
    expect(taken?.remoteEndpoint).toMatchObject({ ipv4: '127.0.0.1' })
    expect(taken?.tags).toEqual({
      method: 'shop.v1.Stock/take',
      transport: 'http',
      code: 'ok',
      attempt: '1',
      version: '1.4.2',
      'http.method': 'POST',
      'http.route': '/take',
      'http.path': '/take',
      'http.scheme': 'http',
      'http.version': '1.1',
      'http.status_code': '200',
    })
    const { port } = made?.remoteEndpoint ?? {}
    expect(made?.tags).toEqual({
      method: 'shop.v1.Stock/take',
      transport: 'http',
      code: 'ok',
      attempt: '1',
      'http.method': 'POST',
      'http.url': `http://127.0.0.1:${port}/take`,
      'http.path': '/take',
      'http.version': '1.1',
      'http.status_code': '200',
    })
    expect(served?.tags).toMatchObject({ basket: '1', version: '1.4.2' })
    expect(served?.annotations?.map(({ value }) => value)).toEqual(['checked limit=true'])
    for (const span of trace) expect(span.duration).toBeGreaterThan(0)
    const [start = 0, end = 0] = [served?.timestamp, (served?.timestamp ?? 0) + (served?.duration ?? 0)]
    expect(made?.timestamp).toBeGreaterThanOrEqual(start)
    expect((made?.timestamp ?? 0) + (made?.duration ?? 0)).toBeLessThanOrEqual(end + 1)
  })

  test('tells a stream as one span with a message for each item', async () => {
    const trace = await ordered('tea', { spans: 5 })
    const [made] = of(trace, 'CLIENT', 'shop.v1.stock/watch')
    const [watched] = of(trace, 'SERVER', 'shop.v1.stock/watch')
    expect(made?.annotations?.map(({ value }) => value)).toEqual([
      'message type=received id=1',
      'message type=received id=2',
    ])
    expect(watched?.annotations?.map(({ value }) => value)).toEqual([
      'message type=sent id=1',
      'message type=sent id=2',
    ])
    expect(watched?.parentId).toBe(made?.id)
    for (const span of [made, watched])
      expect(span?.tags).toMatchObject({ 'http.method': 'GET', 'http.path': '/watch/{sku}', 'http.status_code': '200' })
    expect(JSON.stringify(trace)).not.toContain('watch/tea')
  })

  test('finds calls by the tags that its page asks for', async () => {
    await ordered('broken', { spans: 3 })
    const found = (await server?.query(
      `traces?annotationQuery=${encodeURIComponent('http.status_code=500 and http.path=/take')}`,
    )) as readonly (readonly ZipkinSpan[])[]
    expect(found.flat()).toContainEqual(expect.objectContaining({ kind: 'SERVER', name: 'shop.v1.stock/take' }))
  })

  test('tells both sides of a call as one span where ids are shared', async () => {
    const trace = await ordered('tea', { spans: 5, formats: ['b3'], sharesSpans: true })
    const [made] = of(trace, 'CLIENT', 'shop.v1.stock/take')
    const [taken] = of(trace, 'SERVER', 'shop.v1.stock/take')
    const [served] = of(trace, 'SERVER', 'shop.v1.shop/order')
    expect(taken).toMatchObject({ id: made?.id, shared: true, parentId: served?.id })
    expect(made?.shared).toBeUndefined()
  })

  test('tells each attempt of a call as a span of its own', async () => {
    const trace = await ordered('flaky', { spans: 7 })
    const made = of(trace, 'CLIENT', 'shop.v1.stock/take')
    const taken = of(trace, 'SERVER', 'shop.v1.stock/take')
    expect(made.map(({ tags }) => [tags?.['attempt'], tags?.['error'], tags?.['blame']])).toEqual([
      ['1', 'unavailable/SHELF_BUSY', 'dependency'],
      ['2', undefined, undefined],
    ])
    expect(made.map(({ parentId }) => parentId)).toEqual(
      Array(2).fill(of(trace, 'SERVER', 'shop.v1.shop/order')[0]?.id),
    )
    expect(taken.map(({ parentId }) => parentId)).toEqual(made.map(({ id }) => id))
    expect(taken.map(({ tags }) => tags?.['error'])).toEqual(['unavailable/SHELF_BUSY', undefined])
  })

  test('tells errors, with whom to blame, and domain failures as none', async () => {
    const broken = await ordered('broken', { spans: 3 })
    expect(of(broken, 'SERVER', 'shop.v1.stock/take')[0]?.tags).toMatchObject({
      error: 'internal/SHELF_BROKEN',
      reason: 'SHELF_BROKEN',
      blame: 'service',
      'http.status_code': '500',
    })
    const gone = await ordered('gone', { spans: 3 })
    const [taken] = of(gone, 'SERVER', 'shop.v1.stock/take')
    expect(taken?.tags).toMatchObject({ tag: 'OutOfStock', 'http.status_code': '400' })
    expect(taken?.tags).not.toHaveProperty('error')
    expect(JSON.stringify([broken, gone])).not.toContain('secret')
  })

  test('knows from the spans which service calls which', async () => {
    await ordered('tea', { spans: 5 })
    const links = (await server?.query(`dependencies?endTs=${Date.now()}&lookback=3600000`)) as {
      parent: string
      child: string
    }[]
    expect(links).toContainEqual(expect.objectContaining({ parent: 'shop', child: 'stock' }))
    expect(await server?.query('services')).toEqual(['shop', 'stock'])
  })

  const compiled = { timeout: 60_000 } // the programs are when they start
  test('gets the traces of the example shop, in two processes, when ZIPKIN_URL is set', compiled, async context => {
    const { url, query } = server as ZipkinServer
    const env = { ZIPKIN_URL: url }
    const program = startBundled('examples/shop/main.ts', ['--split', '--port', '0'], env)
    context.onTestFinished(async () => void (await program.stop('SIGKILL')))
    const [, address] = await program.waitFor(/^Orders at (\S+)$/m)
    const body = JSON.stringify({ lines: [{ sku: 'teapot', count: 1 }] })
    const [, token] = await program.waitFor(/^ {2}CUSTOMER=(\S+)$/m)
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}`, connection: 'close' }
    expect((await fetch(`${address}/orders`, { method: 'POST', headers, body })).status).toBe(201)
    const rows = async (): Promise<string[]> => {
      const found = (await query('traces?spanName=shop.v1.orders/place')) as readonly (readonly ZipkinSpan[])[]
      const all = found.flat().map(({ localEndpoint, kind, name }) => `${localEndpoint?.serviceName} ${kind} ${name}`)
      return all.sort()
    }
    const expected = [
      'shop CLIENT shop.v1.stock/reserve',
      'shop SERVER shop.v1.orders/place',
      'stock SERVER shop.v1.stock/reserve',
    ]
    await expect.poll(rows).toEqual(expected)
  })
})
