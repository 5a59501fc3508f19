/** A layer's `settled` runs once, when what began further in has really ended. */
import { expect, test } from 'vitest'
import {
  around,
  branch,
  call,
  chain,
  failed,
  failureOf,
  fromPromise,
  intercept,
  isLeft,
  type Middleware,
  manualClock,
  mockEndpoint,
  right,
  testContext,
} from '../../src/core/index.js'

/** A layer that tells what happens to it. */
function watching() {
  const told: string[] = []
  const middleware = around<string>({
    name: 'watching',
    enter: () => ({ state: 'its state' }),
    exit: () => told.push('exit'),
    settled: (state, context) => told.push(`settled with ${state}, attempt ${context.attempt}`),
  })
  return { told, middleware }
}
const both = ['exit', 'settled with its state, attempt 1']

/** Ends in 50 ms what is further in, and leaves its work alone. */
const impatient: Middleware = intercept({
  name: 'impatient',
  run: (next, request, context) =>
    branch(context, { deadlineMs: 50, tooLate: () => failureOf('deadline_exceeded', 'TIMEOUT', 'late') }).run(
      next,
      request,
    ),
})

test.each([
  ['returns', () => 1],
  ['resolves', async () => 1],
  ['throws', () => Promise.reject(new Error('a defect'))],
  ['refuses', () => failed('not_found', 'NO_SUCH_THING', 'it is not there')],
])('with the call where its work %s', async (_, work) => {
  const { told, middleware } = watching()
  await call(middleware(fromPromise(work as () => unknown)), 1, { context: testContext({ onDefect: () => {} }) })
  expect(told).toEqual(both)
})

test('with the call where a layer further in refuses, and not at all where one further out does', async () => {
  const refusing = around({ name: 'refusing', enter: () => failed('unavailable', 'SHUT', 'no', { ran: 'no' }) })
  for (const [order, expected] of [
    ['inside', both],
    ['outside', []],
  ] as const) {
    const { told, middleware } = watching()
    const stack = order === 'inside' ? chain(middleware, refusing) : chain(refusing, middleware)
    await call(stack(fromPromise(() => 1)), 1)
    expect(told).toEqual(expected)
  }
})

test('later than the call where its work ignores the deadline', async () => {
  const clock = manualClock()
  const { told, middleware } = watching()
  const { endpoint, next } = mockEndpoint()
  const answer = call(middleware(endpoint), 1, { context: testContext({ clock }), deadlineMs: 50 })
  const { respond } = await next()
  await clock.advance(60)
  expect(isLeft(await answer)).toBe(true)
  expect(told).toEqual(['exit'])
  respond('late')
  await clock.advance(0)
  expect(told).toEqual(both)
})

test.each([
  ['alone', chain()],
  [
    'with an async function around it',
    intercept({ name: 'slow', run: async (next, request, context) => next(request, context) }),
  ],
])('later than the call where something further in answered for its work: %s', async (_, outside) => {
  const clock = manualClock()
  const { told, middleware } = watching()
  const { endpoint, next } = mockEndpoint()
  const answer = call(chain(outside, middleware, impatient)(endpoint), 1, { context: testContext({ clock }) })
  const { respond } = await next()
  await clock.advance(60)
  expect(isLeft(await answer)).toBe(true)
  expect(told).toEqual(['exit'])
  respond('late')
  await clock.advance(0)
  expect(told).toEqual(both)
})

test('later than the call where a call that it made goes on', async () => {
  const { told, middleware } = watching()
  const { endpoint, next } = mockEndpoint()
  await call(middleware(fromPromise((_: number, context) => void call(endpoint, 1, { context }))), 1)
  expect(told).toEqual(['exit'])
  ;(await next()).respond('done')
  await new Promise(setImmediate)
  expect(told).toEqual(both)
})

test('once for each run, when that has ended, where the rest runs again in the same call', async () => {
  const { told, middleware } = watching()
  const again = intercept({
    name: 'again',
    async run(next, request, context) {
      await next(request, context)
      told.push('again')
      return next(request, context)
    },
  })
  expect(await call(chain(again, middleware)(fromPromise(async () => 1)), 1)).toEqual(right(1))
  expect(told).toEqual([...both, 'again', ...both])
})

test('after a stream has closed', async () => {
  const { told, middleware } = watching()
  const source = async function* () {
    try {
      yield 1
    } finally {
      told.push('closed')
    }
  }
  const outcome = await call(middleware(fromPromise(() => source())), 1)
  if (isLeft(outcome)) throw new Error('no stream')
  expect(told).toEqual([])
  for await (const _ of outcome.right) break
  await new Promise(setImmediate)
  expect(told).toEqual(['exit', 'closed', 'settled with its state, attempt 1'])
})

test('for a layer that was still entering when the call ended, as soon as it has', async () => {
  const clock = manualClock()
  const told: string[] = []
  const slow = around<string>({
    name: 'slow',
    enter: () => new Promise(resolve => clock.setTimer(() => resolve({ state: 'late' }), 500)),
    exit: (_, state) => told.push(`exit ${state}`),
    settled: state => told.push(`settled ${state}`),
  })
  const answer = call(slow(fromPromise(() => 1)), 1, { context: testContext({ clock }), deadlineMs: 50 })
  await clock.advance(60)
  await answer
  expect(told).toEqual([])
  await clock.advance(500)
  expect(told).toEqual(['exit late', 'settled late'])
})

test('what it throws is a defect and keeps nobody else from being told', async () => {
  const { told, middleware } = watching()
  const defects: unknown[] = []
  const broken = around({
    name: 'broken',
    settled: () => {
      throw new Error('broken')
    },
  })
  const context = testContext({ onDefect: defect => defects.push(defect) })
  expect(await call(chain(middleware, broken)(fromPromise(() => 1)), 1, { context })).toEqual(right(1))
  expect(told).toEqual(both)
  expect(defects).toMatchObject([{ message: 'broken' }])
})
