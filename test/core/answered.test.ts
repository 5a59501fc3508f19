/** Layers that answer in place of what is further in: `answeredBefore`, `answeredLater`. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  around,
  call,
  chain,
  failureOf,
  fromPromise,
  intercept,
  type Layer,
  left,
  type Middleware,
  type Outcome,
  right,
} from '../../src/core/index.js'
import { answeredBefore, answeredLater, receiverOf } from '../../src/core/layer.js'
import type { Receiver } from '../../src/core/receiver.js'
import { deep } from '../deep.js'

/** A stack of so many layers around a leaf, one of which may answer; and what happens in it. */
function start(count: number, answering: number | undefined, isLate: boolean, response: unknown = 'before') {
  const seen: string[] = []
  const layer = (i: number): Layer<number> => ({
    name: `layer ${i}`,
    enter() {
      seen.push(`enter ${i}`)
      const answer = answeredBefore(right(response))
      if (i !== answering) return { state: i }
      return isLate ? Promise.resolve(answer) : answer
    },
    exit: (outcome, state) => void seen.push(`exit ${state} ${outcome._tag === 'Right' ? outcome.right : ''}`),
    settled: state => void seen.push(`settled ${state}`),
    opened: state => void seen.push(`opened ${state}`),
  })
  const middleware: Middleware[] = Array.from({ length: count }, (_, i) => around(layer(i)))
  const leaf = fromPromise(async () => {
    seen.push('leaf')
    return 'now' as unknown
  })
  return { seen, endpoint: chain(...middleware)(leaf) }
}

test('an answer ends the way in: only those further out exit, once, innermost first, and nothing further in runs', async () => {
  const anyStack = fc
    .integer({ min: 1, max: 5 })
    .chain(count => fc.tuple(fc.constant(count), fc.option(fc.nat(count - 1), { nil: undefined }), fc.boolean()))
  await fc.assert(
    fc.asyncProperty(anyStack, async ([count, answering, isLate]) => {
      const { seen, endpoint } = start(count, answering, isLate)
      const response = answering === undefined ? 'now' : 'before'
      expect(await call(endpoint, {})).toEqual(right(response))
      const entered = Array.from({ length: answering ?? count }, (_, i) => i)
      expect(seen).toEqual([
        ...entered.map(i => `enter ${i}`),
        answering === undefined ? 'leaf' : `enter ${answering}`,
        ...entered.toReversed().map(i => `exit ${i} ${response}`),
        ...entered.toReversed().map(i => `settled ${i}`),
      ])
    }),
    { numRuns: deep(100, 2_000) },
  )
})

test('an answer that is a stream is one to those further out', async () => {
  const items = (async function* () {
    yield 1
  })()
  const { seen, endpoint } = start(2, 1, false, items)
  const outcome = await call(endpoint, {})
  expect(seen).toEqual(['enter 0', 'enter 1', 'opened 0'])
  const read: unknown[] = []
  if (outcome._tag === 'Right') for await (const item of outcome.right as AsyncIterable<unknown>) read.push(item)
  expect(read).toEqual([1])
  expect(seen.slice(3)).toEqual(['exit 0 undefined', 'settled 0'])
})

const down = failureOf('unavailable', 'DOWN', 'down')
const apart = intercept({ name: 'apart', run: (next, request, context) => next(request, context) })
const fused: Middleware = next => next

test.each<[where: string, between: Middleware, answer: Outcome]>([
  ['in the stack of the call', fused, right('later')],
  ['in the stack of the call', fused, left(down)],
  ['in a stack of its own', apart, right('later')],
  ['in a stack of its own', apart, left(down)],
])('an answer may come later, %s', async (_, between, answer) => {
  const seen: string[] = []
  let receiver: Receiver | undefined
  const later = around({
    name: 'later',
    enter(_context, _request, inner) {
      receiver = receiverOf(inner)
      return answeredLater
    },
    exit: () => void seen.push('exit later'),
  })
  const outer = around({ name: 'outer', exit: ({ _tag }) => void seen.push(`exit ${_tag}`) })
  const endpoint = chain(between, outer, later)(fromPromise(() => seen.push('leaf')))
  const outcome = call(endpoint, {})
  expect(seen).toEqual([])
  void receiver?.complete(answer)
  expect(seen).toEqual([`exit ${answer._tag}`])
  expect(await outcome).toEqual(answer)
})

test('an answer that comes when the call has ended changes nothing', async () => {
  const seen: string[] = []
  let receiver: Receiver | undefined
  const later = around({
    name: 'later',
    enter(_context, _request, inner) {
      receiver = receiverOf(inner)
      return answeredLater
    },
  })
  const outer = around({
    name: 'outer',
    exit: ({ _tag }) => void seen.push(`exit ${_tag}`),
    settled: () => void seen.push('settled'),
  })
  const controller = new AbortController()
  const outcome = call(chain(outer, later)(fromPromise(() => 1)), {}, { signal: controller.signal })
  controller.abort()
  expect(await outcome).toMatchObject({ left: { code: 'cancelled' } })
  void receiver?.complete(right('late'))
  expect(seen).toEqual(['exit Left', 'settled'])
})

test('a layer that enters can have what is further in run besides', async () => {
  const runs: string[] = []
  const inner = around({ name: 'inner', exit: () => void runs.push('inner') })
  const twice = around({
    name: 'twice',
    async enter(context, request, { next }) {
      await next(request, context)
      return undefined
    },
  })
  const outer = around({ name: 'outer', exit: () => void runs.push('outer') })
  const endpoint = chain(outer, twice, inner)(fromPromise(() => runs.push('leaf')))
  expect(await call(endpoint, {})).toEqual(right(3))
  expect(runs).toEqual(['leaf', 'inner', 'leaf', 'inner', 'outer'])
})
