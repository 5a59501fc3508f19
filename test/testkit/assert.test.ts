/** The suites' own assertions agree with node:assert/strict, whose names they have. */
import nodeAssert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as assert from '../../src/testkit/assert.js'
import { deep } from '../deep.js'

const values: readonly unknown[] = [
  ...[undefined, null, 0, -0, 1, Number.NaN, 1n, '', 'a', true],
  ...[[], [1], [1, 2], [undefined], {}, { a: 1 }, { a: undefined }, { a: { b: [1] } }, { a: { b: [2] } }],
  ...[new Date(0), new Date(1), new Uint8Array([1]), new Uint8Array([2]), new Uint8Array([1, 2]), new Uint16Array([1])],
  ...[
    new Map([[1, 2]]),
    new Map([[1, 3]]),
    new Set([1]),
    new Set([2]),
    new Error('a'),
    new Error('b'),
    new TypeError('a'),
  ],
  Object.create(null),
]

function passes(check: () => void): boolean {
  try {
    check()
    return true
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(Error)
    return false
  }
}

const checks = [
  { name: 'equal', ours: assert.equal, nodes: nodeAssert.equal },
  { name: 'notEqual', ours: assert.notEqual, nodes: nodeAssert.notEqual },
  { name: 'deepEqual', ours: assert.deepEqual, nodes: nodeAssert.deepEqual },
]

describe.each(checks)('$name', ({ ours, nodes }) => {
  test.each(values)('agrees with node about %o', a => {
    const others = [...values, structuredClone(a)]
    const agreed = others.map(b => passes(() => ours(a, b)) === passes(() => nodes(a, b)))
    expect(agreed).toEqual(others.map(() => true))
  })
})

test('deepEqual agrees with node about anything', () => {
  // Whether two invalid dates are the same, one version of node answers thus and the next otherwise.
  const leaves = [
    fc.constantFrom(null, undefined, true, false),
    fc.double(),
    fc.string(),
    fc.date({ noInvalidDate: true }),
  ]
  const anything = fc.anything({ values: leaves, withBigInt: true, withTypedArray: true, maxDepth: 3 })
  fc.assert(
    fc.property(anything, anything, (a, b) => {
      expect(passes(() => assert.deepEqual(a, structuredClone(a)))).toBe(
        passes(() => nodeAssert.deepEqual(a, structuredClone(a))),
      )
      expect(passes(() => assert.deepEqual(a, b))).toBe(passes(() => nodeAssert.deepEqual(a, b)))
    }),
    { numRuns: deep(300, 20_000) },
  )
})

test('a failure says what was expected and what came, with what JSON would hide', () => {
  expect(() => assert.deepEqual({ a: undefined, n: 1n }, { n: Number.NaN }, 'the parts')).toThrow(
    'the parts\n  expected: {"n":"(NaN)"}\n  got:      {"a":"(undefined)","n":"1n"}',
  )
  expect(() => assert.match('abc', /d/)).toThrow('"abc" does not match /d/')
  expect(() => assert.ok(0)).toThrow('expected something true: got 0')
  expect(() => assert.fail()).toThrow('failed')
})
