/** `shed` finds out how much a service can take, and refuses the rest early. */
import { describe, expect, test, vi } from 'vitest'
import {
  blame,
  type Context,
  call,
  failed,
  fromPromise,
  isLeft,
  type ManualClock,
  manualClock,
  mockEndpoint,
  type Outcome,
  seededRandom,
  testContext,
} from '../../src/core/index.js'
import { limitAlgorithm } from '../../src/middleware/concurrency-limit.js'
import { type Shed, type ShedEvent, type ShedOptions, shed } from '../../src/middleware/index.js'
import { deep } from '../deep.js'

/** Lets timers that do not keep a process alive run out. */
const idleMs = 2_000

function start(options: ShedOptions, clock: ManualClock = manualClock()) {
  const mock = mockEndpoint<string, string>()
  const events: ShedEvent[] = []
  const policy = shed({ onEvent: event => events.push(event), ...options })
  const endpoint = policy(mock.endpoint)
  const ask = (request = 'normal', deadlineMs = 10_000, signal?: AbortSignal) =>
    call(endpoint, request, { context: testContext({ clock }), deadlineMs, ...(signal && { signal }) })
  return { mock, policy, ask, events, clock }
}

test('a call that its caller cancelled teaches nothing', async () => {
  const clock = manualClock()
  const policy = shed({ algorithm: 'aimd', initialLimit: 20, minLimit: 1 })
  const obedient = fromPromise(
    (_: number, { signal }) => new Promise<void>((_resolve, reject) => signal.addEventListener('abort', reject)),
  )
  const endpoint = policy(obedient)
  for (let i = 0; i < 20; i++) {
    const controller = new AbortController()
    const { signal } = controller
    const answers = Array.from({ length: 20 }, () => call(endpoint, 1, { context: testContext({ clock }), signal }))
    await clock.advance(50)
    controller.abort()
    await Promise.all(answers)
  }
  expect([policy.inFlight, policy.limit]).toEqual([0, 20])
})

test('a call does not overtake those that wait', async () => {
  const { ask, mock, policy } = start({ initialLimit: 1, minLimit: 1, maxQueue: 5 })
  const first = ask()
  const waiting = ask('waiting')
  policy.configure({ minLimit: 2 })
  const late = ask('late')
  ;(await mock.next()).respond('first')
  await first
  expect((await mock.next()).request).toBe('waiting')
  expect((await mock.next()).request).toBe('late')
  void Promise.all([waiting, late])
})

describe('a call above the limit', () => {
  test('is refused at once where nothing may wait, before its work began', async () => {
    const { ask, mock, policy, events } = start({ initialLimit: 2, minLimit: 1, maxQueue: 0 })
    const going = [ask(), ask()]
    const refused = await ask()
    expect(refused).toMatchObject({ left: { code: 'resource_exhausted', reason: 'OVERLOADED', ran: 'no' } })
    expect(isLeft(refused) && blame(refused.left)).toBe('service')
    expect([mock.calls, policy.inFlight, policy.limit]).toEqual([2, 2, 2])
    expect(events).toEqual([{ policy: 'shed', kind: 'shed', type: 'shed', why: 'limit', limit: 2 }])
    ;(await mock.next()).respond('done')
    await going[0]
    void ask()
    expect(mock.calls).toBe(3)
  })

  test('waits for its turn in a burst', async () => {
    const { ask, mock, policy, clock } = start({ initialLimit: 1, minLimit: 1, maxQueue: 5 })
    const answers = [ask(), ask(), ask()]
    expect([policy.inFlight, policy.queued]).toEqual([1, 2])
    for (let i = 0; i < 3; i++) {
      ;(await mock.next()).respond(`${i}`)
      await answers[i]
    }
    expect([policy.inFlight, policy.queued]).toEqual([0, 0])
    await clock.advance(idleMs)
    expect(clock.pendingTimers).toBe(0)
  })

  test('is refused when it has waited too long', async () => {
    const { ask, events, clock } = start({ initialLimit: 1, minLimit: 1 })
    void ask()
    const late = ask()
    await clock.advance(100)
    expect(await late).toMatchObject({ left: { reason: 'OVERLOADED' } })
    expect(events).toMatchObject([{ type: 'shed', why: 'queue' }])
  })

  test('leaves the queue earlier when less time is allowed meanwhile', async () => {
    const { ask, policy, clock } = start({ initialLimit: 1, minLimit: 1, intervalMs: 10_000 })
    void ask()
    const [early, late] = [ask(), ask()]
    await clock.advance(40)
    policy.configure({ intervalMs: 30 }) // which have passed
    await clock.advance(0)
    expect(await early).toMatchObject({ left: { reason: 'OVERLOADED' } })
    expect(await late).toMatchObject({ left: { reason: 'OVERLOADED' } })

    const next = ask()
    policy.configure({ intervalMs: 10_000 })
    policy.configure({ intervalMs: 20 }) // which will pass
    await clock.advance(21)
    expect(await next).toMatchObject({ left: { reason: 'OVERLOADED' } })
  })

  test('leaves the queue at once where more may go on', async () => {
    const { ask, policy, mock } = start({ initialLimit: 1, minLimit: 1, intervalMs: 10_000 })
    void ask()
    void ask()
    expect(policy.queued).toBe(1)
    policy.configure({ minLimit: 2 })
    expect(policy.queued).toBe(0)
    await mock.next()
    await mock.next()
    expect(policy.inFlight).toBe(2)
  })

  test('leaves the queue at its deadline, or when it is cancelled, without having run', async () => {
    const { ask, policy, clock, mock } = start({ initialLimit: 1, minLimit: 1, intervalMs: 1_000 })
    const controller = new AbortController()
    void ask()
    const [late, cancelled] = [ask('normal', 20), ask('normal', 5_000, controller.signal)]
    controller.abort()
    expect(await cancelled).toMatchObject({ left: { code: 'cancelled' } })
    expect(policy.queued).toBe(1)
    await clock.advance(30)
    expect(await late).toMatchObject({ left: { code: 'deadline_exceeded' } })
    expect([policy.queued, mock.calls]).toEqual([0, 1])
  })
})

test('sheddable calls are refused first, critical ones last', async () => {
  const { ask, mock, events } = start({
    initialLimit: 10,
    minLimit: 1,
    maxQueue: 0,
    criticality: request => request as 'normal',
  })
  const let_in = { sheddable: 0, normal: 0, critical: 0 }
  for (const level of ['sheddable', 'normal', 'critical'] as const) {
    const before = mock.calls
    for (let i = 0; i < 20; i++) void ask(level)
    let_in[level] = mock.calls - before
  }
  expect(let_in).toEqual({ sheddable: 7, normal: 3, critical: 2 })
  expect(events).toHaveLength(60 - 12)
})

test('a waiting call holds back no more critical one, and gets no more than its share of the limit', async () => {
  const { ask, mock, policy, clock } = start({
    initialLimit: 10,
    minLimit: 1,
    criticality: request => request as 'normal',
  })
  for (let i = 0; i < 8; i++) void ask('sheddable')
  expect([policy.inFlight, policy.queued]).toEqual([7, 1]) // 70 % of 10
  for (let i = 0; i < 3; i++) void ask('normal')
  expect([policy.inFlight, policy.queued]).toEqual([10, 1])
  ;(await mock.next()).respond('done')
  await clock.settle()
  expect([policy.inFlight, policy.queued]).toEqual([9, 1])
})

test('a critical call takes the place in the queue of a less critical one', async () => {
  const { ask, mock } = start({
    initialLimit: 1,
    minLimit: 1,
    maxQueue: 1,
    criticality: request => request as 'normal',
  })
  const first = ask('critical')
  void ask('critical') // 120 % of 1
  const waiting = ask('normal')
  const important = ask('critical')
  expect(await waiting).toMatchObject({ left: { reason: 'OVERLOADED' } })
  ;(await mock.next()).respond('done')
  ;(await mock.next()).respond('done')
  await first
  ;(await mock.next()).respond('important')
  expect(await important).toMatchObject({ right: 'important' })
})

test('work that ignores the abort keeps its place', async () => {
  const { ask, mock, policy, clock } = start({ initialLimit: 1, minLimit: 1, maxQueue: 0 })
  const late = ask('normal', 50)
  const { respond } = await mock.next()
  await clock.advance(60)
  await late
  expect(policy.inFlight).toBe(1)
  expect(await ask()).toMatchObject({ left: { reason: 'OVERLOADED' } })
  respond('at last')
  await clock.advance(0)
  expect(policy.inFlight).toBe(0)
})

test('a stream keeps its place until it ends, and teaches nothing about latency', async () => {
  const clock = manualClock()
  const policy = shed({ initialLimit: 1, minLimit: 1, maxQueue: 0 })
  const endpoint = policy(
    fromPromise(async (_: number) =>
      (async function* () {
        yield 1
      })(),
    ),
  )
  for (let i = 0; i < 50; i++) {
    const outcome = await call(endpoint, 1, { context: testContext({ clock }) })
    expect(policy.inFlight).toBe(1)
    await clock.advance(500)
    if (outcome._tag === 'Right') for await (const item of outcome.right) expect(item).toBe(1)
    expect(policy.inFlight).toBe(0)
  }
  expect(policy.limit).toBe(1)
})

describe('a late event loop', () => {
  /** Advances the clock as a blocked event loop does: timers fire late. */
  const blocked = (base: ManualClock) => {
    let skewMs = 0
    const clock = { ...base, now: () => base.now() + skewMs, setTimer: base.setTimer.bind(base) }
    const block = (ms: number): void => {
      skewMs += ms
    }
    return { clock, block }
  }

  test('sheds all but critical calls while it lasts, and one pause does not count', async () => {
    const base = manualClock()
    const { clock, block } = blocked(base)
    const policy = shed({ maxLoopDelayMs: 100, criticality: request => request as 'normal' })
    const endpoint = policy(fromPromise(async (_: string) => 'done'))
    const ask = (level: string) => call(endpoint, level, { context: testContext({ clock }) })
    expect(await ask('normal')).toMatchObject({ right: 'done' })
    block(250)
    expect(await ask('normal')).toMatchObject({ right: 'done' })
    for (let i = 0; i < 10; i++) {
      block(250)
      await base.advance(50)
      await ask('critical')
    }
    expect(await ask('normal')).toMatchObject({ left: { reason: 'OVERLOADED' } })
    expect(await ask('critical')).toMatchObject({ right: 'done' })
    await base.advance(1_000)
    expect(await ask('normal')).toMatchObject({ right: 'done' })
  })

  test('is not watched while nobody calls', async () => {
    const clock = manualClock()
    const setTimer = vi.spyOn(clock, 'setTimer')
    const endpoint = shed()(fromPromise(async () => 'done'))
    await call(endpoint, 1, { context: testContext({ clock }) })
    await clock.advance(idleMs)
    const watched = setTimer.mock.calls.length
    expect(watched).toBeGreaterThan(2)
    await clock.advance(idleMs)
    expect(setTimer).toHaveBeenCalledTimes(watched)
    expect(clock.pendingTimers).toBe(0)
  })
})

test('options change while calls go on: a lower limit lets them finish, a higher one lets waiting calls in', async () => {
  const { ask, mock, policy } = start({ initialLimit: 2, minLimit: 1, maxLimit: 10, maxQueue: 10 })
  const first = ask()
  void ask()
  policy.configure({ maxLimit: 1 })
  expect([policy.limit, policy.inFlight]).toEqual([1, 2])
  void ask()
  expect(policy.queued).toBe(1)
  policy.configure({ maxLimit: 10, minLimit: 5 })
  ;(await mock.next()).respond('done')
  await first
  expect([policy.limit, policy.inFlight, policy.queued]).toEqual([5, 2, 0])
})

/** A server that can do so much at once; more makes each slower, as shared cores do. */
function simulated(capacity: number, serviceMs: number, clock: ManualClock, policy: Shed) {
  let working = 0
  const random = seededRandom(3)
  return policy(
    fromPromise(async (_: number, context: Context) => {
      working++
      const slower = Math.max(1, working / capacity)
      await new Promise<void>(resolve => {
        context.clock.setTimer(() => resolve(), serviceMs * slower * (0.8 + 0.4 * random.next()))
      })
      working--
      return 'done'
    }),
  )
}

describe.each(['gradient', 'vegas'] as const)('%s', algorithm => {
  test('settles near what the service can do at once, and keeps the goodput at three times the load', async () => {
    const clock = manualClock()
    const [capacity, serviceMs] = [20, 50] // 400 calls a second
    const policy = shed({ algorithm, initialLimit: 5, minLimit: 1, maxQueue: 20 })
    const endpoint = simulated(capacity, serviceMs, clock, policy)
    const seconds = deep(20, 120)
    let inTime = 0
    for (let ms = 0; ms < seconds * 1_000; ms += 5) {
      for (let i = 0; i < 6; i++) {
        void call(endpoint, 1, { context: testContext({ clock }), deadlineMs: 1_000 }).then((outcome: Outcome) => {
          if (outcome._tag === 'Right' && ms > 5_000) inTime++
        })
      }
      await clock.advance(5)
    }
    const perSecond = inTime / (seconds - 5)
    expect(perSecond).toBeGreaterThan(0.8 * 400)
    expect(policy.limit).toBeGreaterThan(capacity / 2)
    expect(policy.limit).toBeLessThan(capacity * 4)
  })
})

test('aimd goes down by a tenth when calls fail as those of something overloaded do, and up by one otherwise', async () => {
  const clock = manualClock()
  const policy = shed({ algorithm: 'aimd', initialLimit: 20, minLimit: 1, maxQueue: 0 })
  let isDown = true
  const endpoint = policy(
    fromPromise(async (_: number, context: Context) => {
      await new Promise<void>(resolve => {
        context.clock.setTimer(() => resolve(), 900)
      })
      return isDown ? failed('resource_exhausted', 'FULL', 'full') : 'done'
    }),
  )
  const round = async () => {
    const before = policy.limit
    for (let i = 0; i < before; i++) void call(endpoint, i, { context: testContext({ clock }) })
    await clock.advance(1_100)
    return policy.limit
  }
  await round()
  expect(await round()).toBeLessThanOrEqual(18)
  isDown = false
  await round()
  const low = policy.limit
  await round()
  expect(policy.limit).toBeGreaterThan(low)
})

test('no algorithm learns from a service that has little to do', () => {
  for (const name of ['gradient', 'vegas', 'aimd'] as const) {
    const algorithm = limitAlgorithm(name)
    let limit = 50
    for (let i = 0; i < 100; i++) {
      limit = algorithm.next(limit, { latencyMs: 10 + (i % 7), inFlight: 3, hasDropped: false })
    }
    expect(limit).toBe(50)
  }
})

test.each([
  { minLimit: 0 },
  { minLimit: 10, maxLimit: 5 },
  { targetMs: 10, intervalMs: 5 },
  { algorithm: 'magic' },
  { maxQueue: 1e6 },
])('refuses %o', options => {
  expect(() => shed(options as ShedOptions)).toThrow(RangeError)
})

test.each([
  [{ initialLimit: 2 }, 'shed: initialLimit must be in [minLimit, maxLimit], got 2, 5 and 1000'],
  [{ initialLimit: 50, maxLimit: 40 }, 'shed: initialLimit must be in [minLimit, maxLimit], got 50, 5 and 40'],
] as const)('refuses %o, which would be another limit', (options, message) => {
  expect(() => shed(options)).toThrow(new RangeError(message))
})

test('a criticality that there is not is a defect of the call, not overload', async () => {
  const defects: unknown[] = []
  const endpoint = shed({ criticality: () => 'high' as never })(fromPromise(() => 1))
  const context = testContext({ onDefect: thrown => defects.push(thrown) })
  expect(await call(endpoint, {}, { context })).toMatchObject({ left: { reason: 'DEFECT' } })
  expect(defects).toEqual([new TypeError('shed: criticality must give one of its words, got high')])
})
