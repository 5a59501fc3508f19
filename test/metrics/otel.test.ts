/** What OpenTelemetry's own SDK collects and exports of a registry. */
import { metrics as api } from '@opentelemetry/api'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  type MetricData,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { call, fromPromise } from '../../src/core/index.js'
import { metricRegistry } from '../../src/metrics/index.js'
import { otel } from '../../src/metrics/otel/index.js'
import { metrics } from '../../src/middleware/index.js'

const help = 'For tests.'
const providers: MeterProvider[] = []

afterEach(async () => {
  for (const provider of providers.splice(0)) await provider.shutdown()
  api.disable()
})

/** An SDK; `exported` gives what its exporter got, by name. */
function sdk() {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 1_000_000 })
  const provider = new MeterProvider({ readers: [reader] })
  providers.push(provider)
  const exported = async (): Promise<Readonly<Record<string, MetricData>>> => {
    exporter.reset()
    await provider.forceFlush()
    const all = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(scope => scope.metrics))
    return Object.fromEntries(all.map(metric => [metric.descriptor.name, metric]))
  }
  return { provider, exported }
}

const pointsOf = (data: MetricData | undefined) =>
  data?.dataPoints.map(({ attributes, value }) => ({ attributes, value }))

describe('the SDK', () => {
  it('exports counters and gauges as they are when it collects, with their labels', async () => {
    const { provider, exported } = sdk()
    api.setGlobalMeterProvider(provider)
    const registry = metricRegistry()
    const orders = registry.counter({ name: 'orders_total', help: 'Orders.', labels: ['country'] })
    otel(registry, api.getMeter('shop'))
    const queue = registry.gauge({ name: 'queue_bytes', help })
    orders.with({ country: 'CH' }).add(2)
    orders.with({ country: 'AT' }).add(1)
    queue.set(-4)
    const { orders: counter, queue_bytes: gauge } = await exported()
    expect(pointsOf(counter)).toEqual([
      { attributes: { country: 'CH' }, value: 2 },
      { attributes: { country: 'AT' }, value: 1 },
    ])
    expect(counter).toMatchObject({
      isMonotonic: true,
      descriptor: { description: 'Orders.', type: 'OBSERVABLE_COUNTER' },
    })
    expect(pointsOf(gauge)).toEqual([{ attributes: {}, value: -4 }])
    expect(gauge?.descriptor.unit).toBe('By')
    orders.with({ country: 'CH' }).add(5)
    expect(pointsOf((await exported())['orders'])?.[0]?.value).toBe(7)
  })

  it('exports histograms with our buckets, each value in its own', async () => {
    const { provider, exported } = sdk()
    const registry = metricRegistry()
    const took = registry.histogram({ name: 'took_seconds', help, labels: ['code'], buckets: [0.1, 1] })
    otel(registry, provider.getMeter('shop'))
    for (const value of [0.05, 0.1, 0.5, 7]) took.with({ code: 'ok' }).observe(value)
    const { took_seconds: histogram } = await exported()
    expect(histogram?.descriptor.unit).toBe('s')
    expect(histogram?.dataPoints).toMatchObject([
      {
        attributes: { code: 'ok' },
        value: { count: 4, sum: 7.65, min: 0.05, max: 7, buckets: { boundaries: [0.1, 1], counts: [2, 1, 1] } },
      },
    ])
  })

  it('exports what the middleware counts', async () => {
    const { provider, exported } = sdk()
    const registry = metricRegistry()
    otel(registry, provider.getMeter('shop'))
    const get = fromPromise(() => 1, { service: 'shop.v1.Orders', name: 'get', idempotency: 'safe' })
    await call(metrics(registry)(get), {})
    const { tenon_server_calls: calls, tenon_server_call_duration_seconds: duration } = await exported()
    expect(pointsOf(calls)).toEqual([
      { attributes: { method: 'shop.v1.Orders/get', transport: 'none', code: 'ok', blame: 'none' }, value: 1 },
    ])
    expect(duration?.dataPoints).toMatchObject([{ value: { count: 1 } }])
  })

  it('exports no more when it is ended', async () => {
    const { provider, exported } = sdk()
    const registry = metricRegistry()
    const orders = registry.counter({ name: 'orders_total', help })
    const took = registry.histogram({ name: 'took_seconds', help })
    const end = otel(registry, provider.getMeter('shop'))
    orders.add()
    took.observe(1)
    expect(pointsOf((await exported())['orders'])).toEqual([{ attributes: {}, value: 1 }])
    end()
    end()
    orders.add()
    took.observe(1)
    registry.counter({ name: 'later_total', help }).add()
    const after = await exported()
    expect(after['later']).toBeUndefined()
    expect(after['took_seconds']?.dataPoints).toMatchObject([{ value: { count: 1 } }])
  })

  it('that is not there costs nothing: the API without one takes everything', () => {
    const registry = metricRegistry()
    const took = registry.histogram({ name: 'took_seconds', help })
    const end = otel(registry, api.getMeter('shop'))
    took.observe(1)
    end()
  })
})

it.each([
  [undefined, {}, /otel: needs a metricRegistry/],
  [metricRegistry(), undefined, /otel: needs a Meter/],
  [metricRegistry(), {}, /otel: needs a Meter/],
])('%s and %s are refused', (registry, meter, message) => {
  expect(() => otel(registry as never, meter as never)).toThrow(message)
})

it('keeps what a meter throws out of the calls', () => {
  const told = vi.spyOn(console, 'error').mockImplementation(() => {})
  const registry = metricRegistry()
  const observable = { addCallback() {}, removeCallback() {} }
  const end = otel(registry, {
    createObservableCounter: () => observable,
    createObservableGauge: () => observable,
    createHistogram: () => ({
      record() {
        throw new Error('the SDK is broken')
      },
    }),
  })
  const duration = registry.histogram({ name: 'took_seconds', help })
  expect(() => duration.observe(1)).not.toThrow()
  expect(String(told.mock.calls[0])).toContain('the SDK is broken')
  expect(registry.families[0]?.read()).toMatchObject([{ count: 1 }])
  end()
  told.mockRestore()
})
