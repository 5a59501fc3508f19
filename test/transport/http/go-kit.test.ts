/** Go kit's HTTP transport and ours, against each other: its client calls our `handler`, our `endpoint` calls its server. */
import { request as httpRequest } from 'node:http'
import { text as textOf } from 'node:stream/consumers'
import { type Context, call, callOrThrow, failed, fromPromise } from 'tenon'
import * as http from 'tenon/transport/http'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { type GoKit, goKit } from './go-kit.js'
import { listening } from './listening.js'
import { until } from './served.js'

let kit: GoKit
let missing = ''
let server = ''
let output: () => string = () => ''

beforeAll(async () => {
  const built = await goKit()
  if (typeof built === 'string') {
    missing = built
    return
  }
  kit = built
  const { address, program } = await kit.serve('serve')
  server = address
  output = program.output
}, 180_000)

afterAll(() => kit?.close())
beforeEach(({ skip }) => skip(missing !== '', missing))

/** What Go kit's `PopulateRequestContext` finds, from ours. */
const populated = fromPromise(async (_: object, { http: info }: Context & http.WithRequestInfo) => {
  const { method, uri, path, protocol, host, forwardedFor, forwardedProto } = info
  const { authorization, referer, userAgent, requestId, accept, remoteAddress } = info
  const headers = { forwardedFor, forwardedProto, authorization, referer, userAgent, requestId, accept }
  return { method, uri, path, protocol, host, remoteAddress, ...headers }
})

async function populatedAt(address: string, path: string, headers: Record<string, string>): Promise<object> {
  const answer: Record<string, unknown> = await new Promise((resolve, reject) => {
    const sent = httpRequest(`${address}${path}`, { method: 'PUT', headers, agent: false }, response => {
      textOf(response).then(text => resolve(JSON.parse(text)), reject)
    })
    sent.on('error', reject)
    sent.end()
  })
  const { host, remoteAddress, ...rest } = answer
  expect(host).toBe(new URL(address).host)
  expect(String(remoteAddress)).toMatch(/^127\.0\.0\.1(:\d+)?$/) // Go has the port behind it
  return rest
}

describe('our handler', () => {
  test.for(['call', 'explicit'])('is called by Go kit with a GET that has a body: %s', async mode => {
    const seen: http.Finished[] = []
    const uppercase = fromPromise(async ({ s }: { s: string }) => ({ v: s.toUpperCase() }))
    const codec: http.ServerCodec<{ s: string }, { v: string }> = {
      decode: async request => (await request.json()) as { s: string },
      encode: (response, { method, headers }) =>
        http.json(response, { status: 201, headers: { 'x-method': method, 'x-saw': String(headers['x-before']) } }),
    }
    const { address } = await listening(
      http.handler(uppercase, codec, { finalizer: finished => void seen.push(finished) }),
    )
    const [answer] = await kit.run(mode, 'GET', address, '{"s":"héllo"}')
    expect(answer).toMatchObject({ err: '', status: 201, body: '{"v":"HÉLLO"}', size: 14 })
    expect(answer?.['headers']).toMatchObject({ 'Content-Type': ['application/json'], 'X-Method': ['GET'] })
    if (mode === 'call') expect(answer?.['headers']).toMatchObject({ 'X-Saw': ['go'] })
    await until('the finalizer', () => seen.length > 0)
    expect(seen).toMatchObject([{ status: 201, bytes: 14, requestBytes: 14, outcome: 'sent', failure: undefined }])
  })

  test('streams to a client of Go kit with BufferedStream, piece by piece', async () => {
    let goOn = (): void => {}
    const gate = new Promise<void>(resolve => {
      goOn = resolve
    })
    async function* pieces(): AsyncGenerator<string> {
      yield 'one'
      await gate
      yield 'two'
    }
    const { address } = await listening(
      http.handler(
        fromPromise(async (_: object) => pieces()),
        { decode: () => ({}), encode: body => ({ headers: { 'content-type': 'text/plain' }, body }) },
      ),
    )
    const client = kit.start('stream', address)
    await client.waitFor(/"piece":"one"/)
    goOn()
    await client.waitFor(/"piece":"two"\}\n\{"end":"EOF"/)
  })

  test('a stream that fails in the middle is no whole response to Go either', async () => {
    async function* broken(): AsyncGenerator<string> {
      yield 'one'
      throw new Error('secret')
    }
    const { address } = await listening(
      http.handler(
        fromPromise(async (_: object) => broken()),
        { decode: () => ({}), encode: body => ({ body }) },
        { onDefect: () => {} },
      ),
    )
    expect((await kit.run('stream', address)).at(-1)).toEqual({ end: 'unexpected EOF' })
  })

  test('finds in a request what PopulateRequestContext finds', async () => {
    const { address } = await listening(
      http.handler(
        populated,
        { decode: () => ({}), encode: response => http.json(response) },
        { provide: http.requestInfo },
      ),
    )
    const headers = {
      'x-forwarded-for': '203.0.113.7',
      'x-forwarded-proto': 'https',
      authorization: 'Bearer x',
      referer: 'http://a.test/',
      'user-agent': 'test',
      'x-request-id': 'r-1',
      accept: 'text/plain',
    }
    const path = '/populated?a=b%20c'
    expect(await populatedAt(address, path, headers)).toEqual(await populatedAt(server, path, headers))
  })
})

describe.for(['undici', 'node'] as const)('our endpoint with %s', stack => {
  function opened<E extends { close(): Promise<void> }>(made: E): E {
    onTestFinished(() => made.close())
    return made
  }
  const decode = (response: http.EndpointResponse): http.EndpointResponse => response

  test('calls a server of Go kit, which finds its headers and answers with its own', async () => {
    const called: http.Called[] = []
    const encode = (s: string): http.EndpointRequest => http.json({ s }, { path: '/uppercase' })
    const made = opened(
      http.endpoint<string, http.EndpointResponse>(
        server,
        { encode, decode },
        { stack, finalizer: each => void called.push(each) },
      ),
    )
    const answer = await callOrThrow(made, 'hello')
    expect(answer).toMatchObject({ status: 200, text: '{"v":"HELLO"}\n' })
    expect(answer.headers).toMatchObject({ 'x-reply': 'yes', 'x-after': 'yes' })
    expect(called).toMatchObject([{ status: 200, bytes: 14, requestBytes: 13, failure: undefined }])
    await until('Go kit to say so', () => output().includes('"path":"/uppercase"'))
    expect(await callOrThrow(made, '')).toMatchObject({ status: 500, text: 'empty string' })
    const teapot = await callOrThrow(made, 'tea')
    expect(teapot).toMatchObject({ status: 418, text: '{"error":"no coffee"}', headers: { 'x-pot': 'tea' } })
  })

  test('what Go kit does with errors, encodeFailure does', async () => {
    const uppercase = fromPromise(async ({ s }: { s: string }) => {
      if (s === '') return failed('invalid_argument', 'EMPTY', 'empty string')
      return s === 'tea' ? failed('failed_precondition', 'TEAPOT', 'no coffee') : { v: s.toUpperCase() }
    })
    const plain = 'text/plain; charset=utf-8'
    const { address } = await listening(
      http.handler(uppercase, {
        decode: async request => (await request.json()) as { s: string },
        encode: ({ v }) => ({
          headers: { 'content-type': 'application/json; charset=utf-8', 'x-reply': 'yes', 'x-after': 'yes' },
          body: `${JSON.stringify({ v })}\n`,
        }),
        encodeFailure: failure =>
          failure.reason === 'TEAPOT'
            ? {
                status: 418,
                headers: { 'content-type': 'application/json; charset=utf-8', 'x-pot': 'tea' },
                body: JSON.stringify({ error: failure.message }),
              }
            : { status: 500, headers: { 'content-type': plain }, body: failure.message },
      }),
    )
    const ask = async (target: string, s: string): Promise<object> => {
      const made = opened(
        http.endpoint<string, http.EndpointResponse>(
          target,
          { encode: s => http.json({ s }, { path: '/uppercase' }), decode },
          { stack },
        ),
      )
      const { status, text, headers } = await callOrThrow(made, s)
      const { 'content-type': type, 'x-pot': pot, 'x-reply': reply, 'x-after': after } = headers
      return { status, text, type, pot, reply, after }
    }
    for (const s of ['hello', '', 'tea']) expect(await ask(address, s)).toEqual(await ask(server, s))
  })

  test('sends GET with a body, which Go reads', async () => {
    const made = opened(
      http.endpoint<string, http.EndpointResponse>(
        server,
        { encode: body => ({ method: 'GET', path: '/echo', body }), decode },
        { stack },
      ),
    )
    expect(await callOrThrow(made, 'hé')).toMatchObject({
      text: 'hé',
      headers: { 'x-method': 'GET', 'x-encoding': '' },
    })
  })

  test('says the whole request itself where it is explicit', async () => {
    const made = opened(
      http.explicitEndpoint<string, http.EndpointResponse>(
        { encode: url => ({ url, method: 'DELETE', headers: { 'x-a': 'b' } }), decode },
        { stack },
      ),
    )
    const { text } = await callOrThrow(made, `${server}/headers?c=d#e`)
    expect(JSON.parse(text)).toMatchObject({ method: 'DELETE', uri: '/headers?c=d', headers: { 'X-A': ['b'] } })
  })

  test('streams a body there and back, each piece as it is made', async () => {
    const called: http.Called[] = []
    const answers = ['', '']
    let sent = 0
    async function* ping(): AsyncGenerator<Uint8Array> {
      for (; sent < 2; ) yield Buffer.from(`piece ${sent++};`)
    }
    const made = opened(
      http.endpoint<AsyncIterable<Uint8Array>, AsyncIterable<Uint8Array>>(
        server,
        {
          encode: body => ({ path: '/echo', body }),
          decode: response => {
            throw new Error(`got ${response.status}`)
          },
          open: ({ body, headers }) => {
            expect(headers['x-encoding']).toBe('chunked')
            return body
          },
        },
        { stack, finalizer: each => void called.push(each) },
      ),
    )
    let at = 0
    for await (const chunk of await callOrThrow(made, ping())) answers[at++ % 2] += Buffer.from(chunk).toString()
    expect(answers.join('')).toBe('piece 0;piece 1;')
    expect(called).toMatchObject([{ status: 200, bytes: 16, requestBytes: 16, failure: undefined }])
  })

  test('leaving a response lets Go know', async () => {
    const called: http.Called[] = []
    const before = output().split('"silent"').length
    const made = opened(
      http.endpoint<object, AsyncIterable<Uint8Array>>(
        server,
        { encode: () => ({ method: 'GET', path: '/silent' }), decode: () => [] as never, open: ({ body }) => body },
        { stack, finalizer: each => void called.push(each) },
      ),
    )
    for await (const chunk of await callOrThrow(made, {})) {
      expect(Buffer.from(chunk).toString()).toBe('begun')
      break
    }
    await until('Go to hear of it', () => output().split('"silent"').length > before)
    expect(called).toMatchObject([{ bytes: 5, failure: { reason: 'ABANDONED' } }])
  })

  test('a response that breaks off in Go fails its reader and the finalizer', async () => {
    const called: http.Called[] = []
    const made = opened(
      http.endpoint<object, AsyncIterable<Uint8Array>>(
        server,
        { encode: () => ({ method: 'GET', path: '/broken' }), decode: () => [] as never, open: ({ body }) => body },
        { stack, finalizer: each => void called.push(each) },
      ),
    )
    const outcome = await call(made, {})
    if (outcome._tag === 'Left') throw new Error(outcome.left.reason)
    await expect(
      (async () => {
        for await (const _ of outcome.right);
      })(),
    ).rejects.toMatchObject({ failure: { reason: 'STREAM_BROKEN' } })
    expect(called).toMatchObject([{ status: 200, failure: { reason: 'STREAM_BROKEN' } }])
  })

  test('a redirect is an answer, not a way to go', async () => {
    const made = opened(
      http.endpoint<object, http.EndpointResponse>(
        server,
        { encode: () => ({ method: 'GET', path: '/redirect' }), decode },
        { stack },
      ),
    )
    expect(await callOrThrow(made, {})).toMatchObject({ status: 302, headers: { location: '/elsewhere' } })
  })
})
