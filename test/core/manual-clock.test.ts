/** The clock that tests move. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { manualClock } from '../../src/core/index.js'
import { deep } from '../deep.js'

describe('a manual clock', () => {
  test('stands still until it is moved', async () => {
    const clock = manualClock({ startMs: 7, startWallTime: 1000 })
    expect([clock.now(), clock.wallTime()]).toEqual([7, 1000])
    await clock.settle()
    expect([clock.now(), clock.wallTime()]).toEqual([7, 1000])
    await clock.advance(0.5)
    expect([clock.now(), clock.wallTime()]).toEqual([7.5, 1000.5])
    expect(new Date(manualClock().wallTime()).toISOString()).toBe('2026-01-01T00:00:00.000Z')
  })

  test('fires timers in the order of their times, each at its time, and equals in the order they were set', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: -5, max: 50 }), { maxLength: 30, size: 'max' }),
        fc.array(fc.nat(20), { maxLength: 20, size: 'max' }),
        async (delays, steps) => {
          const clock = manualClock()
          const fired: { readonly i: number; readonly at: number }[] = []
          delays.forEach((delay, i) => void clock.setTimer(() => fired.push({ i, at: clock.now() }), delay))
          for (const step of [...steps, 50]) await clock.advance(step)
          const expected = delays
            .map((delay, i) => ({ i, at: Math.max(0, delay) }))
            .sort((a, b) => a.at - b.at || a.i - b.i)
          expect(fired).toEqual(expected)
        },
      ),
      { numRuns: deep(100, 2000) },
    )
  })

  test('runs everything that a timer sets off before the next one', async () => {
    const clock = manualClock()
    const order: string[] = []
    clock.setTimer(async () => {
      for (let i = 0; i < 5; i++) await null
      order.push(`all of the first, at ${clock.now()}`)
      clock.setTimer(() => order.push(`what the first set, at ${clock.now()}`), 5)
    }, 10)
    clock.setTimer(() => order.push(`the second, at ${clock.now()}`), 11)
    await clock.advance(20)
    expect(order).toEqual(['all of the first, at 10', 'the second, at 11', 'what the first set, at 15'])
  })

  test('fires at once what is due in NaN ms, as setTimeout does', async () => {
    const clock = manualClock()
    const fired: number[] = []
    clock.setTimer(() => fired.push(1), 1)
    clock.setTimer(() => fired.push(0), Number.NaN)
    await clock.advance(2)
    expect(fired).toEqual([0, 1])
  })

  test('does not fire what was cancelled, before or meanwhile', async () => {
    const clock = manualClock()
    const fired: string[] = []
    const never = clock.setTimer(() => fired.push('never'), 5)
    const later = clock.setTimer(() => fired.push('later'), 15)
    clock.setTimer(() => later.cancel(), 10)
    never.cancel()
    await clock.advance(20)
    never.cancel()
    expect(fired).toEqual([])
  })

  test('counts the timers that would keep a process alive', async () => {
    const clock = manualClock()
    const timer = clock.setTimer(() => {}, 5)
    clock.setTimer(() => {}, 6)
    expect(clock.pendingTimers).toBe(2)
    timer.keepAlive(false)
    expect(clock.pendingTimers).toBe(1)
    timer.keepAlive(true)
    expect(clock.pendingTimers).toBe(2)
    await clock.advance(5)
    expect(clock.pendingTimers).toBe(1)
    timer.keepAlive(true)
    expect(clock.pendingTimers).toBe(1)
  })

  test('never goes back', async () => {
    const clock = manualClock()
    for (const ms of [-1, Number.NaN]) {
      await expect(clock.advance(ms)).rejects.toThrow(
        new RangeError(`manualClock: can only be advanced by 0 ms or more, got ${ms}`),
      )
    }
    const seen: number[] = []
    for (let i = 1; i <= 10; i++) clock.setTimer(() => seen.push(clock.now()), i * 10)
    const far = clock.advance(100)
    await clock.advance(5)
    expect(clock.now()).toBeGreaterThanOrEqual(10)
    await far
    expect([...seen, clock.now()]).toEqual([10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 100])
  })
})
