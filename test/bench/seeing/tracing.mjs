// Tenon's spans, around a call of its own and around one that was received with a trace.
import { call, fromPromise, testContext } from 'tenon'
import { incoming } from 'tenon/core'
import { tracing } from 'tenon/middleware'
import { batching, never, parentBased, tracer } from 'tenon/tracing'
import { handler } from '../policies/work.mjs'

const method = { service: 'bench.v1.Numbers', name: 'next', idempotency: 'safe' }
const endpoint = fromPromise(handler, method)
const metadata = sampled =>
  new Map([['traceparent', `00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0${sampled ? 1 : 0}`]])
const read = result => result.right

export function contender(variant) {
  const sampled = !variant.includes('not sampled')
  const reporter = batching({ name: 'nowhere', export: async () => {} })
  const sampling = sampled ? {} : { sampler: parentBased(never) }
  const traces = tracer({ service: 'bench', reporters: [reporter], formats: ['w3c'], ...sampling })
  const traced = tracing(traces)(endpoint)
  if (!variant.includes('joined')) {
    const context = testContext()
    return {
      run: request => call(traced, request, { context }),
      bare: request => call(endpoint, request, { context }),
      read,
    }
  }
  const came = { deadlineMs: 30_000, transport: 'http', metadata: metadata(sampled) }
  const served = wrapped => request => incoming(came).run(wrapped, request)
  return { run: served(traced), bare: served(endpoint), read }
}
