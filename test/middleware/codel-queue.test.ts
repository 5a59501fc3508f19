/** The queue of `shed`, against a list that does the same the slow way. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { manualClock } from '../../src/core/index.js'
import { CodelQueue, type QueueLimits } from '../../src/middleware/codel-queue.js'
import { deep } from '../deep.js'

const limits: QueueLimits = { maxQueue: 3, targetMs: 5, intervalMs: 50 }

/** What a queue of numbered calls did. */
function start(given: QueueLimits = limits) {
  const clock = manualClock()
  const told: string[] = []
  const queue = new CodelQueue(() => given)
  const add = (name: string, priority = 1) =>
    queue.add({ priority, admit: () => void told.push(`${name} in`), drop: () => void told.push(`${name} out`) }, clock)
  return { clock, told, queue, add }
}

test('is first in, first out while it is empty now and then', () => {
  const { told, queue, add } = start()
  add('a')
  add('b')
  expect([queue.admit(), queue.admit(), queue.admit()]).toEqual([true, true, false])
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
  const { clock, told, queue, add } = start()
  add('a')
  await clock.advance(40)
  add('b')
  queue.admit() // a
  await clock.advance(8)
  add('c')
  add('d')
  expect(told).toEqual(['a in'])
  await clock.advance(2) // b has waited for 10 ms, which is too long now
  expect(queue.admit()).toBe(true)
  expect(told).toEqual(['a in', 'b out', 'd in'])
  await clock.advance(3)
  expect(told).toEqual(['a in', 'b out', 'd in', 'c out'])
})

test('a full queue gives up the least important, the latest of them', () => {
  const { told, queue, add } = start()
  add('a', 1)
  add('b', 0)
  add('c', 0)
  add('d', 2)
  add('e', 0)
  expect(told).toEqual(['c out', 'e out'])
  queue.admit()
  expect(told.at(-1)).toBe('d in')
})

test('what leaves is neither admitted nor dropped', async () => {
  const { clock, told, queue, add } = start()
  const leave = add('a')
  leave()
  leave()
  expect(queue.admit()).toBe(false)
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
        const { clock, told, queue, add } = start()
        const model = new Model(limits)
        const leaves: (() => void)[] = []
        for (const each of commands) {
          if (each.do === 'add') {
            const name = `${leaves.length}`
            leaves.push(add(name, each.priority))
            model.add(name, each.priority)
          } else if (each.do === 'admit') {
            queue.admit()
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

/** Steps through time a millisecond at a time, and sorts instead of searching. */
class Model {
  calls: { readonly name: string; readonly priority: number; readonly since: number }[] = []
  readonly told: string[] = []
  #now = 0
  #emptyAt = Number.NEGATIVE_INFINITY
  readonly #limits: QueueLimits

  constructor(given: QueueLimits) {
    this.#limits = given
  }

  add(name: string, priority: number): void {
    if (this.calls.length === 0) this.#emptyAt = this.#now
    this.calls.push({ name, priority, since: this.#now })
    if (this.calls.length <= this.#limits.maxQueue) return
    const [least] = [...this.calls].reverse().sort((a, b) => a.priority - b.priority)
    if (least !== undefined) this.#tell(least.name, 'out')
  }

  admit(): void {
    this.#dropLate()
    const order = this.#isOverloaded ? [...this.calls].reverse() : this.calls
    const [next] = [...order].sort((a, b) => b.priority - a.priority)
    if (next !== undefined) this.#tell(next.name, 'in')
  }

  leave(name: string): void {
    if (this.calls.some(call => call.name === name)) this.#take(name)
  }

  wait(ms: number): void {
    for (let i = 0; i < ms; i++) {
      this.#now++
      this.#dropLate()
    }
  }

  get #isOverloaded(): boolean {
    return this.#now - this.#emptyAt >= this.#limits.intervalMs
  }

  #dropLate(): void {
    const allowedMs = this.#isOverloaded ? this.#limits.targetMs : this.#limits.intervalMs
    for (const { name, since } of [...this.calls]) if (this.#now - since >= allowedMs) this.#tell(name, 'out')
  }

  #tell(name: string, what: string): void {
    this.#take(name)
    this.told.push(`${name} ${what}`)
  }

  #take(name: string): void {
    this.calls = this.calls.filter(call => call.name !== name)
    if (this.calls.length === 0) this.#emptyAt = this.#now
  }
}
