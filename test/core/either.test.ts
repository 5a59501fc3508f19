/** Our Either beside fp-ts's: the same shape, but only ours is recognised where a bare response could stand instead. */
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { describe, expect, test } from 'vitest'
import { isEither, isLeft, isRight, left, right } from '../../src/core/index.js'

test('left and right are what fp-ts takes for its own', () => {
  expect(
    pipe(
      right(1),
      E.map(n => n + 1),
    ),
  ).toEqual(E.right(2))
  expect(E.isLeft(left('no'))).toBe(true)
  expect(
    pipe(
      left('no'),
      E.getOrElse(each => `${each}!`),
    ),
  ).toBe('no!')
})

test('they are plain data: nothing is seen of how they are recognised', () => {
  expect(JSON.stringify([left(1), right(2)])).toBe('[{"_tag":"Left","left":1},{"_tag":"Right","right":2}]')
  expect(Object.keys(left(1))).toEqual(['_tag', 'left'])
  expect(Reflect.ownKeys(right(1))).toEqual(['_tag', 'right'])
})

describe('isEither', () => {
  test.each([left(1), right(1), right(undefined), left(left(1))])('knows %j', each => {
    expect(isEither(each)).toBe(true)
  })

  test.each([
    E.left(1),
    E.right(1),
    { _tag: 'Left', left: 1 },
    { ...left(1) },
    structuredClone(left(1)),
    JSON.parse(JSON.stringify(right(1))),
    undefined,
    null,
    'Left',
    7,
    () => left(1),
  ])('does not take %j for one', each => {
    expect(isEither(each)).toBe(false)
  })
})

test('isLeft and isRight read both kinds', () => {
  for (const each of [left(1), E.left(1)]) expect([isLeft(each), isRight(each)]).toEqual([true, false])
  for (const each of [right(1), E.right(1)]) expect([isLeft(each), isRight(each)]).toEqual([false, true])
})
