/** W3C Baggage: what the specification says, round trips, fuzz, and OpenTelemetry's propagator as oracle. */
import assert from 'node:assert/strict'
import { propagation as otel, ROOT_CONTEXT } from '@opentelemetry/api'
import { W3CBaggagePropagator } from '@opentelemetry/core'
import fc from 'fast-check'
import { testContext } from 'tenon'
import { type BaggageEntry, baggageFromWire, baggageOf, baggageToWire, withBaggage } from 'tenon/tracing'
import { expect, test } from 'vitest'
import { deep } from '../../deep.js'
import { cpuMs } from '../../transport/cpu.js'
import { fuzz } from './arbitrary.js'

const read: readonly [string, Readonly<Record<string, BaggageEntry>>][] = [
  ['', {}],
  ['a=1', { a: { value: '1' } }],
  ['a=1,b=2', { a: { value: '1' }, b: { value: '2' } }],
  [' a = 1 ,\tb = 2 ', { a: { value: '1' }, b: { value: '2' } }],
  ['a=', { a: { value: '' } }],
  ['a=1=2', { a: { value: '1=2' } }],
  ['a=%C3%A4%20%2C', { a: { value: 'ä ,' } }],
  ['a=%ff%41', { a: { value: '\ufffdA' } }],
  ['a=50%', { a: { value: '50%' } }],
  ['a=%EF%BB%BFx', { a: { value: '\ufeffx' } }],
  ['a=1;ttl=10;private', { a: { value: '1', properties: 'ttl=10;private' } }],
  ['a=1 ; ttl = 10 ; private', { a: { value: '1', properties: 'ttl = 10;private' } }],
  ['a=1,a=2', { a: { value: '2' } }],
  ['a,b=2', { b: { value: '2' } }],
  ['=1,b=2', { b: { value: '2' } }],
  ['a b=1,b=2', { b: { value: '2' } }],
  ['a=1 2,b=2', { b: { value: '2' } }],
  ['a="1",b=2', { b: { value: '2' } }],
  ['a=1;,b=2', { b: { value: '2' } }],
  ['a=\u00e4,b=2', { b: { value: '2' } }],
  ['__proto__=1', { ['__proto__']: { value: '1' } }],
]

test.each(read)('%j', (header, expected) => {
  expect(baggageFromWire(header)).toEqual(new Map(Object.entries(expected)))
})

test('of several with one name the last also stands last', () => {
  expect([...baggageFromWire('a=1,b=2,a=3').keys()]).toEqual(['b', 'a'])
})

test('of more than 64 entries or 8 192 characters nothing is taken; so much and no more is written', () => {
  const entries = (count: number): string => Array.from({ length: count }, (_, at) => `k${at}=v`).join(',')
  expect(baggageFromWire(entries(64)).size).toBe(64)
  expect(baggageFromWire(entries(65)).size).toBe(0)
  const long = `a=${'x'.repeat(8_190)}`
  expect(baggageFromWire(long).size).toBe(1)
  expect(baggageFromWire(`${long}x`).size).toBe(0)
  const many = new Map(Array.from({ length: 65 }, (_, at) => [`k${at}`, { value: '' }]))
  expect(baggageToWire(many)).toBeUndefined()
  expect(baggageToWire(new Map([['a', { value: 'ä'.repeat(2_000) }]]))).toBeUndefined()
})

test.each<[string, BaggageEntry]>([
  ['a b', { value: '' }],
  ['', { value: '' }],
  ['a', { value: '', properties: 'a b' }],
  ['a', { value: '', properties: 'a,b' }],
  ['a', { value: '', properties: '' }],
])('%j with %j is not written', (name, entry) => {
  expect(baggageToWire(new Map([[name, entry]]))).toBeUndefined()
  expect(() => withBaggage(testContext(), { [name]: entry })).toThrow(RangeError)
})

const names = fc.stringMatching(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,12}$/)
const entries = fc.record(
  { value: fc.string({ unit: 'grapheme', maxLength: 20 }), properties: fc.constantFrom('ttl=10', 'private', 'a=1;b') },
  { requiredKeys: ['value'] },
)
const baggages = fc
  .uniqueArray(fc.tuple(names, entries), { maxLength: 10, selector: ([name]) => name })
  .map(list => new Map<string, BaggageEntry>(list))

test('what is written is read as it was, by OpenTelemetry as well, and what that writes we read', () => {
  const oracle = new W3CBaggagePropagator()
  fc.assert(
    fc.property(baggages, baggage => {
      const header = baggageToWire(baggage) ?? ''
      expect(header).toMatch(/^[\x21-\x7e]*$/)
      expect(baggageFromWire(header)).toEqual(baggage)
      const getter = { get: () => header, keys: () => ['baggage'] }
      const context = oracle.extract(ROOT_CONTEXT, {}, getter)
      const theirs = otel.getBaggage(context)?.getAllEntries() ?? []
      // It encodes names as well, which the specification does not.
      if ([...baggage.keys()].some(name => encodeURIComponent(name) !== name)) return
      const texts = Array.from(baggage, ([name, { value }]) => [name, value] as const)
      const notEmpty = texts.filter(([, value]) => value !== '') // it leaves out empty ones
      expect(new Map(theirs.map(([name, { value }]) => [name, value]))).toEqual(new Map(notEmpty))
      const sent: Record<string, string> = {}
      oracle.inject(context, sent, { set: (carrier, key, value) => Object.assign(carrier, { [key]: value }) })
      const back = baggageFromWire(sent['baggage'] ?? '')
      for (const [name, { value }] of back) expect(value).toBe(baggage.get(name)?.value)
    }),
    { numRuns: deep(100, 5_000) },
  )
})

test('is changed for the calls made with a context, and keeps what is said about its entries', () => {
  const context = testContext({ metadata: { baggage: 'tenant=t1;private,user=u1' } })
  expect(baggageOf(context).get('tenant')).toEqual({ value: 't1', properties: 'private' })
  expect(baggageOf(context)).toBe(baggageOf(context))
  expect(baggageOf(testContext()).size).toBe(0)
  const changed = withBaggage(withBaggage(context, { user: undefined, flag: 'a b' }), {
    flag: { value: 'c', properties: 'x' },
  })
  expect(changed.outgoing.get('baggage')).toBe('tenant=t1;private,flag=c;x')
  expect(context.outgoing.get('baggage')).toBe('tenant=t1;private,user=u1')
  expect(withBaggage(context, { tenant: undefined, user: undefined }).outgoing.get('baggage')).toBe('')
})

test('a lone surrogate is sent as U+FFFD', () => {
  expect(baggageToWire(new Map([['a', { value: '\ud800x' }]]))).toBe('a=%EF%BF%BDx')
})

test('mutants never throw, and what is read can be written and read again', () => {
  const samples = ['a=1,b=2;ttl=10', 'tenant=%C3%A4;private , user=u1', 'a=%ff,b=']
  fuzz({ samples, thousands: deep(10, 1_000) }, text => {
    const baggage = baggageFromWire(text)
    if (baggage.size === 0) return
    const header = baggageToWire(baggage)
    assert.ok(header !== undefined && /^[\x20-\x7e\t]*$/.test(header))
    assert.deepEqual(baggageFromWire(header), baggage)
  })
})

test('takes time that grows with its length, not faster', () => {
  const hostile = (length: number): string => `a=1;${'b ='.repeat(length)}`
  const once = cpuMs(() => baggageFromWire(hostile(1_000)))
  expect(cpuMs(() => baggageFromWire(hostile(2_000)))).toBeLessThan(20 + 6 * once)
})
