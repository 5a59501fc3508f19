/** One endpoint over HTTP with its own codec, as in Go kit: served with `handler`, called with `endpoint`. */
import type { RequestListener } from 'node:http'
import anApp from 'express'
import { around, call, extend, failed, fromPromise, left } from 'tenon'
import { CallError, type Context, failureOf, onCancelled, testContext } from 'tenon/core'
import * as http from 'tenon/transport/http'
import * as express from 'tenon/transport/http/express'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { hostile, response } from './hostile-server.js'
import { listening } from './listening.js'
import { open, until } from './served.js'

interface Text {
  readonly s: string
}

const uppercase = fromPromise(({ s }: Text) => ({ v: s.toUpperCase() }))

const codec: http.ServerCodec<Text, { readonly v: string }> = {
  async decode(request) {
    const { s }: { readonly s?: unknown } = JSON.parse((await request.text()) || '{}')
    if (typeof s !== 'string')
      throw new CallError<never>(failureOf('invalid_argument', 'NO_TEXT', 's must be a string'))
    return { s }
  },
  encode: ({ v }) => ({ headers: { 'content-type': 'application/json' }, body: JSON.stringify({ v }) }),
}

/** Where a handler may be. */
const hosts: Readonly<
  Record<string, { readonly handler: typeof http.handler; host(listener: http.Listener): RequestListener }>
> = {
  'node:http': { handler: http.handler, host: listener => listener },
  'an Express app': {
    handler: express.handler as typeof http.handler, // it takes what that takes
    host: listener => anApp().use(listener),
  },
}

function post(address: string, body: string): Promise<Response> {
  return fetch(address, { method: 'POST', body })
}

describe.each(Object.entries(hosts))('handler of %s', (_, { handler, host }) => {
  test('serves an endpoint as go-kit does', async () => {
    const { address } = await listening(host(handler(uppercase, codec)))
    const answer = await post(address, '{"s":"hello"}')
    expect(answer.headers.get('content-type')).toBe('application/json')
    expect(await answer.json()).toEqual({ v: 'HELLO' })
  })

  test('runs its hooks in order, and gives the context on', async () => {
    const seen: string[] = []
    const whoami = fromPromise((_: Text, { user }: Context & { readonly user: string }) => ({ v: user }))
    const needy = whoami as unknown as typeof uppercase // `before` gives what it needs
    const { address } = await listening(
      host(
        handler(needy, codec, {
          before: [
            (context, { headers }) => extend(context, { user: String(headers['x-user']) }),
            (context, { method, url }) => {
              seen.push(`${method} ${url}`)
              return context
            },
          ],
          after: [
            given => ({ ...given, status: 201 }),
            given => ({ ...given, headers: { ...given.headers, 'x-after': String(given.status) } }),
          ],
          finalizer: ({ status, bytes, request }) => seen.push(`${status} ${bytes} ${request.url}`),
        }),
      ),
    )
    const answer = await fetch(`${address}/a?b`, { method: 'POST', body: '{"s":""}', headers: { 'x-user': 'ada' } })
    expect(answer.status).toBe(201)
    expect(answer.headers.get('x-after')).toBe('201')
    expect(await answer.json()).toEqual({ v: 'ada' })
    await until('the finalizer', () => seen.length === 2)
    expect(seen).toEqual(['POST /a?b', '201 11 /a?b'])
  })

  const defect = { code: 'internal', reason: 'DEFECT', status: 500 }
  const broken: Readonly<
    Record<
      string,
      { readonly codec?: object; readonly options?: object; readonly expected: object; readonly defects: number }
    >
  > = {
    'decode throwing a CallError': {
      codec: {
        decode: () => {
          throw new CallError<never>(failureOf('not_found', 'NO_SUCH', 'none'))
        },
      },
      expected: { code: 'not_found', reason: 'NO_SUCH', status: 404 },
      defects: 0,
    },
    'decode throwing': {
      codec: {
        decode: () => {
          throw new Error('secret')
        },
      },
      expected: defect,
      defects: 1,
    },
    'decode rejecting': { codec: { decode: () => Promise.reject(new Error('secret')) }, expected: defect, defects: 1 },
    'encode throwing': {
      codec: {
        encode: () => {
          throw new Error('secret')
        },
      },
      expected: defect,
      defects: 1,
    },
    'encode rejecting': { codec: { encode: () => Promise.reject(new Error('secret')) }, expected: defect, defects: 1 },
    'a header with a line break': {
      codec: { encode: () => ({ headers: { 'x-a': 'b\r\nx-c: d' } }) },
      expected: defect,
      defects: 1,
    },
    'a header name with a space': {
      codec: { encode: () => ({ headers: { 'x a': 'b' } }) },
      expected: defect,
      defects: 1,
    },
    'a length of its own': {
      codec: { encode: () => ({ headers: { 'Content-Length': '5' }, body: '{}' }) },
      expected: defect,
      defects: 1,
    },
    'a status of 99': { codec: { encode: () => ({ status: 99 }) }, expected: defect, defects: 1 },
    'a status of NaN': { codec: { encode: () => ({ status: Number.NaN }) }, expected: defect, defects: 1 },
    'encodeFailure throwing': {
      codec: {
        decode: () => {
          throw new CallError<never>(failureOf('not_found', 'NO_SUCH', 'none'))
        },
        encodeFailure: () => {
          throw new Error('secret')
        },
      },
      expected: defect,
      defects: 1,
    },
    'before throwing': {
      options: {
        before: [
          () => {
            throw new Error('secret')
          },
        ],
      },
      expected: defect,
      defects: 1,
    },
    'before throwing a CallError': {
      options: {
        before: [
          () => {
            throw new CallError<never>(failureOf('unauthenticated', 'NO_TOKEN', 'who?'))
          },
        ],
      },
      expected: { code: 'unauthenticated', reason: 'NO_TOKEN', status: 401 },
      defects: 0,
    },
    'after throwing': {
      options: {
        after: [
          () => {
            throw new Error('secret')
          },
        ],
      },
      expected: defect,
      defects: 1,
    },
  }
  test.for(Object.entries(broken))('answers for %s', async ([, { codec: own, options, expected, defects }]) => {
    const reported: unknown[] = []
    const failures: unknown[] = []
    const { address } = await listening(
      host(
        handler(
          uppercase,
          { ...codec, ...own },
          {
            ...options,
            onDefect: thrown => void reported.push(thrown),
            onFailure: failure => void failures.push(failure),
          },
        ),
      ),
    )
    const answer = await post(address, '{"s":"hello"}')
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
    const text = await answer.text()
    expect({ ...JSON.parse(text), status: answer.status }).toMatchObject(expected)
    expect(text).not.toContain('secret')
    expect(reported).toHaveLength(defects)
    expect(failures).toHaveLength(1)
  })

  test('observers that throw change nothing', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => {})
    const { address } = await listening(
      host(
        handler(uppercase, codec, {
          onFailure: () => {
            throw new Error('observer')
          },
          finalizer: () => {
            throw new Error('observer')
          },
        }),
      ),
    )
    expect((await post(address, '{}')).status).toBe(400)
    expect((await post(address, '{"s":"x"}')).status).toBe(200)
  })

  test('a domain failure needs an encodeFailure; without one it is a defect', async () => {
    const failing = fromPromise((_: Text) => left({ _tag: 'OutOfStock', details: { sku: 'a' } } as const))
    const reported: unknown[] = []
    const onDefect = (thrown: unknown) => void reported.push(thrown)
    const plain = await listening(host(handler(failing, codec as never, { onDefect })))
    expect(await (await post(plain.address, '{"s":"x"}')).json()).toMatchObject({ reason: 'UNDECLARED_FAILURE' })
    expect(reported).toHaveLength(1)
    const encodeFailure = (failure: { readonly _tag: string }) => ({ status: 409, body: failure._tag })
    const encoded = await listening(host(handler(failing, { ...codec, encodeFailure } as never)))
    const answer = await post(encoded.address, '{"s":"x"}')
    expect([answer.status, await answer.text()]).toEqual([409, 'OutOfStock'])
  })

  test('a failure of another service is not passed on as the caller s own mistake', async () => {
    const failing = fromPromise((_: Text) => left(failureOf('not_found', 'NO_SUCH', 'none', { peer: 'elsewhere' })))
    const { address } = await listening(host(handler(failing, codec as never)))
    expect(await (await post(address, '{"s":"x"}')).json()).toMatchObject({
      code: 'internal',
      reason: 'DEPENDENCY_REJECTED',
    })
  })

  test('a body over the limit, a malformed one, and a timeout that is none are refused', async () => {
    const { address } = await listening(host(handler(uppercase, codec, { maxBodyBytes: 100 })))
    expect((await post(address, JSON.stringify({ s: 'x'.repeat(200) }))).status).toBe(413)
    const bad = await fetch(address, { method: 'POST', body: '{"s":"x"}', headers: { 'tenon-timeout-ms': 'soon' } })
    expect(await bad.json()).toMatchObject({ reason: 'INVALID_METADATA' })
  })

  test('a caller that goes away cancels the call; one listener a connection, however many requests', async () => {
    const cancelled: string[] = []
    let begun = 0
    const warnings: Error[] = []
    const warn = (warning: Error) => void warnings.push(warning)
    process.on('warning', warn)
    const waiting = fromPromise(
      (_: Text, context: Context) =>
        new Promise<{ v: string }>(resolve => {
          begun++
          onCancelled(context, ({ reason }) => {
            cancelled.push(reason)
            resolve({ v: '' })
          })
        }),
    )
    const { port } = await listening(host(handler(waiting, codec)))
    const one = 'POST / HTTP/1.1\r\nhost: t\r\ncontent-length: 9\r\n\r\n{"s":"x"}'
    const connection = open(port).write(one.repeat(30))
    await until('the calls', () => begun === 30)
    connection.end()
    await until('the cancellations', () => cancelled.length === 30)
    expect(new Set(cancelled)).toEqual(new Set(['CANCELLED']))
    process.off('warning', warn)
    expect(warnings).toEqual([])
  })

  test('a call ends at its deadline', async () => {
    const never = fromPromise((_: Text) => new Promise<{ v: string }>(() => {}))
    const { address } = await listening(host(handler(never, codec, { deadlineMs: 60_000 })))
    const answer = await fetch(address, { method: 'POST', body: '{"s":"x"}', headers: { 'tenon-timeout-ms': '50' } })
    expect(answer.status).toBe(504)
  })
})

describe.for(['undici', 'node'] as const)('endpoint with %s', stack => {
  const clientCodec: http.ClientCodec<Text, { readonly v: string }> = {
    encode: ({ s }) => ({ headers: { 'content-type': 'application/json' }, body: JSON.stringify({ s }) }),
    decode: answer => http.decodeSuccess(answer).json() as { readonly v: string },
  }
  function endpointOf(address: string, own: object = {}, options: http.EndpointOptions = {}) {
    const made = http.endpoint(address, { ...clientCodec, ...own }, { stack, ...options })
    onTestFinished(() => made.close())
    return made
  }

  test('calls what handler serves', async () => {
    const { address } = await listening(http.handler(uppercase, codec))
    expect(await call(endpointOf(address), { s: 'hello' })).toEqual({ _tag: 'Right', right: { v: 'HELLO' } })
    expect(await call(endpointOf(address), { s: 7 } as never)).toMatchObject({
      left: { code: 'invalid_argument', reason: 'NO_TEXT', message: 's must be a string', peer: new URL(address).host },
    })
  })

  test('runs its hooks', async () => {
    const seen: unknown[] = []
    const { address, requests } = await hostile(socket => socket.write(response('200 OK', {}, '{"v":"x"}')))
    const made = endpointOf(
      address,
      {},
      {
        before: [
          given => ({ ...given, headers: { ...given.headers, 'x-a': '1' } }),
          given => ({
            ...given,
            path: '/b?c=d',
            headers: { ...given.headers, 'x-n': String(Object.keys(given.headers ?? {}).length) },
          }),
        ],
        after: ({ status }) => seen.push(status),
        onFailure: failure => seen.push(failure),
        finalizer: ({ outcome, status }) => seen.push(`${outcome._tag} ${status}`),
      },
    )
    expect(await call(made, { s: 'x' }, { outgoing: { 'x-m': '3', 'x-a': 'overwritten' } })).toMatchObject({
      right: { v: 'x' },
    })
    expect(requests[0]).toMatch(/^POST \/b\?c=d HTTP/)
    expect(requests[0]).toMatch(/^x-m: 3$/im)
    expect(requests[0]).toMatch(/^x-a: 1$/im)
    expect(requests[0]).toMatch(/^x-n: 2$/im)
    expect(requests[0]).not.toContain('overwritten')
    expect(seen).toEqual([200, 'Right 200'])
  })

  test('sends a GET with a body so that the server finds its end', async () => {
    const { address, requests } = await hostile(socket => socket.write(response('200 OK', {}, '{"v":"x"}')))
    const made = endpointOf(address, { encode: ({ s }: Text) => ({ method: 'GET', path: '/x', body: s }) })
    for (let i = 0; i < 2; i++)
      expect(await call(made, { s: 'GET / HTTP/1.1\r\n\r\n' })).toMatchObject({ right: { v: 'x' } })
    expect(requests).toHaveLength(2)
    expect(requests[0]).toMatch(/^GET \/x HTTP\/1.1/)
    expect(requests[0]).toMatch(/content-length: 18/i)
  })

  const unsendable: Readonly<Record<string, { readonly request: http.EndpointRequest; readonly reason: string }>> = {
    'a header with a line break': { request: { headers: { 'x-a': 'b\r\nc: d' } }, reason: 'INVALID_METADATA' },
    'a header name with a line break': { request: { headers: { 'x\r\na': 'b' } }, reason: 'INVALID_METADATA' },
    'a header that is no text': { request: { headers: { 'x-a': 7 as never } }, reason: 'INVALID_METADATA' },
    'a header beyond latin1': { request: { headers: { 'x-a': '\u{1f375}' } }, reason: 'INVALID_METADATA' },
    'a length of its own': { request: { headers: { 'Content-Length': '1' }, body: 'abc' }, reason: 'INVALID_METADATA' },
    'chunks of its own': { request: { headers: { 'Transfer-Encoding': 'chunked' } }, reason: 'INVALID_METADATA' },
    'an expectation': { request: { headers: { Expect: '100-continue' } }, reason: 'INVALID_METADATA' },
    'a path with a space': { request: { path: '/a b' }, reason: 'INVALID_PATH' },
    'a path with a line break': { request: { path: '/a\r\nx: y' }, reason: 'INVALID_PATH' },
    'a path beyond ASCII': { request: { path: '/\u00e9' }, reason: 'INVALID_PATH' },
    'a path that is none': { request: { path: 'a' }, reason: 'INVALID_PATH' },
    'a path with a fragment': { request: { path: '/a#b' }, reason: 'INVALID_PATH' },
    'a method with a space': { request: { method: 'GET /x HTTP/1.1\r\n\r\nGET' }, reason: 'INVALID_REQUEST' },
    'a method in small letters': { request: { method: 'get' }, reason: 'INVALID_REQUEST' },
    CONNECT: { request: { method: 'CONNECT' }, reason: 'INVALID_REQUEST' },
  }
  test.for(Object.entries(unsendable))('sends nothing for %s', async ([, { request, reason }]) => {
    const { address, requests } = await hostile(socket => socket.write(response('200 OK', {}, '{"v":"x"}')))
    const made = endpointOf(address, { encode: () => request }, { maxCalls: 1 })
    for (let i = 0; i < 2; i++)
      expect(await call(made, { s: 'x' })).toMatchObject({ left: { code: 'invalid_argument', reason, ran: 'no' } })
    expect(requests).toEqual([])
  })

  test.for(['content-length', 'transfer-encoding', 'host', 'connection', 'tenon-timeout-ms', 'tenon-ran'])(
    'sends nothing for metadata named %s',
    async name => {
      const { address, requests } = await hostile(socket => socket.write(response('200 OK', {}, '{"v":"x"}')))
      expect(await call(endpointOf(address), { s: 'x' }, { outgoing: { [name]: '1' } })).toMatchObject({
        left: { code: 'invalid_argument', reason: 'INVALID_METADATA', ran: 'no' },
      })
      expect(requests).toEqual([])
    },
  )

  test('a codec that throws is a defect, or the failure it throws; the finalizer hears of both', async () => {
    const { address } = await hostile(socket => socket.write(response('200 OK', {}, 'no json')))
    const outcomes: unknown[] = []
    const options = {
      finalizer: (outcome: unknown) => void outcomes.push(outcome),
      onFailure: (failure: unknown) => void outcomes.push(failure),
    }
    const throwing = { decode: ({ text }: http.EndpointResponse) => JSON.parse(text) }
    expect(
      await call(endpointOf(address, throwing, options), { s: 'x' }, { context: testContext({ onDefect: () => {} }) }),
    ).toMatchObject({ left: { reason: 'DEFECT' } })
    const failing = () => {
      throw new CallError<never>(failureOf('data_loss', 'ODD', 'odd'))
    }
    expect(await call(endpointOf(address, { decode: failing }, options), { s: 'x' })).toMatchObject({
      left: { reason: 'ODD' },
    })
    expect(await call(endpointOf(address, { encode: failing }, options), { s: 'x' })).toMatchObject({
      left: { reason: 'ODD' },
    })
    expect(outcomes).toHaveLength(6)
  })
})

describe('decodeSuccess', () => {
  test.for([400, 404, 500, 503])('fails for %s', status => {
    expect(() => http.decodeSuccess(answered({ status }))).toThrow(/UNEXPECTED_RESPONSE/)
  })
  test('gives the response otherwise', () => {
    expect(http.decodeSuccess(answered({ status: 302, text: 'x' }))).toMatchObject({ text: 'x' })
  })
  test.for([
    ['no problem details', { headers: { 'content-type': 'text/html' }, text: '<h1>404</h1>' }],
    [
      'those of another maker',
      { headers: { 'content-type': 'application/problem+json' }, text: '{"title":"Not Found"}' },
    ],
    ['broken ones', { headers: { 'content-type': 'application/problem+json' }, text: '{"code":"not_found"' }],
    ['ones under another type', { text: '{"code":"not_found","reason":"NO_SUCH_THING"}' }],
  ] as const)('goes by the status for %s', ([, more]) => {
    const failure = thrownBy(() => http.decodeSuccess(answered({ status: 404, ...more })))
    expect(failure).toMatchObject({
      code: 'unimplemented',
      reason: 'UNEXPECTED_RESPONSE',
      peer: 'a:1',
      details: { status: 404 },
    })
  })
  test('names a domain failure, which nothing here declares', () => {
    const headers = { 'content-type': 'application/problem+json; charset=utf-8' }
    const text = '{"code":"failed_precondition","reason":"OutOfStock","details":{"sku":"a"}}'
    expect(thrownBy(() => http.decodeSuccess(answered({ status: 400, headers, text })))).toMatchObject({
      code: 'failed_precondition',
      reason: 'UNKNOWN_DOMAIN_FAILURE',
      peer: 'a:1',
      details: { tag: 'OutOfStock', details: { sku: 'a' } },
    })
  })
  test.for(['undici', 'node'] as const)('gives the failure of a handler as it was, with %s', async stack => {
    const details = { id: 7 }
    const failing = fromPromise(({ s }: Text) =>
      failed('not_found', 'NO_SUCH_THING', `there is no ${s}`, { details, retryAfterMs: 1_500 }),
    )
    const refusing = around({
      name: 'refuse',
      enter: () => failed('unavailable', 'CLOSED', 'come back', { ran: 'no' }),
    })
    for (const [served, expected] of [
      [
        failing,
        {
          code: 'not_found',
          reason: 'NO_SUCH_THING',
          message: 'there is no tea',
          details,
          retryAfterMs: 1_500,
          ran: 'maybe',
        },
      ],
      [refusing(failing), { code: 'unavailable', reason: 'CLOSED', message: 'come back', ran: 'no' }],
    ] as const) {
      const { address } = await listening(http.handler(served, { ...codec, encode: () => ({}) }))
      const calling = http.endpoint<Text, unknown>(
        address,
        { encode: json => http.json(json), decode: answer => http.decodeSuccess(answer).json() },
        { stack },
      )
      onTestFinished(() => calling.close())
      const { host: peer } = new URL(address)
      expect(await call(calling, { s: 'tea' })).toEqual({ _tag: 'Left', left: { _tag: 'Failure', ...expected, peer } })
    }
  })
  test('json of a body that is none is the fault of whoever sent it', async () => {
    const { address } = await listening((_, to) => void to.end('<h1>'))
    const calling = http.endpoint<object, unknown>(address, { encode: () => ({}), decode: answer => answer.json() })
    onTestFinished(() => calling.close())
    expect(await call(calling, {})).toMatchObject({
      left: { code: 'internal', reason: 'INVALID_RESPONSE', peer: new URL(address).host, details: { status: 200 } },
    })
  })
})

function answered(more: Partial<http.EndpointResponse>): http.EndpointResponse {
  return { status: 200, headers: {}, text: '', peer: 'a:1', json: () => undefined, ...more }
}

function thrownBy(work: () => unknown): unknown {
  try {
    return work()
  } catch (thrown) {
    return (thrown as CallError).failure // what `decodeSuccess` throws
  }
}
