/** One line per call, at the level of whoever has to act. */
import { describe, expect, test } from 'vitest'
import {
  CallError,
  call,
  type DomainFailure,
  explain,
  type Failure,
  failed,
  failureOf,
  fromPromise,
  isRight,
  left,
  manualClock,
  mockEndpoint,
  seededRandom,
  testContext,
} from '../../src/core/index.js'
import { memoryLogger } from '../../src/log/index.js'
import { type LoggingSample, logging, tracing } from '../../src/middleware/index.js'
import { memoryReporter, tracer } from '../../src/tracing/index.js'

const method = { service: 'shop.v1.Orders', name: 'place', idempotency: 'unsafe' } as const

describe('a call that ends with', () => {
  const down = failureOf('unavailable', 'CONNECTION_REFUSED', 'refused', {
    peer: 'stock',
    cause: new Error('ECONNREFUSED'),
  })
  const cases: readonly {
    readonly what: string
    readonly failure: Failure | DomainFailure
    readonly level: string
    readonly fields: object
  }[] = [
    {
      what: "a caller's mistake",
      failure: failureOf('invalid_argument', 'INVALID_REQUEST', 'no sku'),
      level: 'info',
      fields: { code: 'invalid_argument', reason: 'INVALID_REQUEST', blame: 'caller', failure: 'no sku' },
    },
    {
      what: 'a domain failure',
      failure: { _tag: 'OutOfStock', details: { sku: 'tea' } },
      level: 'info',
      fields: { code: 'rejected', reason: 'OutOfStock', blame: 'caller' },
    },
    {
      what: "a dependency's failure",
      failure: down,
      level: 'warn',
      fields: {
        code: 'unavailable',
        reason: 'CONNECTION_REFUSED',
        blame: 'dependency',
        failure: 'refused',
        peer: 'stock',
        cause: { name: 'Error', message: 'ECONNREFUSED' },
      },
    },
    {
      what: 'our own failure',
      failure: failureOf('internal', 'DEFECT', 'internal error'),
      level: 'error',
      fields: { code: 'internal', reason: 'DEFECT', blame: 'service', failure: 'internal error' },
    },
  ]
  test.each(cases)('$what is logged as $level', async ({ failure, level, fields }) => {
    const clock = manualClock()
    const log = memoryLogger({ clock })
    const mock = mockEndpoint<string, string, DomainFailure>(method)
    const outcome = call(logging(log)(mock.endpoint), 'x', { context: testContext({ clock }) })
    const arrived = await mock.next()
    await clock.advance(12.5)
    arrived.fail(failure)
    expect(await outcome).toEqual({ _tag: 'Left', left: failure })
    expect(log.entries).toEqual([
      {
        time: clock.wallTime(),
        level,
        message: 'call',
        fields: { method: 'shop.v1.Orders/place', ...fields, tookMs: 12.5, attempt: 1 },
      },
    ])
  })

  test('success is logged as info', async () => {
    const log = memoryLogger()
    const mock = mockEndpoint<string, string>()
    const outcome = call(logging(log)(mock.endpoint), 'secret request', {
      context: testContext({ clock: manualClock() }),
    })
    ;(await mock.next()).respond('secret response')
    await outcome
    expect(log.entries).toMatchObject([{ level: 'info', message: 'call' }])
    expect(log.entries[0]?.fields).toEqual({ code: 'ok', tookMs: 0, attempt: 1 })
  })
})

describe('the trace of a call', () => {
  const traceId = '0af7651916cd43dd8448eb211c80319c'
  const reporter = memoryReporter()
  const logged = async (traceparent: string): Promise<unknown> => {
    const log = memoryLogger()
    const context = testContext({ metadata: { traceparent } })
    await call(logging(log)(fromPromise(async () => 1)), {}, { context })
    return log.entries[0]?.fields['traceId']
  }

  test('is that of the span, whatever the caller named', async () => {
    const log = memoryLogger()
    const traced = tracing(tracer({ service: 'shop', reporters: [reporter] }))
    const context = testContext({ metadata: { traceparent: 'x' } })
    await call(traced(logging(log)(fromPromise(async () => 1))), {}, { context })
    expect(log.entries[0]?.fields['traceId']).toMatch(/^[\da-f]{32}$/)
    expect(log.entries[0]?.fields['traceId']).toBe(reporter.spans[0]?.context.traceId)
  })

  test('is the one that the caller named, if nobody traces here', async () => {
    expect(await logged(`00-${traceId}-b7ad6b7169203331-01`)).toBe(traceId)
    expect(await logged(`cc-${traceId}-b7ad6b7169203331-01-more`)).toBe(traceId)
  })

  test.each([
    '',
    'x',
    `ff-${traceId}-b7ad6b7169203331-01`,
    `00-${'0'.repeat(32)}-b7ad6b7169203331-01`,
    `00-${traceId}-${'0'.repeat(16)}-01`,
    `00-${traceId.toUpperCase()}-b7ad6b7169203331-01`,
    `00-${traceId}-b7ad6b7169203331-01x`,
  ])('is not %j', async traceparent => {
    expect(await logged(traceparent)).toBe(undefined)
  })
})

describe('of calls that nobody has to act on', () => {
  const outcomes = {
    ok: () => 1,
    rejected: () => left({ _tag: 'OutOfStock', details: {} }),
    caller: () => failed('not_found', 'NONE', 'none'),
    dependency: () => failed('unavailable', 'DOWN', 'down', { peer: 'stock' }),
    service: () => failed('internal', 'BROKEN', 'broken'),
  }
  const run = async (sample: LoggingSample, outcome: keyof typeof outcomes, calls: number) => {
    const log = memoryLogger()
    const endpoint = logging(log, { sample, random: seededRandom(7) })(fromPromise(async () => outcomes[outcome]()))
    for (let i = 0; i < calls; i++) await call(endpoint, {})
    return log.entries
  }

  test('a part is written, the same for the same chance, and says how many were left out', async () => {
    const entries = await run({ ok: 0.1 }, 'ok', 1_000)
    expect(entries.length).toBeGreaterThan(60)
    expect(entries.length).toBeLessThan(140)
    expect((await run({ ok: 0.1 }, 'ok', 1_000)).length).toBe(entries.length)
    const leftOut = entries.map(({ fields }) => Number(fields['leftOut'] ?? 0))
    const random = seededRandom(7)
    const drawn = Array.from({ length: 1_000 }, () => random.next() < 0.1)
    const untold = drawn.length - 1 - drawn.lastIndexOf(true)
    expect(leftOut.reduce((sum, count) => sum + count + 1, untold)).toBe(1_000)
  })

  test.each<readonly [LoggingSample, keyof typeof outcomes, number]>([
    [{ ok: 0 }, 'ok', 0],
    [{ ok: 0 }, 'rejected', 5],
    [{ ok: 0 }, 'caller', 5],
    [{ caller: 0 }, 'ok', 5],
    [{ caller: 0 }, 'rejected', 0],
    [{ caller: 0 }, 'caller', 0],
    [{ ok: 0, caller: 0 }, 'dependency', 5],
    [{ ok: 0, caller: 0 }, 'service', 5],
  ])('with %o, of 5 that end as %s, %d are written', async (sample, outcome, written) => {
    expect(await run(sample, outcome, 5)).toHaveLength(written)
  })

  test('a failure tells how many were left out before it', async () => {
    const log = memoryLogger()
    const outcomeOf = [() => 1, () => 1, outcomes.service, () => 1, outcomes.service]
    const endpoint = logging(log, { sample: { ok: 0 } })(fromPromise(async (_: object) => outcomeOf.shift()?.()))
    for (let i = 0; i < 5; i++) await call(endpoint, {})
    expect(log.entries.map(({ fields }) => fields['leftOut'])).toEqual([2, 1])
  })

  test.each([-0.1, 1.1, Number.NaN, '1'])('a part of %s is refused', ok => {
    expect(() => Reflect.apply(logging, undefined, [memoryLogger(), { sample: { ok } }])).toThrow(
      new RangeError(`logging: sample.ok must be in [0, 1], got ${ok}`),
    )
  })
})

test('a failure does not repeat what secrets the caller sent, whatever they look like', async () => {
  const secrets = ['plain words', 'colour-of-the-sky', 'sesame', 'open', 'melon']
  const log = memoryLogger({ stacks: true })
  const endpoint = logging(log)(
    fromPromise(async ({ login }: { login: { password: string; name: string } }, { metadata }): Promise<never> => {
      const told = `${login.name} sent ${login.password}, ${[...metadata.values()].join(', ')}`
      throw new CallError(failureOf('internal', 'BROKEN', told, { cause: new Error(told, { cause: told }) }))
    }),
  )
  const metadata = {
    authorization: 'Custom plain words',
    'x-api-key': 'colour-of-the-sky',
    cookie: 'theme=melon; a=open',
  }
  await call(endpoint, { login: { password: 'sesame', name: 'ada' } }, { context: testContext({ metadata }) })
  const text = JSON.stringify(log.entries)
  for (const secret of secrets) expect(text).not.toContain(secret)
  expect(log.entries[0]?.fields['failure']).toMatch(/^ada sent \[redacted\]/)
  expect(log.entries[0]?.fields['cause']).toMatchObject({ name: 'Error', message: expect.stringMatching(/^ada sent/) })
})

test('a failure does not repeat the password of basic credentials, which arrives encoded', async () => {
  const log = memoryLogger()
  const endpoint = logging(log)(
    fromPromise(async (_: string, { metadata }) => {
      const [, password] = Buffer.from(metadata.get('authorization')?.slice(6) ?? '', 'base64')
        .toString()
        .split(':')
      return failed('unauthenticated', 'WRONG', `ada is not ${password}`)
    }),
  )
  for (const credentials of [Buffer.from('ada:öpen sesame').toString('base64'), 'no base64'])
    await call(endpoint, 'x', { context: testContext({ metadata: { authorization: `Basic ${credentials}` } }) })
  expect(log.entries[0]?.fields['failure']).toBe('ada is not [redacted]')
  expect(log.entries[1]?.fields['reason']).toBe('WRONG')
})

test('whatever the cause of a failure is, its line is written, without what secrets the caller sent', async () => {
  const log = memoryLogger({ stacks: true })
  const hostile = new Proxy(new Error('x'), {
    get() {
      throw new Error('do not look')
    },
    getPrototypeOf() {
      throw new Error('do not look')
    },
  })
  const odd = Object.assign(new Error('x'), { message: 7, code: { is: 'sesame' } })
  Object.defineProperty(odd, 'stack', {
    get() {
      throw new Error('do not look')
    },
  })
  odd.cause = odd
  // Read to the end, it would be 300 to the power of 6 fields.
  let endless: object = { text: 'sesame' }
  for (let depth = 0; depth < 6; depth++)
    endless = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`${i}`, endless]))
  const causes = [hostile, odd, { response: { body: ['it was sesame', 1] }, when: new Date(0) }, ['sesame'], endless]
  for (const cause of causes) {
    const endpoint = logging(log)(
      fromPromise(async (_: { password: string }) => failed('internal', 'BROKEN', 'no', { cause })),
    )
    await call(endpoint, { password: 'sesame' })
  }
  expect(log.entries.map(({ fields }) => fields['reason'])).toEqual(Array(5).fill('BROKEN'))
  expect(JSON.stringify(log.entries)).not.toContain('sesame')
  expect(log.entries[2]?.fields['cause']).toEqual({
    response: { body: ['it was [redacted]', 1] },
    when: '1970-01-01T00:00:00.000Z',
  })
})

test('a stream is logged once, when it has ended', async () => {
  const log = memoryLogger()
  const mock = mockEndpoint<string, AsyncIterable<number>>(method)
  const outcome = call(logging(log)(mock.endpoint), 'x')
  ;(await mock.next()).respond(
    (async function* () {
      yield 1
      yield 2
    })(),
  )
  const opened = await outcome
  expect(log.entries).toEqual([])
  const items: number[] = []
  if (isRight(opened)) for await (const item of opened.right) items.push(item)
  expect(items).toEqual([1, 2])
  expect(log.entries).toMatchObject([{ level: 'info', fields: { code: 'ok' } }])
})

test('the level of the logger holds', async () => {
  const log = memoryLogger({ level: 'warn' })
  const mock = mockEndpoint<string, string>()
  const outcome = call(logging(log)(mock.endpoint), 'x')
  ;(await mock.next()).respond('y')
  await outcome
  expect(log.entries).toEqual([])
})

test('it shows in the stack, and refuses what is no logger', () => {
  expect(explain(logging(memoryLogger())(mockEndpoint().endpoint)).steps[0]?.name).toBe('logging')
  expect(() => Reflect.apply(logging, undefined, [undefined])).toThrow(/^logging: needs a logger$/)
})
