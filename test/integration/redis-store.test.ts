/** The store in a real Redis: what all stores do, a limit that four processes share, and a Redis that dies, hangs and comes back. */
import { spawn } from 'node:child_process'
import { Redis } from 'ioredis'
import { call, fromPromise, isLeft } from 'tenon'
import { rateLimit } from 'tenon/middleware'
import { type RedisStoreOptions, redisStore } from 'tenon/store/redis'
import { conformanceTests, type StoreHarness, storeConformance } from 'tenon/testkit'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { bundled } from '../examples/bundled.js'
import { root } from '../repo/sources.js'
import type { OwnServer } from './own-server.js'
import { hasRedis, needRedis, startRedis } from './redis.js'

const later = (ms: number) => new Promise<void>(resolve => setTimeout(resolve, ms))

async function connected(port: number): Promise<Redis> {
  const redis = new Redis(port, '127.0.0.1', { retryStrategy: () => 50 })
  redis.on('error', () => {}) // it tries again
  onTestFinished(() => redis.disconnect())
  await redis.ping()
  return redis
}

describe('a store in Redis', () => {
  beforeEach(({ skip }) => needRedis(skip))
  let server: OwnServer
  beforeAll(async () => {
    if (hasRedis) server = await startRedis()
  })
  afterAll(() => server?.stop())

  describe('conformance', () => {
    let count = 0
    const harness: StoreHarness = {
      open: async () => redisStore(await connected(server.port), { prefix: `suite ${count++}:`, timeoutMs: 20_000 }),
      pass: ms => later(Math.ceil(ms) + 2), // timers may be early by a ms, by the clock of Redis
    }
    for (const { name, run } of conformanceTests(storeConformance, harness)) test(name, run)
  })

  test('sends a script whole only where Redis does not know it', async () => {
    const redis = await connected(server.port)
    const store = redisStore(redis, { prefix: 'scripts:', timeoutMs: 20_000 })
    const sent: string[] = []
    const monitor = await redis.monitor()
    onTestFinished(() => monitor.disconnect())
    monitor.on('monitor', (_, [command]: readonly string[]) => sent.push(String(command).toLowerCase()))
    const limit = { limit: 10, windowMs: 60_000, burst: 10 }
    await redis.script('FLUSH')
    await store.take('a', limit)
    await store.take('a', limit)
    await redis.script('FLUSH')
    expect((await store.take('a', limit)).remaining).toBe(7)
    await expect
      .poll(() => sent.filter(each => each.startsWith('eval')))
      .toEqual([...['evalsha', 'eval', 'evalsha'], ...['evalsha', 'eval']])
  })

  test('keeps nothing longer than it is needed', async () => {
    const redis = await connected(server.port)
    const store = redisStore(redis, { prefix: 'times:', timeoutMs: 20_000 })
    await store.set('a', 'b', 60_000)
    await store.take('a', { limit: 1, windowMs: 60_000, burst: 5 })
    for (const [key, most] of [
      ['times:value:a', 60_000],
      ['times:limit:a', 60_000],
    ] as const) {
      const ttl = await redis.pttl(key)
      expect(ttl).toBeGreaterThan(0)
      expect(ttl).toBeLessThanOrEqual(most)
    }
  })

  test('keeps for ever what is to be kept for longer than Redis can tell', async () => {
    const redis = await connected(server.port)
    const store = redisStore(redis, { prefix: 'ages:', timeoutMs: 20_000 })
    await store.set('a', 'b', Number.MAX_VALUE)
    expect(await store.compareAndSet('a', { from: 'b', to: 'c', ttlMs: Number.MAX_VALUE })).toBe(true)
    expect(await store.get('a')).toBe('c')
  })

  test('four processes together have what the limit allows, and one in a hundred more at most', {
    timeout: 60_000,
  }, async () => {
    const forMs = 2_000
    const workers = Array.from({ length: 4 }, () => worker(server.port, forMs))
    await Promise.all(workers.map(({ ready }) => ready))
    const startedAt = performance.now()
    for (const { begin } of workers) begin()
    const told = await Promise.all(workers.map(({ told }) => told))
    const tookMs = performance.now() - startedAt
    const sum = (of: (each: Told) => number) => told.reduce((total, each) => total + of(each), 0)
    const most = 100 + (100 * tookMs) / 1_000
    expect(sum(({ failed }) => failed)).toBe(0)
    expect(sum(({ allowed }) => allowed)).toBeLessThanOrEqual(most * 1.01)
    expect(sum(({ allowed }) => allowed)).toBeGreaterThan(150) // more than were there at first
    expect(sum(({ refused }) => refused)).toBeGreaterThan(0)
  })
})

describe('where Redis is gone', () => {
  beforeEach(({ skip }) => needRedis(skip))
  async function start(options: RedisStoreOptions = {}) {
    const server = await startRedis()
    onTestFinished(() => server.stop())
    const redis = await connected(server.port)
    const store = redisStore(redis, { timeoutMs: 1_000, pauseMs: 500, ...options })
    const limited = (whenStoreFails: 'open' | 'closed') => {
      const policy = rateLimit({ name: 'gone', limit: 1, windowMs: 60_000, store, whenStoreFails })
      const endpoint = policy(fromPromise(async () => 'done'))
      return async () => {
        const outcome = await call(endpoint, {})
        return isLeft(outcome) ? outcome.left.reason : outcome.right
      }
    }
    return { server, redis, open: limited('open'), closed: limited('closed') }
  }

  test.each(['SIGKILL', 'SIGSTOP'] as const)(
    '%s: no call hangs, the choice holds, and the limit does again afterwards',
    { timeout: 30_000 },
    async signal => {
      const { server, open, closed } = await start()
      expect([await open(), await open()]).toEqual(['done', 'RATE_LIMITED'])
      await server.signal(signal)
      const from = performance.now()
      const outcomes = await Promise.all([open(), closed(), open(), closed()])
      expect(outcomes).toEqual(['done', 'STORE_UNAVAILABLE', 'done', 'STORE_UNAVAILABLE'])
      for (let i = 0; i < 100; i++) expect(await closed()).toBe('STORE_UNAVAILABLE')
      expect(performance.now() - from).toBeLessThan(20_000) // one timeout, and then at once: not a hundred of them
      if (signal === 'SIGKILL') await server.start()
      else await server.signal('SIGCONT')
      // What was asked while it was away may be answered now, and have been counted.
      await expect.poll(closed, { timeout: 10_000, interval: 50 }).not.toBe('STORE_UNAVAILABLE')
      expect(await open()).toBe('RATE_LIMITED')
    },
  )

  test('no more operations wait than may', async () => {
    const { server, redis } = await start()
    const store = redisStore(redis, { timeoutMs: 300, maxPending: 3 })
    await server.signal('SIGSTOP')
    const outcomes = await Promise.allSettled(Array.from({ length: 5 }, () => store.get('a')))
    const messages = outcomes.map(each => (each.status === 'rejected' ? each.reason.failure.message : 'done'))
    expect(messages.filter(each => each === 'too many operations wait for Redis')).toHaveLength(2)
    expect(messages.filter(each => each === 'Redis did not answer within 300 ms')).toHaveLength(3)
    await server.signal('SIGCONT')
  })
})

test('a Redis store is made of a connection and sane options', () => {
  expect(() => redisStore(undefined as never)).toThrow(TypeError)
  const connection = { evalsha: async () => 1 } as never
  for (const wrong of [{ timeoutMs: 0 }, { pauseMs: -1 }, { maxPending: 0 }, { timeoutMs: Number.NaN }])
    expect(() => redisStore(connection, wrong)).toThrow(RangeError)
})

interface Told {
  readonly allowed: number
  readonly refused: number
  readonly failed: number
}

/** A process that asks the shared limit. */
function worker(port: number, forMs: number) {
  const path = bundled('test/integration/fixtures/limited.ts')
  const child = spawn(process.execPath, [path, String(port), String(forMs)], {
    cwd: root,
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  let said = ''
  const heard: (() => void)[] = []
  child.stdout.on('data', chunk => {
    said += chunk
    for (const each of heard) each()
  })
  const line = (pattern: RegExp) =>
    new Promise<string>((resolve, reject) => {
      const look = () => {
        const found = said.match(pattern)
        if (found !== null) resolve(found[1] ?? '')
      }
      heard.push(look)
      look()
      child.once('exit', () => reject(new Error(`it ended early: ${said}`)))
    })
  const told = line(/^told (.*)$/m).then((text): Told => JSON.parse(text))
  told.catch(() => {})
  return { ready: line(/^(ready)$/m), begin: () => child.stdin.write('go\n'), told }
}
