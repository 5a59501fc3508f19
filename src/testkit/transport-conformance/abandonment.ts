// A reader that leaves a stream ends the work behind it; one that is only slow makes it wait.
import { connect, contract, implement, method, stream } from '../../contract/index.js'
import { CallError } from '../../core/index.js'
import * as assert from '../assert.js'
import { integer, text } from '../field.js'
import { aborted, gate, standstill } from '../gate.js'
import { message } from '../message.js'
import type { TransportHarness } from '../transport-harness.js'
import { type TransportCase, transportCase } from '../trial.js'

const Item = message({ index: integer(), padding: text() })
type Item = { readonly index: number; readonly padding: string }
const Streams = contract('tenon.conformance.v1.Abandonment', {
  watch: method({ request: message({}), response: stream(Item), idempotency: 'safe' }),
  upload: method({ request: stream(Item), response: message({ count: integer() }), idempotency: 'unsafe' }),
})

const itemBytes = 64 * 1024
const padding = 'p'.repeat(itemBytes)

/** Counts what is taken from it. */
interface Producer {
  readonly items: AsyncIterable<Item>
  readonly made: () => number
}

function producer(count: number): Producer {
  let made = 0
  async function* items(): AsyncGenerator<Item, void, undefined> {
    while (made < count) yield { index: made++, padding }
  }
  return { items: items(), made: () => made }
}

/**
 * A reader that stops at the first item until the sender stands still, goes on for longer than what is on the way, stops again,
 * and leaves. Resolves with how many it took.
 */
async function readSlowly(items: AsyncIterable<Item>, made: () => number, mostAhead: number): Promise<number> {
  const enough = mostAhead + 32
  let read = 0
  for await (const { index } of items) {
    assert.equal(index, read++)
    if (read !== 1 && read !== enough) continue
    await standstill(made, read + mostAhead + 1)
    assert.ok(made() - read <= mostAhead, `the sender was ${made() - read} items of 64 KiB ahead of its reader`)
    if (read > 1) break
  }
  assert.equal(read, enough, 'the stream went on after the wait')
  return read
}

/** How far a sender may be ahead of its reader. */
function mostAheadOf({ maxBufferedBytes = 24 << 20 }: TransportHarness): number {
  return Math.ceil(maxBufferedBytes / itemBytes)
}

export const abandonmentCases: readonly TransportCase[] = [
  ...[1, 5].map(after =>
    transportCase(`abandonment: leaving a stream after ${after} items closes and aborts its work`, async trial => {
      const [closed, ended] = [gate(), gate<unknown>()]
      const service = implement(Streams).handlers({
        watch: async function* (_, { signal }) {
          void aborted(signal).then(ended.open)
          try {
            for (let index = 0; index < after; index++) yield { index, padding: '' }
            await aborted(signal)
          } finally {
            closed.open()
          }
        },
      })
      const client = connect(Streams, await trial.serve(service))
      const leaving = async (): Promise<void> => {
        for await (const { index } of await trial.response(client.watch, {})) if (index === after - 1) break
      }
      await trial.within('leaving', leaving())
      const why = await trial.within('the abort', ended.opened)
      assert.ok(why instanceof CallError, 'the reason of the abort is a CallError')
      await trial.within('the end of the work', closed.opened)
    }),
  ),
  transportCase('abandonment: a stream that is left before its first item aborts its work', async trial => {
    const ended = gate<unknown>()
    const service = implement(Streams).handlers({
      watch: (_, { signal }) => {
        void aborted(signal).then(ended.open)
        return producer(1024).items
      },
    })
    const client = connect(Streams, await trial.serve(service))
    const stream = await trial.response(client.watch, {})
    await trial.within('leaving', Promise.resolve(stream[Symbol.asyncIterator]().return?.()))
    await trial.within('the abort', ended.opened)
  }),
  transportCase('abandonment: calls after it find the client working', async trial => {
    const service = implement(Streams).handlers({ watch: () => producer(1024).items })
    const client = connect(Streams, await trial.serve(service))
    for (let i = 0; i < 5; i++) {
      const reading = async (): Promise<void> => {
        for await (const { index } of await trial.response(client.watch, {})) if (index === 2) break
      }
      await trial.within('leaving', reading())
    }
  }),
  transportCase('back-pressure: a slow reader makes the handler wait', async trial => {
    const mostAhead = mostAheadOf(trial.harness)
    const { items, made } = producer(4 * (mostAhead + 32))
    const client = connect(Streams, await trial.serve(implement(Streams).handlers({ watch: () => items })))
    await trial.within('reading', readSlowly(await trial.response(client.watch, {}), made, mostAhead))
  }),
  transportCase('back-pressure: a slow handler makes the caller wait', async trial => {
    const mostAhead = mostAheadOf(trial.harness)
    const { items, made } = producer(4 * (mostAhead + 32))
    const service = implement(Streams).handlers({
      upload: async requests => ({ count: await readSlowly(requests, made, mostAhead) }),
    })
    const client = connect(Streams, await trial.serve(service))
    assert.deepEqual(await trial.response(client.upload, items), { count: mostAhead + 32 })
  }),
]
