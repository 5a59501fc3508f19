/** Spans from their start to the record that reporters get: ids, bounds, times, decisions, and that nothing a caller says breaks them. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { manualClock, type SpanValue, seededRandom, systemClock } from '../../src/core/index.js'
import {
  always,
  type FinishedSpan,
  memoryReporter,
  never,
  type Propagator,
  parentBased,
  type Reporter,
  rateLimited,
  ratio,
  type Sampler,
  type TraceContext,
  type TracerOptions,
  tracer,
} from '../../src/tracing/index.js'
import { deep } from '../deep.js'

function set(options: Partial<TracerOptions> = {}) {
  const reporter = memoryReporter()
  return { reporter, traces: tracer({ service: 'shop', reporters: [reporter], ...options }) }
}

const remote: TraceContext = {
  traceId: 'a'.repeat(32),
  spanId: 'b'.repeat(16),
  sampled: true,
  traceState: 'vendor=1',
  remote: true,
}

describe('ids', () => {
  test('come from the injected random', () => {
    const idsOf = (seed: number): string[] => {
      const { traces } = set({ random: seededRandom(seed) })
      return [1, 2].flatMap(() => {
        const { traceId, spanId } = traces.start('work')
        return [traceId, spanId]
      })
    }
    expect(idsOf(1)).toEqual(idsOf(1))
    expect(new Set([...idsOf(1), ...idsOf(2)]).size).toBe(8)
  })

  test('are hex, of their length, and never all 0', () => {
    for (const random of [{ next: () => 0 }, { next: () => 1 - 2 ** -53 }, undefined]) {
      const { traces } = set(random === undefined ? {} : { random })
      for (const sampler of [always, never]) {
        const { traceId, spanId } = tracer({ service: 'shop', sampler, ...(random && { random }) }).start('work')
        expect(traceId).toMatch(/^(?!0{32})[0-9a-f]{32}$/)
        expect(spanId).toMatch(/^(?!0{16})[0-9a-f]{16}$/)
      }
      expect(traces.start('work').headers.get('traceparent')).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-03$/)
    }
  })

  test('are never drawn twice', () => {
    const { traces } = set()
    const seen = new Set<string>()
    const count = deep(5_000, 500_000)
    for (let i = 0; i < count; i++) {
      const { traceId, spanId } = traces.start('work')
      seen.add(traceId).add(spanId)
    }
    expect(seen.size).toBe(2 * count)
  })

  test('of a span that is not recorded are the ones it has said once', () => {
    const span = set({ sampler: never }).traces.start('work')
    expect([span.traceId, span.spanId]).toEqual([span.traceId, span.spanId])
    expect(span.headers.get('traceparent')).toBe(`00-${span.traceId}-${span.spanId}-02`)
  })
})

describe('the record of a span', () => {
  test('has what was written to it, on the time of day', async () => {
    const clock = manualClock({ startWallTime: 1_700_000_000_000 })
    const { traces, reporter } = set({ clock })
    const span = traces.start('work', { kind: 'consumer', parent: remote, peer: 'broker:4222', attributes: { a: 1 } })
    await clock.advance(2.5)
    span.set('b', 'two')
    span.set('a', true)
    span.event('looked', { shelf: 7 })
    span.link({ traceId: 'c'.repeat(32), spanId: 'd'.repeat(16) }, { message: 1 })
    span.rename('better')
    span.fail({ message: 'broken' })
    await clock.advance(1.5)
    span.end()
    expect(view(reporter.spans[0])).toEqual({
      context: { traceId: 'a'.repeat(32), spanId: span.spanId, sampled: true },
      parent: remote,
      shared: false,
      kind: 'consumer',
      name: 'better',
      startedAt: 1_700_000_000_000,
      durationMs: 4,
      attributes: { a: true, b: 'two' },
      events: [{ name: 'looked', at: 1_700_000_000_002.5, attributes: { shelf: 7 } }],
      links: [
        {
          context: { traceId: 'c'.repeat(32), spanId: 'd'.repeat(16), sampled: undefined },
          attributes: { message: 1 },
        },
      ],
      error: 'broken',
      peer: 'broker:4222',
      dropped: { attributes: 0, events: 0, links: 0 },
    })
  })

  test('does not change once it has ended, and is given once', () => {
    const { traces, reporter } = set()
    const span = traces.start('work')
    span.end()
    const before = view(reporter.spans[0])
    span.set('late', 1)
    span.event('late')
    span.link(remote)
    span.fail({ message: 'late' })
    span.rename('late')
    span.setPeer('late')
    span.end()
    expect(view(reporter.spans[0])).toEqual(before)
    expect(reporter.spans).toHaveLength(1)
    expect(span.isRecording).toBe(false)
    expect(span.sampled).toBe(true)
  })

  test('never has a duration below 0, whatever the clock or the caller says', () => {
    const { traces, reporter } = set()
    traces.start('work', { at: 100 }).end(50)
    expect(reporter.spans[0]?.durationMs).toBe(0)
  })

  test('is bounded, whatever is written', () => {
    const { traces, reporter } = set({ limits: { maxAttributes: 3, maxEvents: 2, maxLinks: 1, maxValueLength: 16 } })
    const span = traces.start('n'.repeat(1_000))
    for (let i = 0; i < 100; i++) {
      span.set(`name ${i}${'x'.repeat(1_000)}`, 'v'.repeat(1_000))
      span.event('e'.repeat(1_000), { a: 1, b: 2, c: 3, d: 4 })
      span.link(remote)
    }
    span.fail({ message: 'm'.repeat(1_000) })
    span.end()
    const [record] = reporter.spans
    expect(record?.dropped).toEqual({ attributes: 97, events: 98, links: 99 })
    expect(record?.name).toHaveLength(128)
    expect(Object.keys(record?.events[0]?.attributes ?? {})).toEqual(['a', 'b', 'c'])
    expect(Object.values(record?.attributes ?? {})).toEqual(Array(3).fill(`${'v'.repeat(15)}…`))
    expect(JSON.stringify(view(record)).length).toBeLessThan(1_500)
    expect(record?.size).toBeGreaterThan(600)
  })

  test('takes no more memory in the books for being written again and again', () => {
    const { traces, reporter } = set()
    const [once, often] = [traces.start('work'), traces.start('work')]
    for (let i = 0; i < 10_000; i++) {
      often.set('step', 'one of many')
      often.fail({ message: 'not yet' })
    }
    for (const span of [once, often]) {
      span.set('step', 'last')
      span.fail({ message: 'ended' })
      span.end()
    }
    expect(reporter.spans[1]?.size).toBe(reporter.spans[0]?.size)
  })

  test('takes no value that is none', () => {
    const { traces, reporter } = set()
    const span = traces.start('work')
    for (const value of [undefined, null, {}, [], () => 1, Symbol('s'), 7n])
      span.set('odd', value as unknown as SpanValue)
    span.set('number', Number.NaN)
    span.set('__proto__', 'not the prototype')
    span.end()
    expect(reporter.spans[0]?.attributes['number']).toBe('NaN')
    expect(reporter.spans[0]?.attributes['odd']).toBeUndefined()
    expect(Object.getPrototypeOf(reporter.spans[0]?.attributes)).toBe(Object.prototype)
  })

  test('of a chain of calls without end does not keep all of them', () => {
    const { traces } = set({ reporters: [] })
    let span = traces.start('first')
    const gone: WeakRef<object>[] = []
    for (let i = 0; i < 3; i++) {
      gone.push(new WeakRef(span))
      span = traces.start('next', { parent: span.context })
    }
    expect(Object.values(span).includes(gone[0]?.deref())).toBe(false)
    expect(span.context.parentSpanId).toBe((gone[2]?.deref() as { spanId?: string } | undefined)?.spanId)
  })
})

/** A record as plain data. */
function view(span: FinishedSpan | undefined) {
  if (span === undefined) return undefined
  const { context, parent, shared, kind, name, startedAt, durationMs } = span
  const { attributes, events, links, error, peer, dropped } = span
  const { traceId, spanId, sampled } = context
  const own = { traceId, spanId, sampled }
  return {
    context: own,
    parent,
    shared,
    kind,
    name,
    startedAt,
    durationMs,
    attributes,
    events,
    links,
    error,
    peer,
    dropped,
  }
}

describe('spans of one trace in one process', () => {
  test('are numbered from its first, as SkyWalking does in a segment', () => {
    const { traces, reporter } = set({ instance: 'shop-1' })
    const root = traces.start('serve', { kind: 'server', parent: remote })
    const child = traces.start('call', { kind: 'client', parent: root.context, peer: 'stock:80' })
    const grandchild = traces.start('work', { parent: child.context })
    for (const span of [grandchild, child, root]) span.end()
    const [last, second, first] = reporter.spans
    const segmentId = `${'a'.repeat(32)}${root.spanId}`
    const place = { traceId: 'a'.repeat(32), segmentId, service: 'shop', instance: 'shop-1', endpoint: 'serve' }
    expect(first?.context.skywalking).toEqual({ ...place, spanId: 0, address: '' })
    expect(second?.context.skywalking).toEqual({ ...place, spanId: 1, address: 'stock:80' })
    expect(second?.parent?.skywalking).toMatchObject({ segmentId, spanId: 0 })
    expect(last?.parent?.skywalking).toMatchObject({ segmentId, spanId: 1 })
    expect(last?.parent?.spanId).toBe(child.spanId)
  })

  test('keep the trace state, and the order of their times', async () => {
    const { traces, reporter } = set()
    const root = traces.start('serve', { parent: remote })
    const child = traces.start('call', { parent: root.context })
    child.end()
    root.end()
    expect(child.headers.get('tracestate')).toBe('vendor=1')
    const [inner, outer] = reporter.spans
    expect(inner?.startedAt).toBeGreaterThanOrEqual(outer?.startedAt ?? 0)
    expect(Math.abs((outer?.startedAt ?? 0) - systemClock.wallTime())).toBeLessThan(1_000)
  })
})

describe('a sampler', () => {
  const recordedOf = (sampler: Sampler, parents: readonly (TraceContext | undefined)[]): number => {
    const { traces, reporter } = set({ sampler, random: seededRandom(3) })
    for (const parent of parents) traces.start('work', { parent }).end()
    return reporter.spans.length
  }
  const roots = (count: number): undefined[] => Array.from({ length: count }, () => undefined)

  test.each([0, 0.01, 0.25, 1])('of a ratio of %d records about that share of the traces', share => {
    const count = deep(4_000, 100_000)
    const expected = count * share
    const slack = 4 * Math.sqrt(count * share * (1 - share))
    expect(Math.abs(recordedOf(ratio(share), roots(count)) - expected)).toBeLessThanOrEqual(slack)
  })

  test('of a ratio decides by the trace alone, so that all who use it record the same traces', () => {
    const traceIds = fc.stringMatching(/^[0-9a-f]{32}$/)
    fc.assert(
      fc.property(traceIds, fc.double({ min: 0, max: 1, noNaN: true }), (traceId, share) => {
        const parent = { traceId, spanId: 'b'.repeat(16), remote: true }
        const isRecorded = recordedOf(ratio(share), [parent]) === 1
        expect(recordedOf(ratio(share), [{ ...parent, spanId: 'c'.repeat(16) }]) === 1).toBe(isRecorded)
        if (isRecorded) expect(recordedOf(ratio(Math.min(1, share * 1.5)), [parent])).toBe(1)
        const random = Number.parseInt(traceId.slice(18), 16) / 2 ** 56
        expect(isRecorded).toBe(share === 1 || (share > 0 && random >= 1 - share))
      }),
      { numRuns: deep(200, 10_000) },
    )
  })

  test('that keeps to the parent decides only where none did', () => {
    const sampled = { ...remote, sampled: true }
    const unsampled = { ...remote, sampled: false }
    const open = { ...remote, sampled: undefined }
    expect(recordedOf(parentBased(never), [sampled, unsampled, open, undefined])).toBe(1)
    expect(recordedOf(parentBased(always), [sampled, unsampled, open, undefined])).toBe(3)
    expect(recordedOf(always, [unsampled])).toBe(1)
    expect(recordedOf(never, [sampled, { ...unsampled, debug: true }])).toBe(1)
  })

  test('of a rate records so many per second, evenly', async () => {
    const clock = manualClock()
    const { traces, reporter } = set({ sampler: rateLimited(10, { clock }), clock })
    for (let ms = 0; ms < 10_000; ms++) {
      traces.start('work').end()
      await clock.advance(1)
    }
    expect(reporter.spans.length).toBeGreaterThanOrEqual(100)
    expect(reporter.spans.length).toBeLessThanOrEqual(110)
    const last = reporter.spans.filter(span => span.startedAt >= clock.wallTime() - 1_000)
    expect(last.length).toBeLessThanOrEqual(11)
  })

  test('of a rate below one a second still records one', async () => {
    const clock = manualClock()
    const { traces, reporter } = set({ sampler: rateLimited(0.5, { clock, of: always }), clock })
    for (let i = 0; i < 8; i++) {
      traces.start('work').end()
      await clock.advance(500)
    }
    expect(reporter.spans).toHaveLength(2)
  })

  test('that throws records nothing and is reported', () => {
    const defects: unknown[] = []
    const sampler: Sampler = {
      name: 'bad',
      shouldSample() {
        throw new Error('bad sampler')
      },
    }
    const { traces, reporter } = set({ sampler, onDefect: thrown => void defects.push(String(thrown)) })
    traces.start('work').end()
    expect(reporter.spans).toEqual([])
    expect(defects).toEqual(['Error: bad sampler'])
  })

  test.each([
    { make: () => ratio(1.5), wrong: 'ratio: must be in [0, 1], got 1.5' },
    { make: () => ratio(Number.NaN), wrong: 'ratio: must be in [0, 1], got NaN' },
    { make: () => rateLimited(0), wrong: 'rateLimited: must be more than 0 and finite, got 0' },
  ])('that makes no sense is refused: $wrong', ({ make, wrong }) => {
    expect(make).toThrow(new RangeError(wrong))
  })

  test.each([
    { sampler: ratio(0.5), name: 'ratio(0.5)' },
    { sampler: parentBased(rateLimited(5)), name: 'parentBased(rateLimited(5, always))' },
  ])('is called $name', ({ sampler, name }) => {
    expect(sampler.name).toBe(name)
  })
})

describe('what others give', () => {
  test('that throws is reported, and costs neither the call nor the other reporters', async () => {
    const defects: unknown[] = []
    const fail = (): never => {
      throw new Error('bad')
    }
    const bad: Reporter = { report: fail, flush: async () => fail(), close: fail }
    const format: Propagator = { name: 'bad', fields: ['bad'], extract: fail, inject: () => ({}) }
    const reporter = memoryReporter()
    const traces = tracer({
      service: 'shop',
      reporters: [bad, reporter],
      formats: [format],
      onDefect: thrown => void defects.push(thrown),
    })
    traces.start('work').end()
    expect(traces.extract(new Map([['bad', '1']]))).toBeUndefined()
    await traces.flush()
    await traces.close()
    expect(reporter.spans).toHaveLength(1)
    expect(defects).toHaveLength(4)
  })

  test('in headers is joined whole or not at all', () => {
    const { traces } = set()
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom('traceparent', 'tracestate', 'b3'), fc.string()), headers => {
        const found = traces.extract(new Map(Object.entries(headers)))
        const span = traces.start('work', { parent: found })
        expect(span.traceId).toMatch(/^[0-9a-f]{32}$/)
        expect(span.headers.get('traceparent')).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-0[0-3]$/)
      }),
      { numRuns: deep(200, 10_000) },
    )
  })
})

test.each([
  { options: { service: '' }, wrong: 'tracer: service must name this service' },
  { options: { reporters: [{}] }, wrong: 'tracer: reporters must be reporters' },
  { options: { sampler: {} }, wrong: 'tracer: sampler must be a sampler' },
  { options: { formats: ['w4c'] }, wrong: "propagation: there is no format 'w4c'" },
  {
    options: { limits: { maxAttributes: 0 } },
    wrong: 'tracer: maxAttributes must be an integer from 1 to 1000, got 0',
  },
])('a tracer that makes no sense is refused: $wrong', ({ options, wrong }) => {
  expect(() => tracer({ service: 'shop', ...options } as never)).toThrow(wrong)
})

test('a tracer closes its reporters with await using', async () => {
  const closed: string[] = []
  const reporter: Reporter = {
    report: () => {},
    flush: async () => {},
    close: async () => void closed.push('closed'),
  }
  await tracer({ service: 'shop', reporters: [reporter] })[Symbol.asyncDispose]()
  expect(closed).toEqual(['closed'])
})
