/** Retries over HTTP: each attempt says which it is, and what is behind a service that is retried does not retry. */
import { connect, contract, implement, method } from 'tenon/contract'
import { type Context, call, failed } from 'tenon/core'
import { retry } from 'tenon/middleware'
import * as http from 'tenon/transport/http'
import { expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { listening } from '../transport/http/listening.js'
import { served } from '../transport/http/served.js'

const item = z.object({ sku: z.string() })
const get = (name: string) =>
  contract(name, { get: method({ request: item, response: item, idempotency: 'safe', http: { get: '/items/{sku}' } }) })
const [Front, Back] = [get('shop.v1.Front'), get('shop.v1.Back')]
const quick = { baseMs: 1, maxMs: 1 }

test('the second attempt says 2;max=3', async () => {
  const said: unknown[] = []
  const { address } = await listening((request, response) => {
    said.push(request.headers['tenon-attempt'])
    response.statusCode = 503
    response.end()
  })
  const transport = http.client(address)
  onTestFinished(() => transport.close())
  const outcome = await call(retry({ ...quick, maxAttempts: 3 })(connect(Front, transport).get), { sku: 'saw' })
  expect(outcome).toMatchObject({ left: { code: 'unavailable' } })
  expect(said).toEqual(['1;max=3', '2;max=3', '3;max=3'])
})

test('a handler that is called by one who retries does not retry itself', async () => {
  let calls = 0
  const attempts: unknown[] = []
  const back = implement(Back).handlers({
    get: () => {
      calls++
      return failed('unavailable', 'DOWN', 'down')
    },
  })
  const behind = http.client((await served([back])).address)
  onTestFinished(() => behind.close())
  const client = retry({ ...quick, maxAttempts: 5 })(connect(Back, behind).get)
  const front = implement(Front).handlers({
    async get(request: { sku: string }, context: Context) {
      attempts.push([context.attempt, context.maxAttempts])
      return call(client, request, { context })
    },
  })
  const transport = http.client((await served([front])).address)
  onTestFinished(() => transport.close())
  const retried = retry({ ...quick, maxAttempts: 3 })(connect(Front, transport).get)
  expect(await call(retried, { sku: 'saw' })).toMatchObject({ left: { code: 'unavailable', reason: 'DOWN' } })
  expect([attempts, calls]).toEqual([
    [
      [1, 3],
      [2, 3],
      [3, 3],
    ],
    3,
  ])
  calls = 0
  expect(await call(connect(Front, transport).get, { sku: 'saw' })).toMatchObject({ left: { reason: 'DOWN' } })
  expect(calls).toBe(5) // here nobody retries above it
})
