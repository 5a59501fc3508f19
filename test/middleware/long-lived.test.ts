/** A great many calls on one signal and one context, or with as many keys, leave nothing behind, whatever became of them. */
import { getEventListeners } from 'node:events'
import { retry as again, bulkhead, ConsecutiveBreaker, circuitBreaker, handleAll, handleWhen, wrap } from 'cockatiel'
import { describe, expect, onTestFinished, test } from 'vitest'
import { call, chain, failed, fromPromise, type Middleware, manualClock, testContext } from '../../src/core/index.js'
import {
  breaker,
  bulkhead as bulkheads,
  cache,
  collapse,
  isFault,
  policy,
  rateLimit,
  retry,
  retryBudget,
  singleFlight,
  timeout,
} from '../../src/middleware/index.js'
import { deep } from '../deep.js'
import { heapMiB } from '../heap.js'

const stacks: Readonly<Record<string, Middleware>> = {
  breaker: breaker({ openMs: 5 }),
  'breaker with many probes': breaker({ consecutiveFailures: 1, probes: 3, openMs: 1 }),
  retry: retry({ baseMs: 1, budget: retryBudget({ minPerSecond: Infinity }) }),
  'retry, breaker and timeout': chain(retry({ baseMs: 1 }), breaker({ openMs: 5 }), timeout({ timeoutMs: 3 })),
  "cockatiel's": policy(
    wrap(
      again(handleWhen(isFault), { maxAttempts: 1 }),
      circuitBreaker(handleAll, { halfOpenAfter: 1, breaker: new ConsecutiveBreaker(3) }),
      bulkhead(50, 50),
    ),
  ),
}

describe.each(Object.entries(stacks))('%s', (_, middleware) => {
  test('leaves no timer and no listener', { timeout: deep(30_000, 600_000) }, async () => {
    const warnings: Error[] = []
    const warned = (warning: Error) => void warnings.push(warning)
    process.on('warning', warned)
    onTestFinished(() => void process.off('warning', warned))
    const clock = manualClock()
    const { signal } = new AbortController()
    const context = testContext({ clock, signal })
    const business = fromPromise(
      async (n: number, inner) => {
        if (n % 5 === 0) return failed('unavailable', 'DOWN', '')
        if (n % 7 === 0) await new Promise(resolve => inner.signal.addEventListener('abort', resolve, { once: true }))
        return n
      },
      { service: 's', name: 'm', idempotency: 'safe' },
    )
    const endpoint = middleware(business)
    const total = deep(2_000, 100_000)
    for (let n = 0; n < total; n += 20) {
      const some = Array.from({ length: 20 }, (_each, i) => call(endpoint, n + i, { context, signal, deadlineMs: 20 }))
      await clock.advance(40)
      await Promise.all(some)
    }
    expect(warnings).toEqual([])
    expect([getEventListeners(signal, 'abort').length, clock.pendingTimers]).toEqual([1, 0])
  })
})

const key = (n: unknown) => `${n}`.padEnd(200, '.') // 10 MiB of keys in the ordinary run, if they were kept
const keyed: Readonly<Record<string, Middleware>> = {
  bulkhead: bulkheads({ maxConcurrent: 1, key }),
  cache: cache({ key, ttlMs: 1e9, maxEntries: 1_000 }),
  collapse: collapse({
    key,
    toBatch: (requests: readonly unknown[]) => requests[0],
    fromBatch: (response: unknown, requests) => requests.map(() => response),
    windowMs: 0,
    maxBatch: 1,
  }) as Middleware, // a batch of one is a request of this service
  rateLimit: rateLimit({ limit: 10, windowMs: 60_000, key, maxKeys: 1_000 }),
  singleFlight: singleFlight({ key }),
}

describe.each(Object.entries(keyed))('%s', (_, middleware) => {
  test('forgets keys that are over, or those that it has not seen for longest', {
    timeout: deep(30_000, 600_000),
  }, async () => {
    const business = fromPromise(async (n: number) => n, { service: 's', name: 'm', idempotency: 'safe' })
    const endpoint = middleware(business)
    let next = 0
    const use = async (count: number): Promise<void> => {
      for (let done = 0; done < count; done += 50)
        await Promise.all(Array.from({ length: 50 }, () => call(endpoint, next++, {})))
    }
    await use(2_000)
    const before = await heapMiB()
    await use(deep(50_000, 1_000_000))
    expect((await heapMiB()) - before).toBeLessThan(3)
  })
})
