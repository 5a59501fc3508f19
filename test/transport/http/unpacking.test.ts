/** Packed responses of servers that are not ours, honest and hostile, at our own clients. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { brotliCompressSync, constants, createGzip, deflateSync, gzipSync } from 'node:zlib'
import { call, connect } from 'tenon'
import { CallError } from 'tenon/core'
import * as http from 'tenon/transport/http'
import * as fetching from 'tenon/transport/http/fetch'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Shop } from './shop.js'

type Stack = 'undici' | 'node'

/** A server that answers each request with these bytes. */
async function answering(
  headers: Record<string, string>,
  body: Uint8Array,
  { status = 200, cutsOff = false }: { readonly status?: number; readonly cutsOff?: boolean } = {},
): Promise<string> {
  const server = createServer((_, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers })
    if (!cutsOff) response.end(body)
    else response.write(body, () => response.destroy())
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}` // it listens on TCP
}

function clientOf(address: string, stack: Stack, options: http.HttpClientOptions = {}) {
  const binding = http.client(address, { stack, ...options })
  onTestFinished(() => binding.close())
  return connect(Shop, binding)
}

const order = { id: '7', items: [], note: 'again and '.repeat(1_000) }
const text = Buffer.from(JSON.stringify(order))

describe.for<Stack>(['undici', 'node'])('with %s', stack => {
  test.for([
    ['gzip', gzipSync(text)],
    ['x-gzip', gzipSync(text)],
    ['GZIP', gzipSync(text)],
    ['deflate', deflateSync(text)],
    ['br', brotliCompressSync(text)],
    ['identity', text],
  ] as const)('%s is unpacked, whether it was asked for or not', async ([coding, body]) => {
    const { get } = clientOf(await answering({ 'content-encoding': coding }, body), stack)
    expect(await call(get, { id: '7' })).toMatchObject({ _tag: 'Right', right: order })
  })

  test.for([
    ['several layers', 'gzip, gzip', gzipSync(gzipSync(text))],
    ['an unknown coding', 'zstd', text],
    ['no packed data at all', 'gzip', text],
    ['data that ends too early', 'br', brotliCompressSync(text).subarray(0, 20)],
    ['more behind the data', 'deflate', Buffer.concat([deflateSync(text), Buffer.from('more')])],
    ['an empty body', 'gzip', Buffer.alloc(0)],
  ] as const)('%s is no response of ours', async ([, coding, body]) => {
    const { get } = clientOf(await answering({ 'content-encoding': coding }, body), stack)
    expect(await call(get, { id: '7' })).toMatchObject({
      left: { code: 'internal', reason: 'UNEXPECTED_RESPONSE', ran: 'maybe' },
    })
    expect(await call(get, { id: '7' })).toMatchObject({ left: { reason: 'UNEXPECTED_RESPONSE' } }) // the client goes on
  })

  test.for([
    ['304', 304, { reason: 'NOT_MODIFIED' }],
    ['204', 204, { reason: 'UNEXPECTED_RESPONSE', details: { status: 204 } }],
    ['an error without a body', 503, { code: 'unavailable', retryAfterMs: 2_000, details: { status: 503 } }],
  ] as const)('%s is what it is, even where its headers say that a body is packed', async ([, status, failure]) => {
    const headers = { 'content-encoding': 'gzip', 'retry-after': '2' }
    const { get } = clientOf(await answering(headers, Buffer.alloc(0), { status }), stack)
    const outgoing = { 'if-none-match': '"v1"' }
    expect(await call(get, { id: '7' }, { outgoing })).toMatchObject({ left: failure })
  })

  test('the answer to HEAD has no body, packed or not', async () => {
    const address = await answering({ 'content-encoding': 'br' }, brotliCompressSync(text))
    const codec: http.ClientCodec<object, string, never> = {
      encode: () => ({ method: 'HEAD' }),
      decode: response => `${response.status} ${response.text}`,
    }
    const head = http.endpoint(address, codec, { stack, compression: true })
    onTestFinished(() => head.close())
    expect(await call(head, {})).toMatchObject({ right: '200 ' })
  })

  test('a connection that breaks in the middle is lost', async () => {
    const body = gzipSync(text)
    const address = await answering({ 'content-encoding': 'gzip' }, body.subarray(0, 30), { cutsOff: true })
    expect(await call(clientOf(address, stack).get, { id: '7' })).toMatchObject({ left: { reason: 'CONNECTION_LOST' } })
  })

  test.for([
    ['gzip', gzipSync(Buffer.alloc(64 << 20))],
    ['br', brotliCompressSync(Buffer.alloc(64 << 20), { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } })],
  ] as const)('a bomb of 64 MiB in %s is cut off at the limit', async ([coding, body]) => {
    const { get } = clientOf(await answering({ 'content-encoding': coding }, body), stack, {
      maxResponseBytes: 100_000,
    })
    const before = process.memoryUsage().rss
    expect(await call(get, { id: '7' })).toMatchObject({
      left: { code: 'resource_exhausted', reason: 'RESPONSE_TOO_LARGE' },
    })
    expect(process.memoryUsage().rss - before).toBeLessThan(32 << 20)
  })

  test.for([
    ['whole', '{"value":{"index":0,"text":"a"}}\n{"end":{}}\n', undefined],
    ['packed, but not to its end', undefined, 'STREAM_BROKEN'],
  ] as const)('a stream that is %s', async ([, lines, reason]) => {
    const headers = { 'content-type': 'application/x-ndjson', 'content-encoding': 'gzip' }
    const packed = gzipSync('{"value":{"index":0,"text":"a"}}\n{"value":{"index":1,"text":"b"}}\n'.repeat(200))
    const address = await answering(headers, lines === undefined ? packed.subarray(0, -12) : gzipSync(lines))
    const outcome = await call(clientOf(address, stack).watch, { id: '7' })
    const read = async (): Promise<unknown> => {
      if (outcome._tag === 'Left') return outcome.left
      try {
        for await (const _ of outcome.right);
      } catch (thrown) {
        return thrown instanceof CallError ? thrown.failure : thrown
      }
      return undefined
    }
    const failure = await read()
    if (reason === undefined) expect(failure).toBeUndefined()
    else expect(failure).toMatchObject({ code: 'unavailable', reason })
  })

  test('a slow reader of a packed stream makes its server wait', async () => {
    let written = 0
    const server = createServer(async (_, response) => {
      response.writeHead(200, { 'content-type': 'application/x-ndjson', 'content-encoding': 'gzip' })
      const gzip = createGzip()
      gzip.on('error', () => {})
      gzip.pipe(response)
      response.on('close', () => gzip.destroy())
      let wake = (): void => {}
      for (const event of ['drain', 'close']) gzip.on(event, () => wake())
      while (!gzip.destroyed) {
        const noise = Buffer.from(crypto.getRandomValues(new Uint8Array(30_000))).toString('base64')
        if (!gzip.write(`{"value":{"index":0,"text":"${noise}"}}\n`))
          await new Promise<void>(resolve => {
            wake = resolve
          })
        written++
      }
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => {
      server.closeAllConnections()
      server.close()
    })
    const { watch } = clientOf(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, stack)
    const outcome = await call(watch, { id: '7' })
    if (outcome._tag === 'Left') return expect.unreachable()
    const items = outcome.right[Symbol.asyncIterator]()
    for (let i = 0; i < 3; i++) expect((await items.next()).done).toBe(false)
    for (let [before, looks] = [-1, 0]; looks < 20; ) {
      looks = before === written ? looks + 1 : 0
      before = written
      await new Promise(resolve => setTimeout(resolve, 5))
    }
    expect(written).toBeLessThan(1_000) // some 40 MB
    await items.return?.()
  })
})

test('the client on fetch leaves unpacking to the platform', async () => {
  const address = await answering({ 'content-encoding': 'gzip' }, gzipSync(text))
  const { get } = connect(Shop, fetching.client(address))
  expect(await call(get, { id: '7' })).toMatchObject({ right: order })
  const bomb = await answering({ 'content-encoding': 'gzip' }, gzipSync(Buffer.alloc(64 << 20)))
  const limited = connect(Shop, fetching.client(bomb, { maxResponseBytes: 100_000 }))
  expect(await call(limited.get, { id: '7' })).toMatchObject({ left: { reason: 'RESPONSE_TOO_LARGE' } })
  const layers = await answering({ 'content-encoding': Array(9).fill('gzip').join(', ') }, gzipSync(text))
  expect(await call(connect(Shop, fetching.client(layers)).get, { id: '7' })).toMatchObject({ _tag: 'Left' })
})
