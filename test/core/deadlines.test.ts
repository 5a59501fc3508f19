/** The one timer of all deadlines, and the one of each where they cannot be shared, against a list that is searched. */
import fc from 'fast-check'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { Alarm, Deadlines, deadlinesOf, type Expiring, LoneDeadlines, tickMs } from '../../src/core/deadlines.js'
import {
  type Clock,
  call,
  fromPromise,
  type ManualClock,
  manualClock,
  systemClock,
  type Timer,
} from '../../src/core/index.js'
import { deep } from '../deep.js'

type Step =
  | { readonly do: 'add'; readonly afterMs: number }
  | { readonly do: 'remove'; readonly which: number }
  | { readonly do: 'removeTwice'; readonly which: number }
  | { readonly do: 'advance'; readonly ms: number }
  /** An item that adds another one when it fires, as a retry after a deadline would. */
  | { readonly do: 'addAdding'; readonly afterMs: number; readonly thenMs: number }

const ms = fc.oneof(fc.integer({ min: -30, max: 200 }), fc.double({ min: -5, max: 60, noNaN: true }))
const later = fc.oneof(fc.integer({ min: 0, max: 50 }), fc.double({ min: 0, max: 30, noNaN: true }))
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('add' as const), afterMs: ms }),
  fc.record({ do: fc.constant('add' as const), afterMs: ms }),
  fc.record({ do: fc.constant('remove' as const), which: fc.nat() }),
  fc.record({ do: fc.constant('removeTwice' as const), which: fc.nat() }),
  fc.record({ do: fc.constant('advance' as const), ms: later }),
  fc.record({ do: fc.constant('addAdding' as const), afterMs: ms, thenMs: ms }),
)

interface Modelled {
  readonly item: Expiring
  readonly addedAt: number
  removed: boolean
  readonly firedAt: number[]
}

class Model {
  readonly clock: ManualClock
  readonly deadlines: Deadlines
  readonly all: Modelled[] = []

  constructor(startMs: number, Kind: typeof Deadlines) {
    this.clock = manualClock({ startMs })
    this.deadlines = new Kind(this.clock)
  }

  add(afterMs: number, onFire = () => {}): void {
    const addedAt = this.clock.now()
    const firedAt: number[] = []
    const item = new Alarm(addedAt + afterMs, () => {
      firedAt.push(this.clock.now())
      onFire()
    })
    this.all.push({ item, addedAt, removed: false, firedAt })
    this.deadlines.add(item)
  }

  remove(which: number): void {
    const chosen = this.all[which % Math.max(1, this.all.length)]
    if (chosen === undefined) return
    this.deadlines.remove(chosen.item)
    if (chosen.firedAt.length === 0) chosen.removed = true
  }

  async run(each: Step): Promise<void> {
    if (each.do === 'add') this.add(each.afterMs)
    else if (each.do === 'addAdding') this.add(each.afterMs, () => this.add(each.thenMs))
    else if (each.do === 'advance') await this.clock.advance(each.ms)
    else {
      this.remove(each.which)
      if (each.do === 'removeTwice') this.remove(each.which)
    }
  }

  check(): void {
    const now = this.clock.now()
    for (const { item, addedAt, removed, firedAt } of this.all) {
      const [at, ...again] = firedAt
      expect(again).toEqual([])
      if (removed) expect(at).toBeUndefined()
      else if (at !== undefined) {
        expect(at).toBeGreaterThanOrEqual(item.deadline)
        expect(at).toBeLessThanOrEqual(Math.max(addedAt, item.deadline + tickMs))
      } else expect(now).toBeLessThanOrEqual(Math.max(addedAt, item.deadline + tickMs))
    }
    const waiting = this.all.filter(({ removed, firedAt }) => !removed && firedAt.length === 0).length
    expect(this.deadlines.count).toBe(waiting)
    const most = this.deadlines instanceof LoneDeadlines ? waiting : 1
    expect(this.clock.pendingTimers).toBe(Math.min(waiting, most))
  }
}

/** The deadline of a bucket that was emptied before, at a tick below 0. */
const beforeTheBeginning: Step[] = [
  { do: 'add', afterMs: -20 },
  { do: 'remove', which: 0 },
  { do: 'advance', ms: 0 },
  { do: 'add', afterMs: -20 },
]

describe('deadlines', () => {
  test.each([Deadlines, LoneDeadlines])(
    'of %o fire each that was not removed once, never early and at most a tick late',
    async Kind => {
      await fc.assert(
        fc.asyncProperty(
          fc.double({ min: 0, max: 1e6, noNaN: true }),
          fc.array(step, { maxLength: 40, size: 'max' }),
          async (startMs, steps) => {
            const model = new Model(startMs, Kind)
            for (const each of steps) {
              await model.run(each)
              model.check()
            }
            await model.clock.advance(1000)
            model.check()
            expect(model.deadlines.count).toBe(0)
          },
        ),
        { numRuns: deep(40, 10_000), examples: [[0, beforeTheBeginning]] },
      )
    },
  )

  test('that come while others of the same tick expire are not lost', async () => {
    const clock = manualClock()
    const deadlines = new Deadlines(clock)
    const fired: string[] = []
    const alarm = (name: string, deadline: number, then = () => {}): void =>
      deadlines.add(
        new Alarm(deadline, () => {
          fired.push(name)
          then()
        }),
      )
    alarm('a', 20, () => alarm('b', 20, () => alarm('c', 15)))
    alarm('d', 10, () => alarm('e', 20))
    await clock.advance(20)
    expect(fired.sort()).toEqual(['a', 'b', 'c', 'd', 'e'])
    expect(clock.pendingTimers).toBe(0)
  })

  test('hold what has been removed no longer', () => {
    const clock = manualClock()
    const deadlines = new Deadlines(clock)
    const items = Array.from({ length: 1000 }, (_, i) => new Alarm(i * 7, () => {}))
    for (const item of items) deadlines.add(item)
    for (const item of items) deadlines.remove(item)
    for (const { bucket, nextExpiring, previousExpiring } of items)
      expect([bucket, nextExpiring, previousExpiring]).toEqual([undefined, undefined, undefined])
  })

  test('keep the process alive only while something waits, with one timer for all', () => {
    const timers: { delayMs: number; kept: boolean; cancelled: boolean }[] = []
    const clock: Clock = {
      now: () => 0,
      wallTime: () => 0,
      setTimer(_callback, delayMs): Timer {
        const timer = { delayMs, kept: true, cancelled: false }
        timers.push(timer)
        return {
          cancel: () => {
            timer.cancelled = true
          },
          keepAlive: keep => {
            timer.kept = keep
          },
        }
      },
    }
    const deadlines = new Deadlines(clock)
    const [a, b, c] = [100, 200, 50].map(deadline => new Alarm(deadline, () => {})) as [Alarm, Alarm, Alarm]
    const kept = (): boolean[] => timers.filter(({ cancelled }) => !cancelled).map(timer => timer.kept)
    deadlines.add(a)
    deadlines.add(b)
    expect(kept()).toEqual([true])
    deadlines.remove(a)
    expect(kept()).toEqual([true])
    deadlines.remove(b)
    expect(kept()).toEqual([false])
    deadlines.add(b)
    expect(kept()).toEqual([true])
    deadlines.add(c)
    expect(timers.map(({ delayMs }) => delayMs)).toEqual([100, 50])
    expect(kept()).toEqual([true])
  })

  test('of their own timer wait again where the platform was early', async () => {
    const clock = manualClock()
    const early: Clock = { ...clock, setTimer: (callback, delayMs) => clock.setTimer(callback, delayMs - 0.25) }
    const deadlines = new LoneDeadlines(early)
    const firedAt: number[] = []
    deadlines.add(new Alarm(10, () => firedAt.push(clock.now())))
    await clock.advance(9.75)
    expect(firedAt).toEqual([])
    await clock.advance(1)
    expect(firedAt).toEqual([10.5])
  })

  test('of a clock are always the same', () => {
    const clock = manualClock()
    expect(deadlinesOf(clock)).toBe(deadlinesOf(clock))
    expect(deadlinesOf(clock)).not.toBe(deadlinesOf(systemClock))
  })
})

describe("deadlines on the machine's clock, whose timers a test replaces", () => {
  afterEach(() => void vi.useRealTimers())

  /** An alarm on the machine's clock, and what comes when it goes off. */
  function alarm(deadlines: Deadlines, afterMs: number): Promise<void> {
    return new Promise(resolve => deadlines.add(new Alarm(systemClock.now() + afterMs, resolve)))
  }

  test.each([
    ['timers and clock', { toFake: ['setTimeout', 'clearTimeout', 'performance'] }],
    ['timers only', { toFake: ['setTimeout', 'clearTimeout'] }],
  ] as const)('come when the real ones are back: %s', async (_, { toFake }) => {
    const deadlines = new Deadlines(systemClock)
    vi.useFakeTimers({ toFake: [...toFake] })
    const early = alarm(deadlines, 10)
    vi.useRealTimers()
    const late = alarm(deadlines, 100)
    await Promise.all([early, late])
    expect(deadlines.count).toBe(0)
  })

  test('come when the replaced ones are advanced, though a real one was set before', async () => {
    const deadlines = new Deadlines(systemClock)
    void alarm(deadlines, 60_000)
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    const ended = vi.fn()
    void alarm(deadlines, 90_000).then(ended)
    await vi.advanceTimersByTimeAsync(90_010)
    expect(ended).toHaveBeenCalledTimes(1)
    vi.useRealTimers()
    await alarm(deadlines, 10)
  })

  test('come for calls, by whoever the clock is shared', async () => {
    const never = fromPromise(() => new Promise(() => {}))
    vi.useFakeTimers()
    const faked = call(never, undefined, { deadlineMs: 10 })
    vi.useRealTimers()
    const real = await call(never, undefined, { deadlineMs: 50 })
    expect(real).toMatchObject({ left: { code: 'deadline_exceeded' } })
    expect(await faked).toMatchObject({ left: { code: 'deadline_exceeded' } })
  })
})
