// The shop's services over the memory transport: schemas, failures, deadlines and streams are real, time is not.
import {
  type Authenticated,
  type Client,
  type Context,
  call,
  callOrThrow,
  connect,
  failed,
  fromPromise,
  isLeft,
  type ManualClock,
  type Middleware,
  manualClock,
  right,
  testContext,
} from 'tenon'
import * as memory from 'tenon/transport/memory'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { Orders, Stock } from '../../examples/shop/contracts.js'
import * as rules from '../../examples/shop/domain/orders.js'
import { OrderBook } from '../../examples/shop/order-book.js'
import { orders } from '../../examples/shop/orders.js'
import { stock } from '../../examples/shop/stock.js'
import { cancelAny, type User, usersOf, write } from '../../examples/shop/users.js'
import { known } from './customers.js'

const asIs: Middleware = next => next
const catalogue = [
  { sku: 'mug', name: 'Mug', priceCents: 950, available: 12 },
  { sku: 'honey', name: 'Honey', priceCents: 620, available: 1 },
]
const stepMs = 1_000

type StockClient = Client<typeof Stock.methods>

interface Shop {
  readonly clock: ManualClock
  readonly context: Context
  readonly stock: StockClient
  readonly orders: Client<typeof Orders.methods>
}

/** Both services in this process; messages become JSON on their way, as they would over a network. */
function open(replace: (real: StockClient) => Partial<StockClient> = () => ({})): Shop {
  const clock = manualClock()
  const inStock = connect(Stock, memory.client(stock({ catalogue, use: asIs }), { json: true }))
  const service = orders({ stock: { ...inStock, ...replace(inStock) }, use: asIs, known, stepMs })
  return {
    clock,
    context: testContext({ clock }),
    stock: inStock,
    orders: connect(Orders, memory.client(service, { json: true })),
  }
}

let shop: Shop
beforeEach(() => {
  shop = open()
})

const available = async (sku: string): Promise<number> => (await callOrThrow(shop.stock.lookup, { sku })).available
const place = (...lines: { sku: string; count: number }[]) =>
  call(shop.orders.place, { lines }, { context: shop.context })

describe('placing an order', () => {
  it('takes its pieces out of the stock and its prices from there', async () => {
    const order = await place({ sku: 'mug', count: 2 }, { sku: 'honey', count: 1 })
    expect(order).toMatchObject({ right: { id: '1', totalCents: 2_520, status: 'placed' } })
    expect(await available('mug')).toBe(10)
    expect(await available('honey')).toBe(0)
  })

  it('fails with what there is where that is too little, and puts the other lines back', async () => {
    const order = await place({ sku: 'mug', count: 2 }, { sku: 'honey', count: 2 })
    expect(order).toMatchObject({ left: { _tag: 'OutOfStock', details: { sku: 'honey', available: 1 } } })
    expect(await available('mug')).toBe(12)
  })

  it.each([
    [
      'an item that is not in the catalogue',
      [{ sku: 'moon', count: 1 }],
      { _tag: 'NoSuchItem', details: { sku: 'moon' } },
    ],
    ['no lines', [], { code: 'invalid_argument', reason: 'INVALID_REQUEST' }],
    ['no pieces', [{ sku: 'mug', count: 0 }], { code: 'invalid_argument', reason: 'INVALID_REQUEST' }],
    [
      'an item twice',
      [
        { sku: 'mug', count: 1 },
        { sku: 'mug', count: 1 },
      ],
      { code: 'invalid_argument', message: 'lines: an item is on two lines' },
    ],
  ])('refuses %s', async (_, lines, expected) => {
    expect(await place(...lines)).toMatchObject({ left: expected })
  })

  it('fails as the stock service does where that cannot be reached, and reserves nothing', async () => {
    const down = fromPromise(() => failed('unavailable', 'CONNECTION_REFUSED', 'the stock is not there'))
    shop = open(() => ({ reserve: down }))
    expect(await place({ sku: 'mug', count: 1 })).toMatchObject({ left: { code: 'unavailable' } })
    expect(await available('mug')).toBe(12)
  })

  it('puts its pieces back even when it is not known whether they were reserved', async () => {
    shop = open(real => ({
      reserve: fromPromise(async request => {
        await callOrThrow(real.reserve, request)
        return await new Promise<never>(() => {}) // the answer is lost
      }),
    }))
    const lines = [{ sku: 'mug', count: 3 }]
    const order = call(shop.orders.place, { lines }, { context: shop.context, deadlineMs: 500 })
    await shop.clock.settle()
    expect(await available('mug')).toBe(9)
    await shop.clock.advance(510)
    expect(await order).toMatchObject({ left: { code: 'deadline_exceeded' } })
    expect(await available('mug')).toBe(12)
  })
})

describe('an order', () => {
  beforeEach(async () => {
    await place({ sku: 'mug', count: 2 })
  })

  it('is packed and shipped in its time', async () => {
    await shop.clock.advance(stepMs)
    expect(await call(shop.orders.get, { id: '1' })).toMatchObject({ right: { status: 'packed' } })
    await shop.clock.advance(stepMs)
    expect(await call(shop.orders.get, { id: '1' })).toMatchObject({ right: { status: 'shipped' } })
    expect(shop.clock.pendingTimers).toBe(0)
  })

  it('gives its pieces back when it is cancelled, once', async () => {
    const first = await call(shop.orders.cancel, { id: '1' })
    expect(first).toMatchObject({ right: { status: 'cancelled' } })
    expect(await call(shop.orders.cancel, { id: '1' })).toEqual(first)
    expect(await available('mug')).toBe(12)
  })

  it('is placed by customers alone', async () => {
    const { lines } = (await callOrThrow(shop.orders.get, { id: '1' })) as { lines: { sku: string; count: number }[] }
    const placed = await call(shop.orders.place, { lines }, { outgoing: { who: 'bob', scopes: cancelAny } })
    expect(placed).toMatchObject({ left: { code: 'permission_denied', reason: 'PERMISSION_DENIED' } })
    expect(await available('mug')).toBe(10)
  })

  it('is cancelled by who placed it and by the staff, and by nobody else', async () => {
    const cancelAs = (outgoing: Record<string, string>) => call(shop.orders.cancel, { id: '1' }, { outgoing })
    expect(await cancelAs({ who: 'eve', scopes: 'orders:write' })).toMatchObject({
      left: { code: 'permission_denied', reason: 'PERMISSION_DENIED' },
    })
    expect(await available('mug')).toBe(10)
    expect(await cancelAs({ who: 'bob', scopes: cancelAny })).toMatchObject({ right: { status: 'cancelled' } })
    expect(await available('mug')).toBe(12)
  })

  it('cannot be cancelled once it is shipped', async () => {
    await shop.clock.advance(2 * stepMs)
    expect(await call(shop.orders.cancel, { id: '1' })).toMatchObject({
      left: { _tag: 'TooLate', details: { id: '1', status: 'shipped' } },
    })
    expect(await available('mug')).toBe(10)
  })

  it.each(['get', 'cancel', 'watch'] as const)('that nobody placed fails %s with its id', async method => {
    expect(await call<{ id: string }, unknown, unknown, Context>(shop.orders[method], { id: '7' })).toMatchObject({
      left: { _tag: 'NoSuchOrder', details: { id: '7' } },
    })
  })
})

describe('watching an order', () => {
  beforeEach(async () => {
    await place({ sku: 'mug', count: 2 })
  })

  const collect = async (): Promise<unknown[]> => {
    const events: unknown[] = []
    for await (const event of await watch()) events.push(event)
    return events
  }
  const watch = (options: { signal?: AbortSignal } = {}) =>
    callOrThrow(shop.orders.watch, { id: '1' }, { context: shop.context, ...options })

  it('gives each event when it happens, and ends with the last', async () => {
    const seen: string[] = []
    const watching = (async () => {
      for await (const { status, at } of await watch()) seen.push(`${status} ${at.slice(17, 19)}`)
      seen.push('end')
    })()
    await shop.clock.settle()
    expect(seen).toEqual(['placed 00'])
    await shop.clock.advance(stepMs)
    expect(seen).toEqual(['placed 00', 'packed 01'])
    await shop.clock.advance(stepMs)
    await watching
    expect(seen).toEqual(['placed 00', 'packed 01', 'shipped 02', 'end'])
  })

  it('tells several watchers, and those that come late, the same', async () => {
    const early = Promise.all([collect(), collect()])
    await shop.clock.advance(stepMs)
    await call(shop.orders.cancel, { id: '1' }, { context: shop.context })
    const late = await collect()
    expect(late).toMatchObject([{ status: 'placed' }, { status: 'packed' }, { status: 'cancelled' }])
    expect(await early).toEqual([late, late])
  })

  it('ends when the watcher goes away, which is no defect', async () => {
    const defects = vi.spyOn(console, 'error')
    const events = (await watch())[Symbol.asyncIterator]()
    await events.next()
    const next = events.next().catch(() => undefined)
    await events.return?.()
    await next
    await shop.clock.advance(2 * stepMs)
    expect(defects).not.toHaveBeenCalled()
  })

  it('ends in a failure when the call is cancelled, which is no defect', async () => {
    const defects = vi.spyOn(console, 'error')
    const controller = new AbortController()
    const events = (await watch({ signal: controller.signal }))[Symbol.asyncIterator]()
    await events.next()
    const next = events.next()
    controller.abort()
    const thrown = await next.catch((error: unknown) => error)
    expect(thrown).toMatchObject({ failure: { code: 'cancelled' } })
    expect(defects).not.toHaveBeenCalled()
  })
})

it('the order book waits no longer for an order than the call lasts', async () => {
  const book = new OrderBook()
  book.save(rules.place('1', [], 0))
  const controller = new AbortController()
  const events = book.follow('1', controller.signal)
  await events.next()
  const next = events.next()
  controller.abort()
  await expect(next).rejects.toThrow('aborted')
})

describe('the stock', () => {
  it('lists what there is, and says how many there are after counting', async () => {
    await callOrThrow(shop.stock.set, { sku: 'honey', available: 9 })
    const { items } = await callOrThrow(shop.stock.list, {})
    expect(items.map(item => [item.sku, item.available])).toEqual([
      ['mug', 12],
      ['honey', 9],
    ])
  })

  it('shows nobody its reservations', async () => {
    await call(shop.stock.reserve, { sku: 'mug', reservation: 'a', count: 1 })
    const found = await call(shop.stock.lookup, { sku: 'mug' })
    expect(isLeft(found) ? found.left : Object.keys(found.right)).toEqual(['sku', 'name', 'priceCents', 'available'])
  })
})

describe('the tokens that `npm start` prints', () => {
  it.each(['customer', 'staff'] as const)('open the shop for ten minutes: of the %s', async who => {
    const users = usersOf()
    const token = (await users.tokens)[who]
    const madeAt = Date.now()
    const whoCalls = fromPromise(async (_: object, { principal }: Context & Authenticated<User>) => principal.scopes)
    const openedAfter = async (seconds: number) => {
      const clock = manualClock({ startWallTime: madeAt + seconds * 1_000 })
      const context = testContext({ clock, metadata: { authorization: `Bearer ${token}` } })
      return await call(users.known(whoCalls), {}, { context })
    }
    const scope = who === 'staff' ? cancelAny : write
    expect(await openedAfter(0)).toEqual(right([scope]))
    expect(await openedAfter(580)).toEqual(right([scope]))
    expect(await openedAfter(610)).toMatchObject({ left: { reason: 'TOKEN_EXPIRED' } }) // the clocks may differ by 5 s
  })
})
