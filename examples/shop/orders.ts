// The orders service: the contract implemented on an order book and on the stock service, which it calls through endpoints.
// Whether these lead to the same process or across a network is not known here.
import { randomUUID } from 'node:crypto'
import type { Authenticated, CallOptions, Client, Clock, Context, Middleware, Provider } from 'tenon'
import { call, fromPromise, implement, isFailure, isLeft, left, right } from 'tenon'
import { anyOf, authorize, rule, scopes } from 'tenon/auth'
import { type Order, Orders, type Stock } from './contracts.js'
import * as rules from './domain/orders.js'
import { OrderBook } from './order-book.js'
import { cancelAny, type User, write } from './users.js'

/** What {@link orders} is made of. */
export interface OrdersOptions {
  /** The stock service. */
  readonly stock: Pick<Client<typeof Stock.methods>, 'reserve' | 'release'>
  /** Around each method. */
  readonly use: Middleware
  /** Around the methods that have to know who calls. */
  readonly known: Provider<Authenticated<User>>
  /** How long packing takes, and shipping, in ms. @defaultValue 2000 */
  readonly stepMs?: number
}

type Wanted = Pick<Order['lines'][number], 'sku' | 'count'>

export function orders({ stock, use, known, stepMs = 2_000 }: OrdersOptions) {
  const book = new OrderBook()
  const shop = randomUUID() // stock may outlive this process, in whose successor order 1 is another one
  const reservationOf = (id: string) => `${shop}-${id}`
  const noSuchOrder = (id: string) => left(Orders.failures.NoSuchOrder({ id }))

  /** All lines or none: where one cannot be had, the others are put back. */
  const reserveAll = async (id: string, lines: readonly Wanted[], context: Context) => {
    const priced: Order['lines'] = []
    for (const { sku, count } of lines) {
      const reserved = await call(stock.reserve, { sku, reservation: reservationOf(id), count }, { context })
      if (isLeft(reserved)) {
        await releaseAll(id, lines) // without the context: this has to be done even when the call is over
        return left(reserved.left)
      }
      priced.push({ sku, count, priceCents: reserved.right.priceCents })
    }
    return right(priced)
  }

  const releaseAll = (id: string, lines: readonly Wanted[], options?: CallOptions) =>
    Promise.all(lines.map(({ sku }) => call(stock.release, { sku, reservation: reservationOf(id) }, options)))

  /** Stands for the warehouse: takes an order a step further, again and again until it is final. */
  const fulfil = (id: string, clock: Clock): void => {
    const step = (): void => {
      const order = book.find(id)
      if (order === undefined || rules.isFinal(order)) return
      book.save(rules.advance(order, clock.wallTime()))
      fulfil(id, clock)
    }
    clock.setTimer(step, stepMs).keepAlive(false)
  }

  /** Nobody cancels for somebody else. That there is no such order, everybody may hear. */
  const own = rule('own order', ({ principal, request }: { principal: User; request: { id: string } }) => {
    return [undefined, principal.id].includes(book.customerOf(request.id))
  })

  const place = fromPromise(async ({ lines }: { lines: readonly Wanted[] }, context: Context & Authenticated<User>) => {
    const id = book.newId()
    const reserved = await reserveAll(id, lines, context)
    if (isLeft(reserved)) return reserved
    const order = rules.place(id, reserved.right, context.clock.wallTime())
    book.open(order, context.principal.id)
    fulfil(id, context.clock)
    return order
  })

  const cancel = fromPromise(async ({ id }: { id: string }, context: Context) => {
    const order = book.find(id)
    if (order === undefined) return noSuchOrder(id)
    const cancelled = rules.cancel(order, context.clock.wallTime())
    if (isLeft(cancelled)) return cancelled
    book.save(cancelled.right)
    for (const released of await releaseAll(id, order.lines, { context })) {
      // Cancelling again, and so releasing again, is harmless. An item that is gone needs nothing put back.
      if (isLeft(released) && isFailure(released.left)) return left(released.left)
    }
    return cancelled
  })

  return implement(Orders)
    .use(use)
    .handlers({
      get: ({ id }) => book.find(id) ?? noSuchOrder(id),
      watch: ({ id }, context) => (book.find(id) === undefined ? noSuchOrder(id) : book.follow(id, context.signal)),
    })
    .use(known)
    .endpoints({
      place: authorize(scopes(write))(place),
      cancel: authorize(anyOf(own, scopes(cancelAny)))(cancel),
    })
}
