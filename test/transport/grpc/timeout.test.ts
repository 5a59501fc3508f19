/** What a caller of another maker says of its time: read as gRPC writes it, or refused. */
import type http2 from 'node:http2'
import { contract, implement, method } from 'tenon'
import { type Running, serve } from 'tenon/lifecycle'
import * as grpc from 'tenon/transport/grpc'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { answer, framed, session } from './hostile-calls.js'

const Echo = contract('test.v1.Echo', {
  echo: method({ request: z.object({}), response: z.object({}), idempotency: 'safe' }),
  wait: method({ request: z.object({}), response: z.object({}), idempotency: 'safe' }),
})
let leftMs: number | undefined
const echo = implement(Echo).handlers({
  echo(_, { remainingMs }) {
    leftMs = remainingMs
    return {}
  },
  wait: (_, { signal }) =>
    new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
})

let running: Running
let over: http2.ClientHttp2Session
beforeAll(async () => {
  running = await serve([echo], [grpc.server({ port: 0, maxDeadlineMs: 1e12 })], { signals: false })
  over = session(Number(new URL(running.addresses[0]?.replace('grpc', 'http') ?? '').port))
})
afterAll(async () => {
  over.destroy()
  await running.close()
})

async function asked(timeout: string, path = '/test.v1.Echo/Echo'): Promise<unknown> {
  leftMs = undefined
  const answered = await answer(over, framed(Buffer.alloc(0)), { ':path': path, 'grpc-timeout': timeout })
  return answered['grpc-status']
}

const longest = 2_147_483_000
test.each([
  ['1H', 3_600_000],
  ['2M', 120_000],
  ['95S', 95_000],
  ['00000095S', 95_000],
  ['99999999m', 99_999_999],
  ['99999999u', 99_999],
  ['596H', 2_145_600_000],
  ['35791M', 2_147_460_000],
  // As long as grpc-js can count.
  ['597H', longest],
  ['35792M', longest],
  ['2147484S', longest],
  ['99999999S', longest],
  ['99999999H', longest],
])('%s are %i ms', async (timeout, ms) => {
  expect(await asked(timeout)).toBe('0')
  expect(leftMs).toBeLessThanOrEqual(ms)
  expect(leftMs).toBeGreaterThan(ms - 60_000)
})

test.each(['50000000n', '50000u', '50m', '0S'])('a call of %s is over soon', async timeout => {
  expect(await asked(timeout, '/test.v1.Echo/Wait')).toBe('4')
})

test.each(['soon', '', '5', '5s', '5 S', '-5S', '+5S', '1.5S', '123456789m', '5S5', '5S, 6S', '0x5S'])(
  '%j is no time',
  async timeout => {
    expect(await asked(timeout)).toBe('13')
    expect(leftMs).toBeUndefined()
  },
)
