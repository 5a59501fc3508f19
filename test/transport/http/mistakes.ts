/** What comes from strangers, byte by byte: each mistake with its own status, code and reason, whatever serves. */
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { expect } from 'vitest'
import type { RawResponse } from './served.js'

export type Headers = Readonly<Record<string, string>>

/** A request as bytes. */
export function request(line: string, headers: Headers = {}, body: string | Uint8Array = ''): Uint8Array {
  const bytes = Buffer.from(body)
  const all: Headers = { host: 'test', ...(bytes.length > 0 && { 'content-length': String(bytes.length) }), ...headers }
  const head = [`${line} HTTP/1.1`, ...Object.entries(all).map(([name, value]) => `${name}: ${value}`), '', '']
  return Buffer.concat([Buffer.from(head.join('\r\n'), 'latin1'), bytes])
}

export const json = { 'content-type': 'application/json' }
const deepText = (levels: number): string => `{"id":"7","note":${'['.repeat(levels)}${']'.repeat(levels)}}`

export interface Mistake {
  readonly sent: Uint8Array
  /** Status, code and reason. */
  readonly expected: readonly [number, string, string]
  readonly detail?: RegExp
  readonly headers?: Headers
}

const malformed = [400, 'invalid_argument', 'MALFORMED_BODY'] as const
const wrongType = [415, 'invalid_argument', 'UNSUPPORTED_MEDIA_TYPE'] as const
const tooLarge = [413, 'resource_exhausted', 'BODY_TOO_LARGE'] as const
const invalid = [400, 'invalid_argument', 'INVALID_REQUEST'] as const
const noRoute = [404, 'unimplemented', 'ROUTE_NOT_FOUND'] as const
const noMethod = [405, 'unimplemented', 'METHOD_NOT_ALLOWED'] as const
const invalidPath = [400, 'invalid_argument', 'INVALID_PATH'] as const
const metadata = [400, 'invalid_argument', 'INVALID_METADATA'] as const
const notHttp = [400, 'invalid_argument', 'MALFORMED_HTTP'] as const
const headersTooLarge = [431, 'resource_exhausted', 'HEADERS_TOO_LARGE'] as const

/** Requests for the shop below `prefix`, each with the answer of a server that nobody helps. */
export function mistakesBelow(prefix: string): Readonly<Record<string, Mistake>> {
  const at = (line: string, headers: Headers = {}, body: string | Uint8Array = ''): Uint8Array =>
    request(line.replace(' ', ` ${prefix}`), headers, body)
  const post = (body: string | Uint8Array, headers: Headers = json): Uint8Array => at('POST /orders', headers, body)
  const get = (target: string): Uint8Array => at(`GET ${target}`)
  return {
    'JSON that ends too early': { sent: post('{"id":'), expected: malformed },
    'a word instead of JSON': { sent: post('hello'), expected: malformed },
    'two JSON texts': { sent: post('{"id":"7"}{"id":"8"}'), expected: malformed },
    'a byte order mark before JSON': { sent: post('\ufeff{"id":"7"}'), expected: malformed },
    'bytes that are no UTF-8': { sent: post(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d])), expected: malformed },
    'nesting over 64 levels': { sent: post(deepText(64)), expected: malformed, detail: /64/ },
    'nesting of 200 000 levels': { sent: post(deepText(200_000)), expected: malformed },
    'a key __proto__': { sent: post('{"id":"7","__proto__":{"admin":true}}'), expected: malformed },
    'a key __proto__ in an escape': { sent: post('{"id":"7","\\u005f_proto__":{"admin":true}}'), expected: malformed },
    'a constructor with a prototype': { sent: post('{"id":"7","constructor":{"prototype":{}}}'), expected: malformed },
    'half a surrogate pair': { sent: post('{"id":"\\ud800"}'), expected: malformed },
    'a number that is no double': { sent: post('{"id":"7","items":[{"sku":"a","count":1e999}]}'), expected: malformed },
    'over 1 000 keys': {
      sent: post(JSON.stringify(Object.fromEntries(Array.from({ length: 1_100 }, (_, i) => [`k${i}`, i])))),
      expected: malformed,
    },
    'a list instead of an object': { sent: post('[]'), expected: invalid },
    'null instead of an object': { sent: post('null'), expected: invalid },
    'text instead of an object': { sent: post('"{}"'), expected: invalid },
    'no content type': { sent: post('{"id":"7"}', {}), expected: wrongType, detail: /none is given/ },
    'text/plain': { sent: post('{"id":"7"}', { 'content-type': 'text/plain' }), expected: wrongType },
    'a form': { sent: post('id=7', { 'content-type': 'application/x-www-form-urlencoded' }), expected: wrongType },
    'a content type that only begins well': {
      sent: post('{}', { 'content-type': 'application/jsonx' }),
      expected: wrongType,
    },
    'an unknown content encoding': {
      sent: post('{}', { ...json, 'content-encoding': 'compress' }),
      expected: wrongType,
    },
    'two content encodings': { sent: post('{}', { ...json, 'content-encoding': 'gzip, gzip' }), expected: wrongType },
    'gzip that is none': { sent: post('{}', { ...json, 'content-encoding': 'gzip' }), expected: malformed },
    'a body over the limit': { sent: post(JSON.stringify({ id: 'x'.repeat(1 << 20) })), expected: tooLarge },
    'a body over the limit without a length': {
      sent: post(chunked('x'.repeat((1 << 20) + 1)), { ...json, 'transfer-encoding': 'chunked', 'content-length': '' }),
      expected: tooLarge,
    },
    'a gzip bomb': {
      sent: post(gzipSync(Buffer.alloc(64 << 20, 0x20)), { ...json, 'content-encoding': 'gzip' }),
      expected: tooLarge,
    },
    'a brotli bomb': {
      sent: post(brotliCompressSync(Buffer.alloc(16 << 20, 0x20)), { ...json, 'content-encoding': 'br' }),
      expected: tooLarge,
    },
    'a field of the wrong type': { sent: post('{"id":7}'), expected: invalid, detail: /^id: / },
    'a field deep inside': {
      sent: post('{"id":"7","items":[{"sku":"a","count":1},{"sku":"b","count":1000}]}'),
      expected: invalid,
      detail: /^items\[1\]\.count: /,
    },
    'an unknown route': { sent: get('/nothing'), expected: noRoute },
    'a route with another case': { sent: get('/Orders/7'), expected: noRoute },
    'a route with a slash at its end': { sent: get('/orders/7/'), expected: noRoute },
    'a route with an empty segment': { sent: get('//orders/7'), expected: noRoute },
    'a parameter that is empty': { sent: get('/orders/'), expected: noRoute },
    'an encoded slash before a literal': { sent: get('/orders/7%2Fevents'), expected: [200, '', ''] },
    'the wrong method': {
      sent: at('PUT /orders/7'),
      expected: noMethod,
      headers: { allow: 'DELETE, GET, HEAD, OPTIONS' },
    },
    'the wrong method on a static path': {
      sent: at('PATCH /orders'),
      expected: noMethod,
      headers: { allow: 'GET, HEAD, OPTIONS, POST' },
    },
    TRACE: { sent: at('TRACE /orders'), expected: noMethod },
    'a dot segment': { sent: get('/orders/../orders/7'), expected: invalidPath },
    'an encoded dot segment': { sent: get('/orders/%2e%2E/7'), expected: invalidPath },
    'a backslash': { sent: get('/orders\\7'), expected: invalidPath },
    'an encoded backslash': { sent: get('/orders/%5c7'), expected: invalidPath },
    'an encoded NUL': { sent: get('/orders/7%00'), expected: invalidPath },
    'broken percent-encoding': { sent: get('/orders/%zz'), expected: invalidPath },
    'half a percent-encoding': { sent: get('/orders/7%2'), expected: invalidPath },
    'overlong UTF-8': { sent: get('/orders/%c0%af'), expected: invalidPath },
    'a surrogate in percent-encoding': { sent: get('/orders/%ed%a0%80'), expected: invalidPath },
    'a query key twice': { sent: get('/orders?text=a&text=b'), expected: invalid, detail: /^text: / },
    'a query key twice, once encoded': { sent: get('/orders?text=a&%74ext=b'), expected: invalid },
    'a query with __proto__': { sent: get('/orders?text=a&__proto__=b'), expected: invalid },
    'a query with broken encoding': { sent: get('/orders?text=%'), expected: invalid },
    'a query with a NUL': { sent: get('/orders?text=%00'), expected: invalid },
    'a query that does not fit': { sent: get('/orders?text=a&limit=many'), expected: invalid, detail: /^limit: / },
    'a query with 10 000 keys': { sent: get(`/orders?${'a=1&'.repeat(2_000)}`), expected: invalid },
    'a path field in the body, too': { sent: at('DELETE /orders/7?id=8'), expected: invalid, detail: /^id: / },
    'a timeout that is no number': { sent: at('GET /orders/7', { 'tenon-timeout-ms': 'soon' }), expected: metadata },
    'a negative timeout': { sent: at('GET /orders/7', { 'tenon-timeout-ms': '-1' }), expected: metadata },
    'a timeout twice': {
      sent: Buffer.from(
        `GET ${prefix}/orders/7 HTTP/1.1\r\nhost: t\r\ntenon-timeout-ms: 5\r\ntenon-timeout-ms: 6\r\n\r\n`,
      ),
      expected: metadata,
    },
    'an attempt of 0': { sent: at('GET /orders/7', { 'tenon-attempt': '0' }), expected: metadata },
    'no HTTP at all': { sent: Buffer.from('EHLO example.org\r\n\r\n'), expected: notHttp },
    TLS: { sent: Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]), expected: notHttp },
    'a line break in a header': { sent: at('GET /orders/7', { 'x-a': 'b\nx-c: d\r\r\n' }), expected: notHttp },
    'a NUL in a header': { sent: at('GET /orders/7', { 'x-a': 'b\0c' }), expected: notHttp },
    'a header name with a space': { sent: at('GET /orders/7', { 'x a': 'b' }), expected: notHttp },
    'two lengths': {
      sent: Buffer.from('POST /orders HTTP/1.1\r\nhost: t\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}'),
      expected: notHttp,
    },
    'a length and chunks': {
      sent: Buffer.from(
        'POST /orders HTTP/1.1\r\nhost: t\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
      ),
      expected: notHttp,
    },
    'a length that is no number': {
      sent: at('POST /orders', { ...json, 'content-length': '+2' }, '{}'),
      expected: notHttp,
    },
    'headers of 20 KiB': { sent: at('GET /orders/7', { 'x-a': 'b'.repeat(20_000) }), expected: headersTooLarge },
    'over 100 headers': {
      sent: at('GET /orders/7', Object.fromEntries(Array.from({ length: 120 }, (_, i) => [`x-${i}`, '1']))),
      expected: headersTooLarge,
      detail: /100/,
    },
  }
}

function chunked(text: string): string {
  return `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`
}

/** Without the header lines that the table blanked out. */
export function withoutEmpty(sent: Uint8Array): Uint8Array {
  const bytes = Buffer.from(sent)
  const at = bytes.indexOf('content-length: \r\n')
  return at === -1 ? bytes : Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 'content-length: \r\n'.length)])
}

export function problemOf({ body }: RawResponse): { code?: string; reason?: string; detail?: string; status?: number } {
  return JSON.parse(body)
}

/** Fails where the answer is not the mistake's. */
export function expectAnswer(response: RawResponse | undefined, { expected, detail, headers = {} }: Mistake): void {
  const [status, code, reason] = expected
  expect(response?.status).toBe(status)
  if (status === 200 || response === undefined) return
  expect(response.headers).toMatchObject({ 'content-type': 'application/problem+json', ...headers })
  expect(problemOf(response)).toMatchObject({ status, code, reason, title: reason, type: 'about:blank' })
  if (reason !== 'INVALID_REQUEST') expect(response.headers['tenon-ran']).toBe('no')
  if (detail !== undefined) expect(problemOf(response).detail).toMatch(detail)
}
