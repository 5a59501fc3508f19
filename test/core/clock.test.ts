/** The clock of the machine, its timers faked: no test waits for it. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { systemClock } from '../../src/core/index.js'

describe('the clock of the machine', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  const day = 24 * 3_600_000
  test.each([0, 1, 10, 2 ** 31 - 1, 2 ** 31, 30 * day, 1000 * day])(
    'fires a timer of %i ms once, and not early',
    ms => {
      const fired = vi.fn()
      systemClock.setTimer(fired, ms)
      vi.advanceTimersByTime(Math.max(0, ms - 1))
      if (ms > 1) expect(fired).not.toHaveBeenCalled()
      vi.advanceTimersByTime(2)
      expect(fired).toHaveBeenCalledTimes(1)
      vi.advanceTimersByTime(2 ** 31)
      expect(fired).toHaveBeenCalledTimes(1)
    },
  )

  test.each([5, 100 * day])('does not fire a timer of %i ms that was cancelled, at once or half way', ms => {
    const fired = vi.fn()
    systemClock.setTimer(fired, ms).cancel()
    const halfWay = systemClock.setTimer(fired, ms)
    vi.advanceTimersByTime(ms / 2)
    halfWay.cancel()
    halfWay.cancel()
    vi.advanceTimersByTime(2 * ms)
    expect(fired).not.toHaveBeenCalled()
  })
})

test('a timer keeps the process alive until told otherwise, and can be told when it has fired', () => {
  const counting = () => process.getActiveResourcesInfo().filter(each => each === 'Timeout').length
  const before = counting()
  const timer = systemClock.setTimer(() => {}, 1e12)
  expect(counting()).toBe(before + 1)
  timer.keepAlive(false)
  expect(counting()).toBe(before)
  timer.keepAlive(true)
  expect(counting()).toBe(before + 1)
  timer.cancel()
  timer.keepAlive(false)
  timer.keepAlive(true)
  expect(counting()).toBe(before)
})

test('now never goes back, and wallTime is the time of day', () => {
  let latest = systemClock.now()
  for (let i = 0; i < 1000; i++) {
    const now = systemClock.now()
    expect(now).toBeGreaterThanOrEqual(latest)
    latest = now
  }
  expect(Math.abs(systemClock.wallTime() - Date.now())).toBeLessThan(1000)
})
