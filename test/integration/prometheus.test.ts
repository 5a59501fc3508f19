/**
 * A real Prometheus reads a running service: what it answers is what was counted, promtool finds nothing to mend, and each expression of
 * the dashboard and of the alerts gives data. In a process of its own: prom-client goes on measuring it.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as prom from 'prom-client'
import { type ClientBinding, call, connect, contract, failed, implement, method } from 'tenon'
import { type Running, serve } from 'tenon/lifecycle'
import { metricRegistry } from 'tenon/metrics'
import { type PrometheusPage, prometheus } from 'tenon/metrics/prometheus'
import { countEvents, metrics, resilientClient } from 'tenon/middleware'
import * as http from 'tenon/transport/http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { root } from '../repo/sources.js'
import { type PrometheusServer, startPrometheus } from './prometheus.js'

const programs = ['/usr/bin/prometheus', '/usr/bin/promtool']
const isMissing = process.env['TENON_REQUIRE_SERVERS'] !== '1' && !programs.every(existsSync)
const needPrometheus = (skip: (reason: string) => void): void => {
  if (isMissing) skip(`there is no ${programs.join(' or ')}`)
}

const Stock = contract('shop.v1.Stock', {
  get: method({
    request: z.object({ sku: z.string() }),
    response: z.object({ left: z.number() }),
    idempotency: 'safe',
  }),
})

const registry = metricRegistry({ maxSeries: 50 })
const register = new prom.Registry()
const accepted = new Set<string>()
let page: PrometheusPage
let running: Running | undefined
let server: PrometheusServer | undefined
let load: ReturnType<typeof setInterval> | undefined
let client: ClientBinding | undefined

/** What our own registry says of the calls that went well. */
function countOf(): number {
  const family = registry.families.find(({ name }) => name === 'tenon_server_calls_total')
  const reading = family?.read().find(({ labels }) => labels['code'] === 'ok')
  return reading !== undefined && 'value' in reading ? reading.value : Number.NaN
}

const answered = (): PrometheusServer => server ?? expect.fail('Prometheus did not start')

beforeAll(async () => {
  if (isMissing) return
  prom.collectDefaultMetrics({ register })
  new prom.Gauge({ name: 'their_own', help: 'Set by the program itself.', registers: [register] }).set(7)
  page = prometheus(registry, { register })
  const seen: http.Listener = (request, response) => {
    accepted.add(request.headers.accept ?? '')
    page(request, response)
  }
  const service = implement(Stock)
    .use(metrics(registry))
    .handlers({
      get({ sku }) {
        if (sku === 'broken') return failed('internal', 'BROKEN', 'broken')
        return sku === '' ? failed('invalid_argument', 'NO_SKU', 'no sku') : { left: 7 }
      },
    })
  running = await serve([service], [http.server({ port: 0, mount: { '/metrics': seen } })], { signals: false })
  const [address = ''] = running.addresses
  client = http.client(address)
  const toStock = resilientClient({ name: 'stock', onEvent: countEvents(registry) })
  const get = metrics(registry)(toStock(connect(Stock, client).get))
  const strange = registry.counter({
    name: 'strange_total',
    help: 'With too many labels.',
    labels: ['user'],
    maxSeries: 1,
  })
  for (const user of ['a', 'b', 'c']) strange.with({ user }).add()
  strange.with({ user: 'a' }).add(Number.NaN)
  for (let i = 0; i < 5; i++) await call(get, { sku: 'tea' })
  toStock.breaker?.force('open')
  toStock.breaker?.force(undefined)
  server = await startPrometheus(Number(new URL(address).port))
  load = setInterval(() => {
    for (const sku of ['tea', 'tea', '', 'broken']) void call(get, { sku })
    toStock.breaker?.force('open')
    toStock.breaker?.force(undefined)
  }, 50)
}, 60_000)

afterAll(async () => {
  clearInterval(load)
  await server?.stop()
  await client?.close()
  await running?.close()
})

describe('a Prometheus', () => {
  it('answers what was counted, ours and theirs, and reads OpenMetrics', async ({ skip }) => {
    needPrometheus(skip)
    expect(await answered().queryUntil('their_own')).toMatchObject([{ value: 7, labels: { job: 'test' } }])
    const overflowed = await answered().queryUntil('strange_total')
    expect(overflowed.map(({ labels, value }) => [labels['user'], value])).toEqual([
      ['(overflow)', 2],
      ['a', 1],
    ])
    const ok = 'tenon_server_calls_total{method="shop.v1.Stock/get", transport="http", code="ok", blame="none"}'
    const [first] = await answered().queryUntil(ok)
    expect(first?.value).toBeGreaterThanOrEqual(5)
    expect(countOf()).toBeGreaterThanOrEqual(first?.value ?? Number.NaN)
    expect([...accepted].some(accept => accept.includes('application/openmetrics-text'))).toBe(true)
    expect(await answered().query('up{job="test"}')).toMatchObject([{ value: 1 }])
  })

  it('finds nothing to mend on our page', async ({ skip }) => {
    needPrometheus(skip)
    const { body } = await prometheus(registry, { register: new prom.Registry() }).page()
    const checked = spawnSync('promtool', ['check', 'metrics'], { input: body, encoding: 'utf8' })
    expect(checked).toMatchObject({ status: 0, stderr: '', stdout: '' })
    expect(body).toContain('tenon_server_call_duration_seconds_bucket')
  })
})

interface Dashboard {
  readonly panels: readonly { readonly title: string; readonly targets: readonly { readonly expr: string }[] }[]
}

describe('the dashboard', () => {
  const dashboard: Dashboard = JSON.parse(readFileSync(join(root, 'docs/grafana-dashboard.json'), 'utf8'))
  const panels = dashboard.panels.map(({ title, targets }) => [title, targets.map(({ expr }) => expr)] as const)

  it('has panels', () => {
    expect(panels.length).toBeGreaterThan(10)
    expect(panels.every(([, expressions]) => expressions.length > 0)).toBe(true)
  })

  it.for(panels)('shows %s', async ([, expressions], { skip }) => {
    needPrometheus(skip)
    for (const expression of expressions) {
      const written = expression.replaceAll('$__rate_interval', '5s').replaceAll('$job', '.*')
      expect(written).not.toContain('$')
      const samples = await answered().queryUntil(
        written,
        all => all.length > 0 && all.every(({ value }) => !Number.isNaN(value)),
      )
      expect(samples.length).toBeGreaterThan(0)
    }
  })
})

describe('the alerts', () => {
  const rules = readFileSync(join(root, 'docs/alerts.rules.yml'), 'utf8')

  it('go off when they should, and not when they should not', ({ skip }) => {
    needPrometheus(skip)
    const folder = mkdtempSync(join(tmpdir(), 'tenon-alerts-'))
    try {
      const tests = readFileSync(join(root, 'test/integration/fixtures/alerts.test.yml'), 'utf8')
      writeFileSync(join(folder, 'rules.yml'), rules)
      writeFileSync(join(folder, 'test.yml'), tests.replace('RULES', 'rules.yml'))
      const run = spawnSync('promtool', ['test', 'rules', 'test.yml'], { cwd: folder, encoding: 'utf8' })
      expect(run.stdout + run.stderr).toContain('SUCCESS')
      expect(run.status).toBe(0)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it('read metrics that a service has', async ({ skip }) => {
    needPrometheus(skip)
    const names = new Set(rules.match(/\btenon_\w+/g))
    expect(names.size).toBeGreaterThan(4)
    for (const name of names) await answered().queryUntil(name)
  })
})
