/** Bodies that stream through `handler` and `endpoint`: limits, back-pressure, ends on either side, and what the finalizer is told. */
import { type Context, call, callOrThrow, failed, fromPromise, manualClock, testContext } from 'tenon'
import { CallError, failureOf } from 'tenon/core'
import * as http from 'tenon/transport/http'
import { describe, expect, onTestFinished, test } from 'vitest'
import { listening } from './listening.js'
import { ask, open, until } from './served.js'

/** A stream that counts what is pulled, and says when it was closed. */
function watched(chunk: Uint8Array | string, most = Number.POSITIVE_INFINITY) {
  const state = { pulled: 0, closed: false }
  async function* chunks(): AsyncGenerator<Uint8Array | string> {
    try {
      while (state.pulled < most) {
        state.pulled++
        yield chunk
      }
    } finally {
      state.closed = true
    }
  }
  return { state, chunks }
}

const silent: AsyncIterable<Uint8Array> = { [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) }
const passing: http.ServerCodec<object, AsyncIterable<Uint8Array | string>> = {
  decode: () => ({}),
  encode: body => ({ body }),
}

describe('handler', () => {
  /** What the finalizer was told, when it was. */
  function finishing(): { readonly seen: http.Finished[]; readonly finalizer: (finished: http.Finished) => void } {
    const seen: http.Finished[] = []
    return { seen, finalizer: finished => void seen.push(finished) }
  }

  test('reads a request as it comes, within its limit', async () => {
    const { seen, finalizer } = finishing()
    const count = fromPromise(async (body: AsyncIterable<Uint8Array>) => {
      let bytes = 0
      for await (const chunk of body) bytes += chunk.length
      return { bytes }
    })
    const { port } = await listening(
      http.handler(count, { decode: request => request.chunks(1000), encode: each => http.json(each) }, { finalizer }),
    )
    const chunked = (body: string): string =>
      `POST / HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
    const declared = 'POST / HTTP/1.1\r\nhost: t\r\ncontent-length: 1001\r\n\r\n'
    expect(await ask(port, chunked('x'.repeat(1000)))).toMatchObject({ status: 200, body: '{"bytes":1000}' })
    expect(await ask(port, chunked('x'.repeat(1001)))).toMatchObject({ status: 413 })
    expect((await ask(port, declared))?.body).toContain('BODY_TOO_LARGE') // nothing of it has come
    expect(await ask(port, 'GET / HTTP/1.1\r\nhost: t\r\n\r\n')).toMatchObject({ body: '{"bytes":0}' })
    await until('the finalizers', () => seen.length === 4)
    expect(seen.map(({ requestBytes, status }) => [requestBytes, status])).toEqual([
      [1000, 200],
      [1001, 413],
      [0, 413],
      [0, 200],
    ])
  })

  test('a caller that leaves in the middle of its body ends whoever reads it', async () => {
    const heard: unknown[] = []
    const read = fromPromise(async (body: AsyncIterable<Uint8Array>) => {
      try {
        for await (const chunk of body) heard.push(Buffer.from(chunk).toString())
      } catch (thrown) {
        heard.push((thrown as CallError).failure)
      }
      return {}
    })
    const { port } = await listening(
      http.handler(read, { decode: request => request.chunks(1000), encode: each => http.json(each) }),
    )
    const connection = open(port).write('POST / HTTP/1.1\r\nhost: t\r\ncontent-length: 9\r\n\r\nabc')
    await until('the first chunk', () => heard.length === 1)
    connection.end()
    await until('the end', () => heard.length === 2)
    expect(heard).toMatchObject(['abc', { reason: 'CANCELLED' }])
  })

  test('a body is read once', async () => {
    const defects: unknown[] = []
    const twice: http.ServerCodec<object, object> = {
      async decode(request) {
        await request.text()
        return request.chunks(10)
      },
      encode: each => http.json(each),
    }
    const onDefect = (thrown: unknown): void => void defects.push(thrown)
    const { port } = await listening(
      http.handler(
        fromPromise(async (_: object) => ({})),
        twice,
        { onDefect },
      ),
    )
    expect(await ask(port, 'POST / HTTP/1.1\r\nhost: t\r\ncontent-length: 2\r\n\r\n{}')).toMatchObject({ status: 500 })
    expect(String(defects)).toContain('only once')
  })

  test('sends a body as it comes; a reader that is slow makes it wait, one that leaves closes it', async () => {
    const { seen, finalizer } = finishing()
    const { state, chunks } = watched(Buffer.alloc(64 * 1024))
    const { port } = await listening(
      http.handler(
        fromPromise(async (_: object) => chunks()),
        passing,
        { finalizer },
      ),
    )
    const connection = open(port)
    connection.socket.pause()
    connection.write('GET / HTTP/1.1\r\nhost: t\r\n\r\n')
    let before = -1
    await until('the sender to wait', () => {
      const isStill = state.pulled === before && state.pulled > 1
      before = state.pulled
      return isStill
    })
    expect(state.pulled).toBeLessThan(1000) // 64 MB; it would go on for ever
    expect(seen).toEqual([])
    connection.end()
    await until('its end', () => state.closed && seen.length === 1)
    expect(seen).toMatchObject([{ status: 200, outcome: 'gone' }])
    expect(seen[0]?.bytes).toBe(state.pulled * 64 * 1024)
  })

  test('a caller that leaves ends a body that says nothing', async () => {
    const { seen, finalizer } = finishing()
    const { port } = await listening(
      http.handler(
        fromPromise(async (_: object) => silent),
        passing,
        { finalizer },
      ),
    )
    const connection = open(port).write('GET / HTTP/1.1\r\nhost: t\r\n\r\n')
    let head = ''
    connection.socket.on('data', data => {
      head += data
    })
    await until('the head', () => head.includes('200 OK'))
    connection.end()
    await until('the finalizer', () => seen.length === 1)
    expect(seen).toMatchObject([{ bytes: 0, outcome: 'gone' }])
  })

  test.for([
    ['the response of the endpoint', (_: object) => silent, passing],
    ['made by the codec', (_: object) => ({}), { ...passing, encode: () => ({ body: silent }) }],
  ] as const)('a body that is late is broken off: %s', async ([, run, codec]) => {
    const { seen, finalizer } = finishing()
    const clock = manualClock()
    const failures: unknown[] = []
    const onFailure = (failure: unknown): void => void failures.push(failure)
    const options = { finalizer, clock, deadlineMs: 5_000, onFailure }
    const { port } = await listening(http.handler(fromPromise(run as (_: object) => never), codec as never, options))
    const connection = open(port).write('GET / HTTP/1.1\r\nhost: t\r\n\r\n')
    let head = ''
    connection.socket.on('data', data => {
      head += data
    })
    await until('the head', () => head.includes('200 OK'))
    await clock.advance(4_990)
    expect(seen).toEqual([])
    await clock.advance(100)
    await connection.closed
    await until('the finalizer', () => seen.length === 1)
    expect(seen).toMatchObject([{ outcome: 'broken', failure: { reason: 'DEADLINE_EXCEEDED' } }])
    expect(seen[0]?.durationMs).toBeGreaterThanOrEqual(5_000)
    expect(failures).toMatchObject([{ reason: 'DEADLINE_EXCEEDED' }])
    expect(clock.pendingTimers).toBe(0)
  })

  test('a body has the length that is said, or breaks off', async () => {
    const { seen, finalizer } = finishing()
    const codec: http.ServerCodec<number, AsyncIterable<Uint8Array | string>> = {
      decode: ({ url }) => Number(url.slice(1)),
      encode: body => ({ body, length: 3 }),
    }
    const run = fromPromise(async (count: number) => watched('x', count).chunks())
    const { port } = await listening(http.handler(run, codec, { finalizer }))
    const get = (count: number, method = 'GET'): string => `${method} /${count} HTTP/1.1\r\nhost: t\r\n\r\n`
    expect(await ask(port, get(3))).toMatchObject({ headers: { 'content-length': '3' }, body: 'xxx' })
    expect(await ask(port, get(3, 'HEAD'), false)).toMatchObject({ headers: { 'content-length': '3' } })
    for (const count of [2, 4]) expect((await ask(port, get(count)))?.body ?? 'cut').not.toBe('xx')
    await until('the finalizers', () => seen.length === 4)
    expect(seen.map(({ failure }) => failure && 'reason' in failure && failure.reason)).toEqual([
      undefined,
      undefined,
      'STREAM_BROKEN',
      'STREAM_BROKEN',
    ])
  })

  test('HEAD has the headers of a stream, which is closed unread', async () => {
    const { seen, finalizer } = finishing()
    const { state, chunks } = watched('x', 3)
    let made = 0
    const run = fromPromise(async (_: object) => {
      made++
      return chunks()
    })
    const { port } = await listening(http.handler(run, passing, { finalizer }))
    expect(await ask(port, 'HEAD / HTTP/1.1\r\nhost: t\r\n\r\n', false)).toMatchObject({ status: 200 })
    await until('the finalizer', () => seen.length === 1)
    expect([made, state.pulled, seen[0]?.bytes]).toEqual([1, 0, 0])
  })

  test.for([
    ['encode throws', { ...passing, encode: () => fail() }, {}],
    ['after throws', passing, { after: [() => fail()] }],
    ['encode leaves it', { ...passing, encode: () => ({ body: 'none' }) }, {}],
  ] as const)('a stream that will not be sent is closed: %s', async ([, codec, options]) => {
    let closed = 0
    const stream: AsyncIterable<string> = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise(() => {}),
        async return() {
          closed++
          return { done: true, value: undefined }
        },
      }),
    }
    const run = fromPromise(async (_: object) => stream)
    const { port } = await listening(http.handler(run, codec as never, { ...options, onDefect: () => {} }))
    await ask(port, 'GET / HTTP/1.1\r\nhost: t\r\n\r\n')
    await until('its end', () => closed === 1)
  })

  test('before refuses without a byte of the body being read, and what the reply says is sent', async () => {
    const { seen, finalizer } = finishing()
    const hello = fromPromise(async (_: object, context: Context) => {
      context.reply.status = 202
      context.reply.header('x-reply', 'said')
      context.reply.header('content-type', 'text/never')
      context.reply.header('set-cookie', 'a=1')
      context.reply.header('set-cookie', 'b=2')
      context.reply.header('x-peer', String(context.peer.address))
      return { v: 'hello' }
    })
    const codec: http.ServerCodec<object, object> = {
      decode: async request => (await request.json()) as object,
      encode: each => http.json(each),
    }
    const { port } = await listening(
      http.handler(hello, codec, {
        finalizer,
        before: [
          (context, { headers }) => {
            if (headers['x-key'] === 'k') return context
            throw new CallError(failureOf('unauthenticated', 'NO_KEY', 'who?'))
          },
        ],
        after: [http.setHeader('X-After', 'yes')],
      }),
    )
    const post = (header: string): string => `POST / HTTP/1.1\r\nhost: t\r\n${header}content-length: 2\r\n\r\n{}`
    expect(await ask(port, post(''))).toMatchObject({ status: 401, headers: { 'x-after': 'yes', 'tenon-ran': 'no' } })
    const answer = await ask(port, post('x-key: k\r\n'))
    expect(answer).toMatchObject({ status: 202, body: '{"v":"hello"}' })
    expect(answer?.headers).toMatchObject({ 'set-cookie': 'a=1\nb=2', 'x-peer': '127.0.0.1' })
    expect(answer?.headers).toMatchObject({ 'x-reply': 'said', 'content-type': 'application/json', 'x-after': 'yes' })
    await until('the finalizers', () => seen.length === 2)
    expect(seen).toMatchObject([
      { requestBytes: 0, status: 401, outcome: 'sent', failure: { reason: 'NO_KEY' } },
      { requestBytes: 2, bytes: 13, status: 202, headers: { 'x-after': 'yes', 'x-reply': 'said' } },
    ])
  })

  test('an endpoint that needs what HTTP says does not compile without it', () => {
    const needy = fromPromise(async (_: object, { http: { method } }: Context & http.WithRequestInfo) => ({ method }))
    const codec: http.ServerCodec<object, object> = { decode: () => ({}), encode: each => http.json(each) }
    // @ts-expect-error nothing supplies it
    http.handler(needy, codec)
    http.handler(needy, codec, { provide: http.requestInfo })
  })

  test.for([{ maxBodyBytes: Number.NaN }, { maxBodyBytes: 0 }, { deadlineMs: 0 }, { deadlineMs: Number.NaN }])(
    'makes nothing of %o',
    options => {
      expect(() =>
        http.handler(
          fromPromise(async (_: object) => silent),
          passing,
          options,
        ),
      ).toThrow(RangeError)
    },
  )
})

function fail(): never {
  throw new Error('secret')
}

describe.for(['undici', 'node'] as const)('endpoint with %s', stack => {
  const codec: http.ClientCodec<AsyncIterable<Uint8Array>, AsyncIterable<Uint8Array>> = {
    encode: body => ({ body }),
    decode: response => {
      http.decodeSuccess(response)
      throw new Error('a response that is no stream')
    },
    open: ({ body }) => body,
  }
  function streaming(address: string, options: http.EndpointOptions = {}) {
    const called: http.Called[] = []
    const made = http.endpoint(address, codec, { stack, finalizer: each => void called.push(each), ...options })
    onTestFinished(() => made.close())
    return { made, called }
  }
  async function* none(): AsyncGenerator<Uint8Array> {}

  test('a response over its limit fails its reader and closes the connection', async () => {
    const { state, chunks } = watched(Buffer.alloc(1000))
    const { address } = await listening(
      http.handler(
        fromPromise(async (_: object) => chunks()),
        passing,
      ),
    )
    const { made, called } = streaming(address, { maxStreamBytes: 5_000 })
    let bytes = 0
    await expect(
      (async () => {
        for await (const chunk of await callOrThrow(made, none())) bytes += chunk.length
      })(),
    ).rejects.toMatchObject({ failure: { reason: 'RESPONSE_TOO_LARGE', peer: new URL(address).host } })
    expect(bytes).toBeLessThanOrEqual(5_000)
    await until('the server to hear of it', () => state.closed)
    expect(called).toMatchObject([{ failure: { reason: 'RESPONSE_TOO_LARGE' } }])
  })

  test('the deadline ends a response that is on its way, and the server hears of it', async () => {
    const heard: unknown[] = []
    const { address } = await listening(
      http.handler(
        fromPromise(async (_: object) => silent),
        passing,
        { finalizer: each => void heard.push(each) },
      ),
    )
    const { made, called } = streaming(address)
    const clock = manualClock()
    const outcome = await call(made, none(), { context: testContext({ clock }), deadlineMs: 60_000 })
    if (outcome._tag === 'Left') throw new Error(outcome.left.reason)
    const next = outcome.right[Symbol.asyncIterator]().next()
    await Promise.all([
      clock.advance(60_000),
      expect(next).rejects.toMatchObject({
        failure: { reason: 'DEADLINE_EXCEEDED' },
      }),
    ])
    expect(called).toMatchObject([{ status: 200, failure: { reason: 'DEADLINE_EXCEEDED' } }])
    await until('the server to hear of it', () => heard.length === 1)
  })

  test('a body that throws is why the call failed, not the connection that it cost', async () => {
    const { address } = await listening(
      http.handler(
        fromPromise(async (body: AsyncIterable<Uint8Array>) => {
          for await (const _ of body);
          return {}
        }),
        { decode: request => request.chunks(1e6), encode: each => http.json(each) },
      ),
    )
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('some')
      throw new CallError(failureOf('data_loss', 'DISK', 'the file is broken'))
    }
    const { made, called } = streaming(address)
    expect(await call(made, failing())).toMatchObject({ left: { reason: 'DISK' } })
    expect(called).toMatchObject([{ requestBytes: 4, failure: { reason: 'DISK' } }])
  })

  test.for(['refused', 'closed'])('a body that cannot be sent is closed: %s', async how => {
    const { address, server } = await listening(() => {})
    const { made, called } = streaming(address)
    if (how === 'closed') await made.close()
    else {
      server.close()
      await new Promise(resolve => setImmediate(resolve))
    }
    let closed = 0
    const body: AsyncIterable<Uint8Array> = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise(() => {}),
        async return() {
          closed++
          return { done: true, value: undefined }
        },
      }),
    }
    expect(await call(made, body)).toMatchObject({ left: { ran: 'no' } })
    await until('its end', () => closed > 0)
    expect(called).toHaveLength(1)
  })

  test('a failure of the server is read whole, and an open that throws closes the response', async () => {
    const { address } = await listening(
      http.handler(
        fromPromise(async (_: object) => failed('not_found', 'NONE', 'there is none')),
        {
          decode: () => ({}),
          encode: () => ({}),
        },
      ),
    )
    const { made } = streaming(address)
    expect(await call(made, none())).toMatchObject({
      left: { code: 'not_found', reason: 'NONE', message: 'there is none' },
    })

    const { state, chunks } = watched(Buffer.alloc(100_000))
    const other = await listening(
      http.handler(
        fromPromise(async (_: object) => chunks()),
        passing,
      ),
    )
    const throwing = http.endpoint(
      other.address,
      {
        ...codec,
        open: () => {
          throw new CallError<never>(failureOf('data_loss', 'ODD', 'odd'))
        },
      },
      { stack },
    )
    onTestFinished(() => throwing.close())
    expect(await call(throwing, none())).toMatchObject({ left: { reason: 'ODD' } })
    await until('its end', () => state.closed)
  })

  test('bytes are a body of known length', async () => {
    const { address } = await listening((request, response) => {
      request.on('data', data => response.write(data))
      request.on('end', () => response.end(` ${request.headers['content-length']}`))
    })
    const made = http.endpoint<Uint8Array, string>(
      address,
      { encode: body => ({ method: 'GET', body }), decode: ({ text }) => text },
      { stack },
    )
    onTestFinished(() => made.close())
    expect(await callOrThrow(made, Buffer.from('bytes'))).toBe('bytes 5')
  })
})

describe('explicitEndpoint', () => {
  const codec: http.ClientCodec<string, string, never, http.ExplicitRequest> = {
    encode: url => ({ url, method: 'GET' }),
    decode: ({ text }) => text,
  }

  test('keeps the connections of so many servers, and lets go of the one that was longest not called', async () => {
    const closed: number[] = []
    const servers = await Promise.all(
      [0, 1, 2].map(index =>
        listening((request, response) => {
          if (request.socket.listenerCount('close', noted) === 0) request.socket.on('close', noted)
          function noted(): void {
            closed.push(index)
          }
          response.end(String(index))
        }),
      ),
    )
    const made = http.explicitEndpoint(codec, { maxOrigins: 2 })
    onTestFinished(() => made.close())
    for (const at of [0, 1, 0, 2]) expect(await callOrThrow(made, servers[at]?.address ?? '')).toBe(String(at))
    await until('a connection to be closed', () => closed.length > 0)
    expect(new Set(closed)).toEqual(new Set([1]))
    await made.close()
    expect(await call(made, servers[0]?.address ?? '')).toMatchObject({ left: { reason: 'CLIENT_CLOSED', ran: 'no' } })
  })

  test('calls no further server while all have calls going on', async () => {
    const waiting = await listening(() => {})
    const other = await listening((_, response) => void response.end())
    const made = http.explicitEndpoint(codec, { maxOrigins: 1 })
    const gone = new AbortController()
    const pending = call(made, waiting.address, { signal: gone.signal })
    await until('the call', () => waiting.server.listening)
    await new Promise(resolve => setImmediate(resolve))
    expect(await call(made, other.address)).toMatchObject({ left: { reason: 'TOO_MANY_CALLS', ran: 'no' } })
    gone.abort()
    await pending
    await made.close()
  })

  test.for([
    '',
    'relative',
    'ftp://a.test/',
    'file:///etc/passwd',
    'http://ada:secret@a.test/',
    'http://[::1',
    'javascript:1',
  ])('sends nothing to %j', async url => {
    const made = http.explicitEndpoint(codec)
    expect(await call(made, url)).toMatchObject({
      left: { code: 'invalid_argument', reason: 'INVALID_REQUEST', ran: 'no' },
    })
    await made.close()
  })

  test.for([{ maxOrigins: 0 }, { maxStreamBytes: -1 }, { maxCalls: Number.NaN }])('makes nothing of %o', options => {
    expect(() => http.explicitEndpoint(codec, options)).toThrow(RangeError)
  })
})

describe('json, problem, setHeader', () => {
  test('json has no body where the status allows none', () => {
    expect(http.json({ a: 1 }, { status: 204 })).toEqual({ status: 204, headers: {}, body: '' })
    expect(http.json({ a: 1n }, { method: 'PUT', headers: { 'content-type': 'text/json' } })).toEqual({
      method: 'PUT',
      headers: { 'content-type': 'text/json' },
      body: '{"a":"1"}',
    })
    expect(() => http.json({ a: () => {} })).toThrow()
  })

  test('problem takes a status of its own', () => {
    const failure = failureOf('unavailable', 'BAD', 'bad', { retryAfterMs: 1500 })
    expect(http.problem(failure).status).toBe(503)
    expect(http.problem(failure, { status: 502, headers: { 'x-a': 'b' } })).toMatchObject({
      status: 502,
      headers: { 'retry-after': '2', 'x-a': 'b', 'content-type': 'application/problem+json' },
    })
  })

  test('setHeader replaces a header, whatever its letters', () => {
    expect(http.setHeader('X-A', '2')({ headers: { 'x-a': '1', b: '3' } })).toEqual({ headers: { 'X-A': '2', b: '3' } })
  })
})
