/** The part of a trace that one process has: when it is whole, and what becomes of work that begins after that. */
import { type FinishedSpan, memoryReporter, type Reporter, tracer } from 'tenon/tracing'
import { expect, test } from 'vitest'

test('the last span of a part says that it is the last', () => {
  const pending: [string, number][] = []
  const reporter: Reporter = {
    report: span => void pending.push([span.name, span.pending]),
    flush: async () => {},
    close: async () => {},
  }
  const traces = tracer({ service: 'shop', reporters: [reporter] })
  const root = traces.start('root')
  const first = traces.start('first', { parent: root })
  const second = traces.start('second', { parent: first })
  first.end()
  root.end()
  second.end()
  second.end()
  expect(pending).toEqual([
    ['first', 2],
    ['root', 1],
    ['second', 0],
  ])
})

test('what begins in a part that is over begins another, of the same trace', () => {
  const reporter = memoryReporter()
  const traces = tracer({ service: 'shop', reporters: [reporter] })
  const parent = traces.extract(new Map([['b3', '80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-d']]))
  const root = traces.start('root', { kind: 'server', parent })
  root.end()
  const late = traces.start('late', { parent: root })
  const inside = traces.start('inside', { parent: late })
  inside.end()
  late.end()
  const [first, second, third] = reporter.spans as readonly [FinishedSpan, FinishedSpan, FinishedSpan]
  expect([first.name, second.name, third.name]).toEqual(['root', 'inside', 'late'])
  expect(third.parent).toMatchObject({ spanId: root.spanId, skywalking: first.context.skywalking })
  expect(third.parent?.remote).not.toBe(true)
  for (const { context } of [second, third]) {
    expect(context).toMatchObject({ traceId: root.traceId, sampled: true, debug: true })
    expect(context.skywalking?.segmentId).toBe(root.traceId + late.spanId)
    expect(context.skywalking?.segmentId).not.toBe(first.context.skywalking?.segmentId)
  }
  expect([third.context.skywalking?.spanId, second.context.skywalking?.spanId]).toEqual([0, 1])
  expect(second.parent?.spanId).toBe(late.spanId)
})
