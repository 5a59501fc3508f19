/** The store in memory does what all stores do, on a clock, and never grows past its bound. */
import { manualClock } from 'tenon'
import { memoryStore } from 'tenon/store'
import { conformanceTests, type StoreHarness, storeConformance } from 'tenon/testkit'
import { describe, expect, test } from 'vitest'
import { deep } from '../deep.js'

describe('conformance', () => {
  const clock = manualClock()
  const harness: StoreHarness = { open: async () => memoryStore({ clock }), pass: ms => clock.advance(ms) }
  for (const { name, run } of conformanceTests(storeConformance, harness)) test(name, run)
})

test('keeps no more than it may, and tells what it forgot before its time', async () => {
  const clock = manualClock()
  const evicted: string[] = []
  const store = memoryStore({ maxEntries: 2, clock, onEvicted: key => evicted.push(key) })
  await store.set('old', '1', 10)
  await clock.advance(10)
  await store.set('a', '1', 1_000)
  await store.set('b', '1', 1_000)
  expect(evicted).toEqual([])
  await store.get('a')
  await store.set('c', '1', 1_000)
  expect(evicted).toEqual(['b'])
  expect(await store.get('a')).toBe('1')
  const limit = { limit: 1, windowMs: 1_000, burst: 1 }
  for (const key of ['x', 'y', 'z']) await store.take(key, limit)
  expect(evicted).toEqual(['b', 'x'])
  await clock.advance(1_000)
  await store.take('w', limit)
  expect(evicted).toEqual(['b', 'x'])
})

test('a million keys are not remembered', async () => {
  let evicted = 0
  const store = memoryStore({ maxEntries: 1_000, onEvicted: () => evicted++ })
  const keys = deep(20_000, 1_000_000)
  for (let i = 0; i < keys; i++) await store.set(`key ${i}`, 'value', 60_000)
  expect(evicted).toBe(keys - 1_000)
})

test.each([0, 1.5, Number.NaN, '5'])('refuses maxEntries %s', maxEntries => {
  expect(() => memoryStore({ maxEntries: maxEntries as number })).toThrow(RangeError)
})
