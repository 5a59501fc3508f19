/** Streams that are made as fast as can be and read slowly, for transports whose memory must not grow with them. */
import { type ClientBinding, callOrThrow, connect, contract, implement, method, stream } from 'tenon'
import { z } from 'zod'
import { collect } from '../heap.js'

const Text = z.object({ text: z.string() })
const Flood = contract('test.v1.Flood', {
  pour: method({ request: z.object({ count: z.number() }), response: stream(Text), idempotency: 'safe' }),
  fill: method({ request: stream(Text), response: z.object({ read: z.number() }), idempotency: 'unsafe' }),
})
const text = 'x'.repeat(10_000)

/** What the process holds on to: buffers are given back only a moment after their last user was collected. */
async function heldBytes(): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  for (let round = 0; round < 3; round++) {
    collect()
    await new Promise(setImmediate)
    const { heapUsed, external } = process.memoryUsage()
    least = Math.min(least, heapUsed + external)
  }
  return least
}

/** A service whose streams have as many items of 10 kB as wanted, and how far the making is ahead of the reading, in items and in memory. */
export function flood() {
  const most = { ahead: 0, bytes: 0 }
  let [made, read] = [0, 0]
  async function* items(count: number) {
    for (; made < count; made++) yield { text }
  }
  /** Until nothing more is made for a while: it is held back, or there is no more. */
  const stalled = async (): Promise<void> => {
    for (let [before, still] = [-1, 0]; still < 5; still = made === before ? still + 1 : 0) {
      before = made
      await new Promise(resolve => setTimeout(resolve, 10))
    }
  }
  const slowly = async (texts: AsyncIterable<{ text: string }>, count: number): Promise<number> => {
    const before = await heldBytes()
    await stalled() // a reader that begins late is the worst
    most.ahead = made
    most.bytes = Math.max(0, (await heldBytes()) - before)
    for await (const item of texts) {
      if (item.text.length === text.length) read++ // no expectation: they are kept
      most.ahead = Math.max(most.ahead, made - read)
      if (read % 10 === 0) await new Promise(resolve => setTimeout(resolve, 1))
      if (read % Math.ceil(count / 5) === 0) most.bytes = Math.max(most.bytes, (await heldBytes()) - before)
    }
    return read
  }
  let total = 0
  const service = implement(Flood).handlers({
    pour: ({ count }) => items(count),
    fill: async texts => ({ read: await slowly(texts, total) }),
  })
  /** From the server (`pour`) or to it (`fill`); how many have been read. */
  const run = async (binding: ClientBinding, direction: 'pour' | 'fill', count: number): Promise<number> => {
    const client = connect(Flood, binding)
    total = count
    if (direction === 'fill') return (await callOrThrow(client.fill, items(count))).read
    return slowly(await callOrThrow(client.pour, { count }), count)
  }
  return { service, most, run }
}
