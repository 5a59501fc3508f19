/** SkyWalking's headers: round trips, fuzz, and its own agent's reader and writer as oracle. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { ContextCarrier } from 'skywalking-backend-js/lib/trace/context/ContextCarrier.js'
import { testContext } from 'tenon'
import {
  correlationFromWire,
  correlationOf,
  correlationToWire,
  type Sw8,
  sw8,
  sw8FromWire,
  sw8ToWire,
  withCorrelation,
} from 'tenon/tracing'
import { describe, expect, test } from 'vitest'
import { hexSpanId, hexTraceId } from '../../../src/tracing/propagation/hashed-id.js'
import { deep } from '../../deep.js'
import { fuzz } from './arbitrary.js'

const b64 = (text: string): string => Buffer.from(text).toString('base64')
const hex = '6ac1f3b2c4d85e7f9a0b1c2d3e4f5a6b'

const place: Sw8 = {
  traceId: hex,
  segmentId: 'segment.1',
  spanId: 3,
  service: 'shop',
  instance: 'shop-1@10.0.0.7',
  endpoint: '/orders/{id}',
  address: 'stock:8080',
}
const parts = [
  '1',
  b64(hex),
  b64('segment.1'),
  '3',
  b64('shop'),
  b64('shop-1@10.0.0.7'),
  b64('/orders/{id}'),
  b64('stock:8080'),
]
const header = parts.join('-')
const withPart = (at: number, part: string): string =>
  parts.map((each, index) => (index === at ? part : each)).join('-')

describe('sw8', () => {
  test('is written as the specification says', () => {
    expect(sw8ToWire(place, true)).toBe(header)
    expect(sw8.inject({ traceId: hex, spanId: '1111111111111111', sampled: true, skywalking: place })).toEqual({
      sw8: header,
    })
  })

  test('is read with ids that others can use', () => {
    expect(sw8.extract(new Map([['sw8', header]]))).toEqual({
      traceId: hex,
      spanId: hexSpanId('segment.1:3'),
      sampled: true,
      skywalking: place,
      remote: true,
    })
  })

  test('a trace id that is no hex is always the same hex, and goes on as it came', () => {
    const java = '2ad5b1f0.53.16213421870390001'
    const found = sw8.extract(new Map([['sw8', withPart(1, b64(java))]]))
    expect(found?.traceId).toBe(hexTraceId(java))
    expect(found?.traceId).toMatch(/^[0-9a-f]{32}$/)
    expect(found?.traceId === undefined ? undefined : found.skywalking?.traceId).toBe(java)
  })

  test.each([
    ['seven parts', parts.slice(0, 7).join('-')],
    ['nine parts', `${header}-`],
    ['a sample of 2', withPart(0, '2')],
    ['no trace id', withPart(1, '')],
    ['a trace id that is no base64', withPart(1, '###')],
    ['a trace id that is no UTF-8', withPart(1, Buffer.from([0xff, 0xfe]).toString('base64'))],
    ['no segment', withPart(2, '')],
    [
      'a span id below 0',
      parts
        .slice(0, 3)
        .concat('', ...parts.slice(3))
        .join('-'),
    ],
    ['a span id that is none', withPart(3, '1e3')],
    ['a span id that is too large', withPart(3, '2147483648')],
    ['a span id with zeros before it', withPart(3, '01')],
    ['no service', withPart(4, '')],
    ['an instance that is no base64', withPart(5, 'a')],
    ['more than 2 KiB', withPart(6, b64('x'.repeat(2_000)))],
    ['nothing', ''],
    ['two headers', `${header}, ${header}`],
  ])('%s is nothing', (_, value) => {
    expect(sw8.extract(new Map([['sw8', value]]))).toBeUndefined()
  })

  test('a sample of 0, blanks around it, empty parts and missing padding are taken', () => {
    const value = ` ${['0', ...parts.slice(1, 5), '', '', ''].join('-').replaceAll('=', '')}\t`
    const expected = { ...place, instance: '', endpoint: '', address: '' }
    expect(sw8.extract(new Map([['sw8', value]]))).toMatchObject({ sampled: false, skywalking: expected })
  })

  test('nothing is written of a span without a place, of a decision, or of what no header can hold', () => {
    expect(sw8.inject({ traceId: hex, spanId: '1111111111111111' })).toEqual({})
    expect(sw8.inject({ sampled: false })).toEqual({})
    const inject = (wrong: Partial<Sw8>): unknown =>
      sw8.inject({ traceId: hex, spanId: '1111111111111111', skywalking: { ...place, ...wrong } })
    expect(inject({ spanId: -1 })).toEqual({})
    expect(inject({ spanId: 1.5 })).toEqual({})
    expect(inject({ endpoint: 'x'.repeat(2_000) })).toEqual({})
  })

  const texts = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
  const places: fc.Arbitrary<Sw8> = fc.record({
    traceId: texts,
    segmentId: texts,
    spanId: fc.nat(2 ** 31 - 1),
    service: texts,
    instance: texts,
    endpoint: texts,
    address: fc.oneof(fc.constant(''), texts),
  })

  test('what is written is read as it was, by us and by the agent; what the agent writes we read', () => {
    fc.assert(
      fc.property(places, fc.boolean(), (written, sampled) => {
        const value = sw8ToWire(written, sampled)
        if (value === undefined) return
        expect(sw8FromWire(value)).toEqual({ ...written, sampled })
        const theirs = new ContextCarrier()
        theirs.value = value
        expect({
          traceId: theirs.traceId?.toString(),
          segmentId: theirs.segmentId?.toString(),
          spanId: theirs.spanId,
          service: theirs.service,
          instance: theirs.serviceInstance,
          endpoint: theirs.endpoint,
          address: theirs.clientAddress,
        }).toEqual(written)
        expect(sw8FromWire(theirs.value)).toEqual({ ...written, sampled: true }) // it always writes 1
      }),
      { numRuns: deep(100, 5_000) },
    )
  })

  test('mutants are taken whole or not at all', () => {
    const java = withPart(1, b64('2ad5b1f0.53.16213421870390001'))
    fuzz(
      { samples: [header, java, ['0', ...parts.slice(1)].join('-')], thousands: deep(10, 1_000) },
      (text, random) => {
        const found = sw8.extract(new Map([['sw8', text]]))
        if (found?.traceId === undefined) return
        assert.match(found.traceId, /^(?!0+$)[0-9a-f]{32}$/)
        assert.match(found.spanId, /^(?!0+$)[0-9a-f]{16}$/)
        if (random.next() > 0.1) return // to compare all costs minutes
        const again = sw8.inject(found)['sw8'] ?? ''
        assert.deepEqual(sw8.extract(new Map([['sw8', again]])), found)
      },
    )
  })
})

describe('ids made of text', () => {
  test('hex stays as it is; all else becomes hex, and never zeros', () => {
    expect(hexTraceId(hex)).toBe(hex)
    for (const text of ['', '0'.repeat(32), 'A'.repeat(32), 'short', '\ud800']) {
      expect(hexTraceId(text)).toMatch(/^(?!0{32})[0-9a-f]{32}$/)
      expect(hexSpanId(text)).toMatch(/^(?!0{16})[0-9a-f]{16}$/)
    }
  })

  test('texts that differ in one place have other ids, in all digits', () => {
    const texts = Array.from({ length: deep(20_000, 200_000) }, (_, at) => `2ad5b1f0.53.1621342187039${at}`)
    const ids = texts.map(hexTraceId)
    expect(new Set(ids).size).toBe(ids.length)
    expect(new Set(texts.map(hexSpanId)).size).toBe(ids.length)
    for (let digit = 0; digit < 32; digit++) {
      const counts = new Map<string, number>()
      for (const id of ids) {
        const character = id.charAt(digit)
        counts.set(character, (counts.get(character) ?? 0) + 1)
      }
      const expected = ids.length / 16
      for (const count of counts.values()) expect(Math.abs(count - expected)).toBeLessThan(0.2 * expected)
    }
  })
})

describe('sw8-correlation', () => {
  test('is written and read', () => {
    const written = new Map([
      ['tenant', 'ännä'],
      ['empty', ''],
    ])
    const value = correlationToWire(written)
    expect(value).toBe(`${b64('tenant')}:${b64('ännä')},${b64('empty')}:`)
    expect(correlationFromWire(value ?? '')).toEqual(written)
  })

  test.each([
    '',
    'x',
    `:${b64('v')}`,
    `${b64('k')}`,
    `${b64('k')}:${b64('v')}:`,
    `${b64('k')}:${b64('v')},`,
    `${b64('k')}:?`,
    Array.from({ length: 65 }, (_, at) => `${b64(`k${at}`)}:${b64('v')}`).join(','),
  ])('%j is nothing', value => {
    expect(correlationFromWire(value)).toEqual(new Map())
  })

  test('is changed for the calls made with a context', () => {
    const context = testContext({ metadata: { 'sw8-correlation': `${b64('a')}:${b64('1')}` } })
    expect(correlationOf(context)).toEqual(new Map([['a', '1']]))
    expect(correlationOf(context)).toBe(correlationOf(context))
    expect(correlationOf(testContext())).toEqual(new Map())
    const changed = withCorrelation(withCorrelation(context, { b: '2', c: '3' }), { a: undefined, c: '4' })
    expect(correlationFromWire(changed.outgoing.get('sw8-correlation') ?? '')).toEqual(
      new Map([
        ['b', '2'],
        ['c', '4'],
      ]),
    )
    expect(() => withCorrelation(context, { b: '', c: '', d: '' })).toThrow(RangeError)
    expect(() => withCorrelation(context, { b: 'x'.repeat(129) })).toThrow(RangeError)
    expect(() => withCorrelation(context, { '': 'x' })).toThrow(RangeError)
  })

  test('taking the last entry away leaves nothing of it', () => {
    const context = testContext({ metadata: { 'sw8-correlation': `${b64('a')}:${b64('1')}` } })
    expect(
      correlationFromWire(withCorrelation(context, { a: undefined }).outgoing.get('sw8-correlation') ?? ''),
    ).toEqual(new Map())
  })

  test('mutants never throw, and what is read can be read again', () => {
    const samples = [`${b64('tenant')}:${b64('ännä')},${b64('b')}:${b64('2')}`, `${b64('a')}:`]
    fuzz({ samples, thousands: deep(10, 1_000) }, text => {
      const read = correlationFromWire(text)
      if (read.size > 0 && read.size <= 3) assert.deepEqual(correlationFromWire(correlationToWire(read) ?? ''), read)
    })
  })
})
