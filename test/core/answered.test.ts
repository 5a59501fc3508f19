/** Layers that answer in place of what is further in: `answeredBefore`. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { around, call, chain, fromPromise, type Layer, type Middleware, right } from '../../src/core/index.js'
import { answeredBefore } from '../../src/core/layer.js'
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
