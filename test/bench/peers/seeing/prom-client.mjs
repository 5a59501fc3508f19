// prom-client, as its documentation uses it: the calls that record what `metrics` records. Nothing of a middleware around a call is
// measured. Its own histograms of the same buckets.
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { handler } from '../../policies/work.mjs'

const registers = [new Registry()]
const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
const [method, transport] = ['bench.v1.Numbers/next', 'none']

export function contender(variant) {
  const isBound = variant.endsWith('bound')
  const record = variant.includes('histogram') ? histogram(isBound) : calls()
  return {
    async run(request) {
      const end = record(request)
      const result = await handler(request)
      end()
      return result
    },
    async bare(request) {
      const result = await handler(request)
      return result
    },
  }
}

function calls() {
  const labelNames = ['method', 'transport']
  const inFlight = new Gauge({ name: 'calls_in_flight', help: 'Measured.', labelNames, registers })
  const total = new Counter({
    name: 'calls_total',
    help: 'Measured.',
    labelNames: [...labelNames, 'code', 'blame'],
    registers,
  })
  const took = new Histogram({
    name: 'took_seconds',
    help: 'Measured.',
    labelNames: [...labelNames, 'code'],
    buckets,
    registers,
  })
  return () => {
    inFlight.inc({ method, transport })
    const startedAt = performance.now()
    return () => {
      inFlight.dec({ method, transport })
      total.inc({ method, transport, code: 'ok', blame: 'none' })
      took.observe({ method, transport, code: 'ok' }, (performance.now() - startedAt) / 1_000)
    }
  }
}

function histogram(isBound) {
  const took = new Histogram({
    name: 'h_seconds',
    help: 'Measured.',
    labelNames: ['method', 'code'],
    buckets,
    registers,
  })
  const bound = took.labels({ method, code: 'ok' })
  return ({ n }) =>
    isBound ? () => bound.observe(n / 100_000) : () => took.observe({ method, code: 'ok' }, n / 100_000)
}
