// Tenon's metrics: of the middleware, and of a series by itself.
import { call, failed, fromPromise, testContext } from 'tenon'
import { metricRegistry } from 'tenon/metrics'
import { metrics } from 'tenon/middleware'
import { handler } from '../policies/work.mjs'

const method = { service: 'bench.v1.Numbers', name: 'next', idempotency: 'safe' }
const refusal = failed('not_found', 'NO_SUCH_NUMBER', 'there is no such number')

export function contender(variant) {
  const registry = metricRegistry()
  if (variant.startsWith('a histogram')) return histogram(registry, variant === 'a histogram, looked up')
  const fails = variant === 'a failure of the caller'
  const endpoint = fromPromise(fails ? async () => refusal : handler, method)
  const counted = metrics(registry)(endpoint)
  const context = testContext()
  const read = (result, request) => (fails ? request.n + 1 : result.right)
  return {
    run: request => call(counted, request, { context }),
    bare: request => call(endpoint, request, { context }),
    read,
  }
}

function histogram(registry, isLookedUp) {
  const took = registry.histogram({ name: 'took_seconds', help: 'Measured.', labels: ['method', 'code'] })
  const labels = { method: 'bench.v1.Numbers/next', code: 'ok' }
  const series = took.with(labels)
  const observe = isLookedUp ? value => took.with(labels).observe(value) : value => series.observe(value)
  return {
    async run(request) {
      const result = await handler(request)
      observe(request.n / 100_000)
      return result
    },
    async bare(request) {
      const result = await handler(request)
      return result
    },
  }
}
