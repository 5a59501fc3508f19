/** One classification of failures, total and the same for everybody. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type Blame,
  blame,
  CallError,
  type Code,
  codes,
  failed,
  failureOf,
  isFailure,
  isLeft,
  type Reason,
  reasons,
} from '../../src/core/index.js'

const known = Object.entries(reasons)

describe('the table of reasons', () => {
  test.each(known)(
    'gives %s a code of gRPC, or none, a blame that exists, and says that it lasts only where others pass',
    (_name, reason: Reason) => {
      if (reason.code !== undefined) expect(codes).toContain(reason.code)
      if (reason.blame !== undefined) expect(['caller', 'service', 'dependency']).toContain(reason.blame)
      if (reason.lasts)
        expect(['unavailable', 'resource_exhausted', 'aborted', 'deadline_exceeded']).toContain(reason.code)
      expect(Object.keys(reason).filter(key => !['code', 'blame', 'lasts'].includes(key))).toEqual([])
    },
  )

  test.each(known)('names %s in upper snake case', name => {
    expect(name).toMatch(/^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$/)
  })

  test.each(known.filter(([, { code, blame }]) => code !== undefined && blame !== undefined))(
    'says who is to blame for %s',
    (name, { code, blame: said }) => {
      expect(blame(failureOf(code as Code, name, ''))).toBe(said)
    },
  )
})

test('there are the sixteen codes of gRPC, once each', () => {
  expect(codes).toHaveLength(16)
  expect(new Set(codes).size).toBe(16)
})

describe('blame', () => {
  // What the sixteen codes mean by themselves: [our own failure, a peer's].
  const byCode: Readonly<Record<Code, readonly [Blame, Blame]>> = {
    cancelled: ['caller', 'caller'],
    unknown: ['service', 'dependency'],
    invalid_argument: ['caller', 'caller'],
    deadline_exceeded: ['service', 'dependency'],
    not_found: ['caller', 'caller'],
    already_exists: ['caller', 'caller'],
    permission_denied: ['caller', 'caller'],
    resource_exhausted: ['caller', 'caller'],
    failed_precondition: ['caller', 'caller'],
    aborted: ['caller', 'caller'],
    out_of_range: ['caller', 'caller'],
    unimplemented: ['caller', 'caller'],
    internal: ['service', 'dependency'],
    unavailable: ['service', 'dependency'],
    data_loss: ['service', 'dependency'],
    unauthenticated: ['caller', 'caller'],
  }

  test.each(codes)('of %s depends on who answered', code => {
    const [ours, theirs] = byCode[code]
    expect(blame(failureOf(code, 'SOME_REASON', ''))).toBe(ours)
    expect(blame(failureOf(code, 'SOME_REASON', '', { peer: 'orders' }))).toBe(theirs)
  })

  test('is somebody, for every code, reason and peer', () => {
    const names = fc.oneof(
      fc.constantFrom(...Object.keys(reasons)),
      fc.constantFrom('constructor', '__proto__', 'toString', 'hasOwnProperty', ''),
      fc.string(),
    )
    fc.assert(
      fc.property(
        fc.constantFrom(...codes),
        names,
        fc.option(fc.string(), { nil: undefined }),
        (code, reason, peer) => {
          const who = blame(failureOf(code, reason, '', peer === undefined ? {} : { peer }))
          expect(['caller', 'service', 'dependency']).toContain(who)
          // Nothing that a peer did is ours to mend.
          if (peer !== undefined) expect(who).not.toBe('service')
        },
      ),
      { numRuns: 2000 },
    )
  })

  test.each(known.filter(([, reason]) => reason.blame === 'service'))(
    'of %s is the service that made it: ours, or the one that we called',
    (name, { code = 'internal' }) => {
      expect(blame(failureOf(code, name, ''))).toBe('service')
      expect(blame(failureOf(code, name, '', { peer: 'orders' }))).toBe('dependency')
    },
  )

  test('of a domain failure is the caller: the service did what it should', () => {
    expect(blame({ _tag: 'OutOfStock', details: { sku: 'a' } })).toBe('caller')
    expect(blame({ _tag: 'Failure', details: 'a tag that is reserved' } as never)).toBe('caller')
  })
})

test('a failure is plain data: what JSON keeps of it is all of it but the cause', () => {
  const failure = failureOf('not_found', 'NO_SUCH_ORDER', 'there is no order 1', {
    details: { id: 1 },
    retryAfterMs: 5,
  })
  expect(JSON.parse(JSON.stringify(failure))).toEqual(failure)
  expect(isFailure(JSON.parse(JSON.stringify(failure)))).toBe(true)
  expect(failure.ran).toBe('maybe')
})

test.each([undefined, null, 'Failure', {}, { _tag: 'Failure' }, { _tag: 'OutOfStock', code: 'internal' }, () => {}])(
  'isFailure does not take %j for one',
  each => {
    expect(isFailure(each)).toBe(false)
  },
)

test('failed is a Left of the same data', () => {
  const outcome = failed('aborted', 'TRY_AGAIN', 'again', { ran: 'no' })
  expect(isLeft(outcome)).toBe(true)
  expect(outcome.left).toEqual(failureOf('aborted', 'TRY_AGAIN', 'again', { ran: 'no' }))
})

test('a CallError says which failure it carries, and hands on its cause', () => {
  const cause = new Error('underneath')
  const error = new CallError(failureOf('internal', 'DEFECT', 'internal error', { cause }))
  expect(String(error)).toBe('CallError: internal/DEFECT: internal error')
  expect(error.cause).toBe(cause)
  expect(new CallError(failureOf('internal', 'DEFECT', '')).cause).toBeUndefined()
  for (const odd of [undefined, null, 7, {}]) expect(String(new CallError<unknown>(odd))).toMatch(/^CallError/)
})
