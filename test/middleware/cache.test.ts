/** `cache` against a model, and what it must never do. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  call,
  type Failure,
  failed,
  fromPromise,
  type Left,
  type ManualClock,
  type MethodInfo,
  manualClock,
  mockEndpoint,
  right,
  testContext,
} from '../../src/core/index.js'
import { type Cache, type CacheEvent, type CacheOptions, cache } from '../../src/middleware/index.js'
import { deep } from '../deep.js'
import { type Asked, Model, plan } from './cache-model.js'

interface Get {
  readonly sku: string
}
const method: MethodInfo = { service: 'shop.v1.Stock', name: 'get', idempotency: 'safe' }
const key = ({ sku }: Get) => sku

function start(options: Partial<CacheOptions<Get>> = {}, clock: ManualClock = manualClock()) {
  const mock = mockEndpoint<Get, string>(method)
  const events: string[] = []
  const policy = cache<Get>({ key, ttlMs: 100, onEvent: ({ type }: CacheEvent) => events.push(type), ...options })
  const endpoint = policy(mock.endpoint)
  const ask = (sku = 'tea') => call(endpoint, { sku }, { context: testContext({ clock }) })
  const fill = async (response = 'first') => {
    const answer = ask()
    ;(await mock.next()).respond(response)
    await answer
  }
  return { mock, events, policy, ask, fill, clock }
}

test('answers from memory while a response is fresh', async () => {
  const { mock, ask, fill, clock, events } = start()
  await fill()
  await clock.advance(99)
  expect(await ask()).toEqual(right('first'))
  await clock.advance(1)
  const anew = ask()
  ;(await mock.next()).respond('second')
  expect(await anew).toEqual(right('second'))
  expect(events).toEqual(['missed', 'hit', 'missed'])
})

describe('a stale response', () => {
  test('is given, and fetched anew once, behind the call', async () => {
    const { mock, ask, fill, clock, events } = start({ staleMs: 1_000 })
    await fill()
    await clock.advance(500)
    expect([await ask(), await ask()]).toEqual([right('first'), right('first')])
    const refresh = await mock.next()
    expect(mock.calls).toBe(2)
    refresh.respond('second')
    await clock.advance(0)
    expect(await ask()).toEqual(right('second'))
    expect(events).toEqual(['missed', 'stale', 'stale', 'refreshed', 'hit'])
  })

  test('stays when fetching anew fails, until it is too old', async () => {
    const { mock, ask, fill, clock, events } = start({ staleMs: 1_000 })
    await fill()
    await clock.advance(500)
    await ask()
    ;(await mock.next()).throws(new Error('down'))
    await clock.advance(0)
    expect(await ask()).toEqual(right('first'))
    await clock.advance(600)
    void ask()
    await mock.next()
    expect(events).toEqual(['missed', 'stale', 'refresh-failed', 'stale', 'missed'])
  })

  test('is fetched anew again after that has failed', async () => {
    const { mock, ask, fill, clock } = start({ staleMs: 1_000 })
    await fill()
    await clock.advance(500)
    await ask()
    ;(await mock.next()).throws(new Error('down'))
    await clock.advance(0)
    await ask()
    ;(await mock.next()).respond('second')
    await clock.advance(0)
    expect(await ask()).toEqual(right('second'))
  })

  test('that is forgotten while it is fetched anew does not come back', async () => {
    const { mock, ask, fill, clock, policy } = start({ staleMs: 1_000 })
    await fill()
    await clock.advance(500)
    await ask()
    policy.forget()
    ;(await mock.next()).respond('second')
    await clock.advance(0)
    expect(policy.size).toBe(0)
  })

  test('is fetched on even when the call that found it has ended', async () => {
    const { mock, ask, fill, clock } = start({ staleMs: 1_000, maxRunMs: 200 })
    await fill()
    await clock.advance(500)
    await ask()
    const { context } = await mock.next()
    await clock.advance(190)
    expect(context.signal.aborted).toBe(false)
    await clock.advance(30)
    expect(context.signal.aborted).toBe(true)
  })
})

test('failures are not remembered', async () => {
  let runs = 0
  const endpoint = cache<Get>({ key, ttlMs: 100, evenUnsafe: true })(
    fromPromise((_: Get) => (++runs === 1 ? failed('unavailable', 'DOWN', 'down') : 'up')),
  )
  expect([(await call(endpoint, { sku: '1' }))._tag, (await call(endpoint, { sku: '1' }))._tag, runs]).toEqual([
    'Left',
    'Right',
    2,
  ])
})

test.each<[string, MethodInfo | undefined]>([
  ['unknown', undefined],
  ['unsafe', { ...method, idempotency: 'unsafe' }],
  ['idempotent', { ...method, idempotency: 'idempotent' }],
])('a method that is %s passes', async (_, info) => {
  let runs = 0
  const endpoint = cache<Get>({ key, ttlMs: 100 })(fromPromise((_: Get) => ++runs, info))
  await call(endpoint, { sku: '1' })
  await call(endpoint, { sku: '1' })
  expect(runs).toBe(2)
})

test('streams are not remembered', async () => {
  const endpoint = cache<Get>({ key, ttlMs: 100 })(
    fromPromise(
      async (_: Get) =>
        (async function* () {
          yield 1
        })(),
      { ...method, kind: 'server_streaming' },
    ),
  )
  for (let i = 0; i < 2; i++) {
    const outcome = await call(endpoint, { sku: '1' })
    const seen: unknown[] = []
    if (outcome._tag === 'Right') for await (const item of outcome.right) seen.push(item)
    expect(seen).toEqual([1])
  }
})

test('methods with equal keys do not get the responses of each other', async () => {
  const policy = cache<Get>({ key, ttlMs: 100 })
  const get = policy(fromPromise((_: Get) => 'get', method))
  const list = policy(fromPromise((_: Get) => 'list', { ...method, name: 'list' }))
  expect([await call(get, { sku: '1' }), await call(list, { sku: '1' })]).toEqual([right('get'), right('list')])
})

test('a method that is wrapped twice has one memory', async () => {
  let runs = 0
  const policy = cache<Get>({ key, ttlMs: 100 })
  const [one, other] = [
    policy(fromPromise((_: Get) => ++runs, method)),
    policy(fromPromise((_: Get) => ++runs, method)),
  ]
  expect([await call(one, { sku: '1' }), await call(other, { sku: '1' }), policy.size]).toEqual([right(1), right(1), 1])
})

test('the bound is one for all methods', async () => {
  const policy = cache<Get>({ key, ttlMs: 100, maxEntries: 3 })
  for (const name of ['a', 'b', 'c', 'd'])
    await call(policy(fromPromise((_: Get) => name, { ...method, name })), { sku: '1' })
  expect(policy.size).toBe(3)
  policy.forget('1')
  expect(policy.size).toBe(0)
})

test('what comes when the call has ended is not remembered: the work was told to stop', async () => {
  const { mock, ask, policy, clock } = start()
  const answer = ask()
  const late = await mock.next()
  await clock.advance(40_000)
  expect((await answer)._tag).toBe('Left')
  late.respond('half')
  await clock.advance(0)
  expect(policy.size).toBe(0)
})

test('what is forgotten while it is being fetched does not come back', async () => {
  const { mock, ask, policy } = start()
  const before = ask()
  const fetching = await mock.next()
  policy.forget('tea')
  fetching.respond('old')
  await before
  expect(policy.size).toBe(0)
  void ask()
  await mock.next()
  expect(mock.calls).toBe(2)
})

test('the age of a response is not measured on another clock', async () => {
  const { fill, policy, mock } = start()
  await fill()
  const other = manualClock({ startMs: -1_000 })
  void call(policy(mock.endpoint), { sku: 'tea' }, { context: testContext({ clock: other }) })
  await mock.next()
  expect(mock.calls).toBe(2)
})

test('what was asked for last is kept', async () => {
  let runs = 0
  const endpoint = cache<Get>({ key, ttlMs: 1e6, maxEntries: 2 })(fromPromise((_: Get) => ++runs, method))
  const ask = async (sku: string) => call(endpoint, { sku })
  for (const sku of ['a', 'b', 'a', 'c', 'a']) await ask(sku)
  expect(runs).toBe(3)
  await ask('b')
  expect(runs).toBe(4)
})

test('a shorter time to live holds for what is remembered already', async () => {
  const { mock, ask, fill, clock, policy } = start()
  await fill()
  await clock.advance(50)
  policy.configure({ ttlMs: 40 })
  void ask()
  await mock.next()
  expect(mock.calls).toBe(2)
})

test('many different keys do not take more memory than a few', async () => {
  const policy = cache<Get>({ key, ttlMs: 1e9, maxEntries: 100 })
  const endpoint = policy(fromPromise((_: Get) => 'done', method))
  for (let i = 0; i < deep(5_000, 1_000_000); i++) await call(endpoint, { sku: String(i) })
  expect(policy.size).toBe(100)
})

test('gives what a list of what it remembers would give, and fetches what that is too old for', async () => {
  await fc.assert(
    fc.asyncProperty(plan, async ({ commands, ...options }) => {
      const clock = manualClock()
      const [events, answers]: [string[], string[]] = [[], []]
      const policy = cache<Asked>({ key, ...options, onEvent: ({ type }) => void events.push(type) })
      const model = new Model(options)
      const { endpoint, counts } = slowly(policy, clock)
      const begin = (asked: Asked): void => {
        const id = counts.asked++
        const request = { ...asked, tookMs: asked.tookMs === 0 ? 0 : asked.tookMs + id / 1_024 } // no two end at once
        void call(endpoint, request, { context: testContext({ clock }) }).then(outcome => {
          answers[id] = outcome._tag === 'Right' ? outcome.right : outcome.left.reason
        })
        model.ask(request, clock.now())
      }
      for (const each of commands) {
        if (each.do === 'wait') await clock.advance(each.ms)
        else if (each.do === 'forget') policy.forget(each.sku)
        else if (each.do === 'configure') {
          const { ttlMs, staleMs, maxEntries } = each
          policy.configure({ ttlMs, staleMs, maxEntries })
        } else begin(each)
        await clock.settle()
        if (each.do === 'wait') model.advance(clock.now())
        else if (each.do === 'forget') model.forget(each.sku)
        else if (each.do === 'configure') model.configure(each)
        expect([counts.runs, policy.size, answers.length]).toEqual([
          model.runs,
          model.entries.length,
          model.answers.length,
        ])
      }
      expect([events, answers]).toEqual([model.events, model.answers])
    }),
    { numRuns: deep(40, 2_000) },
  )
})

/** A service that takes its time, behind a cache. */
function slowly(policy: Cache<Asked>, clock: ManualClock) {
  const counts = { runs: 0, asked: 0 }
  const service = fromPromise(({ sku, tookMs, fails }: Asked) => {
    const value = `${sku} ${++counts.runs}`
    const outcome = () => (fails ? failed('unavailable', 'DOWN', 'down') : value)
    return tookMs === 0
      ? outcome()
      : new Promise<string | Left<Failure>>(end => void clock.setTimer(() => end(outcome()), tookMs))
  }, method)
  return { endpoint: policy(service), counts }
}
