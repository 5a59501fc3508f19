/** `singleFlight`: one run for all who ask at the same time, bound to none of them. */
import { describe, expect, test } from 'vitest'
import {
  call,
  failureOf,
  fromPromise,
  type ManualClock,
  type MethodInfo,
  manualClock,
  mockEndpoint,
  provide,
  right,
  testContext,
} from '../../src/core/index.js'
import { type SingleFlightEvent, singleFlight } from '../../src/middleware/index.js'

interface Get {
  readonly sku: string
}
const key = ({ sku }: Get) => sku

function start(clock: ManualClock = manualClock()) {
  const mock = mockEndpoint<Get, string>()
  const events: SingleFlightEvent[] = []
  const policy = singleFlight<Get>({ key, onEvent: event => events.push(event) })
  const endpoint = policy(mock.endpoint)
  const ask = (sku: string, deadlineMs = 1_000, signal?: AbortSignal) =>
    call(endpoint, { sku }, { context: testContext({ clock }), deadlineMs, ...(signal && { signal }) })
  return { mock, events, policy, ask, clock }
}

test('calls with one key share a run, others have their own', async () => {
  const { mock, ask, events, policy } = start()
  const answers = [ask('tea'), ask('tea'), ask('saw'), ask('tea')]
  const [tea, saw] = [await mock.next(), await mock.next()]
  expect([mock.calls, policy.inFlight]).toEqual([2, 2])
  tea.respond('tea')
  saw.respond('saw')
  expect(await Promise.all(answers)).toEqual([right('tea'), right('tea'), right('saw'), right('tea')])
  expect(events.map(({ type }) => type)).toEqual(['joined', 'joined'])
  expect(policy.inFlight).toBe(0)
})

test('a failure is shared as well, and the next call runs anew', async () => {
  const { mock, ask } = start()
  const answers = [ask('tea'), ask('tea')]
  ;(await mock.next()).fail(failureOf('unavailable', 'DOWN', 'down'))
  for (const answer of answers) expect(await answer).toMatchObject({ left: { reason: 'DOWN' } })
  const again = ask('tea')
  ;(await mock.next()).respond('up')
  expect(await again).toEqual(right('up'))
})

test('a run outlives the call that began it, and each waits no longer than its own deadline', async () => {
  const { mock, ask, clock } = start()
  const [first, second] = [ask('tea', 50), ask('tea', 500)]
  const { context, respond } = await mock.next()
  await clock.advance(60)
  expect(await first).toMatchObject({ left: { reason: 'DEADLINE_EXCEEDED' } })
  expect(context.signal.aborted).toBe(false)
  respond('late')
  expect(await second).toEqual(right('late'))
})

test('a run is aborted when all have left, and whoever comes then begins another', async () => {
  const { mock, ask, clock, policy } = start()
  const controller = new AbortController()
  const [first, second] = [ask('tea', 50), ask('tea', 5_000, controller.signal)]
  const run = await mock.next()
  await clock.advance(60)
  await first
  expect(run.context.signal.aborted).toBe(false)
  controller.abort()
  const third = ask('tea') // at once, before anything else has happened
  expect(await second).toMatchObject({ left: { code: 'cancelled' } })
  expect(run.context.signal.aborted).toBe(true)
  expect(policy.inFlight).toBe(1)
  ;(await mock.next()).respond('new')
  expect(await third).toEqual(right('new'))
})

test('a run that takes too long ends for all', async () => {
  const clock = manualClock()
  const policy = singleFlight<Get>({ key, maxRunMs: 100 })
  const endpoint = policy(fromPromise(() => new Promise(() => {})))
  const answer = call(endpoint, { sku: 'tea' }, { context: testContext({ clock }) })
  await clock.advance(110)
  expect(await answer).toMatchObject({ left: { reason: 'DEADLINE_EXCEEDED' } })
  expect([policy.inFlight, clock.pendingTimers]).toEqual([0, 0])
})

test('what the run says beside its response is said to each', async () => {
  const saying = fromPromise(async (_: Get, { reply }) => reply.header('x-from', 'run'))
  const endpoint = singleFlight<Get>({ key })(saying)
  const said: unknown[] = []
  const ask = () => call(endpoint, { sku: 'tea' }, { onReply: ({ headers }) => said.push([...headers]) })
  await Promise.all([ask(), ask()])
  expect(said).toEqual([[['x-from', 'run']], [['x-from', 'run']]])
})

test('the run sees what providers gave, and the key can tell callers apart', async () => {
  const seen: string[] = []
  const policy = singleFlight<Get>({
    key: ({ sku }, context) => `${(context as unknown as { principal: string }).principal} ${sku}`,
  })
  const endpoint = provide<{ principal: string }>({
    name: 'auth',
    enter: ({ metadata }) => ({ provide: { principal: metadata.get('user') ?? '' } }),
  })(
    policy(
      fromPromise(async (_: Get, context) => void seen.push((context as unknown as { principal: string }).principal)),
    ),
  )
  const as = (user: string) => call(endpoint, { sku: 'tea' }, { context: testContext({ metadata: { user } }) })
  await Promise.all([as('ada'), as('bob'), as('ada')])
  expect(seen.sort()).toEqual(['ada', 'bob'])
})

describe('streams', () => {
  let closed = 0
  const items = async function* () {
    try {
      yield 1
    } finally {
      closed++
    }
  }

  test('of methods that are known pass', async () => {
    const method: MethodInfo = { service: 's', name: 'watch', idempotency: 'safe', kind: 'server_streaming' }
    const outcome = await call(singleFlight<Get>({ key })(fromPromise((_: Get) => items(), method)), { sku: '1' })
    const seen: unknown[] = []
    if (outcome._tag === 'Right') for await (const item of outcome.right) seen.push(item)
    expect([seen, closed]).toEqual([[1], 1])
    closed = 0
  })

  test('of others are a defect, and are closed', async () => {
    const defects: unknown[] = []
    const context = testContext({ onDefect: thrown => defects.push(thrown) })
    const begun = items()
    await begun.next() // so that it has something to close
    const outcome = await call(singleFlight<Get>({ key })(fromPromise((_: Get) => begun)), { sku: '1' }, { context })
    expect(outcome).toMatchObject({ left: { reason: 'DEFECT' } })
    expect([defects.length, closed]).toEqual([1, 1])
  })
})

test('above its number of runs, and without a key, calls run alone', async () => {
  const mock = mockEndpoint<Get, string>()
  const endpoint = singleFlight<Get>({ key: ({ sku }) => (sku === '' ? undefined : sku), maxKeys: 1 })(mock.endpoint)
  const answers = ['tea', 'saw', 'saw', '', ''].map(sku => call(endpoint, { sku }))
  for (let i = 0; i < 5; i++) (await mock.next()).respond('done')
  await Promise.all(answers)
  expect(mock.calls).toBe(5)
})
