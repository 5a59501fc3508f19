/** `Recent` against a list that is searched: what was used last stays, in one map or in several that share a bound. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Recent } from '../../src/store/recent.js'
import { deep } from '../deep.js'

interface Kept {
  readonly map: number
  readonly key: string
  readonly value: number
}

/** Least recently used first. */
class Model {
  list: readonly Kept[] = []

  set(kept: Kept, max: number): (readonly [string, number])[] {
    const all = [...this.#without(kept), kept]
    this.list = all.slice(-max)
    return all.slice(0, -max).map(({ key, value }) => [key, value])
  }

  get(of: Omit<Kept, 'value'>): number | undefined {
    const known = this.list.find(({ map, key }) => map === of.map && key === of.key)
    if (known !== undefined) this.list = [...this.#without(known), known]
    return known?.value
  }

  delete(of: Omit<Kept, 'value'>): void {
    this.list = this.#without(of)
  }

  #without(of: Omit<Kept, 'value'>): readonly Kept[] {
    return this.list.filter(({ map, key }) => map !== of.map || key !== of.key)
  }
}

const key = fc.constantFrom('a', 'b', 'c', 'd', 'e')
const map = fc.constantFrom(0 as const, 1 as const)
const command = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(fc.constant('set' as const), map, key, fc.integer({ min: 1, max: 4 })) },
  { weight: 3, arbitrary: fc.tuple(fc.constantFrom('get', 'peek', 'delete', 'clear', 'forget'), map, key) },
)

test('does what a list would do', () => {
  fc.assert(
    fc.property(fc.array(command, { minLength: 10, maxLength: 60, size: 'max' }), commands => {
      const model = new Model()
      const first = new Recent<number>()
      const maps = [first, new Recent(first)] as const
      for (const [value, [what, of, name, max = 1]] of commands.entries()) {
        const [recent, kept] = [maps[of], { map: of, key: name, value }]
        if (what === 'set') {
          const evicted: unknown[] = []
          recent.set(name, value, max, (...gone) => evicted.push(gone))
          expect(evicted).toEqual(model.set(kept, max))
        } else if (what === 'get') expect(recent.get(name)).toBe(model.get(kept))
        else if (what === 'peek')
          expect(recent.peek(name)).toBe(model.list.find(one => one.map === of && one.key === name)?.value)
        else if (what === 'delete') {
          recent.delete(name)
          model.delete(kept)
        } else if (what === 'clear') {
          recent.clear()
          model.list = model.list.filter(one => one.map !== of)
        } else {
          recent.forget(one => one === name)
          model.list = model.list.filter(one => one.key !== name)
        }
        expect(first.size).toBe(model.list.length)
      }
    }),
    { numRuns: deep(60, 5_000) },
  )
})

test('whoever is told of what was put out may put something in', () => {
  const recent = new Recent<string>()
  recent.set('a', 'old', 1)
  recent.set('b', 'new', 1, () => recent.set('b', 'newer', 1))
  expect([recent.get('a'), recent.get('b'), recent.size]).toEqual([undefined, 'newer', 1])
  recent.set('c', 'next', 1)
  expect([recent.get('b'), recent.get('c'), recent.size]).toEqual([undefined, 'next', 1])
})
