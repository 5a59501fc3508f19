/** What is sent to Etsy's statsd, to a server that reads DogStatsD, to Graphite and InfluxDB is there as it was counted, and a server that was killed gets what waited. */
import { existsSync } from 'node:fs'
import { type MetricRegistry, metricRegistry } from 'tenon/metrics'
import { graphite } from 'tenon/metrics/graphite'
import { influx } from 'tenon/metrics/influx'
import { statsd } from 'tenon/metrics/statsd'
import { describe, expect, it } from 'vitest'
import {
  keptByCarbon,
  type MetricServer,
  needStatsdExporter,
  queryInflux,
  startCarbon,
  startInflux,
  startStatsd,
  startStatsdExporter,
} from './metric-servers.js'

const help = 'For tests.'
const required = process.env['TENON_REQUIRE_SERVERS'] === '1'

function need(skip: (reason: string) => void, ...programs: readonly string[]): void {
  const missing = programs.find(program => !existsSync(program))
  if (missing !== undefined && !required) skip(`there is no ${missing}`)
}

async function withServer<S extends MetricServer>(
  start: () => Promise<S>,
  use: (server: S) => Promise<void>,
): Promise<void> {
  const server = await start()
  try {
    await use(server)
  } finally {
    await server.stop()
  }
}

async function until<T>(read: () => T | Promise<T>, isEnough: (value: T) => boolean): Promise<T> {
  let value = await read()
  for (let waitedMs = 0; waitedMs < 20_000 && !isEnough(value); waitedMs += 50) {
    await new Promise(resolve => setTimeout(resolve, 50))
    value = await read()
  }
  if (!isEnough(value)) throw new Error(`it stayed ${JSON.stringify(value)}`)
  return value
}

/** Sends nothing between the times that a test says, however long it takes. */
const whenAsked = { intervalMs: 3_600_000 }

/** Some of each kind. */
function counted(): MetricRegistry {
  const registry = metricRegistry()
  const orders = registry.counter({ name: 'orders_total', help, labels: ['method', 'code'] })
  orders.with({ method: 'shop.v1.Orders/place', code: 'ok' }).add(3)
  orders.with({ method: 'all of it: , = ; | @ # " \\ \n\t ü 😀', code: 'ends in \\' }).add(4)
  registry.gauge({ name: 'balance', help }).set(-2.5)
  return registry
}

describe('Etsy’s statsd', () => {
  it('has what was counted, and all values of a histogram', async () => {
    await withServer(startStatsd, async server => {
      const registry = counted()
      const { port } = server
      const sender = statsd(registry, { ...whenAsked, port, prefix: 'shop', maxSamples: 10 })
      const took = registry.histogram({ name: 'took_seconds', help })
      for (const seconds of [0.25, 0.5]) took.observe(seconds)
      const many = registry.histogram({ name: 'size_bytes', help })
      for (let i = 0; i < 40; i++) many.observe(7)
      await sender.close()
      const output = await until(server.output, text => text.includes('shop.size_bytes'))
      const flushed = output.slice(output.lastIndexOf('Flushing', output.indexOf('shop.size_bytes')))
      expect(flushed).toMatch(/'shop\.orders_total\.shop_v1_Orders_place\.ok': 3,/)
      expect(flushed).toMatch(/'shop\.orders_total\.all_of_it[\w]+\.ends_in__': 4\b/)
      expect(flushed).toMatch(/'shop\.balance': -2\.5/)
      expect(flushed).toMatch(/'shop\.took_seconds': \[ 250, 500 \]/)
      expect(flushed).toMatch(/'statsd\.bad_lines_seen': 0/)
      expect(flushed).toMatch(/'shop\.size_bytes': \{[^}]*\bcount: 40,/)
    })
  })
})

describe('a server that reads DogStatsD', () => {
  it('has what was counted, with its labels as tags, and histograms that were sampled at their true count', async ({
    skip,
  }) => {
    needStatsdExporter(skip)
    await withServer(startStatsdExporter, async ({ port, page }) => {
      const registry = counted()
      const sender = statsd(registry, { ...whenAsked, port, prefix: 'shop', maxSamples: 10, dialect: 'dogstatsd' })
      const took = registry.histogram({ name: 'took_seconds', help, labels: ['method'] })
      for (const seconds of [0.25, 0.5]) took.with({ method: 'shop.v1.Orders/place' }).observe(seconds)
      const many = registry.histogram({ name: 'size_bytes', help })
      for (let i = 0; i < 40; i++) many.observe(7)
      await sender.close()
      const text = await until(page, text => text.includes('shop_size_bytes_count 40'))
      const value = (series: string): string | undefined =>
        text
          .split('\n')
          .find(line => line.startsWith(`${series} `))
          ?.slice(series.length + 1)
      expect(value('shop_orders_total{code="ok",method="shop.v1.Orders/place"}')).toBe('3')
      const odd = 'all_of_it:___=_;___@___\\"_\\\\____ü_😀' // as Prometheus writes it: with \ before " and \
      expect(value(`shop_orders_total{code="ends_in_\\\\",method="${odd}"}`)).toBe('4')
      expect(value('shop_balance')).toBe('-2.5')
      expect(value('shop_took_seconds_count{method="shop.v1.Orders/place"}')).toBe('2')
      expect(value('shop_took_seconds_sum{method="shop.v1.Orders/place"}')).toBe('0.75')
      expect(value('shop_size_bytes_sum')).toBe('280')
      expect(value('statsd_exporter_tag_errors_total')).toBe('0')
      expect(text).not.toMatch(/^statsd_exporter_sample_errors_total\S* [1-9]/m)
    })
  })
})

describe('Graphite', () => {
  it('keeps what was counted, and what waited while it was gone', async ({ skip }) => {
    need(skip, '/usr/bin/carbon-cache', '/usr/bin/whisper-fetch')
    await withServer(startCarbon, async server => {
      const registry = counted()
      const events: string[] = []
      const sender = graphite(registry, {
        ...whenAsked,
        port: server.port,
        prefix: 'shop',
        onEvent: ({ type }) => void events.push(type),
      })
      const took = registry.histogram({ name: 'took_seconds', help, buckets: [0.1, 0.2] })
      for (const seconds of [0.05, 0.15, 0.15, 9]) took.observe(seconds)
      await sender.flush()
      const kept = (metric: string) =>
        until(
          () => keptByCarbon(server, metric),
          numbers => numbers.length > 0,
        )
      expect(await kept('shop.orders_total.shop_v1_Orders_place.ok')).toEqual([3])
      expect(await kept('shop.balance')).toEqual([-2.5])
      expect(await kept('shop.took_seconds.count')).toEqual([4])
      expect(await kept('shop.took_seconds.sum')).toEqual([9.35])
      expect(await kept('shop.took_seconds.p50')).toEqual([0.15])
      expect(await kept('shop.took_seconds.p99')).toEqual([0.2])
      await server.kill()
      registry.counter({ name: 'late_total', help }).add(8)
      for (let i = 0; i < 3 && !events.includes('failed'); i++) await sender.flush() // a write may still go into a connection that is gone
      expect(events).toEqual(['failed'])
      await server.again()
      await until(
        () => sender.flush().then(() => events),
        seen => seen.includes('recovered'), // its own pace decides which of them connects again
      )
      expect(events).toEqual(['failed', 'recovered'])
      expect((await kept('shop.late_total')).at(-1)).toBe(8)
      await sender.close()
      expect(sender.droppedBytes).toBe(0)
    })
  }, 120_000)
})

describe('InfluxDB', () => {
  it('has what was counted, letter by letter, and what waited while it was gone', async ({ skip }) => {
    need(skip, '/usr/bin/influxd')
    await withServer(startInflux, async server => {
      const registry = counted()
      const events: string[] = []
      const url = `http://127.0.0.1:${server.port}/write?db=shop`
      const sender = influx(registry, { ...whenAsked, url, onEvent: ({ type }) => void events.push(type) })
      const took = registry.histogram({ name: 'took_seconds', help, buckets: [0.1, 0.2], labels: ['code'] })
      for (const seconds of [0.05, 0.15, 0.15, 9]) took.with({ code: 'ok' }).observe(seconds)
      took.with({ code: '' }).observe(1)
      await sender.flush()
      expect(events).toEqual([])
      expect(await queryInflux(server, 'SELECT value FROM orders_total GROUP BY method, code')).toMatchObject([
        { method: 'all of it: , = ; | @ # " \\ __ ü 😀', code: 'ends in _', value: 4 },
        { method: 'shop.v1.Orders/place', code: 'ok', value: 3 },
      ])
      expect(await queryInflux(server, 'SELECT value FROM balance')).toMatchObject([{ value: -2.5 }])
      expect(await queryInflux(server, 'SELECT * FROM took_seconds GROUP BY code')).toMatchObject([
        { code: '', count: 1, sum: 1, p50: 0.2 },
        { code: 'ok', count: 4, sum: 9.35, p50: expect.closeTo(0.15), p99: 0.2 },
      ])
      await server.kill()
      registry.counter({ name: 'late_total', help }).add(8)
      await sender.flush()
      expect(events).toEqual(['failed'])
      await server.again()
      await sender.close()
      expect(events).toEqual(['failed', 'recovered'])
      expect(await queryInflux(server, 'SELECT count(value) FROM late_total')).toMatchObject([{ count: 2 }])
      expect(sender.droppedBytes).toBe(0)
    })
  }, 120_000)

  it('that knows no such database loses the lines, and it is told', async ({ skip }) => {
    need(skip, '/usr/bin/influxd')
    await withServer(startInflux, async server => {
      const errors: unknown[] = []
      const url = `http://127.0.0.1:${server.port}/write?db=none`
      const sender = influx(counted(), { ...whenAsked, url, onEvent: event => void errors.push(event) })
      await sender.close()
      expect(errors).toMatchObject([{ type: 'dropped', error: { message: expect.stringContaining('404') } }])
      expect(sender.droppedBytes).toBeGreaterThan(50)
    })
  })
})
