/** What all servers and clients on one connection share, and where they listen: in virtual time. */
import { call, callOrThrow, connect, contract, implement, manualClock, method, stream, testContext } from 'tenon'
import * as nats from 'tenon/transport/nats'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { FakeBroker } from './fake-broker.js'

const Text = z.object({ text: z.string() })
const Echo = contract('line.v1.Echo', {
  echo: method({ request: Text, response: Text, idempotency: 'safe' }),
  items: method({ request: stream(Text), response: stream(Text), idempotency: 'unsafe' }),
})

async function scene(options: nats.NatsServerOptions = {}) {
  const broker = new FakeBroker()
  const clock = manualClock()
  const remaining: number[] = []
  const service = implement(Echo).handlers({
    echo: (request, { remainingMs }) => {
      remaining.push(remainingMs)
      return request
    },
    async *items(items, { remainingMs }) {
      remaining.push(remainingMs)
      yield* items
    },
  })
  const ok = { ok: true, checks: {} }
  const probes = { live: () => ok, ready: () => ok }
  const listening = await nats
    .server(broker.connection(), { micro: false, ...options })
    .listen([service], { onDefect: console.error, clock, probes })
  return { broker, listening, remaining, context: () => testContext({ clock }) }
}

async function* two() {
  yield { text: '1' }
  yield { text: '2' }
}

type Scene = Awaited<ReturnType<typeof scene>>

/** One call of each kind, whose deadlines are as far as may be asked for. */
async function callBoth({ context }: Scene, client: ReturnType<typeof connect<typeof Echo.methods>>): Promise<void> {
  const deadlineMs = 24 * 3_600_000
  expect(await call(client.echo, { text: 'x' }, { context: context(), deadlineMs })).toMatchObject({ _tag: 'Right' })
  const texts: string[] = []
  for await (const { text } of await callOrThrow(client.items, two(), { context: context(), deadlineMs }))
    texts.push(text)
  expect(texts).toEqual(['1', '2'])
}

test('all calls of all clients on a connection share one inbox, and the last to close ends it', async () => {
  const stage = await scene()
  const { broker, listening } = stage
  const served = broker.subscriptions
  const connection = broker.connection()
  const bindings = [nats.client(connection), nats.client(connection)]
  for (let i = 0; i < 20; i++)
    for (const binding of bindings) {
      await callBoth(stage, connect(Echo, binding))
      expect(broker.subscriptions).toBe(served + 1)
    }
  await bindings[0]?.close()
  expect(broker.subscriptions).toBe(served + 1)
  await bindings[1]?.close()
  expect(broker.subscriptions).toBe(served)
  await listening.close()
  expect(broker.subscriptions).toBe(0)
})

test('inboxes of either end begin with what its user may subscribe to', async () => {
  const stage = await scene({ inboxPrefix: '_SERVED' })
  const binding = nats.client(stage.broker.connection(), { inboxPrefix: '_CALLING' })
  await callBoth(stage, connect(Echo, binding))
  const firsts = new Set(stage.broker.seen.map(each => each.split('.')[0]))
  expect([...firsts].sort()).toEqual(['_CALLING', '_SERVED', 'line'])
  await binding.close()
  await stage.listening.close()
})

test('a caller gets no more time than may be asked for: of a method with a stream at least an hour', async () => {
  for (const [options, expected] of [
    [{}, [300_000, 3_600_000]],
    [{ maxDeadlineMs: 1_000 }, [1_000, 3_600_000]],
    [{ maxDeadlineMs: 7_200_000 }, [7_200_000, 7_200_000]],
  ] as const) {
    const stage = await scene(options)
    const binding = nats.client(stage.broker.connection())
    await callBoth(stage, connect(Echo, binding))
    expect(stage.remaining).toEqual(expected)
    await binding.close()
    await stage.listening.close()
  }
})
