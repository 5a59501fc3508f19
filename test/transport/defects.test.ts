/** An `onDefect` that throws, or whose promise rejects, costs no call its answer and the process nothing. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import client, { Registry } from 'prom-client'
import { call, connect, contract, failure, failureOf, fromPromise, implement, left, method } from 'tenon'
import { metricRegistry } from 'tenon/metrics'
import { prometheus } from 'tenon/metrics/prometheus'
import * as http from 'tenon/transport/http'
import * as fetch from 'tenon/transport/http/fetch'
import * as memory from 'tenon/transport/memory'
import { describe, expect, type MockInstance, onTestFinished, test, vi } from 'vitest'
import { z } from 'zod'

const Item = z.object({ n: z.int() })
const Items = contract('demo.v1.Items', {
  get: method({
    request: Item,
    response: Item,
    failures: { SoldOut: failure('failed_precondition', z.object({})) },
    idempotency: 'safe',
    http: { post: '/get' },
  }),
})
/** Fails with what the contract does not declare: the transport tells of that. */
const items = implement(Items).handlers({ get: () => left({ _tag: 'Other', details: {} } as never) })

const observers = {
  throws() {
    throw new Error('again')
  },
  async rejects() {
    throw new Error('again')
  },
}

describe.each(Object.entries(observers))('an observer that %s', (_, onDefect) => {
  async function isReported(reported: MockInstance<typeof console.error>): Promise<void> {
    await expect.poll(() => reported.mock.calls.join()).toContain('again')
  }

  test('over memory', async () => {
    const reported = vi.spyOn(console, 'error').mockImplementation(() => {})
    const { get } = connect(Items, memory.client(items, { onDefect }))
    expect(await call(get, { n: 1 })).toMatchObject({ left: { code: 'internal' } })
    await isReported(reported)
  })

  test('of the fetch server', async () => {
    const reported = vi.spyOn(console, 'error').mockImplementation(() => {})
    const body = JSON.stringify({ n: 1 })
    const headers = { 'content-type': 'application/json' }
    const serve = fetch.server([items], { onDefect })
    expect((await serve(new Request('http://server.test/get', { method: 'POST', headers, body }))).status).toBe(500)
    await isReported(reported)
  })

  test('of a handler over HTTP', async () => {
    const reported = vi.spyOn(console, 'error').mockImplementation(() => {})
    const failing = fromPromise(async (_: { n: number }) => left(failureOf('unavailable', 'DOWN', 'down')))
    const codec = {
      decodeRequest: () => ({ n: 1 }),
      encodeResponse: () => ({ status: 200 }),
      encodeFailure() {
        throw new Error('no failure of ours')
      },
    }
    const address = await listening(http.handler(failing, codec as never, { onDefect }))
    expect((await globalThis.fetch(address)).status).toBe(500)
    await isReported(reported)
  })

  test('of the page with metrics', async () => {
    const reported = vi.spyOn(console, 'error').mockImplementation(() => {})
    const register = new Registry()
    const collect = () => {
      throw new Error('theirs')
    }
    new client.Gauge({ name: 'theirs', help: 'theirs', registers: [register], collect })
    const page = prometheus(metricRegistry(), { register, onDefect })
    expect((await globalThis.fetch(await listening(page))).status).toBe(500)
    await isReported(reported)
  })
})

async function listening(listener: Parameters<typeof createServer>[1]): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}` // of a server on a port
}
