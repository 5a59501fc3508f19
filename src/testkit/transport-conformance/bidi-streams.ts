// Streams both ways at once: neither waits for the other to end.
import { connect, contract, implement, method, stream } from '../../contract/index.js'
import { CallError, failureOf } from '../../core/index.js'
import * as assert from '../assert.js'
import { integer } from '../field.js'
import { aborted, type Gate, gate, pause } from '../gate.js'
import { message } from '../message.js'
import { assertFailure, type TransportCase, transportCase } from '../trial.js'

const Item = message({ index: integer() })
type Item = { readonly index: number }
const Streams = contract('tenon.conformance.v1.BidiStreams', {
  chat: method({ request: stream(Item), response: stream(Item), idempotency: 'unsafe' }),
})

const reason = 'CONFORMANCE'

const endless = Number.POSITIVE_INFINITY

async function* answers(requests: AsyncIterable<Item>): AsyncGenerator<Item, void, undefined> {
  for await (const { index } of requests) yield { index: index * 10 }
}

async function* questions(count: number, closed?: Gate<void>): AsyncGenerator<Item, void, undefined> {
  try {
    for (let index = 0; index < count; index++) {
      yield { index }
      if (count === endless && index % 10 === 9) await pause(1)
    }
  } finally {
    closed?.open()
  }
}

export const bidiStreamCases: readonly TransportCase[] = [
  ...[0, 1, 1000].map(count =>
    transportCase(`bidirectional streams: ${count} questions get their answers in order`, async trial => {
      const client = connect(Streams, await trial.serve(implement(Streams).handlers({ chat: answers })))
      const items = await trial.items(await trial.response(client.chat, questions(count)))
      assert.deepEqual(
        items,
        Array.from({ length: count }, (_, i) => ({ index: i * 10 })),
      )
    }),
  ),
  transportCase('bidirectional streams: the next question may depend on the answer', async trial => {
    const client = connect(Streams, await trial.serve(implement(Streams).handlers({ chat: answers })))
    const heard = [gate(), gate(), gate()]
    const asking = (async function* () {
      for (let index = 0; index < 3; index++) {
        yield { index }
        await heard[index]?.opened
      }
    })()
    const seen: number[] = []
    const reading = async (): Promise<void> => {
      for await (const { index } of await trial.response(client.chat, asking)) {
        seen.push(index)
        heard[index / 10]?.open()
      }
    }
    await trial.within('the dialogue', reading())
    assert.deepEqual(seen, [0, 10, 20])
  }),
  transportCase('bidirectional streams: the server may speak first, and last', async trial => {
    const first = gate()
    const service = implement(Streams).handlers({
      chat: async function* (requests) {
        yield { index: -1 }
        for await (const { index } of requests) yield { index }
        yield { index: -2 }
      },
    })
    const client = connect(Streams, await trial.serve(service))
    const asking = (async function* () {
      await first.opened
      yield { index: 7 }
    })()
    const seen: number[] = []
    const reading = async (): Promise<void> => {
      for await (const { index } of await trial.response(client.chat, asking)) {
        seen.push(index)
        first.open()
      }
    }
    await trial.within('the dialogue', reading())
    assert.deepEqual(seen, [-1, 7, -2])
  }),
  transportCase('bidirectional streams: a failure in the middle closes both', async trial => {
    const closed = gate()
    const service = implement(Streams).handlers({
      chat: async function* (requests) {
        for await (const { index } of requests) {
          if (index === 2) throw new CallError<never>(failureOf('aborted', reason, 'enough'))
          yield { index }
        }
      },
    })
    const client = connect(Streams, await trial.serve(service))
    const stream = await trial.response(client.chat, questions(endless, closed))
    const { items, failure } = await trial.brokenItems(stream)
    assert.deepEqual(items, [{ index: 0 }, { index: 1 }])
    assertFailure(failure, { code: 'aborted', reason, message: 'enough' })
    await trial.within('the end of the questions', closed.opened)
  }),
  transportCase('bidirectional streams: leaving the answers closes both', async trial => {
    const [closed, ended] = [gate(), gate()]
    const service = implement(Streams).handlers({
      chat: async function* (requests, { signal }) {
        void aborted(signal).then(() => ended.open())
        for await (const { index } of requests) yield { index }
      },
    })
    const client = connect(Streams, await trial.serve(service))
    const reading = async (): Promise<void> => {
      for await (const { index } of await trial.response(client.chat, questions(endless, closed))) {
        if (index === 3) break
      }
    }
    await trial.within('the dialogue', reading())
    await trial.within('the abort', ended.opened)
    await trial.within('the end of the questions', closed.opened)
  }),
]
