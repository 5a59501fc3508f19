// A span of OpenTelemetry's SDK around the same call, with the same name and attributes.
import { SpanKind } from '@opentelemetry/api'
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BasicTracerProvider,
  BatchSpanProcessor,
} from '@opentelemetry/sdk-trace-base'
import { call, fromPromise, testContext } from 'tenon'
import { handler } from '../policies/work.mjs'

const method = { service: 'bench.v1.Numbers', name: 'next', idempotency: 'safe' }
const endpoint = fromPromise(handler, method)

const nowhere = {
  export: (_, done) => done({ code: 0 }),
  shutdown: async () => {},
}

export function contender(variant) {
  const sampler = variant.includes('not sampled') ? new AlwaysOffSampler() : new AlwaysOnSampler()
  const provider = new BasicTracerProvider({ sampler, spanProcessors: [new BatchSpanProcessor(nowhere)] })
  const tracer = provider.getTracer('bench')
  const context = testContext()
  const bare = request => call(endpoint, request, { context })
  const options = { kind: SpanKind.INTERNAL } // as ours
  const run = async request => {
    const span = tracer.startSpan('bench.v1.Numbers/next', options)
    span.setAttribute('method', 'bench.v1.Numbers/next')
    const result = await bare(request)
    span.setAttribute('code', result._tag === 'Right' ? 'ok' : result.left.code)
    span.end()
    return result
  }
  return { run, bare: async request => await bare(request), read: result => result.right }
}
