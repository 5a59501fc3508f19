import { expect, test } from 'vitest'
import { late, latePattern } from '../../src/core/late.js'

test('nothing is made before it is asked for, and then once', () => {
  const made: object[] = []
  const get = late(() => {
    made.push({})
    return made
  })
  expect(made).toHaveLength(0)
  expect(get()).toBe(get())
  expect(made).toHaveLength(1)
})

test('a pattern that is made late is the one that a literal would be', () => {
  const pattern = latePattern(String.raw`[\p{Cc}]+`, 'gu')
  expect(pattern()).toEqual(/[\p{Cc}]+/gu)
  expect(pattern()).toBe(pattern())
})
