/** W3C Trace Context: the cases of W3C's own suite, round trips, fuzz, and OpenTelemetry's parser as oracle. */
import assert from 'node:assert/strict'
import { ROOT_CONTEXT, trace } from '@opentelemetry/api'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import fc from 'fast-check'
import { type TraceContext, toTraceState, traceStateValue, w3c, withTraceState } from 'tenon/tracing'
import { describe, expect, test } from 'vitest'
import { deep } from '../../deep.js'
import { cpuMs } from '../../transport/cpu.js'
import { fuzz, spanIds, traceIds } from './arbitrary.js'
import { parentId, traceId, w3cCases } from './w3c-cases.js'

/** Metadata as a server makes it of headers: names in lower case, several values joined. */
function received(headers: readonly (readonly [string, string])[]): ReadonlyMap<string, string> {
  const metadata = new Map<string, string>()
  for (const [name, value] of headers) {
    const before = metadata.get(name.toLowerCase())
    metadata.set(name.toLowerCase(), before === undefined ? value : `${before}, ${value}`)
  }
  return metadata
}

function span(traceparent: string, tracestate?: string): TraceContext | undefined {
  const headers = tracestate === undefined ? [] : [['tracestate', tracestate] as const]
  const found = w3c.extract(received([['traceparent', traceparent], ...headers]))
  return found?.traceId === undefined ? undefined : found
}

describe("W3C's own suite", () => {
  test.each(w3cCases)('$name', ({ headers, joined, state }) => {
    const found = w3c.extract(received(headers))
    expect(found?.traceId).toBe(joined ? traceId : undefined)
    if (found?.traceId === undefined || state === undefined) return
    const sent = w3c.inject({ ...found, spanId: '00f067aa0ba902b7' })
    expect(sent['traceparent']).toBe(`00-${traceId}-00f067aa0ba902b7-00`)
    const members = sent['tracestate']?.split(',') ?? []
    expect(members.slice(0, state.length)).toEqual(state)
    if (state.length === 0) expect(members).toEqual([])
  })
})

describe('traceparent', () => {
  test.each([
    ['00', { sampled: false, random: false }],
    ['01', { sampled: true, random: false }],
    ['02', { sampled: false, random: true }],
    ['03', { sampled: true, random: true }],
    ['fc', { sampled: false, random: false }],
    ['ff', { sampled: true, random: true }],
  ])('of the flags %s two are known, and only they are sent on', (flags, known) => {
    const found = span(`00-${traceId}-${parentId}-${flags}`)
    expect(found).toEqual({ traceId, spanId: parentId, remote: true, ...known })
    const sent = (known.sampled ? 1 : 0) + (known.random ? 2 : 0)
    expect(w3c.inject(found ?? { sampled: false })).toEqual({ traceparent: `00-${traceId}-${parentId}-0${sent}` })
  })

  test('upper case is no id', () => {
    expect(span(`00-${'A'.repeat(32)}-${parentId}-01`)).toBeUndefined()
  })

  test('a decision without a span cannot be told', () => {
    expect(w3c.inject({ sampled: false })).toEqual({})
  })

  test('what is written is read as it was', () => {
    fc.assert(
      fc.property(traceIds, spanIds, fc.boolean(), fc.boolean(), (id, spanId, sampled, random) => {
        const context = { traceId: id, spanId, sampled, random, remote: true }
        expect(w3c.extract(new Map(Object.entries(w3c.inject(context))))).toEqual(context)
      }),
      { numRuns: deep(100, 5_000) },
    )
  })

  test('of a million mutants those are read that OpenTelemetry reads, and as it reads them', () => {
    const oracle = new W3CTraceContextPropagator()
    const samples = [
      `00-${traceId}-${parentId}-01`,
      `cc-${traceId}-${parentId}-03-more`,
      `ff-${traceId}-${parentId}-00`,
    ]
    fuzz({ samples, thousands: deep(10, 1_000) }, text => {
      const found = w3c.extract(new Map([['traceparent', text]]))
      const context = oracle.extract(ROOT_CONTEXT, text, {
        get: (given: string, key) => (key === 'traceparent' ? given : undefined),
        keys: () => [],
      })
      const theirs = trace.getSpanContext(context)
      // It takes any white space around it, and a line break in what follows.
      if (theirs === undefined || !/[^\x20-\x7e\t]|[\t ]$|^[\t ]/.test(text))
        assert.equal(found?.traceId, theirs?.traceId)
      if (found?.traceId === undefined) return
      assert.match(found.traceId, /^(?!0+$)[0-9a-f]{32}$/)
      assert.match(found.spanId, /^(?!0+$)[0-9a-f]{16}$/)
      assert.deepEqual(w3c.extract(new Map(Object.entries(w3c.inject(found)))), found)
    })
  })
})

describe('tracestate', () => {
  const key = fc.stringMatching(/^[a-z0-9][a-z0-9_\-*/]{0,20}(@[a-z][a-z0-9_\-*/]{0,10})?$/)
  const value = fc.stringMatching(/^[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,20}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/)

  test('what is changed stands at the left, and once', () => {
    expect(withTraceState('foo=1,bar=2,baz=3', 'bar', '4')).toBe('bar=4,foo=1,baz=3')
    expect(withTraceState(undefined, 'tenon', '1')).toBe('tenon=1')
    expect(traceStateValue('foo=1,foobar=2', 'foobar')).toBe('2')
    expect(traceStateValue('foo=1', 'o')).toBeUndefined()
  })

  test('a 33rd member takes the place of the one at the right', () => {
    const full = Array.from({ length: 32 }, (_, at) => `k${at}=v`).join(',')
    const state = withTraceState(full, 'new', '1').split(',')
    expect(state).toHaveLength(32)
    expect(state[0]).toBe('new=1')
    expect(state.at(-1)).toBe('k30=v')
  })

  test.each([
    ['Foo', '1'],
    ['', '1'],
    ['a@', '1'],
    ['foo', ''],
    ['foo', 'a,b'],
    ['foo', 'a=b'],
    ['foo', 'blank '],
    ['foo', 'line\n'],
  ])('%j=%j is refused', (name, text) => {
    expect(() => withTraceState(undefined, name, text)).toThrow(RangeError)
  })

  test('any member can be put into any list, which stays one', () => {
    const members = fc.uniqueArray(fc.tuple(key, value), { maxLength: 32, selector: ([name]) => name })
    fc.assert(
      fc.property(members, key, value, (list, name, text) => {
        const state = list.map(([k, v]) => `${k}=${v.trimStart() === '' ? 'x' : v}`).join(',')
        const changed = withTraceState(state, name, text)
        expect(toTraceState(changed)).toBe(changed)
        expect(traceStateValue(changed, name)).toBe(text)
      }),
      { numRuns: deep(100, 5_000) },
    )
  })

  test('more than 512 characters are cut: long members first, then from the right', () => {
    const long = `long=${'x'.repeat(150)}`
    const short = (at: number): string => `s${at}=${'y'.repeat(90)}`
    const state = [short(1), long, short(2), short(3), short(4), `longer=${'x'.repeat(200)}`].join(',')
    const context = { traceId, spanId: parentId, sampled: true }
    const sent = (traceState: string): string | undefined => w3c.inject({ ...context, traceState })['tracestate']
    expect(sent(state)).toBe([short(1), short(2), short(3), short(4)].join(','))
    const shorts = [1, 2, 3, 4, 5, 6, 7].map(short)
    expect(sent(shorts.join(','))).toBe(shorts.slice(0, 5).join(','))
    const fits = [...shorts.slice(0, 5), 'fill=1'].join(',')
    expect(fits.length).toBeLessThanOrEqual(512)
    expect(sent(fits)).toBe(fits)
  })

  test('mutants of lists are taken whole or not at all', () => {
    const samples = ['foo=1,bar=2', 'rojo=00f067aa0ba902b7 , congo=t61rcWkgMzE', 'fw529a3039@dt=FfAAAAAF', 'a=1,a=2']
    fuzz({ samples, thousands: deep(10, 1_000) }, text => {
      const state = toTraceState(text)
      if (state === undefined) return
      assert.equal(toTraceState(state), state)
      assert.match(state, /^[\x20-\x7e]+$/)
      assert.equal(state.replaceAll(/[ \t,]/g, ''), text.replaceAll(/[ \t,]/g, ''))
    })
  })

  test('takes time that grows with its length, not faster', () => {
    const hostile = (length: number): string => `a=${' '.repeat(length)}x=`
    const once = cpuMs(() => toTraceState(hostile(200_000)))
    expect(cpuMs(() => toTraceState(hostile(400_000)))).toBeLessThan(20 + 6 * once)
  })
})
