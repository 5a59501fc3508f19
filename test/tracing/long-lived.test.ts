/** A great many calls, all of them traced: none sees the trace of another, and nothing is left behind. */
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { type Client, connect, contract, implement, method } from '../../src/contract/index.js'
import { call, callOrThrow, fromPromise, type Random, seededRandom } from '../../src/core/index.js'
import { tracing } from '../../src/middleware/index.js'
import { batching, type Exporter, type FinishedSpan, type Reporter, tracer } from '../../src/tracing/index.js'
import * as memory from '../../src/transport/memory/index.js'
import { deep } from '../deep.js'
import { heapMiB } from '../heap.js'

const Message = z.object({ id: z.string() })
const unary = { request: Message, response: Message, idempotency: 'safe' } as const
const Back = contract('test.v1.Back', { get: method(unary) })
const Front = contract('test.v1.Front', { get: method(unary) })

/** Anything from going on at once to waiting for the event loop. */
async function dawdle(random: Random): Promise<void> {
  const draw = random.next()
  if (draw < 0.4) return
  if (draw < 0.9) for (let i = 0; i < draw * 10; i++) await Promise.resolve()
  else await new Promise(setImmediate)
}

/** Keeps of each span where it belongs. */
function checking(): Reporter & { readonly wrong: string[]; spans: number } {
  const open = new Map<string, string[]>()
  const checker = {
    wrong: [] as string[],
    spans: 0,
    report({ context, attributes }: FinishedSpan) {
      checker.spans++
      const call = String(attributes['call'])
      const seen = open.get(context.traceId) ?? []
      seen.push(call)
      if (new Set(seen).size > 1) checker.wrong.push(`${context.traceId} is of ${seen}`)
      if (seen.length === 4)
        // two calls, each with a span on either side
        open.delete(context.traceId)
      else open.set(context.traceId, seen)
    },
    flush: async () => {
      if (open.size > 0) checker.wrong.push(`${open.size} traces are not whole`)
    },
    close: async () => {},
  }
  return checker
}

test('calls that overlap never see the trace of another', { timeout: deep(30_000, 900_000) }, async () => {
  const random = seededRandom(11)
  const reporter = checking()
  const traces = tracer({ service: 'test', reporters: [reporter], formats: ['w3c'] })
  const use = tracing(traces)
  const mark = (
    context: { readonly span?: { set(name: string, value: string): void } | undefined },
    id: string,
  ): void => context.span?.set('call', id)
  const seen = new Set<string>()
  const back = implement(Back)
    .use(use)
    .handlers({
      async get({ id }, context) {
        mark(context, id)
        await dawdle(random)
        return { id: `${id} ${context.span?.traceId}` }
      },
    })
  const inner = connect(Back, memory.client(back))
  const get = use(markedBy(inner.get))
  const front = implement(Front)
    .use(use)
    .handlers({
      async get({ id }, context) {
        mark(context, id)
        await dawdle(random)
        const { id: answer } = await callOrThrow(get, { id }, { context })
        await dawdle(random)
        return { id: `${answer} ${context.span?.traceId}` }
      },
    })
  const client = use(markedBy(connect(Front, memory.client(front)).get))
  const [total, atOnce] = [deep(1_000, 1_000_000), 500]
  let wrong = 0
  for (let at = 0; at < total; at += atOnce) {
    const ids = Array.from({ length: atOnce }, (_, i) => String(at + i))
    const answers = await Promise.all(ids.map(id => callOrThrow(client, { id })))
    for (const [i, { id: answer }] of answers.entries()) {
      const [id, backTrace, frontTrace] = answer.split(' ')
      if (id !== ids[i] || backTrace !== frontTrace || seen.has(backTrace ?? '')) wrong++
    }
    seen.clear()
    for (const { id } of answers) seen.add(id.split(' ')[1] ?? '')
    if (seen.size !== atOnce) wrong++
  }
  await traces.flush()
  expect({ wrong, of: reporter.wrong.slice(0, 3), spans: reporter.spans }).toEqual({
    wrong: 0,
    of: [],
    spans: total * 4,
  })
})

/** The client's endpoint, whose span is told which call it is of. */
function markedBy(get: Client<typeof Back.methods>['get']): typeof get {
  return request => context => {
    context.span?.set('call', request.id)
    return get(request)(context)
  }
}

const answers: Exporter = { name: 'answers', export: async () => {} }
const hangs: Exporter = { name: 'hangs', export: () => new Promise(() => {}) }

/** Makes traced calls, one after the other with a breath now and then; how much the heap has grown since the first tenth of them. */
async function grownMiB(exporter: Exporter, total: number, options = {}) {
  const reporter = batching(exporter, { onFailure: () => {}, ...options })
  const use = tracing(tracer({ service: 'test', reporters: [reporter] }))
  const info = { service: 'test.v1.Front', name: 'get', idempotency: 'safe' } as const
  const inner = use(fromPromise(async (n: number) => n + 1, info))
  const outer = use(fromPromise((n: number, context) => call(inner, n, { context }), info))
  const run = async (count: number): Promise<void> => {
    for (let n = 0; n < count; n++) {
      await call(outer, n)
      if (n % 100 === 0) await new Promise(setImmediate)
    }
  }
  await run(total / 10)
  const before = await heapMiB()
  await run(total)
  const grown = (await heapMiB()) - before
  const { counts } = reporter
  void reporter.close()
  return { grown, counts }
}

describe('memory with everything recorded', () => {
  test('is flat', { timeout: deep(30_000, 900_000) }, async () => {
    const total = deep(4_000, 1_000_000)
    const { grown, counts } = await grownMiB(answers, total)
    expect(counts.dropped + counts.failed).toBe(0)
    expect(counts.sent + counts.queued + counts.sending).toBe(2 * 1.1 * total)
    expect(grown).toBeLessThan(5)
  })

  test('keeps to its bound where the collector hangs', { timeout: deep(30_000, 900_000) }, async () => {
    const total = deep(4_000, 1_000_000)
    const { grown, counts } = await grownMiB(hangs, total, { maxQueueBytes: 2 ** 20, timeoutMs: 50 })
    expect(counts.queued).toBeLessThan(2 ** 20 / 600)
    expect(grown).toBeLessThan(5)
  })

  test('is about what the spans say of themselves', async () => {
    const queue: FinishedSpan[] = []
    const keep: Reporter = { report: span => void queue.push(span), flush: async () => {}, close: async () => {} }
    const traces = tracer({ service: 'test', reporters: [keep] })
    const before = await heapMiB()
    for (let i = 0; i < 5_000; i++) {
      const span = traces.start('work')
      for (let k = 0; k < 8; k++) span.set(`name ${k}`, `${i}${k}`.padStart(300, 'x'))
      for (let k = 0; k < 8; k++) span.event('event', { text: `${i}${k}`.padStart(100, 'x') })
      span.end()
    }
    const used = (await heapMiB()) - before
    const said = queue.reduce((sum, { size }) => sum + size, 0) / 2 ** 20
    expect(said / used).toBeGreaterThan(0.6)
    expect(said / used).toBeLessThan(1.7)
  })
})
