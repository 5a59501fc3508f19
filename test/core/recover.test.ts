/** A layer may give something else where the rest has failed, and may put a part of the call around the rest. */
import { describe, expect, test } from 'vitest'
import {
  around,
  branch,
  type Context,
  call,
  chain,
  failed,
  failureOf,
  fromPromise,
  fromRemote,
  intercept,
  type Layer,
  left,
  type Middleware,
  manualClock,
  mockEndpoint,
  type Outcome,
  right,
  testContext,
} from '../../src/core/index.js'
import { promisesOf } from './promises-of.js'

const down = failureOf('unavailable', 'DOWN', 'down', { ran: 'no' })
const isDown = fromRemote('down', async () => left(down))
const recovering = (recover: NonNullable<Layer['recover']>): Middleware => around({ name: 'recovering', recover })
const telling = (name: string, told: string[]): Middleware =>
  around({
    name,
    exit: outcome => void told.push(`${name} exits ${outcome._tag}`),
    settled: () => void told.push(`${name} settled`),
  })

describe('recover', () => {
  const ways: readonly { readonly how: string; readonly recover: NonNullable<Layer['recover']> }[] = [
    { how: 'at once', recover: () => right('instead') },
    { how: 'later', recover: async () => right('instead') },
    {
      how: "by another library's promise",
      // biome-ignore lint/suspicious/noThenProperty: this is what it is about
      recover: () => ({ then: (resolve: (outcome: Outcome) => void) => resolve(right('instead')) }) as never,
    },
  ]
  test.each(ways)('gives another outcome $how', async ({ recover }) => {
    expect(await call(recovering(recover)(isDown), 1)).toEqual(right('instead'))
  })

  test('is not asked where the call succeeds, nor where its stream fails', async () => {
    const asked: unknown[] = []
    const asking = recovering(failure => {
      asked.push(failure)
      return failure
    })
    await call(asking(fromPromise(async () => 1)), 1)
    async function* broken() {
      yield 1
      throw new Error('broken')
    }
    const outcome = await call(asking(fromPromise(() => broken())), 1, { context: testContext({ onDefect: () => {} }) })
    await expect(readAll(outcome)).rejects.toMatchObject({ failure: { reason: 'DEFECT' } })
    expect(asked).toEqual([])
  })

  test('gets the failure, the state of its layer, the request, and the context as it was around the layer', async () => {
    const seen: unknown[] = []
    const layer = around<string>({
      name: 'layer',
      enter: context => ({ context: branch(context, { attempt: 7 }).context, state: 'its state' }),
      recover(failure, state, { request, context }) {
        seen.push(failure, state, request, context.attempt)
        return failure
      },
    })
    const outer = around({ name: 'outer', enter: context => ({ context: branch(context, { attempt: 3 }).context }) })
    await call(chain(outer, layer)(isDown), 'request')
    expect(seen).toEqual([left(down), 'its state', 'request', 3])
  })

  test('is asked from the inside out, and those further out see what it gave', async () => {
    const told: string[] = []
    const stack = chain(
      telling('outer', told),
      recovering(failure => {
        told.push('second recovers')
        return 'reason' in failure.left && failure.left.reason === 'WORSE' ? right('instead') : failure
      }),
      telling('middle', told),
      recovering(async () => {
        told.push('first recovers')
        return failed('internal', 'WORSE', 'worse')
      }),
      telling('inner', told),
    )
    expect(await call(stack(isDown), 1)).toEqual(right('instead'))
    expect(told).toEqual([
      'inner exits Left',
      'inner settled',
      'first recovers',
      'middle exits Left',
      'middle settled',
      'second recovers',
      'outer exits Right',
      'outer settled',
    ])
  })

  test('is asked for what a layer further in refuses, and not for what one further out does', async () => {
    const refusing = around({ name: 'refusing', enter: () => left(down) })
    const instead = recovering(() => right('instead'))
    expect(await call(chain(instead, refusing)(isDown), 1)).toEqual(right('instead'))
    expect(await call(chain(refusing, instead)(isDown), 1)).toEqual(left(down))
  })

  test('that runs the rest again runs the layers further in again', async () => {
    const told: string[] = []
    let runs = 0
    const flaky = fromPromise(async () => (++runs < 2 ? left(down) : runs))
    const again = recovering((_, __, { next, request, context }) => next(request, context))
    expect(await call(chain(again, telling('inner', told))(flaky), 1)).toEqual(right(2))
    expect(told).toEqual(['inner exits Left', 'inner settled', 'inner exits Right', 'inner settled'])
  })

  test('may give a stream, with which the layers further out exit when it has ended', async () => {
    const told: string[] = []
    async function* items() {
      yield 1
      yield 2
    }
    const stack = chain(
      telling('outer', told),
      recovering(() => right(items())),
    )
    const outcome = await call(stack(isDown), 1)
    expect(told).toEqual([])
    expect(await readAll(outcome)).toEqual([1, 2])
    await new Promise(setImmediate)
    expect(told).toEqual(['outer exits Right', 'outer settled'])
  })

  test('is not asked once the call has ended', async () => {
    const clock = manualClock()
    const asked: unknown[] = []
    const asking = recovering(failure => {
      asked.push(failure)
      return right('instead')
    })
    const part = around({ name: 'part', enter: context => ({ context: branch(context).context }) })
    for (const stack of [asking, chain(asking, part)]) {
      const { endpoint, next } = mockEndpoint()
      const answer = call(stack(endpoint), 1, { context: testContext({ clock }), deadlineMs: 10 })
      const { fail } = await next()
      await clock.advance(20)
      expect(await answer).toMatchObject({ left: { reason: 'DEADLINE_EXCEEDED' } })
      fail(down)
      await clock.settle()
    }
    expect(asked).toEqual([])
    expect(clock.pendingTimers).toBe(0)
  })

  test('that takes too long is cut off by the deadline, and what it gives then is dropped', async () => {
    const clock = manualClock()
    const told: string[] = []
    let closed = false
    const source: AsyncIterable<number> = {
      [Symbol.asyncIterator]: () => ({
        next: async () => ({ done: false, value: 1 }),
        async return() {
          closed = true
          return { done: true, value: undefined }
        },
      }),
    }
    const stack = chain(
      telling('outer', told),
      recovering(() => new Promise(resolve => void clock.setTimer(() => resolve(right(source)), 50))),
    )
    const answer = call(stack(isDown), 1, { context: testContext({ clock }), deadlineMs: 10 })
    await clock.advance(20)
    expect(await answer).toMatchObject({ left: { reason: 'DEADLINE_EXCEEDED' } })
    expect(told).toEqual(['outer exits Left'])
    await clock.advance(100)
    expect(closed).toBe(true)
    expect(told).toEqual(['outer exits Left', 'outer settled'])
  })

  test.each<[string, NonNullable<Layer['recover']>]>([
    [
      'throws',
      () => {
        throw new Error('broken')
      },
    ],
    ['rejects', () => Promise.reject(new Error('broken'))],
    ['gives nothing', () => undefined as never],
    ['gives nothing later', async () => undefined as never],
  ])('that %s is a defect', async (_, recover) => {
    const defects: unknown[] = []
    const context = testContext({ onDefect: defect => defects.push(defect) })
    expect(await call(recovering(recover)(isDown), 1, { context })).toMatchObject({ left: { reason: 'DEFECT' } })
    expect(defects).toHaveLength(1)
  })
})

describe('a layer that gives the context of a branch', () => {
  const within = (deadlineMs: number): Middleware =>
    around({
      name: 'within',
      enter: context => ({
        context: branch(context, { deadlineMs, tooLate: () => failureOf('deadline_exceeded', 'LATE', 'late') }).context,
      }),
    })

  test('bounds what is further in, and leaves the call alone', async () => {
    const clock = manualClock()
    const told: string[] = []
    const { endpoint, next } = mockEndpoint()
    const stack = chain(telling('outer', told), within(10), telling('inner', told))
    const answer = call(stack(endpoint), 1, { context: testContext({ clock }), deadlineMs: 1_000 })
    const { context, respond } = await next()
    await clock.advance(20)
    expect(await answer).toMatchObject({ left: { reason: 'LATE' } })
    expect(context.signal.aborted).toBe(true)
    expect(told).toEqual(['inner exits Left', 'outer exits Left'])
    respond('late')
    await clock.settle()
    expect(told).toEqual(['inner exits Left', 'outer exits Left', 'inner settled', 'outer settled'])
    expect(clock.pendingTimers).toBe(0)
  })

  test('bounds a response stream, too', async () => {
    const clock = manualClock()
    async function* endless(_: number, { signal }: Context) {
      yield 1
      await new Promise(resolve => signal.addEventListener('abort', resolve))
    }
    const outcome = await call(within(10)(fromPromise(endless)), 1, { context: testContext({ clock }) })
    const reading = readAll(outcome)
    await Promise.all([expect(reading).rejects.toMatchObject({ failure: { reason: 'LATE' } }), clock.advance(20)])
    expect(clock.pendingTimers).toBe(0)
  })

  test('adds no promise to a call that succeeds, where an interceptor that awaits adds some', async () => {
    const endpoint = fromPromise(async () => 1)
    const awaiting = intercept({ name: 'awaiting', run: async (next, request, context) => next(request, context) })
    const bare = await promisesOf(() => call(endpoint, 1))
    const stack = chain(
      within(1_000),
      recovering(failure => failure),
      within(500),
    )(endpoint)
    expect(await promisesOf(() => call(stack, 1))).toBe(bare)
    expect(await promisesOf(() => call(awaiting(endpoint), 1))).toBeGreaterThan(bare)
  })

  test('that is not that of a part of this very call is only a context', async () => {
    const other = testContext({ attempt: 5 })
    const stack = around({ name: 'odd', enter: () => ({ context: other }) })
    expect(await call(stack(fromPromise((_: number, { attempt }) => attempt)), 1)).toEqual(right(5))
  })
})

async function readAll(outcome: Outcome): Promise<unknown[]> {
  if (outcome._tag === 'Left') throw new Error('no stream')
  const items: unknown[] = []
  for await (const item of outcome.right as AsyncIterable<unknown>) items.push(item)
  return items
}
