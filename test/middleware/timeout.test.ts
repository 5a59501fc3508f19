/** `timeout` answers in time, tells the work to stop, and counts what does not. */
import { describe, expect, test } from 'vitest'
import {
  blame,
  call,
  isLeft,
  isRight,
  type ManualClock,
  type MethodInfo,
  manualClock,
  mockEndpoint,
  testContext,
} from '../../src/core/index.js'
import { type TimeoutEvent, timeout } from '../../src/middleware/index.js'

const method: MethodInfo = { service: 'shop.v1.Stock', name: 'reserve', idempotency: 'unsafe' }

function start(clock: ManualClock, deadlineMs = 1_000) {
  const mock = mockEndpoint<number, string>(method)
  const events: TimeoutEvent[] = []
  const policy = timeout({ timeoutMs: 100, onEvent: event => events.push(event) })
  const endpoint = policy(mock.endpoint)
  const answer = () => call(endpoint, 1, { context: testContext({ clock }), deadlineMs })
  return { mock, events, policy, answer }
}

test('a late call fails with TIMEOUT and its work is aborted', async () => {
  const clock = manualClock()
  const { mock, answer, policy } = start(clock)
  const outcome = answer()
  const { context, respond } = await mock.next()
  expect(context.remainingMs).toBe(100) // which a client tells the service that it calls
  await clock.advance(99)
  expect(context.signal.aborted).toBe(false)
  await clock.advance(11)
  const failed = await outcome
  expect(failed).toMatchObject({ left: { code: 'deadline_exceeded', reason: 'TIMEOUT', ran: 'maybe' } })
  expect(isLeft(failed) && blame(failed.left)).toBe('service')
  expect(context.signal.aborted).toBe(true)
  expect(policy.overdue).toBe(1)
  respond('late')
  await clock.advance(0)
  expect(policy.overdue).toBe(0)
})

test('a call in time is answered and leaves no timer', async () => {
  const clock = manualClock()
  const { mock, answer, policy, events } = start(clock)
  const outcome = answer()
  const { respond } = await mock.next()
  await clock.advance(90)
  respond('done')
  expect(await outcome).toMatchObject({ right: 'done' })
  await clock.advance(10_000)
  expect([policy.overdue, events, clock.pendingTimers]).toEqual([0, [], 0])
})

test('a nearer deadline of the call is what it fails with', async () => {
  const clock = manualClock()
  const { answer } = start(clock, 50)
  const outcome = answer()
  await clock.advance(60)
  expect(await outcome).toMatchObject({ left: { reason: 'DEADLINE_EXCEEDED' } })
})

test('tells when a call was late and when its work has really ended', async () => {
  const clock = manualClock()
  const { mock, answer, events } = start(clock)
  const outcome = answer()
  const { respond } = await mock.next()
  await clock.advance(110)
  await outcome
  const common = { policy: 'timeout', kind: 'timeout', method: 'shop.v1.Stock/reserve' }
  expect(events).toEqual([{ ...common, type: 'timed-out' }])
  respond('late')
  await clock.advance(0)
  expect(events).toEqual([
    { ...common, type: 'timed-out' },
    { ...common, type: 'ended-late' },
  ])
})

test('a change holds for calls that begin after it', async () => {
  const clock = manualClock()
  const { mock, answer, policy } = start(clock)
  const before = answer()
  policy.configure({ timeoutMs: 500 })
  const after = answer()
  const [first, second] = [await mock.next(), await mock.next()]
  await clock.advance(200)
  expect(await before).toMatchObject({ left: { reason: 'TIMEOUT' } })
  expect(first.context.signal.aborted).toBe(true)
  second.respond('done')
  expect(isRight(await after)).toBe(true)
})

describe('a stream', () => {
  test('is cut off when its time is over', async () => {
    const clock = manualClock()
    const mock = mockEndpoint<number, AsyncIterable<number>>()
    const answer = call(timeout({ timeoutMs: 100 })(mock.endpoint), 1, { context: testContext({ clock }) })
    let closed = false
    const { respond } = await mock.next()
    respond(
      (async function* () {
        try {
          yield 1
          await new Promise(resolve => clock.setTimer(() => resolve(undefined), 10_000))
        } finally {
          closed = true
        }
      })(),
    )
    const outcome = await answer
    if (outcome._tag === 'Left') throw new Error('no stream')
    const iterator = outcome.right[Symbol.asyncIterator]()
    expect(await iterator.next()).toEqual({ done: false, value: 1 })
    const second = iterator.next()
    const refused = expect(second).rejects.toMatchObject({ failure: { reason: 'TIMEOUT' } })
    await clock.advance(110)
    await refused
    await clock.advance(10_000)
    expect(closed).toBe(true)
  })
})

test.each([0, -1, Number.NaN, Infinity, '5'])('refuses timeoutMs %s', timeoutMs => {
  expect(() => timeout({ timeoutMs: timeoutMs as number })).toThrow(RangeError)
})
