/** Readiness checks: bounded, shared, and told apart. */
import { manualClock } from 'tenon/core'
import { type Check, type Health, type HealthOptions, health } from 'tenon/lifecycle'
import { describe, expect, test, vi } from 'vitest'

const silent = () => {}
const never = () => new Promise<void>(() => {})

describe('a check', () => {
  const results: readonly { readonly name: string; readonly check: Check; readonly said: string }[] = [
    { name: 'passes when it returns nothing', check: () => {}, said: 'ok' },
    { name: 'passes when it returns nothing later', check: async () => {}, said: 'ok' },
    { name: 'passes when it returns true', check: () => true, said: 'ok' },
    { name: 'fails when it returns false', check: async () => false, said: 'failed' },
    { name: 'fails when it returns why', check: () => 'the queue is full', said: 'the queue is full' },
    { name: 'fails when it returns an empty text', check: () => '', said: 'failed' },
    {
      name: 'fails when it throws, which is not shown to whoever probes',
      check: () => {
        throw new Error('connect ECONNREFUSED 10.0.0.7:5432')
      },
      said: 'failed',
    },
    { name: 'fails when it rejects', check: () => Promise.reject(new Error('10.0.0.7')), said: 'failed' },
    { name: 'fails when it takes too long', check: never, said: 'timed out after 1000 ms' },
  ]
  test.each(results)('$name', async ({ check, said }) => {
    const clock = manualClock()
    const report = health({ checks: { db: check }, onEvent: silent, clock }).ready()
    await clock.advance(1_000)
    expect(await report).toEqual({ ok: said === 'ok', checks: { db: said } })
    expect(clock.pendingTimers).toBe(0)
  })

  test('runs beside the others, each with its own time', async () => {
    const clock = manualClock()
    const takes = (ms: number) => () => new Promise<void>(resolve => void clock.setTimer(resolve, ms))
    const checks = { cache: takes(900), db: takes(1_100), queue: takes(900) }
    const report = health({ checks, onEvent: silent, clock }).ready()
    await clock.advance(1_000)
    expect(await report).toEqual({
      ok: false,
      checks: { cache: 'ok', db: 'timed out after 1000 ms', queue: 'ok' },
    })
  })

  test('is aborted when its time is over, and not begun again before it has ended', async () => {
    const clock = manualClock()
    const signals: AbortSignal[] = []
    let end = silent
    const check: Check = signal => {
      signals.push(signal)
      return new Promise(resolve => {
        end = resolve
      })
    }
    const { ready } = health({ checks: { db: check }, checkTimeoutMs: 300, checkCacheMs: 0, onEvent: silent, clock })
    const first = ready()
    await clock.settle()
    expect(signals[0]?.aborted).toBe(false)
    await clock.advance(300)
    expect(await first).toMatchObject({ checks: { db: 'timed out after 300 ms' } })
    expect(signals[0]?.reason).toMatchObject({ name: 'TimeoutError', message: 'db took longer than 300 ms' })
    expect(await ready()).toEqual({ ok: false, checks: { db: 'timed out, and still runs' } })
    end()
    await clock.settle()
    const second = ready()
    end()
    expect(await second).toEqual({ ok: true, checks: { db: 'ok' } })
    expect(signals).toHaveLength(2)
  })

  test('is told about when it begins to fail and when it passes again, not at each probe', async () => {
    const clock = manualClock()
    const events: unknown[] = []
    const cause = new Error('gone')
    const said: readonly (() => string | boolean)[] = [
      () => true,
      () => 'slow',
      () => {
        throw cause
      },
      () => true,
      () => {
        throw cause
      },
    ]
    let runs = 0
    const { ready } = health({
      checks: { db: () => said[runs++]?.() },
      checkCacheMs: 0,
      onEvent: event => events.push(event),
      clock,
    })
    for (const _ of said) await ready()
    expect(events).toEqual([
      { type: 'check-failed', check: 'db', why: 'slow' },
      { type: 'check-recovered', check: 'db' },
      { type: 'check-failed', check: 'db', why: 'failed', cause },
    ])
  })
})

describe('probes', () => {
  test('share one run of the checks, and its result for a second', async () => {
    const clock = manualClock()
    let finish = silent
    const check = vi.fn(
      () =>
        new Promise<void>(resolve => {
          finish = resolve
        }),
    )
    const { ready } = health({ checks: { db: check }, clock })
    const reports = Array.from({ length: 100 }, () => ready())
    await clock.advance(400)
    finish()
    for (const report of await Promise.all(reports)) expect(report.ok).toBe(true)
    await clock.advance(999)
    expect((await ready()).ok).toBe(true)
    expect(check).toHaveBeenCalledTimes(1)
    await clock.advance(1)
    const late = ready()
    finish()
    await late
    expect(check).toHaveBeenCalledTimes(2)
  })

  test('see at once that a check was added or removed', async () => {
    const { ready, addCheck } = health({ clock: manualClock(), onEvent: silent })
    expect(await ready()).toEqual({ ok: true, checks: {} })
    const remove = addCheck('db', () => false)
    expect(await ready()).toEqual({ ok: false, checks: { db: 'failed' } })
    remove()
    const removeOther = addCheck('db', () => true)
    remove() // it is somebody else's by now
    expect(await ready()).toEqual({ ok: true, checks: { db: 'ok' } })
    removeOther()
    expect(await ready()).toEqual({ ok: true, checks: {} })
  })

  test('see at once that the program is not ready, also in the middle of a check', async () => {
    const clock = manualClock()
    const made: Health = health({ checks: { db: never }, onEvent: silent, clock })
    const report = made.ready()
    made.setReady(false)
    await clock.advance(1_000)
    expect(await report).toEqual({ ok: false, checks: { lifecycle: 'held' } })
    expect(made.live()).toEqual({ ok: true, checks: {} })
  })
})

describe('health refuses', () => {
  const check = () => {}
  const mistakes: readonly { readonly why: string; readonly options: HealthOptions; readonly error: Error }[] = [
    {
      why: 'a check without a name',
      options: { checks: { '': check } },
      error: new TypeError("health: a check cannot be named ''"),
    },
    {
      why: 'the name that is its own',
      options: { checks: { lifecycle: check } },
      error: new TypeError("health: a check cannot be named 'lifecycle'"),
    },
    {
      why: 'a check that is none',
      // @ts-expect-error a promise is not a check: it would run once
      options: { checks: { db: Promise.resolve() } },
      error: new TypeError("health: check 'db' is not a function"),
    },
    {
      why: 'a time that is none',
      options: { checkTimeoutMs: Number.NaN },
      error: new RangeError('health: checkTimeoutMs must be 0 or more ms, got NaN'),
    },
    {
      why: 'an endless cache',
      options: { checkCacheMs: Number.POSITIVE_INFINITY },
      error: new RangeError('health: checkCacheMs must be 0 or more ms, got Infinity'),
    },
  ]
  test.each(mistakes)('$why', ({ options, error }) => {
    expect(() => health(options)).toThrow(error)
  })

  test('a name that is taken', () => {
    const { addCheck } = health({ checks: { db: check } })
    expect(() => addCheck('db', check)).toThrow(new TypeError("health: there is a check 'db' already"))
  })
})
