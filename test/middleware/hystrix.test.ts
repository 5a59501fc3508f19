/** The Hystrix stream says what Hystrix says, counts as Hystrix counts, and holds nobody: neither readers nor commands. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, connect as connectSocket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import express from 'express'
import CircuitBreaker from 'opossum'
// @ts-expect-error it has no types
import HystrixStats from 'opossum-hystrix'
import { EventSource } from 'undici'
import { describe, expect, onTestFinished, test } from 'vitest'
import { call, chain, failed, fromPromise, type MethodInfo, manualClock, testContext } from '../../src/core/index.js'
import { type HystrixStream, hystrixStream } from '../../src/middleware/hystrix/index.js'
import { breaker, bulkhead, cache, collapse, fallback, timeout } from '../../src/middleware/index.js'

type Fields = Readonly<Record<string, unknown>>

async function listening(handler: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server: Server = createServer(handler)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}` // it listens on TCP
}

/** One round of the stream, read over HTTP. */
async function round(hystrix: HystrixStream): Promise<readonly Fields[]> {
  const leaving = new AbortController()
  const response = await fetch(await listening(hystrix), { signal: leaving.signal })
  const { value } = (await response.body?.getReader().read()) ?? {}
  leaving.abort()
  const lines = new TextDecoder().decode(value).split('\n\n')
  return lines.filter(line => line.startsWith('data: ')).map(line => JSON.parse(line.slice(6)) as Fields) // our own JSON
}

const method: MethodInfo = { service: 'shop.v1.Stock', name: 'get', idempotency: 'safe' }

/** The fields that hystrix-metrics-event-stream writes for a command. */
const counts = [
  'BadRequests',
  'CollapsedRequests',
  'Emit',
  'ExceptionsThrown',
  'Failure',
  'FallbackEmit',
  'FallbackFailure',
]
  .concat(['FallbackMissing', 'FallbackRejection', 'FallbackSuccess', 'ResponsesFromCache', 'SemaphoreRejected'])
  .concat(['ShortCircuited', 'Success', 'ThreadPoolRejected', 'Timeout'])
const properties: Readonly<Record<string, string>> = {
  circuitBreakerRequestVolumeThreshold: 'number',
  circuitBreakerSleepWindowInMilliseconds: 'number',
  circuitBreakerErrorThresholdPercentage: 'number',
  circuitBreakerForceOpen: 'boolean',
  circuitBreakerForceClosed: 'boolean',
  circuitBreakerEnabled: 'boolean',
  executionIsolationStrategy: 'string',
  executionIsolationThreadTimeoutInMilliseconds: 'number',
  executionTimeoutInMilliseconds: 'number',
  executionIsolationThreadInterruptOnTimeout: 'boolean',
  executionIsolationThreadPoolKeyOverride: 'object',
  executionIsolationSemaphoreMaxConcurrentRequests: 'number',
  fallbackIsolationSemaphoreMaxConcurrentRequests: 'number',
  metricsRollingStatisticalWindowInMilliseconds: 'number',
  requestCacheEnabled: 'boolean',
  requestLogEnabled: 'boolean',
}
const allFields: Readonly<Record<string, string>> = {
  ...{ type: 'string', name: 'string', group: 'string', currentTime: 'number', isCircuitBreakerOpen: 'boolean' },
  ...{ errorPercentage: 'number', errorCount: 'number', requestCount: 'number' },
  ...Object.fromEntries(counts.map(name => [`rollingCount${name}`, 'number'])),
  ...{ currentConcurrentExecutionCount: 'number', rollingMaxConcurrentExecutionCount: 'number' },
  ...{ latencyExecute_mean: 'number', latencyExecute: 'object', latencyTotal_mean: 'number', latencyTotal: 'object' },
  ...Object.fromEntries(Object.entries(properties).map(([name, type]) => [`propertyValue_${name}`, type])),
  ...{ reportingHosts: 'number', threadPool: 'string' },
}

const typesOf = (fields: Fields): Fields => Object.fromEntries(Object.entries(fields).map(([k, v]) => [k, typeof v]))

describe('a command', () => {
  test('has the fields of Hystrix, all of them and no others, none of them without a value', async () => {
    const hystrix = hystrixStream()
    await call(
      hystrix.command({ breaker: breaker({ errorRatio: Infinity, minCalls: Infinity }) })(fromPromise(() => 1, method)),
      {},
    )
    const [fields = {}] = await round(hystrix)
    expect(typesOf(fields)).toEqual(allFields)
    const percentiles = ['0', '25', '50', '75', '90', '95', '99', '99.5', '100']
    expect(Object.keys(fields['latencyExecute'] as object).sort()).toEqual(percentiles.sort()) // as typed above
    expect(fields).toMatchObject({ name: 'shop.v1.Stock/get', group: 'shop.v1.Stock', type: 'HystrixCommand' })
    expect(Object.entries(fields).filter(([, value]) => value === null)).toEqual([
      ['propertyValue_executionIsolationThreadPoolKeyOverride', null],
    ])
  })

  test('says of the same traffic what opossum-hystrix says, in fields of the same names and types', async () => {
    const traffic = ['ok', 'down', 'down', 'down', 'ok', 'ok']
    const circuit = new CircuitBreaker(
      async (kind: string) => {
        if (kind === 'down') throw new Error('down')
      },
      {
        name: 'stock',
        group: 'shop',
        timeout: 1_000,
        errorThresholdPercentage: 50,
        volumeThreshold: 4,
        resetTimeout: 5_000,
      },
    )
    onTestFinished(() => circuit.shutdown())
    const theirs = new HystrixStats([circuit])
    const own = breaker({ errorRatio: 0.5, minCalls: 4, openMs: 5_000 })
    const hystrix = hystrixStream()
    const bounded = timeout({ timeoutMs: 1_000 })
    const stack = chain(hystrix.command({ name: 'stock', group: 'shop', breaker: own, timeout: bounded }), own, bounded)
    const endpoint = stack(
      fromPromise(async (kind: string) => (kind === 'down' ? failed('unavailable', 'DOWN', 'down') : undefined)),
    )
    for (const kind of traffic) {
      await circuit.fire(kind).catch(() => undefined)
      await call(endpoint, kind)
    }
    const emitted = new Promise<string>(resolve => theirs.getHystrixStream().once('data', resolve))
    const other = JSON.parse((await emitted).slice(6)) as Fields
    const [fields = {}] = await round(hystrix)
    // It shows no mean and no percentile that is undefined, and has no threadPool.
    for (const name of Object.keys(other)) expect([name, typeof fields[name]]).toEqual([name, typeof other[name]])
    const same = ['type', 'name', 'group', 'isCircuitBreakerOpen', 'rollingCountSuccess', 'rollingCountFailure']
    for (const name of [...same, 'rollingCountShortCircuited', 'rollingCountTimeout', 'errorCount', 'reportingHosts'])
      expect([name, fields[name]]).toEqual([name, other[name]])
    expect(fields).toMatchObject({ isCircuitBreakerOpen: true, rollingCountFailure: 3, rollingCountShortCircuited: 2 })
  })

  test('counts each end of a call under its own name', async () => {
    const clock = manualClock()
    const hystrix = hystrixStream({ clock })
    const circuit = breaker()
    const limit = bulkhead({ maxConcurrent: 1 })
    const bounded = timeout({ timeoutMs: 100 })
    const instead = fallback({ respond: () => 'instead', shouldFallBack: ({ reason }) => reason !== 'BAD' })
    const command = hystrix.command({ breaker: circuit, bulkhead: limit, timeout: bounded, fallback: instead })
    const run = async (kind: string) => {
      if (kind === 'stuck') return new Promise<string>(() => {})
      if (kind === 'bad') return failed('invalid_argument', 'BAD', 'bad')
      return kind === 'down' ? failed('unavailable', 'DOWN', 'down') : 'done'
    }
    const endpoint = instead(chain(command, circuit, limit, bounded)(fromPromise(run, method)))
    const start = (kind: string) => call(endpoint, kind, { context: testContext({ clock }) })
    await start('fine')
    await start('bad')
    await start('down')
    const stuck = start('stuck')
    await start('fine') // refused by the bulkhead
    await clock.advance(110)
    expect(await stuck).toMatchObject({ right: 'instead' })
    circuit.force('open')
    await start('fine')
    const [fields] = await round(hystrix)
    expect(fields).toMatchObject({
      rollingCountSuccess: 1,
      rollingCountBadRequests: 1,
      rollingCountFailure: 1,
      rollingCountSemaphoreRejected: 1,
      rollingCountTimeout: 1,
      rollingCountShortCircuited: 1,
      rollingCountFallbackSuccess: 4,
      rollingCountFallbackMissing: 0,
      rollingCountExceptionsThrown: 0,
      errorCount: 3,
      requestCount: 4,
      errorPercentage: 75,
      isCircuitBreakerOpen: true,
      currentConcurrentExecutionCount: 1, // the work that ignores its timeout goes on
      rollingMaxConcurrentExecutionCount: 2,
      propertyValue_circuitBreakerForceOpen: true,
      propertyValue_executionTimeoutInMilliseconds: 100,
      propertyValue_executionIsolationSemaphoreMaxConcurrentRequests: 1,
    })
    const { latencyExecute } = fields as { latencyExecute: Fields } // typed above
    expect(latencyExecute['0']).toBe(0)
    expect(latencyExecute['100']).toBe(102) // 100, in a bucket that ends there
    await clock.advance(11_000)
    expect((await round(hystrix))[0]).toMatchObject({
      requestCount: 0,
      errorPercentage: 0,
      rollingCountFallbackSuccess: 0,
    })
  })

  test('counts failures without a fallback, answers from memory and batches', async () => {
    const hystrix = hystrixStream()
    const remembered = cache<{ n: number }>({ key: ({ n }) => String(n), ttlMs: 1_000 })
    const batched = collapse({
      key: () => '',
      toBatch: (requests: readonly { n: number }[]) => ({ all: requests.map(({ n }) => n) }),
      fromBatch: (response: { all: readonly number[] }) => response.all,
      windowMs: 1,
    })
    const command = hystrix.command({ name: 'c', cache: remembered, collapse: batched })
    const endpoint = remembered(
      batched(command(fromPromise(async (request: { all: readonly number[] }) => request, method))),
    )
    await Promise.all([call(endpoint, { n: 1 }), call(endpoint, { n: 2 })])
    await call(endpoint, { n: 1 })
    await call(command(fromPromise(() => failed('unavailable', 'DOWN', 'down'))), {})
    expect((await round(hystrix))[0]).toMatchObject({
      rollingCountSuccess: 1,
      rollingCountResponsesFromCache: 1,
      rollingCountCollapsedRequests: 2,
      rollingCountFallbackMissing: 1,
      rollingCountExceptionsThrown: 1,
      propertyValue_requestCacheEnabled: true,
    })
  })
})

describe('a reader', () => {
  test('that is an EventSource gets a round after another', async () => {
    const hystrix = hystrixStream({ intervalMs: 100 })
    const endpoint = hystrix.command({ name: 'stock' })(fromPromise(async () => 1))
    await call(endpoint, {})
    const source = new EventSource(`${await listening(hystrix)}/hystrix.stream`)
    onTestFinished(() => source.close())
    const rounds: unknown[] = []
    await new Promise<void>((resolve, reject) => {
      source.addEventListener('error', () => reject(new Error('the stream broke')))
      source.addEventListener('message', ({ data }) => {
        const { rollingCountSuccess } = JSON.parse(data) as Fields // our own JSON
        if (rounds.push(rollingCountSuccess) === 1) void call(endpoint, {})
        else if (rollingCountSuccess === 2) resolve()
      })
    })
    expect(rounds[0]).toBe(1)
    expect(hystrix.readers).toBe(1)
  })

  test('gets a ping where there is no command yet, and the headers of Hystrix', async () => {
    const leaving = new AbortController()
    const response = await fetch(await listening(hystrixStream()), { signal: leaving.signal })
    expect(response.headers.get('content-type')).toBe('text/event-stream;charset=UTF-8')
    expect(response.headers.get('cache-control')).toBe('no-cache, no-store, max-age=0, must-revalidate')
    const first = await response.body?.getReader().read()
    expect(new TextDecoder().decode(first?.value)).toBe('ping: \n\n')
    leaving.abort()
  })

  test('that leaves takes its timer along, and makes room for another', async () => {
    const clock = manualClock()
    const hystrix = hystrixStream({ clock, maxReaders: 1 })
    const url = await listening(hystrix)
    const leaving = new AbortController()
    await fetch(url, { signal: leaving.signal })
    expect([hystrix.readers, clock.pendingTimers]).toEqual([1, 1])
    const refused = await fetch(url)
    expect([refused.status, await refused.text()]).toEqual([503, 'MaxConcurrentConnections reached: 1'])
    leaving.abort()
    await until(() => hystrix.readers === 0)
    expect(clock.pendingTimers).toBe(0)
    const again = await fetch(url)
    expect(again.status).toBe(200)
    hystrix.close()
    expect(await again.text()).toBe('ping: \n\n')
    expect([hystrix.readers, clock.pendingTimers]).toEqual([0, 0])
  })

  test('that takes nothing is skipped, and let go after half a minute', async () => {
    const clock = manualClock()
    const hystrix = hystrixStream({ clock, intervalMs: 1_000, maxCommands: 1_000 })
    for (let i = 0; i < 1_000; i++) await call(hystrix.command({ name: `command ${i}` })(fromPromise(() => 1)), {})
    const responses: ServerResponse[] = []
    const url = await listening((request, response) => {
      responses.push(response)
      hystrix(request, response)
    })
    const socket = connectSocket(Number(new URL(url).port), '127.0.0.1').pause()
    onTestFinished(() => void socket.destroy())
    socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
    await until(() => hystrix.readers === 1)
    for (let i = 0; i < 20; i++) {
      await clock.advance(1_000)
      await delay(5) // for the kernel's buffers
    }
    const [response] = responses
    const held = response?.writableLength ?? 0
    await clock.advance(9_000)
    expect(hystrix.readers).toBe(1)
    expect(response?.writableLength).toBe(held)
    await clock.advance(31_000)
    await until(() => hystrix.readers === 0)
    expect(clock.pendingTimers).toBe(0)
  })

  test.each([
    ['?delay=99', 400],
    ['?delay=x', 400],
    ['?delay=60001', 400],
    ['?delay=100', 200],
  ])('that asks with %s gets %i', async (query, status) => {
    const hystrix = hystrixStream()
    const response = await fetch(`${await listening(hystrix)}/${query}`)
    hystrix.close()
    await response.text()
    expect(response.status).toBe(status)
  })

  test('may come through an Express app', async () => {
    const hystrix = hystrixStream()
    const response = await fetch(
      `${await listening(express().get('/hystrix.stream', hystrix))}/hystrix.stream?delay=200`,
    )
    hystrix.close()
    expect([response.status, await response.text()]).toEqual([200, 'ping: \n\n'])
  })

  test('that sends anything but GET gets 405', async () => {
    const response = await fetch(await listening(hystrixStream()), { method: 'POST' })
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET'])
  })
})

test('commands beyond the cap are not recorded, and counted', async () => {
  const hystrix = hystrixStream({ maxCommands: 2 })
  for (const name of ['a', 'b', 'c', 'a'])
    expect(await call(hystrix.command({ name })(fromPromise(() => 1)), {})).toMatchObject({ right: 1 })
  expect((await round(hystrix)).map(({ name, rollingCountSuccess }) => [name, rollingCountSuccess])).toEqual([
    ['a', 2],
    ['b', 1],
  ])
  expect(hystrix.leftOut).toBe(1)
})

test.each([{ intervalMs: 99 }, { intervalMs: 60_001 }, { maxReaders: 0 }, { maxCommands: 1.5 }])(
  'refuses %o',
  options => {
    expect(() => hystrixStream(options)).toThrow(RangeError)
  },
)

async function until(condition: () => boolean): Promise<void> {
  await expect.poll(condition, { interval: 5 }).toBe(true)
}
