// Calls over one client at the same time: each gets its own answer, headers and end, in whatever order they come.
import { connect, contract, implement, method, stream } from '../../contract/index.js'
import { failed, seededRandom } from '../../core/index.js'
import * as assert from '../assert.js'
import { integer, text } from '../field.js'
import { gate } from '../gate.js'
import { message } from '../message.js'
import { assertFailure, type TransportCase, transportCase } from '../trial.js'

const Item = message({ index: integer(), text: text() })
const Concurrency = contract('tenon.conformance.v1.Concurrency', {
  get: method({ request: Item, response: Item, idempotency: 'safe' }),
  watch: method({ request: Item, response: stream(Item), idempotency: 'safe' }),
})

const count = 100

function shuffled(length: number): readonly number[] {
  const random = seededRandom(7)
  const order = Array.from({ length }, (_, i) => i)
  for (let i = length - 1; i > 0; i--) {
    const j = Math.floor(random.next() * (i + 1))
    const [a, b] = [order[i] ?? 0, order[j] ?? 0] // both are within it
    order[i] = b
    order[j] = a
  }
  return order
}

export const concurrencyCases: readonly TransportCase[] = [
  transportCase(`concurrency: ${count} calls that end in any order get their own answers`, async trial => {
    const gates = Array.from({ length: count }, () => gate())
    const all = gate()
    let arrived = 0
    const service = implement(Concurrency).handlers({
      get: async ({ index, text }, { metadata, reply }) => {
        if (++arrived === count) all.open()
        await gates[index]?.opened
        reply.header('x-index', `${index}`)
        if (index % 7 === 3) return failed('not_found', 'CONFORMANCE', `${index}`)
        return { index, text: `${text} ${metadata.get('x-text')}` }
      },
    })
    const client = connect(Concurrency, await trial.serve(service))
    const calls = Array.from({ length: count }, async (_, index) => {
      let header: string | undefined
      const outcome = await trial.call(
        client.get,
        { index, text: `text ${index}` },
        {
          outgoing: { 'x-text': `sent ${index}` },
          onReply: reply => {
            header = reply.headers.get('x-index')
          },
        },
      )
      assert.equal(header, `${index}`)
      if (index % 7 === 3) assertFailure(outcome._tag === 'Left' && outcome.left, { message: `${index}` })
      else assert.deepEqual(outcome._tag === 'Right' && outcome.right, { index, text: `text ${index} sent ${index}` })
    })
    const ended = Promise.all(calls)
    await trial.within('all calls at the handler', Promise.race([all.opened, ended])) // a call that fails says more than that one is missing
    for (const index of shuffled(count)) gates[index]?.open()
    await ended
  }),
  transportCase('concurrency: 20 streams that take turns get their own items', async trial => {
    const service = implement(Concurrency).handlers({
      watch: async function* ({ index, text }) {
        for (let i = 0; i < 50; i++) yield { index: i, text: `${text} of ${index}` }
      },
    })
    const client = connect(Concurrency, await trial.serve(service))
    const streams = await Promise.all(
      Array.from({ length: 20 }, (_, index) => trial.response(client.watch, { index, text: 'item' })),
    )
    const readers = streams.map(stream => stream[Symbol.asyncIterator]())
    for (let i = 0; i < 50; i++) {
      const turn = await trial.within('a turn', Promise.all(readers.map(reader => reader.next())))
      for (const [index, { value }] of turn.entries()) assert.deepEqual(value, { index: i, text: `item of ${index}` })
    }
    const ends = await trial.within('the ends', Promise.all(readers.map(reader => reader.next())))
    assert.ok(ends.every(({ done }) => done === true))
  }),
]
