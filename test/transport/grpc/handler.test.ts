/** One endpoint without a contract, in a grpc-js server and from a client of ours, with Go kit's hooks. */
import * as grpcJs from '@grpc/grpc-js'
import {
  CallError,
  call,
  callOrThrow,
  type Failure,
  failed,
  failureOf,
  fromPromise,
  type Outcome,
  withOutgoing,
} from 'tenon'
import * as grpc from 'tenon/transport/grpc'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { bound } from './bound.js'

interface Sum {
  readonly a: number
  readonly b: number
}
const json = {
  serialize: (value: unknown): Buffer => Buffer.from(JSON.stringify(value)),
  deserialize: (bytes: Buffer): never => JSON.parse(bytes.toString()) as never,
}
function definition(
  name: string,
  requestStream = false,
  responseStream = false,
): grpcJs.MethodDefinition<Sum, { v: number }> {
  return {
    path: `/pb.Add/${name}`,
    requestStream,
    responseStream,
    requestSerialize: json.serialize,
    requestDeserialize: json.deserialize,
    responseSerialize: json.serialize,
    responseDeserialize: json.deserialize,
  }
}
const definitions = {
  sum: definition('Sum'),
  total: definition('Total', true),
  count: definition('Count', false, true),
  chat: definition('Chat', true, true),
}

type Numbers = readonly [number, number]
const decode = ({ a, b }: Sum): Numbers => {
  if (a < 0) throw new CallError<never>(failureOf('invalid_argument', 'NEGATIVE', 'a is negative'))
  return [a, b]
}
const encode = (v: number): { v: number } => ({ v })
const told: unknown[] = []
const defects: unknown[] = []
const finished: { resolve?: (given: grpc.FinishedHandling) => void } = {}

const sum = grpc.handler(
  fromPromise(async ([a, b]: Numbers, { metadata, reply }) => {
    if (a === 7) throw new Error('swordfish')
    reply.header('x-seen', metadata.get('x-sent') ?? '')
    return a + b > 100 ? failed('out_of_range', 'TOO_LARGE', 'over a hundred', { retryAfterMs: 5 }) : a + b
  }),
  { decode, encode },
  {
    before: [
      (context, surface) => {
        told.push(['before', surface.getPath()])
        return context
      },
    ],
    after: [
      reply => {
        told.push('after')
        reply.trailer('x-cost', '3')
      },
    ],
    onFailure: failure => told.push(['failure', failure._tag]),
    finalizer: given => finished.resolve?.(given),
    onDefect: thrown => defects.push(thrown),
  },
)
const server = new grpcJs.Server()
let target = ''
beforeAll(async () => {
  server.addService(definitions, {
    sum,
    total: grpc.handler(
      fromPromise(async (items: AsyncIterable<Numbers>) => {
        let total = 0
        for await (const [a, b] of items) {
          total += a + b
          if (total > 100) break
        }
        return total
      }),
      { decode, encode },
    ),
    count: grpc.handler(
      fromPromise(async ([a, b]: Numbers) =>
        (async function* () {
          for (let i = a; i < b; i++) yield i
          if (b > 50) throw new CallError<never>(failureOf('out_of_range', 'TOO_LARGE', 'over fifty'))
        })(),
      ),
      { decode, encode },
    ),
    chat: grpc.handler(
      fromPromise(async (items: AsyncIterable<Numbers>) =>
        (async function* () {
          for await (const [a, b] of items) yield a * b
        })(),
      ),
      { decode, encode },
    ),
  })
  target = await bound(server)
})
afterAll(async () => {
  await Promise.all([endpoint.close(), ...others.map(each => each.close())])
  server.forceShutdown()
})

const calls: unknown[] = []
const outgoing = ([a, b]: Numbers): Sum => ({ a, b })
const incoming = ({ v }: { v: number }): number => v
let endpoint: grpc.GrpcEndpoint<Numbers, number, never>
const others: { close(): Promise<void> }[] = []
beforeAll(() => {
  endpoint = grpc.endpoint(
    target,
    definitions.sum,
    { encode: outgoing, decode: incoming },
    {
      before: [context => withOutgoing(context, { 'x-sent': 'tea' })],
      after: reply => calls.push(reply.headers.get('x-seen'), reply.trailers.get('x-cost')),
      onFailure: failure => calls.push(failure._tag),
      finalizer: ({ outcome }) => calls.push(outcome._tag),
    },
  )
})
function opened<E extends { close(): Promise<void> }>(one: E): E {
  others.push(one)
  return one
}
const failureIn = (outcome: Outcome | Awaited<ReturnType<typeof call>>): Failure =>
  outcome._tag === 'Left' ? (outcome.left as Failure) : expect.fail('it succeeded')

beforeEach(() => {
  for (const each of [calls, told, defects]) each.length = 0
})

test('a call passes its hooks on both sides', async () => {
  const over = new Promise<grpc.FinishedHandling>(resolve => {
    finished.resolve = resolve
  })
  expect(await callOrThrow(endpoint, [1, 2])).toBe(3)
  expect(calls.splice(0)).toEqual(['tea', '3', 'Right'])
  expect(await over).toMatchObject({ path: '/pb.Add/Sum', failure: undefined })
  expect(told.splice(0)).toEqual([['before', '/pb.Add/Sum'], 'after'])
})

test('failures of the endpoint and of the codec arrive as they were', async () => {
  expect(failureIn(await call(endpoint, [100, 2]))).toMatchObject({
    code: 'out_of_range',
    reason: 'TOO_LARGE',
    retryAfterMs: 5,
  })
  expect(failureIn(await call(endpoint, [-1, 2]))).toMatchObject({
    code: 'invalid_argument',
    reason: 'NEGATIVE',
    ran: 'no',
  })
  expect(calls.splice(0).filter(each => each === 'Failure')).toHaveLength(2)
  expect(told.splice(0).filter(each => Array.isArray(each) && each[0] === 'failure')).toHaveLength(2)
})

test('a defect keeps its text, and is reported', async () => {
  expect(failureIn(await call(endpoint, [7, 2]))).toMatchObject({
    code: 'internal',
    reason: 'DEFECT',
    message: 'internal error',
  })
  expect(defects.splice(0)).toHaveLength(1)
})

test('streams in all directions, item by item', async () => {
  const codec = { encode: outgoing, decode: incoming }
  const total = opened(
    grpc.endpoint<AsyncIterable<Numbers>, number, Sum, { v: number }>(target, definitions.total, codec),
  )
  const count = opened(
    grpc.endpoint<Numbers, AsyncIterable<number>, Sum, { v: number }>(target, definitions.count, codec),
  )
  const chat = opened(
    grpc.endpoint<AsyncIterable<Numbers>, AsyncIterable<number>, Sum, { v: number }>(target, definitions.chat, codec),
  )
  async function* pairs(count: number): AsyncGenerator<Numbers> {
    for (let i = 0; i < count; i++) yield [i, 2]
  }
  const all = async (items: AsyncIterable<number>): Promise<number[]> => {
    const found: number[] = []
    for await (const item of items) found.push(item)
    return found
  }
  expect(await callOrThrow(total, pairs(3))).toBe(9)
  expect(await callOrThrow(total, pairs(1000))).toBeGreaterThan(100) // it left the stream
  expect(await all(await callOrThrow(count, [0, 4]))).toEqual([0, 1, 2, 3])
  expect(await all(await callOrThrow(chat, pairs(3)))).toEqual([0, 2, 4])
  await expect(all(await callOrThrow(count, [49, 51]))).rejects.toMatchObject({ failure: { reason: 'TOO_LARGE' } })
})

test('a deadline that is none is refused at once', () => {
  expect(() =>
    grpc.handler(
      fromPromise(async () => 1),
      { decode, encode },
      { deadlineMs: 0 },
    ),
  ).toThrow(RangeError)
})
