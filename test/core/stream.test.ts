/** Streams as responses: read once, closed always, failing as CallErrors. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  around,
  CallError,
  type CallOptions,
  callOrThrow,
  chain,
  type Endpoint,
  failureOf,
  fromPromise,
  fromRemote,
  intercept,
  isLeft,
  type ManualClock,
  manualClock,
  type Outcome,
  right,
  testContext,
} from '../../src/core/index.js'
import { deep } from '../deep.js'

const pause = (clock: ManualClock, ms: number): Promise<void> =>
  new Promise(resolve => void clock.setTimer(resolve, ms))

/** What a source was asked, and when it was closed. */
class Source implements AsyncIterable<number> {
  readonly log: string[] = []
  readonly #next: (i: number) => unknown
  readonly #hasReturn: boolean

  constructor(next: (i: number) => unknown, hasReturn = true) {
    this.#next = next
    this.#hasReturn = hasReturn
  }

  [Symbol.asyncIterator](): AsyncIterator<number> {
    this.log.push('iterated')
    let i = 0
    const next = () => {
      this.log.push('next')
      return this.#next(i++) as Promise<IteratorResult<number>>
    }
    const close = async (): Promise<IteratorResult<number>> => {
      this.log.push('closed')
      return { done: true, value: undefined }
    }
    return this.#hasReturn ? { next, return: close } : { next }
  }
}

const item = (value: number) => Promise.resolve({ done: false, value })
const end = () => Promise.resolve({ done: true, value: undefined })
const never = () => new Promise(() => {})
const lost = failureOf('data_loss', 'LOST', 'lost')

function open<T>(
  source: AsyncIterable<T>,
  options: CallOptions = {},
  wrap: (endpoint: Endpoint<number, AsyncIterable<T>>) => Endpoint<number, AsyncIterable<T>> = endpoint => endpoint,
): Promise<AsyncIterable<T>> {
  return callOrThrow(wrap(fromPromise(async (_: number): Promise<AsyncIterable<T>> => source)), 1, options)
}

async function failureIn(work: Promise<unknown>): Promise<unknown> {
  const thrown = await work.then(
    given => `no failure: ${given}`,
    (each: unknown) => each,
  )
  expect(thrown).toBeInstanceOf(CallError)
  return thrown instanceof CallError ? thrown.failure : undefined
}

/** A layer that tells how its calls ended. */
function telling(outcomes: Outcome[]) {
  return around({ name: 'telling', exit: outcome => void outcomes.push(outcome) })
}

async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const got: T[] = []
  for await (const each of stream) got.push(each)
  return got
}

describe('a stream', () => {
  test('gives its items, and exits only when it has ended', async () => {
    const outcomes: Outcome[] = []
    const stream = await open(new Source(i => (i < 3 ? item(i) : end())), {}, telling(outcomes))
    expect(outcomes).toEqual([])
    expect(await all(stream)).toEqual([0, 1, 2])
    expect(outcomes).toEqual([right(undefined)])
  })

  test('is opened before its first item, innermost layer first', async () => {
    const order: string[] = []
    const opening = (name: string) =>
      around<string>({ name, enter: () => ({ state: name }), opened: s => void order.push(s) })
    const source = new Source(i => {
      order.push(`item ${i}`)
      return i < 1 ? item(i) : end()
    })
    await all(await open(source, {}, chain(opening('a'), opening('b'))))
    expect(order).toEqual(['b', 'a', 'item 0', 'item 1'])
  })

  test('can be iterated once', async () => {
    const stream = await open(new Source(i => (i < 3 ? item(i) : end())))
    await all(stream)
    expect(() => stream[Symbol.asyncIterator]()).toThrow(
      new TypeError('the stream of a call can be iterated only once'),
    )
  })

  test('is asked for nothing before somebody reads', async () => {
    const source = new Source(i => item(i))
    const clock = manualClock()
    await open(source, { context: testContext({ clock }) })
    await clock.advance(10)
    expect(source.log).toEqual([])
  })

  test('is done for good once it has ended', async () => {
    const iterator = (await open(new Source(end)))[Symbol.asyncIterator]()
    for (let i = 0; i < 3; i++) expect(await iterator.next()).toEqual({ done: true, value: undefined })
    expect(await iterator.return?.()).toEqual({ done: true, value: undefined })
  })

  test('gives each of several readers at once another item', async () => {
    async function* three(): AsyncGenerator<number> {
      yield* [1, 2, 3]
    }
    for (const wrap of [chain(), telling([])]) {
      const iterator = (await open(three(), {}, wrap))[Symbol.asyncIterator]()
      const items = await Promise.all(Array.from({ length: 5 }, () => iterator.next()))
      expect(items).toEqual([1, 2, 3, undefined, undefined].map(value => ({ done: value === undefined, value })))
    }
  })

  test('may come from an iterator that gives its results without promises', async () => {
    const source = new Source(i => (i < 2 ? { done: false, value: i } : { done: true, value: undefined }))
    expect(await all(await open(source))).toEqual([0, 1])
  })

  test('lives until its deadline, which counts from the start of the call', async () => {
    const clock = manualClock()
    const source = new Source(i => pause(clock, 30).then(() => item(i)))
    const stream = await open(source, { context: testContext({ clock }), deadlineMs: 100 })
    const got: number[] = []
    const reading = failureIn(
      (async () => {
        for await (const each of stream) got.push(each)
      })(),
    )
    await clock.advance(1000)
    expect(await reading).toMatchObject({ reason: 'DEADLINE_EXCEEDED' })
    expect(got).toEqual([0, 1, 2])
    expect(clock.pendingTimers).toBe(0)
  })
})

describe('a stream that fails in the middle', () => {
  const table: readonly {
    readonly how: string
    readonly fail: () => unknown
    readonly failure: object
    readonly told: number
  }[] = [
    { how: 'throws a CallError', fail: () => Promise.reject(new CallError(lost)), failure: lost, told: 0 },
    {
      how: 'throws a CallError that says its work never ran',
      fail: () => Promise.reject(new CallError({ ...lost, ran: 'no' })),
      failure: lost,
      told: 0,
    },
    {
      how: 'throws a domain failure',
      fail: () => Promise.reject(new CallError({ _tag: 'OutOfStock', details: { sku: 'a' } })),
      failure: { _tag: 'OutOfStock', details: { sku: 'a' } },
      told: 0,
    },
    {
      how: 'has a defect',
      fail: () => Promise.reject(new Error('!')),
      failure: { code: 'internal', reason: 'DEFECT' },
      told: 1,
    },
    {
      how: 'has a defect outside its promise',
      fail: () => {
        throw new Error('!')
      },
      failure: { code: 'internal', reason: 'DEFECT' },
      told: 1,
    },
    { how: 'rejects with nothing', fail: () => Promise.reject(), failure: { reason: 'DEFECT' }, told: 1 },
    { how: 'gives no result', fail: () => Promise.resolve(), failure: { reason: 'DEFECT' }, told: 1 },
  ]
  const stacks = { alone: chain(), 'in layers': chain(telling([]), telling([])), 'in an interceptor': through() }
  const cases = table.flatMap(each => Object.entries(stacks).map(([where, stack]) => ({ ...each, where, stack })))

  test.each(cases)('as it $how: its reader gets a CallError, $where', async ({ fail, failure, told, stack }) => {
    const thrown: unknown[] = []
    const outcomes: Outcome[] = []
    const source = new Source(i => (i < 2 ? item(i) : fail()))
    const context = testContext({ onDefect: each => void thrown.push(each) })
    const stream = await open(source, { context }, chain(telling(outcomes), stack))
    const got: number[] = []
    const reading = (async () => {
      for await (const each of stream) got.push(each)
    })()
    expect(await failureIn(reading)).toMatchObject(failure)
    expect(got).toEqual([0, 1])
    expect(outcomes).toMatchObject([{ _tag: 'Left', left: failure }])
    expect(thrown).toHaveLength(told)
  })

  function through() {
    return intercept({ name: 'through', run: (next, request, context) => next(request, context) })
  }
})

describe('a stream that is left', () => {
  test.each(['by break', 'by a throw', 'by return() before the first item'])(
    '%s closes its source, exits and aborts',
    async how => {
      const clock = manualClock()
      const outcomes: Outcome[] = []
      let signal: AbortSignal | undefined
      const source = new Source(i => item(i))
      const endpoint = telling(outcomes)(
        fromPromise(async (_: number, context) => {
          signal = context.signal
          return source as AsyncIterable<number>
        }),
      )
      const stream = await callOrThrow(endpoint, 1, { context: testContext({ clock }) })
      if (how === 'by break') for await (const each of stream) if (each === 1) break
      const leaving = async (): Promise<void> => {
        for await (const _ of stream) throw new Error('the reader fails')
      }
      if (how === 'by a throw') await expect(leaving()).rejects.toThrow('the reader fails')
      if (how === 'by return() before the first item') await stream[Symbol.asyncIterator]().return?.()
      expect(source.log.at(-1)).toBe('closed')
      expect(source.log.filter(each => each === 'closed')).toHaveLength(1)
      expect(outcomes).toMatchObject([{ left: { code: 'cancelled', reason: 'ABANDONED' } }])
      expect(signal?.reason).toMatchObject({ failure: { reason: 'ABANDONED' } })
      expect(clock.pendingTimers).toBe(0)
    },
  )

  test('lets its reader go on when the source has closed', async () => {
    const clock = manualClock()
    async function* slow(): AsyncGenerator<number> {
      try {
        yield 1
      } finally {
        await pause(clock, 50)
      }
    }
    const stream = await open(slow(), { context: testContext({ clock }) })
    let leftAt = Number.NaN
    void (async () => {
      for await (const _ of stream) break
      leftAt = clock.now()
    })()
    await clock.advance(100)
    expect(leftAt).toBe(50)
    expect(clock.pendingTimers).toBe(0)
  })

  test('lets its reader go on at the deadline where the source never closes', async () => {
    const clock = manualClock()
    async function* stuck(): AsyncGenerator<number> {
      try {
        yield 1
      } finally {
        await never()
      }
    }
    const stream = await open(stuck(), { context: testContext({ clock }), deadlineMs: 100 }, telling([]))
    let leftAt = Number.NaN
    void (async () => {
      for await (const _ of stream) break
      leftAt = clock.now()
    })()
    await clock.advance(1000)
    expect(leftAt).toBe(100)
    expect(clock.pendingTimers).toBe(0)
  })

  test('fails whoever still waits for an item that never comes, by the deadline', async () => {
    const clock = manualClock()
    const iterator = (await open(new Source(never), { context: testContext({ clock }), deadlineMs: 100 }))[
      Symbol.asyncIterator
    ]()
    const waiting = failureIn(iterator.next())
    void iterator.return?.()
    await clock.advance(100)
    expect(await waiting).toMatchObject({ reason: 'DEADLINE_EXCEEDED' })
    expect(clock.pendingTimers).toBe(0)
  })

  test('tells of a source that cannot be closed', async () => {
    const thrown: unknown[] = []
    const source: AsyncIterable<number> = {
      [Symbol.asyncIterator]: () => ({
        next: () => Promise.resolve({ done: false, value: 1 }),
        return: () => Promise.reject(new Error('cannot close')),
      }),
    }
    for await (const _ of await open(source, { context: testContext({ onDefect: each => void thrown.push(each) }) }))
      break
    expect(thrown.map(String)).toEqual(['Error: cannot close'])
  })

  test('may come from a source that has nothing to close', async () => {
    for await (const _ of await open(new Source(i => item(i), false))) break
  })
})

describe('when its call ends early, a stream', () => {
  const ends: readonly { readonly how: string; readonly reason: string }[] = [
    { how: 'at the deadline', reason: 'DEADLINE_EXCEEDED' },
    { how: 'by its signal', reason: 'CANCELLED' },
    { how: "by its caller's signal", reason: 'CANCELLED' },
  ]
  const setUp = (how: string) => {
    const clock = manualClock()
    const controller = new AbortController()
    const { signal } = controller
    const outcomes: Outcome[] = []
    const context = testContext({ clock, ...(how.includes('caller') && { signal }) })
    const options = { context, deadlineMs: 100, ...(how === 'by its signal' && { signal }) }
    const finish = async (): Promise<void> => {
      if (how !== 'at the deadline') controller.abort()
      await clock.advance(how === 'at the deadline' ? 100 : 0)
    }
    return { clock, outcomes, options, finish }
  }

  test.each(ends)('that nobody reads is closed: $how', async ({ how, reason }) => {
    const { clock, outcomes, options, finish } = setUp(how)
    const source = new Source(i => item(i))
    const stream = await open(source, options, telling(outcomes))
    await finish()
    expect(source.log).toEqual(['iterated', 'closed'])
    expect(outcomes).toMatchObject([{ left: { reason } }])
    expect(await failureIn(all(stream))).toMatchObject({ reason })
    expect(clock.pendingTimers).toBe(0)
  })

  test.each(ends)('fails whoever waits for an item, and is closed: $how', async ({ how, reason }) => {
    const { clock, outcomes, options, finish } = setUp(how)
    const source = new Source(i => (i === 0 ? item(i) : never()))
    const iterator = (await open(source, options, telling(outcomes)))[Symbol.asyncIterator]()
    expect(await iterator.next()).toEqual({ done: false, value: 0 })
    const waiting = [failureIn(iterator.next()), failureIn(iterator.next())]
    await finish()
    expect(await Promise.all(waiting)).toMatchObject([{ reason }, { reason }])
    expect(await failureIn(iterator.next())).toMatchObject({ reason })
    expect(await iterator.return?.()).toEqual({ done: true, value: undefined })
    expect(source.log.filter(each => each === 'closed')).toHaveLength(1)
    expect(outcomes).toMatchObject([{ left: { reason } }])
    expect(clock.pendingTimers).toBe(0)
  })

  test('that a middleware dropped is closed', async () => {
    const clock = manualClock()
    const source = new Source(i => item(i))
    const dropping = intercept({
      name: 'dropping',
      async run(next, request, context) {
        await next(request, context)
        return right('instead') as never
      },
    })
    await open(source, { context: testContext({ clock }), deadlineMs: 100 }, chain(dropping, telling([])))
    expect(source.log).toEqual([])
    await clock.advance(100)
    expect(source.log).toEqual(['iterated', 'closed'])
    expect(clock.pendingTimers).toBe(0)
  })

  test.each([
    { where: 'alone', wrap: chain() },
    { where: 'in layers', wrap: telling([]) },
  ])('that comes only then is closed, and nobody gets it, $where', async ({ wrap }) => {
    const clock = manualClock()
    const source = new Source(i => item(i))
    const late = wrap(fromPromise(() => pause(clock, 150).then(() => source)))
    const answer = failureIn(callOrThrow(late, 1, { context: testContext({ clock }), deadlineMs: 100 }))
    await clock.advance(200)
    expect(await answer).toMatchObject({ reason: 'DEADLINE_EXCEEDED' })
    expect(source.log).toEqual(['iterated', 'closed'])
  })

  test('that a handler passes on from another call is closed there too', async () => {
    const clock = manualClock()
    const source = new Source(never)
    const inner = fromRemote('inner', async () => right(source as AsyncIterable<number>))
    const outer = fromPromise((_: number, context) => callOrThrow(inner, 1, { context }))
    const stream = await callOrThrow(outer, 1, { context: testContext({ clock }), deadlineMs: 100 })
    const reading = failureIn(all(stream))
    await clock.advance(100)
    expect(await reading).toMatchObject({ reason: 'DEADLINE_EXCEEDED' })
    expect(source.log).toEqual(['iterated', 'next', 'closed'])
    expect(clock.pendingTimers).toBe(0)
  })
})

test('whatever becomes of a stream, its source is closed or done, its layer exits once, and the reader knows', async () => {
  const scene = fc.record({
    items: fc.nat(4),
    ending: fc.constantFrom('ends', 'fails', 'hangs'),
    reads: fc.nat(6),
    concurrency: fc.integer({ min: 1, max: 3 }),
    leaves: fc.boolean(),
    endMs: fc.option(fc.integer({ min: 1, max: 60 })),
  })
  await fc.assert(
    fc.asyncProperty(scene, async ({ items, ending, reads, concurrency, leaves, endMs }) => {
      const clock = manualClock()
      const outcomes: Outcome[] = []
      let isOver = false
      async function* source(): AsyncGenerator<number> {
        try {
          for (let i = 0; i < items; i++) {
            await pause(clock, 7.01)
            yield i
          }
          if (ending === 'fails') throw new CallError(lost)
          if (ending === 'hangs') await pause(clock, 5000)
        } finally {
          isOver = true
        }
      }
      const options = { context: testContext({ clock }), deadlineMs: endMs ?? 1000 }
      const iterator = (await open(source(), options, telling(outcomes)))[Symbol.asyncIterator]()
      const got: number[] = []
      let failures = 0
      const reading = Promise.all(
        Array.from({ length: concurrency }, async () => {
          for (let i = 0; i < reads; i++) {
            const each = await iterator.next()
            if (each.done === true) return
            got.push(each.value)
          }
        }).map(one => one.catch(() => void failures++)),
      ).then(() => (leaves ? iterator.return?.() : undefined))
      await clock.advance(10_000)
      await reading
      expect(got).toEqual([...got.keys()])
      expect(outcomes).toHaveLength(1)
      if (failures > 0) expect(outcomes.every(isLeft)).toBe(true)
      expect(isOver || got.length === 0).toBe(true)
      expect(clock.pendingTimers).toBe(0)
    }),
    { numRuns: deep(200, 5000) },
  )
})
