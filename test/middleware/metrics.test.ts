/** Rate, errors and duration per method, transport and code, and what policies did. */
import { connect, contract, implement, method as methodOf, stream } from 'tenon'
import * as http from 'tenon/transport/http'
import * as memory from 'tenon/transport/memory'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import {
  call,
  codes,
  type DomainFailure,
  definePolicy,
  type Failure,
  failed,
  failureOf,
  fromPromise,
  incoming,
  left,
  manualClock,
  type PolicyEvent,
  type PolicyOptions,
  testContext,
} from '../../src/core/index.js'
import { type MetricRegistry, metricRegistry } from '../../src/metrics/index.js'
import {
  breaker,
  bulkhead,
  cache,
  countEvents,
  metrics,
  resilientClient,
  retry,
  timeout,
} from '../../src/middleware/index.js'

const method = { service: 'shop.v1.Orders', name: 'place', idempotency: 'unsafe' } as const

/** The values of a metric, by its labels. */
function valuesOf(registry: MetricRegistry, name: string): Record<string, unknown> {
  const readings = registry.families.find(family => family.name === name)?.read() ?? []
  return Object.fromEntries(
    readings.map(reading => [
      Object.values(reading.labels).join(' '),
      'value' in reading ? reading.value : { count: reading.count, sum: reading.sum },
    ]),
  )
}

const served = (endpoint: object, transport = 'http') => incoming({ deadlineMs: 1_000, transport }).run(endpoint, {})

describe('a call that ends with', () => {
  const cases: readonly (readonly [what: string, failure: Failure | DomainFailure, code: string, blame: string])[] = [
    ['a caller’s mistake', failureOf('invalid_argument', 'INVALID_REQUEST', ''), 'invalid_argument', 'caller'],
    ['a domain failure', { _tag: 'OutOfStock', details: {} }, 'rejected', 'caller'],
    ['a dependency’s failure', failureOf('unavailable', 'DOWN', '', { peer: 'stock' }), 'unavailable', 'dependency'],
    ['our own failure', failureOf('internal', 'DEFECT', ''), 'internal', 'service'],
    ...codes.map(code => [code, failureOf(code, 'ANY', ''), code, expect.any(String)] as const),
  ]

  test.each(cases)('%s is counted by its code, and by who is to blame', async (_, failure, code, blame) => {
    const registry = metricRegistry()
    const endpoint = metrics(registry)(fromPromise((): unknown => left(failure), method))
    await served(endpoint)
    await served(endpoint)
    const [labels = '', ...others] = Object.keys(valuesOf(registry, 'tenon_server_calls_total')).filter(
      each => !each.includes(' ok '),
    )
    expect(others).toEqual([])
    expect(labels.split(' ')).toEqual(['shop.v1.Orders/place', 'http', code, blame])
    expect(valuesOf(registry, 'tenon_server_calls_total')).toMatchObject({ [labels]: 2 })
    expect(valuesOf(registry, 'tenon_server_call_duration_seconds')).toMatchObject({
      [`shop.v1.Orders/place http ${code}`]: { count: 2 },
    })
  })

  test('success is ok, and nobody is to blame; its duration is on the call’s clock, in seconds', async () => {
    const clock = manualClock()
    const registry = metricRegistry()
    const slow = fromPromise(
      (_: unknown, context) => new Promise(resolve => context.clock.setTimer(() => resolve(1), 250)),
      method,
    )
    const running = call(metrics(registry)(slow), {}, { context: testContext({ clock }) })
    await clock.advance(250)
    await running
    expect(valuesOf(registry, 'tenon_server_calls_total')).toEqual({ 'shop.v1.Orders/place none ok none': 1 })
    expect(valuesOf(registry, 'tenon_server_call_duration_seconds')).toEqual({
      'shop.v1.Orders/place none ok': { count: 1, sum: 0.25 },
    })
  })
})

describe('calls', () => {
  test('are in flight from their beginning to their end', async () => {
    const registry = metricRegistry()
    const ends: ((value: unknown) => void)[] = []
    const endpoint = metrics(registry)(fromPromise(() => new Promise(resolve => void ends.push(resolve)), method))
    const running = [served(endpoint), served(endpoint), served(endpoint, 'grpc')]
    const inFlight = () => valuesOf(registry, 'tenon_server_calls_in_flight')
    expect(inFlight()).toEqual({ 'shop.v1.Orders/place http': 2, 'shop.v1.Orders/place grpc': 1 })
    ends[0]?.(0)
    await running[0]
    expect(inFlight()).toEqual({ 'shop.v1.Orders/place http': 1, 'shop.v1.Orders/place grpc': 1 })
    for (const end of ends) end(0)
    await Promise.all(running)
    expect(inFlight()).toEqual({ 'shop.v1.Orders/place http': 0, 'shop.v1.Orders/place grpc': 0 })
    expect(valuesOf(registry, 'tenon_server_calls_total')).toEqual({
      'shop.v1.Orders/place http ok none': 2,
      'shop.v1.Orders/place grpc ok none': 1,
    })
  })

  test('that are cut off at their deadline are counted then, and once', async () => {
    const clock = manualClock()
    const registry = metricRegistry()
    const stuck = metrics(registry)(fromPromise(() => new Promise(() => {}), method))
    const running = call(stuck, {}, { context: testContext({ clock }), deadlineMs: 100 })
    await clock.advance(200)
    await running
    expect(valuesOf(registry, 'tenon_server_calls_total')).toMatchObject({
      'shop.v1.Orders/place none deadline_exceeded service': 1,
    })
    expect(valuesOf(registry, 'tenon_server_calls_in_flight')).toEqual({ 'shop.v1.Orders/place none': 0 })
  })

  test('of an unknown method are counted as such', async () => {
    const registry = metricRegistry()
    await call(metrics(registry)(fromPromise(() => 1)), {})
    expect(valuesOf(registry, 'tenon_server_calls_total')).toEqual({ 'unknown none ok none': 1 })
  })

  test('are counted into the same series by every metrics() of a registry, with the same buckets', async () => {
    const registry = metricRegistry()
    const one = metrics(registry, { buckets: [1, 2] })(fromPromise(() => 1, method))
    const other = metrics(registry, { buckets: [1, 2] })(fromPromise(() => 2, method))
    await served(one)
    await served(other)
    expect(valuesOf(registry, 'tenon_server_calls_total')).toEqual({ 'shop.v1.Orders/place http ok none': 2 })
    expect(() => metrics(registry)).toThrow(/described otherwise/)
  })

  test('inside retry are each an attempt', async () => {
    const registry = metricRegistry()
    const outcomes = [failed('unavailable', 'DOWN', '', { ran: 'no' }), 1]
    const safe = { ...method, idempotency: 'safe' } as const
    const stack = retry({ maxAttempts: 3, baseMs: 1 })(
      metrics(registry)(fromPromise((): unknown => outcomes.shift(), safe)),
    )
    await call(stack, {})
    expect(valuesOf(registry, 'tenon_server_calls_total')).toEqual({
      'shop.v1.Orders/place none ok none': 1,
      'shop.v1.Orders/place none unavailable service': 1,
    })
  })
})

describe('a service and its client', () => {
  const Numbers = contract('demo.v1.Numbers', {
    double: methodOf({
      request: z.object({ n: z.number() }),
      response: z.object({ n: z.number() }),
      idempotency: 'safe',
    }),
    count: methodOf({
      request: z.object({ to: z.number() }),
      response: stream(z.object({ n: z.number() })),
      idempotency: 'safe',
    }),
  })

  function numbers(registry: MetricRegistry) {
    const service = implement(Numbers)
      .use(metrics(registry))
      .handlers({
        double: ({ n }) => ({ n: 2 * n }),
        async *count({ to }) {
          for (let n = 0; n < to; n++) yield { n }
        },
      })
    return connect(Numbers, memory.client(service))
  }

  test('are counted apart, each with its transport', async () => {
    const registry = metricRegistry()
    const double = metrics(registry)(retry()(numbers(registry).double))
    await call(double, { n: 1 })
    const handler = fromPromise((_: unknown, context) => double({ n: 2 })(context)(), method)
    await served(metrics(registry)(handler), 'grpc')
    expect(valuesOf(registry, 'tenon_server_calls_total')).toEqual({
      'demo.v1.Numbers/double memory ok none': 2,
      'shop.v1.Orders/place grpc ok none': 1,
    })
    expect(valuesOf(registry, 'tenon_client_calls_total')).toEqual({ 'demo.v1.Numbers/double memory ok none': 2 })
  })

  test('of one endpoint without a contract are told apart, too', async () => {
    const registry = metricRegistry()
    const codec = { encode: () => ({}), decode: () => 1 }
    const closed = http.endpoint('http://127.0.0.1:1', codec, { method: { ...method, idempotency: 'safe' } })
    await call(metrics(registry)(closed), {})
    await closed.close()
    expect(valuesOf(registry, 'tenon_client_calls_total')).toMatchObject({
      'shop.v1.Orders/place http unavailable dependency': 1,
    })
  })

  test('are on the side that is said', async () => {
    const registry = metricRegistry()
    const { double } = numbers(registry)
    const gateway = metrics(registry, { side: 'server' })(metrics(registry, { side: 'client' })(double))
    await incoming({ deadlineMs: 1_000, transport: 'http' }).run(gateway, { n: 1 })
    expect(valuesOf(registry, 'tenon_client_calls_total')).toEqual({ 'demo.v1.Numbers/double memory ok none': 1 })
    expect(valuesOf(registry, 'tenon_server_calls_total')).toMatchObject({ 'demo.v1.Numbers/double http ok none': 1 })
  })

  test('count a stream when it ends', async () => {
    const registry = metricRegistry()
    const outcome = await call(numbers(registry).count, { to: 2 })
    const items = outcome._tag === 'Right' ? outcome.right[Symbol.asyncIterator]() : undefined
    await items?.next()
    expect(valuesOf(registry, 'tenon_server_calls_in_flight')).toEqual({ 'demo.v1.Numbers/count memory': 1 })
    expect(valuesOf(registry, 'tenon_server_call_duration_seconds')).toEqual({
      'demo.v1.Numbers/count memory ok': { count: 0, sum: 0 },
    })
    await items?.next()
    await items?.next()
    expect(valuesOf(registry, 'tenon_server_calls_total')).toEqual({ 'demo.v1.Numbers/count memory ok none': 1 })
    expect(valuesOf(registry, 'tenon_server_calls_in_flight')).toEqual({ 'demo.v1.Numbers/count memory': 0 })
  })

  test('count a stream that is left as cancelled', async () => {
    const registry = metricRegistry()
    const outcome = await call(numbers(registry).count, { to: 5 })
    if (outcome._tag === 'Right') for await (const _ of outcome.right) break
    expect(valuesOf(registry, 'tenon_server_calls_total')).toEqual({
      'demo.v1.Numbers/count memory ok none': 0,
      'demo.v1.Numbers/count memory cancelled caller': 1,
    })
  })
})

test('the delay of the event loop is told while calls come, and no timer is left', async () => {
  const clock = manualClock()
  const registry = metricRegistry()
  const late = { ...clock, setTimer: (callback: () => void, ms: number) => clock.setTimer(callback, ms + 100) }
  await call(metrics(registry)(fromPromise(() => 1)), {}, { context: testContext({ clock: late }) })
  await clock.advance(10_000)
  const delay = () => valuesOf(registry, 'tenon_event_loop_delay_seconds')['']
  expect(delay()).toBeCloseTo(0.1, 3)
  expect(clock.pendingTimers).toBe(0)
  await call(metrics(registry)(fromPromise(() => 1)), {}, { context: testContext({ clock }) })
  await clock.advance(10_000)
  expect(delay()).toBeCloseTo(0, 3)
})

describe('options that make no sense', () => {
  test.each([
    [undefined, {}, /metrics: needs a metricRegistry/],
    [{}, {}, /metrics: needs a metricRegistry/],
    [metricRegistry(), { sides: 'server' }, /there is no option 'sides'/],
    [metricRegistry(), { side: 'both' }, /side must be/],
    [metricRegistry(), { buckets: [2, 1] }, /must be finite and rise/],
  ])('%s, %j', (provider, options, message) => {
    expect(() => metrics(provider as never, options as never)).toThrow(message)
  })

  test('countEvents without a registry', () => {
    expect(() => countEvents(undefined as never)).toThrow(/countEvents: needs a metricRegistry/)
  })
})

describe('events of policies', () => {
  const events = (registry: MetricRegistry) => valuesOf(registry, 'tenon_policy_events_total')

  test('are counted, whichever policy tells them', async () => {
    const clock = manualClock()
    const registry = metricRegistry()
    const onEvent = countEvents(registry)
    const get = { service: 'shop.v1.Stock', name: 'get', idempotency: 'safe' } as const
    const down = fromPromise(() => failed('unavailable', 'DOWN', '', { ran: 'no' }), get)
    const run = (endpoint: typeof down) => {
      const running = call(endpoint, {}, { context: testContext({ clock }) })
      return clock.advance(60_000).then(() => running)
    }
    await run(retry({ maxAttempts: 2, onEvent })(down))
    await run(cache({ key: () => 'k', ttlMs: 1, onEvent })(down))
    await run(timeout({ timeoutMs: 10, onEvent })(fromPromise(() => new Promise<never>(() => {}), get)))
    const full = bulkhead({ maxConcurrent: 1, name: 'stock places' })
    const end = full.onEvent(onEvent)
    const stuck = full(fromPromise(() => new Promise<never>(() => {}), get))
    void call(stuck, {}, { context: testContext({ clock }), deadlineMs: 1_000 })
    await call(stuck, {}, { context: testContext({ clock }) })
    end()
    await call(stuck, {}, { context: testContext({ clock }) })
    await clock.advance(60_000)
    expect(events(registry)).toEqual({
      'retry retry retried shop.v1.Stock/get': 1,
      'retry retry gave-up shop.v1.Stock/get': 1,
      'cache cache missed shop.v1.Stock/get': 1,
      'timeout timeout timed-out shop.v1.Stock/get': 1,
      'stock places bulkhead refused shop.v1.Stock/get': 1,
    })
  })

  test('of a recommended stack are counted under the names of its parts', () => {
    const registry = metricRegistry()
    resilientClient({ name: 'stock', onEvent: countEvents(registry) }).breaker?.force('open')
    expect(events(registry)).toEqual({ 'stock breaker breaker forced-open none': 1 })
  })

  test('of somebody’s own policy are counted, too', async () => {
    const registry = metricRegistry()
    interface GateEvent extends PolicyEvent {
      readonly type: 'shut'
    }
    const gate = definePolicy<PolicyOptions<GateEvent>, GateEvent>({
      kind: 'gate',
      rules: {},
      create: frame => ({ middleware: frame.around({ enter: () => void frame.emit({ type: 'shut' }) }), controls: {} }),
    })
    await call(gate({ onEvent: countEvents(registry) })(fromPromise(() => 1)), {})
    expect(events(registry)).toEqual({ 'gate gate shut none': 1 })
  })

  test('of a breaker with as many names as there are series go to the overflow series', () => {
    const registry = metricRegistry({ maxSeries: 2 })
    for (const name of ['a', 'b', 'c', 'd']) breaker({ name, onEvent: countEvents(registry) }).force('open')
    expect(events(registry)['(overflow) (overflow) (overflow) (overflow)']).toBe(2)
  })
})
