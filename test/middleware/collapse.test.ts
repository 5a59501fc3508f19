/** `collapse`: many calls become one, and each gets its own answer. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  blame,
  call,
  type Failure,
  failed,
  failureOf,
  fromPromise,
  type ManualClock,
  manualClock,
  mockEndpoint,
  right,
  testContext,
} from '../../src/core/index.js'
import { type CollapseEvent, collapse } from '../../src/middleware/index.js'
import { deep } from '../deep.js'

interface Get {
  readonly sku: string
}
interface GetMany {
  readonly skus: readonly string[]
}
interface Prices {
  readonly prices: readonly number[]
}

const mapping = {
  key: () => 'all',
  toBatch: (requests: readonly Get[]): GetMany => ({ skus: requests.map(({ sku }) => sku) }),
  fromBatch: ({ prices }: Prices) => prices,
}

function start(clock: ManualClock = manualClock(), more: { maxBatch?: number; key?: (request: Get) => string } = {}) {
  const mock = mockEndpoint<GetMany, Prices>()
  const events: CollapseEvent[] = []
  const policy = collapse({ ...mapping, ...more, windowMs: 10, onEvent: event => events.push(event) })
  const endpoint = policy(mock.endpoint)
  const ask = (sku: string, deadlineMs = 1_000) =>
    call(endpoint, { sku }, { context: testContext({ clock }), deadlineMs })
  return { mock, ask, clock, events }
}

test('calls within the window are one, and each gets its own response', async () => {
  const { mock, ask, clock, events } = start()
  const answers = [ask('a'), ask('bb'), ask('ccc')]
  await clock.advance(10)
  const batch = await mock.next()
  expect(batch.request).toEqual({ skus: ['a', 'bb', 'ccc'] })
  batch.respond({ prices: [1, 2, 3] })
  expect(await Promise.all(answers)).toEqual([right(1), right(2), right(3)])
  expect(events).toMatchObject([{ kind: 'collapse', type: 'collapsed', size: 3 }])
  expect(clock.pendingTimers).toBe(0)
})

test('a full batch is sent at once, and the next request begins another', async () => {
  const { mock, ask, clock } = start(manualClock(), { maxBatch: 2 })
  const answers = [ask('a'), ask('b')]
  const batch = await mock.next()
  expect(clock.pendingTimers).toBe(1) // that of the deadlines
  void ask('c')
  batch.respond({ prices: [1, 2] })
  await Promise.all(answers)
  expect(mock.calls).toBe(1)
})

test('a request that comes while a batch is under way begins another', async () => {
  const { mock, ask, clock } = start()
  const first = ask('a')
  await clock.advance(10)
  const batch = await mock.next()
  const second = ask('bb')
  batch.respond({ prices: [1] })
  expect(await first).toEqual(right(1))
  await clock.advance(10)
  ;(await mock.next()).respond({ prices: [2] })
  expect(await second).toEqual(right(2))
})

test('requests with different keys do not share a batch', async () => {
  const { mock, ask, clock } = start(manualClock(), { key: ({ sku }) => sku.slice(0, 1) })
  void ask('a1')
  void ask('b1')
  void ask('a2')
  await clock.advance(10)
  expect([(await mock.next()).request, (await mock.next()).request]).toEqual([{ skus: ['a1', 'a2'] }, { skus: ['b1'] }])
})

test('a failure of the batch fails each call', async () => {
  const { mock, ask, clock } = start()
  const answers = [ask('a'), ask('b')]
  await clock.advance(10)
  ;(await mock.next()).fail(failureOf('unavailable', 'DOWN', 'down'))
  for (const answer of answers) expect(await answer).toMatchObject({ left: { reason: 'DOWN' } })
})

test('one response of a batch may be a failure', async () => {
  const endpoint = collapse({
    ...mapping,
    windowMs: 0,
    fromBatch: ({ prices }: Prices) =>
      prices.map(price => (price === 0 ? failed('not_found', 'NO_PRICE', 'no price') : price)),
  })(fromPromise(async ({ skus }: GetMany) => ({ prices: skus.map(sku => sku.length) })))
  const [a, b] = await Promise.all([call(endpoint, { sku: '' }), call(endpoint, { sku: 'tea' })])
  expect([a, b]).toMatchObject([{ left: { reason: 'NO_PRICE' } }, right(3)])
})

test('a batch with too few responses is a defect for each of its calls', async () => {
  const defects: unknown[] = []
  const endpoint = collapse({ ...mapping, windowMs: 0 })(
    fromPromise(async (_: GetMany): Promise<Prices> => ({ prices: [1] })),
  )
  const context = testContext({ onDefect: thrown => defects.push(thrown) })
  const answers = [call(endpoint, { sku: 'a' }, { context }), call(endpoint, { sku: 'b' }, { context })]
  for (const answer of answers) expect(await answer).toMatchObject({ left: { reason: 'DEFECT' } })
  expect(defects[0]).toEqual(new TypeError('collapse: fromBatch gave 1 responses for 2 requests'))
})

test('a method that streams is refused while wrapping, and a stream that nobody told of is a defect', async () => {
  const watch = { service: 'shop.v1.Prices', name: 'watch', idempotency: 'safe', kind: 'server_streaming' } as const
  const streams = collapse(mapping)
  expect(() => streams(mockEndpoint<GetMany, Prices>(watch).endpoint)).toThrow(
    'collapse: shop.v1.Prices/watch streams, and calls cannot share a stream',
  )
  let closed = 0
  const endpoint = collapse({ ...mapping, windowMs: 0, fromBatch: () => [1] })(
    fromPromise(async (_: GetMany) => ({
      [Symbol.asyncIterator]: () => ({ next: expect.fail, return: async () => ({ done: true, value: closed++ }) }),
    })),
  )
  const defects: unknown[] = []
  const context = testContext({ onDefect: thrown => defects.push(thrown) })
  expect(await call(endpoint, { sku: 'a' }, { context })).toMatchObject({ left: { reason: 'DEFECT' } })
  expect([defects, closed]).toEqual([[new TypeError('a stream cannot be shared by several calls')], 1])
})

describe('batches are bounded', () => {
  test('a call that needs one more is refused, and those of open batches join them', async () => {
    const clock = manualClock()
    const mock = mockEndpoint<GetMany, Prices>()
    const events: CollapseEvent[] = []
    const policy = collapse({
      ...mapping,
      key: ({ sku }) => sku,
      maxBatches: 2,
      windowMs: 10,
      onEvent: event => events.push(event),
    })
    const endpoint = policy(mock.endpoint)
    const ask = (sku: string) => call(endpoint, { sku }, { context: testContext({ clock }) })
    const [tea, saw] = [ask('tea'), ask('saw')]
    const refused = await ask('nail')
    expect(refused).toMatchObject({ left: { code: 'resource_exhausted', reason: 'TOO_MANY_BATCHES', ran: 'no' } })
    expect(blame((refused as { left: Failure }).left)).toBe('service')
    const joined = ask('tea')
    await clock.advance(10)
    expect([policy.inFlight, await ask('nail')]).toMatchObject([2, { left: { reason: 'TOO_MANY_BATCHES' } }]) // under way
    ;(await mock.next()).respond({ prices: [1, 2] })
    ;(await mock.next()).respond({ prices: [3] })
    expect(await Promise.all([tea, saw, joined])).toEqual([right(1), right(3), right(2)])
    const another = ask('nail')
    await clock.advance(10)
    ;(await mock.next()).respond({ prices: [4] })
    expect(await another).toEqual(right(4))
    expect([policy.inFlight, clock.pendingTimers]).toEqual([0, 0])
    expect(events.map(({ type }) => type)).toEqual(['refused', 'collapsed', 'collapsed', 'refused', 'collapsed'])
  })

  test('one that all have left makes room at once, sent or not', async () => {
    const clock = manualClock()
    const mock = mockEndpoint<GetMany, Prices>()
    const policy = collapse({ ...mapping, maxBatches: 1, windowMs: 10 })
    const endpoint = policy(mock.endpoint)
    for (const afterMs of [5, 15]) {
      const controller = new AbortController()
      const left = call(endpoint, { sku: 'a' }, { context: testContext({ clock }), signal: controller.signal })
      await clock.advance(afterMs)
      expect(policy.inFlight).toBe(1)
      controller.abort()
      expect(await left).toMatchObject({ left: { code: 'cancelled' } })
      expect(policy.inFlight).toBe(0)
    }
    expect(mock.calls).toBe(1)
  })

  test('by options that make sense together', () => {
    expect(() => collapse({ ...mapping, maxBatches: 0 })).toThrow(RangeError)
    expect(() => collapse({ ...mapping, windowMs: 30_000 })).toThrow(
      'collapse: maxRunMs must be more than windowMs, got 30000 and 30000',
    )
  })
})

describe('a call that leaves', () => {
  test('before the batch is sent is not in it', async () => {
    const { mock, ask, clock } = start()
    const [early, late] = [ask('a', 1), ask('b')]
    await clock.advance(10)
    expect(await early).toMatchObject({ left: { reason: 'DEADLINE_EXCEEDED' } })
    const batch = await mock.next()
    expect(batch.request).toEqual({ skus: ['b'] })
    batch.respond({ prices: [7] })
    expect(await late).toEqual(right(7))
  })

  test('as the last one aborts the batch', async () => {
    const { mock, ask, clock } = start()
    const answer = ask('a', 50)
    await clock.advance(10)
    const { context } = await mock.next()
    await clock.advance(60)
    await answer
    expect(context.signal.aborted).toBe(true)
  })

  test('alone in a batch that was not sent yet leaves nothing to send', async () => {
    const clock = manualClock()
    const mock = mockEndpoint<GetMany, Prices>()
    const events: CollapseEvent[] = []
    const endpoint = collapse({ ...mapping, windowMs: 500, onEvent: event => events.push(event) })(mock.endpoint)
    const answer = call(endpoint, { sku: 'a' }, { context: testContext({ clock }), deadlineMs: 20 })
    await clock.advance(1_000)
    expect(await answer).toMatchObject({ left: { reason: 'DEADLINE_EXCEEDED' } })
    expect([mock.calls, clock.pendingTimers, events]).toEqual([0, 0, []])
  })
})

test('whatever comes when, each call gets its own answer and no batch is too large', async () => {
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.record({ sku: fc.string({ maxLength: 8 }) }) },
    fc.record({ ms: fc.integer({ min: 0, max: 12 }) }),
  )
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 10, maxLength: 80, size: 'max' }),
      fc.integer({ min: 1, max: 7 }),
      async (steps, maxBatch) => {
        const clock = manualClock()
        const sizes: number[] = []
        const endpoint = collapse({ ...mapping, windowMs: 5, maxBatch })(
          fromPromise(async ({ skus }: GetMany) => {
            sizes.push(skus.length)
            return { prices: skus.map(sku => sku.length) }
          }),
        )
        const answers: [string, Promise<unknown>][] = []
        for (const each of steps) {
          if ('ms' in each) await clock.advance(each.ms)
          else answers.push([each.sku, call(endpoint, { sku: each.sku }, { context: testContext({ clock }) })])
        }
        await clock.advance(10)
        for (const [sku, answer] of answers) expect(await answer).toEqual(right(sku.length))
        expect(Math.max(0, ...sizes)).toBeLessThanOrEqual(maxBatch)
        expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(answers.length)
      },
    ),
    { numRuns: deep(40, 2_500) },
  )
})
