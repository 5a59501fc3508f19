// instrumenting.go: a service around a service, that counts. Names and labels are Go kit's, its slip included: the latency is called one
// in microseconds, and is in seconds. Labels are in the order of the alphabet, since Go writes them so.
import type { MetricProvider } from 'tenon/metrics'
import type { StringService } from './service.js'

export function instrumenting(metrics: MetricProvider, next: StringService): StringService {
  const labels = ['error', 'method'] as const
  const requestCount = metrics.counter({
    name: 'my_group_string_service_request_count',
    help: 'Number of requests received.',
    labels,
  })
  // Without buckets, a histogram is what Prometheus calls a summary.
  const requestLatency = metrics.histogram({
    name: 'my_group_string_service_request_latency_microseconds',
    help: 'Total duration of requests in microseconds.',
    labels,
    buckets: [],
  })
  const countResult = metrics.histogram({
    name: 'my_group_string_service_count_result',
    help: 'The result of each count method.',
    buckets: [],
  })
  const record = (method: string, error: boolean, begin: number): void => {
    const of = { method, error: String(error) }
    requestCount.with(of).add()
    requestLatency.with(of).observe((performance.now() - begin) / 1_000)
  }
  return {
    uppercase(s) {
      const begin = performance.now()
      const uppercased = next.uppercase(s)
      record('uppercase', uppercased.err !== undefined, begin)
      return uppercased
    },
    count(s) {
      const begin = performance.now()
      const n = next.count(s)
      record('count', false, begin)
      countResult.observe(n)
      return n
    },
  }
}
