/** Several formats at once: the order, what is invalid, and what everybody else gets. */
import { type FormatName, type Propagator, propagation } from 'tenon/tracing'
import { describe, expect, test } from 'vitest'

const b64 = (text: string): string => Buffer.from(text).toString('base64')
const id = (digit: string): string => digit.repeat(32)
const spanId = '00f067aa0ba902b7'
const place = ['1', b64(id('a')), b64('s.1'), '0', b64('shop'), b64('i'), b64('e'), b64('p')].join('-')
const valid = {
  traceparent: `00-${id('a')}-${spanId}-01`,
  b3: `${id('b')}-${spanId}-1`,
  'x-b3-traceid': id('c'),
  'x-b3-spanid': spanId,
  sw8: place,
}

function read(formats: readonly FormatName[], headers: Readonly<Record<string, string>>): string | boolean | undefined {
  const found = propagation(formats).extract(new Map(Object.entries(headers)))
  return found?.traceId ?? found?.sampled
}

describe('the first that is valid counts', () => {
  test.each<[readonly FormatName[], Readonly<Record<string, string>>, string | boolean | undefined]>([
    [['w3c', 'b3', 'b3multi'], valid, id('a')],
    [['b3', 'w3c'], valid, id('b')],
    [['b3multi', 'b3'], valid, id('c')],
    [['b3', 'w3c'], { traceparent: valid.traceparent }, id('a')],
    [['b3', 'w3c'], { ...valid, b3: 'broken' }, id('a')],
    [['b3', 'b3multi'], { ...valid, b3: `${id('b')}-broken` }, id('c')],
    [['b3', 'w3c'], { ...valid, b3: '0' }, false],
    [['w3c', 'b3'], { ...valid, b3: '0' }, id('a')],
    [['w3c', 'b3'], { traceparent: 'broken', b3: '0' }, false],
    [['w3c', 'b3'], { traceparent: 'broken', b3: 'broken' }, undefined],
    [['w3c'], { b3: valid.b3 }, undefined],
  ])('%j of %j', (formats, headers, expected) => {
    expect(read(formats, headers)).toBe(expected)
  })
})

test('a broken format takes nothing of a valid one with it', () => {
  const headers = new Map([
    ['traceparent', 'broken'],
    ['tracestate', 'foo=1'],
    ['b3', valid.b3],
  ])
  expect(propagation(['w3c', 'b3']).extract(headers)).toEqual({
    traceId: id('b'),
    spanId,
    sampled: true,
    remote: true,
  })
})

test('the place in SkyWalking is taken from a later sw8 of the same trace, and of no other', () => {
  const { extract } = propagation(['w3c', 'b3', 'sw8'])
  expect(extract(new Map(Object.entries(valid)))).toMatchObject({
    traceId: id('a'),
    spanId,
    skywalking: { segmentId: 's.1', service: 'shop' },
  })
  const other = extract(
    new Map([
      ['b3', valid.b3],
      ['sw8', place],
    ]),
  )
  expect(other).toEqual({ traceId: id('b'), spanId, sampled: true, remote: true })
})

test('all are written', () => {
  const { inject, fields, name } = propagation(['w3c', 'b3', 'b3multi'])
  const headers = inject({ traceId: id('a'), spanId, sampled: true, traceState: 'foo=1' })
  expect(headers).toEqual({
    traceparent: valid.traceparent,
    tracestate: 'foo=1',
    b3: `${id('a')}-${spanId}-1`,
    'x-b3-traceid': id('a'),
    'x-b3-spanid': spanId,
    'x-b3-sampled': '1',
  })
  expect(name).toBe('w3c,b3,b3multi')
  expect(fields).toEqual(expect.arrayContaining(Object.keys(headers)))
})

test('one of your own is one of them', () => {
  const own: Propagator = {
    name: 'own',
    fields: ['x-own'],
    extract: metadata => ({ traceId: metadata.get('x-own') ?? '', spanId, remote: true }),
    inject: ({ traceId }) => (traceId === undefined ? {} : { 'x-own': traceId }),
  }
  const { extract, inject } = propagation(['w3c', own])
  expect(extract(new Map([['x-own', id('d')]]))?.traceId).toBe(id('d'))
  expect(extract(new Map())).toBeUndefined()
  expect(inject({ traceId: id('d'), spanId })['x-own']).toBe(id('d'))
})

test.each([[[]], [['w3c', 'w3c']], [['zipkin']], [['toString']], [[undefined]]])('%j is refused', formats => {
  expect(() => propagation(formats as never)).toThrow(TypeError)
})
