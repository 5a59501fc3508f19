import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import * as client from 'prom-client'
import { afterEach, describe, expect, it } from 'vitest'
import { manualClock } from '../../src/core/index.js'
import { metricRegistry } from '../../src/metrics/index.js'
import { type PrometheusOptions, type PrometheusPage, prometheus } from '../../src/metrics/prometheus/index.js'

const help = 'For tests.'
const closers: (() => void)[] = []

afterEach(() => {
  for (const close of closers.splice(0)) close()
})

function page(options: PrometheusOptions = {}) {
  const register = new client.Registry()
  const registry = metricRegistry()
  return { registry, register, metrics: prometheus(registry, { register, ...options }) }
}

/** Without the lines of the two counters that every registry has. */
async function body(metrics: PrometheusPage, format: 'text' | 'openmetrics' = 'text'): Promise<string> {
  const lines = (await metrics.page(format)).body.split('\n')
  return lines.filter(line => line !== '' && !line.includes('tenon_metrics_')).join('\n')
}

async function listening(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  closers.push(() => server.close().closeAllConnections())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

describe('the page', () => {
  it('has our instruments as Prometheus writes them', async () => {
    const { registry, metrics } = page()
    const calls = registry.counter({ name: 'calls_total', help: 'Calls,\nby \\ method.', labels: ['method', 'code'] })
    calls.with({ method: 'a"b\\c\nd', code: 'ok' }).add(2)
    registry.gauge({ name: 'temperature', help }).set(-1.5)
    const histogram = registry.histogram({ name: 'took_seconds', help, labels: ['method'], buckets: [0.5, 1] })
    for (const value of [0.25, 0.5, 0.75, 8]) histogram.with({ method: 'get' }).observe(value)
    registry.histogram({ name: 'size_bytes', help, buckets: [] }).observe(7)
    expect(await body(metrics)).toBe(
      [
        '# HELP calls_total Calls,\\nby \\\\ method.',
        '# TYPE calls_total counter',
        'calls_total{method="a\\"b\\\\c\\nd",code="ok"} 2',
        '# HELP temperature For tests.',
        '# TYPE temperature gauge',
        'temperature -1.5',
        '# HELP took_seconds For tests.',
        '# TYPE took_seconds histogram',
        'took_seconds_bucket{method="get",le="0.5"} 2',
        'took_seconds_bucket{method="get",le="1"} 3',
        'took_seconds_bucket{method="get",le="+Inf"} 4',
        'took_seconds_sum{method="get"} 9.5',
        'took_seconds_count{method="get"} 4',
        '# HELP size_bytes For tests.',
        '# TYPE size_bytes summary',
        'size_bytes_sum 7',
        'size_bytes_count 1',
      ].join('\n'),
    )
  })

  it('has what the program counts with prom-client itself, with its default labels', async () => {
    const { registry, register, metrics } = page()
    register.setDefaultLabels({ app: 'shop' })
    new client.Counter({ name: 'theirs_total', help, registers: [register] }).inc(3)
    registry.counter({ name: 'ours_total', help }).add(4)
    const text = await body(metrics)
    expect(text).toContain('theirs_total{app="shop"} 3')
    expect(text).toContain('ours_total{app="shop"} 4')
    expect(await register.metrics()).toContain('ours_total{app="shop"} 4')
  })

  it('is in OpenMetrics, too, and a page of the one leaves those of the other as they were', async () => {
    const { registry, register, metrics } = page()
    new client.Counter({ name: 'theirs_total', help, registers: [register] }).inc(3)
    new client.Histogram({ name: 'theirs_seconds', help, labelNames: ['a'], buckets: [1], registers: [register] })
      .labels({ a: 'b' })
      .observe(0.5)
    registry.counter({ name: 'ours_total', help }).add(4)
    registry.counter({ name: 'named_otherwise', help }).add(5)
    const text = await body(metrics)
    const open = await body(metrics, 'openmetrics')
    expect(open).toMatch(/# EOF$/)
    for (const line of [
      '# TYPE theirs counter',
      'theirs_total 3',
      '# TYPE ours counter',
      'ours_total 4',
      'named_otherwise_total 5',
      'theirs_seconds_bucket{le="1",a="b"} 1',
    ])
      expect(open.split('\n')).toContain(line)
    expect(await body(metrics)).toBe(text)
    expect(text.split('\n')).toEqual(
      expect.arrayContaining(['# TYPE theirs_total counter', 'theirs_total 3', 'named_otherwise 5']),
    )
  })

  it('has instruments that are described later', async () => {
    const { registry, metrics } = page()
    await metrics.page()
    registry.counter({ name: 'later_total', help }).add()
    expect(await body(metrics)).toContain('later_total 1')
  })

  it('has ours no more when it is closed', async () => {
    const { registry, register, metrics } = page()
    new client.Counter({ name: 'theirs_total', help, registers: [register] }).inc(3)
    registry.counter({ name: 'ours_total', help }).add()
    metrics.close()
    metrics.close()
    registry.counter({ name: 'later_total', help }).add()
    expect(register.getMetricsAsArray().map(({ name }) => name)).toEqual(['theirs_total'])
    prometheus(registry, { register }).close()
  })

  it("keeps what we have counted when prom-client's registry is reset", async () => {
    const { registry, register, metrics } = page()
    registry.counter({ name: 'ours_total', help }).add()
    register.resetMetrics()
    expect(await body(metrics)).toContain('ours_total 1')
  })
})

describe('a name that prom-client has already', () => {
  it('is refused at construction, and nothing of ours is left', () => {
    const register = new client.Registry()
    new client.Counter({ name: 'taken_total', help, registers: [register] })
    const registry = metricRegistry()
    registry.counter({ name: 'first_total', help })
    registry.counter({ name: 'taken_total', help })
    expect(() => prometheus(registry, { register })).toThrow(/prom-client has a metric taken_total already/)
    expect(register.getMetricsAsArray().map(({ name }) => name)).toEqual(['taken_total'])
  })

  it('is refused for an instrument that comes later', () => {
    const { registry, register } = page()
    new client.Gauge({ name: 'taken', help, registers: [register] })
    expect(() => registry.gauge({ name: 'taken', help })).toThrow(TypeError)
  })

  it.each([[undefined], [{}], [null]])('and so is a registry that is %s', given => {
    expect(() => prometheus(given as never)).toThrow(/needs a metricRegistry/)
  })

  it('and so is an option that is none', () => {
    expect(() => prometheus(metricRegistry(), { registry: 1 } as never)).toThrow(/there is no option 'registry'/)
  })
})

describe('a reader', () => {
  const openMetrics = 'application/openmetrics-text; version=1.0.0; charset=utf-8'
  const text = 'text/plain; version=0.0.4; charset=utf-8'

  it.each([
    [
      'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
      openMetrics,
    ],
    ['application/openmetrics-text', openMetrics],
    ['Application/OpenMetrics-Text; Version=1.0.0', openMetrics],
    ['application/openmetrics-text;q=0.4,text/plain;q=0.5', text],
    ['application/openmetrics-text;q=0', text],
    ['application/openmetrics-text;q=7', text],
    ['application/openmetrics-text;version=0.0.1', text],
    ['text/html,application/xhtml+xml,*/*;q=0.8', text],
    ['*/*', text],
    ['', text],
    [undefined, text],
  ])('that accepts %s gets %s', async (accept, contentType) => {
    const { registry, metrics } = page()
    registry.counter({ name: 'ours_total', help })
    const address = await listening(metrics)
    const response = await fetch(address, { headers: accept === undefined ? {} : { accept } })
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe(contentType)
    expect(response.headers.get('vary')).toBe('accept')
    expect(await response.text()).toContain('ours_total 0')
  })

  it('gets text whatever it accepts where OpenMetrics is off', async () => {
    const { metrics } = page({ openMetrics: false })
    const response = await fetch(await listening(metrics), { headers: { accept: 'application/openmetrics-text' } })
    expect(response.headers.get('content-type')).toBe(text)
  })

  it('gets the length alone with HEAD, and 405 with anything else', async () => {
    const { metrics } = page()
    const address = await listening(metrics)
    const head = await fetch(address, { method: 'HEAD' })
    expect(Number(head.headers.get('content-length'))).toBe((await (await fetch(address)).text()).length)
    const post = await fetch(address, { method: 'POST', body: 'x' })
    expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
  })

  it("gets 500 where somebody's metric throws, and the next one a page", async () => {
    const defects: unknown[] = []
    const { register, metrics } = page({ onDefect: thrown => void defects.push(thrown) })
    let isBroken = true
    new client.Gauge({
      name: 'theirs',
      help,
      registers: [register],
      collect() {
        if (isBroken) throw new Error('secret')
      },
    })
    const address = await listening(metrics)
    const failed = await fetch(address)
    expect([failed.status, await failed.text()]).toEqual([500, 'the metrics cannot be read\n'])
    expect(defects).toMatchObject([{ message: 'secret' }])
    isBroken = false
    expect((await fetch(address)).status).toBe(200)
  })

  it('gets 500 after 10 s where a metric never ends, and the next one is not kept by it', async () => {
    const clock = manualClock()
    const { register, metrics } = page({ clock, onDefect: () => {} })
    let hangs = true
    let asked = 0
    new client.Gauge({
      name: 'theirs',
      help,
      registers: [register],
      collect: () => {
        asked++
        return (hangs ? new Promise<void>(() => {}) : undefined) as undefined // what its types leave out
      },
    })
    const waiting = [metrics.page(), metrics.page()].map(each => expect(each).rejects.toThrow(/10 s/))
    await clock.advance(10_000)
    await Promise.all(waiting)
    expect(asked).toBe(1)
    hangs = false
    expect((await metrics.page()).body).toContain('theirs 0')
    expect(asked).toBe(2)
  })
})
