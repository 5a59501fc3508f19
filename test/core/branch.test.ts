/** A part of a call ends as a call does, and leaves the call around it alone. */
import { describe, expect, test } from 'vitest'
import {
  type Branch,
  type BranchOptions,
  branch,
  type Context,
  call,
  failureOf,
  fromPromise,
  fromRemote,
  intercept,
  isRight,
  type Middleware,
  manualClock,
  type Outcome,
  right,
  testContext,
} from '../../src/core/index.js'

const tooLate = () => failureOf('deadline_exceeded', 'TIMEOUT', 'late')
const cancelled = failureOf('cancelled', 'CANCELLED', 'no longer wanted')

/** Runs what is further in as one branch. */
function branching(options: BranchOptions, begun: (branch: Branch) => void = () => {}): Middleware {
  return intercept({
    name: 'branching',
    run(next, request, context) {
      const part = branch(context, options)
      begun(part)
      return part.run(next, request)
    },
  })
}

describe('a branch', () => {
  test('that ends in time gives its outcome', async () => {
    expect(await call(branching({ deadlineMs: 10 })(fromPromise(async () => 7)), 1)).toEqual(right(7))
    expect(await call(branching({})(fromPromise(() => 7)), 1)).toEqual(right(7))
  })

  test('fails at its own deadline as it was told, aborts its work, and lets the call go on', async () => {
    const clock = manualClock()
    const signals: AbortSignal[] = []
    const never = fromPromise((_: number, { signal }) => {
      signals.push(signal)
      return new Promise(() => {})
    })
    const recovering = intercept({
      name: 'recovering',
      async run(next, request, context) {
        const outcome = await next(request, context)
        expect(context.signal.aborted).toBe(false)
        return outcome._tag === 'Left' ? right([outcome.left]) : outcome
      },
    })
    const answer = call(recovering(branching({ deadlineMs: 50, tooLate })(never)), 1, {
      context: testContext({ clock }),
      deadlineMs: 100,
    })
    await clock.advance(60)
    expect(await answer).toEqual(right([tooLate()]))
    expect(signals.map(({ aborted }) => aborted)).toEqual([true])
  })

  test('fails as the call does where the call ends first', async () => {
    const clock = manualClock()
    const never = fromPromise(() => new Promise(() => {}))
    const answer = call(branching({ deadlineMs: 500, tooLate })(never), 1, {
      context: testContext({ clock }),
      deadlineMs: 100,
    })
    await clock.advance(110)
    expect(await answer).toMatchObject({ left: { reason: 'DEADLINE_EXCEEDED' } })
  })

  test('can be cancelled alone', async () => {
    const parts: Branch[] = []
    const answer = call(branching({}, part => parts.push(part))(fromPromise(() => new Promise(() => {}))), 1)
    parts[0]?.cancel(cancelled)
    parts[0]?.cancel(tooLate())
    expect(await answer).toMatchObject({ left: { reason: 'CANCELLED', message: 'no longer wanted' } })
  })

  test('is work of the call until it has really ended', async () => {
    const clock = manualClock()
    let end = (): void => {}
    const deaf = fromPromise(() => new Promise<void>(resolve => (end = resolve)))
    let settled = false
    const watching = intercept({
      name: 'watching',
      run(next, request, context) {
        context.settled(() => {
          settled = true
        })
        return next(request, context)
      },
    })
    const answer = call(watching(branching({ deadlineMs: 5, tooLate })(deaf)), 1, { context: testContext({ clock }) })
    await clock.advance(20)
    expect(await answer).toMatchObject({ left: { reason: 'TIMEOUT' } })
    expect(settled).toBe(false)
    end()
    await clock.advance(0)
    expect(settled).toBe(true)
  })

  test('says which attempt it is, and how many there may be, to what it calls and to what that calls', async () => {
    const seen: unknown[] = []
    const inner = fromRemote('inner', (_: number, { attempt, maxAttempts }) => {
      seen.push([attempt, maxAttempts])
      return right(1)
    })
    const outer = fromPromise((_: number, context: Context) => {
      seen.push([context.attempt, context.maxAttempts])
      return call(inner, 1, { context })
    })
    await call(branching({ attempt: 2, maxAttempts: 3 })(outer), 1)
    expect(seen).toEqual([
      [2, 3],
      [1, 3],
    ])
  })

  test('that is not run leaves nothing behind', async () => {
    const idle = intercept({
      name: 'idle',
      run(next, request, context) {
        branch(context, { deadlineMs: 5 })
        return next(request, context)
      },
    })
    const clock = manualClock()
    expect(await call(idle(fromPromise(() => 1)), 1, { context: testContext({ clock }) })).toEqual(right(1))
    expect(clock.pendingTimers).toBe(0)
  })
})

describe('what is said beside the response', () => {
  const saying = fromPromise((request: number, { reply, attempt }: Context) => {
    reply.header('x-attempt', `${attempt}`)
    reply.header('set-cookie', `a=${attempt}`)
    reply.trailer('x-end', `${request}`)
    reply.status = 200 + attempt
    return request
  })

  async function replyOf(middleware: Middleware): Promise<unknown> {
    let said: unknown
    const outcome: Outcome = await call(middleware(saying), 1, {
      onReply: ({ headers, setCookies, trailers, status }) => {
        said = [...headers, ...setCookies, ...trailers, status]
      },
    })
    expect(isRight(outcome)).toBe(true)
    return said
  }

  test('in a branch is said by the call', async () => {
    expect(await replyOf(branching({ attempt: 3 }))).toEqual([['x-attempt', '3'], 'a=3', ['x-end', '1'], 203])
  })

  test('in a branch of several is said by the call only once that branch counts', async () => {
    const second = intercept({
      name: 'second',
      async run(next, request, context) {
        await branch(context, { attempt: 1, ownReply: true }).run(next, request)
        const counts = branch(context, { attempt: 2, ownReply: true })
        const outcome = await counts.run(next, request)
        counts.adopt()
        return outcome
      },
    })
    expect(await replyOf(second)).toEqual([['x-attempt', '2'], 'a=2', ['x-end', '1'], 202])
  })

  test('after a branch was adopted goes to the call too', async () => {
    const early = intercept({
      name: 'early',
      run(next, request, context) {
        const counts = branch(context, { attempt: 4, ownReply: true })
        const { reply } = counts.context
        reply.header('x-before', '1')
        counts.adopt()
        reply.header('x-after', '1')
        return counts.run(next, request)
      },
    })
    expect(await replyOf(early)).toEqual([
      ['x-before', '1'],
      ['x-after', '1'],
      ['x-attempt', '4'],
      'a=4',
      ['x-end', '1'],
      204,
    ])
  })
})
