// What joins the work of several services into one trace: the headers of each format arrive, once, whatever the transport calls them.
import { connect, contract, implement, method, stream } from '../../contract/index.js'
import { callOrThrow, failed } from '../../core/index.js'
import { tracing } from '../../middleware/tracing.js'
import { type FinishedSpan, type FormatName, memoryReporter, type SpanAttributes, tracer } from '../../tracing/index.js'
import * as assert from '../assert.js'
import { text } from '../field.js'
import { message } from '../message.js'
import { type TransportCase, type Trial, transportCase } from '../trial.js'

const Name = message({ name: text() })
const get = { request: Name, response: Name, idempotency: 'safe' } as const
const service = 'tenon.conformance.v1.Traced'
const Traced = contract(service, { get: method(get), watch: method({ ...get, response: stream(Name) }) })
const Front = contract('tenon.conformance.v1.TracedFront', { get: method(get) })

const request = { name: 'x' }
const reason = 'CONFORMANCE'
const formats: readonly FormatName[] = ['w3c', 'b3', 'b3multi', 'sw8']

export const traceCases: readonly TransportCase[] = [
  ...formats.map(format =>
    transportCase(`traces: a call joins the trace of its caller over two hops, by ${format}`, async trial => {
      const { reporter, tracing: use, get } = await traced(trial, [format])
      const front = implement(Front)
        .use(use)
        .handlers({ get: (given, context) => callOrThrow(get, given, { context }) })
      const client = use(connect(Front, await trial.serve(front)).get)
      await trial.response(client, request)
      const [last, second, first, root] = reporter.spans
      assert.deepEqual(
        [root, first, second, last].map(span => span?.kind),
        ['client', 'server', 'client', 'server'],
      )
      for (const [span, parent] of [
        [first, root],
        [second, first],
        [last, second],
      ]) {
        assert.equal(span?.context.traceId, root?.context.traceId)
        if (format === 'sw8') assert.deepEqual(placeOf(span?.parent), placeOf(parent?.context))
        else assert.equal(span?.parent?.spanId, parent?.context.spanId)
      }
    }),
  ),
  transportCase('traces: a span on either side says how a call ended, and by which transport it went', async trial => {
    const { reporter, get, transport } = await traced(trial, ['w3c'])
    await trial.response(get, request)
    await trial.failure(get, { name: 'refused' })
    const of = (code: string, more: object): object => ({ method: `${service}/get`, transport, code, ...more })
    const refused = { reason, blame: 'caller' }
    // What is a transport's own has its name in front: `http.status_code`.
    const common = (attributes: SpanAttributes): object =>
      Object.fromEntries(Object.entries(attributes).filter(([name]) => !name.startsWith(`${transport}.`)))
    assert.deepEqual(
      reporter.spans.map(({ kind, attributes }) => [kind, common(attributes)]),
      [
        ['server', of('ok', {})],
        ['client', of('ok', {})],
        ['server', of('permission_denied', refused)],
        ['client', of('permission_denied', refused)],
      ],
    )
  }),
  transportCase('traces: a stream is one span on either side, with a message for each item', async trial => {
    const { reporter, watch } = await traced(trial, ['w3c'])
    assert.deepEqual(await trial.items(await trial.response(watch, request)), [request, request])
    const seen = reporter.spans.map(({ kind, events }) => [kind, events.map(({ attributes }) => attributes['type'])])
    assert.deepEqual(
      seen.sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
      [
        ['client', ['received', 'received']],
        ['server', ['sent', 'sent']],
      ],
    )
  }),
  transportCase('traces: calls at the same time keep to their own', async trial => {
    const { reporter, get } = await traced(trial, ['w3c'])
    await Promise.all(Array.from({ length: 50 }, () => trial.response(get, request)))
    const of = (kind: string): FinishedSpan[] => reporter.spans.filter(span => span.kind === kind)
    const made = new Map(of('client').map(({ context }) => [context.traceId, context.spanId]))
    assert.equal(made.size, 50)
    assert.equal(of('server').length, 50)
    for (const { context, parent } of of('server')) assert.equal(made.get(context.traceId), parent?.spanId)
  }),
]

/** SkyWalking's ids are not W3C's: what is the same on both sides is the place in a segment. */
function placeOf(context: FinishedSpan['context'] | undefined): unknown {
  const { traceId, segmentId, spanId } = context?.skywalking ?? {}
  return { traceId, segmentId, spanId }
}

async function traced(trial: Trial, formats: readonly FormatName[]) {
  const reporter = memoryReporter()
  const use = tracing(tracer({ service: 'conformance', reporters: [reporter], formats }))
  const served = implement(Traced)
    .use(use)
    .handlers({
      get: given => (given.name === 'refused' ? failed('permission_denied', reason, 'no') : given),
      async *watch(given) {
        yield given
        yield given
      },
    })
  const binding = await trial.serve(served)
  const { get, watch } = connect(Traced, binding)
  return { reporter, tracing: use, get: use(get), watch: use(watch), transport: binding.name }
}
