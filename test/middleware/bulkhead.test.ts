/** `bulkhead` bounds what runs, not what is waited for, and forgets nobody who waits. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  blame,
  CallError,
  type Context,
  call,
  chain,
  extend,
  failureOf,
  fromPromise,
  intercept,
  isLeft,
  type ManualClock,
  type MethodInfo,
  type MockCall,
  manualClock,
  mockEndpoint,
  type Outcome,
  right,
  testContext,
} from '../../src/core/index.js'
import { type BulkheadEvent, type BulkheadOptions, bulkhead, timeout } from '../../src/middleware/index.js'
import { deep } from '../deep.js'
import { type Actions, Model, plan } from './bulkhead-model.js'

const method: MethodInfo = { service: 'shop.v1.Stock', name: 'reserve', idempotency: 'unsafe' }
const full = { left: { code: 'resource_exhausted', reason: 'BULKHEAD_FULL', ran: 'no' } }

interface Going {
  readonly answer: Promise<Outcome>
  readonly cancel: () => void
}

function start(options: BulkheadOptions, clock: ManualClock = manualClock()) {
  const mock = mockEndpoint<number, string>(method)
  const events: BulkheadEvent[] = []
  const policy = bulkhead({ onEvent: event => events.push(event), ...options })
  const endpoint = policy(mock.endpoint)
  const begin = (request: number, deadlineMs = 1_000): Going => {
    const controller = new AbortController()
    const context = testContext({ clock })
    const answer = call(endpoint, request, { context, deadlineMs, signal: controller.signal })
    return { answer, cancel: () => controller.abort() }
  }
  const counts = () => [policy.inFlight, policy.queued]
  return { clock, mock, events, policy, begin, counts }
}

test('a call more than may run is refused before it starts, and the service is to blame', async () => {
  const { mock, begin, counts } = start({ maxConcurrent: 2 })
  begin(1)
  begin(2)
  const refused = await begin(3).answer
  expect(refused).toMatchObject(full)
  expect(isLeft(refused) && blame(refused.left)).toBe('service')
  expect(isLeft(refused) && blame({ ...refused.left, peer: 'stock' } as never)).toBe('dependency')
  expect(counts()).toEqual([2, 0])
  expect(mock.calls).toBe(2)
})

test('a place is free again when its call ends, however it ends', async () => {
  const { mock, begin, counts } = start({ maxConcurrent: 1 })
  const endings: ((call: MockCall<number, string, never>) => void)[] = [
    each => each.respond('done'),
    each => each.fail(failureOf('unavailable', 'DOWN', '')),
    each => each.throws(new CallError(failureOf('unavailable', 'DOWN', ''))),
  ]
  for (const end of endings) {
    const { answer } = begin(1)
    end(await mock.next())
    await answer
    expect(counts()).toEqual([0, 0])
  }
})

test.each([
  ['fifo', [1, 2, 3, 4]],
  ['lifo', [1, 4, 3, 2]],
] as const)('waiting calls go on in the order %s', async (order, expected) => {
  const { mock, begin } = start({ maxConcurrent: 1, maxQueue: 3, order })
  const answers = [1, 2, 3, 4].map(request => begin(request).answer)
  const seen: number[] = []
  for (const _ of answers) {
    const { request, respond } = await mock.next()
    seen.push(request)
    respond('done')
  }
  await Promise.all(answers)
  expect(seen).toEqual(expected)
})

test('a full queue refuses the one that comes, or with lifo the one that has waited longest', async () => {
  for (const [order, refused] of [
    ['fifo', 3],
    ['lifo', 2],
  ] as const) {
    const { begin, counts } = start({ maxConcurrent: 1, maxQueue: 1, order })
    const answers = new Map([1, 2, 3].map(request => [request, begin(request).answer]))
    expect(await answers.get(refused)).toMatchObject(full)
    expect(counts()).toEqual([1, 1])
  }
})

test('a waiting call that is cancelled leaves at once, and its place in the queue is free', async () => {
  const { mock, begin, counts, events, clock } = start({ maxConcurrent: 1, maxQueue: 1 })
  begin(1)
  const waiting = begin(2)
  expect(counts()).toEqual([1, 1])
  waiting.cancel()
  expect(counts()).toEqual([1, 0])
  expect(await waiting.answer).toMatchObject({ left: { reason: 'CANCELLED' } })
  const next = begin(3)
  expect(counts()).toEqual([1, 1])
  ;(await mock.next()).respond('done')
  const { request, respond } = await mock.next()
  expect(request).toBe(3)
  respond('done')
  expect(await next.answer).toEqual(right('done'))
  expect(counts()).toEqual([0, 0])
  expect(events.map(({ type, inFlight, queued }) => [type, inFlight, queued])).toEqual([
    ['queued', 1, 1],
    ['left', 1, 0],
    ['queued', 1, 1],
  ])
  expect(events[0]).toMatchObject({ policy: 'bulkhead', kind: 'bulkhead', method: 'shop.v1.Stock/reserve' })
  await clock.advance(2_000)
  expect(clock.pendingTimers).toBe(0)
})

test('a waiting call leaves at its deadline', async () => {
  const { begin, counts, clock } = start({ maxConcurrent: 1, maxQueue: 5 })
  begin(1)
  const waiting = begin(2, 100)
  await clock.advance(99)
  expect(counts()).toEqual([1, 1])
  await clock.advance(11)
  expect(counts()).toEqual([1, 0])
  expect(await waiting.answer).toMatchObject({ left: { reason: 'DEADLINE_EXCEEDED' } })
})

describe('work that goes on keeps its place', () => {
  test('when it ignores the deadline of its call', async () => {
    const { mock, begin, counts, clock } = start({ maxConcurrent: 1 })
    const late = begin(1, 50)
    const { respond } = await mock.next()
    await clock.advance(60)
    expect(await late.answer).toMatchObject({ left: { reason: 'DEADLINE_EXCEEDED' } })
    expect(counts()).toEqual([1, 0])
    expect(await begin(2).answer).toMatchObject(full)
    respond('late')
    await clock.advance(0)
    expect(counts()).toEqual([0, 0])
  })

  test('when a timeout inside has answered for it', async () => {
    const clock = manualClock()
    const mock = mockEndpoint<number, string>()
    const policy = bulkhead({ maxConcurrent: 1 })
    const endpoint = chain(policy, timeout({ timeoutMs: 50 }))(mock.endpoint)
    const answer = call(endpoint, 1, { context: testContext({ clock }) })
    const { respond } = await mock.next()
    await clock.advance(60)
    expect(await answer).toMatchObject({ left: { reason: 'TIMEOUT' } })
    expect(policy.inFlight).toBe(1)
    respond('late')
    await clock.advance(0)
    expect(policy.inFlight).toBe(0)
  })

  test('but a second run in the same call takes a place of its own when the first has ended', async () => {
    const policy = bulkhead({ maxConcurrent: 1 })
    const twice = intercept({
      name: 'twice',
      async run(next, request, context) {
        await next(request, context)
        return next(request, context)
      },
    })
    const endpoint = chain(twice, policy)(fromPromise(async () => policy.inFlight))
    expect(await call(endpoint, 1)).toEqual(right(1))
    expect(policy.inFlight).toBe(0)
  })
})

describe('a stream keeps its place', () => {
  async function* items() {
    yield 1
    yield 2
  }

  test('until it has been read', async () => {
    const policy = bulkhead({ maxConcurrent: 1 })
    const outcome = await call(policy(fromPromise(async () => items())), 1)
    if (isLeft(outcome)) throw new Error('no stream')
    for await (const item of outcome.right) expect([item, policy.inFlight]).toEqual([item, 1])
    await new Promise(setImmediate)
    expect(policy.inFlight).toBe(0)
  })

  test('until its source has closed, when its reader left', async () => {
    const policy = bulkhead({ maxConcurrent: 1 })
    let close = (): void => {}
    async function* stubborn() {
      try {
        yield 1
      } finally {
        await new Promise<void>(resolve => (close = resolve))
      }
    }
    const outcome = await call(policy(fromPromise(async () => stubborn())), 1)
    if (isLeft(outcome)) throw new Error('no stream')
    const iterator = outcome.right[Symbol.asyncIterator]()
    await iterator.next()
    const closed = iterator.return?.()
    await new Promise(setImmediate)
    expect(policy.inFlight).toBe(1)
    close()
    await closed
    await new Promise(setImmediate)
    expect(policy.inFlight).toBe(0)
  })
})

describe('while running', () => {
  test('a larger maxConcurrent lets waiting calls go on at once', async () => {
    const { mock, begin, policy, counts } = start({ maxConcurrent: 1, maxQueue: 3 })
    for (const request of [1, 2, 3, 4]) begin(request)
    policy.configure({ maxConcurrent: 3 })
    expect(counts()).toEqual([3, 1])
    await Promise.all([mock.next(), mock.next(), mock.next()])
  })

  test('a smaller one lets what runs finish, and nobody follow before there is a place', async () => {
    const { mock, begin, policy, counts, clock } = start({ maxConcurrent: 2, maxQueue: 1 })
    for (const request of [1, 2, 3]) begin(request)
    policy.configure({ maxConcurrent: 1 })
    expect(counts()).toEqual([2, 1])
    ;(await mock.next()).respond('done')
    await clock.settle()
    expect(counts()).toEqual([1, 1])
    ;(await mock.next()).respond('done')
    await clock.settle()
    expect(counts()).toEqual([1, 0])
  })

  test('without a queue nobody takes the place of one who still waits, with lifo either', async () => {
    const { begin, policy, counts } = start({ maxConcurrent: 1, maxQueue: 1, order: 'lifo' })
    for (const request of [1, 2]) begin(request)
    policy.configure({ maxQueue: 0 })
    expect(await begin(3).answer).toMatchObject(full)
    expect(counts()).toEqual([1, 1])
  })

  test('a smaller maxQueue leaves those who wait', async () => {
    const { begin, policy, counts } = start({ maxConcurrent: 1, maxQueue: 2 })
    for (const request of [1, 2, 3]) begin(request)
    policy.configure({ maxQueue: 0 })
    expect(counts()).toEqual([1, 2])
    expect(await begin(4).answer).toMatchObject(full)
  })
})

describe('with a key', () => {
  const byParity = (request: unknown) => (request === 0 ? undefined : Number(request) % 2 === 0 ? 'even' : 'odd')

  test('each key has places of its own, and a call without one is left alone', async () => {
    const { mock, begin, policy, events, clock } = start({ maxConcurrent: 1, key: byParity })
    for (const request of [1, 2, 0, 0]) begin(request)
    expect(await begin(3).answer).toMatchObject(full)
    expect(events).toMatchObject([{ type: 'refused', key: 'odd' }])
    expect([policy.inFlight, policy.keys, mock.calls]).toEqual([2, 2, 4])
    for (let i = 0; i < 4; i++) (await mock.next()).respond('done')
    await clock.settle()
    expect([policy.inFlight, policy.keys]).toEqual([0, 0])
  })

  test('no more keys are kept than may be, and none that nobody uses', async () => {
    const { mock, begin, policy, clock } = start({ maxConcurrent: 5, maxKeys: 2, key: request => `${request}` })
    for (const request of [1, 1, 2]) begin(request)
    expect(await begin(3).answer).toMatchObject(full)
    for (let i = 0; i < 3; i++) (await mock.next()).respond('done')
    await clock.settle()
    expect(policy.keys).toBe(0)
    const quick = policy(fromPromise(() => 'done'))
    for (let i = 0; i < deep(10_000, 1_000_000); i++) void call(quick, i as never)
    expect(policy.keys).toBe(0)
  })

  test('a key that is no string is a defect, not a bulkhead that all share', async () => {
    const defects: unknown[] = []
    const policy = bulkhead({ maxConcurrent: 1, key: () => ({}) as never })
    const context = testContext({ onDefect: defect => defects.push(defect) })
    expect(await call(policy(fromPromise(() => 1)), 1, { context })).toMatchObject({ left: { reason: 'DEFECT' } })
    expect(defects).toMatchObject([{ message: 'bulkhead: key must give a string or undefined, got object' }])
  })

  test('that reads a principal it is a guard', async () => {
    const perUser = bulkhead({
      maxConcurrent: 1,
      key: (_, context: Context & { readonly user: string }) => context.user,
    })
    perUser.configure({ maxConcurrent: 2 })
    const endpoint = perUser(fromPromise(() => new Promise(() => {})))
    const as = (user: string) => void call(endpoint, 1, { context: extend(testContext(), { user }) })
    for (const user of ['ada', 'ada', 'ada', 'bob']) as(user)
    expect([perUser.inFlight, perUser.keys]).toEqual([3, 2])
  })
})

test.each<[object, string]>([
  [{}, 'bulkhead: maxConcurrent is required'],
  [{ maxConcurrent: 0 }, 'bulkhead: maxConcurrent must be a whole number in [1, ∞), got 0'],
  [{ maxConcurrent: 1.5 }, 'bulkhead: maxConcurrent must be a whole number in [1, ∞), got 1.5'],
  [{ maxConcurrent: 1, maxQueue: -1 }, 'bulkhead: maxQueue must be a whole number in [0, ∞), got -1'],
  [{ maxConcurrent: 1, order: 'filo' }, "bulkhead: order must be one of 'fifo', 'lifo', got 'filo'"],
  [{ maxConcurrent: 1, key: 'id' }, "bulkhead: key must be a function, or be left out, got 'id'"],
])('refuses %o', (options, message) => {
  expect(() => bulkhead(options as BulkheadOptions)).toThrow(message)
})

test('many calls on one signal that lives on leave nothing behind', async () => {
  const { signal } = new AbortController()
  const clock = manualClock()
  const policy = bulkhead({ maxConcurrent: 2, maxQueue: 2 })
  const endpoint = policy(fromPromise(async () => 1))
  let refused = 0
  for (let i = 0; i < deep(1_000, 25_000); i++) {
    const context = testContext({ clock })
    const answers = Array.from({ length: 5 }, () => call(endpoint, 1, { context, signal }))
    for (const outcome of await Promise.all(answers)) if (isLeft(outcome)) refused++
  }
  expect([policy.inFlight, policy.queued, clock.pendingTimers]).toEqual([0, 0, 0])
  expect(refused).toBe(deep(1_000, 25_000))
})

test('does what two lists for each key would do', async () => {
  await fc.assert(
    fc.asyncProperty(plan, async ({ commands, maxKeys, ...options }) => {
      const keys: (string | undefined)[] = []
      const keyed = maxKeys === undefined ? {} : { maxKeys, key: (id: unknown) => keys[Number(id)] }
      const { clock, begin, policy, counts, mock } = start({ ...options, ...keyed })
      const model = new Model(options, maxKeys)
      const going: Going[] = []
      const works: Map<number, MockCall<number, string, never>> = new Map()
      const answers: Map<number, string> = new Map()
      const actions: Actions = {
        begin({ isShort, key }) {
          const id = keys.push(key) - 1
          const begun = begin(id, isShort ? 40 : 1e9)
          going.push(begun)
          void begun.answer.then(outcome => answers.set(id, reasonOf(outcome)))
          model.begin(key, isShort)
        },
        finish({ which }) {
          const id = model.running.at(which % Math.max(1, model.running.length))
          if (id === undefined) return
          works.get(id)?.respond('done')
          model.finish(id)
        },
        cancel({ which }) {
          const id = which % Math.max(1, going.length)
          going[id]?.cancel()
          if (id < going.length) model.end(id, 'CANCELLED')
        },
        async expire() {
          await clock.advance(60)
          model.expire()
        },
        configure({ maxConcurrent, maxQueue, order }) {
          policy.configure({ maxConcurrent, maxQueue, order })
          model.configure({ maxConcurrent, maxQueue, order })
        },
      }
      for (const command of commands) {
        await actions[command.do](command as never) // the action of this very command
        await clock.settle()
        while (works.size < mock.calls) {
          const work = await mock.next()
          works.set(work.request, work)
        }
        expect(counts()).toEqual(model.counts)
        expect(policy.keys).toBe(maxKeys === undefined ? 0 : model.lists.size)
        expect([...works.keys()]).toEqual(model.started)
        expect([...answers].sort()).toEqual([...model.answers].sort())
      }
    }),
    { numRuns: deep(60, 4_000) },
  )
})

function reasonOf(outcome: Outcome): string {
  if (outcome._tag === 'Right') return 'done'
  return 'reason' in outcome.left ? outcome.left.reason : 'none'
}
