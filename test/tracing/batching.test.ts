/** The queue before a collector: what is sent when, what is lost, and that nothing of it is unbounded. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type ManualClock, manualClock } from '../../src/core/index.js'
import {
  type BatchingOptions,
  type BatchingReporter,
  batching,
  type Exporter,
  type FinishedSpan,
  memoryReporter,
  tracer,
} from '../../src/tracing/index.js'
import { deep } from '../deep.js'

/** A span as reporters get it, of some size. */
function span(number: number, size = 100): FinishedSpan {
  return { name: String(number), size } as FinishedSpan // what the queue looks at
}

/** An exporter whose requests end when the test says so. */
class Collector implements Exporter {
  readonly name = 'collector'
  readonly batches: number[][] = []
  readonly signals: AbortSignal[] = []
  underWay = 0
  most = 0
  closed = 0
  mode: 'answers' | 'refuses' | 'hangs' | 'ignores' | 'throws' = 'answers'
  end: () => void = () => {}

  export(spans: readonly FinishedSpan[], signal: AbortSignal): Promise<void> {
    if (this.mode === 'throws') throw new Error('thrown')
    this.batches.push(spans.map(({ name }) => Number(name)))
    this.signals.push(signal)
    this.underWay++
    this.most = Math.max(this.most, this.underWay)
    const request = new Promise<void>((resolve, reject) => {
      if (this.mode === 'answers') resolve()
      if (this.mode === 'refuses') reject(new Error('refused'))
      if (this.mode === 'hangs') signal.addEventListener('abort', () => reject(signal.reason), { once: true })
      this.end = resolve
    })
    return request.finally(() => this.underWay--)
  }

  async close(): Promise<void> {
    this.closed++
  }
}

/** One of these. */
interface Step {
  readonly report?: number
  readonly mode?: Collector['mode']
  readonly advance?: number
  readonly end?: boolean
  readonly flush?: boolean
}

interface Set {
  readonly clock: ManualClock
  readonly collector: Collector
  readonly reporter: BatchingReporter
  readonly failures: unknown[]
}

function set(options: BatchingOptions = {}): Set {
  const clock = manualClock()
  const collector = new Collector()
  const failures: unknown[] = []
  const onFailure = (error: unknown): void => void failures.push(error)
  return { clock, collector, failures, reporter: batching(collector, { clock, onFailure, ...options }) }
}

function report(reporter: BatchingReporter, count: number, from = 0): void {
  for (let i = 0; i < count; i++) reporter.report(span(from + i))
}

describe('spans are sent', () => {
  test('a while after the first, together', async () => {
    const { clock, collector, reporter } = set()
    report(reporter, 3)
    expect(clock.pendingTimers).toBe(0) // spans that wait do not keep the process alive
    await clock.advance(999)
    expect(collector.batches).toEqual([])
    await clock.advance(1)
    expect(collector.batches).toEqual([[0, 1, 2]])
    expect(reporter.counts).toEqual({ queued: 0, sending: 0, sent: 3, failed: 0, dropped: 0 })
    expect(clock.pendingTimers).toBe(0)
  })

  test('at once when a batch is full, and batch after batch while there is one', async () => {
    const { clock, collector, reporter } = set({ maxBatch: 2 })
    report(reporter, 5)
    await clock.advance(0)
    expect(collector.batches).toEqual([
      [0, 1],
      [2, 3],
    ])
    await clock.advance(1_000)
    expect(collector.batches[2]).toEqual([4])
  })

  test('when somebody flushes, in order, all that there are', async () => {
    const { collector, reporter, clock } = set({ maxBatch: 2, maxQueue: 10 })
    collector.mode = 'hangs'
    report(reporter, 5)
    collector.mode = 'answers'
    const flushed = reporter.flush()
    collector.end()
    await flushed
    expect(collector.batches).toEqual([[0, 1], [2, 3], [4]])
    expect(clock.pendingTimers).toBe(0)
  })
})

describe('a collector that', () => {
  test('hangs has one request, which is given up after a while; the oldest spans beyond the queue are dropped', async () => {
    const { clock, collector, reporter, failures } = set({ maxBatch: 10, maxQueue: 20, timeoutMs: 500 })
    collector.mode = 'hangs'
    report(reporter, 100)
    expect(collector.underWay).toBe(1)
    expect(clock.pendingTimers).toBe(0) // nor does a request that hangs
    expect(reporter.counts).toEqual({ queued: 20, sending: 10, sent: 0, failed: 0, dropped: 70 })
    await clock.advance(500)
    expect(collector.signals[0]?.aborted).toBe(true)
    expect(failures.map(String)).toEqual(['Error: no answer within 500 ms'])
    collector.mode = 'answers'
    await clock.advance(1_000)
    expect(collector.batches.slice(1)).toEqual([
      [80, 81, 82, 83, 84, 85, 86, 87, 88, 89],
      [90, 91, 92, 93, 94, 95, 96, 97, 98, 99],
    ])
    expect(collector.most).toBe(1)
    expect(clock.pendingTimers).toBe(0)
  })

  test('does not heed the signal gets no second request before the first has ended', async () => {
    const { clock, collector, reporter } = set({ maxBatch: 1, timeoutMs: 100 })
    collector.mode = 'ignores'
    report(reporter, 3)
    await clock.advance(10_000)
    expect(collector.batches).toEqual([[0]])
    await reporter.flush()
    collector.mode = 'answers'
    collector.end()
    await clock.advance(1_000)
    expect(collector.batches).toEqual([[0], [1], [2]])
    expect(reporter.counts).toMatchObject({ sent: 2, failed: 1, queued: 0 })
  })

  test.each(['refuses', 'throws'] as const)(
    '%s is left in peace for a while, and loses what it did not take',
    async mode => {
      const { clock, collector, reporter, failures } = set({ maxBatch: 2 })
      collector.mode = mode
      report(reporter, 6)
      await clock.advance(0)
      expect(reporter.counts).toMatchObject({ failed: 2, queued: 4 })
      await clock.advance(1_000)
      expect(reporter.counts).toMatchObject({ failed: 4, queued: 2 })
      expect(failures).toHaveLength(2)
      collector.mode = 'answers'
      await clock.advance(1_000)
      expect(reporter.counts).toMatchObject({ sent: 2, queued: 0 })
    },
  )
})

test('a span that is larger than the queue may be is dropped itself, and no other for it', () => {
  const { reporter } = set({ maxQueueBytes: 10_000 })
  reporter.report(span(1, 4_000))
  reporter.report(span(2, 4_000))
  reporter.report(span(3, 4_000))
  expect(reporter.counts).toMatchObject({ queued: 2, dropped: 1 })
  reporter.report(span(4, 20_000))
  expect(reporter.counts).toMatchObject({ queued: 2, dropped: 2 })
  reporter.report(span(5))
  expect(reporter.counts).toMatchObject({ queued: 3, dropped: 2 })
})

describe('closing', () => {
  test('sends what there is, closes the exporter once, and drops what comes later', async () => {
    const { clock, collector, reporter } = set()
    report(reporter, 3)
    await Promise.all([reporter.close(), reporter.close()])
    expect(collector.batches).toEqual([[0, 1, 2]])
    report(reporter, 2)
    await reporter.flush()
    expect(collector.closed).toBe(1)
    expect(reporter.counts).toEqual({ queued: 0, sending: 0, sent: 3, failed: 0, dropped: 2 })
    expect(clock.pendingTimers).toBe(0)
  })

  test.each(['hangs', 'ignores'] as const)('takes no longer than it may where a collector %s', async mode => {
    const { clock, collector, reporter } = set({ maxBatch: 2, flushTimeoutMs: 300 })
    collector.mode = mode
    report(reporter, 5)
    let isClosed = false
    void reporter.close().then(() => {
      isClosed = true
    })
    await clock.advance(299)
    expect(isClosed).toBe(false)
    await clock.advance(1)
    expect(isClosed).toBe(true)
    expect(reporter.counts).toMatchObject({ queued: 0, dropped: 3 })
  })

  test('ends at the first request that fails, and says so', async () => {
    const { collector, reporter, failures } = set({ maxBatch: 2 })
    collector.mode = 'refuses'
    report(reporter, 1)
    await reporter.close()
    expect(failures.map(String)).toEqual(['Error: refused'])
    expect(reporter.counts).toMatchObject({ failed: 1, dropped: 0 })
  })

  test('is over in time though the exporter never closes', async () => {
    const { clock, collector, reporter } = set({ flushTimeoutMs: 300 })
    collector.close = () => new Promise(() => {})
    const closed = reporter.close()
    await clock.advance(300)
    await closed
  })
})

test('whatever is reported, sent, refused and hung, each span is counted once and the queue keeps to its bound', async () => {
  const step = fc.oneof<fc.Arbitrary<Step>[]>(
    fc.record({ report: fc.integer({ min: 1, max: 30 }) }),
    fc.record({ mode: fc.constantFrom<Collector['mode'][]>('answers', 'refuses', 'hangs', 'ignores', 'throws') }),
    fc.record({ advance: fc.integer({ min: 0, max: 2_000 }) }),
    fc.constant({ end: true }),
    fc.constant({ flush: true }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30, size: 'max' }), async steps => {
      const { clock, collector, reporter } = set({ maxBatch: 4, maxQueue: 10, timeoutMs: 700 })
      let reported = 0
      for (const each of steps as readonly Step[]) {
        if (each.report !== undefined) {
          report(reporter, each.report, reported)
          reported += each.report
        }
        if (each.mode !== undefined) collector.mode = each.mode
        if (each.advance !== undefined) await clock.advance(each.advance)
        if (each.end !== undefined) collector.end()
        if (each.flush !== undefined) void reporter.flush()
        const { queued, sending, sent, failed, dropped } = reporter.counts
        expect(queued).toBeLessThanOrEqual(10)
        expect(queued + sending + sent + failed + dropped).toBe(reported)
      }
      collector.mode = 'answers'
      const closed = reporter.close()
      collector.end()
      await clock.advance(5_000)
      await closed
      expect(collector.most).toBeLessThanOrEqual(1)
      const seen = collector.batches.flat()
      expect(seen).toEqual([...seen].sort((a, b) => a - b))
      expect(new Set(seen).size).toBe(seen.length)
      const { sent, failed, dropped } = reporter.counts
      expect(sent + failed + dropped).toBe(reported)
    }),
    { numRuns: deep(100, 3_000) },
  )
})

test('a failure is told once in a row on stderr where nobody asks to be told', async ({ onTestFinished }) => {
  const said: unknown[][] = []
  const { error } = console
  console.error = (...words: unknown[]) => void said.push(words)
  onTestFinished(() => {
    console.error = error
  })
  const clock = manualClock()
  const collector = new Collector()
  const reporter = batching(collector, { clock })
  for (const mode of ['refuses', 'refuses', 'answers', 'refuses'] as const) {
    collector.mode = mode
    report(reporter, 1)
    await clock.advance(1_000)
  }
  expect(said.map(([text]) => String(text).split('\n')[0])).toEqual([
    'tenon: collector does not take spans (1 are lost so far): Error: refused',
    'tenon: collector does not take spans (3 are lost so far): Error: refused',
  ])
})

test('what a collector says shows no secret on stderr, and makes no line of its own', async ({ onTestFinished }) => {
  const said: string[] = []
  const { error } = console
  console.error = (...words: unknown[]) => void said.push(words.map(String).join(' '))
  onTestFinished(() => {
    console.error = error
  })
  const clock = manualClock()
  const answer = Object.assign(new Error('403: token=s3cret\nlevel=info \u001b[2J'), { request: { token: 's3cret' } })
  const reporter = batching({ name: 'collector', export: () => Promise.reject(answer) }, { clock })
  report(reporter, 1)
  await clock.advance(1_000)
  expect(said).toHaveLength(1)
  expect(said[0]).toContain('403: token=[redacted]\n    level=info \\u001b[2J')
  expect(said[0]).not.toContain('s3cret')
})

test('reports for one tracer only: spans of two processes would have one name', () => {
  const { reporter } = set()
  tracer({ service: 'a', reporters: [reporter] })
  expect(() => tracer({ service: 'b', reporters: [reporter] })).toThrow('collector: reports for one tracer already')
})

test.each([
  { options: { maxQueue: 0 }, wrong: 'maxQueue' },
  { options: { maxQueue: 1.5 }, wrong: 'maxQueue' },
  { options: { maxQueueBytes: 5 }, wrong: 'maxQueueBytes' },
  { options: { maxBatch: 11, maxQueue: 10 }, wrong: 'maxBatch' },
  { options: { intervalMs: 0 }, wrong: 'intervalMs' },
  { options: { timeoutMs: Number.NaN }, wrong: 'timeoutMs' },
  { options: { flushTimeoutMs: 0 }, wrong: 'flushTimeoutMs' },
])('options out of range are refused by name: $options', ({ options, wrong }) => {
  expect(() => batching(new Collector(), options)).toThrow(new RegExp(`^batching: ${wrong} must be `))
  expect(() => batching(memoryReporter() as never)).toThrow('batching: needs an exporter')
})
