// What has to get across from a client on one platform to a server on another: the conformance suite in small, for a service
// that is served already.
import {
  CallError,
  type Client,
  type ClientBinding,
  call,
  callOrThrow,
  connect,
  isFailure,
  isLeft,
  isRight,
} from 'tenon'
import type { ConformanceCase } from 'tenon/testkit'
import * as assert from '../../../src/testkit/assert.js'
import { Demo } from './demo.js'

/** A client of a server that serves the demo. */
export interface Crossing {
  readonly client: ClientBinding
}

type DemoClient = Client<typeof Demo.methods>

function crossingCase(name: string, body: (demo: DemoClient, key: string) => Promise<void>): ConformanceCase<Crossing> {
  return { name, run: ({ client }) => body(connect(Demo, client), crypto.randomUUID()) }
}

/** Until a call has begun at the server, or has been told that it is over; not for ever. */
async function seen(demo: DemoClient, key: string, what: 'begun' | 'ended'): Promise<void> {
  for (let looks = 0; looks < 1_000; looks++) {
    if ((await callOrThrow(demo.waiting, { key }))[what] > 0) return
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  assert.fail(`no call has ${what} at the server`)
}

async function collected<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

async function* counts(numbers: readonly number[]): AsyncGenerator<{ count: number }> {
  for (const count of numbers) yield { count }
}

/** The failure of a stream that must fail, and what came before. */
async function broken<T>(
  items: AsyncIterable<T>,
): Promise<{ readonly before: readonly T[]; readonly failure: unknown }> {
  const before: T[] = []
  try {
    for await (const item of items) before.push(item)
  } catch (thrown) {
    if (thrown instanceof CallError) return { before, failure: thrown.failure }
    throw thrown
  }
  return assert.fail('the stream ended in order')
}

function hasParts(actual: unknown, parts: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(parts)) assert.deepEqual(Reflect.get(Object(actual), name), value, name)
}

/** In calls that need a request and a response body at the same time, or a request body that is a stream. */
export const streamedRequests: readonly ConformanceCase<Crossing>[] = [
  crossingCase('a request stream arrives', async demo => {
    const sum = await callOrThrow(demo.sum, counts([1, 2, 3]))
    assert.deepEqual(sum, { count: 6 })
  }),
  crossingCase('each item of a dialogue is answered before the next one is sent', async demo => {
    let answered = 0
    async function* questions(): AsyncGenerator<{ count: number }> {
      for (let sent = 1; sent <= 3; sent++) {
        yield { count: sent }
        for (let looks = 0; answered < sent && looks < 1_000; looks++)
          await new Promise(resolve => setTimeout(resolve, 20))
        assert.equal(answered, sent)
      }
    }
    for await (const { count } of await callOrThrow(demo.double, questions())) assert.equal(count, ++answered * 2)
    assert.equal(answered, 3)
  }),
]

/** All there is to a call without a request stream. */
export const calls: readonly ConformanceCase<Crossing>[] = [
  crossingCase('a message comes back, whatever its letters', async demo => {
    const request = { text: 'é ✓ 𝄞 "\\\n\u2028', at: '2026-02-03T04:05:06Z' }
    assert.deepEqual(await callOrThrow(demo.echo, request), request)
  }),
  crossingCase('metadata arrives, and the headers of the reply come back', async demo => {
    let echoed: string | undefined
    const onReply = (reply: { readonly headers: ReadonlyMap<string, string> }): void => {
      echoed = reply.headers.get('echoed')
    }
    await callOrThrow(demo.echo, { text: '' }, { outgoing: { marker: 'tenon' }, onReply })
    assert.equal(echoed, 'tenon')
  }),
  crossingCase('a failure arrives whole', async (demo, key) => {
    const outcome = await call(demo.look, { key })
    assert.ok(isLeft(outcome) && isFailure(outcome.left), 'a failure')
    const { left } = outcome
    hasParts(left, { code: 'not_found', reason: 'NO_SUCH_THING', details: { key }, retryAfterMs: 250, ran: 'maybe' })
    assert.ok(left.peer, 'who answered')
  }),
  crossingCase('a domain failure arrives whole', async (demo, key) => {
    const outcome = await call(demo.refuse, { key })
    assert.deepEqual(isLeft(outcome) && outcome.left, { _tag: 'Refused', details: { key } })
  }),
  crossingCase('a request that does not fit is refused, and says where', async demo => {
    const outcome = await call(demo.echo, { text: 'x', at: 'yesterday' })
    hasParts(isLeft(outcome) && outcome.left, { code: 'invalid_argument', reason: 'INVALID_REQUEST' })
  }),
  crossingCase('a request that is too large is refused', async demo => {
    const outcome = await call(demo.echo, { text: 'x'.repeat((1 << 20) + 1) })
    hasParts(isLeft(outcome) && outcome.left, { code: 'resource_exhausted', reason: 'BODY_TOO_LARGE', ran: 'no' })
  }),
  crossingCase('a deadline ends the call on both sides', async (demo, key) => {
    const outcome = await call(demo.wait, { key }, { deadlineMs: 200 })
    hasParts(isLeft(outcome) && outcome.left, { code: 'deadline_exceeded', reason: 'DEADLINE_EXCEEDED' })
    await seen(demo, key, 'ended')
  }),
  crossingCase('a stream arrives in order, and ends', async demo => {
    const all = await collected(await callOrThrow(demo.count, { count: 200 }))
    assert.deepEqual(
      all.map(({ count }) => count),
      Array.from({ length: 200 }, (_, index) => index + 1),
    )
  }),
  crossingCase('a stream that fails in the middle says how', async demo => {
    const { before, failure } = await broken(await callOrThrow(demo.count, { count: -2 }))
    assert.deepEqual(before, [{ count: 1 }, { count: 2 }])
    hasParts(failure, { code: 'out_of_range', reason: 'TOO_FAR', details: { count: -2 } })
  }),
]

/** What servers have to notice of clients that leave. */
export const departures: readonly ConformanceCase<Crossing>[] = [
  crossingCase('a cancellation ends the call on both sides', async (demo, key) => {
    const controller = new AbortController()
    const outcome = call(demo.wait, { key }, { signal: controller.signal })
    await seen(demo, key, 'begun')
    controller.abort()
    const ended = await outcome
    hasParts(isLeft(ended) && ended.left, { code: 'cancelled', reason: 'CANCELLED' })
    await seen(demo, key, 'ended')
  }),
  crossingCase('leaving a stream ends the work behind it', async (demo, key) => {
    const outcome = await call(demo.watch, { key })
    assert.ok(isRight(outcome), 'a stream')
    for await (const _ of outcome.right) break
    await seen(demo, key, 'ended')
  }),
]

export const crossingCases: readonly ConformanceCase<Crossing>[] = [...calls, ...departures, ...streamedRequests]
