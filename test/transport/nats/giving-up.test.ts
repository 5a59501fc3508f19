/** Who gives up a unary call tells the one server that works on it, and nobody else: what is said, in virtual time. */
import { call, connect, contract, fromPromise, implement, manualClock, method, stream, testContext } from 'tenon'
import * as nats from 'tenon/transport/nats'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { FakeBroker } from './fake-broker.js'

const Text = z.object({ text: z.string() })
const Work = contract('work.v1.Work', {
  hang: method({ request: Text, response: Text, idempotency: 'safe' }),
  quick: method({ request: Text, response: Text, idempotency: 'safe' }),
  open: method({ request: Text, response: stream(Text), idempotency: 'safe' }),
})
const ok = { ok: true, checks: {} }
const probes = { live: () => ok, ready: () => ok }

/** Lets go on what may, without time passing. */
const settle = async (): Promise<void> => {
  for (let i = 0; i < 200; i++) await Promise.resolve()
}

async function scene() {
  const broker = new FakeBroker()
  const clock = manualClock()
  const aborted: string[] = []
  const hang = (_: unknown, { signal }: { readonly signal: AbortSignal }): Promise<never> =>
    new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => {
        aborted.push((signal.reason as { readonly failure: { readonly message: string } }).failure.message)
        reject(signal.reason)
      })
    })
  const service = implement(Work).handlers({ hang, quick: request => request, open: hang })
  const serving = broker.connection()
  const listening = await nats
    .server(serving, { micro: false })
    .listen([service], { onDefect: thrown => aborted.push(String(thrown)), clock, probes })
  const binding = nats.client(broker.connection())
  const client = connect(Work, binding)
  /** What goes over the broker, without the request: who is told what. */
  const said = (): string[] =>
    broker.seen.slice(1).map(each => (each.startsWith('_INBOX.') ? each.slice(each.lastIndexOf('.') + 1) : each))
  return { broker, clock, aborted, hang, serving, listening, binding, client, said }
}

type Scene = Awaited<ReturnType<typeof scene>>

/** A call, and what gives it up. */
function going({ clock }: Scene, endpoint: Scene['client']['hang'] | Scene['client']['open']) {
  const controller = new AbortController()
  const context = testContext({ clock, signal: controller.signal })
  const outcome = call(endpoint as Scene['client']['hang'], { text: 'x' }, { context, deadlineMs: 60_000 })
  return { outcome, giveUp: () => controller.abort() }
}

const cancelled = { left: { code: 'cancelled' } }

test.each(['hang', 'open'] as const)(
  'of a call that lasts the server says where it listens, and is told there: %s',
  async name => {
    const stage = await scene()
    const { outcome, giveUp } = going(stage, stage.client[name])
    await settle()
    await stage.clock.advance(200)
    await settle()
    expect(stage.said()).toEqual([
      expect.stringMatching(name === 'hang' ? /^~\w+ \{"running":\{\}\}$/ : /^~\w+ \{"credit":0\}$/),
    ])
    giveUp()
    await settle()
    expect(await outcome).toMatchObject(cancelled)
    expect(stage.aborted).toEqual(['the caller gave up'])
    expect(stage.said().slice(1)).toEqual([expect.stringMatching(/^~\w+ \{"cancel":\{\}\}$/)])
    await stage.binding.close()
    await stage.listening.close()
    expect(stage.broker.subscriptions).toBe(0)
  },
)

test.each(['hang', 'open'] as const)(
  'a call that is given up sooner is ended when the server has said so: %s',
  async name => {
    const stage = await scene()
    const { outcome, giveUp } = going(stage, stage.client[name])
    await settle()
    giveUp()
    await settle()
    expect(await outcome).toMatchObject(cancelled)
    expect(stage.said()).toEqual([])
    let isClosed = false
    const closed = stage.binding.close().then(() => {
      isClosed = true
    })
    await settle()
    expect(isClosed).toBe(false) // or nobody would tell the server
    await stage.clock.advance(200)
    await settle()
    expect(stage.aborted).toEqual(['the caller gave up'])
    await closed
    await stage.listening.close()
  },
)

test('a call that is given up, and answered all the same, needs no word', async () => {
  const stage = await scene()
  const { outcome, giveUp } = going(stage, stage.client.quick)
  giveUp()
  await settle()
  expect(await outcome).toMatchObject(cancelled)
  await stage.clock.advance(2_000)
  await settle()
  expect(stage.said().filter(each => each.includes('cancel'))).toEqual([])
  await stage.binding.close()
  await stage.listening.close()
})

test('where nobody speaks of a call that was given up, it is forgotten after a second', async () => {
  const stage = await scene()
  stage.broker.isLost = () => true
  const { outcome, giveUp } = going(stage, stage.client.hang)
  await settle()
  giveUp()
  expect(await outcome).toMatchObject(cancelled)
  const closed = stage.binding.close()
  await stage.clock.advance(1_001)
  await closed
  await stage.listening.close()
})

test('a caller of another maker hears of nothing but its answer, and a short call of ours neither', async () => {
  const stage = await scene()
  stage.broker.connection().publish('work.v1.Work.hang', Buffer.from('{"text":"x"}'), { reply: '_INBOX.abc.def' })
  await settle()
  expect(stage.listening.callsInFlight).toBe(1)
  await stage.clock.advance(1_000)
  await settle()
  expect(stage.said()).toEqual([])
  const { outcome } = going(stage, stage.client.quick)
  expect(await outcome).toMatchObject({ right: { text: 'x' } })
  await stage.clock.advance(1_000)
  await settle()
  expect(stage.said()).toHaveLength(2) // the request and its answer
  await stage.binding.close()
  await stage.listening.close()
})

test('a handler hears of it as well, where it is given its connection', async () => {
  const stage = await scene()
  const { broker, clock, hang } = stage
  const serving = broker.connection()
  const codec = { decode: () => ({}), encode: () => ({}) }
  for (const [subject, options] of [
    ['with', { connection: serving, clock }],
    ['without', { clock }],
  ] as const)
    serving.subscribe(subject, { callback: nats.handler(fromPromise(hang), codec, options) })
  const before = broker.subscriptions
  for (const [subject, inboxes, expected] of [
    ['without', 1, []],
    ['with', 2, ['the caller gave up']],
  ] as const) {
    const remote = nats.endpoint(
      { connection: broker.connection(), subject },
      { encode: (_: { text: string }) => ({}), decode: () => ({ text: '' }) },
    )
    const { outcome, giveUp } = going(stage, remote)
    await settle()
    await clock.advance(200)
    await settle()
    expect(broker.subscriptions - before).toBe(inboxes) // the caller's, and the handler's while a call lasts
    giveUp()
    expect(await outcome).toMatchObject(cancelled)
    await settle()
    expect(stage.aborted).toEqual(expected)
    const closed = remote.close()
    await clock.advance(1_001)
    await closed
    expect(broker.subscriptions).toBe(before)
  }
  await stage.binding.close()
  await stage.listening.close()
})

test('a server is told when its connection was closed for good, and not when that was its own end', async () => {
  for (const [end, expected] of [
    [false, [expect.stringContaining('closed for good')]],
    [true, []],
  ] as const) {
    const stage = await scene()
    if (end) await stage.listening.drain()
    stage.serving.closeForGood()
    await settle()
    expect(stage.aborted).toEqual(expected)
    await stage.listening.close()
  }
})
