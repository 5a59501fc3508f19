/** A client is made of endpoints: what they know, how they are decorated, what they make of answers. */
import {
  around,
  CallError,
  type ClientBinding,
  call,
  callOrThrow,
  chain,
  connect,
  contract,
  explain,
  failed,
  failure,
  implement,
  intercept,
  left,
  type Metadata,
  method,
  methodOf,
  type Outcome,
  right,
  stream,
  withOutgoing,
} from 'tenon'
import * as memory from 'tenon/transport/memory'
import { describe, expect, test, vi } from 'vitest'
import { z } from 'zod'

const Ref = z.object({ id: z.string() })
const Order = z.object({ id: z.string(), at: z.iso.datetime().transform(text => new Date(text)) })
const Gone = failure('not_found', Ref)
const Orders = contract('shop.v1.Orders', {
  get: method({ request: Ref, response: Order, failures: { Gone }, idempotency: 'safe', deadlineMs: 700 }),
  watch: method({ request: Ref, response: stream(Order), idempotency: 'safe' }),
})
const at = '2026-01-01T00:00:00Z'
const order = { id: 'a', at: new Date(at) }

/** A transport that gives the same answer to each call. */
function answering(answer: (request: unknown) => Outcome | Promise<Outcome>): ClientBinding {
  return { name: 'fake', peer: 'fake:1', method: () => answer, close: async () => {} }
}

test('has an endpoint for each method, which knows its method', () => {
  const client = connect(
    Orders,
    answering(() => right({})),
  )
  expect(Object.keys(client)).toEqual(['get', 'watch'])
  expect(Object.isFrozen(client)).toBe(true)
  expect(methodOf(client.get)).toEqual({
    service: 'shop.v1.Orders',
    name: 'get',
    idempotency: 'safe',
    kind: 'unary',
    deadlineMs: 700,
    http: { method: 'POST', route: '/shop.v1.Orders/get' },
  })
  expect(explain(client.get).steps).toMatchObject([{ kind: 'remote', name: 'fake fake:1' }])
})

test('asks the transport for each method once, whatever the number of calls', async () => {
  const method = vi.fn(() => () => right({ id: 'a', at }))
  const client = connect(Orders, { ...answering(() => right({})), method })
  await call(client.get, { id: 'a' })
  await call(client.get, { id: 'b' })
  expect(method).toHaveBeenCalledTimes(2)
})

test('passes requests as they are: the server validates', async () => {
  const seen: unknown[] = []
  const client = connect(
    Orders,
    answering(request => {
      seen.push(request)
      return right({ id: 'a', at })
    }),
  )
  const request = { id: 7 as never }
  expect(await call(client.get, request)).toEqual(right(order))
  expect(seen[0]).toBe(request)
})

describe('an answer', () => {
  test.each<readonly [what: string, answer: Outcome, outcome: unknown]>([
    ['that fits comes as the output of its schema', right({ id: 'a', at }), { _tag: 'Right', right: order }],
    [
      'that is a failure comes as it is',
      failed('aborted', 'X', 'x', { ran: 'no' }),
      failed('aborted', 'X', 'x', { ran: 'no' }),
    ],
    [
      'that is a domain failure comes as it is',
      left({ _tag: 'Gone', details: {} }),
      left({ _tag: 'Gone', details: {} }),
    ],
  ])('%s', async (_, answer, outcome) => {
    for (const given of [answer, Promise.resolve(answer)]) {
      expect(
        await call(
          connect(
            Orders,
            answering(() => given),
          ).get,
          { id: 'a' },
        ),
      ).toEqual(outcome)
    }
  })

  test('that does not fit is the mistake of the peer', async () => {
    const client = connect(
      Orders,
      answering(() => right({ id: 7, at: 'x' })),
    )
    const outcome = await call(client.get, { id: 'a' })
    expect(outcome).toMatchObject({
      left: { code: 'internal', reason: 'INVALID_RESPONSE', ran: 'maybe', peer: 'fake:1' },
    })
    expect(outcome).toMatchObject({ left: { details: { issues: [{ path: 'id' }, { path: 'at' }] } } })
  })

  test('in a stream that does not fit ends it', async () => {
    const closed = vi.fn()
    const client = connect(
      Orders,
      answering(() =>
        right(
          (async function* () {
            try {
              yield { id: 'a', at }
              yield { id: 7 }
            } finally {
              closed()
            }
          })(),
        ),
      ),
    )
    const items: unknown[] = []
    const reading = async (): Promise<void> => {
      for await (const item of await callOrThrow(client.watch, { id: 'a' })) items.push(item)
    }
    await expect(reading()).rejects.toMatchObject({ failure: { reason: 'INVALID_RESPONSE', peer: 'fake:1' } })
    expect(items).toEqual([order])
    expect(closed).toHaveBeenCalledOnce()
  })
})

describe('middleware on the side of the caller', () => {
  const seen: Metadata[] = []
  const service = implement(Orders).handlers({
    get: ({ id }, { metadata }) => {
      seen.push(metadata)
      return id === 'gone' ? left(Orders.failures.Gone({ id })) : { id, at }
    },
    watch: async function* ({ id }) {
      yield { id, at }
    },
  })
  const client = connect(Orders, memory.client(service))

  test('see requests before they are sent and responses after they are checked', async () => {
    const log: unknown[] = []
    const logging = around({
      name: 'logging',
      enter: (_, request) => void log.push(request),
      exit: outcome => void log.push(outcome),
    })
    await call(logging(client.get), { id: 'a' })
    await call(logging(client.get), { id: 'gone' })
    expect(log).toEqual([{ id: 'a' }, right(order), { id: 'gone' }, left({ _tag: 'Gone', details: { id: 'gone' } })])
  })

  test('may add what is sent beside the request', async () => {
    const tenant = around({ name: 'tenant', enter: context => ({ context: withOutgoing(context, { tenant: 't1' }) }) })
    seen.length = 0
    await call(tenant(client.get), { id: 'a' })
    await call(client.get, { id: 'a' })
    expect(seen.map(metadata => metadata.get('tenant'))).toEqual(['t1', undefined])
  })

  test('may try again, each time as a call of its own', async () => {
    const again = intercept({
      name: 'again',
      run: async (next, request, context) => {
        const first = await next(request, context)
        return first._tag === 'Left' ? next({ id: 'a' }, context) : first
      },
    })
    const passing = around({ name: 'passing' })
    const outcome = await call(chain(again, passing)(client.get), { id: 'gone' })
    expect(outcome).toEqual(right(order))
  })
})

test('callOrThrow throws what the service failed with', async () => {
  const client = connect(
    Orders,
    answering(() => left({ _tag: 'Gone', details: { id: 'a' } })),
  )
  const thrown = await callOrThrow(client.get, { id: 'a' }).catch((thrown: unknown) => thrown)
  expect(thrown).toBeInstanceOf(CallError)
  expect(thrown).toMatchObject({ failure: { _tag: 'Gone', details: { id: 'a' } } })
})
