// Messages that are too large are refused as such, and disturb nobody else.
import { connect, contract, implement, method, stream } from '../../contract/index.js'
import * as assert from '../assert.js'
import { integer, text } from '../field.js'
import { message } from '../message.js'
import type { TransportHarness } from '../transport-harness.js'
import { assertFailure, assertFromPeer, type TransportCase, transportCase } from '../trial.js'

const Text = message({ text: text() })
const Length = message({ length: integer() })
const Limits = contract('tenon.conformance.v1.Limits', {
  measure: method({ request: Text, response: Length, idempotency: 'idempotent' }),
  measureAll: method({ request: stream(Text), response: Length, idempotency: 'idempotent' }),
  make: method({ request: Length, response: Text, idempotency: 'safe' }),
  watch: method({ request: Length, response: stream(Text), idempotency: 'safe' }),
})

const limited = implement(Limits).handlers({
  measure: ({ text }) => ({ length: text.length }),
  measureAll: async texts => {
    let length = 0
    for await (const { text } of texts) length += text.length
    return { length }
  },
  make: ({ length }) => ({ text: 'x'.repeat(length) }),
  watch: async function* ({ length }) {
    yield { text: 'x'.repeat(length) }
    yield { text: 'last' }
  },
})

const tooLarge = { code: 'resource_exhausted', reason: 'BODY_TOO_LARGE' } as const

function maxBytes({ maxMessageBytes = 1 << 20 }: TransportHarness): number {
  return maxMessageBytes
}

async function* texts(...lengths: readonly number[]): AsyncGenerator<{ text: string }, void, undefined> {
  for (const length of lengths) yield { text: 'x'.repeat(length) }
}

export const limitCases: readonly TransportCase[] = [
  transportCase('limits: a request just below the limit arrives', async trial => {
    const client = connect(Limits, await trial.serve(limited))
    const length = maxBytes(trial.harness) - 1024
    assert.deepEqual(await trial.response(client.measure, { text: 'x'.repeat(length) }), { length })
  }),
  transportCase('limits: a request above the limit is refused', async trial => {
    const client = connect(Limits, await trial.serve(limited))
    const failure = await trial.failure(client.measure, { text: 'x'.repeat(maxBytes(trial.harness) + 1) })
    assertFailure(failure, { ...tooLarge, ran: 'no' })
    assertFromPeer(failure)
    assert.deepEqual(await trial.response(client.measure, { text: 'x' }), { length: 1 }, 'the client goes on working')
  }),
  transportCase('limits: a request far above the limit is refused', async trial => {
    const client = connect(Limits, await trial.serve(limited))
    assertFailure(await trial.failure(client.measure, { text: 'x'.repeat(16 * maxBytes(trial.harness)) }), tooLarge)
    assert.deepEqual(await trial.response(client.measure, { text: 'x' }), { length: 1 }, 'the client goes on working')
  }),
  transportCase('limits: what counts is the size in bytes', async trial => {
    const client = connect(Limits, await trial.serve(limited))
    const letters = Math.ceil(maxBytes(trial.harness) / 2)
    assertFailure(await trial.failure(client.measure, { text: 'ä'.repeat(letters) }), tooLarge)
  }),
  transportCase('limits: an item above the limit fails its stream', async trial => {
    const client = connect(Limits, await trial.serve(limited))
    assertFailure(await trial.failure(client.measureAll, texts(1, maxBytes(trial.harness) + 1)), tooLarge)
    assert.deepEqual(await trial.response(client.measureAll, texts(1, 2)), { length: 3 }, 'the client goes on working')
  }),
  transportCase('limits: a stream may be larger than any of its items', async trial => {
    const client = connect(Limits, await trial.serve(limited))
    const half = Math.floor(maxBytes(trial.harness) / 2)
    assert.deepEqual(await trial.response(client.measureAll, texts(half, half, half, half)), { length: 4 * half })
  }),
  transportCase('limits: a response may be as large as a request', async trial => {
    const client = connect(Limits, await trial.serve(limited))
    const length = maxBytes(trial.harness) - 1024
    assert.equal((await trial.response(client.make, { length })).text.length, length)
    const items = await trial.items(await trial.response(client.watch, { length }))
    assert.deepEqual(
      items.map(item => item.text.length),
      [length, 4],
    )
  }),
]
