/** One line per call, at the level of whoever has to act. */
import { describe, expect, test } from 'vitest'
import {
  call,
  type DomainFailure,
  explain,
  type Failure,
  failureOf,
  isRight,
  manualClock,
  mockEndpoint,
  testContext,
} from '../../src/core/index.js'
import { memoryLogger } from '../../src/log/index.js'
import { logging } from '../../src/middleware/index.js'

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
      fields: { outcome: 'failed', code: 'invalid_argument', reason: 'INVALID_REQUEST', failure: 'no sku' },
    },
    {
      what: 'a domain failure',
      failure: { _tag: 'OutOfStock', details: { sku: 'tea' } },
      level: 'info',
      fields: { outcome: 'rejected', tag: 'OutOfStock' },
    },
    {
      what: "a dependency's failure",
      failure: down,
      level: 'warn',
      fields: {
        outcome: 'failed',
        code: 'unavailable',
        reason: 'CONNECTION_REFUSED',
        failure: 'refused',
        peer: 'stock',
        cause: { name: 'Error', message: 'ECONNREFUSED' },
      },
    },
    {
      what: 'our own failure',
      failure: failureOf('internal', 'DEFECT', 'internal error'),
      level: 'error',
      fields: { outcome: 'failed', code: 'internal', reason: 'DEFECT', failure: 'internal error' },
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
    expect(log.entries[0]?.fields).toEqual({ outcome: 'ok', tookMs: 0, attempt: 1 })
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
  expect(log.entries).toMatchObject([{ level: 'info', fields: { outcome: 'ok' } }])
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
