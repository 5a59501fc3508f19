/** A broker that dies, comes back and hangs: no call hangs with it, and all that ends badly says so with a typed failure. */
import { jetstreamManager } from '@nats-io/jetstream'
import * as transportNode from '@nats-io/transport-node'
import {
  call,
  connect,
  contract,
  type Failure,
  fromPromise,
  implement,
  isFailure,
  method,
  stream,
  systemClock,
} from 'tenon'
import { type Running, serve } from 'tenon/lifecycle'
import * as nats from 'tenon/transport/nats'
import { describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { deep } from '../../deep.js'
import { needNats, startNats } from '../../integration/nats.js'
import type { OwnServer } from '../../integration/own-server.js'
import { libraries, type TestConnection } from './connections.js'

vi.setConfig({ testTimeout: deep(60_000, 300_000) }) // real brokers take their time

const Text = z.object({ text: z.string() })
const Echo = contract('chaos.v1.Echo', {
  echo: method({ request: Text, response: Text, idempotency: 'safe' }),
  hang: method({ request: Text, response: Text, idempotency: 'safe' }),
  endless: method({ request: Text, response: stream(Text), idempotency: 'safe' }),
})

const deadlineMs = 1_000
/** Calls may be told late where the machine is busy; what hangs is told never. */
const slackMs = 10_000
const expected = new Set([
  'CONNECTION_FAILED',
  'CONNECTION_LOST',
  'DEADLINE_EXCEEDED',
  'NO_RESPONDERS',
  'STREAM_BROKEN',
  'CANCELLED',
])

/** How many calls have begun that never end by themselves. */
const hangs = { begun: 0 }

const echoing = implement(Echo).handlers({
  echo: request => request,
  hang(_, { signal }) {
    hangs.begun++
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  },
  async *endless(request, { signal }) {
    while (!signal.aborted) {
      yield request
      await new Promise(resolve => setTimeout(resolve, 5))
    }
  },
})

interface Scene {
  readonly broker: OwnServer
  readonly client: ReturnType<typeof connect<typeof Echo.methods>>
  close(): Promise<void>
}

async function scene(library: string): Promise<Scene> {
  const broker = await startNats()
  const open = libraries[library]
  if (open === undefined) throw new Error(library)
  const ends: readonly TestConnection[] = [await open(broker.port), await open(broker.port)]
  const [served, calling] = ends
  if (served === undefined || calling === undefined) throw new Error(library)
  const ok = { ok: true, checks: {} }
  const probes = { live: () => ok, ready: () => ok }
  const server = nats.server(served, { heartbeatMs: 200 })
  const listening = await server.listen([echoing], { onDefect: console.error, clock: systemClock, probes })
  return {
    broker,
    client: connect(Echo, nats.client(calling, { heartbeatMs: 200 })),
    async close() {
      await listening.close()
      for (const each of ends) await each.close()
      await broker.stop()
    },
  }
}

/** Calls again and again, until it is stopped. */
class Load {
  readonly failures: Map<string, number> = new Map()
  succeeded = 0
  longestMs = 0
  #isOn = true
  readonly #ended: Promise<unknown>

  constructor({ client }: Scene, width: number) {
    const unary = Array.from({ length: width }, (_, i) => this.#calls(client, `${i}`))
    this.#ended = Promise.all([...unary, this.#streams(client)])
  }

  async #calls(client: Scene['client'], text: string): Promise<void> {
    while (this.#isOn) {
      const startedAt = Date.now()
      const outcome = await call(client.echo, { text }, { deadlineMs })
      this.longestMs = Math.max(this.longestMs, Date.now() - startedAt)
      if (outcome._tag === 'Left') this.#failed(outcome.left)
      else {
        expect(outcome.right).toEqual({ text })
        this.succeeded++
      }
      await new Promise(resolve => setTimeout(resolve, 2))
    }
  }

  async #streams(client: Scene['client']): Promise<void> {
    while (this.#isOn) {
      const outcome = await call(client.endless, { text: 'x' }, { deadlineMs })
      try {
        if (outcome._tag === 'Right') for await (const _ of outcome.right) if (!this.#isOn) break
      } catch (thrown) {
        this.#failed((thrown as { readonly failure: Failure }).failure)
      }
      await new Promise(resolve => setTimeout(resolve, 2))
    }
  }

  #failed(failure: Failure): void {
    const reason = isFailure(failure) ? failure.reason : 'none'
    this.failures.set(reason, (this.failures.get(reason) ?? 0) + 1)
  }

  async stop(): Promise<void> {
    this.#isOn = false
    await this.#ended
  }
}

/** Until a call succeeds. */
async function untilWell({ client }: Scene): Promise<void> {
  const startedAt = Date.now()
  while ((await call(client.echo, { text: 'x' }, { deadlineMs: 500 }))._tag === 'Left') {
    if (Date.now() - startedAt > 30_000) throw new Error('it did not come back')
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

/** Seconds are promised between a broker's start and its subscriptions: so long no wait in between may be, whatever the machine is like. */
const promisedMs = 3_000

describe.each(Object.keys(libraries))('with %s', library => {
  test('a broker that is killed under load and comes back leaves no call hanging', async ({ skip }) => {
    needNats(skip)
    const stage = await scene(library)
    const load = new Load(stage, deep(20, 64))
    for (let i = 0; i < deep(2, 10); i++) {
      const before = load.succeeded
      while (load.succeeded < before + 50) await new Promise(resolve => setTimeout(resolve, 10))
      const begun = hangs.begun
      const going = call(stage.client.hang, { text: 'x' }, { deadlineMs: 20_000 })
      while (hangs.begun === begun) await new Promise(resolve => setTimeout(resolve, 5))
      await stage.broker.signal('SIGKILL')
      expect(await going).toMatchObject({ left: { code: 'unavailable', reason: 'CONNECTION_LOST', ran: 'maybe' } })
      const down = await call(stage.client.echo, { text: 'x' })
      expect(down).toMatchObject({ left: { reason: 'CONNECTION_FAILED', ran: 'no' } })
      await stage.broker.start()
      await untilWell(stage)
    }
    await load.stop()
    expect(load.longestMs).toBeLessThan(deadlineMs + slackMs)
    expect([...load.failures.keys()].filter(reason => !expected.has(reason))).toEqual([])
    await stage.close()
  })

  test('while there is no broker no wait of the connection is longer than promised, and it goes on for ever', async ({
    skip,
  }) => {
    needNats(skip)
    const broker = await startNats()
    const connection = await libraries[library]?.(broker.port)
    if (connection === undefined) throw new Error(library)
    const received: string[] = []
    const callback: nats.NatsSubscribeOptions['callback'] = (_, { data }) => received.push(Buffer.from(data).toString())
    connection.subscribe('back', { callback })
    await connection.flush()
    let attempts = 0
    const watched = (async () => {
      for await (const { type } of connection.status()) {
        if (type === 'reconnecting') attempts++
        if (type === 'reconnect') return
      }
    })()
    const waits: number[] = []
    const real = globalThis.setTimeout
    vi.spyOn(globalThis, 'setTimeout').mockImplementation(((callback: () => void, ms = 0) => {
      // Others in this process have timers, too: that of all deadlines, for one.
      if (/node_modules\/(nats|@nats-io)\//.test(String(new Error('who sets it').stack))) waits.push(ms)
      return real(callback, ms)
    }) as typeof setTimeout)
    await broker.signal('SIGKILL')
    // The libraries' own default is ten attempts, whose first is made at once.
    await vi.waitFor(() => expect(attempts).toBeGreaterThan(deep(1, 11)), { timeout: 100_000 })
    await broker.start()
    await watched
    vi.mocked(globalThis.setTimeout).mockRestore()
    const { pingInterval } = nats.connectionDefaults
    expect(waits.filter(ms => ms > promisedMs && ms !== pingInterval)).toEqual([]) // pings begin when it is back
    expect(waits.filter(ms => ms >= 400 && ms <= 1_001).length).toBeGreaterThan(0) // the pauses between attempts were seen
    connection.publish('back', Buffer.from('yes'))
    await vi.waitFor(() => expect(received).toEqual(['yes']), { timeout: 10_000 })
    await connection.close()
    await broker.stop()
  })

  test('a connection that gives up, as by its own defaults, makes the process unready, and fails its calls', async ({
    skip,
  }) => {
    needNats(skip)
    const broker = await startNats()
    const own = { maxReconnectAttempts: 1, reconnectTimeWait: 10 } // ten, and 2 s, where nothing is said
    const connection = await libraries[library]?.(broker.port, own)
    if (connection === undefined) throw new Error(library)
    const js = await transportNode.connect({ servers: `127.0.0.1:${broker.port}` })
    const manager = await jetstreamManager(js)
    await manager.streams.add({ name: 'WORK', subjects: ['work'] })
    await manager.consumers.add('WORK', { durable_name: 'work', ack_policy: 'explicit' })
    await js.close()
    const consumed = { stream: 'WORK', durable: 'work', deadLetter: 'dead', endpoint: fromPromise(() => 1) as never }
    const ends: { name: string; running: Running; defects: unknown[] }[] = []
    for (const binding of [nats.server(connection), nats.consumer(connection, consumed)]) {
      const defects: unknown[] = []
      const running = await serve([echoing], [binding], { signals: false, onDefect: thrown => defects.push(thrown) })
      expect((await running.health.ready()).ok).toBe(true)
      ends.push({ name: binding.name, running, defects })
    }
    const client = connect(Echo, nats.client(connection))
    expect((await call(client.echo, { text: 'x' }))._tag).toBe('Right')
    await broker.signal('SIGKILL')
    await connection.closed()
    await vi.waitFor(() => expect(ends.map(({ defects }) => defects.length)).toEqual([1, 1]), { timeout: 10_000 })
    for (const { name, running, defects } of ends) {
      expect(await running.health.ready()).toEqual({
        ok: false,
        checks: { lifecycle: `${name}: its connection was closed for good` },
      })
      expect(String(defects)).toMatch(/the connection to .* was closed for good: nothing is served on it/)
      await running.close()
    }
    for (const each of [client, connect(Echo, nats.client(connection))])
      expect(await call(each.echo, { text: 'x' })).toMatchObject({ left: { code: 'unavailable', ran: 'no' } })
    await broker.stop()
  })

  test('a broker that hangs lets calls end at their deadlines, and serves again when it goes on', async ({ skip }) => {
    needNats(skip)
    const stage = await scene(library)
    const load = new Load(stage, deep(5, 20))
    await untilWell(stage)
    await stage.broker.signal('SIGSTOP')
    let late = await call(stage.client.echo, { text: 'x' }, { deadlineMs: 300 })
    // A process stops a moment after the signal is sent.
    for (let i = 0; i < 20 && late._tag === 'Right'; i++)
      late = await call(stage.client.echo, { text: 'x' }, { deadlineMs: 300 })
    expect(late).toMatchObject({ left: { code: 'deadline_exceeded', reason: 'DEADLINE_EXCEEDED' } })
    await new Promise(resolve => setTimeout(resolve, deep(700, 30_000)))
    await stage.broker.signal('SIGCONT')
    await untilWell(stage)
    await load.stop()
    expect(load.longestMs).toBeLessThan(deadlineMs + slackMs)
    expect([...load.failures.keys()].filter(reason => !expected.has(reason))).toEqual([])
    await stage.close()
  })
})

test('the defaults of a connection keep what is promised, and never give up', () => {
  const { maxReconnectAttempts, reconnectTimeWait, reconnectJitter, reconnectJitterTLS, timeout } =
    nats.connectionDefaults
  expect(maxReconnectAttempts).toBe(-1)
  expect(Math.max(timeout, reconnectTimeWait + Math.max(reconnectJitter, reconnectJitterTLS))).toBeLessThan(promisedMs)
})
