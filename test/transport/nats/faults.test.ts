/** What a stream over NATS does when messages are lost, peers fall silent, or do not keep to their credit: in virtual time. */
import {
  type CallError,
  call,
  connect,
  contract,
  implement,
  type ManualClock,
  manualClock,
  method,
  stream,
  testContext,
} from 'tenon'
import * as nats from 'tenon/transport/nats'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { FakeBroker } from './fake-broker.js'

const Item = z.object({ index: z.number(), padding: z.string().optional() })
const Streams = contract('faults.v1.Streams', {
  watch: method({ request: Item, response: stream(Item), idempotency: 'safe' }),
  upload: method({ request: stream(Item), response: Item, idempotency: 'unsafe' }),
})

interface Scene {
  readonly broker: FakeBroker
  readonly clock: ManualClock
  readonly client: ReturnType<typeof connect<typeof Streams.methods>>
  readonly calling: ReturnType<FakeBroker['connection']>
  readonly defects: unknown[]
  /** Items that the handler of `watch` has made. */
  made(): number
  /** How the calls of handlers ended. */
  readonly ended: string[]
  /** Lets the handler of `upload` read. */
  read(): void
  close(): Promise<void>
}

async function scene(items = 5, taken: () => Promise<void> = async () => {}): Promise<Scene> {
  const broker = new FakeBroker()
  const clock = manualClock()
  const ended: string[] = []
  const defects: unknown[] = []
  let made = 0
  let read = (): void => {}
  const mayRead = new Promise<void>(resolve => {
    read = resolve
  })
  const service = implement(Streams).handlers({
    async *watch(_, { signal }) {
      signal.addEventListener('abort', () => ended.push((signal.reason as CallError).failure.reason))
      for (; made < items; ) yield { index: made++, padding: 'x'.repeat(1_000) }
      if (items < 100) await new Promise(() => {}) // goes on, and says nothing
    },
    async upload(requests, { signal }) {
      signal.addEventListener('abort', () => ended.push((signal.reason as CallError).failure.reason))
      await mayRead
      let last = { index: -1 }
      try {
        for await (const item of requests) last = item
      } catch (thrown) {
        ended.push(`thrown ${(thrown as CallError).failure.reason}`)
        throw thrown
      }
      return last
    },
  })
  const ok = { ok: true, checks: {} }
  const probes = { live: () => ok, ready: () => ok }
  const serving = broker.connection()
  serving.flush = taken
  const listening = await nats
    .server(serving, { micro: false, heartbeatMs: 1_000 })
    .listen([service], { onDefect: thrown => defects.push(thrown), clock, probes })
  const calling = broker.connection()
  const binding = nats.client(calling, { heartbeatMs: 1_000, windowBytes: 10_000 })
  return {
    broker,
    clock,
    client: connect(Streams, binding),
    calling,
    defects,
    made: () => made,
    ended,
    read,
    async close() {
      await listening.close()
      await binding.close()
    },
  }
}

/** The items until the stream ended, and the reason why it failed. */
async function readAll(items: AsyncIterable<{ readonly index: number }>): Promise<readonly [number[], string]> {
  const read: number[] = []
  try {
    for await (const { index } of items) read.push(index)
    return [read, 'ended']
  } catch (thrown) {
    return [read, (thrown as CallError).failure.reason]
  }
}

const settle = async (): Promise<void> => {
  for (let i = 0; i < 200; i++) await Promise.resolve()
}

async function watching({ client, clock }: Scene): Promise<AsyncIterable<{ readonly index: number }>> {
  const outcome = await call(client.watch, { index: 0 }, { context: testContext({ clock }), deadlineMs: 60_000 })
  if (outcome._tag === 'Left') throw new Error(JSON.stringify(outcome.left))
  return outcome.right
}

test('an item that is lost breaks the stream, and ends its work', async () => {
  const stage = await scene()
  stage.broker.isLost = (_, text) => text.startsWith('{"n":2,')
  expect(await readAll(await watching(stage))).toEqual([[0, 1], 'STREAM_BROKEN'])
  await settle()
  expect(stage.ended).toEqual(['CANCELLED'])
  await stage.close()
})

test('a server that falls silent breaks the stream after three signs of life that did not come', async () => {
  const stage = await scene()
  const items = await watching(stage)
  const reading = readAll(items)
  await settle()
  for (let i = 0; i < 10; i++) await stage.clock.advance(1_000) // it says that it is there
  stage.broker.isLost = ({ subject }) => subject.startsWith('_INBOX')
  await stage.clock.advance(2_900)
  let isOver = false
  void reading.then(() => {
    isOver = true
  })
  await settle()
  expect(isOver).toBe(false)
  await stage.clock.advance(1_200)
  expect(await reading).toEqual([[0, 1, 2, 3, 4], 'STREAM_BROKEN'])
  await stage.close()
})

test('a caller that falls silent ends the work, and nobody is left with a timer', async () => {
  const stage = await scene()
  void readAll(await watching(stage))
  await settle()
  stage.broker.isLost = () => true
  await stage.clock.advance(5_000)
  await settle()
  expect(stage.ended).toEqual(['CANCELLED'])
  expect(stage.clock.pendingTimers).toBe(0)
  await stage.close()
})

test('a sender waits when its credit is used, and goes on when more is given', async () => {
  const stage = await scene(1_000)
  const reader = (await watching(stage))[Symbol.asyncIterator]()
  await settle()
  const perItem = 1_000 + 256
  expect(stage.made()).toBeLessThanOrEqual(Math.ceil(10_000 / perItem) + 1)
  for (let i = 0; i < 1_000; i++) {
    const item = await reader.next()
    expect(item.value?.index).toBe(i)
    expect(stage.made() - i).toBeLessThanOrEqual(Math.ceil(10_000 / perItem) + 2)
  }
  expect(await reader.next()).toEqual({ done: true, value: undefined })
  await stage.close()
})

test('a credit that is lost is said again', async () => {
  const stage = await scene(20)
  let lost = 0
  stage.broker.isLost = (_, text) => text.startsWith('{"credit"') && lost++ < 2
  const reading = readAll(await watching(stage))
  await settle()
  expect(stage.made()).toBeLessThan(20)
  await stage.clock.advance(1_000)
  await settle()
  expect(stage.made()).toBe(20)
  stage.calling.breakOff()
  expect((await reading)[1]).toBe('STREAM_BROKEN')
  await stage.close()
})

test('a caller that sends more than it may is refused', async () => {
  const stage = await scene()
  const { broker, calling } = stage
  let control = ''
  calling.subscribe('_INBOX.greedy', {
    callback: (_, { reply = '' }) => {
      if (reply !== '') control = reply
    },
  })
  calling.publish('faults.v1.Streams.upload', new Uint8Array(), { reply: '_INBOX.greedy' })
  await settle()
  const padding = 'x'.repeat(100_000)
  for (let n = 0; n < 5; n++)
    calling.publish(control, Buffer.from(`{"n":${n},"value":{"index":${n},"padding":"${padding}"}}`))
  await settle()
  stage.read()
  await settle()
  expect(stage.ended).toEqual(['thrown MALFORMED_BODY'])
  expect(broker.seen.filter(each => each.startsWith('_INBOX.greedy')).at(-1)).toMatch(
    /more items came than there was credit/,
  )
  await stage.close()
})

test('whatever credit a caller gives, no more waits for the broker than it takes, and no more is sent than any window is', async () => {
  const perItem = 1_000 + 256
  const most = 256 << 10
  const untaken: (() => void)[] = []
  let isListening = false
  const stage = await scene(30_000, () =>
    isListening ? new Promise(resolve => untaken.push(resolve)) : Promise.resolve(),
  )
  isListening = true
  let control = ''
  stage.calling.subscribe('_INBOX.greedy', {
    callback: (_, { reply = '' }) => {
      if (reply !== '') control = reply
    },
  })
  const headers = [['tenon-credit', ['999999999999']]] as [string, string[]][]
  const body = Buffer.from('{"index":1}')
  stage.calling.publish('faults.v1.Streams.watch', body, { reply: '_INBOX.greedy', headers })
  const untilStill = async (): Promise<number> => {
    for (let before = -1; before !== stage.made(); ) {
      before = stage.made()
      await settle()
    }
    return stage.made()
  }
  expect(await untilStill()).toBeLessThan(most / perItem + 2)
  expect(stage.made()).toBeGreaterThan(most / perItem / 2)
  let before = 0
  while (before !== stage.made()) {
    before = stage.made()
    for (const take of untaken.splice(0)) take()
    expect((await untilStill()) - before).toBeLessThan(most / perItem + 2)
  }
  expect(stage.made()).toBeLessThan((16 << 20) / perItem + 2)
  expect(stage.made()).toBeGreaterThan((15 << 20) / perItem)
  stage.calling.publish(control, Buffer.from('{"credit":999999999999}')) // as it says every few seconds
  await untilStill()
  expect(stage.made()).toBeGreaterThan(before)
  stage.calling.publish(control, Buffer.from('{"cancel":{}}'))
  await settle()
  expect(stage.ended).toEqual(['CANCELLED'])
  await stage.close()
})

test('a stream without a place for its answer is refused, and closing leaves no subscription', async () => {
  const stage = await scene()
  stage.calling.publish('faults.v1.Streams.watch', Buffer.from('{"index":1}'))
  await settle()
  expect(stage.made()).toBe(0)
  await stage.close()
  expect(stage.broker.subscriptions).toBe(0)
})
