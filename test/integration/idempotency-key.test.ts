/**
 * One key, two processes and a real Redis: one runs and both have its answer, and when it is killed in the middle the other one runs. When
 * Redis is, no call hangs.
 */
import { Redis } from 'ioredis'
import { call, manualClock, mockEndpoint, testContext } from 'tenon'
import { idempotencyKey } from 'tenon/middleware'
import { redisStore } from 'tenon/store/redis'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { type Program, startBundled } from '../examples/program.js'
import { needRedis, startRedis } from './redis.js'

async function opened() {
  const server = await startRedis()
  onTestFinished(() => server.stop())
  const redis = new Redis(server.port, '127.0.0.1')
  onTestFinished(() => redis.disconnect())
  const order = (name: string, workMs: number): Program => {
    const program = startBundled('test/integration/fixtures/ordering.ts', [String(server.port), name, String(workMs)])
    onTestFinished(async () => void (await program.stop('SIGKILL')))
    return program
  }
  return { order, runs: () => redis.lrange('runs', 0, -1) }
}

const told = async (program: Program) => JSON.parse((await program.waitFor(/^told (.*)$/m))[1] ?? '')

describe('one key in two processes', () => {
  beforeEach(({ skip }) => needRedis(skip))

  test('one of them runs, longer than its lease, and both have its answer', { timeout: 60_000 }, async () => {
    const { order, runs } = await opened()
    const first = order('first', 6_000)
    await first.waitFor(/^running$/m)
    const second = order('second', 0)
    expect([await told(first), await told(second)]).toEqual([{ by: 'first' }, { by: 'first' }])
    expect(await runs()).toEqual(['first'])
  })

  test('when the one that runs is killed, the key is free again and the other one runs', {
    timeout: 60_000,
  }, async () => {
    const { order, runs } = await opened()
    const first = order('first', 60_000)
    await first.waitFor(/^running$/m)
    await first.stop('SIGKILL')
    const second = order('second', 0)
    expect(await told(second)).toEqual({ by: 'second' })
    expect(await told(order('third', 0))).toEqual({ by: 'second' })
    expect(await runs()).toEqual(['first', 'second'])
  })
})

describe('a Redis that goes away while a call runs', () => {
  beforeEach(({ skip }) => needRedis(skip))

  test.each(['SIGKILL', 'SIGSTOP'] as const)(
    '%s: its caller has the answer, no call hangs, and the others have it when Redis is back',
    { timeout: 60_000 },
    async signal => {
      const server = await startRedis()
      onTestFinished(() => server.stop())
      const redis = new Redis(server.port, '127.0.0.1', { retryStrategy: () => 50 })
      redis.on('error', () => {}) // it tries again
      onTestFinished(() => redis.disconnect())
      await redis.ping()
      const clock = manualClock() // of the lease; that of Redis is its own
      const store = redisStore(redis, { timeoutMs: 1_000, pauseMs: 100 })
      const once = idempotencyKey({ key: () => 'order-1', principal: 'none', store })
      const mock = mockEndpoint<object, unknown>({ service: 'shop.v1.Orders', name: 'place', idempotency: 'unsafe' })
      const place = once(mock.endpoint)
      const order = () => call(place, { sku: 'tea' }, { context: testContext({ clock }), deadlineMs: 1e9 })
      const first = order()
      const { respond } = await mock.next()
      await server.signal(signal)
      expect(await order()).toMatchObject({ left: { reason: 'STORE_UNAVAILABLE', ran: 'no' } })
      respond({ by: 'first' })
      expect(await first).toEqual({ _tag: 'Right', right: { by: 'first' } })

      if (signal === 'SIGKILL') await server.start()
      else await server.signal('SIGCONT')
      const isThere = async () =>
        store.get('anything').then(
          () => true,
          () => false,
        )
      await expect.poll(isThere, { timeout: 20_000 }).toBe(true)
      await clock.advance(10_000) // a third of the lease
      const answers = async () => (await redis.keys('*')).length
      await expect.poll(answers, { timeout: 20_000 }).toBe(1) // one that died knew of none
      await expect.poll(order, { timeout: 20_000 }).toEqual({ _tag: 'Right', right: { by: 'first' } })
      expect([mock.calls, clock.pendingTimers]).toEqual([1, 0])
    },
  )
})
