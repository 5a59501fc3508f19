/** The algorithms of `shed` by themselves: which way they go, and how fast. */
import { expect, test } from 'vitest'
import { limitAlgorithm } from '../../src/middleware/concurrency-limit.js'
import { LimitWindow } from '../../src/middleware/limit-window.js'

const busy = { inFlight: 100, hasDropped: false }

test('gradient grows by a little while the latency stays, and shrinks by half a fifth at most when it grows', () => {
  const gradient = limitAlgorithm('gradient')
  let limit = 20
  for (let i = 0; i < 100; i++) {
    const next = gradient.next(limit, { ...busy, latencyMs: 10 })
    expect(next - limit).toBeCloseTo(0.8, 6) // a fifth of a queue of four
    limit = next
  }
  const shrunk = gradient.next(limit, { ...busy, latencyMs: 1_000 })
  expect(shrunk).toBeLessThan(limit)
  expect(shrunk).toBeGreaterThan(0.9 * limit)
})

test('gradient forgets a time of overload faster than its long average does', () => {
  const gradient = limitAlgorithm('gradient')
  let limit = 100
  for (let i = 0; i < 200; i++) limit = gradient.next(limit, { ...busy, latencyMs: 1_000 })
  for (let i = 0; i < 200; i++) limit = gradient.next(limit, { ...busy, latencyMs: 10 })
  // Then 20 ms is twice of what is usual, and not a fiftieth.
  let slower = limit
  for (let i = 0; i < 20; i++) slower = gradient.next(slower, { ...busy, inFlight: 1_000, latencyMs: 30 })
  expect(slower).toBeLessThan(limit)
})

test('vegas goes down by the logarithm of the limit after a drop, and up while little waits', () => {
  const vegas = limitAlgorithm('vegas')
  const ms = (latencyMs: number, hasDropped = false) => ({ inFlight: 100, latencyMs, hasDropped })
  expect(vegas.next(100, ms(10))).toBe(100) // the first is what others are measured by
  expect(vegas.next(100, ms(10.05))).toBe(100 + 6 * 2)
  expect(vegas.next(100, ms(10.4))).toBe(100 + 2)
  expect(vegas.next(100, ms(11))).toBe(100)
  expect(vegas.next(100, ms(20))).toBe(100 - 2)
  expect(vegas.next(100, ms(10.05, true))).toBe(100 - 2)
})

test('vegas measures the least latency anew with half of the calls, and goes on with as many as before', () => {
  const vegas = limitAlgorithm('vegas')
  const ms = (latencyMs: number) => ({ inFlight: 10, latencyMs, hasDropped: false })
  for (let i = 0; i < 60; i++) expect(vegas.next(100, ms(10 + (i % 2)))).toBe(100)
  expect(vegas.next(100, ms(20))).toBe(50)
  expect(vegas.next(50, ms(20))).toBe(50) // has calls from before
  expect(vegas.next(50, ms(12))).toBe(100)
  expect(vegas.next(100, { ...ms(12.05), inFlight: 100 })).toBe(100 + 6 * 2) // 12 ms is the least now
})

test('a window is a sample after 250 ms and ten calls, whichever comes last', () => {
  const window = new LimitWindow()
  for (let i = 0; i < 9; i++) expect(window.add(i * 100, { ...busy, latencyMs: i })).toBeUndefined()
  expect(window.add(900, { inFlight: 300, hasDropped: true, latencyMs: 9 })).toEqual({
    latencyMs: 4.5,
    inFlight: 300,
    hasDropped: true,
  })
  for (let i = 0; i < 50; i++) expect(window.add(1_000, { ...busy, latencyMs: 1 })).toBeUndefined()
  expect(window.add(1_150, { ...busy, latencyMs: 1 })).toEqual({ latencyMs: 1, inFlight: 100, hasDropped: false })
})
