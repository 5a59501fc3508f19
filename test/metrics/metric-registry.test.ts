import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { durationBuckets, type MetricFamily, type MetricRegistry, metricRegistry } from '../../src/metrics/index.js'
import { deep } from '../deep.js'
import { heapMiB } from '../heap.js'

const help = 'For tests.'

function familyOf(registry: MetricRegistry, name: string): MetricFamily {
  const family = registry.families.find(each => each.name === name)
  if (family === undefined) throw new Error(`there is no ${name}`)
  return family
}

const readOf = (registry: MetricRegistry, name: string) => familyOf(registry, name).read()

describe('instruments', () => {
  it('a counter counts up, by one unless told otherwise', () => {
    const registry = metricRegistry()
    const counter = registry.counter({ name: 'calls_total', help })
    counter.add()
    counter.add(2.5)
    counter.add(0)
    expect(readOf(registry, 'calls_total')).toEqual([{ labels: {}, value: 3.5 }])
  })

  it('a gauge goes up and down', () => {
    const registry = metricRegistry()
    const gauge = registry.gauge({ name: 'queue_length', help })
    expect(readOf(registry, 'queue_length')).toEqual([{ labels: {}, value: 0 }])
    gauge.set(-3)
    gauge.add()
    gauge.add(-5)
    expect(readOf(registry, 'queue_length')).toEqual([{ labels: {}, value: -7 }])
  })

  it('a histogram counts a value in the first bucket that is not below it', () => {
    const registry = metricRegistry()
    const histogram = registry.histogram({ name: 'size_bytes', help, buckets: [1, 10, 100] })
    for (const value of [-1, 1, 1.0001, 10, 100, 101, 1e9]) histogram.observe(value)
    expect(readOf(registry, 'size_bytes')).toEqual([
      { labels: {}, count: 7, sum: expect.closeTo(1e9 + 212.0001, 6), counts: [2, 2, 1, 2] },
    ])
  })

  it('a histogram finds the bucket of any value among few and among many', () => {
    const bounds = fc.uniqueArray(fc.double({ noNaN: true, noDefaultInfinity: true }), { maxLength: 200 })
    const values = fc.array(fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 }))
    const property = fc.property(bounds, values, (given, observed) => {
      const buckets = [...new Set(given.map(each => each + 0))].sort((a, b) => a - b)
      const registry = metricRegistry()
      const histogram = registry.histogram({ name: 'h', help, buckets })
      const all = [...observed, ...buckets]
      for (const value of all) histogram.observe(value)
      const expected = new Array<number>(buckets.length + 1).fill(0)
      for (const value of all) {
        const at = buckets.findIndex(bound => value <= bound)
        const place = at === -1 ? buckets.length : at
        expected[place] = (expected[place] ?? 0) + 1
      }
      expect(readOf(registry, 'h')).toMatchObject([{ counts: expected, count: all.length }])
    })
    fc.assert(property, { numRuns: deep(50, 2_000) })
  })

  it('a histogram has buckets for durations unless told otherwise, and none where told so', () => {
    const registry = metricRegistry()
    registry.histogram({ name: 'a_seconds', help })
    registry.histogram({ name: 'b_seconds', help, buckets: [] }).observe(2)
    expect(familyOf(registry, 'a_seconds').buckets).toEqual(durationBuckets)
    expect(readOf(registry, 'b_seconds')).toEqual([{ labels: {}, count: 1, sum: 2, counts: [1] }])
  })

  it.each([
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    'x' as never,
    '5' as never,
    5n as never,
    undefined as never,
  ])('a value that cannot be counted, %s, is left out, and counted as such', value => {
    const registry = metricRegistry()
    const counter = registry.counter({ name: 'c_total', help })
    const gauge = registry.gauge({ name: 'g', help })
    const histogram = registry.histogram({ name: 'h', help })
    if (value !== undefined) counter.add(value)
    counter.add(-1)
    gauge.set(value)
    histogram.observe(value)
    const metric = (name: string, count: number) => ({ labels: { metric: name }, value: count })
    expect(readOf(registry, 'tenon_metrics_rejected_total')).toEqual([
      metric('c_total', value === undefined ? 1 : 2),
      metric('g', 1),
      metric('h', 1),
    ])
    expect(readOf(registry, 'c_total')).toEqual([{ labels: {}, value: 0 }])
    expect(readOf(registry, 'g')).toEqual([{ labels: {}, value: 0 }])
    expect(readOf(registry, 'h')).toMatchObject([{ count: 0, sum: 0 }])
  })

  it('asked for twice with one description, an instrument is the same', () => {
    const registry = metricRegistry()
    const describedAs = { name: 'calls_total', help, labels: ['method'] } as const
    registry.counter(describedAs).with({ method: 'get' }).add()
    registry.counter(describedAs).with({ method: 'get' }).add()
    expect(readOf(registry, 'calls_total')).toEqual([{ labels: { method: 'get' }, value: 2 }])
  })
})

describe('labels', () => {
  it('the same values give the same series, in whichever order they are named', () => {
    const registry = metricRegistry()
    const counter = registry.counter({ name: 'c_total', help, labels: ['a', 'b'] })
    expect(counter.with({ b: '2', a: '1' })).toBe(counter.with({ a: '1', b: '2' }))
    expect(counter.with({ a: '12', b: '' })).not.toBe(counter.with({ a: '1', b: '2' }))
    expect(Object.keys(readOf(registry, 'c_total')[0]?.labels ?? {})).toEqual(['a', 'b'])
  })

  it('no two combinations of values share a series, whatever is in them', () => {
    const values = fc.tuple(fc.string(), fc.string())
    const property = fc.property(values, values, (one, other) => {
      const counter = metricRegistry().counter({ name: 'c_total', help, labels: ['a', 'b'] })
      const same = counter.with({ a: one[0], b: one[1] }) === counter.with({ a: other[0], b: other[1] })
      expect(same).toBe(one[0] === other[0] && one[1] === other[1])
    })
    fc.assert(property, { numRuns: deep(200, 10_000) })
  })

  it.each([
    [{ a: '1' }, 'b must be a string'],
    [{ a: '1', b: 2 }, 'b must be a string'],
    [{ a: '1', b: undefined }, 'b must be a string'],
    [{ a: '1', b: '2', c: '3' }, "not 'c'"],
    [undefined, 'got undefined'],
    ['ab', 'got ab'],
  ])('binding %j is refused', (labels, message) => {
    const counter = metricRegistry().counter({ name: 'c_total', help, labels: ['a', 'b'] })
    expect(() => counter.with(labels as never)).toThrow(
      new RegExp(`counter c_total: needs the labels a, b.*${message}`),
    )
    expect(() => counter.with(labels as never)).toThrow(TypeError)
  })

  it('values that differ in what cannot be sent are one series', () => {
    const registry = metricRegistry()
    const counter = registry.counter({ name: 'c_total', help, labels: ['a'] })
    counter.with({ a: '\ud800' }).add()
    counter.with({ a: '\udbff' }).add()
    expect(readOf(registry, 'c_total')).toEqual([{ labels: { a: '\ufffd' }, value: 2 }])
  })

  it('a million values keep as many series as there may be, and one for the rest, which is counted', () => {
    const registry = metricRegistry({ maxSeries: 100 })
    const counter = registry.counter({ name: 'c_total', help, labels: ['user'] })
    const histogram = registry.histogram({ name: 'h', help, labels: ['user'], maxSeries: 10 })
    const users = deep(20_000, 1_000_000)
    for (let user = 0; user < users; user++) {
      counter.with({ user: `user ${user}` }).add()
      histogram.with({ user: `user ${user}` }).observe(user)
    }
    const series = readOf(registry, 'c_total') as { labels: { user: string }; value: number }[]
    expect(series).toHaveLength(101)
    expect(series.at(-1)).toEqual({ labels: { user: '(overflow)' }, value: users - 100 })
    expect(series.reduce((sum, { value }) => sum + value, 0)).toBe(users)
    expect(readOf(registry, 'h')).toHaveLength(11)
    expect(new Set<unknown>(readOf(registry, 'tenon_metrics_overflow_total'))).toEqual(
      new Set([
        { labels: { metric: 'c_total' }, value: users - 100 },
        { labels: { metric: 'h' }, value: users - 10 },
      ]),
    )
  })

  it('what a million values leave in memory does not grow with their number, nor with the texts they were cut from', async () => {
    const counter = metricRegistry().counter({ name: 'c_total', help, labels: ['user'] })
    const bind = (from: number, to: number): void => {
      for (let user = from; user < to; user++) {
        const body = `${user} is the user`.padEnd(user < 1_000 ? 50_000 : 100, ' and what comes behind it')
        counter.with({ user: body.slice(0, 40) }).add()
      }
    }
    const before = await heapMiB()
    bind(0, 1_000)
    expect((await heapMiB()) - before).toBeLessThan(4) // 50 MB, where the whole texts were kept
    const full = await heapMiB()
    bind(1_000, deep(20_000, 1_000_000))
    expect((await heapMiB()) - full).toBeLessThan(1)
  })

  it('a value that is too long to keep goes to the overflow series', () => {
    const registry = metricRegistry()
    const counter = registry.counter({ name: 'c_total', help, labels: ['a', 'b'] })
    counter.with({ a: 'x'.repeat(256), b: '' }).add()
    counter.with({ a: 'x', b: 'y'.repeat(257) }).add()
    expect(readOf(registry, 'c_total').map(({ labels }) => labels['b'])).toEqual(['', '(overflow)'])
  })
})

describe('descriptions', () => {
  it.each([
    [{ name: '', help }, TypeError],
    [{ name: '1a', help }, TypeError],
    [{ name: 'a-b', help }, TypeError],
    [{ name: 'a:b', help }, TypeError],
    [{ name: 'ä', help }, TypeError],
    [{ name: 'a\n', help }, TypeError],
    [{ name: 'a'.repeat(201), help }, TypeError],
    [{ help }, TypeError],
    [{ name: 'a' }, TypeError],
    [{ name: 'a', help: ' ' }, TypeError],
    [{ name: 'a', help, lables: ['x'] }, TypeError],
    [{ name: 'a', help, labels: [] }, TypeError],
    [{ name: 'a', help, labels: 'x' }, TypeError],
    [{ name: 'a', help, labels: ['le'] }, TypeError],
    [{ name: 'a', help, labels: ['__name__'] }, TypeError],
    [{ name: 'a', help, labels: ['x-y'] }, TypeError],
    [{ name: 'a', help, labels: ['x', 'x'] }, TypeError],
    [{ name: 'a', help, labels: [1] }, TypeError],
    [{ name: 'a', help, labels: Array.from({ length: 17 }, (_, i) => `l${i}`) }, TypeError],
    [{ name: 'a', help, labels: ['x'], maxSeries: 0 }, RangeError],
    [{ name: 'a', help, labels: ['x'], maxSeries: 1.5 }, RangeError],
    [{ name: 'a', help, labels: ['x'], maxSeries: 1_000_001 }, RangeError],
    [undefined, TypeError],
  ])('%j is refused', (options, error) => {
    const registry = metricRegistry()
    for (const kind of ['counter', 'gauge', 'histogram'] as const)
      expect(() => registry[kind](options as never)).toThrow(error)
    expect(registry.families.map(({ name }) => name)).toEqual([
      'tenon_metrics_overflow_total',
      'tenon_metrics_rejected_total',
    ])
  })

  it.each([
    ['x', TypeError],
    [[1, 1], RangeError],
    [[2, 1], RangeError],
    [[1, Number.NaN], RangeError],
    [[1, Number.POSITIVE_INFINITY], RangeError],
    [['1'], RangeError],
    [Array.from({ length: 201 }, (_, i) => i), RangeError],
  ])('the buckets %j are refused', (buckets, error) => {
    expect(() => metricRegistry().histogram({ name: 'h', help, buckets: buckets as never })).toThrow(error)
  })

  it('a name that is taken is refused, and so is one that a histogram has on the page', () => {
    const registry = metricRegistry()
    registry.counter({ name: 'c_total', help })
    registry.histogram({ name: 'h', help })
    registry.counter({ name: 'x_count', help })
    expect(() => registry.gauge({ name: 'c_total', help })).toThrow(/there is a counter of that name/)
    expect(() => registry.counter({ name: 'c_total', help: 'Other.' })).toThrow(TypeError)
    expect(() => registry.counter({ name: 'c_total', help, labels: ['a'] })).toThrow(TypeError)
    expect(() => registry.histogram({ name: 'h', help, buckets: [1] })).toThrow(TypeError)
    expect(() => registry.counter({ name: 'h_sum', help })).toThrow(/'h_sum' is a part of h already/)
    expect(() => registry.histogram({ name: 'x', help })).toThrow(/'x_count' is a part of x_count already/)
    expect(() => registry.counter({ name: 'tenon_metrics_overflow_total', help })).toThrow(TypeError)
  })

  it('there may be a thousand instruments', () => {
    const registry = metricRegistry()
    for (let i = 0; i < 1_000; i++) registry.counter({ name: `c${i}_total`, help })
    expect(() => registry.counter({ name: 'one_more_total', help })).toThrow(RangeError)
    expect(registry.counter({ name: 'c0_total', help })).toBeDefined()
  })

  it.each([{ maxSeries: 0 }, { maxSeries: '5' }, { maxSerie: 5 }])('a registry with %j is refused', options => {
    expect(() => metricRegistry(options as never)).toThrow(/metricRegistry: /)
  })
})

describe('observers', () => {
  it('are told of the instruments and series that there are, and of each new one, until they leave', () => {
    const registry = metricRegistry()
    registry.histogram({ name: 'a_seconds', help })
    const labelled = registry.histogram({ name: 'b_seconds', help, labels: ['x'] })
    labelled.with({ x: '1' }).observe(1)
    const told: string[] = []
    const values: string[] = []
    const leave = registry.attach({
      family: ({ name }) => void told.push(name),
      series:
        ({ name }, labels) =>
        value =>
          void values.push(`${name}${JSON.stringify(labels)}=${value}`),
    })
    registry.counter({ name: 'c_total', help })
    labelled.with({ x: '1' }).observe(2)
    labelled.with({ x: '2' }).observe(3)
    registry.histogram({ name: 'a_seconds', help }).observe(4)
    leave()
    leave()
    labelled.with({ x: '1' }).observe(5)
    labelled.with({ x: '3' }).observe(6)
    registry.counter({ name: 'd_total', help })
    expect(told).toEqual([
      'tenon_metrics_overflow_total',
      'tenon_metrics_rejected_total',
      'a_seconds',
      'b_seconds',
      'c_total',
    ])
    expect(values).toEqual(['b_seconds{"x":"1"}=2', 'b_seconds{"x":"2"}=3', 'a_seconds{}=4'])
  })

  it('several see the same values, and one that leaves takes nobody along', () => {
    const registry = metricRegistry()
    const histogram = registry.histogram({ name: 'h', help })
    const seen: string[] = []
    const leave = registry.attach({ series: () => value => void seen.push(`a ${value}`) })
    registry.attach({ series: () => value => void seen.push(`b ${value}`) })
    histogram.observe(1)
    leave()
    histogram.observe(2)
    expect(seen).toEqual(['a 1', 'b 1', 'b 2'])
  })

  it('one that refuses an instrument refuses it for whoever describes it', () => {
    const registry = metricRegistry()
    registry.attach({
      family({ name }) {
        if (name === 'taken_total') throw new TypeError('taken')
      },
    })
    expect(() => registry.counter({ name: 'taken_total', help })).toThrow('taken')
    expect(registry.families.some(({ name }) => name === 'taken_total')).toBe(false)
  })
})
