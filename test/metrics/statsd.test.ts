import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { afterEach, describe, expect, it } from 'vitest'
import { manualClock, seededRandom } from '../../src/core/index.js'
import { metricRegistry } from '../../src/metrics/index.js'
import { type StatsdOptions, statsd } from '../../src/metrics/statsd/index.js'

const help = 'For tests.'
const sockets: Socket[] = []

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.close()
})

/** A registry whose metrics go to a socket. `next` gives datagrams until there are so many lines. */
async function sending(options: StatsdOptions = {}) {
  const socket = createSocket('udp4')
  sockets.push(socket)
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const datagrams: string[] = []
  socket.on('message', message => void datagrams.push(message.toString()))
  const registry = metricRegistry()
  const sender = statsd(registry, { clock: manualClock(), port: socket.address().port, ...options })
  const sent = async (): Promise<readonly string[]> => {
    await sender.flush()
    const mark = createSocket('udp4')
    mark.send('mark', socket.address().port, '127.0.0.1')
    while (datagrams.at(-1) !== 'mark') await once(socket, 'message')
    mark.close()
    return datagrams.splice(0).slice(0, -1)
  }
  return { registry, sender, sent }
}

const linesOf = (datagrams: readonly string[]): readonly string[] => datagrams.flatMap(each => each.split('\n'))

describe('to Etsy’s statsd', () => {
  it('go counters as what was added, gauges as they are, and durations in ms', async () => {
    const { registry, sender, sent } = await sending({ prefix: 'shop.eu' })
    const orders = registry.counter({ name: 'orders_total', help, labels: ['method', 'code'] })
    orders.with({ method: 'shop.v1.Orders/place', code: 'ok' }).add(3)
    orders.with({ method: '', code: 'a:b|c@d\ne' }).add(0.5)
    const queue = registry.gauge({ name: 'queue_length', help })
    queue.set(-2)
    registry.histogram({ name: 'took_seconds', help }).observe(0.25)
    const size = registry.histogram({ name: 'size_bytes', help })
    size.observe(10)
    size.observe(20)
    expect(linesOf(await sent())).toEqual([
      'shop.eu.orders_total.shop_v1_Orders_place.ok:3|c',
      'shop.eu.orders_total._.a_b_c_d_e:0.5|c',
      'shop.eu.queue_length:0|g',
      'shop.eu.queue_length:-2|g',
      'shop.eu.took_seconds:250|ms',
      'shop.eu.size_bytes:10|ms',
      'shop.eu.size_bytes:20|ms',
    ])
    queue.set(7)
    expect(linesOf(await sent())).toEqual(['shop.eu.queue_length:7|g'])
    await sender.close()
  })
})

describe('to DogStatsD', () => {
  it('go labels as tags', async () => {
    const { registry, sender, sent } = await sending({ dialect: 'dogstatsd' })
    const orders = registry.counter({ name: 'orders_total', help, labels: ['method', 'code'] })
    orders.with({ method: 'shop.v1.Orders/place', code: 'a,b|c#d\ne f:g ü' }).add()
    orders.with({ method: '', code: '' }).add()
    registry.gauge({ name: 'queue_length', help }).set(-2)
    registry
      .histogram({ name: 'took_seconds', help, labels: ['code'] })
      .with({ code: 'ok' })
      .observe(0.25)
    expect(linesOf(await sent())).toEqual([
      'orders_total:1|c|#method:shop.v1.Orders/place,code:a_b_c_d_e_f:g_ü',
      'orders_total:1|c',
      'queue_length:-2|g',
      'took_seconds:0.25|h|#code:ok',
    ])
    await sender.close()
  })
})

describe('datagrams', () => {
  it('are no larger than they may be, and lose no line', async () => {
    const { registry, sender, sent } = await sending()
    const counter = registry.counter({ name: 'orders_total', help, labels: ['user'] })
    for (let user = 0; user < 500; user++) counter.with({ user: `user-${user}` }).add()
    const datagrams = await sent()
    expect(datagrams.length).toBeGreaterThan(5)
    expect(Math.max(...datagrams.map(each => Buffer.byteLength(each)))).toBeLessThanOrEqual(1_432)
    expect(new Set(linesOf(datagrams)).size).toBe(500)
    await sender.close()
  })

  it('have a fair sample of a histogram with too many values, and say which share it is', async () => {
    const { registry, sender, sent } = await sending({ maxSamples: 100, random: seededRandom(1), dialect: 'dogstatsd' })
    const histogram = registry.histogram({ name: 'size_bytes', help })
    for (let i = 0; i < 10_000; i++) histogram.observe(i)
    const lines = linesOf(await sent())
    expect(lines).toHaveLength(100)
    expect(lines.every(line => line.endsWith('|h|@0.0100000'))).toBe(true)
    const mean = lines.reduce((sum, line) => sum + Number(/:(\d+)/.exec(line)?.[1]), 0) / 100
    expect(mean).toBeGreaterThan(4_000)
    expect(mean).toBeLessThan(6_000)
    await sender.close()
  })

  it('are sent when it is closed, and values are collected no longer', async () => {
    const { registry, sender, sent } = await sending()
    registry.counter({ name: 'orders_total', help }).add()
    await sender.close()
    expect(await sent()).toEqual(['orders_total:1|c'])
    registry.counter({ name: 'orders_total', help }).add()
    expect(await sent()).toEqual([])
  })
})

it('a name that cannot be looked up is told, and no more', async () => {
  const events: string[] = []
  const sender = statsd(metricRegistry(), {
    host: 'nowhere.invalid',
    clock: manualClock(),
    onEvent: ({ type }) => void events.push(type),
  })
  await sender.close()
  expect(events).toEqual([])
  const registry = metricRegistry()
  const another = statsd(registry, { host: 'nowhere.invalid', onEvent: ({ type }) => void events.push(type) })
  registry.counter({ name: 'orders_total', help }).add()
  await another.close()
  expect(events).toEqual(['failed', 'dropped'])
})

it.each([
  [undefined, {}, /needs a metricRegistry/],
  [metricRegistry(), { ports: 1 }, /there is no option 'ports'/],
  [metricRegistry(), { port: 0 }, /port must/],
  [metricRegistry(), { host: '' }, /host must/],
  [metricRegistry(), { dialect: 'datadog' }, /dialect must/],
  [metricRegistry(), { maxDatagramBytes: 70_000 }, /maxDatagramBytes must/],
  [metricRegistry(), { maxSamples: 0 }, /maxSamples must/],
  [metricRegistry(), { prefix: 'a b' }, /prefix must/],
  [metricRegistry(), { intervalMs: 1 }, /intervalMs must/],
])('%s with %j is refused', (registry, options, message) => {
  expect(() => statsd(registry as never, options as never)).toThrow(message)
})
