/** Bodies that are bytes: what a method is called with and gives, by curl, by fetch, by our clients, and without HTTP. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { call, callOrThrow, connect } from 'tenon'
import { CallError, failed, failureOf } from 'tenon/core'
import * as http from 'tenon/transport/http'
import * as fetching from 'tenon/transport/http/fetch'
import * as memory from 'tenon/transport/memory'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Files, files, sumOf } from './files.js'
import { open, served, until } from './served.js'

const run = promisify(execFile)
const every = Uint8Array.from({ length: 1_000 }, (_, index) => index % 256)

describe.for(['undici', 'node', 'fetch', 'memory', 'memory with JSON'] as const)('over %s', over => {
  async function clientOf(service = files()) {
    if (over.startsWith('memory')) return connect(Files, memory.client(service, { json: over !== 'memory' }))
    const { address } = await served([service])
    const binding = over === 'fetch' ? fetching.client(address) : http.client(address, { stack: over as 'undici' })
    onTestFinished(() => binding.close())
    return connect(Files, binding)
  }

  test('bytes arrive as they are, beside path, query and type', async () => {
    const { put, get } = await clientOf()
    const file = { name: 'a/b', content: every, type: 'image/png', times: 7 }
    expect(await callOrThrow(put, file)).toEqual({ ...sumOf(every), type: 'image/png', times: 7 })
    const { content, type } = await callOrThrow(get, { name: 'a/b' })
    expect(Object.getPrototypeOf(content)).toBe(Uint8Array.prototype)
    expect([[...content], type]).toEqual([[...every], 'image/png'])
    expect(content.byteOffset).toBe(0)
  })

  test('none at all are bytes as well, and so is their base64', async () => {
    const { put, get, picture } = await clientOf()
    expect(await callOrThrow(put, { name: 'n', content: new Uint8Array(), type: 'a/b' })).toMatchObject({ bytes: 0 })
    expect((await callOrThrow(get, { name: 'n' })).content.length).toBe(0)
    expect(await callOrThrow(picture, { content: 'AAEC', kind: 'image/gif' })).toEqual(sumOf(Uint8Array.of(0, 1, 2)))
  })

  test('a stream of bytes goes in either direction', async () => {
    const { upload, download } = await clientOf()
    const chunks = async function* () {
      for (let index = 0; index < 40; index++) yield { chunk: every }
    }
    expect(await callOrThrow(upload, chunks())).toEqual(sumOf(...Array(40).fill(every)))
    let text = ''
    for await (const { chunk } of await callOrThrow(download, { name: 'n', chunks: 3 })) text += Buffer.from(chunk)
    expect(text).toBe('n,0\nn,1\nn,2\n')
  })

  test('a failure before the first byte is a failure', async () => {
    const { download, get } = await clientOf(
      files({
        download: () => failed('not_found', 'NO_SUCH_FILE', 'there is none'),
        get: () => failed('not_found', 'NO_SUCH_FILE', 'there is none'),
      }),
    )
    for (const outcome of [await call(download, { name: 'n' }), await call(get, { name: 'n' })])
      expect(outcome).toMatchObject({ left: { code: 'not_found', reason: 'NO_SUCH_FILE' } })
  })

  test('an iterable of the caller that fails cancels its call', async () => {
    const seen: unknown[] = []
    let begin = (): void => {}
    const begun = new Promise<void>(resolve => {
      begin = resolve
    })
    const service = files({
      async upload(items) {
        try {
          for await (const _ of items) begin()
        } catch (thrown) {
          seen.push(thrown instanceof CallError ? thrown.failure : thrown)
          throw thrown
        }
        return { bytes: 0, sha256: '' }
      },
    })
    const { upload } = await clientOf(service)
    const broken = async function* () {
      yield { chunk: every }
      await begun
      throw new CallError(failureOf('internal', 'OWN', 'mine'))
    }
    expect(await call(upload, broken())).toMatchObject({ left: { code: 'cancelled', reason: 'CANCELLED' } })
    await until('the handler hears of it', () => seen.length === 1)
    expect(seen[0]).toMatchObject({ code: over === 'fetch' ? expect.any(String) : 'cancelled' })
  })
})

describe.for(['undici', 'node', 'fetch'] as const)('over HTTP with %s', stack => {
  test('a stream that fails in the middle breaks off, and whose mistake it was is told here', async () => {
    const thrown = new Error('the disk is gone')
    const { address, defects } = await served([
      files({
        async *download() {
          yield { chunk: every }
          throw thrown
        },
      }),
    ])
    const binding = stack === 'fetch' ? fetching.client(address) : http.client(address, { stack })
    onTestFinished(() => binding.close())
    const chunks = await callOrThrow(connect(Files, binding).download, { name: 'n' })
    let bytes = 0
    const read = async (): Promise<void> => {
      for await (const { chunk } of chunks) bytes += chunk.length
    }
    await expect(read()).rejects.toMatchObject({ failure: { code: 'unavailable', reason: 'STREAM_BROKEN' } })
    expect(bytes).toBe(1_000)
    expect(defects).toEqual([thrown])
  })

  test('a handler that gives no bytes, or no type, is at fault', async () => {
    const given = [
      { content: 'no base64!', type: 'a/b' },
      { content: every, type: 'a/b\r\nx: y' },
      { content: every, type: 7 },
      {},
    ]
    const { address, defects } = await served([files({ get: () => given.shift() as never })])
    const binding = stack === 'fetch' ? fetching.client(address) : http.client(address, { stack })
    onTestFinished(() => binding.close())
    for (let left = given.length; left > 0; left--)
      expect(await call(connect(Files, binding).get, { name: 'n' })).toMatchObject({ left: { reason: 'UNENCODABLE' } })
    expect(defects).toHaveLength(4)
  })

  test('a type that the method has not is not sent', async () => {
    const { address } = await served([files({ picture: () => expect.unreachable() })])
    const binding = stack === 'fetch' ? fetching.client(address) : http.client(address, { stack })
    onTestFinished(() => binding.close())
    const { picture } = connect(Files, binding)
    for (const kind of ['text/html', 'image', 'image/*\n', ''])
      expect(await call(picture, { content: every, kind })).toMatchObject({
        left: { reason: 'UNENCODABLE', ran: 'no' },
      })
  })

  test('a page where bytes of a type are expected is no response', async () => {
    const { address } = await served([files()])
    const binding = stack === 'fetch' ? fetching.client(`${address}/files`) : http.client(`${address}/files`, { stack })
    onTestFinished(() => binding.close())
    const outcome = await call(connect(Files, binding).download, { name: 'n' })
    expect(outcome).toMatchObject({ left: { reason: 'ROUTE_NOT_FOUND' } })
  })
})

describe('on the wire', () => {
  test('curl sends a file and gets it back', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tenon-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    const [path, back] = [join(folder, 'in.png'), join(folder, 'out.png')]
    const big = new Uint8Array(1_500_000).map((_, index) => index * 31)
    await writeFile(path, big)
    const { address } = await served([files()])
    const url = `${address}/files/p?times=3`
    const { stdout } = await run('curl', ['-s', '-T', path, '-H', 'content-type: image/png', url])
    expect(JSON.parse(stdout)).toEqual({ ...sumOf(big), type: 'image/png', times: 3 })
    const got = await run('curl', ['-s', '-o', back, '-D', '-', url])
    expect(got.stdout.toLowerCase()).toContain('content-type: image/png\r\nx-content-type-options: nosniff\r\n')
    expect(got.stdout).toContain('1500000')
    const sent = await run('curl', ['-s', '-T', back, '-H', 'content-type: image/png', `${address}/files/q`])
    expect(JSON.parse(sent.stdout)).toMatchObject(sumOf(big))
    const stream = await run('curl', ['-s', '-N', `${address}/downloads/x?chunks=2`])
    expect(stream.stdout).toBe('x,0\nx,1\n')
    const headers = ['-H', 'content-type: application/octet-stream', '-H', 'transfer-encoding: chunked']
    const upload = await run('curl', ['-s', '-X', 'POST', '-T', path, ...headers, `${address}/uploads`])
    expect(JSON.parse(upload.stdout)).toEqual(sumOf(big))
  })

  test.for([
    ['another type', '/plain', { 'content-type': 'application/json' }, 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['what a form of another page can send', '/plain', { 'content-type': 'text/plain' }, 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['no type', '/plain', {}, 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['a type that only begins so', '/pictures', { 'content-type': 'images/png' }, 415, 'UNSUPPORTED_MEDIA_TYPE'],
    [
      'another type for a stream',
      '/uploads',
      { 'content-type': 'application/x-ndjson' },
      415,
      'UNSUPPORTED_MEDIA_TYPE',
    ],
    [
      'a packed stream',
      '/uploads',
      { 'content-type': 'application/octet-stream', 'content-encoding': 'gzip' },
      415,
      'UNSUPPORTED_MEDIA_TYPE',
    ],
    [
      'packed bytes that are none',
      '/pictures',
      { 'content-type': 'image/a', 'content-encoding': 'gzip' },
      400,
      'MALFORMED_BODY',
    ],
  ] as const)('%s is refused', async ([, path, headers, status, reason]) => {
    const { address } = await served([files()])
    const answer = await fetch(address + path, { method: 'POST', body: every, headers })
    expect(answer.status).toBe(status)
    expect(await answer.json()).toMatchObject({ reason })
    expect(answer.headers.get('tenon-ran')).toBe('no')
  })

  test('a field that is the body must not be in the query, too', async () => {
    const { address } = await served([files()])
    for (const query of ['content=AAEC', 'type=a/b']) {
      const answer = await fetch(`${address}/files/n?${query}`, { method: 'PUT', body: every })
      expect(answer.status).toBe(400)
      expect(await answer.json()).toMatchObject({ reason: 'INVALID_REQUEST' })
    }
  })

  test('a method has a limit of its own, counted unpacked, and others keep the server s', async () => {
    const { address } = await served([files()], { maxBodyBytes: 10_000 })
    const send = async (path: string, body: Uint8Array, more = {}) => {
      const init = {
        method: path === '/plain' ? 'POST' : 'PUT',
        body,
        headers: { 'content-type': 'application/octet-stream', ...more },
      }
      return (await fetch(address + path, init)).status
    }
    expect(await send('/files/n', new Uint8Array(2 << 20))).toBe(200)
    expect(await send('/files/n', new Uint8Array((2 << 20) + 1))).toBe(413)
    expect(await send('/files/n', gzipSync(new Uint8Array(20 << 20)), { 'content-encoding': 'gzip' })).toBe(413)
    expect(await send('/plain', new Uint8Array(10_000))).toBe(200)
    expect(await send('/plain', new Uint8Array(10_001))).toBe(413)
  })

  test('an upload that breaks off is no upload', async () => {
    const seen: unknown[] = []
    let hasBegun = false
    const { port } = await served([
      files({
        plain: () => expect.unreachable(),
        async upload(items) {
          hasBegun = true
          try {
            for await (const _ of items);
          } catch (thrown) {
            seen.push(thrown)
          }
          return { bytes: 0, sha256: '' }
        },
      }),
    ])
    for (const path of ['/plain', '/uploads']) {
      const connection = open(port)
      connection.write(
        `POST ${path} HTTP/1.1\r\nhost: t\r\ncontent-type: application/octet-stream\r\ncontent-length: 100\r\n\r\nabc`,
      )
      if (path === '/uploads') await until('the handler', () => hasBegun) // then it must hear
      connection.end()
    }
    await until('the handler hears of it', () => seen.length === 1)
    expect(seen[0]).toMatchObject({ failure: { code: 'cancelled' } })
  })

  test('a slow reader makes a download wait, and a slow handler an upload', async () => {
    let made = 0
    let go = (): void => {}
    const gate = new Promise<void>(resolve => {
      go = resolve
    })
    const { port, address } = await served([
      files({
        async *download() {
          for (; made < 10_000; made++) yield { chunk: new Uint8Array(30_000) }
        },
        async upload(items) {
          await gate
          let bytes = 0
          for await (const { chunk } of items) bytes += chunk.length
          return { bytes, sha256: '' }
        },
      }),
    ])
    const stands = async (count: () => number): Promise<void> => {
      for (let [before, looks] = [-1, 0]; looks < 20; ) {
        looks = count() > 0 && before === count() ? looks + 1 : 0
        before = count()
        await new Promise(resolve => setTimeout(resolve, 5))
      }
    }
    const connection = open(port)
    connection.socket.pause()
    connection.write('GET /downloads/n HTTP/1.1\r\nhost: t\r\n\r\n')
    await stands(() => made)
    expect(made).toBeLessThan(1_000) // 30 MB: no more than the system holds
    let sent = 0
    const chunks = async function* () {
      for (; sent < 2_000; sent++) yield { chunk: new Uint8Array(30_000) }
    }
    const binding = http.client(address)
    onTestFinished(() => binding.close())
    const uploading = call(connect(Files, binding).upload, chunks())
    await stands(() => sent)
    expect(sent).toBeLessThan(1_000)
    go()
    expect(await uploading).toMatchObject({ right: { bytes: 60_000_000 } })
  })

  test('to HEAD a download ends its call', async () => {
    let closed = 0
    const { address, listening } = await served([
      files({
        download: () => {
          const items = (async function* () {
            yield { chunk: every }
          })()
          const close = items.return.bind(items)
          items.return = value => {
            closed++
            return close(value)
          }
          return items
        },
      }),
    ])
    const answer = await fetch(`${address}/downloads/n`, { method: 'HEAD' })
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/csv'])
    await until('it is closed', () => closed === 1 && listening.callsInFlight === 0)
  })
})
