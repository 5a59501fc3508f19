/** What the fetch server does for platforms that keep the headers back, or say only in some places that a caller is gone. */
import { contract, type Failure, implement, method, stream } from 'tenon'
import * as fetch from 'tenon/transport/http/fetch'
import { expect, test } from 'vitest'
import { z } from 'zod'

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
