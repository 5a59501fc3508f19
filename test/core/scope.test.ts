/** When work is really over, and that nothing of a call is left: no timer, no listener, no memory. */
import { execFile } from 'node:child_process'
import { getEventListeners } from 'node:events'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import {
  around,
  type Context,
  call,
  chain,
  failed,
  fromPromise,
  incoming,
  intercept,
  type ManualClock,
  manualClock,
  right,
  testContext,
} from '../../src/core/index.js'
import { deep } from '../deep.js'

const pause = (clock: ManualClock, ms: number): Promise<void> =>
  new Promise(resolve => void clock.setTimer(resolve, ms))

describe('settled', () => {
  type Business = (clock: ManualClock, context: Context) => unknown
  const child = (clock: ManualClock, context: Context, ms: number, deadlineMs = 1e6): Promise<unknown> =>
    call(
      fromPromise(() => pause(clock, ms)),
      1,
      { context, deadlineMs },
    )
  async function* items(clock: ManualClock, closeMs: number): AsyncGenerator<number> {
    try {
      for (let i = 0; i < 3; i++) {
        await pause(clock, 10)
        yield i
      }
    } finally {
      await pause(clock, closeMs)
    }
  }
  const table: readonly {
    readonly what: string
    readonly business: Business
    readonly deadlineMs?: number
    readonly atMs: number
    readonly items?: number
  }[] = [
    { what: 'at once where the work is synchronous', business: () => 1, atMs: 0 },
    { what: 'when the work ends', business: clock => pause(clock, 30), atMs: 30 },
    { what: 'when late work ends', business: clock => pause(clock, 300), deadlineMs: 20, atMs: 300 },
    {
      what: 'when late work fails',
      business: clock => pause(clock, 300).then(() => failed('unknown', 'LATE', 'late')),
      deadlineMs: 20,
      atMs: 300,
    },
    { what: 'when a call within it ends', business: (clock, context) => child(clock, context, 40), atMs: 40 },
    {
      what: 'when the late work of a call within it ends',
      business: (clock, context) => child(clock, context, 400, 20),
      atMs: 400,
    },
    {
      what: 'when a call within a call within it ends',
      business: (clock, context) =>
        call(
          fromPromise((_: number, inner) => child(clock, inner, 70, 20)),
          1,
          { context },
        ),
      atMs: 70,
    },
    {
      what: 'when a call that it did not wait for ends',
      business: (clock, context) => void child(clock, context, 50),
      atMs: 50,
    },
    {
      what: 'when the last of several calls ends',
      business: async (clock, context) => {
        await Promise.race([child(clock, context, 10), child(clock, context, 90)])
        await child(clock, context, 5)
      },
      atMs: 90,
    },
    { what: 'when the stream has been read', business: clock => items(clock, 5), items: 9, atMs: 35 },
    { what: 'when a stream left early has closed', business: clock => items(clock, 25), items: 1, atMs: 35 },
    {
      what: 'when a stream that nobody reads is closed at the deadline',
      business: clock => items(clock, 25),
      deadlineMs: 100,
      items: 0,
      atMs: 100,
    },
    {
      what: 'when a stream that came too late has closed',
      business: clock => pause(clock, 50).then(() => items(clock, 25)),
      deadlineMs: 20,
      atMs: 50,
    },
    {
      what: 'when the item that a late reader waited for has come',
      business: clock => items(clock, 5),
      deadlineMs: 7,
      items: 9,
      atMs: 15,
    },
  ]
  test.each(table)('fires $what', async ({ business, deadlineMs = 1000, atMs, items: most = 0 }) => {
    const clock = manualClock()
    const settled: number[] = []
    const layer = around({ name: 'layer', exit: () => {} })
    for (const wrap of [chain(), layer, chain(layer, layer)]) {
      const startedAt = clock.now()
      const endpoint = fromPromise((_: number, context) => {
        context.settled(() => void settled.push(clock.now() - startedAt))
        return business(clock, context)
      })
      const answer = call(wrap(endpoint), 1, { context: testContext({ clock }), deadlineMs })
      void answer
        .then(async outcome => {
          if (outcome._tag === 'Left' || most === 0) return
          let got = 0
          for await (const _ of outcome.right as AsyncIterable<number>) if (++got >= most) break
        })
        .catch(() => {})
      await clock.advance(1000)
    }
    expect(settled).toEqual([atMs, atMs, atMs])
    expect(clock.pendingTimers).toBe(0)
  })

  test('waits for work that somebody raced against something else', async () => {
    const clock = manualClock()
    const settled: number[] = []
    const impatient = intercept({
      name: 'impatient',
      run: (next, request, context) =>
        Promise.race([Promise.resolve(next(request, context)), pause(clock, 10).then(() => right('instead'))]),
    })
    const endpoint = fromPromise((_: number, context) => {
      context.settled(() => void settled.push(clock.now()))
      return pause(clock, 60)
    })
    const answer = call(impatient(endpoint), 1, { context: testContext({ clock }) })
    await clock.advance(10)
    expect(await answer).toEqual(right('instead'))
    expect(settled).toEqual([])
    await clock.advance(100)
    expect(settled).toEqual([60])
  })

  test('fires once for each that asked, also for who asks when all is over, and whatever the others throw', async () => {
    const thrown: unknown[] = []
    const told: string[] = []
    let kept: Context | undefined
    const endpoint = fromPromise(async (_: number, context) => {
      kept = context
      context.settled(() => void told.push('a'))
      context.settled(() => {
        throw new Error('b')
      })
      context.settled(() => void told.push('c'))
    })
    await call(endpoint, 1, { context: testContext({ onDefect: each => void thrown.push(each) }) })
    kept?.settled(() => void told.push('d'))
    expect(told).toEqual(['a', 'c', 'd'])
    expect(thrown.map(String)).toEqual(['Error: b'])
  })

  test('fires once although a finished call goes on making calls', async () => {
    const clock = manualClock()
    const settled: string[] = []
    let kept: Context | undefined
    const inner = fromPromise(async (_: number, context) => {
      kept = context
      context.settled(() => void settled.push('inner'))
    })
    const outer = fromPromise(async (_: number, context) => {
      context.settled(() => void settled.push('outer'))
      await call(inner, 1, { context })
      await call(
        fromPromise(() => pause(clock, 10)),
        1,
        kept === undefined ? {} : { context: kept },
      )
      await pause(clock, 10)
    })
    const answer = call(outer, 1, { context: testContext({ clock }) })
    await clock.advance(15)
    expect(settled).toEqual(['inner'])
    await clock.advance(10)
    await answer
    expect(settled).toEqual(['inner', 'outer'])
  })
})

describe('what a finished call left running', () => {
  const never = fromPromise(() => new Promise<never>(() => {}))

  test('still ends at the deadline of that call', async () => {
    const clock = manualClock()
    let left: Promise<unknown> | undefined
    const endpoint = fromPromise(async (_: number, context) => {
      left = call(never, 1, { context, deadlineMs: 5000 }).then(outcome => [clock.now(), outcome])
    })
    await call(endpoint, 1, { context: testContext({ clock }), deadlineMs: 100 })
    await clock.advance(1000)
    expect(await left).toMatchObject([100, { left: { reason: 'DEADLINE_EXCEEDED' } }])
    expect(clock.pendingTimers).toBe(0)
  })

  test('still ends when a call further out is cancelled', async () => {
    const clock = manualClock()
    const controller = new AbortController()
    let left: Promise<unknown> | undefined
    const inner = fromPromise(async (_: number, context) => {
      left = call(never, 1, { context }).then(outcome => [clock.now(), outcome])
    })
    const outer = fromPromise(async (_: number, context) => {
      await call(inner, 1, { context })
      await pause(clock, 100)
    })
    void call(outer, 1, { context: testContext({ clock }), signal: controller.signal })
    await clock.advance(50)
    controller.abort()
    expect(await left).toMatchObject([50, { left: { reason: 'CANCELLED' } }])
  })

  test('leaves nothing behind when it ends before that', async () => {
    const clock = manualClock()
    const endpoint = fromPromise((_: number, context) => {
      void call(
        fromPromise(() => pause(clock, 50)),
        1,
        { context },
      )
    })
    await call(endpoint, 1, { context: testContext({ clock }), deadlineMs: 100 })
    expect(clock.pendingTimers).toBe(2)
    await clock.advance(50)
    expect(clock.pendingTimers).toBe(0)
  })

  test('begins nothing more once a call further out was cancelled, and what it began then ends', async () => {
    const clock = manualClock()
    const controller = new AbortController()
    const told: unknown[] = []
    const inner = fromPromise((_: number, context) => {
      for (const ms of [20, 60]) {
        void pause(clock, ms)
          .then(() => call(never, 1, { context }))
          .then(outcome => void told.push([clock.now(), outcome]))
      }
    })
    const outer = fromPromise(async (_: number, context) => {
      await call(inner, 1, { context })
      await pause(clock, 1000)
    })
    void call(outer, 1, { context: testContext({ clock }), signal: controller.signal })
    await clock.advance(40)
    controller.abort()
    await clock.advance(40)
    expect(told).toMatchObject([
      [40, { left: { reason: 'CANCELLED', ran: 'maybe' } }],
      [60, { left: { reason: 'CANCELLED', ran: 'no' } }],
    ])
    await clock.advance(2000)
    expect(clock.pendingTimers).toBe(0)
  })

  test('and what it begins only then has the deadline of that call too', async () => {
    const clock = manualClock()
    let late: Promise<unknown> | undefined
    const endpoint = fromPromise((_: number, context) => {
      void pause(clock, 50).then(() => {
        late = call(never, 1, { context, deadlineMs: 5000 }).then(outcome => [clock.now(), outcome])
      })
    })
    await call(endpoint, 1, { context: testContext({ clock }), deadlineMs: 100 })
    await clock.advance(1000)
    expect(await late).toMatchObject([100, { left: { reason: 'DEADLINE_EXCEEDED' } }])
    expect(clock.pendingTimers).toBe(0)
  })

  test('of layers that nobody waits for, exits at the deadline', async () => {
    const clock = manualClock()
    const exits: unknown[] = []
    const impatient = intercept({
      name: 'impatient',
      run: (next, request, context) => {
        void next(request, context)
        return right('instead')
      },
    })
    const slot = around({ name: 'slot', enter: () => ({}), exit: outcome => void exits.push([clock.now(), outcome]) })
    const context = testContext({ clock })
    expect(await call(impatient(slot(never)), 1, { context, deadlineMs: 100 })).toEqual(right('instead'))
    await clock.advance(1000)
    expect(exits).toMatchObject([[100, { left: { reason: 'DEADLINE_EXCEEDED' } }]])
    expect(clock.pendingTimers).toBe(0)
  })

  test('of layers that begin only then, exits at the deadline', async () => {
    const clock = manualClock()
    const exits: unknown[] = []
    const refreshing = intercept({
      name: 'refreshing',
      run: (next, request, context) => {
        void pause(clock, 50).then(() => next(request, context))
        return right('cached')
      },
    })
    const slot = around({ name: 'slot', enter: () => ({}), exit: outcome => void exits.push([clock.now(), outcome]) })
    await call(refreshing(slot(never)), 1, { context: testContext({ clock }), deadlineMs: 100 })
    await clock.advance(1000)
    expect(exits).toMatchObject([[100, { left: { reason: 'DEADLINE_EXCEEDED' } }]])
    expect(clock.pendingTimers).toBe(0)
  })
})

describe('a call that a server took in', () => {
  test('does not run when it was cancelled before, and leaves no timer', async () => {
    const clock = manualClock()
    let runs = 0
    const { run, cancel } = bound(incoming({ clock, deadlineMs: 100 }))
    cancel()
    expect(await run(fromPromise(() => runs++))).toMatchObject({ left: { reason: 'CANCELLED', ran: 'no' } })
    expect(runs).toBe(0)
    expect(clock.pendingTimers).toBe(0)
  })

  test('ends when it is cancelled, and its signal aborts', async () => {
    const clock = manualClock()
    let signal: AbortSignal | undefined
    const { run, cancel } = bound(incoming({ clock, deadlineMs: 100 }))
    const answer = run(
      fromPromise((_: number, context) => {
        signal = context.signal
        return new Promise(() => {})
      }),
    )
    cancel()
    expect(await answer).toMatchObject({ left: { reason: 'CANCELLED' } })
    expect(signal?.aborted).toBe(true)
    expect(clock.pendingTimers).toBe(0)
  })

  test('ends at its deadline', async () => {
    const clock = manualClock()
    const answer = bound(incoming({ clock, deadlineMs: 100 })).run(fromPromise(() => new Promise(() => {})))
    await clock.advance(100)
    expect(await answer).toMatchObject({ left: { reason: 'DEADLINE_EXCEEDED' } })
  })

  test('needs a deadline', () => {
    expect(() => incoming({ deadlineMs: Number.NaN })).toThrow(
      new RangeError('incoming: deadlineMs must be a number, got NaN'),
    )
  })

  test('reads metadata and attempt as they came, and the metadata only when somebody looks', async () => {
    let reads = 0
    const metadata = () => {
      reads++
      return new Map([['x-tenant', 'a']])
    }
    const quiet = incoming({ deadlineMs: 100, metadata, attempt: 3 })
    await quiet.run(
      fromPromise(() => 1),
      1,
    )
    expect(reads).toBe(0)
    expect(quiet.reply).toBeUndefined()
    const seen: unknown[] = []
    const looking = incoming({ deadlineMs: 100, metadata, attempt: 3 })
    await looking.run(
      fromPromise((_: number, context) => {
        seen.push(context.metadata.get('x-tenant'), context.metadata.get('x-tenant'), context.attempt)
        context.reply.status = 202
      }),
      1,
    )
    expect(seen).toEqual(['a', 'a', 3])
    expect(reads).toBe(1)
    expect(looking.reply?.status).toBe(202)
  })

  function bound(call: ReturnType<typeof incoming>) {
    return {
      run: async (endpoint: object) => call.run(endpoint, 1),
      cancel: () =>
        call.cancel({ _tag: 'Failure', code: 'cancelled', reason: 'CANCELLED', message: 'gone', ran: 'maybe' }),
    }
  }
})

describe('nothing is left', () => {
  test('of calls in real time: neither timers nor anything else that keeps a process alive', async () => {
    const before = process.getActiveResourcesInfo()
    const slot = around({ name: 'slot', enter: async () => ({ state: 1 }), exit: () => {} })
    async function* three(): AsyncGenerator<number> {
      yield* [1, 2, 3]
    }
    for (const endpoint of [
      fromPromise(() => 1),
      fromPromise(async () => 1),
      fromPromise(async () => Promise.reject(1)),
    ]) {
      await call(slot(endpoint), 1, { context: testContext({ onDefect: () => {}, deadlineMs: 60_000 }) })
    }
    for (const most of [1, 9]) {
      const outcome = await call(slot(fromPromise(three)), 1)
      let got = 0
      if (outcome._tag === 'Right') for await (const _ of outcome.right) if (++got >= most) break
    }
    expect(process.getActiveResourcesInfo()).toEqual(before)
  })

  test('on a signal: one listener, however many calls it has been given to', async () => {
    const { signal } = new AbortController()
    const listeners: number[] = []
    const endpoint = fromPromise(async (_: number, context) => {
      listeners.push(getEventListeners(signal, 'abort').length, context.signal.aborted ? 1 : 0)
    })
    await Promise.all(Array.from({ length: 20 }, () => call(endpoint, 1, { signal, context: testContext({ signal }) })))
    expect(Math.max(...listeners)).toBe(1)
    expect(getEventListeners(signal, 'abort')).toHaveLength(1)
  })

  test(`of ${deep('20 000', 'a million')} calls on one long-lived signal, but one listener`, async () => {
    const program = fileURLToPath(new URL('long-lived-signal.ts', import.meta.url))
    const count = deep(20_000, 1_000_000)
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [
      '--expose-gc',
      '--import',
      'tsx',
      program,
      `${count}`,
    ])
    const told: { listeners: number; grownBytes: number; resourcesBefore: string[]; resourcesAfter: string[] } =
      JSON.parse(stdout)
    expect(stderr).toBe('')
    expect(told.listeners).toBe(1)
    // The loader connects to its own process and reads files meanwhile, in some versions of Node.
    const ours = (resources: string[]): string[] => resources.filter(each => !/^(ConnectWrap|FSReq)/.test(each))
    expect(ours(told.resourcesAfter)).toEqual(ours(told.resourcesBefore))
    // Of the calls in the second half, one object each would be at least twice this.
    expect(told.grownBytes / count).toBeLessThan(deep(8, 1))
  })
})
