// Bodies as a real node:http server receives them, sent over a bare socket wherever a well-behaved client would not.
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Failure } from '../../../src/core/failure.js'
import { readBody, textOf } from '../../../src/transport/http/body.js'
import { Gathering } from '../../../src/transport/http/gathering.js'
import { deep } from '../../deep.js'

interface Result {
  readonly failure: Failure | undefined
  readonly body: Buffer
  readonly request: IncomingMessage
  /** The listeners that the request has now and had not before. */
  readonly left: readonly unknown[]
  /** Whether more of it would be read unasked. */
  readonly isReading: boolean
}

interface Headers {
  readonly [name: string]: string
}

const maxBytes = 100_000
let server: Server
let results: Result[]
let sockets: Socket[]
let onResult: () => void = () => {}

beforeEach(async () => {
  results = []
  sockets = []
  server = createServer((request, response) => {
    const listeners = listenersOf(request)
    readBody(request, maxBytes, (failure, body) => {
      results.push({
        failure,
        body,
        request,
        left: listenersOf(request).filter(each => !listeners.includes(each)),
        isReading: !request.isPaused() && !request.readableEnded,
      })
      if (failure !== undefined) response.setHeader('connection', 'close')
      response.statusCode = failure === undefined ? 200 : 400
      response.end(failure?.reason ?? String(body.length))
      onResult()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
})

afterEach(async () => {
  for (const socket of sockets) socket.destroy()
  server.closeAllConnections()
  server.close()
  await once(server, 'close')
})

async function open(): Promise<Socket> {
  // The address of a server that listens on a port is an object.
  const { port } = server.address() as AddressInfo
  const socket = connect({ port, host: '127.0.0.1' })
  sockets.push(socket)
  socket.on('error', () => {}) // a reset after the answer is what some of these are about
  await once(socket, 'connect')
  return socket
}

function head(headers: Headers): string {
  const lines = Object.entries({ host: 'here', ...headers }).map(([name, value]) => `${name}: ${value}\r\n`)
  return `POST / HTTP/1.1\r\n${lines.join('')}\r\n`
}

function nextResult(): Promise<Result> {
  return new Promise(resolve => {
    onResult = () => resolve(results.at(-1) as Result) // there is one, or onResult would not be called
  })
}

async function send(headers: Headers, ...pieces: readonly (string | Buffer)[]): Promise<Result> {
  const socket = await open()
  const result = nextResult()
  const isChunked = headers['transfer-encoding'] === 'chunked'
  socket.write(head(headers))
  for (const piece of pieces) {
    socket.write(isChunked ? chunk(piece) : piece)
    await new Promise(resolve => setImmediate(resolve))
  }
  if (isChunked) socket.write('0\r\n\r\n')
  return await result
}

function chunk(piece: string | Buffer): Buffer {
  const bytes = Buffer.from(piece)
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')])
}

function sized(body: string | Buffer, headers: Headers = {}): Promise<Result> {
  return send({ 'content-length': String(Buffer.byteLength(body)), ...headers }, body)
}

const names = ['data', 'end', 'error', 'close', 'pause', 'unpipe', 'readable'] as const

function listenersOf(request: IncomingMessage): readonly unknown[] {
  return names.flatMap(name => request.rawListeners(name))
}

const chunked: Headers = { 'transfer-encoding': 'chunked' }
const big = Buffer.alloc(90_000, 'abcdefghij')
const bomb = gzipSync(Buffer.alloc(20_000_000))
const noise = Buffer.from(Array.from({ length: 5000 }, (_, index) => (index * 7919) % 251))

const readable: readonly { name: string; sent: () => Promise<Result>; expected: Buffer }[] = [
  { name: 'no body at all', sent: () => send({}), expected: Buffer.alloc(0) },
  { name: 'a body of length 0', sent: () => sized(''), expected: Buffer.alloc(0) },
  {
    name: 'a body of length 0 of any encoding',
    sent: () => sized('', { 'content-encoding': 'zstd' }),
    expected: Buffer.alloc(0),
  },
  { name: 'an empty chunked body', sent: () => send(chunked), expected: Buffer.alloc(0) },
  { name: 'one piece', sent: () => sized('hello'), expected: Buffer.from('hello') },
  {
    name: 'several pieces',
    sent: () => send({ 'content-length': '6' }, 'he', 'll', 'o!'),
    expected: Buffer.from('hello!'),
  },
  {
    name: 'chunks of all sizes',
    sent: () => send(chunked, 'a', big.subarray(0, 60_000), 'b', 'c', noise, 'd'),
    expected: Buffer.concat([Buffer.from('a'), big.subarray(0, 60_000), Buffer.from('bc'), noise, Buffer.from('d')]),
  },
  { name: 'exactly the limit', sent: () => sized(Buffer.alloc(maxBytes, 'x')), expected: Buffer.alloc(maxBytes, 'x') },
  {
    name: 'exactly the limit in chunks',
    sent: () => send(chunked, Buffer.alloc(maxBytes, 'x')),
    expected: Buffer.alloc(maxBytes, 'x'),
  },
  { name: 'identity', sent: () => sized('hello', { 'content-encoding': 'identity' }), expected: Buffer.from('hello') },
  { name: 'gzip', sent: () => sized(gzipSync(big), { 'content-encoding': 'gzip' }), expected: big },
  {
    name: 'gzip by its old name, in capitals',
    sent: () => sized(gzipSync('hello'), { 'content-encoding': 'X-GZIP' }),
    expected: Buffer.from('hello'),
  },
  {
    name: 'gzip of two members',
    sent: () => sized(Buffer.concat([gzipSync('he'), gzipSync('llo')]), { 'content-encoding': 'gzip' }),
    expected: Buffer.from('hello'),
  },
  { name: 'deflate', sent: () => sized(deflateSync(big), { 'content-encoding': 'deflate' }), expected: big },
  { name: 'br', sent: () => sized(brotliCompressSync(big), { 'content-encoding': 'br' }), expected: big },
  {
    name: 'gzip in chunks',
    sent: () => send({ ...chunked, 'content-encoding': 'gzip' }, ...pieces(gzipSync(noise), 100)),
    expected: noise,
  },
  {
    name: 'gzip of exactly the limit',
    sent: () => sized(gzipSync(Buffer.alloc(maxBytes)), { 'content-encoding': 'gzip' }),
    expected: Buffer.alloc(maxBytes),
  },
]

function pieces(bytes: Buffer, length: number): readonly Buffer[] {
  return Array.from({ length: Math.ceil(bytes.length / length) }, (_, index) =>
    bytes.subarray(index * length, (index + 1) * length),
  )
}

const refused: readonly { name: string; sent: () => Promise<Result>; code: string; reason: string }[] = [
  ...[
    { name: 'a length above the limit', sent: () => send({ 'content-length': String(maxBytes + 1) }) },
    { name: 'chunks above the limit', sent: () => send(chunked, big, big) },
    { name: 'chunks one byte above the limit', sent: () => send(chunked, Buffer.alloc(maxBytes), 'x') },
    { name: 'a bomb', sent: () => sized(bomb, { 'content-encoding': 'gzip' }) },
    { name: 'a bomb in chunks', sent: () => send({ ...chunked, 'content-encoding': 'gzip' }, ...pieces(bomb, 1000)) },
    {
      name: 'gzip of one byte above the limit',
      sent: () => sized(gzipSync(Buffer.alloc(maxBytes + 1)), { 'content-encoding': 'gzip' }),
    },
    {
      name: 'endless gzip members of nothing',
      sent: () =>
        send({ ...chunked, 'content-encoding': 'gzip' }, ...pieces(Buffer.alloc(200_000, gzipSync('')), 50_000)),
    },
  ].map(each => ({ ...each, code: 'resource_exhausted', reason: 'BODY_TOO_LARGE' })),
  ...['zstd', 'compress', 'gzip, gzip', 'gzip, identity', 'gzip;q=1', 'toString', ''].map(encoding => ({
    name: `the encoding '${encoding}'`,
    sent: () => sized('hello', { 'content-encoding': encoding }),
    code: 'invalid_argument',
    reason: 'UNSUPPORTED_MEDIA_TYPE',
  })),
  ...[
    {
      name: 'gzip that ends too early',
      sent: () => sized(gzipSync(noise).subarray(0, -9), { 'content-encoding': 'gzip' }),
    },
    {
      name: 'br that ends too early',
      sent: () => sized(brotliCompressSync(noise).subarray(0, -1), { 'content-encoding': 'br' }),
    },
    { name: 'gzip with a wrong checksum', sent: () => sized(broken(gzipSync(noise)), { 'content-encoding': 'gzip' }) },
    { name: 'plain text called gzip', sent: () => sized('hello', { 'content-encoding': 'gzip' }) },
    { name: 'plain text called br', sent: () => sized('hello hello hello', { 'content-encoding': 'br' }) },
    {
      name: 'deflate without its zlib header',
      sent: () => sized(deflateRawSync(noise), { 'content-encoding': 'deflate' }),
    },
    { name: 'gzip of nothing at all', sent: () => send({ ...chunked, 'content-encoding': 'gzip' }) },
    {
      name: 'deflate with more behind it',
      sent: () => sized(Buffer.concat([deflateSync('hello'), noise]), { 'content-encoding': 'deflate' }),
    },
    {
      name: 'br with more behind it, later',
      sent: () => send({ ...chunked, 'content-encoding': 'br' }, brotliCompressSync('hello'), noise),
    },
  ].map(each => ({ ...each, code: 'invalid_argument', reason: 'MALFORMED_BODY' })),
]

function broken(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes)
  copy.writeUInt8(copy.readUInt8(copy.length - 6) ^ 1, copy.length - 6)
  return copy
}

describe('readBody', () => {
  test.each(readable)('reads $name', async ({ sent, expected }) => {
    const { failure, body } = await sent()
    expect(failure).toBeUndefined()
    expect(body.equals(expected)).toBe(true)
    await settled()
    expect(results).toHaveLength(1)
  })

  test.each(refused)('refuses $name', async ({ sent, code, reason }) => {
    const { failure, body, isReading } = await sent()
    expect(isReading).toBe(false)
    expect(failure).toMatchObject({ _tag: 'Failure', code, reason, ran: 'no' })
    expect(body).toHaveLength(0)
    await settled()
    expect(results).toHaveLength(1)
  })

  test.each([...readable, ...refused])('leaves no listener behind after $name', async ({ sent }) => {
    expect((await sent()).left).toEqual([])
  })

  test('answers a body that is too large before it has arrived, and closes the connection', async () => {
    const socket = await open()
    socket.write(head({ 'content-length': '10000000' }))
    const [answer] = await once(socket, 'data')
    expect(String(answer)).toContain('BODY_TOO_LARGE')
    await once(socket, 'close')
  })

  test('keeps the connection for another request after a body that was read', async () => {
    const socket = await open()
    for (const body of ['one', 'three']) {
      socket.write(head({ 'content-length': String(body.length) }) + body)
      const [answer] = await once(socket, 'data')
      expect(String(answer)).toContain(`\r\n\r\n${body.length}`)
    }
  })

  test.each([
    { name: 'a plain body', headers: { 'content-length': '100' }, sent: Buffer.from('begin') },
    { name: 'a chunked body', headers: chunked, sent: chunk('begin') },
    {
      name: 'a packed body',
      headers: { ...chunked, 'content-encoding': 'gzip' },
      sent: chunk(gzipSync(noise).subarray(0, 90)),
    },
  ])('fails with CANCELLED when the caller goes away in the middle of $name', async ({ headers, sent }) => {
    const result = nextResult()
    const socket = await open()
    socket.write(Buffer.concat([Buffer.from(head(headers)), sent]))
    await once(server, 'request')
    socket.destroy()
    const { failure, left } = await result
    expect(failure).toMatchObject({ code: 'cancelled', reason: 'CANCELLED', ran: 'no' })
    await settled()
    expect(results).toHaveLength(1)
    expect(left).toEqual([])
  })

  test('fails with CANCELLED at once when the caller had gone before', async () => {
    server.removeAllListeners('request')
    const request = new Promise<IncomingMessage>(resolve => server.once('request', resolve))
    const socket = await open()
    socket.write(`${head({ 'content-length': '100' })}begin`)
    const message = await request
    socket.destroy()
    await new Promise<void>(resolve => message.once('close', () => resolve()))
    const told: (string | undefined)[] = []
    readBody(message, maxBytes, failure => told.push(failure?.reason))
    expect(told).toEqual(['CANCELLED'])
  })

  test('hands on a body of one piece without copying it', async () => {
    let piece: Buffer | undefined
    server.prependListener('request', (request: IncomingMessage) => {
      request.once('data', (data: Buffer) => {
        piece = data
      })
    })
    const { body } = await sized('hello')
    expect(body).toBe(piece)
  })

  test('unpacks a bomb no further than its limit and one piece', async () => {
    const { request } = await sized(bomb, { 'content-encoding': 'gzip' })
    const before = process.memoryUsage()
    for (let round = 0; round < 20; round++) await sized(bomb, { 'content-encoding': 'gzip' })
    const after = process.memoryUsage()
    expect(request.isPaused()).toBe(true)
    expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(20 * (maxBytes + 100_000))
  })
})

async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise(resolve => setImmediate(resolve))
}

describe('Gathering', () => {
  test('copies small pieces together, so that a million of them take no more memory than their bytes', () => {
    const pieces = Array.from({ length: 10_000 }, (_, index) => Buffer.from([index % 251]))
    const expected = Buffer.concat(pieces)
    const gathering = new Gathering()
    for (const piece of pieces) {
      gathering.add(piece)
      if (piece !== pieces[0]) piece.fill(255) // what was copied does not change
    }
    expect(gathering.length).toBe(10_000)
    expect(gathering.whole().equals(expected)).toBe(true)
  })

  test('joins pieces of all sizes in order', () => {
    const length = fc.oneof(fc.nat(20), fc.nat(9000), fc.constantFrom(4095, 4096, 4097))
    fc.assert(
      fc.property(fc.array(length, { maxLength: 20 }), lengths => {
        const pieces = lengths.map((each, index) => Buffer.alloc(each, index))
        const gathering = new Gathering()
        for (const piece of pieces) gathering.add(piece)
        expect(gathering.whole().equals(Buffer.concat(pieces))).toBe(true)
      }),
      { numRuns: deep(200, 10_000) },
    )
  })
})

describe('textOf', () => {
  test.each(['', 'plain', 'zażółć 😀', '\u0000', '\ufeff{}'])('gives the text of %j as it is', text => {
    expect(textOf(Buffer.from(text))).toBe(text)
  })

  test.each([
    { name: 'a stray continuation byte', bytes: [0x80] },
    { name: 'a character cut short', bytes: [0x61, 0xc3] },
    { name: 'an overlong slash', bytes: [0xc0, 0xaf] },
    { name: 'an encoded surrogate', bytes: [0xed, 0xa0, 0x80] },
    { name: 'a code point beyond Unicode', bytes: [0xf4, 0x90, 0x80, 0x80] },
  ])('refuses $name', ({ bytes }) => {
    expect(textOf(Buffer.from(bytes))).toMatchObject({ code: 'invalid_argument', reason: 'MALFORMED_BODY' })
  })
})
