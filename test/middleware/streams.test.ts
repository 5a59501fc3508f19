/** A response stream through each policy is the stream that it is without one, however its reader and its call end; and then nothing is left. */
import {
  handleAll,
  bulkhead as liftedBulkhead,
  retry as liftedRetry,
  timeout as liftedTimeout,
  noop,
  TimeoutStrategy,
} from 'cockatiel'
import { describe, expect, test } from 'vitest'
import {
  CallError,
  call,
  failureOf,
  fromRemote,
  isLeft,
  type ManualClock,
  type MethodInfo,
  type Middleware,
  manualClock,
  right,
  testContext,
} from '../../src/core/index.js'
import {
  breaker,
  bulkhead,
  cache,
  expiry,
  fallback,
  hedge,
  inject,
  policy as lift,
  rateLimit,
  resilientClient,
  resilientServer,
  retry,
  shed,
  singleFlight,
  timeout,
} from '../../src/middleware/index.js'
import { Attachments } from './attachments.js'

const watch: MethodInfo = { service: 'shop.v1.Stock', name: 'watch', idempotency: 'safe', kind: 'server_streaming' }

const policies: Readonly<Record<string, () => Middleware>> = {
  'no policy': () => next => next,
  timeout: () => timeout({ timeoutMs: 5_000 }),
  retry: () => retry({ attemptTimeoutMs: 5_000 }),
  breaker: () => breaker(),
  bulkhead: () => bulkhead({ maxConcurrent: 1, maxQueue: 1 }),
  rateLimit: () => rateLimit({ limit: 1, windowMs: 1_000, whenLimited: 'wait' }),
  shed: () => shed({ maxLoopDelayMs: Infinity }),
  hedge: () => hedge({ minCalls: 1 }),
  cache: () => cache({ key: () => 'all', ttlMs: 60_000, staleMs: 60_000 }),
  singleFlight: () => singleFlight({ key: () => 'all' }),
  expiry: () => expiry(),
  inject: () => inject({ ratio: 0 }),
  fallback: () => fallback({ respond: () => 'instead' }) as Middleware, // it is not asked
  resilientClient: () => resilientClient(),
  resilientServer: () => resilientServer({ bulkhead: { maxConcurrent: 1 }, shed: { maxLoopDelayMs: Infinity } }),
  'policy that does nothing': () => lift(noop),
  'lifted retry': () => lift(liftedRetry(handleAll, { maxAttempts: 2 }), { maxAttempts: 3 }),
  'lifted bulkhead': () => lift(liftedBulkhead(1, 1)),
  'lifted timeout': () => lift(liftedTimeout(60_000, TimeoutStrategy.Aggressive)),
}

/** What becomes of a stream of three items, of which the last may be a failure, as its reader sees it. */
const readers = {
  'reads all': [0, 1, 2, 'end'],
  'meets a failure': [0, 1, 'DOWN'],
  leaves: [0, 'left'],
  'cancels the call': [0, 'CANCELLED'],
  'is too slow': [0, 'DEADLINE_EXCEEDED'],
  'never begins': [],
} as const
type Reader = keyof typeof readers

async function* items(clock: ManualClock, reader: Reader) {
  for (let i = 0; i < 3; i++) {
    await new Promise<void>(resolve => void clock.setTimer(resolve, 1))
    if (reader === 'meets a failure' && i === 2) throw new CallError(failureOf('unavailable', 'DOWN', 'down'))
    yield i
  }
}

/** A source that counts as open until it has ended, failed or been closed, whether or not somebody began to read it. */
class Sources {
  readonly #open: Set<object> = new Set()

  get open(): number {
    return this.#open.size
  }

  source(stream: AsyncGenerator<number>): AsyncIterable<number> {
    this.#open.add(stream)
    const over = (): void => void this.#open.delete(stream)
    return {
      [Symbol.asyncIterator]: () => ({
        async next() {
          try {
            const item = await stream.next()
            if (item.done === true) over()
            return item
          } catch (thrown) {
            over()
            throw thrown
          }
        },
        return() {
          over()
          return stream.return(undefined)
        },
      }),
    }
  }
}

async function read(
  stream: AsyncIterable<unknown>,
  reader: Reader,
  { cancel, clock }: { cancel(): void; clock: ManualClock },
) {
  const seen: unknown[] = []
  if (reader === 'never begins') return seen
  try {
    for await (const item of stream) {
      seen.push(item)
      if (reader === 'leaves') return [...seen, 'left']
      if (reader === 'cancels the call') cancel()
      if (reader === 'is too slow') await new Promise<void>(resolve => void clock.setTimer(resolve, 2_000))
    }
    return [...seen, 'end']
  } catch (thrown) {
    return [...seen, thrown instanceof CallError ? (thrown.failure as { reason?: string }).reason : thrown]
  }
}

describe.each(Object.keys(readers) as Reader[])('one whose reader %s', reader => {
  test.each(Object.entries(policies))('through %s', async (_, make) => {
    const clock = manualClock()
    const attachments = new Attachments()
    const sources = new Sources()
    const service = fromRemote<number, unknown>('watch', () => right(sources.source(items(clock, reader))), watch)
    const policy = make()
    const endpoint = policy(service)
    const defects: unknown[] = []
    const context = testContext({ clock, onDefect: defect => defects.push(defect) })
    for (let i = 0; i < 2; i++) {
      const controller = new AbortController()
      const outcome = call(endpoint, i, { context, signal: controller.signal, deadlineMs: 1_500 })
      const seen = outcome.then(outcome =>
        isLeft(outcome)
          ? [outcome.left]
          : read(outcome.right as AsyncIterable<unknown>, reader, { cancel: () => controller.abort(), clock }),
      )
      await clock.advance(3_000) // the first place and turn are free again for the second
      expect(await seen).toEqual(readers[reader])
    }
    await clock.advance(60_000)
    expect([sources.open, defects, clock.pendingTimers, attachments.count]).toEqual([0, [], 0, 0])
    const { inFlight = 0, queued = 0 } = policy as { inFlight?: number; queued?: number }
    expect([inFlight, queued]).toEqual([0, 0])
  })
})
