/** Services as one part of an app among others: whose a request is, what others set on it, and what they get back. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import compression from 'compression'
import anApp, { type RequestHandler } from 'express'
import { type Context, call, connect, contract, fromPromise, implement, method } from 'tenon'
import * as express from 'tenon/transport/http/express'
import { describe, expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { listening } from '../listening.js'
import { json, request } from '../mistakes.js'
import { ask, open, until } from '../served.js'
import { newLog, Shop, shop } from '../shop.js'
import { mounted, notFound } from './app.js'

/** Packs everything; by default it leaves NDJSON as it is. */
const packing = compression({ threshold: 0, filter: () => true })
const get = (path: string) => request(`GET ${path}`)

describe('a router', () => {
  test('leaves unknown paths to what comes after it, as they were', async () => {
    const { port } = await mounted([shop()], {
      after: app => app.get('/api/legacy/:id', (message, response) => void response.json(message.params)).use(notFound),
    })
    expect((await ask(port, get('/api/legacy/9')))?.body).toBe('{"id":"9"}')
    const other = await ask(port, get('/api/nothing?a=b'))
    expect(other).toMatchObject({ status: 404 })
    expect(JSON.parse(other?.body ?? '')).toEqual({
      app: 'not found',
      url: '/api/nothing?a=b',
      original: '/api/nothing?a=b',
    })
  })

  test('answers another verb of its paths, or leaves it to the app, as it is told', async () => {
    const legacy = (app: ReturnType<typeof anApp>) =>
      void app.put('/api/orders/:id', (_, response) => void response.send('put'))
    const own = await mounted([shop()], { after: legacy })
    expect(await ask(own.port, request('PUT /api/orders/7'))).toMatchObject({
      status: 405,
      headers: { allow: 'DELETE, GET, HEAD, OPTIONS', 'content-type': 'application/problem+json' },
    })
    const shared = await mounted([shop()], { options: { passOn: 'methods' }, after: legacy })
    expect((await ask(shared.port, request('PUT /api/orders/7')))?.body).toBe('put')
    expect((await ask(shared.port, get('/api/orders/7')))?.status).toBe(200)
    expect((await ask(shared.port, request('OPTIONS /api/orders/7')))?.headers['allow']).toContain('PUT')
  })

  test('may stand beside another, for other paths or other verbs of the same', async () => {
    const message = z.object({ id: z.string() })
    const archive = contract('test.v1.Archive', {
      put: method({ request: message, response: message, idempotency: 'idempotent', http: { put: '/orders/{id}' } }),
      old: method({ request: message, response: message, idempotency: 'safe', http: { get: '/old/{id}' } }),
    })
    const second = express.router([implement(archive).handlers({ put: it => it, old: it => it })])
    const { port } = await mounted([shop()], {
      options: { passOn: 'methods' },
      after: app => app.use('/api', second).use(notFound),
    })
    expect((await ask(port, get('/api/orders/7')))?.body).toBe('{"id":"7","items":[]}')
    expect((await ask(port, request('PUT /api/orders/8')))?.body).toBe('{"id":"8"}')
    expect((await ask(port, get('/api/old/9')))?.body).toBe('{"id":"9"}')
    expect((await ask(port, get('/api/nothing')))?.status).toBe(404)
  })

  test('may be at the root, under a Router, and under an app in an app', async () => {
    const tenon = express.router([shop()])
    const nested = anApp.Router().use('/v1', tenon)
    const inner = anApp().use('/deep', nested)
    const app = anApp().use('/apps', inner).use('/:tenant/shop', nested).use(tenon).use(notFound)
    const { port } = await listening(app)
    for (const path of ['/apps/deep/v1/orders/7', '/ada/shop/v1/orders/7', '/orders/7'])
      expect(await ask(port, get(path)), path).toMatchObject({ status: 200, body: '{"id":"7","items":[]}' })
    expect((await ask(port, get('/apps/deep/v1')))?.status).toBe(404)
  })

  test('reads path and query below its mount path, whatever letters that has', async () => {
    const { port } = await mounted([shop()])
    const answer = await ask(port, get('/API/orders?text=%C3%A4%2F&tags=a&tags=b'))
    expect(JSON.parse(answer?.body ?? '')).toEqual({ seen: { text: 'ä/', tags: ['a', 'b'] } })
  })

  test('answers its own failures; the app answers its own errors', async () => {
    const thrown: unknown[] = []
    const service = shop(newLog(), {
      get: () => {
        throw new Error('secret')
      },
    })
    const { port, defects } = await mounted([service], {
      before: [
        (message, _, next) => {
          if (message.url.includes('broken')) throw new Error('the app')
          next()
        },
      ],
      after: app =>
        app.use((error: unknown, _: unknown, response: { end(text: string): void }, _next: unknown) => {
          thrown.push(error)
          response.end('handled')
        }),
    })
    const failed = await ask(port, get('/api/orders/7'))
    expect(failed).toMatchObject({ status: 500, headers: { 'content-type': 'application/problem+json' } })
    expect(failed?.body).not.toContain('secret')
    expect([thrown, defects]).toMatchObject([[], [{ message: 'secret' }]])
    expect((await ask(port, get('/api/broken')))?.body).toBe('handled')
    expect(thrown).toHaveLength(1)
  })

  test('stands beside static files', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tenon-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    writeFileSync(join(folder, 'index.txt'), 'a file')
    const { port } = await mounted([shop()], { before: [anApp.static(folder)] })
    expect((await ask(port, get('/index.txt')))?.body).toBe('a file')
    expect((await ask(port, get('/api/orders/7')))?.status).toBe(200)
  })

  test('does not answer a second time where somebody before it has begun to', async () => {
    const log = newLog()
    const impatient: RequestHandler = (_, response, next) => {
      next()
      response.status(503).write('too ')
      response.locals['end'] = setTimeout(() => response.end('slow'), 100)
    }
    const { port, defects } = await mounted([shop(log)], { before: [impatient] })
    const connection = open(port)
    connection.write(request('POST /api/orders', json, '{"id":"7"}'))
    expect((await connection.response())?.body).toBe('too slow')
    expect(log.calls).toEqual(['place 7'])
    const upload = '{"value":{"index":0}}\n{"end":{}}\n'
    connection.write(request('POST /api/chat', { 'content-type': 'application/x-ndjson' }, upload))
    expect((await connection.response())?.body).toBeDefined()
    expect(defects).toEqual([])
  })

  test('ends a call whose caller has gone while the app took its time', async () => {
    const log = newLog()
    let release = (): void => {}
    const slowly: RequestHandler = (_, __, next) => {
      release = next
    }
    const waiting = shop(log, {
      get: ({ id }, { signal }) =>
        new Promise((resolve, reject) => {
          log.calls.push(id)
          const timer = setTimeout(() => resolve({ id, items: [] }), 20_000)
          signal.addEventListener('abort', () => {
            clearTimeout(timer)
            log.aborted.push(id)
            reject(signal.reason)
          })
        }),
    })
    const { port } = await mounted([waiting], { before: [slowly] })
    const before = release
    const connection = open(port).write(get('/api/orders/7'))
    await until('the middleware', () => release !== before)
    connection.end()
    await connection.closed
    await new Promise(resolve => setTimeout(resolve, 50)) // until the server knows
    release()
    await until('the abort', () => log.aborted.length === 1)
  })
})

describe('the peer of a call', () => {
  test('is whom the app trusts to be the caller, for services and for handlers', async () => {
    const peers: unknown[] = []
    const service = shop(newLog(), {
      get({ id }, { peer }) {
        peers.push(peer)
        return { id, items: [] }
      },
    })
    const own = express.handler(
      fromPromise(async (_: object, { peer }: Context) => void peers.push(peer)),
      { decode: () => ({}), encode: () => ({}) },
    )
    const through = (forwarded: string, extra: Readonly<Record<string, string>> = {}) => ({
      'x-forwarded-for': forwarded,
      'x-forwarded-proto': 'https',
      ...extra,
    })
    const asking = async (trust: boolean, headers: Readonly<Record<string, string>>, options = {}) => {
      const app = anApp()
        .set('trust proxy', trust)
        .use('/api', express.router([service], options))
        .use(own)
      const { port } = await listening(app)
      for (const path of ['/api/orders/7', '/own']) await ask(port, request(`GET ${path}`, headers))
      return peers.splice(0)
    }
    const direct = { secure: false, address: '127.0.0.1', host: 'test' }
    expect(await asking(false, through('10.0.0.9'))).toEqual([direct, direct])
    const claimed = { secure: true, address: '10.0.0.9', host: 'shop.example' }
    expect(await asking(true, through('10.0.0.9', { 'x-forwarded-host': 'shop.example' }))).toEqual([claimed, claimed])
    const nobody = { secure: true, host: 'test' }
    expect(await asking(true, through('unknown', { 'x-forwarded-host': 'a b' }))).toEqual([nobody, nobody])
    const [ours] = await asking(false, through('10.0.0.8'), { trustedProxies: ['loopback'] })
    expect(ours).toMatchObject({ secure: true, address: '10.0.0.8' })
  })
})

describe('headers', () => {
  const answering = (name: string, value: string) =>
    shop(newLog(), {
      get({ id }, { reply }) {
        reply.header(name, value)
        return { id, items: [] }
      },
    })
  const before: RequestHandler = (_, response, next) => {
    response.cookie('session', 'ada').vary('origin').set('x-app', '1').set('cache-control', 'private')
    next()
  }

  test('of the app go out with those of the reply; lists are joined, others are replaced', async () => {
    const cookies = await mounted([answering('set-cookie', 'a=b')], { before: [before] })
    expect((await ask(cookies.port, get('/api/orders/7')))?.headers).toMatchObject({
      'set-cookie': 'session=ada; Path=/\na=b',
      'x-app': '1',
      vary: 'origin',
    })
    const varying = await mounted([answering('vary', 'accept')], { before: [before] })
    expect((await ask(varying.port, get('/api/orders/7')))?.headers['vary']).toBe('origin\naccept')
    const caching = await mounted([answering('cache-control', 'no-cache')], { before: [before] })
    expect((await ask(caching.port, get('/api/orders/7')))?.headers['cache-control']).toBe('no-cache')
    const failing = await ask(caching.port, get('/api/orders?limit=many'))
    expect(failing?.headers).toMatchObject({ 'cache-control': 'no-store', 'set-cookie': 'session=ada; Path=/' })
  })

  test('that middleware sets at the last moment go out, too, as a session does it', async () => {
    const late: RequestHandler = (_, response, next) => {
      const { writeHead } = response
      response.writeHead = ((...args: Parameters<typeof writeHead>) => {
        response.appendHeader('set-cookie', 'late=1')
        return writeHead.apply(response, args)
      }) as typeof writeHead
      next()
    }
    const { port } = await mounted([answering('set-cookie', 'a=b')], { before: [late] })
    expect((await ask(port, get('/api/orders/7')))?.headers['set-cookie']).toBe('a=b\nlate=1')
  })
})

describe('streams behind compression', () => {
  /** A stream that gives an item each time it is let. */
  function stepping() {
    const log = newLog()
    const steps: (() => void)[] = []
    const service = shop(log, {
      watch: async function* ({ count, bytes }) {
        try {
          for (let index = 0; index < count; index++) {
            yield { index, text: 'x'.repeat(bytes) }
            log.calls.push(`${index}`)
            if (bytes === 1) await new Promise<void>(resolve => steps.push(resolve))
          }
        } finally {
          log.closed.push('watch')
        }
      },
    })
    return { log, service, step: () => steps.shift()?.() }
  }

  test.for(['application/x-ndjson', 'text/event-stream'])(
    '%s: each item arrives before the next is made',
    async type => {
      const { service, step } = stepping()
      const { address } = await mounted([service], { before: [packing] })
      const answer = await fetch(`${address}/orders/7/events?count=3`, {
        headers: { accept: type, 'accept-encoding': 'gzip' },
      })
      expect(answer.headers.get('content-encoding')).toBe('gzip')
      const items: string[] = []
      for await (const piece of answer.body?.pipeThrough(new TextDecoderStream()) ?? []) {
        items.push(...piece.split('\n').filter(line => line.includes('"index"')))
        step()
      }
      expect(items).toHaveLength(3)
    },
  )

  test('a reader that is slow makes the handler wait, without a warning; one that leaves closes it', async () => {
    const warnings: Error[] = []
    const warn = (warning: Error) => void warnings.push(warning)
    process.on('warning', warn)
    onTestFinished(() => void process.off('warning', warn))
    const log = newLog()
    // Text that does not pack, or all of it would fit into the buffers on the way.
    const noise = Array.from({ length: 20_000 }, () => Math.random().toString(36).slice(2)).join('')
    const noisy = shop(log, {
      watch: async function* () {
        try {
          for (let index = 0; index < 2_000; index++) {
            yield { index, text: noise }
            log.calls.push(`${index}`)
          }
        } finally {
          log.closed.push('watch')
        }
      },
    })
    const { port } = await mounted([noisy], { before: [packing] })
    const connection = open(port)
    connection.socket.pause()
    connection.write(request('GET /api/orders/7/events', { 'accept-encoding': 'gzip' }))
    let last = -1
    while (last !== log.calls.length || last < 1) {
      last = log.calls.length
      await new Promise(resolve => setTimeout(resolve, 300))
    }
    expect(log.calls.length * noise.length).toBeLessThan(64 << 20)
    const before = log.calls.length
    connection.socket.resume()
    await until('more of it', () => log.calls.length > before + 50)
    connection.end()
    await until('the end', () => log.closed.length === 1)
    expect(warnings).toEqual([])
  })

  test('whole answers are packed', async () => {
    const { address } = await mounted([shop()], { before: [packing] })
    const answer = await fetch(`${address}/orders/7`, { headers: { 'accept-encoding': 'gzip' } })
    expect(answer.headers.get('content-encoding')).toBe('gzip')
    expect(answer.headers.get('vary')).toBe('Accept-Encoding')
    expect(await answer.json()).toEqual({ id: '7', items: [] })
  })
})

describe('a client', () => {
  test('calls what is mounted, and hears of an unknown path from the app', async () => {
    const { address } = await mounted([shop()])
    const binding = express.client(address)
    onTestFinished(() => binding.close())
    expect(await call(connect(Shop, binding).get, { id: '7' })).toMatchObject({ right: { id: '7' } })
    const other = express.client(`${address}/elsewhere`)
    onTestFinished(() => other.close())
    expect(await call(connect(Shop, other).get, { id: '7' })).toMatchObject({ left: { reason: 'UNEXPECTED_RESPONSE' } })
  })
})

test('options that make no sense are refused where they are given', () => {
  expect(() => express.router([shop()], { passOn: 'everything' as never })).toThrow(
    new TypeError("express: passOn must be 'paths', 'methods' or 'nothing', got \"everything\""),
  )
  for (const name of ['maxBodyBytes', 'maxDeadlineMs']) {
    for (const value of [0, -1, 1.5, Number.NaN])
      expect(() => express.router([shop()], { [name]: value })).toThrow(RangeError)
  }
  expect(() => express.router([shop(), shop()])).toThrow('match the same paths')
})
