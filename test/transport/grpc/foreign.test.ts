/** Peers that know nothing of Tenon: grpc-js' own client and server, and buf, which knows the service by reflection alone. */
import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { promisify } from 'node:util'
import * as grpcJs from '@grpc/grpc-js'
import { call, callOrThrow, connect, contract, failed, failure, implement, left, method, stream } from 'tenon'
import { serve } from 'tenon/lifecycle'
import * as grpc from 'tenon/transport/grpc'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { grpcService } from '../../../src/transport/grpc/message-codec.js'
import { bound } from './bound.js'
import { decodeStatus, encodeStatus } from './google-rpc.js'

const Item = z.object({ sku: z.string(), count: z.int32() })
const Stock = contract('shop.v1.Stock', {
  reserve: method({
    request: Item,
    response: z.object({ left: z.int32() }),
    failures: { OutOfStock: failure('failed_precondition', z.object({ sku: z.string() })) },
    idempotency: 'unsafe',
  }),
  sum: method({ request: stream(Item), response: Item, idempotency: 'safe' }),
  list: method({ request: Item, response: stream(Item), idempotency: 'safe' }),
  chat: method({ request: stream(Item), response: stream(Item), idempotency: 'safe' }),
})
const stock = implement(Stock).handlers({
  reserve({ sku, count }, { reply, metadata }) {
    if (sku === 'gone') return left(Stock.failures.OutOfStock({ sku }))
    if (sku === 'busy')
      return failed('unavailable', 'BUSY', 'later', { retryAfterMs: 250, details: { depth: [1, null] } })
    reply.header('x-seen', metadata.get('x-sent') ?? '')
    reply.header('x-raw-bin', metadata.get('x-raw-bin') ?? '')
    reply.trailer('x-cost', '3')
    return { left: 10 - count }
  },
  async sum(items) {
    let count = 0
    for await (const item of items) count += item.count
    return { sku: 'all', count }
  },
  async *list({ count }) {
    for (let i = 0; i < count; i++) yield { sku: `${i}`, count: i }
  },
  async *chat(items) {
    for await (const { sku, count } of items) yield { sku, count: count * 2 }
  },
})

const { methods } = grpcService(Stock)
function wireOf(name: string) {
  const found = methods.get(name)
  if (found === undefined) throw new Error(`there is no method ${name}`)
  const { path, request, response } = found
  return {
    path,
    encode: (value: unknown) => Buffer.from(request.encode(value)),
    decode: (bytes: Buffer) => response.decode(bytes),
    encodeResponse: (value: unknown) => Buffer.from(response.encode(value)),
    decodeRequest: (bytes: Buffer) => request.decode(bytes),
  }
}

let address = ''
let stop: () => Promise<void>
let native: grpcJs.Client
beforeAll(async () => {
  const running = await serve([stock], [grpc.server({ port: 0, reflection: true })], { signals: false })
  address = running.addresses[0]?.replace('grpc://', '') ?? ''
  native = new grpcJs.Client(address, grpcJs.credentials.createInsecure())
  stop = () => running.drain()
})
afterAll(async () => {
  native.close()
  await stop()
})

interface Answer {
  readonly error: grpcJs.ServiceError | null
  readonly value: unknown
  readonly headers: grpcJs.Metadata | undefined
  readonly status: grpcJs.StatusObject | undefined
}

function unary(name: string, request: unknown, metadata = new grpcJs.Metadata(), options: grpcJs.CallOptions = {}) {
  const { path, encode, decode } = wireOf(name)
  return new Promise<Answer>(resolve => {
    let headers: grpcJs.Metadata | undefined
    let result: Pick<Answer, 'error' | 'value'> = { error: null, value: undefined }
    native
      .makeUnaryRequest(path, encode, decode, request, metadata, options, (error, value) => {
        result = { error, value }
      })
      .on('metadata', given => {
        headers = given
      })
      .on('status', status => setImmediate(() => resolve({ ...result, headers, status })))
  })
}

describe("grpc-js' client", () => {
  test('gets the response, and metadata both ways', async () => {
    const metadata = new grpcJs.Metadata()
    metadata.set('x-sent', 'tea')
    metadata.set('x-raw-bin', Buffer.from([0, 255]))
    const { value, headers, status } = await unary('reserve', { sku: 'a', count: 4 }, metadata)
    expect(value).toEqual({ left: 6 })
    expect(headers?.get('x-seen')).toEqual(['tea'])
    expect(headers?.get('x-raw-bin')).toEqual([Buffer.from([0, 255])])
    expect(status?.metadata.get('x-cost')).toEqual(['3'])
  })

  test('reads failures as google.rpc.Status', async () => {
    const gone = await unary('reserve', { sku: 'gone', count: 1 })
    expect(gone.error).toMatchObject({ code: grpcJs.status.FAILED_PRECONDITION, details: 'OutOfStock' })
    const [bytes] = gone.error?.metadata.get('grpc-status-details-bin') ?? []
    expect(decodeStatus(bytes as Buffer)).toMatchObject({
      code: 9,
      details: [
        { '@type': 'google.rpc.ErrorInfo', reason: 'OutOfStock', domain: 'shop.v1.Stock' },
        { '@type': 'shop.v1.StockOutOfStockFailure' },
      ],
    })
    const busy = await unary('reserve', { sku: 'busy', count: 1 })
    expect(busy.error?.code).toBe(grpcJs.status.UNAVAILABLE)
    expect(busy.error?.metadata.get('grpc-retry-pushback-ms')).toEqual(['250'])
  })

  test('streams in all directions', async () => {
    const [list, sum, chat] = ['list', 'sum', 'chat'].map(wireOf)
    if (list === undefined || sum === undefined || chat === undefined) throw new Error('no methods')
    const listed: unknown[] = []
    for await (const item of native.makeServerStreamRequest(list.path, list.encode, list.decode, { sku: '', count: 3 }))
      listed.push(item)
    expect(listed).toEqual([0, 1, 2].map(i => ({ sku: `${i}`, count: i })))
    const summed = await new Promise((resolve, reject) => {
      const sending = native.makeClientStreamRequest(sum.path, sum.encode, sum.decode, (error, value) =>
        error === null ? resolve(value) : reject(error),
      )
      for (const count of [1, 2, 3]) sending.write({ sku: '', count })
      sending.end()
    })
    expect(summed).toEqual({ sku: 'all', count: 6 })
    const chatting = native.makeBidiStreamRequest(chat.path, chat.encode, chat.decode)
    const answers: unknown[] = []
    for (let count = 1; count <= 3; count++) {
      chatting.write({ sku: 'x', count })
      answers.push((await chatting[Symbol.asyncIterator]().next()).value)
      if (count === 1) break // the iterator of a Node stream ends it
    }
    chatting.cancel()
    expect(answers).toEqual([{ sku: 'x', count: 2 }])
  })

  test('is held to the limits of the server', async () => {
    const large = await unary('reserve', { sku: 'x'.repeat(5 << 20), count: 1 })
    expect(large.error?.code).toBe(grpcJs.status.RESOURCE_EXHAUSTED)
    const late = await unary('reserve', { sku: 'a', count: 1 }, undefined, { deadline: Date.now() - 1 })
    expect(late.error?.code).toBe(grpcJs.status.DEADLINE_EXCEEDED)
  })

  test('may pack its requests', async () => {
    const packing = new grpcJs.Client(address, grpcJs.credentials.createInsecure(), {
      'grpc.default_compression_algorithm': grpcJs.compressionAlgorithms.gzip,
    })
    const { path, encode, decode } = wireOf('reserve')
    const value = await new Promise((resolve, reject) => {
      packing.makeUnaryRequest(path, encode, decode, { sku: 'a', count: 3 }, (error, got) =>
        error === null ? resolve(got) : reject(error),
      )
    })
    expect(value).toEqual({ left: 7 })
    packing.close()
  })
})

describe('health', () => {
  const health = { path: '/grpc.health.v1.Health/Check', same: (bytes: Buffer) => bytes }
  function check(
    name: string,
  ): Promise<{ readonly error: grpcJs.ServiceError | null; readonly value: Buffer | undefined }> {
    const request = Buffer.concat([Buffer.from([10, name.length]), Buffer.from(name)])
    return new Promise(resolve =>
      native.makeUnaryRequest(health.path, health.same, health.same, request, (error, value) =>
        resolve({ error, value }),
      ),
    )
  }
  const serving = Buffer.from([8, 1])

  test('is what readiness says, for the server and for each service', async () => {
    expect((await check('')).value).toEqual(serving)
    expect((await check('shop.v1.Stock')).value).toEqual(serving)
    expect((await check('nobody')).error?.code).toBe(grpcJs.status.NOT_FOUND)
  })

  test('tells watchers of a drain, and does not hold it up', async () => {
    const running = await serve([stock], [grpc.server({ port: 0 })], { signals: false })
    const watching = new grpcJs.Client(
      running.addresses[0]?.replace('grpc://', '') ?? '',
      grpcJs.credentials.createInsecure(),
    )
    const stream = watching.makeServerStreamRequest(
      '/grpc.health.v1.Health/Watch',
      health.same,
      health.same,
      Buffer.alloc(0),
    )
    const seen: Buffer[] = []
    const ended = new Promise<grpcJs.StatusObject>(resolve => stream.on('status', resolve))
    stream.on('error', () => {})
    await new Promise<void>(resolve =>
      stream.on('data', (message: Buffer) => {
        seen.push(message)
        resolve()
      }),
    )
    await running.drain()
    expect((await ended).code).toBe(grpcJs.status.UNAVAILABLE)
    expect(seen).toEqual([serving, Buffer.from([8, 2])])
    watching.close()
  })
})

describe("grpc-js' server", () => {
  const server = new grpcJs.Server()
  let binding: ReturnType<typeof grpc.client>
  beforeAll(async () => {
    const definition = Object.fromEntries(
      [...Stock.specs].map(([name, spec]) => {
        const { path, encode, decode, encodeResponse, decodeRequest } = wireOf(name)
        return [
          name,
          {
            path,
            requestStream: spec.request.streamed,
            responseStream: spec.response.streamed,
            requestSerialize: encode,
            responseDeserialize: decode,
            responseSerialize: encodeResponse,
            requestDeserialize: decodeRequest,
          },
        ]
      }),
    )
    server.addService(definition, {
      reserve(
        call: grpcJs.ServerUnaryCall<{ sku: string; count: number }, unknown>,
        respond: grpcJs.sendUnaryData<unknown>,
      ) {
        const { sku, count } = call.request
        const trailers = new grpcJs.Metadata()
        if (sku === 'status') {
          trailers.set(
            'grpc-status-details-bin',
            encodeStatus(8, 'slower', [
              { '@type': 'google.rpc.ErrorInfo', reason: 'QUOTA', domain: 'elsewhere' },
              { '@type': 'google.rpc.RetryInfo', retry_delay: { seconds: 0, nanos: 70_000_000 } },
            ]),
          )
          respond({ code: 8, details: 'slower', metadata: trailers })
        } else if (sku === 'never') {
          trailers.set('grpc-retry-pushback-ms', '-1')
          respond({ code: 14, details: 'do not', metadata: trailers })
        } else if (sku === 'missing') respond({ code: 5, details: 'no such thing' })
        else if (sku === 'odd') respond({ code: 77 as never, details: 'odd' })
        else {
          const headers = new grpcJs.Metadata()
          headers.set('x-seen', call.metadata.get('x-sent')[0] ?? '')
          call.sendMetadata(headers)
          respond(null, { left: count })
        }
      },
      list(call: grpcJs.ServerWritableStream<{ count: number }, unknown>) {
        for (let i = 0; i < call.request.count; i++) call.write({ sku: `${i}`, count: i })
        call.end()
      },
      sum(call: grpcJs.ServerReadableStream<{ count: number }, unknown>, respond: grpcJs.sendUnaryData<unknown>) {
        let count = 0
        call.on('data', item => {
          count += item.count
        })
        call.on('end', () => respond(null, { sku: 'all', count }))
      },
      chat(call: grpcJs.ServerDuplexStream<{ sku: string; count: number }, unknown>) {
        call.on('data', ({ sku, count }) => call.write({ sku, count: count * 2 }))
        call.on('end', () => call.end())
      },
    })
    binding = grpc.client(await bound(server))
  })
  afterAll(async () => {
    await binding.close()
    server.forceShutdown()
  })
  const failureOf = async (sku: string): Promise<unknown> => {
    const outcome = await call(connect(Stock, binding).reserve, { sku, count: 1 })
    return outcome._tag === 'Left' ? outcome.left : expect.fail('it succeeded')
  }

  test('answers calls and streams of ours', async () => {
    const client = connect(Stock, binding)
    let seen: string | undefined
    const outgoing = { 'x-sent': 'tea' }
    const onReply = (reply: { headers: ReadonlyMap<string, string> }): void => {
      seen = reply.headers.get('x-seen')
    }
    expect(await callOrThrow(client.reserve, { sku: 'a', count: 4 }, { outgoing, onReply })).toEqual({ left: 4 })
    expect(seen).toBe('tea')
    const items = async function* (): AsyncGenerator<{ sku: string; count: number }> {
      for (const count of [1, 2, 3]) yield { sku: 'x', count }
    }
    expect(await callOrThrow(client.sum, items())).toEqual({ sku: 'all', count: 6 })
    const counts = async (stream: AsyncIterable<{ count: number }>): Promise<number[]> => {
      const all: number[] = []
      for await (const { count } of stream) all.push(count)
      return all
    }
    expect(await counts(await callOrThrow(client.list, { sku: '', count: 3 }))).toEqual([0, 1, 2])
    expect(await counts(await callOrThrow(client.chat, items()))).toEqual([2, 4, 6])
  })

  test('fails with its own words, which become ours', async () => {
    expect(await failureOf('status')).toMatchObject({
      code: 'resource_exhausted',
      reason: 'QUOTA',
      message: 'slower',
      retryAfterMs: 70,
    })
    expect(await failureOf('missing')).toMatchObject({
      code: 'not_found',
      reason: 'NOT_FOUND',
      message: 'no such thing',
      ran: 'maybe',
    })
    expect(await failureOf('never')).toMatchObject({ code: 'unavailable', reason: 'UNAVAILABLE', retryAfterMs: 1e12 })
    expect(await failureOf('odd')).toMatchObject({ code: 'unknown', reason: 'UNKNOWN' })
  })
})

describe('buf, by reflection', () => {
  const buf = createRequire(import.meta.url).resolve('@bufbuild/buf/bin/buf')
  const run = (args: readonly string[]) =>
    promisify(execFile)(process.execPath, [buf, 'curl', '--protocol', 'grpc', '--http2-prior-knowledge', ...args], {
      timeout: 60_000,
    })

  test.each(['grpc-v1', 'grpc-v1alpha'])('lists and calls what there is, with %s', async version => {
    const reflecting = ['--reflect-protocol', version]
    const { stdout: services } = await run([...reflecting, '--list-services', `http://${address}`])
    expect(services.trim()).toBe('shop.v1.Stock')
    const { stdout } = await run([
      ...reflecting,
      '-d',
      '{"sku":"a","count":3}',
      `http://${address}/shop.v1.Stock/Reserve`,
    ])
    expect(JSON.parse(stdout)).toEqual({ left: 7 })
    const { stdout: items } = await run([...reflecting, '-d', '{"count":3}', `http://${address}/shop.v1.Stock/List`])
    expect(items.match(/"sku"/g)).toHaveLength(3)
    const failing = run([...reflecting, '-d', '{"sku":"gone","count":3}', `http://${address}/shop.v1.Stock/Reserve`])
    const { stderr } = (await failing.catch((thrown: unknown) => thrown)) as { readonly stderr: string }
    const { code, details } = JSON.parse(stderr) as {
      readonly code: string
      readonly details: readonly { readonly type: string }[]
    }
    expect(code).toBe('failed_precondition')
    expect(details.map(({ type }) => type)).toEqual(['google.rpc.ErrorInfo', 'shop.v1.StockOutOfStockFailure'])
  })
})
