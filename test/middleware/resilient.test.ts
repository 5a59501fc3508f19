/** The recommended stacks: what is in them, in which order, how each part is adjusted, left out, watched and changed while running. */
import { describe, expect, test } from 'vitest'
import {
  call,
  explain,
  failed,
  failureOf,
  fromPromise,
  isRight,
  type MethodInfo,
  manualClock,
  mockEndpoint,
  seededRandom,
  testContext,
} from '../../src/core/index.js'
import {
  type ResilientClientEvent,
  type ResilientServerEvent,
  resilientClient,
  resilientServer,
} from '../../src/middleware/index.js'

const safe: MethodInfo = { service: 'shop.v1.Stock', name: 'get', idempotency: 'safe' }
const leaf = fromPromise(() => 'done', safe)
const namesIn = (endpoint: object) => explain(endpoint).steps.map(step => step.name)

describe('the order', () => {
  test('of a client is timeout, retry, bulkhead, breaker', () => {
    expect(namesIn(resilientClient()(leaf))).toEqual(['timeout', 'retry', 'bulkhead', 'breaker', 'get'])
  })

  test('of a server is shed, expiry; with a limit and a bulkhead where they are asked for', () => {
    expect(namesIn(resilientServer()(leaf))).toEqual(['shed', 'expiry', 'get'])
    const all = resilientServer({ rateLimit: { limit: 10, windowMs: 1_000 }, bulkhead: { maxConcurrent: 10 } })
    expect(namesIn(all(leaf))).toEqual(['rateLimit', 'shed', 'bulkhead', 'expiry', 'get'])
  })
})

describe('a part', () => {
  test('is adjusted by its own options, laid over what is recommended', () => {
    const client = resilientClient({ breaker: { openMs: 7 } })
    expect(client.breaker?.options).toMatchObject({ openMs: 7, openJitter: 0.5 })
  })

  test('keeps what is recommended in place of an option that is undefined', () => {
    const client = resilientClient({
      timeout: { timeoutMs: undefined },
      retry: { attemptTimeoutMs: undefined, maxAttempts: 2 },
    } as object)
    expect(client.timeout?.options.timeoutMs).toBe(30_000)
    expect(client.retry?.options).toMatchObject({ attemptTimeoutMs: 10_000, maxAttempts: 2 })
  })

  test('is left out with false', () => {
    const client = resilientClient({ timeout: false, retry: false, bulkhead: false, breaker: false })
    expect(namesIn(client(leaf))).toEqual(['get'])
    expect([client.timeout, client.retry, client.bulkhead, client.breaker]).toEqual(Array(4).fill(undefined))
    expect(namesIn(resilientServer({ shed: false, expiry: false })(leaf))).toEqual(['get'])
  })

  test('is named after the stack, unless it has a name of its own', () => {
    const client = resilientClient({ name: 'stock', breaker: { name: 'fuse' } })
    expect(namesIn(client(leaf))).toEqual(['stock timeout', 'stock retry', 'stock bulkhead', 'fuse', 'get'])
  })

  test('is changed while calls go on', async () => {
    const clock = manualClock()
    const mock = mockEndpoint<unknown, unknown>(safe)
    const client = resilientClient({ retry: { maxAttempts: 1 } })
    client.retry?.configure({ attemptTimeoutMs: 50 })
    const outcome = call(client(mock.endpoint), 1, { context: testContext({ clock }) })
    await mock.next()
    await clock.advance(60)
    expect(await outcome).toMatchObject({ left: { reason: 'TIMEOUT' } })
  })

  test.each([
    [() => resilientClient({ breaker: { openMs: -1 } }), RangeError],
    [() => resilientClient({ timeOut: {} } as never), TypeError],
    [() => resilientClient(null as never), TypeError],
    [() => resilientClient({ retry: null } as never), RangeError],
    [() => resilientClient({ retry: true } as never), RangeError],
    [() => resilientClient({ name: 5 } as never), RangeError],
    [() => resilientClient({ onEvent: 5 } as never), RangeError],
    [() => resilientServer({ shed: 'on' } as never), RangeError],
    [() => resilientServer({ shed: { minLimit: 9, maxLimit: 5 } }), RangeError],
    [() => resilientServer({ breaker: {} } as never), TypeError],
  ])('refuses what makes no sense (%#)', (make, error) => {
    expect(make).toThrow(error)
  })
})

test('one listener is told of the events of all parts of a client, until it is taken away', async () => {
  const clock = manualClock()
  const events: ResilientClientEvent[] = []
  const client = resilientClient({
    retry: { random: seededRandom(1) },
    breaker: { consecutiveFailures: 3, openMs: 1_000 },
    onEvent: event => events.push(event),
  })
  const late: string[] = []
  const end = client.onEvent(event => late.push(event.type))
  const down = client(fromPromise(() => failed('unavailable', 'DOWN', 'down'), safe))
  const outcome = call(down, 1, { context: testContext({ clock }) })
  await clock.advance(5_000)
  expect(await outcome).toMatchObject({ left: { reason: 'DOWN' } })
  expect(events.map(({ kind, type }) => `${kind} ${type}`)).toEqual([
    'retry retried',
    'retry retried',
    'breaker opened',
    'retry gave-up',
  ])
  expect(late).toHaveLength(4)
  end()
  await call(down, 1, { context: testContext({ clock: manualClock() }) })
  expect([events.length > 4, late.length]).toEqual([true, 4])
})

test('a place of the bulkhead is free while a call waits for its next attempt', async () => {
  const clock = manualClock()
  const mock = mockEndpoint<number, unknown>(safe)
  const client = resilientClient({
    bulkhead: { maxConcurrent: 1 },
    retry: { baseMs: 1_000, random: { next: () => 0.5 } },
  })
  const context = testContext({ clock })
  const first = call(client(mock.endpoint), 1, { context })
  ;(await mock.next()).fail(failureOf('unavailable', 'DOWN', 'down'))
  await clock.settle()
  const second = call(client(mock.endpoint), 2, { context })
  ;(await mock.next()).respond('second')
  expect(isRight(await second)).toBe(true)
  await clock.advance(1_000)
  ;(await mock.next()).respond('first')
  expect(isRight(await first)).toBe(true)
})

test('a full bulkhead and a refusal by an open breaker open no breaker', async () => {
  const clock = manualClock()
  const mock = mockEndpoint<number, unknown>(safe)
  const client = resilientClient({
    bulkhead: { maxConcurrent: 1 },
    breaker: { consecutiveFailures: 1 },
    retry: { maxAttempts: 1 },
  })
  const context = testContext({ clock })
  const first = call(client(mock.endpoint), 1, { context })
  const { respond } = await mock.next()
  expect(await call(client(mock.endpoint), 2, { context })).toMatchObject({ left: { reason: 'BULKHEAD_FULL' } })
  expect(client.breaker?.state).toBe('closed')
  respond('done')
  await first
})

describe('a server', () => {
  test('does not run a call whose deadline passed while it waited for a place', async () => {
    const clock = manualClock()
    const events: ResilientServerEvent[] = []
    const mock = mockEndpoint<number, unknown>(safe)
    const server = resilientServer({ expiry: { minRemainingMs: 30 }, onEvent: event => events.push(event) })
    const context = testContext({ clock })
    const outcome = await call(server(mock.endpoint), 1, { context, deadlineMs: 20 })
    expect(outcome).toMatchObject({ left: { code: 'deadline_exceeded', reason: 'DEADLINE_EXCEEDED', ran: 'no' } })
    expect(events).toMatchObject([{ kind: 'expiry', type: 'expired', remainingMs: 20, method: 'shop.v1.Stock/get' }])
    const served = call(server(mock.endpoint), 1, { context, deadlineMs: 31 })
    ;(await mock.next()).respond('done')
    expect(isRight(await served)).toBe(true)
    await clock.advance(10_000)
    expect(clock.pendingTimers).toBe(0)
  })
})
