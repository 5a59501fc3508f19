/** What a call carries, what it hands on to the calls made in it, and what it keeps to itself. */
import { inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type ActiveSpan,
  around,
  branch,
  Context,
  call,
  chain,
  type Endpoint,
  extend,
  fromPromise,
  fromRemote,
  incoming,
  type ManualClock,
  type Middleware,
  manualClock,
  propagatedNames,
  provide,
  right,
  testContext,
  withOutgoing,
  withSpan,
} from '../../src/core/index.js'
import { deep } from '../deep.js'

const unmoved: Middleware = next => request => context => next(request)(context)

/** A remote that shows the context it was called with. */
function showing(seen: Context[]): Endpoint<number, string> {
  return fromRemote('remote', (_: number, context) => {
    seen.push(context)
    return right('answer')
  })
}

function only(seen: readonly Context[]): Context {
  expect(seen).toHaveLength(1)
  return seen[0] as Context
}

/** Calls an endpoint from a handler, in each way there is. */
const ways: readonly {
  readonly how: string
  readonly callIn: (endpoint: Endpoint<number, unknown>, context: Context) => Promise<unknown>
}[] = [
  { how: 'with call', callIn: (endpoint, context) => call(endpoint, 1, { context }) },
  { how: 'directly', callIn: (endpoint, context) => endpoint(1)(context)() },
  { how: 'through a plain function', callIn: (endpoint, context) => call(unmoved(endpoint), 1, { context }) },
]

const inbound = new Map([
  ['authorization', 'secret'],
  ['traceparent', '00-1-2-01'],
  ['baggage', 'a=b'],
  ['x-request-id', '7'],
  ['x-tenant', 'a'],
])

describe.each(ways)('a call made in a handler, $how,', ({ callIn }) => {
  test('is the first attempt, whatever attempt its caller was', async () => {
    const seen: Context[] = []
    const handler = fromPromise((_: number, context) => callIn(showing(seen), context))
    await incoming({ deadlineMs: 100, attempt: 4 }).run(handler, 1)
    expect(only(seen).attempt).toBe(1)
  })

  test('sends on only what joins trace and request', async () => {
    const seen: Context[] = []
    const handler = fromPromise((_: number, context) => callIn(showing(seen), context))
    await incoming({ deadlineMs: 100, metadata: inbound }).run(handler, 1)
    expect(Object.fromEntries(only(seen).outgoing)).toEqual({
      traceparent: '00-1-2-01',
      baggage: 'a=b',
      'x-request-id': '7',
    })
  })

  test('sends what was given to it, and not what was given to its caller', async () => {
    const seen: Context[] = []
    const inner = fromPromise((_: number, context) => callIn(showing(seen), context))
    const outer = fromPromise((_: number, context) => callIn(inner, withOutgoing(context, { 'x-first': '1' })))
    await call(outer, 1)
    expect([...only(seen).outgoing]).toEqual([])
  })

  test('sends what its handler put into the context', async () => {
    const seen: Context[] = []
    const handler = fromPromise((_: number, context) =>
      callIn(showing(seen), withOutgoing(context, { 'X-Tenant': 'a' })),
    )
    await call(handler, 1)
    expect([...only(seen).outgoing]).toEqual([['x-tenant', 'a']])
  })

  test('never lasts longer than its caller may', async () => {
    const clock = manualClock()
    const seen: Context[] = []
    const handler = fromPromise((_: number, context) => callIn(showing(seen), context))
    await call(handler, 1, { context: testContext({ clock }), deadlineMs: 70 })
    expect(only(seen).deadline).toBe(70)
    expect(only(seen).clock).toBe(clock)
  })

  test('is cancelled with its caller', async () => {
    const controller = new AbortController()
    const order: string[] = []
    const never = fromPromise((_: number, context) => {
      context.signal.addEventListener('abort', () => order.push(`inner ${context.signal.reason.failure.reason}`))
      return new Promise(() => {})
    })
    const handler = fromPromise((_: number, context) => {
      context.signal.addEventListener('abort', () => order.push(`outer ${context.signal.reason.failure.reason}`))
      return callIn(never, context)
    })
    const answer = call(handler, 1, { signal: controller.signal })
    await Promise.resolve()
    controller.abort()
    expect(await answer).toMatchObject({ left: { reason: 'CANCELLED' } })
    expect(order.sort()).toEqual(['inner CANCELLED', 'outer CANCELLED'])
  })

  test('sees what providers gave its caller', async () => {
    const seen: Context[] = []
    const handler = fromPromise((_: number, context) => callIn(showing(seen), context))
    await call(provide({ name: 'auth', enter: () => ({ provide: { principal: 'ada' } }) })(handler), 1)
    expect(only(seen)).toMatchObject({ principal: 'ada' })
  })
})

test('a call in a call in a call has the earliest of their deadlines', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 6 }), async deadlines => {
      const clock: ManualClock = manualClock()
      const told: number[] = []
      const nested = deadlines.reduceRight<(context: Context) => unknown>(
        (inner, deadlineMs) => context =>
          call(
            fromPromise((_: number, own) => {
              told.push(own.deadline)
              return inner(own)
            }),
            1,
            { context, deadlineMs },
          ),
        () => new Promise(() => {}),
      )
      const answer = nested(testContext({ clock }))
      expect(told).toEqual(deadlines.map((_, i) => Math.min(...deadlines.slice(0, i + 1))))
      await clock.advance(1010)
      expect(await answer).toMatchObject({ left: { reason: 'DEADLINE_EXCEEDED' } })
      expect(clock.pendingTimers).toBe(0)
    }),
    { numRuns: deep(50, 1000) },
  )
})

test('each of the propagated names is sent on, and the one that a call sets itself wins', async () => {
  const seen: Context[] = []
  const metadata = new Map(propagatedNames.map(name => [name, `their ${name}`]))
  const handler = fromPromise(async (_: number, context) => {
    await call(showing(seen), 1, { context })
    await call(showing(seen), 1, { context: withOutgoing(context, { traceparent: 'ours' }) })
  })
  await incoming({ deadlineMs: 100, metadata }).run(handler, 1)
  expect([...(seen[0] as Context).outgoing].sort()).toEqual([...metadata].sort())
  expect(Object.fromEntries((seen[1] as Context).outgoing)).toEqual({
    ...Object.fromEntries(metadata),
    traceparent: 'ours',
  })
})

describe('withOutgoing', () => {
  const adding = (entries: Record<string, string>) =>
    around({ name: 'adding', enter: context => ({ context: withOutgoing(context, entries) }) })

  test.each([
    { where: 'in fused layers', stack: chain(adding({ 'X-A': '1' }), adding({ 'x-b': '2' })) },
    {
      where: 'with plain functions between',
      stack: chain(unmoved, adding({ 'x-a': '1' }), unmoved, adding({ 'x-b': '2' }), unmoved),
    },
  ])('in a layer of a client reaches the remote, $where', async ({ stack }) => {
    const seen: Context[] = []
    const handler = fromPromise((_: number, context) => call(stack(showing(seen)), 1, { context }))
    await call(handler, 1)
    expect(Object.fromEntries(only(seen).outgoing)).toEqual({ 'x-a': '1', 'x-b': '2' })
  })

  test('in a layer of a client does not reach a call that another layer makes', async () => {
    const seen: Context[] = []
    const asking = around({
      name: 'asking',
      enter: async context => {
        await call(showing(seen), 1, { context })
        return undefined
      },
    })
    await call(chain(adding({ authorization: 'secret' }), asking)(fromPromise(() => 1)), 1)
    expect([...only(seen).outgoing]).toEqual([])
  })

  test('in a layer of a server reaches nobody: the handler begins with nothing outgoing', async () => {
    const seen: Context[] = []
    const outgoing: unknown[] = []
    const handler = fromPromise((_: number, context) => {
      outgoing.push(...context.outgoing)
      return call(showing(seen), 1, { context })
    })
    await call(adding({ 'x-a': '1' })(handler), 1)
    expect([...outgoing, ...only(seen).outgoing]).toEqual([])
  })

  test('refuses what could not be a header, as INVALID_METADATA', async () => {
    const refused = ['a: b', 'a\r\nb', '', 'ä', 'a b', ':path'].map(name => ({ [name]: 'value' }))
    const values = ['a\r\nset-cookie: b', 'a\nb', 'a\0b', 'grün', '\u007f'].map(value => ({ name: value }))
    for (const entries of [...refused, ...values]) {
      const outcome = await call(adding(entries)(showing([])), 1)
      expect(outcome).toMatchObject({ left: { code: 'invalid_argument', reason: 'INVALID_METADATA' } })
    }
  })

  test('leaves the context that it was given as it was', () => {
    const context = testContext()
    const changed = withOutgoing(extend(context, { tenant: 'a' }), { 'x-a': '1' })
    expect([...context.outgoing]).toEqual([])
    expect([...changed.outgoing]).toEqual([['x-a', '1']])
    expect(changed).toMatchObject({ tenant: 'a' })
  })
})

describe('metadata', () => {
  test('of one call cannot be changed for others through the map that all share', async () => {
    const handler = fromPromise((_: number, context) => {
      for (const map of [context.metadata, context.outgoing]) {
        expect(() => (map as Map<string, string>).set('x-evil', '1')).toThrow(TypeError)
      }
    })
    expect(await call(handler, 1)).toEqual(right(undefined))
    expect([...testContext().metadata, ...testContext().outgoing]).toEqual([])
  })
})

describe('extend', () => {
  test('adds, and keeps what was there', () => {
    const clock = manualClock({ startMs: 5 })
    const context = testContext({ clock, deadlineMs: 100, metadata: { 'x-a': '1' }, attempt: 2 })
    const extended = extend(extend(context, { tenant: 'a', principal: 'ada' }), { tenant: 'b' })
    expect([extended.tenant, extended.principal]).toEqual(['b', 'ada'])
    expect(context).toMatchObject({ tenant: undefined, principal: undefined })
    expect([extended.deadline, extended.attempt, extended.metadata.get('x-a'), extended.clock, extended.reply]).toEqual(
      [105, 2, '1', clock, context.reply],
    )
    expect(extended.signal).toBe(context.signal)
  })

  test('keeps any properties, and the newest of a name', () => {
    const names = ['', 'a', '0', 'principal', 'ö', '🙂', 'then', 'x-y', '__proto', 'prototype']
    const added = fc.dictionary(fc.constantFrom(...names), fc.anything())
    fc.assert(
      fc.property(fc.array(added, { maxLength: 100, size: 'max' }), all => {
        let context = testContext()
        const expected: Record<string, unknown> = {}
        for (const each of all) {
          context = extend(context, each as object)
          Object.assign(expected, each)
        }
        for (const name of names) expect((context as unknown as typeof expected)[name]).toBe(expected[name])
      }),
      { numRuns: deep(10, 500) },
    )
  })

  test('takes own properties only, as they are at that moment', () => {
    const inherited = Object.assign(Object.create({ role: 'admin' }), { user: 'ada' })
    const context = extend(testContext(), inherited as { user: string; role?: string })
    inherited.user = 'mallory'
    expect([context.user, context.role]).toEqual(['ada', undefined])
  })

  test('is shown by Node with what was added, and not written into JSON', () => {
    const context = extend(testContext({ clock: manualClock(), deadlineMs: 5 }), { principal: 'ada' })
    expect(inspect(context)).toBe("{ deadline: 5, attempt: 1, principal: 'ada' }")
    expect(JSON.stringify(context)).toBe('{}')
  })

  test.each(['signal', 'deadline', 'metadata', 'outgoing', 'attempt', 'clock', 'reply', 'toString', 'constructor'])(
    'cannot replace %s',
    name => {
      expect(() => extend(testContext(), { [name]: 1 } as never)).toThrow(TypeError)
    },
  )
})

test('a context is not made by hand', () => {
  const made: Context = Reflect.construct(Context, [undefined, false])
  expect(() => made.deadline).toThrow(TypeError)
  expect(({ ...testContext({ deadlineMs: 5 }) } as Context).deadline).toBeUndefined()
})

describe('a span', () => {
  const span: ActiveSpan = {
    traceId: '1'.repeat(32),
    spanId: '2'.repeat(16),
    sampled: true,
    isRecording: true,
    headers: new Map([['traceparent', 'ours']]),
    set: () => {},
    event: () => {},
  }
  const traced: Middleware = around({ name: 'traced', enter: context => ({ context: withSpan(context, span) }) })
  const everything = new Map([...propagatedNames, 'authorization'].map(name => [name, `inbound ${name}`]))

  test('is on the context of the handler, and nowhere else', async () => {
    const seen: (ActiveSpan | undefined)[] = []
    const handler = fromPromise((_: number, context) => void seen.push(context.span))
    await incoming({ deadlineMs: 100 }).run(traced(handler), 1)
    await incoming({ deadlineMs: 100 }).run(handler, 1)
    expect(seen).toEqual([span, undefined])
  })

  test.each(ways)('takes the place of all inbound trace headers in a call made $how', async ({ callIn }) => {
    const seen: Context[] = []
    const handler = fromPromise((_: number, context) => callIn(showing(seen), context))
    await incoming({ deadlineMs: 100, metadata: everything }).run(traced(handler), 1)
    expect(only(seen).span).toBe(span)
    expect(Object.fromEntries(only(seen).outgoing)).toEqual({
      traceparent: 'ours',
      baggage: 'inbound baggage',
      'sw8-correlation': 'inbound sw8-correlation',
      'x-request-id': 'inbound x-request-id',
    })
  })

  test('takes the place of trace headers that were set by hand, and leaves the rest', async () => {
    const seen: Context[] = []
    const handler = fromPromise((_: number, context) =>
      call(showing(seen), 1, { context, outgoing: { b3: '0', 'x-shop': 'north' } }),
    )
    await incoming({ deadlineMs: 100 }).run(traced(handler), 1)
    expect(Object.fromEntries(only(seen).outgoing)).toEqual({ traceparent: 'ours', 'x-shop': 'north' })
  })

  test('is that of the branches of a call, too', async () => {
    const attempt = fromRemote('remote', (_: number, context) => right(branch(context, { attempt: 2 }).context.span))
    expect(await call(traced(attempt), 1)).toEqual(right(span))
  })
})

test('a context knows the transport that its call came in by, and a call made in it came by none', async () => {
  const seen: unknown[] = []
  const inner = fromPromise((_: number, context) => void seen.push(context.transport))
  const outer = fromPromise((_: number, context) => {
    seen.push(context.transport)
    return call(inner, 1, { context })
  })
  await incoming({ deadlineMs: 100, transport: 'http' }).run(outer, 1)
  expect(seen).toEqual(['http', undefined])
})
