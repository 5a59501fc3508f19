/** `fallback` replaces what is not the caller's doing, and nothing else. */
import { describe, expect, test } from 'vitest'
import {
  CallError,
  type Code,
  call,
  type DomainFailure,
  explain,
  type Failure,
  failed,
  failureOf,
  fromPromise,
  isLeft,
  left,
  right,
  testContext,
} from '../../src/core/index.js'
import { type FallbackEvent, fallback } from '../../src/middleware/index.js'

const down = failureOf('unavailable', 'DOWN', 'no prices')
const failing = (failure: Failure | DomainFailure) => fromPromise((_: { sku: string }) => left(failure))
const unknownPrice = (_failure: Failure, { sku }: { sku: string }) => ({ sku, price: 0 })

describe('a failure that is', () => {
  test.each<[code: Code, replaced: boolean]>([
    ['unavailable', true],
    ['deadline_exceeded', true],
    ['internal', true],
    ['unknown', true],
    ['data_loss', true],
    ['invalid_argument', false],
    ['not_found', false],
    ['failed_precondition', false],
    ['unauthenticated', false],
    ['permission_denied', false],
    ['cancelled', false],
  ])('%s: replaced %s', async (code, replaced) => {
    const outcome = await call(fallback({ respond: unknownPrice })(failing(failureOf(code, 'R', 'm'))), { sku: 'tea' })
    if (replaced) expect(outcome).toEqual(right({ sku: 'tea', price: 0 }))
    else expect(outcome).toMatchObject({ left: { code } })
  })
})

test('a domain failure passes', async () => {
  const outcome = await call(fallback({ respond: unknownPrice })(failing({ _tag: 'OutOfStock', details: {} })), {
    sku: '1',
  })
  expect(outcome).toMatchObject({ left: { _tag: 'OutOfStock' } })
})

test('a success passes without a word', async () => {
  const events: FallbackEvent[] = []
  const policy = fallback({ respond: unknownPrice, onEvent: event => events.push(event) })
  expect(await call(policy(fromPromise(async (_: { sku: string }) => 'fine')), { sku: '1' })).toEqual(right('fine'))
  expect(events).toEqual([])
})

test('a response that comes when the call has ended is told of by no event', async () => {
  const events: FallbackEvent[] = []
  const controller = new AbortController()
  const policy = fallback({
    async respond() {
      controller.abort()
      await new Promise(resolve => setImmediate(resolve))
      return 'too late'
    },
    onEvent: event => events.push(event),
  })
  const outcome = await call(policy(failing(down)), { sku: '1' }, { signal: controller.signal })
  expect(outcome).toMatchObject({ left: { code: 'cancelled' } })
  for (let turns = 0; turns < 3; turns++) await new Promise(resolve => setImmediate(resolve))
  expect(events).toEqual([])
})

describe('a refused caller', () => {
  const refused = failing(failureOf('unauthenticated', 'NO_TOKEN', 'who are you?'))

  test('stays refused even where everything else falls back', async () => {
    const policy = fallback({ respond: unknownPrice, shouldFallBack: () => true })
    expect(await call(policy(refused), { sku: '1' })).toMatchObject({ left: { code: 'unauthenticated' } })
  })

  test('is answered where that was asked for', async () => {
    const policy = fallback({ respond: unknownPrice, shouldFallBack: () => true, hidesRefusals: true })
    expect(await call(policy(refused), { sku: '1' })).toEqual(right({ sku: '1', price: 0 }))
  })
})

test('respond may fail the call in another way', async () => {
  const policy = fallback({ respond: () => failed('not_found', 'NO_PRICE', 'nobody knows') })
  expect(await call(policy(failing(down)), { sku: '1' })).toMatchObject({ left: { reason: 'NO_PRICE' } })
})

test('a cancelled call is not answered, whatever shouldFallBack says', async () => {
  const policy = fallback({ respond: unknownPrice, shouldFallBack: () => true })
  const cancelled = failing(failureOf('cancelled', 'CANCELLED', 'no longer wanted'))
  expect(await call(policy(cancelled), { sku: '1' })).toMatchObject({ left: { code: 'cancelled' } })
})

test('a CallError that respond throws is the failure of the call, and no defect', async () => {
  const defects: unknown[] = []
  const policy = fallback({
    respond: () => {
      throw new CallError(failureOf('not_found', 'NO_PRICE', 'nobody knows'))
    },
  })
  const context = testContext({ onDefect: thrown => defects.push(thrown) })
  expect(await call(policy(failing(down)), { sku: '1' }, { context })).toMatchObject({ left: { reason: 'NO_PRICE' } })
  expect(defects).toEqual([])
})

test('what respond throws is a defect, and the first failure stands', async () => {
  const defects: unknown[] = []
  const events: FallbackEvent[] = []
  const policy = fallback({
    respond: () => {
      throw new Error('broken')
    },
    onEvent: event => events.push(event),
  })
  const context = testContext({ onDefect: thrown => defects.push(thrown) })
  expect(await call(policy(failing(down)), { sku: '1' }, { context })).toMatchObject({ left: { reason: 'DOWN' } })
  expect(defects).toEqual([new Error('broken')])
  expect(events).toMatchObject([{ kind: 'fallback', type: 'fallback-failed', failure: { reason: 'DOWN' } }])
})

test('tells what it replaced', async () => {
  const events: FallbackEvent[] = []
  const policy = fallback({ respond: unknownPrice, onEvent: event => events.push(event) })
  await call(policy(failing(down)), { sku: '1' })
  expect(events).toMatchObject([{ type: 'fell-back', failure: { reason: 'DOWN' } }])
})

test('is shown by explain', () => {
  const [step] = explain(fallback({ respond: unknownPrice })(failing(down))).steps
  expect(step).toMatchObject({ kind: 'layer', role: 'fallback', options: { hidesRefusals: false } })
})

test('the type of the response is either', async () => {
  const endpoint = fallback({ respond: () => 'none' })(fromPromise(async (_: object) => 7))
  const outcome = await call(endpoint, {})
  const value: string | number | undefined = isLeft(outcome) ? undefined : outcome.right
  expect(value).toBe(7)
})
