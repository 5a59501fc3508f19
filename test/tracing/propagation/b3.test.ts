/** B3 in one header and in several: what the specification says, round trips, fuzz, and OpenTelemetry's parser as oracle. */
import assert from 'node:assert/strict'
import { ROOT_CONTEXT, trace } from '@opentelemetry/api'
import { B3InjectEncoding, B3Propagator } from '@opentelemetry/propagator-b3'
import fc from 'fast-check'
import { b3, b3multi, type Decision, type TraceContext } from 'tenon/tracing'
import { describe, expect, test } from 'vitest'
import { deep } from '../../deep.js'
import { fuzz, spanIds, traceIds } from './arbitrary.js'

const traceId = '80f198ee56343ba864fe8b2a57d3eff7'
const short = '64fe8b2a57d3eff7'
const padded = `${'0'.repeat(16)}${short}`
const spanId = 'e457b5a2e4d86bd1'
const parentSpanId = '05e3ac9a4f6e3b90'
const remote = true

type Found = TraceContext | Decision | undefined

const single: readonly [string, Found][] = [
  [`${traceId}-${spanId}-1-${parentSpanId}`, { traceId, spanId, parentSpanId, sampled: true, remote }],
  [`${traceId}-${spanId}-0`, { traceId, spanId, sampled: false, remote }],
  [`${traceId}-${spanId}-d`, { traceId, spanId, sampled: true, debug: true, remote }],
  [`${traceId}-${spanId}`, { traceId, spanId, remote }],
  [`${short}-${spanId}-1`, { traceId: padded, spanId, sampled: true, remote }],
  [`${traceId.toUpperCase()}-${spanId.toUpperCase()}-1`, { traceId, spanId, sampled: true, remote }],
  [` ${traceId}-${spanId}-1\t`, { traceId, spanId, sampled: true, remote }],
  ['0', { sampled: false }],
  ['1', { sampled: true }],
  ['d', { sampled: true, debug: true }],
  ['', undefined],
  ['2', undefined],
  ['D', undefined],
  ['true', undefined],
  [traceId, undefined],
  [`${traceId}-`, undefined],
  [`${traceId}-${spanId}-`, undefined],
  [`${traceId}-${spanId}-1-`, undefined],
  [`${traceId}-${spanId}-2`, undefined],
  [`${traceId}-${spanId}-${parentSpanId}`, undefined],
  [`${traceId}-${spanId}-1-${parentSpanId}-`, undefined],
  [`${traceId}-${spanId}-1-${'0'.repeat(16)}`, undefined],
  [`${traceId}-${'0'.repeat(16)}-1`, undefined],
  [`${'0'.repeat(32)}-${spanId}-1`, undefined],
  [`${'0'.repeat(16)}-${spanId}-1`, undefined],
  [`${traceId.slice(1)}-${spanId}-1`, undefined],
  [`${traceId}0-${spanId}-1`, undefined],
  [`g${traceId.slice(1)}-${spanId}-1`, undefined],
  [`${traceId}-${spanId.slice(1)}-1`, undefined],
]

test.each(single)('b3: %j', (header, expected) => {
  expect(b3.extract(new Map([['b3', header]]))).toEqual(expected)
})

const ids = { 'x-b3-traceid': traceId, 'x-b3-spanid': spanId }
const several: readonly [string, Readonly<Record<string, string>>, Found][] = [
  ['ids alone', ids, { traceId, spanId, remote }],
  ['a parent', { ...ids, 'x-b3-parentspanid': parentSpanId }, { traceId, spanId, parentSpanId, remote }],
  ['yes', { ...ids, 'x-b3-sampled': '1' }, { traceId, spanId, sampled: true, remote }],
  ['no', { ...ids, 'x-b3-sampled': '0' }, { traceId, spanId, sampled: false, remote }],
  ['true', { ...ids, 'x-b3-sampled': 'true' }, { traceId, spanId, sampled: true, remote }],
  ['False', { ...ids, 'x-b3-sampled': 'False' }, { traceId, spanId, sampled: false, remote }],
  ['debug', { ...ids, 'x-b3-flags': '1' }, { traceId, spanId, sampled: true, debug: true, remote }],
  [
    'debug above no',
    { ...ids, 'x-b3-flags': '1', 'x-b3-sampled': '0' },
    { traceId, spanId, sampled: true, debug: true, remote },
  ],
  ['other flags', { ...ids, 'x-b3-flags': '0', 'x-b3-sampled': '1' }, { traceId, spanId, sampled: true, remote }],
  ['64 bits', { ...ids, 'x-b3-traceid': short }, { traceId: padded, spanId, remote }],
  ['no, of nothing', { 'x-b3-sampled': '0' }, { sampled: false }],
  ['debug, of nothing', { 'x-b3-flags': '1' }, { sampled: true, debug: true }],
  ['nothing', {}, undefined],
  ['a trace without a span', { 'x-b3-traceid': traceId, 'x-b3-sampled': '1' }, undefined],
  ['a span without a trace', { 'x-b3-spanid': spanId, 'x-b3-sampled': '1' }, undefined],
  ['a parent of nothing', { 'x-b3-parentspanid': parentSpanId, 'x-b3-sampled': '1' }, undefined],
  ['a broken trace id', { ...ids, 'x-b3-traceid': 'x', 'x-b3-sampled': '1' }, undefined],
  ['a broken span id', { ...ids, 'x-b3-spanid': '' }, undefined],
  ['a broken parent', { ...ids, 'x-b3-parentspanid': 'abc' }, undefined],
  ['a broken decision', { ...ids, 'x-b3-sampled': 'd' }, undefined],
  ['two decisions', { ...ids, 'x-b3-sampled': '1, 0' }, undefined],
]

test.each(several)('several headers: %s', (_, headers, expected) => {
  expect(b3multi.extract(new Map(Object.entries(headers)))).toEqual(expected)
})

const contexts: fc.Arbitrary<TraceContext | Decision> = fc.oneof(
  fc
    .record({
      traceId: traceIds,
      spanId: spanIds,
      parentSpanId: fc.option(spanIds, { nil: undefined }),
      sampled: fc.option(fc.boolean(), { nil: undefined }),
      debug: fc.boolean(),
    })
    .map(({ traceId: id, spanId: own, parentSpanId: parent, sampled, debug }) => ({
      traceId: id,
      spanId: own,
      ...(parent === undefined ? {} : { parentSpanId: parent }),
      ...(debug ? { sampled: true, debug } : sampled === undefined ? {} : { sampled }),
      remote: true,
    })),
  fc.constantFrom({ sampled: false }, { sampled: true }, { sampled: true, debug: true }),
)

describe.each([b3, b3multi])('$name', format => {
  test('what is written is read as it was', () => {
    fc.assert(
      fc.property(contexts, context => {
        const read = format.extract(new Map(Object.entries(format.inject(context))))
        const { parentSpanId: parent, ...others } = { parentSpanId: undefined, ...context }
        // One header has no place for a parent before a decision.
        const tells = format === b3multi || context.sampled !== undefined
        expect(read).toEqual(tells && parent !== undefined ? context : others)
      }),
      { numRuns: deep(200, 10_000) },
    )
  })

  test('writes no name that it does not list', () => {
    fc.assert(
      fc.property(contexts, context => {
        expect(format.fields).toEqual(expect.arrayContaining(Object.keys(format.inject(context))))
      }),
    )
  })
})

test('ids of 64 bits go out as they came in', () => {
  expect(b3.inject({ traceId: padded, spanId, sampled: true })).toEqual({ b3: `${short}-${spanId}-1` })
  expect(b3multi.inject({ traceId: padded, spanId })).toEqual({ 'x-b3-traceid': short, 'x-b3-spanid': spanId })
})

test.each([b3, b3multi])('OpenTelemetry reads what $name writes', format => {
  const injectEncoding = format === b3 ? B3InjectEncoding.SINGLE_HEADER : B3InjectEncoding.MULTI_HEADER
  const oracle = new B3Propagator({ injectEncoding })
  fc.assert(
    fc.property(traceIds, spanIds, fc.boolean(), (id, own, sampled) => {
      const headers = format.inject({ traceId: id, spanId: own, sampled })
      const getter = { get: (given: Readonly<Record<string, string>>, key: string) => given[key], keys: () => [] }
      const theirs = trace.getSpanContext(oracle.extract(ROOT_CONTEXT, headers, getter))
      expect(theirs).toMatchObject({ traceId: id, spanId: own, traceFlags: sampled ? 1 : 0 })
    }),
    { numRuns: deep(50, 2_000) },
  )
})

function checkFound(found: Found): void {
  if (found === undefined) return
  if (found.traceId === undefined) {
    assert.equal(typeof found.sampled, 'boolean')
    return
  }
  assert.match(found.traceId, /^(?!0+$)[0-9a-f]{32}$/)
  assert.match(found.spanId, /^(?!0+$)[0-9a-f]{16}$/)
  if (found.parentSpanId !== undefined) assert.match(found.parentSpanId, /^(?!0+$)[0-9a-f]{16}$/)
}

describe('mutants are taken whole or not at all', () => {
  test('in one header', () => {
    fuzz({ samples: single.map(([header]) => header), thousands: deep(10, 1_000) }, text => {
      const found = b3.extract(new Map([['b3', text]]))
      checkFound(found)
      if (found?.traceId !== undefined) assert.ok(text.toLowerCase().includes(found.spanId))
    })
  })

  test('in several headers', () => {
    const names = b3multi.fields
    fuzz(
      { samples: [traceId, spanId, short, '1', '0', 'd', 'true', ''], thousands: deep(10, 1_000) },
      (text, random) => {
        const headers = new Map(Object.entries({ ...ids, 'x-b3-sampled': '1' }))
        headers.set(names[Math.floor(random.next() * names.length)] ?? '', text)
        checkFound(b3multi.extract(headers))
      },
    )
  })
})
