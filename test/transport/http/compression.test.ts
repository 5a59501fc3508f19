/** Packed responses, as curl, Node's fetch and our own clients get them, and what is never packed. */
import { execFile } from 'node:child_process'
import { get as httpGet } from 'node:http'
import { promisify } from 'node:util'
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib'
import { call, connect } from 'tenon'
import type { Context } from 'tenon/core'
import * as http from 'tenon/transport/http'
import { docs } from 'tenon/transport/http/docs'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { packedStream } from '../../../src/transport/http/packed-stream.js'
import { open, type Served, served, until } from './served.js'
import { newLog, Shop, shop } from './shop.js'

const run = promisify(execFile)
const note = 'the same again '.repeat(400)
const plain = JSON.stringify({ id: '7', items: [], note })

function serving(
  options: Partial<http.HttpServerOptions> = {},
  reply: (context: Context) => void = () => {},
): Promise<Served> {
  const service = shop(newLog(), {
    get: ({ id }, context) => {
      reply(context)
      return { id, items: [], ...(id === '7' && { note }) }
    },
  })
  return served([service], { compression: true, ...options })
}

interface Answer {
  readonly status: number | undefined
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly bytes: Buffer
}

/** Asks with node:http, which unpacks nothing. */
function asked(address: string, path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpGet(address + path, { headers, method, agent: false }, response => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () =>
        resolve({ status: response.statusCode, headers: response.headers, bytes: Buffer.concat(chunks) }),
      )
    })
    request.on('error', reject)
  })
}

describe('a whole response', () => {
  test.for([
    ['br', brotliDecompressSync],
    ['gzip', gunzipSync],
    ['deflate', inflateSync],
  ] as const)('is packed with %s for who asks for that', async ([coding, unpack]) => {
    const { address } = await serving()
    const { headers, bytes } = await asked(address, '/orders/7', { 'accept-encoding': coding })
    expect(headers).toMatchObject({
      'content-encoding': coding,
      vary: 'accept-encoding',
      'content-length': String(bytes.length),
      'content-type': 'application/json',
    })
    expect(bytes.length).toBeLessThan(200)
    expect(unpack(bytes).toString()).toBe(plain)
  })

  test.for([
    ['nobody asks', '/orders/7', {}, 'accept-encoding'],
    ['plain is asked for', '/orders/7', { 'accept-encoding': 'identity' }, 'accept-encoding'],
    ['what is asked for is not known', '/orders/7', { 'accept-encoding': 'zstd' }, 'accept-encoding'],
    ['it is small', '/orders/8', { 'accept-encoding': 'gzip' }, 'accept-encoding'],
  ] as const)('is as it is where %s', async ([, path, headers, vary]) => {
    const { address } = await serving()
    const answer = await asked(address, path, headers)
    expect(answer.headers['content-encoding']).toBeUndefined()
    expect(answer.headers['vary']).toBe(vary)
    expect(JSON.parse(answer.bytes.toString())).toMatchObject({ items: [] })
  })

  test('is as it is where compression is off, and says nothing of it', async () => {
    const { address } = await serving({ compression: false })
    const { headers, bytes } = await asked(address, '/orders/7', { 'accept-encoding': 'gzip, br' })
    expect(headers['content-encoding']).toBeUndefined()
    expect(headers['vary']).toBeUndefined()
    expect(bytes.toString()).toBe(plain)
  })

  test('is as it is where packing makes it larger', async () => {
    const { address } = await serving({ compression: { minBytes: 0 } })
    const { headers, bytes } = await asked(address, '/orders/8', { 'accept-encoding': 'gzip' })
    expect(headers).toMatchObject({ vary: 'accept-encoding' })
    expect(headers['content-encoding']).toBeUndefined()
    expect(bytes.toString()).toBe('{"id":"8","items":[]}')
  })

  test('is as it is where the handler says no-transform', async () => {
    const { address } = await serving({}, ({ reply }) => reply.header('cache-control', 'private, No-Transform'))
    const { headers } = await asked(address, '/orders/7', { 'accept-encoding': 'gzip' })
    expect(headers).toMatchObject({ 'cache-control': 'private, No-Transform' })
    expect(headers['content-encoding']).toBeUndefined()
  })

  test.for([
    ['origin', 'origin, accept-encoding'],
    ['Accept-Encoding', 'Accept-Encoding'],
    ['*', '*'],
  ] as const)('keeps what the handler says it varies with: %s', async ([given, sent]) => {
    const { address } = await serving({}, ({ reply }) => reply.header('vary', given))
    expect((await asked(address, '/orders/7', { 'accept-encoding': 'gzip' })).headers['vary']).toBe(sent)
  })

  test('has a strong tag of its own when packed, and keeps a weak one', async () => {
    const tags = ['"v1"', 'W/"v1"']
    const { address } = await serving({}, ({ reply }) => reply.header('etag', tags.shift() ?? ''))
    const ask = { 'accept-encoding': 'gzip' }
    expect((await asked(address, '/orders/7', ask)).headers['etag']).toBe('"v1--gzip"')
    expect((await asked(address, '/orders/7', ask)).headers['etag']).toBe('W/"v1"')
  })

  test('to HEAD has the headers of GET, without a length that nobody counted', async () => {
    const { address } = await serving()
    const { status, headers, bytes } = await asked(address, '/orders/7', { 'accept-encoding': 'br' }, 'HEAD')
    expect(status).toBe(200)
    expect(headers).toMatchObject({ 'content-encoding': 'br', vary: 'accept-encoding' })
    expect(headers['content-length']).toBeUndefined()
    expect(bytes.length).toBe(0)
  })

  test('that is a failure is packed as well', async () => {
    const { address } = await serving({ compression: { minBytes: 10 } })
    const { status, headers, bytes } = await asked(address, `/none/${'x'.repeat(500)}`, { 'accept-encoding': 'gzip' })
    expect(status).toBe(404)
    expect(headers['content-encoding']).toBe('gzip')
    expect(JSON.parse(gunzipSync(bytes).toString())).toMatchObject({ reason: 'ROUTE_NOT_FOUND' })
  })

  test('is read by curl and by fetch', async () => {
    const { address } = await serving()
    const { stdout } = await run('curl', ['-s', '--compressed', '-D', '-', `${address}/orders/7`])
    expect(stdout.toLowerCase()).toContain('content-encoding: ')
    expect(stdout.endsWith(plain)).toBe(true)
    const response = await fetch(`${address}/orders/7`)
    expect(response.headers.get('content-encoding')).toBe('gzip') // all that Node's asks for without TLS
    expect(await response.text()).toBe(plain)
    expect((await fetch(`${address}/orders/7`, { method: 'HEAD' })).headers.get('content-encoding')).toBe('gzip')
  })

  test('goes nowhere when its reader is gone, and the next one gets his', async () => {
    const { address, port, listening, defects } = await serving()
    for (let i = 0; i < 20; i++) {
      open(port).write('GET /orders/7 HTTP/1.1\r\nhost: t\r\naccept-encoding: br\r\n\r\n').end()
    }
    expect((await asked(address, '/orders/7', { 'accept-encoding': 'br' })).status).toBe(200)
    await until('all calls are over', () => listening.callsInFlight === 0)
    expect(defects).toEqual([])
  })
})

test.for([
  [{ codings: ['lzma'] }, /compression.codings has 'lzma'/],
  [{ codings: [] }, /compression.codings is empty/],
  [{ minBytes: -1 }, /compression.minBytes must be a whole number from 0 on, got -1/],
  [{ brotliQuality: 12 }, /compression.brotliQuality must be a whole number from 0 to 11, got 12/],
  [{ gzipLevel: 0 }, /compression.gzipLevel must be a whole number from 1 to 9, got 0/],
  [{ maxStreams: Number.NaN }, /compression.maxStreams must be a whole number from 0 on/],
] as const)('the options %j make no sense', ([compression, message]) => {
  expect(() => http.server({ port: 0, compression: compression as never })).toThrow(message)
})

test('a page beside the calls is packed, and known by the tag it then has', async () => {
  const { address } = await serving({ docs: docs({ page: false }) })
  const { headers } = await asked(address, '/openapi.json', { 'accept-encoding': 'gzip' })
  expect(headers).toMatchObject({ 'content-encoding': 'gzip', etag: expect.stringMatching(/--gzip"$/) })
  const again = { 'accept-encoding': 'gzip', 'if-none-match': String(headers['etag']) }
  expect((await asked(address, '/openapi.json', again)).status).toBe(304)
})

describe('a packed stream', () => {
  function watching(maxStreams = 100, options: Partial<http.HttpServerOptions> = {}) {
    const log = newLog()
    const gates: (() => void)[] = []
    const service = shop(log, {
      watch: async function* ({ count }, { signal }) {
        try {
          for (let index = 0; index < count; index++) {
            yield { index, text: note }
            await new Promise<void>(resolve => {
              gates.push(resolve)
              signal.addEventListener('abort', () => resolve())
            })
          }
        } finally {
          log.closed.push('watch')
        }
      },
    })
    return served([service], { compression: { maxStreams }, ...options }).then(made => ({ ...made, gates, log }))
  }

  test.for([
    ['application/x-ndjson', 'br'],
    ['text/event-stream', 'gzip'],
    ['text/event-stream', 'deflate'],
  ] as const)('of %s packed with %s gives each item as it comes', async ([accept, coding]) => {
    const { address, gates } = await watching()
    const headers = { accept, 'accept-encoding': coding }
    const response = await fetch(`${address}/orders/7/events?count=2`, { headers })
    expect(response.headers.get('content-encoding')).toBe(coding)
    const reader = response.body?.getReader()
    const decoder = new TextDecoder()
    let text = ''
    const readUntil = async (end: string): Promise<void> => {
      while (!text.endsWith(end)) {
        const read = await reader?.read()
        if (read?.done !== false) break
        text += decoder.decode(read.value, { stream: true })
      }
    }
    const end = accept === 'text/event-stream' ? '"}\n\n' : '"}}\n'
    await readUntil(end) // the handler waits for its gate, so this has come by itself
    expect(text).toContain('"index":0')
    expect(text).not.toContain('"index":1')
    await until('the first gate', () => gates.length === 1)
    gates.shift()?.()
    await readUntil(`1,"text":"${note}${end}`)
    await until('the second gate', () => gates.length === 1)
    gates.shift()?.()
    await readUntil('never')
    expect(text).toMatch(accept === 'text/event-stream' ? /event: end\ndata: \{\}\n\n$/ : /\{"end":\{\}\}\n$/)
  })

  test('gives its place back when its reader leaves, and others above the limit go unpacked', async () => {
    const { address, log, listening } = await watching(1)
    const headers = { 'accept-encoding': 'gzip' }
    const leave = new AbortController()
    const first = await fetch(`${address}/orders/7/events`, { headers, signal: leave.signal })
    const second = await fetch(`${address}/orders/7/events`, { headers })
    expect(first.headers.get('content-encoding')).toBe('gzip')
    expect(second.headers.get('content-encoding')).toBeNull()
    expect(second.headers.get('vary')).toBe('accept-encoding')
    await second.body?.cancel()
    leave.abort()
    await until('both are closed', () => log.closed.length === 2 && listening.callsInFlight === 0)
    for (let coding: string | null = null; coding !== 'gzip'; ) {
      const third = await fetch(`${address}/orders/7/events`, { headers }) // the last line is packed after the handler has ended
      coding = third.headers.get('content-encoding')
      await third.body?.cancel()
    }
  })

  test('to HEAD takes no place and ends its call', async () => {
    const { address, log } = await watching(1)
    for (let i = 0; i < 3; i++) {
      const { headers } = await asked(address, '/orders/7/events', { 'accept-encoding': 'gzip' }, 'HEAD')
      expect(headers['content-encoding']).toBe('gzip')
    }
    const { headers } = await fetch(`${address}/orders/7/events?count=0`, { headers: { 'accept-encoding': 'gzip' } })
    expect(headers.get('content-encoding')).toBe('gzip')
    expect(log.closed.length).toBeLessThanOrEqual(1) // those of HEAD never began
  })

  test('waits for a slow reader', async () => {
    let written = 0
    const random = (): string => Buffer.from(crypto.getRandomValues(new Uint8Array(24_000))).toString('base64')
    const service = shop(newLog(), {
      watch: async function* () {
        for (let index = 0; ; index++) {
          yield { index, text: random() }
          written++
        }
      },
    })
    const { port } = await served([service], { compression: true })
    const connection = open(port)
    connection.socket.pause()
    connection.write('GET /orders/7/events HTTP/1.1\r\nhost: t\r\naccept-encoding: gzip\r\n\r\n')
    let [before, looks] = [-1, 0]
    await until('the writer rests', () => {
      looks = written > 0 && before === written ? looks + 1 : 0
      before = written
      return looks === 20
    })
    expect(written).toBeLessThan(1_000) // some 30 MB: what the system's buffers take is far less
  })

  test('leaves its lines and zlib alone when it was never read, and once when it was', async () => {
    const closed = vi.fn()
    const onEnd = vi.fn()
    const lines = async function* (): AsyncGenerator<string> {
      yield 'a'
      yield 'b'
    }
    const open = () => ({
      pack: async (text: string | Uint8Array) => Buffer.from(text),
      end: async () => Buffer.alloc(0),
      close: closed,
    })
    const unread = packedStream(lines(), open, onEnd)[Symbol.asyncIterator]()
    await unread.return?.()
    await unread.return?.()
    expect([closed.mock.calls.length, onEnd.mock.calls.length]).toEqual([0, 1])
    const read = packedStream(lines(), open, onEnd)[Symbol.asyncIterator]()
    await read.next()
    await read.return?.()
    await read.return?.()
    expect([closed.mock.calls.length, onEnd.mock.calls.length]).toEqual([1, 2])
  })
})

describe.for(['undici', 'node'] as const)('our client on %s', stack => {
  function clientOf(address: string, options: http.HttpClientOptions = {}) {
    const binding = http.client(address, { stack, compression: true, ...options })
    onTestFinished(() => binding.close())
    return connect(Shop, binding)
  }

  test('asks for packed responses where it is told to, and reads whole ones and streams', async () => {
    const asks: (string | undefined)[] = []
    const service = shop(newLog(), {
      get: ({ id }, { metadata }) => {
        asks.push(metadata.get('accept-encoding'))
        return { id, items: [], note }
      },
    })
    const { address } = await served([service], { compression: true })
    let headers: ReadonlyMap<string, string> = new Map()
    const onReply = (reply: { readonly headers: ReadonlyMap<string, string> }): void => {
      headers = reply.headers
    }
    const outcome = await call(clientOf(address).get, { id: '7' }, { onReply })
    expect(outcome).toMatchObject({ right: { note } })
    expect([...headers.keys()]).not.toContain('content-encoding')
    await call(clientOf(address, { compression: false }).get, { id: '7' })
    expect(asks).toEqual(['br, gzip, deflate', undefined])
    const stream = await call(clientOf(address).watch, { id: '7', count: 3, bytes: 5_000 })
    let items = 0
    if (stream._tag === 'Right') for await (const { text } of stream.right) items += text.length / 5_000
    expect(items).toBe(3)
  })
})
