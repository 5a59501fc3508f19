// Response streams: items in order as they are made, an end that is said, and failures in the middle.
import { connect, contract, failure, implement, method, stream } from '../../contract/index.js'
import { CallError, failed, failureOf, left } from '../../core/index.js'
import * as assert from '../assert.js'
import { integer, text } from '../field.js'
import { aborted, gate } from '../gate.js'
import { message } from '../message.js'
import { assertFailure, assertFromPeer, type TransportCase, transportCase } from '../trial.js'

const Count = message({ count: integer() })
const Item = message({ index: integer(), text: text() })
type Item = { readonly index: number; readonly text: string }
const Streams = contract('tenon.conformance.v1.ServerStreams', {
  watch: method({
    request: Count,
    response: stream(Item),
    failures: { Gone: failure('not_found', Count) },
    idempotency: 'safe',
  }),
})

const reason = 'CONFORMANCE'
const gone = Streams.failures.Gone({ count: 3 })
const { left: unwell } = failed('data_loss', reason, 'lost', { retryAfterMs: 20, details: { at: 2 } })

async function* itemsUpTo(count: number, thrown?: unknown): AsyncGenerator<Item, void, undefined> {
  for (let index = 0; index < count; index++) yield { index, text: `Tee 🍵 ${index}` }
  if (thrown !== undefined) throw thrown
}

async function expected(count: number): Promise<readonly Item[]> {
  const items: Item[] = []
  for await (const item of itemsUpTo(count)) items.push(item)
  return items
}

export const serverStreamCases: readonly TransportCase[] = [
  ...[0, 1, 2, 1000].map(count =>
    transportCase(`streams: ${count} items arrive in order, and then the end`, async trial => {
      const service = implement(Streams).handlers({ watch: ({ count }) => itemsUpTo(count) })
      const client = connect(Streams, await trial.serve(service))
      assert.deepEqual(await trial.items(await trial.response(client.watch, { count })), await expected(count))
    }),
  ),
  transportCase('streams: an item arrives before the next one is made', async trial => {
    const wanted = [gate(), gate(), gate()]
    const service = implement(Streams).handlers({
      watch: async function* ({ count }) {
        for (let index = 0; index < count; index++) {
          await wanted[index]?.opened
          yield { index, text: '' }
        }
      },
    })
    const client = connect(Streams, await trial.serve(service))
    const reader = (await trial.response(client.watch, { count: 3 }))[Symbol.asyncIterator]()
    for (let index = 0; index < 3; index++) {
      wanted[index]?.open()
      const item = await trial.within(`item ${index}`, reader.next())
      assert.deepEqual(item, { done: false, value: { index, text: '' } })
    }
    assert.deepEqual(await trial.within('the end', reader.next()), { done: true, value: undefined })
  }),
  transportCase('streams: any iterable will do', async trial => {
    let next = 0
    const plain = {
      [Symbol.asyncIterator]: () => ({
        next: async () =>
          (next < 2 ? { value: { index: next++, text: '' } } : { done: true, value: undefined }) as never,
      }),
    }
    const client = connect(Streams, await trial.serve(implement(Streams).handlers({ watch: () => plain })))
    assert.equal((await trial.items(await trial.response(client.watch, { count: 0 }))).length, 2)
  }),
  transportCase('streams: several at once over one client', async trial => {
    const service = implement(Streams).handlers({ watch: ({ count }) => itemsUpTo(count) })
    const client = connect(Streams, await trial.serve(service))
    const counts = [0, 7, 50, 1, 120, 33]
    const all = await Promise.all(
      counts.map(async count => (await trial.items(await trial.response(client.watch, { count }))).length),
    )
    assert.deepEqual(all, counts)
  }),
  ...Object.entries({ 'a failure': unwell, 'a domain failure': gone }).map(([what, instead]) =>
    transportCase(`streams: ${what} instead of a stream fails the call`, async trial => {
      const service = implement(Streams).handlers({ watch: () => left(instead) })
      const client = connect(Streams, await trial.serve(service))
      const found = await trial.failure(client.watch, { count: 3 })
      if (instead === gone) assert.deepEqual(found, gone)
      else assertFailure(found, { code: 'data_loss', reason, message: 'lost', retryAfterMs: 20, details: { at: 2 } })
    }),
  ),
  ...[0, 1, 100].flatMap(count => [
    transportCase(`streams: a failure after ${count} items arrives after them, whole`, async trial => {
      const service = implement(Streams).handlers({ watch: () => itemsUpTo(count, new CallError<never>(unwell)) })
      const client = connect(Streams, await trial.serve(service))
      const { items, failure } = await trial.brokenItems(await trial.response(client.watch, { count }))
      assert.deepEqual(items, await expected(count))
      assertFailure(failure, { code: 'data_loss', reason, message: 'lost', retryAfterMs: 20, details: { at: 2 } })
      assertFromPeer(failure)
    }),
    transportCase(`streams: a domain failure after ${count} items arrives after them, whole`, async trial => {
      const service = implement(Streams).handlers({ watch: () => itemsUpTo(count, new CallError(gone)) })
      const client = connect(Streams, await trial.serve(service))
      const { items, failure } = await trial.brokenItems(await trial.response(client.watch, { count }))
      assert.deepEqual(items, await expected(count))
      assert.deepEqual(failure, gone)
    }),
    transportCase(`streams: a defect after ${count} items is internal, without its text`, async trial => {
      const service = implement(Streams).handlers({ watch: () => itemsUpTo(count, new Error('swordfish')) })
      const client = connect(Streams, await trial.serve(service))
      const { items, failure } = await trial.brokenItems(await trial.response(client.watch, { count }))
      assert.deepEqual(items, await expected(count))
      assertFailure(failure, { code: 'internal', reason: 'DEFECT' })
      const { cause: _, ...parts } = failure
      assert.ok(!JSON.stringify(parts).includes('swordfish'))
      assert.equal(trial.takeDefects().length, 1, 'a defect is reported once')
    }),
  ]),
  transportCase('streams: a failure in the middle cannot say that its work never started', async trial => {
    const refused = new CallError<never>(failureOf('unavailable', reason, 'x', { ran: 'no' }))
    const service = implement(Streams).handlers({ watch: () => itemsUpTo(1, refused) })
    const client = connect(Streams, await trial.serve(service))
    const { failure } = await trial.brokenItems(await trial.response(client.watch, { count: 1 }))
    assertFailure(failure, { code: 'unavailable', ran: 'maybe' })
  }),
  transportCase('streams: a domain failure in the middle that the method does not declare is a defect', async trial => {
    const undeclared = new CallError({ _tag: 'Nobody', details: { secret: 'swordfish' } })
    const service = implement(Streams).handlers({ watch: () => itemsUpTo(1, undeclared) })
    const client = connect(Streams, await trial.serve(service))
    const { failure } = await trial.brokenItems(await trial.response(client.watch, { count: 1 }))
    assertFailure(failure, { code: 'internal', reason: 'UNDECLARED_FAILURE' })
    assert.equal(trial.takeDefects().length, 1, 'a defect is reported once')
  }),
  transportCase(
    'streams: what a dependency rejected in the middle is not the mistake of who called us',
    async trial => {
      const rejected = new CallError<never>(failureOf('not_found', reason, 'x', { peer: 'elsewhere' }))
      const service = implement(Streams).handlers({ watch: () => itemsUpTo(1, rejected) })
      const client = connect(Streams, await trial.serve(service))
      const { failure } = await trial.brokenItems(await trial.response(client.watch, { count: 1 }))
      assertFailure(failure, { code: 'internal', reason: 'DEPENDENCY_REJECTED' })
    },
  ),
  transportCase('streams: an item that does not fit fails the stream and ends its work', async trial => {
    const ended = gate()
    const service = implement(Streams).handlers({
      watch: async function* (_, { signal }) {
        try {
          yield { index: 0, text: '' }
          yield { index: 'one' } as never
          await aborted(signal)
        } finally {
          ended.open()
        }
      },
    })
    const client = connect(Streams, await trial.serve(service))
    const { items, failure } = await trial.brokenItems(await trial.response(client.watch, { count: 2 }))
    assert.equal(items.length, 1)
    assertFailure(failure, { code: 'internal', reason: 'INVALID_RESPONSE' })
    assertFromPeer(failure)
    await trial.within('the end of the work', ended.opened)
  }),
  transportCase('streams: an item that cannot be written is a defect of the service', async trial => {
    const closed = gate()
    const service = implement(Streams).handlers({
      watch: async function* () {
        try {
          yield { index: 0, text: '' }
          yield { index: 1, text: '', unwritable: new Map() }
        } finally {
          closed.open()
        }
      },
    })
    const client = connect(Streams, await trial.serve(service))
    const { items, failure } = await trial.brokenItems(await trial.response(client.watch, { count: 2 }))
    assert.equal(items.length, 1)
    assertFailure(failure, { code: 'internal', reason: 'UNENCODABLE' })
    assertFromPeer(failure)
    assert.equal(trial.takeDefects().length, 1, 'a defect is reported once')
    await trial.within('the end of the work', closed.opened)
  }),
  transportCase(
    'streams: a failure in the middle whose details cannot be written is a defect of the service',
    async trial => {
      const unwritable = failureOf('aborted', reason, 'x', { details: { unwritable: new Map() } })
      const service = implement(Streams).handlers({ watch: () => itemsUpTo(1, new CallError<never>(unwritable)) })
      const client = connect(Streams, await trial.serve(service))
      const { failure } = await trial.brokenItems(await trial.response(client.watch, { count: 1 }))
      assertFailure(failure, { code: 'internal', reason: 'UNENCODABLE' })
      assert.equal(trial.takeDefects().length, 1, 'a defect is reported once')
    },
  ),
]
