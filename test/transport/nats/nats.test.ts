/** What is NATS's own: who listens, what the broker takes, services that others find, stops that lose nothing. */
import * as library from 'nats'
import {
  type Context,
  call,
  callOrThrow,
  connect,
  contract,
  failed,
  fromPromise,
  implement,
  method,
  type OnDefect,
  stream,
  systemClock,
} from 'tenon'
import { authenticate, rejected } from 'tenon/auth'
import type { AnyService, Listening } from 'tenon/contract'
import * as nats from 'tenon/transport/nats'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { authorizationOf } from '../../../src/auth/credential.js'
import { deep } from '../../deep.js'
import { hasNats, needNats, startNats } from '../../integration/nats.js'
import type { OwnServer } from '../../integration/own-server.js'
import { flood } from '../flood.js'
import { libraries, type TestConnection } from './connections.js'

vi.setConfig({ testTimeout: 60_000 }) // real brokers take their time

const Text = z.object({ text: z.string() })
const Echo = contract('test.v1.Echo', {
  echo: method({ request: Text, response: Text, idempotency: 'safe' }),
  refuse: method({ request: Text, response: Text, idempotency: 'safe' }),
  grow: method({ request: z.object({ length: z.number() }), response: Text, idempotency: 'safe' }),
  wait: method({ request: Text, response: Text, idempotency: 'safe' }),
  count: method({ request: z.object({ to: z.number() }), response: stream(Text), idempotency: 'safe' }),
  gather: method({ request: stream(Text), response: Text, idempotency: 'unsafe' }),
})

interface Waiting {
  readonly service: AnyService
  /** Calls of `wait` that have begun. */
  readonly begun: string[]
  release(): void
}

function waiting(name = 'one'): Waiting {
  const begun: string[] = []
  let release = (): void => {}
  const released = new Promise<void>(resolve => {
    release = resolve
  })
  const service = implement(Echo).handlers({
    echo: ({ text }, context) => {
      context.reply.header('x-served-by', name)
      return { text }
    },
    refuse: () => failed('not_found', 'NO_SUCH_TEXT', 'there is no such “text”', { retryAfterMs: 7 }),
    grow: ({ length }) => ({ text: 'x'.repeat(length) }),
    async wait({ text }) {
      begun.push(text)
      await released
      return { text }
    },
    async *count({ to }) {
      for (let i = 0; i < to; i++) yield { text: `${i}` }
    },
    async gather(texts) {
      let all = ''
      for await (const { text } of texts) all += text
      return { text: all }
    },
  })
  return { service, begun, release }
}

const ok = { ok: true, checks: {} }
const probes = { live: () => ok, ready: () => ok }

async function serving(
  connection: TestConnection,
  service: AnyService,
  options: nats.NatsServerOptions = {},
  onDefect: OnDefect = () => {},
): Promise<Listening> {
  return nats.server(connection, options).listen([service], { onDefect, clock: systemClock, probes })
}

let broker: OwnServer | undefined
beforeAll(async () => {
  if (!hasNats) return
  broker = await startNats()
})
afterAll(() => broker?.stop())

describe.each(Object.keys(libraries))('with %s', name => {
  let served: TestConnection
  let calling: TestConnection
  beforeAll(async () => {
    const open = libraries[name]
    if (broker === undefined || open === undefined) return
    served = await open(broker.port)
    calling = await open(broker.port)
  })
  afterAll(async () => {
    await served?.close()
    await calling?.close()
  })

  test('a method that nobody serves fails with NO_RESPONDERS, and did not run', async ({ skip }) => {
    needNats(skip)
    const client = connect(Echo, nats.client(calling))
    expect(await call(client.echo, { text: 'x' })).toMatchObject({
      left: { code: 'unavailable', reason: 'NO_RESPONDERS', ran: 'no' },
    })
    const opened = await call(client.count, { to: 1 })
    expect(opened).toMatchObject({ left: { code: 'unavailable', reason: 'NO_RESPONDERS', ran: 'no' } })
  })

  test('a message that the broker would not take fails before it is sent', async ({ skip }) => {
    needNats(skip)
    const listening = await serving(served, waiting().service)
    const client = connect(Echo, nats.client(calling))
    const large = { text: 'x'.repeat(1 << 20) }
    expect(await call(client.echo, large)).toMatchObject({
      left: { code: 'resource_exhausted', reason: 'BODY_TOO_LARGE', ran: 'no' },
    })
    expect(await call(client.grow, { length: 1 << 20 })).toMatchObject({
      left: { code: 'resource_exhausted', reason: 'RESPONSE_TOO_LARGE', ran: 'maybe' },
    })
    const texts = (async function* () {
      yield large
    })()
    expect(await call(client.gather, texts)).toMatchObject({ left: { reason: 'BODY_TOO_LARGE' } })
    expect(await callOrThrow(client.echo, { text: 'small' })).toEqual({ text: 'small' })
    await listening.close()
  })

  test('of all servers in a queue group one gets each request', async ({ skip }) => {
    needNats(skip)
    const other = await libraries[name]?.(broker?.port ?? 0)
    if (other === undefined) return
    const both = [await serving(served, waiting('one').service), await serving(other, waiting('two').service)]
    const client = connect(Echo, nats.client(calling))
    const by = new Map<string | undefined, number>()
    for (let i = 0; i < 60; i++) {
      const onReply = ({ headers }: { readonly headers: ReadonlyMap<string, string> }): void => {
        const who = headers.get('x-served-by')
        by.set(who, (by.get(who) ?? 0) + 1)
      }
      await callOrThrow(client.echo, { text: `${i}` }, { onReply })
    }
    expect([...by.keys()].sort()).toEqual(['one', 'two'])
    for (const each of both) await each.close()
    await other.close()
  })

  test('more calls than may go on are refused at once, and did not run', async ({ skip }) => {
    needNats(skip)
    const { service, begun, release } = waiting()
    const listening = await serving(served, service, { maxCalls: 2 })
    const client = connect(Echo, nats.client(calling, { maxCalls: 4 }))
    const two = [call(client.wait, { text: '1' }), call(client.wait, { text: '2' })]
    await vi.waitFor(() => expect(begun).toHaveLength(2), 10_000)
    const refused = { code: 'resource_exhausted', reason: 'TOO_MANY_CALLS', ran: 'no' }
    const third = await call(client.wait, { text: '3' })
    expect(third).toMatchObject({ left: { ...refused, peer: expect.any(String) } })
    expect(listening.callsInFlight).toBe(2)
    release()
    expect(await Promise.all(two)).toMatchObject([{ right: { text: '1' } }, { right: { text: '2' } }])
    const one = connect(Echo, nats.client(calling, { maxCalls: 1 }))
    const going = call(one.echo, { text: '1' })
    expect(await call(one.echo, { text: '2' })).toMatchObject({ left: refused })
    await going
    await listening.close()
  })

  test('a drain loses no call: those that run end, and those that come are handled', async ({ skip }) => {
    needNats(skip)
    const { service, begun, release } = waiting()
    const listening = await serving(served, service)
    const client = connect(Echo, nats.client(calling))
    const waits = Array.from({ length: 20 }, (_, i) => call(client.wait, { text: `${i}` }))
    await calling.flush()
    let isDrained = false
    const drained = listening.drain().then(() => {
      isDrained = true
    })
    await vi.waitFor(() => expect(begun).toHaveLength(20), 10_000)
    expect(isDrained).toBe(false)
    release()
    await drained
    expect((await Promise.all(waits)).filter(({ _tag }) => _tag === 'Right')).toHaveLength(20)
    expect(await call(client.echo, { text: 'late' })).toMatchObject({ left: { reason: 'NO_RESPONDERS', ran: 'no' } })
    await listening.close()
  })

  test('a drain waits for streams of each kind that go on, and no item of them is lost', async ({ skip }) => {
    needNats(skip)
    const Flow = contract('test.v1.Flow', {
      down: method({ request: Text, response: stream(Text), idempotency: 'safe' }),
      up: method({ request: stream(Text), response: Text, idempotency: 'unsafe' }),
      both: method({ request: stream(Text), response: stream(Text), idempotency: 'unsafe' }),
      echo: method({ request: Text, response: Text, idempotency: 'safe' }),
    })
    const count = 200
    let release = (): void => {}
    const released = new Promise<void>(resolve => {
      release = resolve
    })
    async function* halting() {
      yield { text: '0' }
      await released
      for (let i = 1; i < count; i++) yield { text: `${i}` }
    }
    const begun: string[] = []
    const service = implement(Flow).handlers({
      down: halting,
      async up(texts) {
        const read: string[] = []
        for await (const { text } of texts) {
          read.push(text)
          if (text === '0') begun.push('up')
        }
        return { text: read.join() }
      },
      async *both(texts) {
        yield* texts
      },
      echo: request => request,
    })
    const listening = await serving(served, service)
    const client = connect(Flow, nats.client(calling))
    const all = async (reader: AsyncIterator<{ readonly text: string }>, read: string[]): Promise<string> => {
      for (let item = await reader.next(); item.done !== true; item = await reader.next()) read.push(item.value.text)
      return read.join()
    }
    const up = callOrThrow(client.up, halting())
    const ends: Promise<string>[] = [up.then(({ text }) => text)]
    for (const items of [await callOrThrow(client.down, { text: '' }), await callOrThrow(client.both, halting())]) {
      const reader = items[Symbol.asyncIterator]()
      const first = await reader.next()
      ends.push(all(reader, [first.value?.text ?? 'none']))
    }
    await vi.waitFor(() => expect(begun).toEqual(['up']), 10_000)
    let isDrained = false
    const drained = listening.drain().then(() => {
      isDrained = true
    })
    await vi.waitFor(
      async () => expect(await call(client.echo, { text: 'x' })).toMatchObject({ left: { reason: 'NO_RESPONDERS' } }),
      10_000,
    )
    for (let i = 0; i < 3; i++) await served.flush() // all that it has asked the broker has been answered
    expect([isDrained, listening.callsInFlight]).toEqual([false, 3])
    release()
    await drained
    expect(listening.callsInFlight).toBe(0)
    await listening.close() // has nothing to cut off
    const expected = Array.from({ length: count }, (_, i) => `${i}`).join()
    expect(await Promise.all(ends)).toEqual([expected, expected, expected])
  })

  test('of two servers one drains under load, and no call is lost', async ({ skip }) => {
    needNats(skip)
    const other = await libraries[name]?.(broker?.port ?? 0)
    if (other === undefined) return
    const leaving = await serving(other, waiting('leaving').service)
    const staying = await serving(served, waiting('staying').service)
    const client = connect(Echo, nats.client(calling))
    let [isDrained, isOver] = [false, false]
    const by = { leaving: 0, staying: 0, afterDrain: 0 }
    const lost: unknown[] = []
    const callers = Array.from({ length: 16 }, async (_, i) => {
      while (!isOver) {
        const onReply = ({ headers }: { readonly headers: ReadonlyMap<string, string> }): void => {
          by[headers.get('x-served-by') as 'leaving' | 'staying']++
        }
        const wasDrained = isDrained
        const outcome = await call(client.echo, { text: `${i}` }, { onReply })
        if (outcome._tag === 'Left') lost.push(outcome.left)
        if (wasDrained) by.afterDrain++
      }
    })
    await vi.waitFor(() => expect(by.leaving).toBeGreaterThan(50), 20_000)
    await leaving.drain()
    await leaving.close()
    await other.close() // as a resource is, when all has been drained
    isDrained = true
    await vi.waitFor(() => expect(by.afterDrain).toBeGreaterThan(50), 20_000)
    isOver = true
    await Promise.all(callers)
    expect(lost).toEqual([])
    await staying.close()
  })

  test('a stop cuts off what goes on, and tells its callers', async ({ skip }) => {
    needNats(skip)
    const { service, begun } = waiting()
    const listening = await serving(served, service)
    const client = connect(Echo, nats.client(calling))
    const going = call(client.wait, { text: 'x' })
    await vi.waitFor(() => expect(begun).toHaveLength(1), 10_000)
    await listening.close()
    expect(await going).toMatchObject({ left: { code: 'unavailable', reason: 'CONNECTION_LOST', ran: 'maybe' } })
  })

  test('two credentials are none, and two times neither, in whatever case and order their names come', async ({
    skip,
  }) => {
    needNats(skip)
    const Who = contract('test.v1.Who', {
      ask: method({ request: z.object({}), response: Text, idempotency: 'safe' }),
    })
    const anybody = { name: 'anybody', verify: (context: Context) => named(authorizationOf(context, 'bearer')) }
    const named = (found: ReturnType<typeof authorizationOf>) =>
      typeof found === 'object' ? { principal: { id: found.value } } : found && rejected('malformed')
    const service = implement(Who)
      .use(authenticate(anybody))
      .handlers({ ask: (_, { principal }) => ({ text: principal.id }) })
    const listening = await serving(served, service)
    const plain = await library.connect({ servers: `127.0.0.1:${broker?.port}` })
    const ask = async (...pairs: readonly (readonly [name: string, value: string])[]) => {
      const headers = library.headers()
      for (const [name, value] of pairs) headers.append(name, value)
      return (await plain.request('test.v1.Who.ask', '{}', { headers, timeout: 20_000 })).json()
    }
    const time = ['tenon-timeout-ms', '20000'] as const
    expect(await ask(['Authorization', 'Bearer a'], time)).toEqual({ text: 'a' })
    for (const [one = '', other = ''] of [
      ['Authorization', 'authorization'],
      ['authorization', 'Authorization'],
      ['AUTHORIZATION', 'Authorization'],
      ['authorization', 'authorization'],
    ])
      expect(await ask([one, 'Bearer a'], [other, 'Bearer b'], time), `${one}, ${other}`).toMatchObject({
        code: 'unauthenticated',
        reason: 'CREDENTIALS_REJECTED',
      })
    for (const pair of [
      [['Tenon-Timeout-Ms', '1'], time],
      [time, ['Tenon-Timeout-Ms', '1']],
    ] as const)
      expect(await ask(['authorization', 'Bearer a'], ...pair)).toMatchObject({ reason: 'INVALID_METADATA' })
    await plain.close()
    await listening.close()
  })

  test('whoever speaks NATS can call, and one that wants no answer need not wait for it', async ({ skip }) => {
    needNats(skip)
    const { service, begun, release } = waiting()
    const listening = await serving(served, service)
    const plain = await library.connect({ servers: `127.0.0.1:${broker?.port}` })
    const answer = await plain.request('test.v1.Echo.echo', '{"text":"plain"}')
    expect(answer.json()).toEqual({ text: 'plain' })
    expect(answer.headers?.get('x-served-by')).toBe('one')
    const refused = await plain.request('test.v1.Echo.refuse', '{"text":"plain"}')
    expect(refused.headers?.get('Nats-Service-Error')).toBe('there is no such ?text?')
    expect(refused.headers?.get('Nats-Service-Error-Code')).toBe('404')
    expect(refused.headers?.get('tenon-retry-after-ms')).toBe('7')
    expect(refused.json()).toMatchObject({ code: 'not_found', reason: 'NO_SUCH_TEXT', status: 404 })
    for (const [body, reason] of [
      ['{"text":', 'MALFORMED_BODY'],
      [Uint8Array.of(0xff), 'MALFORMED_BODY'],
      ['{"text":1}', 'INVALID_REQUEST'],
    ] as const) {
      const wrong = await plain.request('test.v1.Echo.echo', body)
      expect(wrong.json()).toMatchObject({ code: 'invalid_argument', reason })
      expect(wrong.headers?.get('tenon-ran')).toBe('no')
    }
    const flood = library.headers()
    for (let i = 0; i < 101; i++) flood.append(`x-${i}`, 'y')
    const flooded = await plain.request('test.v1.Echo.echo', '{"text":"x"}', { headers: flood, timeout: 10_000 })
    expect(flooded.json()).toMatchObject({ reason: 'HEADERS_TOO_LARGE' })
    plain.publish('test.v1.Echo.wait', '{"text":"one way"}')
    await vi.waitFor(() => expect(begun).toEqual(['one way']), 10_000)
    release()
    await vi.waitFor(() => expect(listening.callsInFlight).toBe(0), 10_000)
    await plain.close()
    await listening.close()
  })

  test("what is no service of ours is called as well: its errors are failures with HTTP's meaning", async ({
    skip,
  }) => {
    needNats(skip)
    const other = await library.connect({ servers: `127.0.0.1:${broker?.port}` })
    const service = await other.services.add({ name: 'echo', version: '1.0.0' })
    service.addEndpoint('echo', {
      subject: 'test.v1.Echo.echo',
      handler: (_, message) => message.respond(message.data),
    })
    service.addEndpoint('refuse', {
      subject: 'test.v1.Echo.refuse',
      handler: (_, message) => message.respondError(404, 'none here'),
    })
    service.addEndpoint('grow', { subject: 'test.v1.Echo.grow', handler: (_, message) => message.respond('no JSON') })
    await other.flush()
    const client = connect(Echo, nats.client(calling))
    expect(await call(client.echo, { text: 'x' })).toMatchObject({ right: { text: 'x' } })
    expect(await call(client.refuse, { text: 'x' })).toMatchObject({
      left: { code: 'unimplemented', reason: 'UNEXPECTED_RESPONSE', details: { status: 404, error: 'none here' } },
    })
    expect(await call(client.grow, { length: 1 })).toMatchObject({
      left: { code: 'internal', reason: 'UNEXPECTED_RESPONSE' },
    })
    await other.close()
  })

  test("nats.js' own services client finds the service, its methods, and how they go", async ({ skip }) => {
    needNats(skip)
    const micro = { version: '1.2.3', description: 'says it again', metadata: { region: 'eu' } }
    const listening = await serving(served, waiting().service, { micro })
    const client = connect(Echo, nats.client(calling))
    await callOrThrow(client.echo, { text: 'x' })
    await call(client.refuse, { text: 'x' })
    const plain = await library.connect({ servers: `127.0.0.1:${broker?.port}` })
    const services = plain.services.client({
      maxWait: 10_000,
      strategy: library.RequestStrategy.JitterTimer,
      jitter: 250,
    } as never)
    const all = async <T>(found: Promise<AsyncIterable<T>>): Promise<T[]> => {
      const items: T[] = []
      for await (const item of await found) items.push(item)
      return items
    }
    const [ping] = await all(services.ping('test_v1_Echo'))
    expect(ping).toMatchObject({ type: 'io.nats.micro.v1.ping_response', name: 'test_v1_Echo', version: '1.2.3' })
    const [info] = await all(services.info('test_v1_Echo', ping?.id))
    expect(info).toMatchObject({ id: ping?.id, description: 'says it again', metadata: { region: 'eu' } })
    expect(info?.endpoints.map(({ subject }) => subject)).toContain('test.v1.Echo.echo')
    const [stats] = await all(services.stats())
    const of = (name: string) => stats?.endpoints?.find(each => each.name === name)
    expect(of('echo')).toMatchObject({ num_requests: 1, num_errors: 0, queue_group: 'tenon' })
    expect(of('refuse')).toMatchObject({ num_requests: 1, num_errors: 1, last_error: 'not_found: NO_SUCH_TEXT' })
    await plain.close()
    await listening.close()
    const quiet = await serving(served, waiting().service, { micro: false })
    await expect(served.flush()).resolves.toBeUndefined()
    await quiet.close()
  })

  describe('memory is flat while a producer is as fast as it can be and its reader is not', () => {
    const windowBytes = 64 << 10
    const ahead = 12 // items of which the window is full, one more, and those that are being made and read

    test.for(['pour', 'fill'] as const)('%s', async (direction, { skip }) => {
      needNats(skip)
      const bytes: number[] = []
      for (const count of [deep(200, 3_000), deep(2_000, 30_000)]) {
        const { service, most, run } = flood()
        const listening = await serving(served, service, { windowBytes })
        expect(await run(nats.client(calling, { windowBytes }), direction, count)).toBe(count)
        expect(most.ahead).toBeLessThanOrEqual(ahead)
        bytes.push(most.bytes)
        await listening.close()
      }
      // Ten times as much goes by, 20 MB or 300, and no more is held.
      for (const each of bytes) expect(each).toBeLessThan(4 << 20)
    })
  })

  test('one endpoint is served and called with its own format, and hooks see all of it', async ({ skip }) => {
    needNats(skip)
    const seen: string[] = []
    const shout = fromPromise(({ s }: { s: string }, context) => {
      seen.push(`deadline ${context.remainingMs <= 5_000}, token ${context.metadata.get('authorization')}`)
      context.reply.header('x-said', 'yes')
      if (s === '') return failed('invalid_argument', 'NOTHING', 'say something')
      if (s === 'defect') throw new Error('swordfish')
      return { v: s.toUpperCase() }
    })
    const defects: unknown[] = []
    const callback = nats.handler(
      shout,
      {
        decode: request => ({ s: request.text() }),
        encode: ({ v }) => ({ body: v, headers: { 'x-format': 'plain' } }),
      },
      {
        before: [
          (context, { subject }) => {
            seen.push(`before ${subject}`)
            return context
          },
        ],
        after: [response => ({ ...response, headers: { ...response.headers, 'x-after': '1' } })],
        onFailure: failure => seen.push(`failure ${(failure as { readonly reason: string }).reason}`),
        finalizer: ({ bytes, failure }) => seen.push(`final ${failure === undefined ? bytes : 'failed'}`),
        onDefect: thrown => defects.push(thrown),
        maxBodyBytes: 1_000,
      },
    )
    const subscription = served.subscribe('shout.it', { queue: 'shout', callback })
    await served.flush()
    const headers: (string | undefined)[] = []
    const remote = nats.endpoint(
      { connection: calling, subject: 'shout.it' },
      {
        encode: (s: string) => ({ body: s, headers: { authorization: 'Bearer x' } }),
        decode: answer => nats.decodeSuccess(answer).text(),
      },
      { after: answer => headers.push(answer.headers.get('x-said'), answer.headers.get('x-after')) },
    )
    expect(await call(remote, 'hello', { deadlineMs: 5_000 })).toMatchObject({ right: 'HELLO' })
    expect(headers).toEqual(['yes', '1'])
    expect(await call(remote, '')).toMatchObject({ left: { reason: 'NOTHING', code: 'invalid_argument' } })
    expect(await call(remote, 'defect')).toMatchObject({ left: { reason: 'DEFECT', message: 'internal error' } })
    expect(await call(remote, 'x'.repeat(1_001))).toMatchObject({ left: { reason: 'BODY_TOO_LARGE', ran: 'no' } })
    expect(defects).toHaveLength(1)
    expect(seen.slice(0, 3)).toEqual(['before shout.it', 'deadline true, token Bearer x', 'final 5'])
    expect(seen.filter(each => /^f/.test(each))).toEqual([
      'final 5',
      'failure NOTHING',
      'final failed',
      'failure DEFECT',
      'final failed',
      'failure BODY_TOO_LARGE',
      'final failed',
    ])
    subscription.unsubscribe()
    await served.flush()
    expect(await call(remote, 'hello')).toMatchObject({ left: { reason: 'NO_RESPONDERS' } })
    await remote.close()
    expect(await call(remote, 'hello')).toMatchObject({ left: { reason: 'CLIENT_CLOSED' } })
  })
})

test.each([
  [() => nats.endpoint({ connection: {} as never, subject: 'a.*' }, {} as never), /"a\.\*" is no subject/],
  [
    () =>
      nats.handler(
        fromPromise(() => 1),
        {} as never,
        { deadlineMs: 0 },
      ),
    /deadlineMs must be more than 0/,
  ],
  [() => nats.server({} as never, { queue: 'a b' }), /"a b" cannot be the name of a queue/],
  [() => nats.server({} as never, { maxCalls: 0 }), /nats: maxCalls must be a whole number from 1/],
  [() => nats.server({} as never, { micro: { version: '1' } }), /must be a semantic version, got "1"/],
  [
    () => nats.client({} as never, { windowBytes: 1 }),
    /nats: windowBytes must be a whole number from 1024 to 16777216/,
  ],
  [() => nats.server({} as never, { windowBytes: 1e12 }), /nats: windowBytes must be a whole number from 1024 to/],
])('options must make sense: %s', (make, message) => {
  expect(make).toThrow(message)
})
