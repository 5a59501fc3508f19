/** `serve` over HTTP: what a balancer and a caller see while a process stops. */
import { connect, contract, implement, method } from 'tenon/contract'
import { callOrThrow, manualClock } from 'tenon/core'
import { serve } from 'tenon/lifecycle'
import * as http from 'tenon/transport/http'
import { expect, test } from 'vitest'
import { z } from 'zod'

const Orders = contract('shop.v1.Orders', {
  get: method({
    request: z.object({ id: z.string() }),
    response: z.object({ id: z.string() }),
    idempotency: 'safe',
    http: { get: '/orders/{id}' },
  }),
})

test('calls are answered after readiness has become false, and no more are accepted after the delay', async () => {
  const clock = manualClock()
  const held: (() => void)[] = []
  const orders = implement(Orders).handlers({
    get: async ({ id }) => {
      if (id === 'slow') await new Promise<void>(resolve => held.push(resolve))
      return { id }
    },
  })
  const types: string[] = []
  const running = await serve([orders], [http.server({ port: 0, lingerMs: 0 })], {
    signals: false,
    checks: { db() {} },
    onEvent: ({ type }) => void types.push(type),
    clock,
  })
  const address = running.addresses[0] ?? ''
  const remote = http.client(address)
  const client = connect(Orders, remote)
  const probe = async (path: string) => {
    const response = await fetch(`${address}${path}`)
    return [response.status, await response.json()]
  }
  expect(await probe('/readyz')).toEqual([200, { ok: true, checks: { db: 'ok' } }])

  const drained = running.drain({ delayMs: 5_000 })
  expect(await probe('/readyz')).toEqual([503, { ok: false, checks: { lifecycle: 'draining' } }])
  expect(await probe('/livez')).toEqual([200, { ok: true, checks: {} }])
  expect(await callOrThrow(client.get, { id: 'quick' })).toEqual({ id: 'quick' })

  const slow = callOrThrow(client.get, { id: 'slow' })
  await expect.poll(() => held.length).toBe(1)
  await clock.advance(5_000)
  expect(types.at(-1)).toBe('stopped-accepting')
  await expect(fetch(`${address}/livez`)).rejects.toThrow('fetch failed')
  held[0]?.()
  expect(await slow).toEqual({ id: 'slow' })
  await expect.poll(() => clock.advance(50).then(() => types)).toContain('stopped')
  await drained
  expect(types).toEqual(['listening', 'started', 'draining', 'stopped-accepting', 'drained', 'stopped'])
  await remote.close()
})
