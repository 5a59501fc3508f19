/** What travels of a failure, and what is made of it on the other side. */
import fc from 'fast-check'
import {
  codes,
  contract,
  type Failure,
  failure,
  failureFromWire,
  failureOf,
  failureToWire,
  type MethodSpec,
  method,
  type WireFailure,
} from 'tenon'
import { describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { deep } from '../deep.js'

const Ref = z.object({ id: z.string() })
const Gone = failure('not_found', z.object({ at: z.string().transform(text => new Date(text)) }))
const Orders = contract('shop.v1.Orders', {
  get: method({ request: Ref, response: Ref, failures: { Gone }, idempotency: 'safe' }),
})
const spec: MethodSpec = Orders.specs.get('get') ?? expect.fail()
const peer = 'orders:8080'
const noDefect = (thrown: unknown): never => expect.fail(`a defect: ${String(thrown)}`)

function sent(failure: Failure): WireFailure {
  return JSON.parse(JSON.stringify(failureToWire(spec, failure, noDefect)))
}

const upperSnake = fc.stringMatching(/^[A-Z][A-Z0-9]{0,8}(_[A-Z0-9]{1,8}){0,3}$/)
const failures = fc
  .record(
    {
      code: fc.constantFrom(...codes),
      reason: upperSnake,
      message: fc.string({ unit: 'binary' }),
      ran: fc.constantFrom('no', 'maybe'),
      retryAfterMs: fc.nat(),
      details: fc.dictionary(fc.stringMatching(/^[a-z]+$/), fc.jsonValue()),
    },
    { requiredKeys: ['code', 'reason', 'message', 'ran'] },
  )
  .map(({ code, reason, message, ...options }) => failureOf(code, reason, message, options as object))

test('a failure arrives as it left, with the peer that answered', () => {
  fc.assert(
    fc.property(failures, failure => {
      expect(failureFromWire(spec, sent(failure), peer)).toEqual({ ...JSON.parse(JSON.stringify(failure)), peer })
    }),
    { numRuns: deep(200, 5000) },
  )
})

test('neither cause nor peer travels', () => {
  const wire = failureToWire(spec, failureOf('unavailable', 'X', 'x', { cause: 'secret', peer: 'other' }), noDefect)
  expect(wire).toEqual({ code: 'unavailable', reason: 'X', message: 'x', ran: 'maybe' })
})

describe('a domain failure', () => {
  const wire: WireFailure = {
    code: 'not_found',
    reason: 'Gone',
    message: 'Gone',
    ran: 'maybe',
    details: { at: '2026-01-01T00:00:00Z' },
  }

  test('travels as its tag, with the code that is declared and the input of its schema', () => {
    expect(failureToWire(spec, { _tag: 'Gone', details: wire.details }, noDefect)).toEqual(wire)
  })

  test('arrives with the output of its schema', () => {
    const gone = failureFromWire(spec, wire, peer)
    expect(gone).toEqual({ _tag: 'Gone', details: { at: new Date('2026-01-01T00:00:00Z') } })
  })

  test('that does not fit its schema is the mistake of the peer', () => {
    expect(failureFromWire(spec, { ...wire, details: { at: 7 } }, peer)).toMatchObject({
      code: 'internal',
      reason: 'INVALID_RESPONSE',
      peer,
      details: { issues: [{ path: 'at' }] },
    })
  })

  test('that is not known here keeps its code, tag and details', () => {
    expect(failureFromWire(spec, { ...wire, reason: 'Moved', code: 'aborted', retryAfterMs: 5 }, peer)).toMatchObject({
      _tag: 'Failure',
      code: 'aborted',
      reason: 'UNKNOWN_DOMAIN_FAILURE',
      details: { tag: 'Moved', details: wire.details },
      peer,
      retryAfterMs: 5,
    })
  })

  test('that is not declared is a defect, and says nothing to the caller', () => {
    const onDefect = vi.fn()
    const undeclared = failureToWire(spec, { _tag: 'Nobody', details: 'secret' }, onDefect)
    expect(undeclared).toEqual({
      code: 'internal',
      reason: 'UNDECLARED_FAILURE',
      message: 'internal error',
      ran: 'maybe',
    })
    expect(onDefect.mock.calls).toEqual([[new TypeError("shop.v1.Orders/get does not declare the failure 'Nobody'")]])
  })

  test('may not have the tag of a member of Object', () => {
    const onDefect = vi.fn()
    expect(failureToWire(spec, { _tag: 'constructor', details: {} }, onDefect).reason).toBe('UNDECLARED_FAILURE')
    const unknown = failureFromWire(spec, { ...wire, reason: 'constructor' }, peer)
    expect(unknown).toMatchObject({ reason: 'UNKNOWN_DOMAIN_FAILURE' })
  })
})

describe('what a dependency said', () => {
  const rejected = new Set(['invalid_argument', 'not_found', 'already_exists', 'permission_denied'])
  for (const code of ['failed_precondition', 'out_of_range', 'unimplemented', 'unauthenticated']) rejected.add(code)

  test.each(codes)('%s', code => {
    const wire = failureToWire(spec, failureOf(code, 'X', 'x', { peer: 'other', details: { a: 1 } }), noDefect)
    if (rejected.has(code)) {
      expect(wire).toMatchObject({ code: 'internal', reason: 'DEPENDENCY_REJECTED', ran: 'maybe' })
      expect(wire.details).toBeUndefined()
    } else expect(wire).toEqual({ code, reason: 'X', message: 'x', ran: 'maybe', details: { a: 1 } })
  })
})

test.each([['a text'], [7], [null], [[1, 2]]])('details of a failure that are %o are dropped', details => {
  const wire: WireFailure = { code: 'aborted', reason: 'X', message: 'x', ran: 'maybe', details }
  expect(failureFromWire(spec, wire, peer)).toEqual(failureOf('aborted', 'X', 'x', { peer }))
})
