/** Which pages may call: never one that nobody named, and those that may read failures as well as results. */
import { call, connect } from 'tenon'
import { failed } from 'tenon/core'
import * as http from 'tenon/transport/http'
import * as fetching from 'tenon/transport/http/fetch'
import { describe, expect, test } from 'vitest'
import { open, type RawResponse, served } from './served.js'
import { newLog, Shop, shop } from './shop.js'

const app = 'https://app.example'
const service = shop(newLog(), {
  get({ id }, { reply }) {
    if (id === 'none') return failed('not_found', 'NO_SUCH_ORDER', 'there is none')
    reply.header('x-version', '7')
    reply.header('vary', 'accept-language')
    reply.header('access-control-allow-origin', '*')
    reply.trailer('x-cost', '3')
    return { id, items: [] }
  },
})

type Ask = (line: string, headers?: Readonly<Record<string, string>>, body?: string) => Promise<RawResponse>

/** The same over a socket and through the fetch server. */
const servers: Readonly<Record<string, (cors: http.CorsOptions, defects?: unknown[]) => Promise<Ask>>> = {
  async 'node server'(cors, defects) {
    const { port, defects: own } = await served([service], { cors })
    return async (line, headers = {}, body = '') => {
      const lines = Object.entries({
        host: 't',
        ...headers,
        ...(body !== '' && { 'content-length': String(body.length) }),
      })
      const connection = open(port)
      const response = await connection
        .write(`${line} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`)
        .response(!line.startsWith('HEAD'))
      connection.end()
      defects?.push(...own.splice(0))
      if (response === undefined) throw new Error('no response')
      const text = Object.entries(response.headers).map(
        ([name, value]) => [name, value.replaceAll('\n', ', ')] as const,
      )
      return { ...response, headers: Object.fromEntries(text) }
    }
  },
  async 'fetch server'(cors, defects) {
    const serve = fetching.server([service], { cors, onDefect: thrown => void defects?.push(thrown) })
    return async (line, headers = {}, body = '') => {
      const [method = '', path = ''] = line.split(' ')
      const request = new Request(`http://t${path}`, { method, ...(body !== '' && { body }) })
      // What a Request forbids, the network sends.
      const all = new Headers({ ...Object.fromEntries(request.headers), ...headers })
      Object.defineProperty(request, 'headers', { value: all })
      const response = await serve(request)
      return { status: response.status, headers: Object.fromEntries(response.headers), body: await response.text() }
    }
  },
}

const listed = { origins: [app, 'https://other.example:8443', 'http://localhost:5173', 'capacitor://localhost'] }
const preflight = (origin: string, method = 'POST', more = {}): Record<string, string> => ({
  origin,
  'access-control-request-method': method,
  'access-control-request-headers': 'content-type,tenon-timeout-ms',
  ...more,
})

describe.each(Object.keys(servers))('%s', kind => {
  const serve = servers[kind] as (typeof servers)[string]

  test('a preflight is told the verbs of the path, and the headers of our clients', async () => {
    const ask = await serve(listed)
    const { status, headers, body } = await ask('OPTIONS /orders', preflight(app))
    expect([status, body]).toEqual([204, ''])
    expect(headers).toMatchObject({
      'access-control-allow-origin': app,
      'access-control-allow-methods': 'GET, HEAD, POST',
      'access-control-max-age': '600',
      vary: 'access-control-request-method, access-control-request-private-network, origin',
    })
    const allowed = headers['access-control-allow-headers']?.split(', ') ?? []
    for (const name of [
      'content-type',
      'tenon-timeout-ms',
      'tenon-attempt',
      'traceparent',
      'x-request-id',
      'idempotency-key',
    ])
      expect(allowed).toContain(name)
    for (const name of ['authorization', 'cookie', '*']) expect(allowed).not.toContain(name)
    for (const name of [
      'access-control-allow-credentials',
      'access-control-allow-private-network',
      'access-control-expose-headers',
    ])
      expect(headers).not.toHaveProperty(name)
    expect((await ask('OPTIONS /orders/7', preflight(app, 'DELETE'))).headers['access-control-allow-methods']).toBe(
      'GET, HEAD, DELETE',
    )
  })

  test('options are in it', async () => {
    const ask = await serve({
      ...listed,
      headers: ['Authorization'],
      exposedHeaders: ['X-Version'],
      credentials: true,
      maxAgeSeconds: 0,
      privateNetwork: true,
    })
    const { headers } = await ask(
      'OPTIONS /orders',
      preflight(app, 'POST', { 'access-control-request-private-network': 'true' }),
    )
    expect(headers).toMatchObject({
      'access-control-allow-credentials': 'true',
      'access-control-max-age': '0',
      'access-control-allow-private-network': 'true',
      'access-control-allow-headers': expect.stringMatching(/, authorization$/),
    })
    const response = await ask('GET /orders/7', { origin: app })
    expect(response.headers).toMatchObject({
      'access-control-allow-credentials': 'true',
      'access-control-expose-headers': 'tenon-ran, tenon-retry-after-ms, retry-after, x-version, tenon-trailer-x-cost',
    })
  })

  test('a path and a verb that are not there may be asked for, and are answered with what can be read', async () => {
    const ask = await serve(listed)
    for (const [line, verb, status] of [
      ['/nothing', 'POST', 404],
      ['/orders', 'PUT', 405],
    ] as const) {
      expect((await ask(`OPTIONS ${line}`, preflight(app, verb))).headers['access-control-allow-methods']).toContain(
        verb,
      )
      const answer = await ask(`${verb} ${line}`, { origin: app })
      expect(answer).toMatchObject({ status, headers: { 'access-control-allow-origin': app } })
    }
    for (const verb of ['TRACE', 'CONNECT', 'x, DELETE', '*'])
      expect((await ask('OPTIONS /nothing', preflight(app, verb))).headers['access-control-allow-methods']).toBe('')
  })

  test.for<[string, string, Record<string, string>, string, number]>([
    ['a result', 'GET /orders/7', {}, '', 200],
    ['HEAD', 'HEAD /orders/7', {}, '', 200],
    ['a failure', 'GET /orders/none', {}, '', 404],
    ['an unknown path', 'GET /nothing', {}, '', 404],
    ['another verb', 'PATCH /orders', {}, '', 405],
    ['a wrong path', 'GET /a/../b', {}, '', 400],
    ['another type', 'POST /orders', { 'content-type': 'text/plain' }, 'x', 415],
    ['a broken body', 'POST /orders', { 'content-type': 'application/json' }, '{', 400],
    ['a large body', 'POST /orders', { 'content-type': 'application/json' }, 'x'.repeat((1 << 20) + 1), 413],
    ['a wrong deadline', 'GET /orders/7', { 'tenon-timeout-ms': 'x' }, '', 400],
    ['a stream', 'GET /orders/7/events', {}, '', 200],
  ])('%s can be read by those who may call, and by no others', async ([what, line, headers, body, status]) => {
    if (what === 'a wrong path' && kind === 'fetch server') return // a URL has no such path
    const ask = await serve(listed)
    const mine = await ask(line, { ...headers, origin: app }, body)
    expect(mine).toMatchObject({ status, headers: { 'access-control-allow-origin': app } })
    expect(mine.headers['access-control-expose-headers']).toMatch(/^tenon-ran, tenon-retry-after-ms, retry-after/)
    for (const origin of ['https://evil.example', 'null', '']) {
      const others = await ask(line, { ...headers, ...(origin !== '' && { origin }) }, body)
      expect(others.status).toBe(status)
      expect(others.headers['vary']).toMatch(/\borigin$/)
      for (const name of Object.keys(others.headers)) expect(name).not.toMatch(/^access-control-/)
    }
  })

  test('what a handler says of CORS does not contradict, and what it says of caching stays', async () => {
    const ask = await serve(listed)
    const { headers } = await ask('GET /orders/7', { origin: app })
    expect(headers['access-control-allow-origin']).toBe(app)
    expect(headers['vary']).toBe('accept-language, origin')
  })

  test.for([
    'https://app.example.evil.example',
    'https://evil.example/https://app.example',
    'https://app.example:444',
    'http://app.example',
    'HTTPS://APP.EXAMPLE',
    'https://app.example/',
    'https://app.example, https://evil.example',
    'null',
    '*',
    'https://a@app.example',
    'file://',
  ])('a list does not allow %s, and a preflight of it is no preflight', async origin => {
    const ask = await serve(listed)
    for (const headers of [{ origin }, preflight(origin)]) {
      const answer = await ask('OPTIONS /orders', headers)
      expect(Object.keys(answer.headers).filter(name => name.startsWith('access-control-'))).toEqual([])
      expect(answer.headers['vary']).toBe('origin')
    }
  })

  test("'*' is for everybody, sandboxed pages too, and needs no Vary", async () => {
    const ask = await serve({ origins: '*' })
    for (const origin of [app, 'null', 'https://anybody.example']) {
      const { headers } = await ask('GET /orders/7', { origin })
      expect(headers['access-control-allow-origin']).toBe('*')
      expect(headers['vary']).toBe('accept-language')
    }
    expect((await ask('GET /orders/7')).headers).not.toHaveProperty('access-control-allow-origin')
  })

  test('a predicate decides, on what is an origin, with true alone', async () => {
    const asked: string[] = []
    const defects: unknown[] = []
    const answers: Record<string, () => unknown> = {
      'https://a.example': () => true,
      'https://b.example': () => false,
      'https://c.example': () => Promise.resolve(true),
      'https://d.example': () => {
        throw new Error('no such tenant')
      },
    }
    const origins = (origin: string): boolean => {
      asked.push(origin)
      return answers[origin]?.() as boolean
    }
    const ask = await serve({ origins, credentials: true }, defects)
    const allowed: string[] = []
    for (const origin of [...Object.keys(answers), 'null', 'x', 'https://a.example, https://b.example']) {
      const { headers } = await ask('GET /orders/7', { origin })
      if (headers['access-control-allow-origin'] === origin) allowed.push(origin)
      else expect(headers).not.toHaveProperty('access-control-allow-origin')
    }
    expect(allowed).toEqual(['https://a.example'])
    expect(asked).toEqual(Object.keys(answers))
    expect(defects).toHaveLength(2)
  })

  test('is nothing where it is not asked for', async () => {
    const { port } = await served([service])
    const answer = await open(port).write(`GET /orders/none HTTP/1.1\r\nhost: t\r\norigin: ${app}\r\n\r\n`).response()
    expect(Object.keys(answer?.headers ?? {}).filter(name => /^access-control-|^vary$/.test(name))).toEqual([])
  })
})

describe('options', () => {
  test.for<[http.CorsOptions, string]>([
    [{ origins: '*', credentials: true }, 'would let every page act'],
    [{ origins: [] }, 'with an origin at least'],
    [{ origins: 'https://app.example' as never }, "must be '*'"],
    [{ origins: ['*'] }, 'is no origin'],
    [{ origins: ['null'] }, "every sandboxed page has the origin 'null'"],
    [{ origins: ['https://*.example'] }, 'for patterns give a predicate'],
    [{ origins: ['https://app.example/'] }, 'did you mean https://app.example?'],
    [{ origins: ['https://app.example:443'] }, 'did you mean https://app.example?'],
    [{ origins: ['https://App.example'] }, 'did you mean https://app.example?'],
    [{ origins: ['app.example'] }, 'is no origin'],
    [{ origins: ['https://app.example, https://b.example'] }, 'is no origin'],
    [{ origins: [app], headers: ['a b'] }, 'is no name of a header'],
    [{ origins: [app], headers: ['*'] }, 'is no name of a header'],
    [{ origins: [app], exposedHeaders: ['a\r\nb'] }, 'is no name of a header'],
    [{ origins: [app], maxAgeSeconds: -1 }, 'maxAgeSeconds'],
    [{ origins: [app], maxAgeSeconds: 1.5 }, 'maxAgeSeconds'],
  ])('%j are refused', ([cors, message]) => {
    expect(() => http.server({ port: 0, cors })).toThrow(message)
    expect(() => fetching.server([service], { cors })).toThrow(message)
  })

  test('probes can be read as well, and a call without an origin is as ever', async () => {
    const { port, address } = await served([service], { cors: listed })
    const probe = await open(port).write(`GET /livez HTTP/1.1\r\nhost: t\r\norigin: ${app}\r\n\r\n`).response()
    expect(probe?.headers['access-control-allow-origin']).toBe(app)
    const binding = http.client(address)
    expect(await call(connect(Shop, binding).get, { id: '7' })).toMatchObject({ _tag: 'Right' })
    await binding.close()
  })
})
