/** A span per call on either side: what joins what, what is sent on, what a span says and what it never says. */
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { type Client, connect, contract, failure, implement, method, stream } from '../../src/contract/index.js'
import {
  around,
  CallError,
  type Context,
  call,
  callOrThrow,
  chain,
  failed,
  fromPromise,
  fromRemote,
  incoming,
  isLeft,
  left,
  type Middleware,
  manualClock,
  right,
  testContext,
  withOutgoing,
} from '../../src/core/index.js'
import { hedge, retry, tracing } from '../../src/middleware/index.js'
import {
  always,
  type FinishedSpan,
  type MemoryReporter,
  memoryReporter,
  never,
  parentBased,
  type Tracer,
  type TracerOptions,
  tracer,
} from '../../src/tracing/index.js'
import * as memory from '../../src/transport/memory/index.js'

const Message = z.object({ text: z.string() })
const Stock = contract('shop.v1.Stock', {
  take: method({
    request: Message,
    response: Message,
    idempotency: 'idempotent',
    failures: { OutOfStock: failure('failed_precondition', z.object({})) },
  }),
  watch: method({ request: Message, response: stream(Message), idempotency: 'safe' }),
  fill: method({ request: stream(Message), response: Message, idempotency: 'unsafe' }),
})
const Shop = contract('shop.v1.Shop', {
  order: method({ request: Message, response: Message, idempotency: 'unsafe' }),
})

const request = { text: 'tea' }

interface Traced {
  readonly tracer: Tracer
  readonly reporter: MemoryReporter
}

function traced(service: string, options: Partial<TracerOptions> = {}): Traced {
  const reporter = memoryReporter()
  return { reporter, tracer: tracer({ service, reporters: [reporter], ...options }) }
}

/** A stock whose handler is told its context. */
function stockOf({ tracer }: Traced, handler: (context: Context) => unknown = () => request) {
  return implement(Stock)
    .use(tracing(tracer))
    .handlers({
      take: (_, context) => handler(context) as { text: string },
      watch: async function* () {
        yield { text: 'one' }
        yield { text: 'two' }
      },
      fill: async items => {
        let count = 0
        for await (const _ of items) count++
        return { text: String(count) }
      },
    })
}

/** A client of the stock in whose stack a span is made of each call. */
function clientOf(stock: ReturnType<typeof stockOf>, middleware: Middleware): Client<(typeof Stock)['methods']> {
  const client = connect(Stock, memory.client(stock))
  return { ...client, take: middleware(client.take), watch: middleware(client.watch), fill: middleware(client.fill) }
}

function only(spans: readonly FinishedSpan[]): FinishedSpan {
  expect(spans).toHaveLength(1)
  return spans[0] as FinishedSpan
}

describe('a call from a shop to its stock', () => {
  async function ordered(shopTracer = traced('shop'), stockTracer = traced('stock')) {
    const client = clientOf(stockOf(stockTracer), tracing(shopTracer.tracer))
    const shop = implement(Shop)
      .use(tracing(shopTracer.tracer))
      .handlers({ order: (_, context) => callOrThrow(client.take, request, { context }) })
    await callOrThrow(connect(Shop, memory.client(shop)).order, request)
    const [made, served] = shopTracer.reporter.spans
    return { served, made, taken: stockTracer.reporter.spans[0] }
  }

  test('is one trace of three spans, each below the one that called it', async () => {
    const { served, made, taken } = await ordered()
    expect([served, made, taken].map(span => [span?.kind, span?.name])).toEqual([
      ['server', 'shop.v1.Shop/order'],
      ['client', 'shop.v1.Stock/take'],
      ['server', 'shop.v1.Stock/take'],
    ])
    expect(new Set([served, made, taken].map(span => span?.context.traceId)).size).toBe(1)
    expect(served?.parent).toBeUndefined()
    expect(made?.parent).toMatchObject({ spanId: served?.context.spanId, sampled: true })
    expect(taken?.parent).toMatchObject({ spanId: made?.context.spanId, remote: true })
  })

  test('says what is known of it, and no more', async () => {
    const { served, made, taken } = await ordered()
    expect(served?.attributes).toEqual({ method: 'shop.v1.Shop/order', transport: 'memory', code: 'ok' })
    expect(made?.attributes).toEqual({ method: 'shop.v1.Stock/take', transport: 'memory', code: 'ok' })
    expect(made?.peer).toBe('memory:shop.v1.Stock')
    expect(taken?.attributes).toEqual({ method: 'shop.v1.Stock/take', transport: 'memory', code: 'ok' })
    expect([served, made, taken].map(span => span?.error)).toEqual([undefined, undefined, undefined])
  })

  test('is one span on both sides where spans are shared, as B3 does', async () => {
    const b3 = { formats: ['b3'], sharesSpans: true } as const
    const { served, made, taken } = await ordered(traced('shop', b3), traced('stock', b3))
    expect(taken?.context.spanId).toBe(made?.context.spanId)
    expect([taken?.shared, made?.shared]).toEqual([true, false])
    expect(taken?.parent?.spanId).toBe(served?.context.spanId)
  })

  test('is recorded by nobody where the first of them does not', async () => {
    const { served, made, taken } = await ordered(traced('shop', { sampler: never }), traced('stock'))
    expect([served, made, taken]).toEqual([undefined, undefined, undefined])
  })

  test('hangs together where a hop in between records nothing', async () => {
    const outer = traced('outer')
    const { tracer: silent } = traced('silent', { sampler: never })
    const inner = traced('inner', { sampler: always })
    const client = clientOf(stockOf(inner), tracing(silent))
    const shop = implement(Shop)
      .use(tracing(silent))
      .handlers({ order: (_, context) => callOrThrow(client.take, request, { context }) })
    await callOrThrow(tracing(outer.tracer)(connect(Shop, memory.client(shop)).order), request)
    expect(only(inner.reporter.spans).parent?.spanId).toBe(only(outer.reporter.spans).context.spanId)
    expect(only(inner.reporter.spans).context.traceId).toBe(only(outer.reporter.spans).context.traceId)
  })
})

describe('what is sent', () => {
  const inbound = new Map([
    ['traceparent', `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`],
    ['tracestate', 'vendor=1'],
    ['b3', `${'c'.repeat(32)}-${'d'.repeat(16)}-1`],
    ['x-b3-traceid', 'e'.repeat(32)],
    ['sw8', 'stale'],
    ['baggage', 'tenant=north'],
    ['x-request-id', 'r-7'],
    ['authorization', 'secret'],
  ])
  const seen: Context[] = []
  const remote = fromRemote({ transport: 'http', peer: 'stock:80' }, (_: unknown, context) => {
    seen.push(context)
    return right('answer')
  })

  async function sent(middleware: Middleware, server: Middleware = next => next): Promise<Record<string, string>> {
    seen.length = 0
    const client = middleware(remote)
    const handler = fromPromise((_: unknown, context) => call(client, 1, { context }))
    await incoming({ deadlineMs: 1_000, metadata: inbound, transport: 'http' }).run(server(handler), 1)
    return Object.fromEntries(seen[0]?.outgoing ?? [])
  }

  test('is the span of the call in the formats of the tracer, once, and of the rest what goes through', async () => {
    const { tracer: shop, reporter } = traced('shop')
    const headers = await sent(tracing(shop), tracing(shop))
    const [made] = reporter.spans
    const { traceId, spanId } = made?.context ?? { traceId: '', spanId: '' }
    expect(traceId).toBe('a'.repeat(32))
    expect(headers).toEqual({
      traceparent: `00-${traceId}-${spanId}-01`,
      tracestate: 'vendor=1',
      b3: `${traceId}-${spanId}-1-${made?.parent?.spanId}`,
      baggage: 'tenant=north',
      'x-request-id': 'r-7',
    })
  })

  test('is what came in where nobody on the way traces', async () => {
    const { authorization: _, ...rest } = Object.fromEntries(inbound)
    expect(await sent(next => next)).toEqual(rest)
  })

  test('is the span of the server for a client without one', async () => {
    const { tracer: shop, reporter } = traced('shop', { formats: ['w3c'] })
    const headers = await sent(next => next, tracing(shop))
    expect(headers['traceparent']).toBe(`00-${'a'.repeat(32)}-${only(reporter.spans).context.spanId}-01`)
    expect(headers['b3']).toBeUndefined()
  })

  test('joins what would have gone through, in a client of a server that does not trace', async () => {
    const { tracer: shop, reporter } = traced('shop')
    await sent(tracing(shop))
    expect(only(reporter.spans).parent).toMatchObject({ traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), remote: true })
  })

  test.each([
    { formats: ['w3c', 'b3'], from: 'a' },
    { formats: ['b3', 'w3c'], from: 'c' },
    { formats: ['sw8', 'b3'], from: 'c' },
  ] as const)('joins the first that is valid of $formats', async ({ formats, from }) => {
    const { tracer: shop, reporter } = traced('shop', { formats })
    await sent(next => next, tracing(shop))
    expect(only(reporter.spans).context.traceId).toBe(from.repeat(32))
  })

  test('is the same on each reading', async () => {
    const { tracer: shop } = traced('shop')
    await sent(tracing(shop), tracing(shop))
    expect(seen[0]?.outgoing).toEqual(seen[0]?.outgoing)
  })

  test('joins what a program without a server sets by hand, and replaces it', async () => {
    const { tracer: shop, reporter } = traced('shop', { formats: ['w3c'] })
    seen.length = 0
    const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`
    await call(tracing(shop)(remote), 1, { context: withOutgoing(testContext(), { traceparent }) })
    expect(only(reporter.spans).parent?.spanId).toBe('b'.repeat(16))
    expect(seen[0]?.outgoing.get('traceparent')).toContain(only(reporter.spans).context.spanId)
  })

  test('of a debug trace says so, whatever a sampler says', async () => {
    const { tracer: shop, reporter } = traced('shop', { formats: ['b3'], sampler: never })
    seen.length = 0
    const handler = fromPromise((_: unknown, context) => call(tracing(shop)(remote), 1, { context }))
    const metadata = new Map([['b3', `${'c'.repeat(32)}-${'d'.repeat(16)}-d`]])
    await incoming({ deadlineMs: 1_000, metadata, transport: 'http' }).run(tracing(shop)(handler), 1)
    expect(reporter.spans).toHaveLength(2)
    expect(seen[0]?.outgoing.get('b3')).toMatch(/-d-[0-9a-f]{16}$/)
  })

  test.each([
    { b3: '0', recorded: 0 },
    { b3: '1', recorded: 1 },
  ])('keeps to a decision that came without a span: b3: $b3', async ({ b3, recorded }) => {
    const { tracer: shop, reporter } = traced('shop', { formats: ['b3'], sampler: parentBased(never) })
    const server = tracing(shop)(fromPromise(async () => 1))
    await incoming({ deadlineMs: 1_000, metadata: new Map([['b3', b3]]), transport: 'http' }).run(server, 1)
    expect(reporter.spans).toHaveLength(recorded)
  })
})

describe('a span of a call that fails', () => {
  const cases = [
    {
      what: 'with our fault',
      give: () => failed('unavailable', 'DATABASE_DOWN', 'secret words'),
      attributes: { code: 'unavailable', reason: 'DATABASE_DOWN', blame: 'service' },
      errors: ['unavailable/DATABASE_DOWN', 'unavailable/DATABASE_DOWN'],
    },
    {
      what: "with the caller's",
      give: () => failed('not_found', 'NO_SUCH_ORDER', 'secret words'),
      attributes: { code: 'not_found', reason: 'NO_SUCH_ORDER', blame: 'caller' },
      errors: [undefined, 'not_found/NO_SUCH_ORDER'],
    },
    {
      what: 'as the contract says it may',
      give: () => left(Stock.failures.OutOfStock({})),
      attributes: { code: 'rejected', tag: 'OutOfStock' },
      errors: [undefined, undefined],
    },
    {
      what: 'with a defect',
      give: () => {
        throw new Error('secret words')
      },
      attributes: { code: 'internal', reason: 'DEFECT', blame: 'service' },
      errors: ['internal/DEFECT', 'internal/DEFECT'],
    },
  ]

  test.each(cases)(
    '$what says which, and has failed for whom that is a fault',
    async ({ give, attributes, errors }) => {
      const [shop, stock] = [traced('shop'), traced('stock')]
      const server = implement(Stock)
        .use(tracing(stock.tracer))
        .handlers({ ...unused, take: give as () => never })
      const client = tracing(shop.tracer)(connect(Stock, memory.client(server, { onDefect: () => {} })).take)
      expect(isLeft(await call(client, request))).toBe(true)
      const [served, made] = [only(stock.reporter.spans), only(shop.reporter.spans)]
      expect(served.attributes).toMatchObject(attributes)
      expect([served.error, made.error]).toEqual(errors)
      expect(made.attributes['code']).toBe(attributes.code)
      expect(JSON.stringify([plain(served), plain(made)])).not.toContain('secret')
    },
  )

  const unused = { watch: async function* () {}, fill: async () => request }

  test('at its deadline ends at its deadline, though the work goes on', async () => {
    const clock = manualClock()
    const shop = traced('shop', { clock })
    const slow = tracing(shop.tracer)(fromPromise(() => new Promise(done => clock.setTimer(() => done(1), 500))))
    const outcome = call(slow, {}, { context: testContext({ clock }), deadlineMs: 100 })
    await clock.advance(1_000)
    await outcome
    const span = only(shop.reporter.spans)
    expect(span.attributes).toMatchObject({ reason: 'DEADLINE_EXCEEDED' })
    expect(span.durationMs).toBeGreaterThanOrEqual(100)
    expect(span.durationMs).toBeLessThan(200)
  })
})

function plain(span: FinishedSpan): object {
  const { attributes, events, links, error, name, peer } = span
  return { attributes, events, links, error, name, peer }
}

test('holds nothing of what a call carries: requests, responses, metadata, headers of replies, principals', async () => {
  const [shop, stock] = [traced('shop'), traced('stock')]
  const server = stockOf(stock, context => {
    context.reply.header('x-secret', 'secret-1')
    return { text: 'secret-2' }
  })
  const client = clientOf(server, tracing(shop.tracer))
  const outgoing = { authorization: 'secret-3', cookie: 'secret-4', baggage: 'a=secret-5' }
  await callOrThrow(client.take, { text: 'secret-6' }, { outgoing })
  await callOrThrow(client.fill, items(['secret-7']), { outgoing })
  for await (const _ of await callOrThrow(client.watch, { text: 'secret-8' }, { outgoing }));
  const spans = [...shop.reporter.spans, ...stock.reporter.spans]
  expect(spans).toHaveLength(6)
  expect(JSON.stringify(spans.map(plain))).not.toContain('secret')
})

async function* items(texts: readonly string[]): AsyncGenerator<{ text: string }, void, undefined> {
  for (const text of texts) yield { text }
}

describe('a call that is attempted several times', () => {
  test('has a client span for each attempt in one trace, and the servers hang below their own', async () => {
    const [shop, stock] = [traced('shop'), traced('stock')]
    let calls = 0
    const server = stockOf(stock, () => (++calls < 3 ? failed('unavailable', 'BUSY', 'busy', { ran: 'no' }) : request))
    const outer = tracing(shop.tracer, { kind: 'internal', spanName: () => 'order' })
    const client = clientOf(server, chain(outer, retry({ baseMs: 0 }), tracing(shop.tracer)))
    await callOrThrow(client.take, request)
    const [first, second, third, whole] = shop.reporter.spans
    expect(whole).toMatchObject({ name: 'order', kind: 'internal', error: undefined })
    expect([first, second, third].map(span => [span?.kind, span?.attributes['attempt'], span?.error])).toEqual([
      ['client', 1, 'unavailable/BUSY'],
      ['client', 2, 'unavailable/BUSY'],
      ['client', 3, undefined],
    ])
    expect([first, second, third].map(span => span?.parent?.spanId)).toEqual(Array(3).fill(whole?.context.spanId))
    expect(stock.reporter.spans.map(span => span.parent?.spanId)).toEqual(
      [first, second, third].map(span => span?.context.spanId),
    )
    expect(stock.reporter.spans.map(span => span.attributes['attempt'])).toEqual([1, 2, 3])
    expect(new Set([...shop.reporter.spans, ...stock.reporter.spans].map(span => span.context.traceId)).size).toBe(1)
  })

  test('has a span for both that race', async () => {
    const clock = manualClock()
    const shop = traced('shop', { clock })
    let calls = 0
    const info = { service: 'shop.v1.Stock', name: 'take', idempotency: 'safe' } as const
    const answer = (): Promise<ReturnType<typeof right<string>>> =>
      new Promise(done => clock.setTimer(() => done(right('answer')), ++calls === 2 ? 1_000 : 1))
    const remote = fromRemote({ transport: 'http', peer: 'stock:80' }, answer, info)
    const client = chain(hedge({ minCalls: 1, minDelayMs: 10, maxExtraRatio: 1 }), tracing(shop.tracer))(remote)
    for (let i = 0; i < 2; i++) {
      const outcome = call(client, 1, { context: testContext({ clock }), deadlineMs: 5_000 })
      await clock.advance(500)
      await outcome
    }
    const [, won, cancelled] = shop.reporter.spans
    expect(calls).toBe(3)
    expect([won, cancelled].map(span => [span?.kind, span?.attributes['code']])).toEqual([
      ['client', 'ok'],
      ['client', 'cancelled'],
    ])
  })
})

describe('a stream', () => {
  test('of responses is one span on each side, that ends with it, with an event for each item', async () => {
    const [shop, stock] = [traced('shop'), traced('stock')]
    const client = clientOf(stockOf(stock), tracing(shop.tracer))
    const items = await callOrThrow(client.watch, request)
    expect(shop.reporter.spans).toEqual([])
    for await (const _ of items);
    const [made, served] = [only(shop.reporter.spans), only(stock.reporter.spans)]
    expect(made.events.map(({ name, attributes }) => [name, attributes])).toEqual([
      ['message', { type: 'received', id: 1 }],
      ['message', { type: 'received', id: 2 }],
    ])
    expect(served.events.map(({ attributes }) => attributes['type'])).toEqual(['sent', 'sent'])
    expect(made.attributes).toMatchObject({ responses: 2, code: 'ok' })
  })

  test('of requests, too', async () => {
    const [shop, stock] = [traced('shop'), traced('stock')]
    const client = clientOf(stockOf(stock), tracing(shop.tracer))
    expect(await callOrThrow(client.fill, items(['a', 'b', 'c']))).toEqual({ text: '3' })
    const [made, served] = [only(shop.reporter.spans), only(stock.reporter.spans)]
    expect(made.events.map(({ attributes }) => attributes['type'])).toEqual(['sent', 'sent', 'sent'])
    expect(served.events.map(({ attributes }) => attributes['id'])).toEqual([1, 2, 3])
    expect(served.attributes['requests']).toBe(3)
  })

  test('that is left says so, and one of a million items keeps to the limits', async () => {
    const shop = traced('shop', { limits: { maxEvents: 3 } })
    const endless = fromPromise(async () =>
      (async function* () {
        for (;;) yield 1
      })(),
    )
    let read = 0
    for await (const _ of await callOrThrow(tracing(shop.tracer)(endless), {})) if (++read === 1_000) break
    const span = only(shop.reporter.spans)
    expect(span.events).toHaveLength(3)
    expect(span.dropped.events).toBe(997)
    expect(span.attributes).toMatchObject({ responses: 1_000, reason: 'ABANDONED' })
  })

  test('that breaks fails its span', async () => {
    const shop = traced('shop')
    const broken = fromPromise(async () =>
      (async function* () {
        yield 1
        throw new CallError(failed('data_loss', 'BROKEN', 'broken').left)
      })(),
    )
    const items = await callOrThrow(tracing(shop.tracer)(broken), {})
    await expect(
      (async () => {
        for await (const _ of items);
      })(),
    ).rejects.toThrow('BROKEN')
    expect(only(shop.reporter.spans)).toMatchObject({ error: 'data_loss/BROKEN' })
  })
})

describe('the kind of a span', () => {
  const remote = fromRemote({ transport: 'http', peer: 'stock:80' }, () => right(1))
  const local = fromPromise(async () => 1)
  const received = { deadlineMs: 1_000, transport: 'http' }

  test.each([
    { what: 'a call that was received', kind: 'server', run: (m: Middleware) => incoming(received).run(m(local), 1) },
    { what: 'a call of a client', kind: 'client', run: (m: Middleware) => call(m(remote), 1) },
    { what: 'a call of a client inside retry', kind: 'client', run: (m: Middleware) => call(m(retry()(remote)), 1) },
    { what: 'a call of neither', kind: 'internal', run: (m: Middleware) => call(m(local), 1) },
  ])('of $what is $kind', async ({ kind, run }) => {
    const shop = traced('shop')
    await run(tracing(shop.tracer))
    expect(only(shop.reporter.spans).kind).toBe(kind)
  })

  test('of a gateway that serves a client as it is is one of each', async () => {
    const shop = traced('shop')
    const client = tracing(shop.tracer)(remote)
    await incoming(received).run(tracing(shop.tracer)(client), 1)
    const [made, served] = shop.reporter.spans
    expect([served?.kind, made?.kind]).toEqual(['server', 'client'])
    expect(made?.parent?.spanId).toBe(served?.context.spanId)
  })

  test('is what the options say', async () => {
    const shop = traced('shop')
    await call(tracing(shop.tracer, { kind: 'producer', attributes: { topic: 'orders' } })(remote), 1)
    expect(only(shop.reporter.spans)).toMatchObject({ kind: 'producer', attributes: { topic: 'orders' } })
  })
})

test('a handler adds to the span of its call, and what it does later changes nothing', async () => {
  const shop = traced('shop')
  let kept: Context | undefined
  const handler = fromPromise(async (_: unknown, context) => {
    kept = context
    context.span?.set('shelf', 7)
    context.span?.event('looked')
  })
  await call(tracing(shop.tracer)(handler), 1)
  kept?.span?.set('shelf', 8)
  const span = only(shop.reporter.spans)
  expect(span.attributes['shelf']).toBe(7)
  expect(span.events.map(({ name }) => name)).toEqual(['looked'])
  expect(kept?.span?.traceId).toBe(span.context.traceId)
})

test('layers further in know the trace, so that a log line can name it', async () => {
  const shop = traced('shop', { sampler: never })
  const seen: (string | undefined)[] = []
  const line: Middleware = around({ name: 'line', exit: (_, __, context) => void seen.push(context.span?.traceId) })
  await call(chain(tracing(shop.tracer), line)(fromPromise(async () => 1)), {})
  expect(seen[0]).toMatch(/^[0-9a-f]{32}$/)
})

test('without a tracer there is no middleware', () => {
  expect(() => tracing(undefined as never)).toThrow('tracing: needs a tracer')
})
