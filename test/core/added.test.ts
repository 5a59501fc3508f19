/**
 * The list of what was added to a context: it never grows by what nobody can see, and names are counted.
 * In a process of its own, because it takes all the names there may be.
 */
import { expect, test } from 'vitest'
import { type Added, add, addedAs, entriesOf } from '../../src/core/added.js'
import { Context, extend, testContext } from '../../src/core/index.js'

const unnoticed = (): void => {}

test('a list stays short when the same names are added again and again', () => {
  let added: Added | undefined
  for (let i = 0; i < 10_000; i++) {
    added = add(added, i % 3 === 0 ? { item: i } : { [`other${i % 3}`]: i }, unnoticed)
    expect(added?.depth).toBeLessThanOrEqual(64)
  }
  expect(entriesOf(added)).toEqual({ item: 9999, other1: 9997, other2: 9998 })
})

test('a list of more names than it may be long keeps them all', () => {
  let added: Added | undefined
  for (let i = 0; i < 200; i++) added = add(added, { [`name${i % 100}`]: i }, unnoticed)
  for (let i = 0; i < 100; i++) expect(addedAs(added, `name${i}`)).toBe(100 + i)
  expect(added?.depth).toBe(100)
})

test('contexts take a thousand names, and refuse the next one', () => {
  for (let i = 0; i < 1_000; i++) extend(testContext(), { [`name${i}`]: i })
  expect(() => extend(testContext(), { more: 1 })).toThrow(
    new RangeError("extend: 'more' is one name more than the 1000 there may be"),
  )
  expect('more' in Context.prototype).toBe(false)
  expect(extend(testContext(), { name7: 'still' }).name7).toBe('still')
})
