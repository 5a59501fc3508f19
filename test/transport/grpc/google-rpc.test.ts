/** Failures as google.rpc says them, between us and grpc-js itself, with protobufjs to read and write them. */
import * as grpcJs from '@grpc/grpc-js'
import { call, connect, contract, failed, failure, implement, left, method } from 'tenon'
import { type Running, serve } from 'tenon/lifecycle'
import { type RetryEvent, retry } from 'tenon/middleware'
import * as grpc from 'tenon/transport/grpc'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { bound } from './bound.js'
import { decodeStatus, encodeStatus } from './google-rpc.js'

const Stock = contract('shop.v1.Stock', {
  reserve: method({
    request: z.object({ sku: z.string(), count: z.int32().min(0) }),
    response: z.object({}),
    failures: { OutOfStock: failure('failed_precondition', z.object({ sku: z.string() })) },
    idempotency: 'safe',
  }),
})
const path = '/shop.v1.Stock/Reserve'
const same = (bytes: Buffer): Buffer => bytes
const text = (sku: string): Buffer => Buffer.concat([Buffer.from([10, sku.length]), Buffer.from(sku)])

describe('what is sent', () => {
  const stock = implement(Stock).handlers({
    reserve({ sku }) {
      if (sku === 'gone') return left(Stock.failures.OutOfStock({ sku }))
      if (sku === 'plain') return failed('not_found', 'NOT_FOUND', 'no such thing')
      return failed('unavailable', 'BUSY', 'later', {
        retryAfterMs: 1250.5,
        details: { depth: [1, null], why: 'queue' },
      })
    },
  })
  let running: Running
  let native: grpcJs.Client
  beforeAll(async () => {
    running = await serve([stock], [grpc.server({ port: 0 })], { signals: false })
    native = new grpcJs.Client(running.addresses[0]?.replace('grpc://', '') ?? '', grpcJs.credentials.createInsecure())
  })
  afterAll(async () => {
    native.close()
    await running.close()
  })
  const failureOf = (request: Buffer) =>
    new Promise<{ pushback: unknown; status: ReturnType<typeof decodeStatus> }>((resolve, reject) =>
      native.makeUnaryRequest(path, same, same, request, error => {
        const [bytes] = error?.metadata.get('grpc-status-details-bin') ?? []
        if (!Buffer.isBuffer(bytes)) reject(new Error('there is no Status'))
        else resolve({ pushback: error?.metadata.get('grpc-retry-pushback-ms')[0], status: decodeStatus(bytes) })
      }),
    )

  test('a declared failure has ErrorInfo and its own message', async () => {
    expect((await failureOf(text('gone'))).status).toEqual({
      code: 9,
      message: 'OutOfStock',
      details: [
        { '@type': 'google.rpc.ErrorInfo', reason: 'OutOfStock', domain: 'shop.v1.Stock' },
        { '@type': 'shop.v1.StockOutOfStockFailure' },
      ],
    })
  })

  test('when to come again is RetryInfo, and pushback', async () => {
    const { pushback, status } = await failureOf(text('busy'))
    expect(status).toEqual({
      code: 14,
      message: 'later',
      details: [
        { '@type': 'google.rpc.ErrorInfo', reason: 'BUSY', domain: 'shop.v1.Stock' },
        { '@type': 'google.rpc.RetryInfo', retry_delay: { seconds: 1, nanos: 250_500_000 } },
        {
          '@type': 'google.protobuf.Struct',
          fields: {
            depth: { listValue: { values: [{ numberValue: 1 }, { nullValue: 0 }] } },
            why: { stringValue: 'queue' },
          },
        },
      ],
    })
    expect(pushback).toBe('1251')
  })

  test('what is wrong with a request is BadRequest', async () => {
    const minusOne = Buffer.concat([text('a'), Buffer.from([16, ...Array(9).fill(0xff), 1])])
    const { status } = await failureOf(minusOne)
    expect(status).toMatchObject({
      code: 3,
      details: [
        { '@type': 'google.rpc.ErrorInfo', reason: 'INVALID_REQUEST' },
        {
          '@type': 'google.rpc.BadRequest',
          field_violations: [{ field: 'count', description: expect.stringMatching(/0/) }],
        },
      ],
    })
  })

  test('a reason that is the code is not said again', async () => {
    expect((await failureOf(text('plain'))).status).toEqual({ code: 5, message: 'no such thing', details: [] })
  })
})

describe('what comes', () => {
  const server = new grpcJs.Server()
  let binding: ReturnType<typeof grpc.client>
  let calls = 0
  let answered: { readonly pushback?: string; readonly status?: Buffer } = {}
  beforeAll(async () => {
    server.register(
      path,
      (_: unknown, respond: grpcJs.sendUnaryData<Buffer>) => {
        calls++
        const metadata = new grpcJs.Metadata()
        if (answered.pushback !== undefined) metadata.set('grpc-retry-pushback-ms', answered.pushback)
        if (answered.status !== undefined) metadata.set('grpc-status-details-bin', answered.status)
        respond({ code: 14, details: 'busy', metadata })
      },
      same,
      same,
      'unary',
    )
    binding = grpc.client(await bound(server))
  })
  afterAll(async () => {
    await binding.close()
    server.forceShutdown()
  })
  const failureOf = async (answer: typeof answered): Promise<unknown> => {
    answered = answer
    const outcome = await call(connect(Stock, binding).reserve, { sku: 'a', count: 1 })
    return outcome._tag === 'Left' ? outcome.left : expect.fail('it succeeded')
  }
  const info = { '@type': 'google.rpc.ErrorInfo', reason: 'QUOTA', domain: 'elsewhere' }
  const soon = { '@type': 'google.rpc.RetryInfo', retry_delay: { seconds: 0, nanos: 20_500_000 } }

  test('says why, when to come again, and what is wrong', async () => {
    const violations = [{ field: 'items[0].sku', description: 'unknown' }]
    const wrong = { '@type': 'google.rpc.BadRequest', field_violations: violations }
    expect(await failureOf({ status: encodeStatus(14, 'all of it', [info, soon, wrong]) })).toMatchObject({
      code: 'unavailable',
      reason: 'QUOTA',
      message: 'all of it',
      retryAfterMs: 20.5,
      details: { issues: [{ path: 'items[0].sku', message: 'unknown' }] },
    })
  })

  test('may be anything that is no Status: the code and the message hold', async () => {
    expect(await failureOf({ status: Buffer.from([0xff, 0xff]) })).toMatchObject({
      reason: 'UNAVAILABLE',
      message: 'busy',
    })
  })

  const both = (pushback: string) => ({ pushback, status: encodeStatus(14, 'busy', [info, soon]) })
  test.each([
    ['20', { pushback: '20' }, 20],
    ['RetryInfo of 20.5 ms', { status: encodeStatus(14, 'busy', [soon]) }, 20.5],
    ['both, the same', both('21'), 20.5],
    ['both, the pushback longer', both('40'), 40],
    ['both, RetryInfo longer', both('5'), 20.5],
  ])('pushback: %s is waited for before the next attempt', async (_, answer, waitMs) => {
    expect(await attempts(answer)).toEqual({ calls: 2, told: ['retried', 'gave-up'], waits: [waitMs] })
  })

  test.each([
    ['-1', { pushback: '-1' }],
    ['no number', { pushback: 'abc' }],
    ['-1 beside RetryInfo', both('-1')],
  ])('pushback: %s means no more attempts', async (_, answer) => {
    expect(await attempts(answer)).toEqual({ calls: 1, told: ['gave-up'], waits: [] })
  })

  async function attempts(answer: typeof answered): Promise<unknown> {
    answered = answer
    calls = 0
    const events: RetryEvent[] = []
    const again = retry({ maxAttempts: 2, baseMs: 0, onEvent: event => events.push(event) })
    await call(again(connect(Stock, binding).reserve), { sku: 'a', count: 1 })
    return {
      calls,
      told: events.map(({ type }) => type),
      waits: events.flatMap(event => (event.type === 'retried' ? [event.waitMs] : [])),
    }
  }
})
