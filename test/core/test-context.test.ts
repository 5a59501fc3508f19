/** Contexts for unit tests. */
import { describe, expect, test } from 'vitest'
import { call, fromPromise, manualClock, right, systemClock, testContext } from '../../src/core/index.js'

describe('a test context', () => {
  test('is empty by default: no deadline, no metadata, the first attempt, on the clock of the machine', () => {
    const context = testContext()
    expect([context.deadline, context.remainingMs]).toEqual([Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY])
    expect([context.attempt, context.metadata.size, context.outgoing.size]).toEqual([1, 0, 0])
    expect(context.clock).toBe(systemClock)
    expect(context.signal.aborted).toBe(false)
    expect(context.peer).toEqual({ secure: false })
    let settled = false
    context.settled(() => {
      settled = true
    })
    expect(settled).toBe(true)
  })

  test('has what it was given', () => {
    const clock = manualClock({ startMs: 100 })
    const { signal } = new AbortController()
    const peer = { address: '203.0.113.7', secure: true }
    const context = testContext({ clock, deadlineMs: 50, signal, metadata: { 'X-A': '1' }, peer, attempt: 3 })
    expect(context.peer).toBe(peer)
    expect([context.deadline, context.remainingMs, context.attempt]).toEqual([150, 50, 3])
    expect([...context.metadata]).toEqual([['x-a', '1']])
    expect(context.signal).toBe(signal)
    expect(() => testContext({ metadata: { 'a b': '1' } })).toThrow('INVALID_METADATA')
    expect(() => testContext({ deadlineMs: Number.NaN })).toThrow(RangeError)
  })

  test('sets no timer by itself', async () => {
    const clock = manualClock()
    testContext({ clock, deadlineMs: 50 })
    expect(clock.pendingTimers).toBe(0)
    await clock.advance(100)
  })

  test('bounds each call made with it, and can be used again', async () => {
    const clock = manualClock()
    const context = testContext({ clock, deadlineMs: 50 })
    const slow = fromPromise(() => new Promise(() => {}))
    expect(
      await call(
        fromPromise(() => 1),
        1,
        { context },
      ),
    ).toEqual(right(1))
    const answer = call(slow, 1, { context })
    await clock.advance(50)
    expect(await answer).toMatchObject({ left: { reason: 'DEADLINE_EXCEEDED', ran: 'maybe' } })
    expect(await call(slow, 1, { context })).toMatchObject({ left: { reason: 'DEADLINE_EXCEEDED', ran: 'no' } })
  })

  test('cancels all calls made with it', async () => {
    const controller = new AbortController()
    const context = testContext({ signal: controller.signal })
    const answers = [1, 2].map(() =>
      call(
        fromPromise(() => new Promise(() => {})),
        1,
        { context },
      ),
    )
    controller.abort('stop')
    expect(await Promise.all(answers)).toMatchObject([
      { left: { reason: 'CANCELLED', cause: 'stop' } },
      { left: { reason: 'CANCELLED', cause: 'stop' } },
    ])
  })

  test('is what a plain endpoint can be called with directly', async () => {
    expect(await fromPromise(async (n: number) => n + 1)(1)(testContext())()).toEqual(right(2))
  })
})
