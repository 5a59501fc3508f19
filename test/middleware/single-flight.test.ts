/** `singleFlight`: one run for all who ask at the same time, bound to none of them. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  around,
  call,
  chain,
  failureOf,
  fromPromise,
  intercept,
  type ManualClock,
  type MethodInfo,
  manualClock,
  mockEndpoint,
  provide,
  right,
  testContext,
} from '../../src/core/index.js'
import { retry, type SingleFlightEvent, singleFlight } from '../../src/middleware/index.js'
import { deep } from '../deep.js'

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

test('a call that cannot say so much fails, and no other', async () => {
  const saying = fromPromise(async (_: Get, { reply }) => reply.header('x-from', 'run'))
  const full = around({
    name: 'full',
    enter({ attempt, reply }) {
      for (let i = 0; attempt === 2 && i < 64; i++) reply.header(`x-${i}`, '')
    },
  })
  const endpoint = chain(full, singleFlight<Get>({ key }))(saying)
  const defects: unknown[] = []
  const ask = (attempt: number) =>
    call(endpoint, { sku: 'tea' }, { context: testContext({ attempt, onDefect: thrown => defects.push(thrown) }) })
  const [first, second] = await Promise.all([ask(2), ask(1)])
  expect([first, second]).toMatchObject([{ left: { reason: 'DEFECT' } }, { _tag: 'Right' }])
  expect(defects).toHaveLength(1)
})

test('each gets its answer in a stack of its own, too', async () => {
  const apart = intercept({ name: 'apart', run: (next, request, context) => next(request, context) })
  for (const around of [apart, chain(apart, retry())]) {
    const endpoint = chain(around, singleFlight<Get>({ key }))(fromPromise(async ({ sku }: Get) => sku))
    const both = [call(endpoint, { sku: 'tea' }), call(endpoint, { sku: 'tea' })]
    expect(await Promise.all(both)).toEqual([right('tea'), right('tea')])
  }
})

test('a response that is there at once is one, and the run is over', async () => {
  const policy = singleFlight<Get>({ key })
  const endpoint = policy(fromPromise(({ sku }: Get) => sku))
  expect(await call(endpoint, { sku: 'tea' })).toEqual(right('tea'))
  expect(policy.inFlight).toBe(0)
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

/** Runs, and who waits for which: what `singleFlight` does, without calls. */
class Model {
  readonly runs: { readonly sku: string; isOver: boolean }[] = []
  readonly callers: { readonly run: number; readonly endsAt: number; said: string | undefined }[] = []

  ask(sku: string, endsAt: number): void {
    const going = this.runs.findIndex(run => run.sku === sku && !run.isOver)
    const run = going === -1 ? this.runs.push({ sku, isOver: false }) - 1 : going
    this.callers.push({ run, endsAt, said: undefined })
  }

  answer(nth: number): void {
    const run = this.runs[nth]
    if (run === undefined || run.isOver) return
    run.isOver = true
    for (const caller of this.callers) if (caller.run === nth) caller.said ??= `run ${nth}`
  }

  leave(nth: number, said: string): void {
    const caller = this.callers[nth]
    if (caller === undefined || caller.said !== undefined) return
    caller.said = said
    const run = this.runs[caller.run] ?? expect.fail()
    if (this.callers.every(each => each.run !== caller.run || each.said !== undefined)) run.isOver = true
  }

  pass(now: number): void {
    for (const [nth, { endsAt }] of this.callers.entries()) if (endsAt <= now) this.leave(nth, 'DEADLINE_EXCEEDED')
  }
}

test('does what a list of runs and of those who wait does', { timeout: deep(30_000, 600_000) }, async () => {
  const nth = fc.nat(7)
  const tens = (max: number) => fc.integer({ min: 1, max }).map(n => n * 10) // ticks, so that deadlines are met exactly
  const command = fc.oneof(
    fc.record({ does: fc.constant('ask' as const), sku: fc.constantFrom('tea', 'saw'), deadlineMs: tens(20) }),
    fc.record({ does: fc.constant('answer' as const), nth }),
    fc.record({ does: fc.constant('leave' as const), nth }),
    fc.record({ does: fc.constant('pass' as const), ms: tens(10) }),
  )
  const property = fc.asyncProperty(fc.array(command, { minLength: 5, maxLength: 30, size: 'max' }), async commands => {
    const { mock, ask, clock, policy } = start()
    const model = new Model()
    const said: (string | undefined)[] = []
    const leaving: AbortController[] = []
    const runs: Awaited<ReturnType<typeof mock.next>>[] = []
    for (const each of commands) {
      if (each.does === 'ask') {
        model.ask(each.sku, clock.now() + each.deadlineMs)
        const caller = said.push(undefined) - 1
        const controller = new AbortController()
        leaving.push(controller)
        void ask(each.sku, each.deadlineMs, controller.signal).then(outcome => {
          said[caller] = outcome._tag === 'Right' ? outcome.right : outcome.left.reason
        })
      } else if (each.does === 'answer') {
        if (model.runs[each.nth]?.isOver === false) runs[each.nth]?.respond(`run ${each.nth}`)
        model.answer(each.nth)
      } else if (each.does === 'leave') {
        leaving[each.nth]?.abort()
        model.leave(each.nth, 'CANCELLED')
      } else {
        await clock.advance(each.ms)
        model.pass(clock.now())
      }
      await clock.settle()
      expect(mock.calls).toBe(model.runs.length)
      while (runs.length < mock.calls) runs.push(await mock.next())
      expect(said).toEqual(model.callers.map(caller => caller.said))
      expect(runs.map(run => run.context.signal.aborted)).toEqual(
        model.runs.map(
          (run, i) => run.isOver && model.callers.every(({ run, said }) => run !== i || said !== `run ${i}`),
        ),
      )
      expect(policy.inFlight).toBe(model.runs.filter(run => !run.isOver).length)
    }
    for (const controller of leaving) controller.abort()
    await clock.settle()
    expect(policy.inFlight).toBe(0)
    await clock.advance(60_000)
    expect(clock.pendingTimers).toBe(0)
  })
  await fc.assert(property, { numRuns: deep(60, 6_000) })
})
