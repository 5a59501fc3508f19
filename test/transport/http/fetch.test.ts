/** What the fetch server does for platforms that keep the headers back, or say only in some places that a caller is gone. */
import { call, connect, contract, type Failure, implement, method, stream } from 'tenon'
import * as fetch from 'tenon/transport/http/fetch'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { z } from 'zod'
import { nowhere } from './listening.js'

const Item = z.object({ n: z.int() })
const Numbers = contract('demo.v1.Numbers', {
  next: method({ request: Item, response: Item, idempotency: 'safe', http: { post: '/next' } }),
  sum: method({ request: stream(Item), response: Item, idempotency: 'unsafe', http: { post: '/sum' } }),
  count: method({ request: Item, response: stream(Item), idempotency: 'safe', http: { get: '/count' } }),
})

function ending(signal: AbortSignal): Promise<unknown> {
  return new Promise(resolve => signal.addEventListener('abort', () => resolve(signal.reason.failure), { once: true }))
}

const post = (path: string, body: string | ReadableStream, init: RequestInit = {}): Request => {
  const type = body instanceof ReadableStream ? 'application/x-ndjson' : 'application/json'
  const headers = { 'content-type': type }
  return new Request(`http://server.test${path}`, { method: 'POST', headers, body, duplex: 'half', ...init })
}

test('the first bytes of a stream do not wait for its first item, and leaving does not either', async () => {
  const service = implement(Numbers).handlers({
    next: request => request,
    sum: async () => ({ n: 0 }),
    count: async function* (_, { signal }) {
      await ending(signal) // no item ever comes
      yield { n: 1 }
    },
  })
  const response = await fetch.server([service])(new Request('http://server.test/count?n=1'))
  const reader = response.body?.getReader()
  expect(await reader?.read()).toEqual({ done: false, value: new Uint8Array([10]) })
  await reader?.cancel()
})

test('a request stream that breaks off ends the call, even where no signal says that the caller is gone', async () => {
  let ended: Promise<unknown> = Promise.resolve()
  const service = implement(Numbers).handlers({
    next: request => request,
    sum: async (items, { signal }) => {
      ended = ending(signal)
      for await (const _ of items);
      return { n: 0 }
    },
    count: async function* () {},
  })
  const body = new ReadableStream<Uint8Array>({
    start: controller => controller.enqueue(new TextEncoder().encode('{"value":{"n":1}}\n')),
    pull: controller => controller.error(new Error('connection reset')),
  })
  await fetch.server([service])(post('/sum', body))
  expect(await ended).toMatchObject({ code: 'cancelled', reason: 'CANCELLED' } satisfies Partial<Failure>)
})

test('a request whose caller has gone before it was taken is not begun', async () => {
  let begun = 0
  const service = implement(Numbers).handlers({
    next: request => {
      begun++
      return request
    },
    sum: async () => ({ n: 0 }),
    count: async function* () {},
  })
  const response = await fetch.server([service])(post('/next', '{"n":1}', { signal: AbortSignal.abort() }))
  expect(await response.json()).toMatchObject({ code: 'cancelled' })
  expect(begun).toBe(0)
})

describe('a body whose length is said', () => {
  const service = implement(Numbers).handlers({
    next: request => request,
    sum: async () => ({ n: 0 }),
    count: async function* () {},
  })
  const said = (length: number): RequestInit => ({
    headers: { 'content-type': 'application/json', 'content-length': String(length) },
  })
  const asked = (body: string, length: number) =>
    fetch.server([service], { maxBodyBytes: 10 })(post('/next', body, said(length)))

  test('is read', async () => {
    expect(await (await asked('{"n":1}', 7)).json()).toEqual({ n: 1 })
  })

  test('is held to its limit, whatever was said', async () => {
    expect(await (await asked('{"n":1000000}', 7)).json()).toMatchObject({ reason: 'BODY_TOO_LARGE' })
    expect(await (await asked('{"n":1000000}', 13)).json()).toMatchObject({ reason: 'BODY_TOO_LARGE' })
  })

  test('is read without the stream, which some platforms have to make first', async () => {
    const request = post('/next', '{"n":1}', said(7))
    Object.defineProperty(request, 'body', { get: () => expect.unreachable('nobody needs it') })
    expect(await (await fetch.server([service])(request)).json()).toEqual({ n: 1 })
  })
})

test('where nobody listens, and the platform says so, nothing has run', async () => {
  const client = connect(Numbers, fetch.client(nowhere))
  const refused = { code: 'unavailable', reason: 'CONNECTION_REFUSED', ran: 'no' } satisfies Partial<Failure>
  expect(await call(client.next, { n: 1 })).toMatchObject({ left: refused })
})

test('where the platform does not say why a connection failed, the work may have run', async () => {
  const send = () => Promise.reject(new TypeError('Failed to fetch'))
  const client = connect(Numbers, fetch.client('http://server.test', { fetch: send }))
  expect(await call(client.next, { n: 1 })).toMatchObject({ left: { reason: 'CONNECTION_LOST', ran: 'maybe' } })
})

test.each([
  ['maxBodyBytes', () => fetch.server([], { maxBodyBytes: Number.NaN })],
  ['maxDeadlineMs', () => fetch.server([], { maxDeadlineMs: 0 })],
  ['maxCalls', () => fetch.client('http://server.test', { maxCalls: -1 })],
  ['maxResponseBytes', () => fetch.client('http://server.test', { maxResponseBytes: Number.NaN })],
])('%s that would hold nothing is refused', (name, make) => {
  expect(make).toThrow(new RegExp(`^http: ${name} must be a whole number`))
})

describe('a fetch that does not look at its signal', () => {
  /** A client of a server that never ends, and what hears that it need not go on. */
  function endless(type: string, chunk: string) {
    const cancel = vi.fn()
    const bytes = new TextEncoder().encode(chunk)
    const body = () => new ReadableStream({ pull: controller => controller.enqueue(bytes), cancel })
    const send = async () => new Response(body(), { headers: { 'content-type': type } })
    const binding = fetch.client('http://server.test', { fetch: send, maxResponseBytes: 1_000 })
    return { cancel, client: connect(Numbers, binding) }
  }

  test('is told by its response when a reader leaves a stream', async () => {
    const { cancel, client } = endless('application/x-ndjson', '{"value":{"n":1}}\n')
    const outcome = await call(client.count, { n: 1 })
    if (outcome._tag === 'Left') return expect.unreachable()
    for await (const _ of outcome.right) break
    expect(cancel).toHaveBeenCalledTimes(1)
  })

  test('is told by its response when that is too large', async () => {
    const { cancel, client } = endless('application/json', ' '.repeat(600))
    expect(await call(client.next, { n: 1 })).toMatchObject({ left: { reason: 'RESPONSE_TOO_LARGE' } })
    expect(cancel).toHaveBeenCalledTimes(1)
  })

  test('is told by its response when the call has ended before there was one', async () => {
    const cancel = vi.fn()
    let answer = (_: Response): void => {}
    const sent = new Promise<Response>(resolve => {
      answer = resolve
    })
    const client = connect(Numbers, fetch.client('http://server.test', { fetch: () => sent }))
    const controller = new AbortController()
    const outcome = call(client.next, { n: 1 }, { signal: controller.signal })
    controller.abort()
    expect(await outcome).toMatchObject({ left: { code: 'cancelled' } })
    const told = new Promise<void>(resolve => cancel.mockImplementation(() => resolve()))
    answer(new Response(new ReadableStream({ cancel })))
    await told
  })
})

describe('request streams', () => {
  async function* items(): AsyncGenerator<{ n: number }> {
    yield { n: 1 }
  }
  const sum = (target: string) => call(connect(Numbers, fetch.client(target)).sum, items())
  const refused = { left: { code: 'unimplemented', reason: 'REQUEST_STREAM_UNSUPPORTED', ran: 'no' } }

  test('are refused in browsers where no HTTP/2 is spoken, and tried where it may be', async () => {
    vi.stubGlobal('navigator', { userAgent: 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36' })
    onTestFinished(() => void vi.unstubAllGlobals())
    expect(await sum(nowhere)).toMatchObject(refused)
    expect(await sum(nowhere.replace('http:', 'https:'))).toMatchObject({ left: { reason: 'CONNECTION_REFUSED' } })
  })

  test('are refused where the platform would send the name of an object instead', async () => {
    const Real = globalThis.Request
    class Old extends Real {
      constructor(url: string, init: RequestInit) {
        super(url, { ...init, body: String(init.body) })
      }
    }
    vi.stubGlobal('Request', Old)
    onTestFinished(() => void vi.unstubAllGlobals())
    expect(await sum(nowhere.replace('http:', 'https:'))).toMatchObject(refused)
  })
})
