/** A call that a server received, for a server that is told of its outcome. */
import { describe, expect, test } from 'vitest'
import {
  around,
  type Context,
  type Endpoint,
  extend,
  failureOf,
  fromPromise,
  type Incoming,
  incoming,
  type ManualClock,
  manualClock,
  type Outcome,
  right,
} from '../../src/core/index.js'

const gone = failureOf('cancelled', 'CANCELLED', 'gone')

/** Starts a call and keeps what is told of it. */
function started(
  endpoint: Endpoint<number, unknown, unknown>,
  options: { readonly deadlineMs?: number; readonly clock?: ManualClock } = {},
): { readonly told: Outcome[]; readonly call: Incoming } {
  const call = incoming({ deadlineMs: 100, ...options })
  const told: Outcome[] = []
  call.start(endpoint, 1, { onOutcome: outcome => void told.push(outcome) })
  return { told, call }
}

const turn = (): Promise<void> => new Promise(setImmediate)

describe('who starts a call', () => {
  test('is told before that returns where nothing is waited for', () => {
    expect(started(fromPromise(() => 'here')).told).toEqual([right('here')])
  })

  test.for([
    ['a function', (f: Endpoint<number, unknown, unknown>) => f],
    ['layers', around({ name: 'a', enter: () => ({ state: 1 }), exit: () => {} })],
    ['layers that take their time', around({ name: 'a', enter: async () => undefined })],
  ] as const)('is told once of what %s came to', async ([, wrap]) => {
    const { told, call } = started(wrap(fromPromise(async () => 'later')))
    expect(told).toEqual([])
    await turn()
    call.cancel(gone)
    await turn()
    expect(told).toEqual([right('later')])
  })

  test('is told once of what was thrown', async () => {
    const call = incoming({ deadlineMs: 100, onDefect: () => {} })
    const told: Outcome[] = []
    const onOutcome = (outcome: Outcome): void => void told.push(outcome)
    call.start(
      fromPromise(async () => Promise.reject(new Error('oh'))),
      1,
      { onOutcome },
    )
    await turn()
    expect(told).toMatchObject([{ _tag: 'Left', left: { reason: 'DEFECT' } }])
  })

  test('is told at once of a cancellation and of the deadline, and not again when the work ends', async () => {
    const clock = manualClock()
    let finish = (): void => {}
    const slow = fromPromise(() => new Promise<void>(resolve => (finish = resolve)))
    const cancelled = started(slow)
    cancelled.call.cancel(gone)
    expect(cancelled.told).toMatchObject([{ _tag: 'Left', left: gone }])
    finish()
    const late = started(slow, { clock })
    await clock.advance(110)
    expect(late.told).toMatchObject([{ _tag: 'Left', left: { reason: 'DEADLINE_EXCEEDED' } }])
    finish()
    await turn()
    expect([...cancelled.told, ...late.told]).toHaveLength(2)
  })

  test('is told of a refusal: nothing has run', () => {
    let runs = 0
    const { told } = started(
      fromPromise(() => void runs++),
      { deadlineMs: 0 },
    )
    expect(told).toMatchObject([{ _tag: 'Left', left: { reason: 'DEADLINE_EXCEEDED', ran: 'no' } }])
    expect(runs).toBe(0)
  })

  test('is told once of a stream, and no more when it is cut off', async () => {
    const { told, call } = started(
      fromPromise(async function* () {
        yield 1
        yield 2
      }),
    )
    await turn()
    call.cancel(gone)
    await turn()
    expect(told).toHaveLength(1)
    expect(told[0]?._tag).toBe('Right')
  })

  test('may have it run with more in its context', () => {
    const call = incoming({ deadlineMs: 100 })
    const told: Outcome[] = []
    const who = fromPromise((_: number, context: Context & { readonly principal?: string }) => context.principal)
    call.start(who, 1, {
      context: extend(call.context, { principal: 'Ada' }),
      onOutcome: outcome => void told.push(outcome),
    })
    expect(told).toEqual([right('Ada')])
  })
})
