/** A list through its items, against a set. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Linked, LinkedCalls } from '../../src/transport/linked-calls.js'

class Item implements Linked<Item> {
  newer: Item | undefined = undefined
  older: Item | undefined = undefined
}

test('holds what a set would, newest first, and nothing of what was taken out', () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.nat()), { maxLength: 60, size: 'max' }), steps => {
      const calls = new LinkedCalls<Item>()
      const model = new Set<Item>()
      for (const step of steps) {
        const taken = step === null ? undefined : [...model][step % Math.max(1, model.size)]
        if (taken !== undefined) {
          calls.delete(taken)
          model.delete(taken)
          expect([taken.newer, taken.older]).toEqual([undefined, undefined])
        } else {
          const added = new Item()
          calls.add(added)
          model.add(added)
        }
        const all = calls.all()
        expect(all.length).toBe(calls.size)
        expect(all.every((item, i) => item === [...model].at(-1 - i))).toBe(true)
        expect(calls.newest).toBe(all[0])
        expect(calls.size).toBe(model.size)
      }
    }),
    { numRuns: 50 },
  )
})
