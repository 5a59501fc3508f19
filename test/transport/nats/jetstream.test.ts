/** Durable work: what becomes of a message, how many at once, and that what was acknowledged is not lost with the broker. */
import { type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect as connectNats, type NatsConnection } from '@nats-io/transport-node'
import { type Context, call, contract, failed, fromPromise, left, method, stream, systemClock } from 'tenon'
import type { Listening } from 'tenon/contract'
import { retry, retryBudget, tracing } from 'tenon/middleware'
import { memoryReporter, tracer } from 'tenon/tracing'
import * as nats from 'tenon/transport/nats'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { deep } from '../../deep.js'
import { hasNats, needNats, startNats } from '../../integration/nats.js'
import type { OwnServer } from '../../integration/own-server.js'
import { libraries, type TestConnection } from './connections.js'

interface Order {
  readonly id: number
}

vi.setConfig({ testTimeout: deep(60_000, 300_000) }) // real brokers take their time

let broker: OwnServer | undefined
let admin: NatsConnection | undefined
let manager: JetStreamManager | undefined
beforeAll(async () => {
  if (!hasNats) return
  broker = await startNats()
  admin = await connectNats({ servers: `127.0.0.1:${broker.port}`, maxReconnectAttempts: -1, reconnectTimeWait: 50 })
  manager = await jetstreamManager(admin)
})
afterAll(async () => {
  await admin?.close()
  await broker?.stop()
})

const waitMs = { timeout: 20_000 }
let lastStream = 0

interface Scene {
  readonly subject: string
  readonly dead: string
  readonly options: { readonly stream: string; readonly durable: string; readonly deadLetter: string }
  readonly connection: TestConnection
  /** What is stored under a subject. */
  stored(subject: string): Promise<number>
  pending(): Promise<number>
}

async function scene(library: string, connectionOf = libraries[library]): Promise<Scene> {
  const stream = `S${++lastStream}`
  const [subject, dead] = [`orders.${stream}`, `dead.${stream}`]
  await manager?.streams.add({ name: stream, subjects: [subject] })
  await manager?.streams.add({ name: `D${stream}`, subjects: [dead] })
  await manager?.consumers.add(stream, { durable_name: 'work', ack_policy: 'explicit', ack_wait: 4e9 })
  const connection = await connectionOf?.(broker?.port ?? 0)
  if (connection === undefined) throw new Error(library)
  return {
    subject,
    dead,
    options: { stream, durable: 'work', deadLetter: dead },
    connection,
    async stored(of) {
      const info = await manager?.streams.info(of === dead ? `D${stream}` : stream)
      return info?.state.messages ?? -1
    },
    async pending() {
      const info = await manager?.consumers.info(stream, 'work')
      return (info?.num_pending ?? 0) + (info?.num_ack_pending ?? 0)
    },
  }
}

function consuming(
  { connection, options }: Scene,
  run: (order: Order, context: Context) => unknown,
  more: Partial<nats.ConsumerOptions<Order>> = {},
): Promise<Listening> {
  const ok = { ok: true, checks: {} }
  const endpoint = fromPromise(run) as nats.ConsumerOptions<Order>['endpoint']
  return nats
    .consumer<Order>(connection, { ...options, endpoint, retryDelayMs: () => 10, ...more })
    .listen([], { onDefect: () => {}, clock: systemClock, probes: { live: () => ok, ready: () => ok } })
}

describe.each(Object.keys(libraries))('with %s', library => {
  test('a publication succeeds when it is stored, once for each id', async ({ skip }) => {
    needNats(skip)
    const { connection, subject, options, stored } = await scene(library)
    const publish = nats.publisher<Order>({ connection, subject }, { messageId: ({ id }) => `order-${id}` })
    expect(await call(publish, { id: 1 })).toMatchObject({
      right: { stream: options.stream, sequence: 1, duplicate: false },
    })
    expect(await call(publish, { id: 1 })).toMatchObject({ right: { sequence: 1, duplicate: true } })
    expect(await stored(subject)).toBe(1)
    const nowhere = nats.publisher<Order>({ connection, subject: 'nobody.takes.this' })
    expect(await call(nowhere, { id: 1 })).toMatchObject({ left: { reason: 'NO_RESPONDERS', ran: 'no' } })
    const wrong = nats.publisher<Order>({ connection, subject }, { messageId: () => 'a\r\nb' })
    expect(await call(wrong, { id: 1 })).toMatchObject({ left: { reason: 'INVALID_METADATA', ran: 'no' } })
    await manager?.streams.update(options.stream, { max_msgs: 1, discard: 'new' } as never)
    expect(await call(publish, { id: 2 })).toMatchObject({ left: { reason: 'NOT_STORED' } })
    await publish.close()
    expect(await call(publish, { id: 1 })).toMatchObject({ left: { reason: 'CLIENT_CLOSED' } })
    await connection.close()
  })

  test('a message is done with when its endpoint succeeds, tried again when it may pass, and else given up', async ({
    skip,
  }) => {
    needNats(skip)
    const stage = await scene(library)
    const { connection, subject, dead, stored, pending } = stage
    const seen: string[] = []
    const places: string[] = []
    const buried: string[] = []
    const listening = await consuming(
      stage,
      ({ id }, { attempt, metadata }) => {
        seen.push(`${id} at ${attempt} as ${metadata.get('nats-msg-id')}`)
        if (id === 2) places.push(`${metadata.get('nats-stream')} ${metadata.get('nats-sequence')}`)
        if (id === 2 && attempt === 1) return failed('unavailable', 'BUSY', 'later', { retryAfterMs: 5 })
        if (id === 3) return failed('invalid_argument', 'WRONG', 'never')
        if (id === 4) throw new Error('defect')
        if (id === 5) return left({ _tag: 'OutOfStock', details: {} })
        return { id }
      },
      { maxDeliver: 2, onDeadLetter: (_, message) => buried.push(message.text()) },
    )
    const publish = nats.publisher<Order>({ connection, subject }, { messageId: ({ id }) => `${id}` })
    for (const id of [1, 2, 3, 4, 5]) await call(publish, { id })
    const raw = nats.publisher<string>({ connection, subject }, { encode: text => text })
    await call(raw, 'no JSON')
    await vi.waitFor(async () => expect(await pending()).toBe(0), waitMs)
    await vi.waitFor(async () => expect(await stored(dead)).toBe(4), waitMs)
    expect([...seen].sort()).toEqual(
      ['1 at 1', '2 at 1', '2 at 2', '3 at 1', '4 at 1', '4 at 2', '5 at 1'].map(each => `${each} as ${each[0]}`),
    )
    expect(places).toEqual([`${stage.options.stream} 2`, `${stage.options.stream} 2`])
    expect(buried.sort()).toEqual(['no JSON', '{"id":3}', '{"id":4}', '{"id":5}'])
    const first = await manager?.streams.getMessage(`D${stage.options.stream}`, { seq: 1 })
    expect(first?.header.get('tenon-dead-subject')).toBe(subject)
    expect(first?.header.get('tenon-dead-reason')).toMatch(/WRONG|OutOfStock|MALFORMED_BODY/)
    await listening.close()
    await connection.close()
  })

  test("a message may be the request of a contract's method: who takes it out validates it", async ({ skip }) => {
    needNats(skip)
    const stage = await scene(library)
    const { connection, subject, dead, options, pending, stored } = stage
    const when = z.union([z.date(), z.iso.datetime({ offset: true }).transform(text => new Date(text))])
    const Bills = contract('test.v1.Bills', {
      send: method({
        request: z.object({ id: z.string().min(1), at: when, copies: z.int().default(1) }),
        response: z.object({}),
        idempotency: 'idempotent',
      }),
    })
    const publish = nats.publisher(
      { connection, subject },
      { method: Bills.methods.send, messageId: ({ id }) => `bill-${id}` },
    )
    const seen: unknown[] = []
    const endpoint = fromPromise(({ id, at, copies }: { id: string; at: Date; copies: number }) => {
      seen.push([id, at.getTime(), copies])
      return {}
    })
    const buried: string[] = []
    const onDeadLetter = (failure: object): void => void buried.push('reason' in failure ? `${failure.reason}` : '')
    const binding = nats.consumer(connection, { ...options, method: Bills.methods.send, endpoint, onDeadLetter })
    const ok = { ok: true, checks: {} }
    const probes = { live: () => ok, ready: () => ok }
    const listening = await binding.listen([], { onDefect: console.error, clock: systemClock, probes })
    await call(publish, { id: '1', at: new Date(7) })
    const raw = nats.publisher<object>({ connection, subject })
    await call(raw, { id: '2' })
    await vi.waitFor(async () => expect(await pending()).toBe(0), waitMs)
    await vi.waitFor(async () => expect(await stored(dead)).toBe(1), waitMs)
    expect(seen).toEqual([['1', 7, 1]])
    expect(buried).toEqual(['INVALID_REQUEST'])
    const streamed = method({ request: stream(z.object({})), response: z.object({}), idempotency: 'unsafe' })
    expect(() => nats.consumer(connection, { ...options, method: streamed, endpoint: endpoint as never })).toThrow(
      /may not take a stream/,
    )
    await listening.close()
    await connection.close()
  })

  test('no more messages are handled at once than may be, and a drain gives back what it does not begin', async ({
    skip,
  }) => {
    needNats(skip)
    const stage = await scene(library)
    const { connection, subject, pending } = stage
    let [running, most, done] = [0, 0, 0]
    let release = (): void => {}
    const released = new Promise<void>(resolve => {
      release = resolve
    })
    const listening = await consuming(
      stage,
      async () => {
        most = Math.max(most, ++running)
        await released
        running--
        done++
      },
      { maxConcurrent: 4 },
    )
    const publish = nats.publisher<Order>({ connection, subject })
    for (let id = 0; id < 20; id++) await call(publish, { id })
    await vi.waitFor(() => expect(listening.callsInFlight).toBe(4), waitMs)
    const drained = listening.drain()
    release()
    await drained
    expect([most, done]).toEqual([4, 4])
    await vi.waitFor(async () => expect(await pending()).toBe(16), waitMs)
    await listening.close()
    const next = await consuming(stage, () => {
      done++
    })
    await vi.waitFor(() => expect(done).toBe(20), waitMs)
    await next.drain()
    expect(await pending()).toBe(0)
    await next.close()
    await connection.close()
  })

  test('what takes longer than the consumer waits for an acknowledgement is delivered once: the server is told that it goes on', async ({
    skip,
  }) => {
    needNats(skip)
    const ackWaitMs = 4_000 // far more than a busy machine stands still
    const stage = await scene(library)
    const { connection, subject, options, pending } = stage
    const waits = { ack_policy: 'explicit', ack_wait: ackWaitMs * 1e6 } as const
    await manager?.consumers.update(options.stream, 'work', waits)
    await manager?.consumers.add(options.stream, { durable_name: 'witness', ...waits })
    const seen: string[] = []
    let release = (): void => {}
    const released = new Promise<void>(resolve => {
      release = resolve
    })
    const work = async ({ id }: Order, { attempt }: Context): Promise<void> => {
      seen.push(`${id} at ${attempt}`)
      await released
    }
    const listening = await consuming(stage, work, { maxConcurrent: 4 }) // more than there are messages: any could come again
    const publish = nats.publisher<Order>({ connection, subject })
    for (const id of [1, 2]) await call(publish, { id })
    await vi.waitFor(() => expect(seen).toEqual(['1 at 1', '2 at 1']), waitMs)
    if (admin === undefined) throw new Error('no broker')
    // It says nothing of what it is given: when that comes again, the time of the others has passed as well.
    const witness = await jetstream(admin).consumers.get(options.stream, 'witness')
    let message = await witness.next({ expires: 30_000 })
    while (message?.redelivered === false) message = await witness.next({ expires: 30_000 })
    expect(message?.redelivered).toBe(true)
    expect((await manager?.consumers.info(options.stream, 'work'))?.num_redelivered).toBe(0)
    expect(seen).toEqual(['1 at 1', '2 at 1'])
    release()
    await vi.waitFor(async () => expect(await pending()).toBe(0), waitMs)
    await listening.close()
    await connection.close()
  })

  test('of a message that fails the server is told how long to wait, and at last to deliver it no more', async ({
    skip,
  }) => {
    needNats(skip)
    const stage = await scene(library)
    const { connection, subject, dead, options, stored } = stage
    const said: string[] = []
    admin?.subscribe(`$JS.ACK.${options.stream}.work.>`, { callback: (_, message) => void said.push(message.string()) })
    await admin?.flush()
    const attempts: number[] = []
    const failing = (_: Order, { attempt }: Context): unknown => {
      attempts.push(attempt)
      return failed('unavailable', 'BUSY', 'later')
    }
    // As often as by default, which is five times.
    const listening = await consuming(stage, failing, { retryDelayMs: attempt => attempt * 3 })
    const publish = nats.publisher<Order>({ connection, subject }, { messageId: ({ id }) => `order-${id}` })
    await call(publish, { id: 1 })
    await vi.waitFor(async () => expect(await stored(dead)).toBe(1), waitMs)
    await vi.waitFor(() => expect(said).toHaveLength(5), waitMs)
    expect(attempts).toEqual([1, 2, 3, 4, 5])
    expect(said).toEqual([...[3, 6, 9, 12].map(ms => `-NAK {"delay":${ms * 1e6}}`), '+TERM'])
    const { header } = (await manager?.streams.getMessage(`D${options.stream}`, { seq: 1 })) ?? {}
    expect(header?.get('Nats-Msg-Id')).toBe(`dead.${options.stream}.1`) // not the publisher's, by which one would be taken for it
    expect(header?.get('tenon-dead-attempts')).toBe('5')
    await listening.close()
    await connection.close()
  })

  test('by default each wait is twice the last, from a second on, unless the failure says how long', async ({
    skip,
  }) => {
    needNats(skip)
    const stage = await scene(library)
    const { connection, subject, options } = stage
    const said: string[] = []
    admin?.subscribe(`$JS.ACK.${options.stream}.work.>`, { callback: (_, message) => void said.push(message.string()) })
    await admin?.flush()
    const endpoint = fromPromise((_: Order, { attempt }: Context) =>
      failed('unavailable', 'BUSY', 'later', attempt < 4 ? { retryAfterMs: attempt } : {}),
    ) as nats.ConsumerOptions<Order>['endpoint']
    const ok = { ok: true, checks: {} }
    const probes = { live: () => ok, ready: () => ok }
    const listening = await nats
      .consumer<Order>(connection, { ...options, endpoint })
      .listen([], { onDefect: console.error, clock: systemClock, probes })
    await call(nats.publisher<Order>({ connection, subject }), { id: 1 })
    await vi.waitFor(() => expect(said).toHaveLength(4), waitMs)
    expect(said).toEqual([1, 2, 3, 8_000].map(ms => `-NAK {"delay":${ms * 1e6}}`))
    await listening.close()
    await connection.close()
  })

  test('a message that cannot be given up is not lost', async ({ skip }) => {
    needNats(skip)
    const stage = await scene(library)
    const { connection, subject, pending } = stage
    let attempts = 0
    const options = { deadLetter: 'nobody.takes.this' }
    const listening = await consuming(stage, () => failed('not_found', `A${++attempts}`, 'x'), options)
    const publish = nats.publisher<Order>({ connection, subject })
    await call(publish, { id: 1 })
    await vi.waitFor(() => expect(attempts).toBeGreaterThan(2), waitMs)
    expect(await pending()).toBe(1)
    await listening.close()
    await connection.close()
  })

  test('without a consumer it does not begin', async ({ skip }) => {
    needNats(skip)
    const stage = await scene(library)
    await expect(consuming(stage, () => {}, { durable: 'nobody' })).rejects.toThrow(/CONSUMER.INFO.*consumer not found/)
    await stage.connection.close()
  })
})

describe.each(Object.keys(libraries))('with %s, too,', library => {
  test('the consumer of a message has a span of its own, linked to that of its producer', async ({ skip }) => {
    needNats(skip)
    const stage = await scene(library)
    const { connection, subject } = stage
    const reporter = memoryReporter()
    const traces = tracer({ service: 'shop', reporters: [reporter] })
    const publish = tracing(traces, { kind: 'producer' })(nats.publisher<Order>({ connection, subject }))
    const handle = tracing(traces, { kind: 'consumer' })(fromPromise(({ id }: Order) => ({ id })))
    const endpoint = handle as nats.ConsumerOptions<Order>['endpoint']
    const listening = await consuming(stage, () => {}, { endpoint })
    await call(publish, { id: 1 })
    await vi.waitFor(() => expect(reporter.spans).toHaveLength(2), waitMs)
    const [producer, consumer] = ['producer', 'consumer'].map(kind => reporter.spans.find(span => span.kind === kind))
    expect(consumer?.links[0]?.context.spanId).toBe(producer?.context.spanId)
    expect(consumer?.context.traceId).not.toBe(producer?.context.traceId)
    await listening.close()
    await connection.close()
  })

  test('no acknowledged message is lost with the broker, and what comes twice is marked', async ({ skip }) => {
    needNats(skip)
    const stage = await scene(library)
    const { connection, subject, pending } = stage
    const total = deep(1_000, library === 'nats' ? 20_000 : 100_000) // a broker has much to write
    const acknowledged = new Set<number>()
    const done = new Map<number, number>()
    const places = new Map<number, string | undefined>()
    let [unmarked, moved] = [0, 0]
    const listening = await consuming(
      stage,
      ({ id }, { attempt, metadata }) => {
        const before = done.get(id) ?? 0
        const place = metadata.get('nats-sequence')
        if (before > 0 && places.get(id) !== place) moved++
        places.set(id, place)
        if (before > 0 && attempt === 1 && metadata.get('nats-msg-id') !== `${id}`) unmarked++ // a broker that was killed may forget how often
        done.set(id, before + 1)
      },
      { maxConcurrent: 64, maxDeliver: 1_000 },
    )
    const own = nats.publisher<Order>({ connection, subject }, { messageId: ({ id }) => `${id}` })
    const publish = retry({ maxAttempts: 30, maxMs: 500, budget: retryBudget({ ratio: 1, minPerSecond: 1_000 }) })(own)
    let next = 0
    const publishing = Array.from({ length: 32 }, async () => {
      while (next < total) {
        const id = next++
        const outcome = await call(publish, { id }, { deadlineMs: 20_000 })
        if (outcome._tag === 'Right') acknowledged.add(id)
      }
    })
    for (let i = 0; i < deep(1, 10); i++) {
      const enough = (total * (i + 1)) / 12
      await vi.waitFor(() => expect(acknowledged.size).toBeGreaterThan(enough), { timeout: 120_000 })
      await broker?.signal('SIGKILL')
      await broker?.start()
    }
    await Promise.all(publishing)
    await vi.waitFor(async () => expect(await pending()).toBe(0), { timeout: 120_000, interval: 200 })
    expect([...acknowledged].filter(id => !done.has(id))).toEqual([])
    expect([unmarked, moved]).toEqual([0, 0])
    await listening.close()
    await connection.close()
  })
})
