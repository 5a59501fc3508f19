/** Work that outlives its call, and being told when a call ends early. */
import { describe, expect, test } from 'vitest'
import {
  type Context,
  call,
  detached,
  type Failure,
  fromPromise,
  fromRemote,
  incoming,
  manualClock,
  onCancelled,
  provide,
  right,
  testContext,
} from '../../src/core/index.js'

const never = fromPromise(() => new Promise<never>(() => {}))

describe('a detached context', () => {
  test('makes calls that neither the end nor the deadline of its own call ends', async () => {
    const clock = manualClock()
    const answers: unknown[] = []
    const endpoint = fromPromise((_: number, context) => {
      const compensating = call(never, 1, { context: detached(context), deadlineMs: 500 })
      void compensating.then(outcome => answers.push([clock.now(), outcome]))
      return new Promise(() => {})
    })
    const answer = call(endpoint, 1, { context: testContext({ clock }), deadlineMs: 100 })
    await clock.advance(100)
    expect(await answer).toMatchObject({ left: { reason: 'DEADLINE_EXCEEDED' } })
    expect(answers).toEqual([])
    await clock.advance(1000)
    expect(answers).toMatchObject([[500, { left: { reason: 'DEADLINE_EXCEEDED' } }]])
    expect(clock.pendingTimers).toBe(0)
  })

  test('can be made and used when its call is over', async () => {
    const clock = manualClock()
    let kept: Context | undefined
    const endpoint = fromPromise((_: number, context) => {
      kept = context
      return new Promise(() => {})
    })
    const answer = call(endpoint, 1, { context: testContext({ clock }), deadlineMs: 100 })
    await clock.advance(100)
    await answer
    const context = detached(kept as Context)
    expect(context.deadline).toBe(Number.POSITIVE_INFINITY)
    expect(context.signal.aborted).toBe(false)
    expect(
      await call(
        fromPromise(async () => 'undone'),
        1,
        { context },
      ),
    ).toEqual(right('undone'))
  })

  test('carries on trace, clock and what providers gave, and begins at the first attempt', async () => {
    const clock = manualClock()
    const seen: Context[] = []
    const remote = fromRemote('remote', (_: number, context) => {
      seen.push(context)
      return right(1)
    })
    const endpoint = provide({ name: 'auth', enter: () => ({ provide: { principal: 'ada' } }) })(
      fromPromise((_: number, context) => call(remote, 1, { context: detached(context) })),
    )
    const metadata = new Map([['traceparent', '00-1-2-01']])
    await incoming({ clock, deadlineMs: 100, metadata, attempt: 3 }).run(endpoint, 1)
    expect(seen).toMatchObject([{ principal: 'ada', attempt: 1, clock, deadline: 30_000 }])
    expect(seen.map(({ outgoing }) => [...outgoing])).toEqual([[...metadata]])
  })
})

describe('onCancelled', () => {
  interface Stage {
    readonly told: Failure[]
    readonly endEarly: () => Promise<unknown>
    readonly answer: Promise<unknown>
    readonly context: Context
    readonly finish: (response: string) => void
    readonly unlink: () => void
  }

  function begin(): Stage {
    const clock = manualClock()
    const told: Failure[] = []
    let stage: Pick<Stage, 'context' | 'finish' | 'unlink'> | undefined
    const remote = fromRemote<number, string>('remote', (_, context) => {
      const unlink = onCancelled(context, failure => void told.push(failure))
      return new Promise(resolve => {
        stage = { context, unlink, finish: response => resolve(right(response)) }
      })
    })
    const answer = call(remote, 1, { context: testContext({ clock }), deadlineMs: 100 })
    if (stage === undefined) throw new Error('the remote was not called')
    return { ...stage, told, answer, endEarly: () => clock.advance(100) }
  }

  test('tells of the early end of a call, once', async () => {
    const { told, answer, endEarly, finish } = begin()
    await endEarly()
    finish('too late')
    await answer
    expect(told).toMatchObject([{ reason: 'DEADLINE_EXCEEDED' }])
  })

  test('tells at once who asks when the call has ended early', async () => {
    const { context, endEarly } = begin()
    await endEarly()
    const late: Failure[] = []
    onCancelled(context, failure => void late.push(failure))()
    expect(late).toMatchObject([{ reason: 'DEADLINE_EXCEEDED' }])
  })

  test('tells nothing of a call that ended in time, though its deadline passes later', async () => {
    const { told, answer, endEarly, finish } = begin()
    finish('in time')
    expect(await answer).toEqual(right('in time'))
    await endEarly()
    expect(told).toEqual([])
  })

  test('tells nothing once it was unlinked', async () => {
    const { told, endEarly, unlink } = begin()
    unlink()
    unlink()
    await endEarly()
    expect(told).toEqual([])
  })

  test('does not make the signal that most calls never need', async () => {
    const made: number[] = []
    const real = globalThis.AbortController
    globalThis.AbortController = class extends real {
      constructor() {
        super()
        made.push(1)
      }
    }
    try {
      const { endEarly, answer } = begin()
      await endEarly()
      await answer
      expect(made).toEqual([])
    } finally {
      globalThis.AbortController = real
    }
  })
})
