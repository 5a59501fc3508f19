/** Windows count what is in them, through every change of their length. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { CountWindow, TimeWindow } from '../../src/middleware/rolling-window.js'
import { deep } from '../deep.js'

const columns = fc.integer({ min: 0, max: 7 })
const totals = (window: TimeWindow | CountWindow) => [0, 1, 2].map(column => window.total(column))
const counted = (all: readonly number[]) => [0, 1, 2].map(column => all.filter(bits => bits & (1 << column)).length)

test('a window of time holds what its ten last buckets hold', () => {
  const lengths = fc.constantFrom(10, 15, 20, 40, 100, 1_000)
  const step = fc.oneof(
    { weight: 5, arbitrary: columns.map(bits => ({ bits })) },
    { weight: 4, arbitrary: fc.integer({ min: 1, max: 40 }).map(ms => ({ ms })) },
    { weight: 2, arbitrary: lengths.map(length => ({ length })) },
  )
  const run = fc.property(lengths, fc.array(step, { minLength: 10, maxLength: 60, size: 'max' }), (first, steps) => {
    let [now, bucketMs] = [-7.5, first / 10]
    let all: { at: number; bits: number }[] = []
    const isIn = ({ at }: { at: number }) => Math.floor(at / bucketMs) > Math.floor(now / bucketMs) - 10
    const window = new TimeWindow(first, 3)
    for (const each of steps) {
      if ('ms' in each) now += each.ms
      else if ('length' in each) {
        all = all.filter(isIn).map(({ at, bits }) => ({ at: Math.floor(at / bucketMs) * bucketMs, bits }))
        bucketMs = each.length / 10
        window.resize(each.length, now)
      } else {
        window.advance(now)
        window.count(each.bits)
        all.push({ at: now, bits: each.bits })
      }
      window.advance(now)
      expect(totals(window)).toEqual(counted(all.filter(isIn).map(({ bits }) => bits)))
    }
  })
  fc.assert(run, { numRuns: deep(500, 10_000) })
})

test('a window of calls holds the last so many', () => {
  const step = fc.oneof(
    { weight: 5, arbitrary: columns.map(bits => ({ bits })) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 9 }).map(size => ({ size })) },
    { weight: 1, arbitrary: fc.constant({ clear: true }) },
  )
  const run = fc.property(
    fc.integer({ min: 1, max: 9 }),
    fc.array(step, { maxLength: 60, size: 'max' }),
    (first, steps) => {
      let size = first
      let all: number[] = []
      const window = new CountWindow(first, 3)
      for (const each of steps) {
        if ('bits' in each) {
          window.count(each.bits)
          all.push(each.bits)
        } else if ('size' in each) {
          window.resize(each.size)
          size = each.size
        } else {
          window.clear()
          all = []
        }
        all = all.slice(-size)
        expect(totals(window)).toEqual(counted(all))
      }
    },
  )
  fc.assert(run, { numRuns: deep(500, 10_000) })
})
