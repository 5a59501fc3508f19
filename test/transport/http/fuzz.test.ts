/** Requests that nobody would write, straight into the decoder: each is answered in a known way, in time linear in its length. */
import fc from 'fast-check'
import { systemClock } from 'tenon/core'
import { describe, expect, test } from 'vitest'
import type { Exchange } from '../../../src/transport/http/begun-call.js'
import { Exchanges } from '../../../src/transport/http/exchange.js'
import type { HttpRequest, HttpResponse } from '../../../src/transport/http/message.js'
import { deep } from '../../deep.js'
import { newLog, shop } from './shop.js'

interface Fuzzed {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string | string[]>>
  readonly body: string | undefined
}

function requestOf({ method, url, headers, body }: Fuzzed): HttpRequest {
  return {
    method,
    url,
    headers,
    rawHeaders: undefined,
    peer: { secure: false },
    httpVersion: '1.1',
    onStatus: undefined,
    hasBody: body !== undefined,
    body: (_, done) => done({ text: body ?? '' }),
    bytes: () => ({ bytes: Buffer.from(body ?? '') }),
    async *chunks() {
      const bytes = Buffer.from(body ?? '')
      for (let at = 0; at < bytes.length; at += 7) yield bytes.subarray(at, at + 7)
    },
  }
}

function responseOf(exchange: Exchange): Promise<HttpResponse> {
  return new Promise(resolve => exchange.onResponse(resolve))
}

const pieces = [
  ...[
    '/',
    '//',
    '/orders',
    '/orders/',
    '/orders/7',
    '/events',
    ':',
    '.',
    '..',
    '%2e',
    '%2F',
    '%5c',
    '%00',
    '%',
    '%zz',
    '%c0%af',
  ],
  ...[
    '\\',
    ';',
    '*',
    '#',
    '?',
    '&',
    '=',
    '&text=a',
    '?text=',
    '&tags=',
    '&limit=1',
    '__proto__',
    'constructor',
    'prototype',
  ],
  ...[
    '%ed%a0%80',
    '\u00e9',
    '\u{1f375}',
    ' ',
    '\t',
    '{id}',
    'http://a/b',
    '+',
    '[]',
    '[0]',
    'a[b][c]',
    '/uploads',
    '/chat',
  ],
]
const texts = [
  ...[
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"',
    '""',
    '"id"',
    '"7"',
    '"items"',
    '"sku"',
    '"count"',
    '1',
    '1e999',
    '-0',
    'null',
    'true',
  ],
  ...[
    '"__proto__"',
    '"constructor"',
    '{"prototype":1}',
    '\\u0000',
    '"\\ud800"',
    '\ud800',
    '\ufeff',
    '\n',
    '{"value":',
    '{"end":{}}\n',
  ],
  ...[
    '{"failure":{"code":"aborted","reason":"X"}}\n',
    '{"value":{"index":0}}\n',
    `${'['.repeat(70)}`,
    '9'.repeat(400),
    '.',
    'NaN',
  ],
]
const types = [
  'application/json',
  'application/x-ndjson',
  'text/plain',
  'application/json; charset=utf-8',
  'application/a+json',
  '',
  ';',
]

const pieced = (from: readonly string[], most: number): fc.Arbitrary<string> =>
  fc
    .array(fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...from) }, fc.string({ unit: 'binary' })), {
      maxLength: most,
    })
    .map(all => all.join(''))

const fuzzed: fc.Arbitrary<Fuzzed> = fc.record({
  method: fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS', 'PATCH', 'TRACE', '__proto__', 'get'),
  url: fc.oneof(
    pieced(pieces, 8),
    pieced(pieces, 4).map(text => `/orders/7${text}`),
    pieced(pieces, 6).map(text => `/orders?${text}`),
    fc.constantFrom('/orders', '/uploads', '/chat', '/orders/7/events'),
  ),
  headers: fc.dictionary(
    fc.constantFrom(
      'content-type',
      'accept',
      'tenon-timeout-ms',
      'tenon-attempt',
      'grpc-timeout',
      'connect-timeout-ms',
      'x-a',
    ),
    fc.oneof(
      fc.constantFrom(
        ...types,
        '1',
        '0',
        '-1',
        '1e3',
        '999999999999',
        '5S',
        '99999999H',
        '1;max=3',
        'text/event-stream',
      ),
      fc.string(),
    ),
    { maxKeys: 4 },
  ),
  body: fc.option(
    fc.oneof(
      pieced(texts, 12),
      fc.json(),
      fc.json().map(text => `{"value":${text.replaceAll('\n', '')}}\n`),
      fc.constant('{"id":"7"}'),
    ),
    { nil: undefined },
  ),
})

const known = new Set([
  ...['MALFORMED_BODY', 'INVALID_REQUEST', 'INVALID_PATH', 'INVALID_METADATA', 'ROUTE_NOT_FOUND', 'METHOD_NOT_ALLOWED'],
  ...['UNSUPPORTED_MEDIA_TYPE', 'DEADLINE_EXCEEDED', 'CANCELLED', 'OutOfStock', 'STREAM_BROKEN', 'BODY_TOO_LARGE'],
])

async function textOf({ body }: HttpResponse): Promise<string> {
  if (typeof body === 'string') return body
  let text = ''
  if (!(body instanceof Uint8Array)) for await (const part of body) text += part
  return text
}

describe('fuzzing', () => {
  test(`${deep(3_000, 1_000_000)} requests: none crashes, none fails in an unknown way`, {
    timeout: 3_600_000,
  }, async () => {
    const defects: unknown[] = []
    const exchanges = new Exchanges(
      [shop(newLog())],
      { clock: systemClock, onDefect: thrown => void defects.push(thrown) },
      { maxBodyBytes: 1 << 20, maxDeadlineMs: 60_000 },
    )
    const before = Reflect.ownKeys(Object.prototype)
    await fc.assert(
      fc.asyncProperty(fuzzed, async input => {
        const response = await responseOf(exchanges.begin(requestOf(input)))
        const text = await textOf(response)
        expect(response.status).toBeGreaterThanOrEqual(200)
        expect(response.headers.length % 2).toBe(0)
        expect(defects).toEqual([])
        if (response.status < 300) return
        const { code, reason, status } = JSON.parse(text)
        expect(typeof code).toBe('string')
        expect(status).toBe(response.status)
        expect(known).toContain(reason)
      }),
      { numRuns: deep(3_000, 1_000_000) },
    )
    expect(Reflect.ownKeys(Object.prototype)).toEqual(before)
  })

  const growing: Readonly<Record<string, (size: number) => Partial<Fuzzed>>> = {
    'a path of slashes': size => ({ url: '/'.repeat(size) }),
    'a path of encodings': size => ({ url: `/orders/${'%41'.repeat(size)}` }),
    'a path of colons': size => ({ url: `/orders/${':'.repeat(size)}` }),
    'a query of keys': size => ({ url: `/orders?${'a=1&'.repeat(size)}` }),
    'a query of one list': size => ({ url: `/orders?text=a${'&tags=a'.repeat(size)}` }),
    'a query of plus signs': size => ({ url: `/orders?text=${'+'.repeat(size)}` }),
    'nested lists': size => ({ method: 'POST', url: '/orders', body: `${'['.repeat(size)}${']'.repeat(size)}` }),
    'many items': size => ({
      method: 'POST',
      url: '/orders',
      body: `{"id":"7","items":[${'{"sku":"a","count":1},'.repeat(size)}{"sku":"a","count":1}]}`,
    }),
    'wrong items': size => ({
      method: 'POST',
      url: '/orders',
      body: `{"id":"7","items":[${'{},'.repeat(size / 10)}{}]}`,
    }), // two issues each
    escapes: size => ({ method: 'POST', url: '/orders', body: `{"id":"${'\\u0061'.repeat(size)}"}` }),
    digits: size => ({ method: 'POST', url: '/orders', body: `{"id":"7","n":${'9'.repeat(size)}}` }),
    'broken JSON': size => ({ method: 'POST', url: '/orders', body: `{"id":"${'a'.repeat(size)}` }),
    'a content type of semicolons': size => ({
      method: 'POST',
      url: '/orders',
      body: '{}',
      headers: { 'content-type': ';'.repeat(size) },
    }),
    'an attempt of digits': size => ({ url: '/orders/7', headers: { 'tenon-attempt': '1'.repeat(size) } }),
  }
  test.for(Object.entries(growing))('%s costs time linear in its length', async ([, grow]) => {
    const exchanges = new Exchanges(
      [shop()],
      { clock: systemClock, onDefect: () => {} },
      { maxBodyBytes: 1 << 24, maxDeadlineMs: 60_000 },
    )
    const base: Fuzzed = { method: 'GET', url: '/', headers: { 'content-type': 'application/json' }, body: undefined }
    const cpu = async (size: number): Promise<number> => {
      const request = requestOf({ ...base, ...grow(size) })
      const start = process.cpuUsage()
      for (let i = 0; i < 3; i++) await textOf(await responseOf(exchanges.begin(request)))
      const { user, system } = process.cpuUsage(start)
      return user + system
    }
    const size = deep(10_000, 40_000)
    await cpu(size)
    // A collection of garbage may fall into one measurement, and what the engine has compiled changes; what grows with the square is in each,
    // and makes eight of the eightfold.
    let times = Number.POSITIVE_INFINITY
    for (let i = 0; i < 6 && times >= 4; i++) {
      const once = Math.min(await cpu(size), await cpu(size))
      times = Math.min(times, (await cpu(8 * size)) / (8 * Math.max(once, 4_000)))
    }
    expect(times).toBeLessThan(4)
  })
})
