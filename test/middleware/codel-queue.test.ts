/** The queue of `shed`, against a list that does the same the slow way. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { manualClock } from '../../src/core/index.js'
import { CodelQueue, type QueueLimits } from '../../src/middleware/codel-queue.js'
import { deep } from '../deep.js'
import { CodelModel } from './codel-queue-model.js'

const limits: QueueLimits = { maxQueue: 3, targetMs: 5, intervalMs: 50 }

/** What a queue of numbered calls did. */
function start(given: QueueLimits = limits) {
  const clock = manualClock()
  const told: string[] = []
  const queue = new CodelQueue(() => given)
  const add = (name: string, priority = 1) =>
    queue.add({ priority, admit: () => void told.push(`${name} in`), drop: () => void told.push(`${name} out`) }, clock)
  const admit = (): boolean => queue.admit(() => true)
  return { clock, told, queue, add, admit }
}

test('is first in, first out while it is empty now and then', () => {
  const { told, admit, add } = start()
  add('a')
  add('b')
  expect([admit(), admit(), admit()]).toEqual([true, true, false])
  expect(told).toEqual(['a in', 'b in'])
})

test('drops what has waited for the interval, and has no timer when it is empty', async () => {
  const { clock, told, add } = start()
  add('a')
  await clock.advance(49)
  expect(told).toEqual([])
  await clock.advance(1)
  expect(told).toEqual(['a out'])
  expect(clock.pendingTimers).toBe(0)
})

test('is last in, first out, and patient for the target only, once it has not been empty for the interval', async () => {
  const { clock, told, admit, add } = start()
  add('a')
  await clock.advance(40)
  add('b')
  admit() // a
  await clock.advance(8)
  add('c')
  add('d')
  expect(told).toEqual(['a in'])
  await clock.advance(2) // b has waited for 10 ms, which is too long now
  expect(admit()).toBe(true)
  expect(told).toEqual(['a in', 'b out', 'd in'])
  await clock.advance(3)
  expect(told).toEqual(['a in', 'b out', 'd in', 'c out'])
})

test('a full queue gives up the least important, the latest of them', () => {
  const { told, admit, add } = start()
  add('a', 1)
  add('b', 0)
  add('c', 0)
  add('d', 2)
  add('e', 0)
  expect(told).toEqual(['c out', 'e out'])
  admit()
  expect(told.at(-1)).toBe('d in')
})

test('what leaves is neither admitted nor dropped', async () => {
  const { clock, told, admit, add } = start()
  const leave = add('a')
  leave()
  leave()
  expect(admit()).toBe(false)
  await clock.advance(1_000)
  expect([told, clock.pendingTimers]).toEqual([[], 0])
})

describe('whatever happens', () => {
  const command = fc.oneof(
    fc.record({ do: fc.constant('add' as const), priority: fc.integer({ min: 0, max: 2 }) }),
    fc.record({ do: fc.constant('admit' as const) }),
    fc.record({ do: fc.constant('leave' as const), which: fc.nat(20) }),
    fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 60 }) }),
  )

  test('each call is told once, in the order of the model', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(command, { maxLength: 80, size: 'max' }), async commands => {
        const { clock, told, queue, add, admit } = start()
        const model = new CodelModel(limits)
        const leaves: (() => void)[] = []
        for (const each of commands) {
          if (each.do === 'add') {
            const name = `${leaves.length}`
            leaves.push(add(name, each.priority))
            model.add(name, each.priority)
          } else if (each.do === 'admit') {
            admit()
            model.admit()
          } else if (each.do === 'leave') {
            leaves[each.which]?.()
            model.leave(`${each.which}`)
          } else {
            await clock.advance(each.ms)
            model.wait(each.ms)
          }
          expect(told).toEqual(model.told)
          expect(queue.length).toBe(model.calls.length)
        }
        await clock.advance(1_000)
        expect(clock.pendingTimers).toBe(0)
      }),
      { numRuns: deep(300, 5_000) },
    )
  })
})
