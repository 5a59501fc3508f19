/** The reverse proxy between callers and servers by others: plain node:http, Go's net/http, and sockets that send what they like. */
import { once } from 'node:events'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { around, callOrThrow, chain, failed, intercept, type Outcome } from 'tenon'
import { bearerToken, forwardCredentials } from 'tenon/auth'
import { CallError, failureOf, withOutgoing } from 'tenon/core'
import { memoryLogger } from 'tenon/log'
import { type BreakerEvent, breaker, logging, tracing } from 'tenon/middleware'
import { memoryReporter, tracer } from 'tenon/tracing'
import * as http from 'tenon/transport/http'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { certificate } from './certificates.js'
import { type GoKit, goKit } from './go-kit.js'
import { hostile, response } from './hostile-server.js'
import { listening, nowhere } from './listening.js'
import { ask, open, until } from './served.js'

let kit: GoKit | undefined
let missing = ''
let goServer = ''
let goOutput: () => string = () => ''

beforeAll(async () => {
  const built = await goKit()
  if (typeof built === 'string') {
    missing = built
    return
  }
  kit = built
  const { address, program } = await kit.serve('serve')
  goServer = address
  goOutput = program.output
}, 180_000)

afterAll(() => kit?.close())

/** What a server behind the proxy was asked. */
interface Seen {
  readonly method: string | undefined
  readonly url: string | undefined
  readonly headers: IncomingMessage['headers']
  body: string
}

/** A server behind the proxy that remembers what it was asked. */
async function behind(
  answer: (request: IncomingMessage, response: ServerResponse) => void = (_, to) => void to.end('ok'),
) {
  const seen: Seen[] = []
  const { address, server } = await listening((request, to) => {
    const { method, url, headers } = request
    const each: Seen = { method, url, headers, body: '' }
    seen.push(each)
    request.setEncoding('latin1')
    request.on('data', chunk => {
      each.body += chunk
    })
    answer(request, to)
  })
  return { address, seen, server }
}

async function proxied(target: string, options: http.ReverseProxyOptions = {}) {
  const defects: unknown[] = []
  const proxy = http.reverseProxy(target, { onDefect: thrown => void defects.push(thrown), ...options })
  onTestFinished(async () => {
    await proxy.close()
    expect(defects).toEqual([])
  })
  return { ...(await listening(proxy)), proxy }
}

const get = (path = '/', headers = ''): string => `GET ${path} HTTP/1.1\r\nhost: shop.test\r\n${headers}\r\n`

describe.for(['undici', 'node'] as const)('reverseProxy with %s', stack => {
  describe('headers', () => {
    test('what is between neighbours stays there, and who called is told anew', async () => {
      const { address, seen } = await behind((_, to) => {
        to.writeHead(200, [
          ...['connection', 'x-hop'],
          ...['x-hop', 'secret'],
          ...['proxy-authenticate', 'Basic'],
          ...['set-cookie', 'a=1'],
          ...['set-cookie', 'b=2'],
          ...['x-kept', 'yes'],
        ])
        to.end('ok')
      })
      const { port } = await proxied(address, { stack })
      const answer = await ask(
        port,
        get(
          '/a?b=c',
          [
            'connection: keep-alive, X-Private',
            'x-private: secret',
            'keep-alive: timeout=5',
            'te: trailers',
            'proxy-authorization: Basic x',
            'proxy-connection: close',
            'x-forwarded-for: 10.0.0.1',
            'x-forwarded-proto: https',
            'x_forwarded_for: 10.0.0.2',
            'x-real-ip: 10.0.0.3',
            'forwarded: for=10.0.0.4',
            'x-tenant: kept',
            'accept-encoding: gzip',
            '',
          ].join('\r\n'),
        ),
      )
      expect(seen).toHaveLength(1)
      const { headers } = seen[0] as Seen
      expect(headers).toMatchObject({
        host: new URL(address).host,
        'x-tenant': 'kept',
        'accept-encoding': 'gzip',
        'x-forwarded-for': '127.0.0.1',
        'x-forwarded-proto': 'http',
        'x-forwarded-host': 'shop.test',
        forwarded: 'for=127.0.0.1;proto=http;host="shop.test"',
        via: '1.1 tenon',
      })
      expect(Number(headers['tenon-timeout-ms'])).toBeGreaterThan(0)
      for (const name of [
        'x-private',
        'te',
        'proxy-authorization',
        'proxy-connection',
        'keep-alive',
        'x_forwarded_for',
        'x-real-ip',
      ])
        expect(headers).not.toHaveProperty(name)
      expect(answer).toMatchObject({ status: 200, body: 'ok' })
      expect(answer?.headers).toMatchObject({ 'set-cookie': 'a=1\nb=2', 'x-kept': 'yes', via: '1.1 tenon' })
      for (const name of ['x-hop', 'proxy-authenticate']) expect(answer?.headers).not.toHaveProperty(name)
    })

    test('what the caller proves itself with stays here, but what is named, and what a layer sends', async () => {
      const { address, seen } = await behind()
      const shown = {
        authorization: 'Bearer secret',
        cookie: 'session=secret; theme=secret',
        'x-api-key': 'secret',
        x_api_key: 'secret',
        'x-tenant': 't',
      }
      const lines = Object.entries(shown).map(([name, value]) => `${name}: ${value}\r\n`)
      let known: string | undefined
      const use = around({
        name: 'look',
        enter(context) {
          known = context.metadata.get('authorization')
          return undefined
        },
      })
      const asked = async (options: http.ReverseProxyOptions): Promise<IncomingMessage['headers']> => {
        const { port } = await proxied(address, { stack, ...options })
        expect((await ask(port, get('/', lines.join(''))))?.status).toBe(200)
        return seen.at(-1)?.headers ?? {}
      }
      const none = await asked({ use })
      expect(known).toBe('Bearer secret')
      expect(none).toHaveProperty('x-tenant', 't')
      expect(JSON.stringify(none)).not.toContain('secret')

      const { authorization, cookie, 'x-api-key': key } = shown
      const some = await asked({ credentials: ['cookie'] })
      expect(some).toMatchObject({ cookie })
      for (const name of ['authorization', 'x-api-key', 'x_api_key']) expect(some).not.toHaveProperty(name)
      expect(await asked({ credentials: ['authorization', 'cookie', 'x-api-key'] })).toMatchObject({
        authorization,
        cookie,
        'x-api-key': key,
      })

      const own = bearerToken(() => ({ token: 'own', expiresAt: Date.now() + 600_000 }))
      expect(await asked({ use: own })).toMatchObject({ authorization: 'Bearer own' })
      expect(await asked({ use: own, credentials: ['authorization'] })).toMatchObject({ authorization: 'Bearer own' })
      const forwarded = await asked({ use: forwardCredentials() })
      expect(forwarded).toMatchObject({ authorization })
      expect(forwarded).not.toHaveProperty('cookie')
      const rewritten = await asked({
        rewrite: (request, incoming) => ({
          ...request,
          headers: { ...request.headers, cookie: String(incoming.headers['cookie']) },
        }),
      })
      expect(rewritten).toMatchObject({ cookie })
    })

    test('appends where only trusted proxies call, says nothing where nobody may know, keeps the host where it is wanted', async () => {
      const { address, seen } = await behind()
      const claims = 'x-forwarded-for: 203.0.113.7\r\nx-forwarded-proto: https\r\nforwarded: for=203.0.113.7\r\n'
      for (const [forwarded, host] of [
        ['append', 'caller'],
        ['drop', 'target'],
      ] as const) {
        const { port } = await proxied(address, { stack, forwarded, host })
        await ask(port, get('/', claims))
      }
      expect(seen[0]?.headers).toMatchObject({
        host: 'shop.test',
        'x-forwarded-for': '203.0.113.7, 127.0.0.1',
        'x-forwarded-proto': 'https',
        forwarded: 'for=203.0.113.7, for=127.0.0.1;proto=http;host="shop.test"',
      })
      for (const name of ['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'forwarded'])
        expect(seen[1]?.headers).not.toHaveProperty(name)
    })

    test('what is left of the deadline goes on, and what a layer adds comes over what the caller wrote', async () => {
      const { address, seen } = await behind()
      const use = around({
        name: 'trace',
        enter: context => ({ context: withOutgoing(context, { traceparent: 'own' }) }),
      })
      const { port } = await proxied(address, { stack, use })
      await ask(
        port,
        get('/', 'tenon-timeout-ms: 5000\r\ntenon-attempt: 2\r\ngrpc-timeout: 9S\r\ntraceparent: theirs\r\n'),
      )
      const { headers } = seen[0] as Seen
      expect(Number(headers['tenon-timeout-ms'])).toBeLessThanOrEqual(5000)
      expect(headers).toMatchObject({ 'tenon-attempt': '2;max=2', traceparent: 'own' })
      expect(headers).not.toHaveProperty('grpc-timeout')
    })

    test('a span takes the place of all trace headers that the caller wrote', async () => {
      const { address, seen } = await behind()
      const reporter = memoryReporter()
      const use = tracing(tracer({ service: 'proxy', reporters: [reporter], formats: ['w3c'] }))
      const { port } = await proxied(address, { stack, use })
      const [trace, span] = ['a'.repeat(32), 'b'.repeat(16)]
      await ask(port, get('/', `traceparent: 00-${trace}-${span}-01\r\nb3: ${trace}-${span}-1\r\nbaggage: a=b\r\n`))
      const { headers } = seen[0] as Seen
      expect(headers).toMatchObject({
        traceparent: `00-${trace}-${reporter.spans[0]?.context.spanId}-01`,
        baggage: 'a=b',
      })
      expect(headers).not.toHaveProperty('b3')
      expect(reporter.spans[0]?.parent?.spanId).toBe(span)
    })
  })

  describe('messages', () => {
    test.for([
      ['HEAD', 'HEAD / HTTP/1.1\r\nhost: t\r\n\r\n', { status: 200, headers: { 'content-length': '5' }, body: '' }],
      ['204', get('/204'), { status: 204, body: '' }],
      ['304', get('/304', 'if-none-match: "x"\r\n'), { status: 304, headers: { etag: '"x"' } }],
      ['a redirect', get('/302'), { status: 302, headers: { location: 'http://elsewhere.test/' } }],
      ['an error', get('/500'), { status: 500, body: 'broken' }],
      ['early hints', get('/103'), { status: 200, body: 'hinted' }],
      ['a known length', get('/'), { status: 200, headers: { 'content-length': '5' }, body: 'plain' }],
      ['a packed body', get('/packed'), { status: 200, headers: { 'content-encoding': 'gzip' }, body: 'no gzip' }],
    ] as const)('passes on %s', async ([, request, expected]) => {
      const answers: Readonly<Record<string, (to: ServerResponse) => void>> = {
        '/packed': to => void to.writeHead(200, { 'content-encoding': 'gzip' }).end('no gzip'),
        '/204': to => void to.writeHead(204).end(),
        '/304': to => void to.writeHead(304, { etag: '"x"' }).end(),
        '/302': to => void to.writeHead(302, { location: 'http://elsewhere.test/' }).end(),
        '/500': to => void to.writeHead(500).end('broken'),
        '/103': to => to.writeEarlyHints({ link: '</a.css>; rel=preload' }, () => to.end('hinted')),
        '/': to => void to.writeHead(200, { 'content-length': '5' }).end('plain'),
      }
      const { address } = await behind(({ url = '' }, to) => answers[url]?.(to))
      const { port } = await proxied(address, { stack, maxCalls: 1 })
      const connection = open(port)
      const hasBody = !/^HEAD|\/304/.test(request)
      for (let i = 0; i < 2; i++) expect(await connection.write(request).response(hasBody)).toMatchObject(expected)
    })

    test('joins the path of the target', async () => {
      const { address, seen } = await behind()
      const { port } = await proxied(`${address}/base/`, { stack })
      await ask(port, get('/a/%7e%e2%82%ac;x=1/?q=%2F..%2F'))
      await ask(port, get('/'))
      expect(seen.map(({ url }) => url)).toEqual(['/base/a/~%E2%82%AC;x=1/?q=%2F..%2F', '/base/'])
    })

    test('asks for the body of a request that expects to be asked', async () => {
      const { address, seen } = await behind()
      const { port } = await proxied(address, { stack })
      const head = 'POST / HTTP/1.1\r\nhost: t\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n'
      expect(await ask(port, `${head}body`)).toMatchObject({ status: 200 })
      expect(seen).toMatchObject([{ body: 'body', headers: { 'content-length': '4' } }])
      expect(seen[0]?.headers).not.toHaveProperty('expect')
    })

    test('bodies have no end before they end: an upload waits for a slow server, a download for a slow caller', async () => {
      let pulled = 0
      const { address } = await behind((request, to) => {
        if (request.method === 'POST') {
          request.pause()
          return
        }
        const more = (): void => {
          for (let isFree = true; isFree; pulled++) isFree = to.write(Buffer.alloc(64 * 1024))
        }
        to.on('drain', more)
        more()
      })
      const { port } = await proxied(address, { stack, maxRequestBytes: 1 << 30 })
      const up = open(port).write('POST / HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\n')
      const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`
      let sent = 0
      const push = (): void => {
        while (sent < 4000 && up.socket.write(chunk)) sent++
      }
      up.socket.on('drain', push)
      push()
      const down = open(port)
      down.socket.pause()
      down.write(get())
      for (const count of [() => sent, () => pulled]) {
        let before = -1
        await until('the sender to wait', () => {
          const isStill = count() === before && before > 0
          before = count()
          return isStill
        })
        expect(count()).toBeLessThan(1000)
      }
      up.end()
      down.end()
    })
  })

  describe('failures', () => {
    test('nobody behind: 502, and not a word of where', async () => {
      const failures: unknown[] = []
      const { port } = await proxied(nowhere, { stack, onFailure: failure => void failures.push(failure) })
      for (const request of [get(), 'POST / HTTP/1.1\r\nhost: t\r\ncontent-length: 4\r\n\r\nbody']) {
        const answer = await ask(port, request)
        expect(answer).toMatchObject({ status: 502, headers: { 'tenon-ran': 'no' } })
        expect(JSON.parse(answer?.body ?? '')).toMatchObject({ status: 502 })
        expect(answer?.headers).toMatchObject({ 'content-type': 'application/problem+json' })
        expect(answer?.body).toContain('CONNECTION_REFUSED')
        expect(answer?.body).not.toContain(new URL(nowhere).host)
      }
      expect(failures).toHaveLength(2)
    })

    const broken: Readonly<Record<string, readonly [answer: string, status: number, reason: string]>> = {
      'no HTTP': ['nonsense\r\n\r\n', 502, 'CONNECTION_LOST'],
      nothing: ['', 502, 'CONNECTION_LOST'],
      'a status that there is not': [response('999 Denied', {}), 502, 'UNEXPECTED_RESPONSE'],
      'a declared body over the limit': [response('200 OK', { 'content-length': '2000' }), 502, 'RESPONSE_TOO_LARGE'],
      'two lengths': ['HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab', 502, 'CONNECTION_LOST'],
      'a length and chunks': [
        'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
        502,
        'CONNECTION_LOST',
      ],
      'an upgrade that nobody asked for': [
        'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n',
        502,
        'CONNECTION_LOST',
      ],
    }
    test.for(Object.entries(broken))('a server that answers with %s', async ([, [answer, status, reason]]) => {
      const { address } = await hostile(socket => socket.end(answer))
      const { port } = await proxied(address, { stack, maxResponseBytes: 1000, maxCalls: 1 })
      for (let i = 0; i < 2; i++) {
        const given = await ask(port, get())
        expect(given?.status).toBe(status)
        expect(given?.body).toContain(reason)
      }
    })

    test('a response that breaks off, or is longer than it may be, breaks off for the caller', async () => {
      const { address } = await behind((request, to) => {
        if (request.url === '/long') to.end(Buffer.alloc(5_000))
        else if (request.url === '/chunks') {
          to.write(Buffer.alloc(500))
          to.write(Buffer.alloc(5_000))
          to.end()
        } else {
          to.writeHead(200, { 'content-length': '100' })
          to.write('half', () => to.destroy())
        }
      })
      const finished: http.Finished[] = []
      const { port } = await proxied(address, {
        stack,
        maxResponseBytes: 1000,
        finalizer: each => void finished.push(each),
      })
      for (const path of ['/half', '/chunks']) {
        const connection = open(port).write(get(path))
        expect(await connection.response()).toBeUndefined()
      }
      expect(await ask(port, get('/long'))).toMatchObject({ status: 502 })
      await until('the finalizers', () => finished.length === 3)
      expect(finished).toMatchObject([
        { outcome: 'broken', failure: { reason: 'STREAM_BROKEN' } },
        { outcome: 'broken', failure: { reason: 'RESPONSE_TOO_LARGE' } },
        { outcome: 'sent', status: 502 },
      ])
    })

    test('a request that is too long is refused, declared or not', async () => {
      const { address, seen } = await behind((request, to) => void request.on('end', () => to.end()))
      const { port } = await proxied(address, { stack, maxRequestBytes: 10 })
      const declared = 'POST / HTTP/1.1\r\nhost: t\r\ncontent-length: 11\r\n\r\n12345678901'
      expect(await ask(port, declared)).toMatchObject({ status: 413 })
      expect(seen).toEqual([])
      const chunked = 'POST / HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\nb\r\n12345678901\r\n0\r\n\r\n'
      expect(await ask(port, chunked)).toMatchObject({ status: 413 })
    })

    test('a server that says nothing costs the deadline: 504, and it hears of it; so it does of a caller that leaves', async () => {
      let gone = 0
      const { address, seen } = await behind(request => void request.socket.on('close', () => gone++))
      const { port } = await proxied(address, { stack })
      expect(await ask(port, get('/', 'tenon-timeout-ms: 1500\r\n'))).toMatchObject({ status: 504 })
      await until('the server to hear of it', () => gone === 1)
      const connection = open(port).write(get())
      await until('the request', () => seen.length === 2)
      connection.end()
      await until('the server to hear of that', () => gone === 2)
    })

    test.for([
      ['an upgrade', get('/', 'connection: upgrade\r\nupgrade: websocket\r\n'), 501, 'NOT_PROXIED'],
      ['TRACE', 'TRACE / HTTP/1.1\r\nhost: t\r\n\r\n', 501, 'NOT_PROXIED'],
      [
        'another transfer coding',
        'POST / HTTP/1.1\r\nhost: t\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
        501,
        'NOT_PROXIED',
      ],
      ['a proxy of all the world', 'GET http://elsewhere.test/ HTTP/1.1\r\nhost: t\r\n\r\n', 400, 'INVALID_PATH'],
      ['*', 'OPTIONS * HTTP/1.1\r\nhost: t\r\n\r\n', 400, 'INVALID_PATH'],
    ] as const)('refuses %s', async ([, request, status, reason]) => {
      const { address, seen } = await behind()
      const { port } = await proxied(address, { stack })
      const answer = await ask(port, request)
      expect(answer?.status).toBe(status)
      expect(answer?.body).toContain(reason)
      expect(seen).toEqual([])
    })

    test('curl may ask for HTTP/2 in clear text, and gets HTTP/1.1', async () => {
      const { address, seen } = await behind()
      const { port } = await proxied(address, { stack })
      const h2c = 'connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n'
      expect(await ask(port, get('/', h2c))).toMatchObject({ status: 200 })
      expect(Object.keys(seen[0]?.headers ?? {})).not.toEqual(expect.arrayContaining(['upgrade']))
      expect(seen[0]?.headers).not.toHaveProperty('http2-settings')
    })
  })

  describe('smuggling', () => {
    const smuggled = 'GET /smuggled HTTP/1.1\r\nhost: t\r\n\r\n'
    const post = (headers: string, body: string): string =>
      `POST /first HTTP/1.1\r\nhost: t\r\n${headers}\r\n\r\n${body}`
    const chunked = `0\r\n\r\n${smuggled}`
    const payloads: Readonly<Record<string, string>> = {
      'a length and chunks': post(`content-length: ${chunked.length}\r\ntransfer-encoding: chunked`, chunked),
      'chunks and a length': post(`transfer-encoding: chunked\r\ncontent-length: ${chunked.length}`, chunked),
      'two lengths': post(`content-length: 0\r\ncontent-length: ${smuggled.length}`, smuggled),
      'two lengths in one': post(`content-length: 0, ${smuggled.length}`, smuggled),
      'a length with a plus': post(`content-length: +${smuggled.length}`, smuggled),
      'a length in hex': post('content-length: 0x26', smuggled),
      'a length with a space before its colon': post(`content-length : ${smuggled.length}`, smuggled),
      'a negative length': post('content-length: -1', smuggled),
      'a length that is huge': post('content-length: 99999999999999999999', smuggled),
      'chunked after another name': post(
        `content-length: ${chunked.length}\r\nx: y\r\n transfer-encoding: chunked`,
        chunked,
      ),
      xchunked: post(`content-length: ${chunked.length}\r\ntransfer-encoding: xchunked`, chunked),
      'chunked, identity': post(`content-length: ${chunked.length}\r\ntransfer-encoding: chunked, identity`, chunked),
      'chunked twice': post(
        `content-length: ${chunked.length}\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked`,
        chunked,
      ),
      'chunked with a tab': post(`content-length: ${chunked.length}\r\ntransfer-encoding:\tchunked`, chunked),
      'chunked with a vertical tab': post(
        `content-length: ${chunked.length}\r\ntransfer-encoding: \x0bchunked`,
        chunked,
      ),
      'chunked with a bare line feed': post(`content-length: ${chunked.length}\ntransfer-encoding: chunked`, chunked),
      'bare line feeds': `POST /first HTTP/1.1\nhost: t\ncontent-length: 0\n\n${smuggled}`,
      'a bare carriage return': post(`x: y\rtransfer-encoding: chunked\r\ncontent-length: ${chunked.length}`, chunked),
      'a NUL in a name': post(`transfer-encoding\0: chunked\r\ncontent-length: ${chunked.length}`, chunked),
      'a chunk size with an extension': post('transfer-encoding: chunked', `3;x=${'y'.repeat(10)}\r\nabc\r\n0\r\n\r\n`),
      'a chunk size in decimal': post('transfer-encoding: chunked', `0x3\r\nabc\r\n${chunked}`),
      'a chunk size that overflows': post('transfer-encoding: chunked', `10000000000000003\r\nabc\r\n${chunked}`),
      'a chunk without its end': post('transfer-encoding: chunked', `3\r\nabcd\r\n${chunked}`),
      'a chunk size and a bare line feed': post('transfer-encoding: chunked', `3\nabc\r\n${chunked}`),
      'a request in a body': post(`content-length: ${smuggled.length}`, smuggled),
      'a request in a chunk': post(
        'transfer-encoding: chunked',
        `${smuggled.length.toString(16)}\r\n${smuggled}\r\n0\r\n\r\n`,
      ),
      'a request in a header': get('/first', `x-a: b\r\n y: ${smuggled.replaceAll('\r\n', '\r\n ')}\r\n`),
      'a request in a path': `GET /first%0d%0a%0d%0aGET%20/smuggled HTTP/1.1\r\nhost: t\r\n\r\n`,
      'trailers that say more': post(
        'transfer-encoding: chunked',
        '0\r\ncontent-length: 99\r\nx-forwarded-for: 6.6.6.6\r\n\r\n',
      ),
      'a body on GET': get('/first', `content-length: ${smuggled.length}\r\n`) + smuggled,
    }
    test.for(Object.entries(payloads))('nothing gets past in %s', async ([name, payload]) => {
      const { address, seen } = await behind((request, to) => void request.on('end', () => to.end('ok')))
      const { port } = await proxied(address, { stack, maxRequestBytes: 1000 })
      const connection = open(port).write(payload)
      const first = await connection.response()
      // Where the request is one to us, what follows it is another: to us, as to whoever is behind, and answered apart.
      const answers = [first]
      if (first?.headers['connection'] !== 'close')
        await Promise.race([connection.response().then(second => answers.push(second)), settled()])
      const answered = () => answers.filter(each => each?.status === 200).length
      await until('the answer to all that was asked', () => seen.length <= answered()).catch(() => {})
      const asked = seen.map(({ url }) => url)
      expect(asked.length, `${name}: ${JSON.stringify({ asked, answers })}`).toBe(answered())
      if (first?.status !== 200) expect(asked).toEqual([])
      if (!/bare line feeds|body|chunk$/.test(name)) expect(asked).not.toContain('/smuggled')
      connection.end()
    })

    /** Long enough for another request to come through, if there is one. */
    function settled(): Promise<undefined> {
      return new Promise(resolve => setTimeout(() => resolve(undefined), 100))
    }

    test.for([
      '//admin',
      '/a//admin',
      '/../admin',
      '/a/../admin',
      '/a/./admin',
      '/%2e%2e/admin',
      '/%2E./admin',
      '/.%2e/admin',
      '/%252e%252e/admin',
      '/a%2fadmin',
      '/a%2Fadmin',
      '/a%252fadmin',
      '/a%5cadmin',
      '/a\\admin',
      '/a%255cadmin',
      '/..;/admin',
      '/..;x=1/admin',
      '/%2e%2e;x/admin',
      '/admin%00',
      '/admin%2500',
      '/%c0%ae%c0%ae/admin',
      '/%ff',
      '/%zz',
      '/a%',
      '/\xe9',
      '/a?b=\xe9',
    ])('refuses the path %s', async path => {
      const { address, seen } = await behind()
      const { port } = await proxied(address, { stack })
      expect(await ask(port, Buffer.from(get(path), 'latin1'))).toMatchObject({ status: 400 })
      expect(seen).toEqual([])
    })

    test('a path that is rewritten is looked at again', async () => {
      const { address, seen } = await behind()
      const { port } = await proxied(address, {
        stack,
        rewrite: request => ({ ...request, path: request.path.replace(/^\/api/, '') }),
      })
      expect(await ask(port, get('/api/orders'))).toMatchObject({ status: 200 })
      expect(await ask(port, get('/api'))).toMatchObject({ status: 400 })
      expect(seen.map(({ url }) => url)).toEqual(['/orders'])
    })
  })

  describe('hooks and layers', () => {
    test('run in order, once, and last until the body has ended', async () => {
      const order: string[] = []
      let finish = (): void => {}
      const { address, seen } = await behind((_, to) => {
        to.write('begun')
        finish = () => void to.end()
      })
      const layer = around({
        name: 'layer',
        enter: () => void order.push('enter'),
        exit: (outcome: Outcome) => void order.push(`exit ${outcome._tag}`),
      })
      const { port } = await proxied(address, {
        stack,
        before: [
          context => {
            order.push('before')
            return context
          },
        ],
        rewrite: request => {
          order.push('rewrite')
          return { ...request, headers: { ...request.headers, 'x-added': 'yes' } }
        },
        use: chain(layer),
        after: [
          given => {
            order.push('after')
            return { ...given, headers: { ...given.headers, 'x-after': 'yes' } }
          },
        ],
        finalizer: ({ status, bytes, requestBytes, outcome }) =>
          void order.push(`finalizer ${status} ${bytes} ${requestBytes} ${outcome}`),
      })
      const connection = open(port).write('POST / HTTP/1.1\r\nhost: t\r\ncontent-length: 3\r\n\r\nabc')
      await until('the response to begin', () => order.includes('after'))
      expect(order).toEqual(['before', 'rewrite', 'enter', 'after'])
      finish()
      expect(await connection.response()).toMatchObject({ body: 'begun', headers: { 'x-after': 'yes' } })
      await until('the finalizer', () => order.length === 6)
      expect(order.slice(4)).toEqual(['exit Right', 'finalizer 200 5 3 sent'])
      expect(seen).toMatchObject([{ body: 'abc', headers: { 'x-added': 'yes' } }])
    })

    test('a layer refuses, and nothing is sent', async () => {
      const { address, seen } = await behind()
      const use = around({ name: 'no', enter: () => failed('permission_denied', 'NO', 'no', { ran: 'no' }) })
      const { port } = await proxied(address, { stack, use })
      expect(await ask(port, get())).toMatchObject({ status: 403 })
      const rewriting = await proxied(address, {
        stack,
        rewrite: () => {
          throw new CallError(failureOf('not_found', 'NONE', 'none'))
        },
      })
      expect(await ask(rewriting.port, get())).toMatchObject({ status: 404 })
      expect(seen).toEqual([])
    })

    test('a layer that tries again sends no half of a body', async () => {
      const { address, requests } = await hostile(socket => socket.destroy())
      let tries = 0
      const use = intercept({
        name: 'again',
        async run(next, request, context) {
          tries++
          const outcome = await next(request, context)
          if (outcome._tag === 'Right') return outcome
          tries++
          return next(request, context)
        },
      })
      const { port } = await proxied(address, { stack, use })
      expect(await ask(port, 'POST / HTTP/1.1\r\nhost: t\r\ncontent-length: 4\r\n\r\nbody')).toMatchObject({
        status: 502,
      })
      expect([tries, requests.length]).toEqual([2, 1])
      expect(await ask(port, get())).toMatchObject({ status: 502 })
      expect([tries, requests.length]).toEqual([4, 3])
    })
  })

  describe('an answer that is a failure', () => {
    const answering = (status: number) =>
      behind((_, to) => void to.writeHead(status, { 'x-kept': 'yes', 'retry-after': '7' }).end(`it is ${status}`))

    test('comes to the caller as it is, counts for a breaker, and is told of in the log', async () => {
      const { address, seen } = await answering(503)
      const log = memoryLogger()
      const guarded = breaker()
      const events: BreakerEvent[] = []
      guarded.onEvent(event => void events.push(event))
      const finished: http.Finished[] = []
      const failures: unknown[] = []
      const { port } = await proxied(address, {
        stack,
        use: chain(logging(log), guarded),
        maxCalls: 1,
        finalizer: each => void finished.push(each),
        onFailure: failure => void failures.push(failure),
      })
      const connection = open(port)
      for (let i = 0; i < 20; i++) {
        const answer = await connection.write(get()).response()
        expect(answer).toMatchObject({
          status: 503,
          body: 'it is 503',
          headers: { 'x-kept': 'yes', 'retry-after': '7' },
        })
      }
      expect([guarded.state, failures]).toEqual(['open', []])
      const refused = await connection.write(get()).response()
      expect(refused?.body).toContain('BREAKER_OPEN')
      expect(seen).toHaveLength(20)
      expect(events.map(({ type }) => type)).toEqual(['opened', 'refused'])
      const { host: peer } = new URL(address)
      expect(log.entries).toHaveLength(21)
      expect(log.entries[0]).toMatchObject({
        level: 'warn',
        fields: { code: 'unavailable', reason: 'UNEXPECTED_RESPONSE', peer },
      })
      await until('the finalizers', () => finished.length === 21)
      expect(finished[0]).toMatchObject({ status: 503, outcome: 'sent', bytes: 9, failure: undefined })
    })

    test.for([
      ['a HEAD', 'HEAD / HTTP/1.1\r\nhost: t\r\n\r\n', 500, 1],
      ['no matter how it is packed', get('/', 'accept-encoding: gzip\r\n'), 502, 1],
      ['nothing of a 501: the caller asked for it', get(), 501, 0],
      ['nothing of a 429', get(), 429, 0],
      ['nothing of a 404', get(), 404, 0],
    ] as const)('counts %s', async ([, request, status, counted]) => {
      const { address } = await answering(status)
      const guarded = breaker()
      const { port } = await proxied(address, { stack, use: guarded })
      expect(await open(port).write(request).response(!request.startsWith('HEAD'))).toMatchObject({ status })
      await until('the end of the call', () => guarded.counts.calls === 1)
      expect(guarded.counts.failures).toBe(counted)
    })

    test('is what shouldFail says', async () => {
      const { address } = await answering(503)
      const lenient = breaker()
      const { port } = await proxied(address, { stack, use: lenient, shouldFail: () => false })
      expect(await ask(port, get())).toMatchObject({ status: 503, body: 'it is 503' })
      expect(lenient.counts).toMatchObject({ calls: 1, failures: 0 })
    })

    test('where shouldFail throws, is a defect that holds no connection', async () => {
      const { address } = await answering(503)
      const defects: unknown[] = []
      const wrong = new Error('wrong')
      const { port } = await proxied(address, {
        stack,
        maxCalls: 1,
        onDefect: thrown => void defects.push(thrown),
        shouldFail() {
          throw wrong
        },
      })
      for (let i = 0; i < 2; i++) expect(await ask(port, get())).toMatchObject({ status: 500 })
      expect(defects).toEqual([wrong, wrong])
    })

    test('breaks off where it breaks off', async () => {
      const { address } = await behind((_, to) => {
        to.writeHead(500, { 'content-length': '100' })
        to.write('half', () => to.destroy())
      })
      const finished: http.Finished[] = []
      const { port } = await proxied(address, { stack, finalizer: each => void finished.push(each) })
      expect(await open(port).write(get()).response()).toBeUndefined()
      await until('the finalizer', () => finished.length === 1)
      expect(finished).toMatchObject([{ outcome: 'broken', failure: { reason: 'STREAM_BROKEN' } }])
    })
  })

  describe('in front of Go', () => {
    test('says what Go asked itself would say, with a body each way as it comes', async ({ skip }) => {
      if (kit === undefined) return skip(missing)
      const { address } = await proxied(goServer, { stack })
      const direct = await (await kit.run('call', 'GET', `${goServer}/echo`, '{"s":"x"}'))[0]
      const [through] = await kit.run('call', 'GET', `${address}/echo`, '{"s":"x"}')
      expect(through).toMatchObject({ status: 200, body: '{"s":"x"}', err: '' })
      expect(through?.['body']).toBe(direct?.['body'])
      const headers = through?.['headers'] as Record<string, string[]>
      expect(headers).toMatchObject({ 'X-Method': ['GET'], 'X-Encoding': ['chunked'] })
      expect(headers['X-Two']?.join(', ')).toBe('1, 2') // node joins them, which means the same
      let given = ''
      const connection = open(Number(new URL(address).port))
      connection.socket.on('data', data => {
        given += data
      })
      connection.write('POST /echo HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\n')
      for (const piece of ['one', 'two']) {
        connection.write(`3\r\n${piece}\r\n`)
        await until(piece, () => given.includes(piece))
      }
      connection.write('0\r\n\r\n')
      await until('the end', () => given.endsWith('0\r\n\r\n'))
    })

    test('passes on trailers, hints left out, redirects not followed', async ({ skip }) => {
      if (kit === undefined) return skip(missing)
      const { port } = await proxied(goServer, { stack })
      let given = ''
      const connection = open(port)
      connection.socket.on('data', data => {
        given += data
      })
      connection.write(get('/trailers'))
      await until('the end', () => /\r\n0\r\n(.*\r\n)*\r\n$/.test(given))
      expect(given.toLowerCase()).toContain('\r\n0\r\nx-sum: 4\r\n')
      expect(await ask(port, get('/early'))).toMatchObject({ status: 200 })
      expect(await ask(port, get('/redirect'))).toMatchObject({ status: 302, headers: { location: '/elsewhere' } })
    })

    test('Go hears that the caller left', async ({ skip }) => {
      if (kit === undefined) return skip(missing)
      const { port } = await proxied(goServer, { stack })
      const before = goOutput().split('"silent"').length
      let given = ''
      const connection = open(port)
      connection.socket.on('data', data => {
        given += data
      })
      connection.write(get('/silent'))
      await until('the beginning', () => given.includes('begun'))
      connection.end()
      await until('Go to hear of it', () => goOutput().split('"silent"').length > before)
    })

    test('asks what Go kit s httprp asks, and lets through less', async ({ skip }) => {
      if (kit === undefined) return skip(missing)
      const { address: theirs } = await kit.serve('proxy', `${goServer}`)
      const { address: ours } = await proxied(goServer, { stack })
      const answers: unknown[] = []
      for (const address of [theirs, ours]) {
        const headers = 'connection: x-private\r\nx-private: 1\r\nx-kept: yes\r\nte: gzip\r\nuser-agent: test\r\n'
        const answer = await ask(Number(new URL(address).port), get('/headers?a=b', headers))
        const { method, uri, headers: seen } = JSON.parse(answer?.body ?? '')
        const kept = Object.keys(seen)
          .filter(name => /^(X-Kept|X-Private|Te|User-Agent)$/.test(name))
          .sort()
        answers.push({ method, uri, kept })
      }
      expect(answers[1]).toEqual(answers[0])
      const doubled = get('//elsewhere/..%2fheaders')
      expect(await ask(Number(new URL(ours).port), doubled)).toMatchObject({ status: 400 })
    })
  })

  test('speaks TLS to the target, whose certificate it checks, and says what its caller spoke', async () => {
    const seen: IncomingMessage['headers'][] = []
    const authority = certificate({ name: 'test authority', isAuthority: true })
    const { cert, key } = certificate({ name: 'localhost', ips: ['127.0.0.1'], issuer: authority })
    const secured = async (listener: RequestListener): Promise<number> => {
      const server = createSecureServer({ cert, key }, listener).listen(0, '127.0.0.1')
      await once(server, 'listening')
      onTestFinished(() => {
        server.closeAllConnections()
        server.close()
      })
      return (server.address() as AddressInfo).port
    }
    const port = await secured((request, to) => {
      seen.push(request.headers)
      to.end('secret')
    })
    const target = `https://127.0.0.1:${port}`
    const { proxy } = await proxied(target, { stack, tls: { ca: authority.cert } })
    const front = http.endpoint<object, string>(
      `https://127.0.0.1:${await secured(proxy)}`,
      {
        encode: () => ({ method: 'GET' }),
        decode: ({ text }) => text,
      },
      { stack, tls: { ca: authority.cert } },
    )
    onTestFinished(() => front.close())
    expect(await callOrThrow(front, {})).toBe('secret')
    expect(seen).toMatchObject([{ 'x-forwarded-proto': 'https' }])
    const distrustful = await proxied(target, { stack })
    expect(await ask(distrustful.port, get())).toMatchObject({ status: 502, headers: { 'tenon-ran': 'no' } })
    expect(seen).toHaveLength(1)
  })

  test('closed, it answers 502; what makes no sense is refused when it is made', async () => {
    const { address } = await behind()
    const { port, proxy } = await proxied(address, { stack })
    await proxy.close()
    expect(await ask(port, get())).toMatchObject({ status: 502 })
    for (const options of [
      { maxRequestBytes: 0 },
      { maxResponseBytes: Number.NaN },
      { deadlineMs: -1 },
      { maxCalls: 0 },
    ])
      expect(() => http.reverseProxy(address, options)).toThrow(RangeError)
    expect(() => http.reverseProxy('ftp://a.test')).toThrow(TypeError)
    expect(() => http.reverseProxy(address, { shouldFail: 503 as never })).toThrow(TypeError)
    for (const credentials of ['cookie', ['Cookie'], ['x-key']])
      expect(() => http.reverseProxy(address, { credentials: credentials as never })).toThrow(/credentials must be/)
  })
})
