// What the two services offer: one description for servers, clients, tests and documentation. The schemas are zod's; any
// library that speaks Standard Schema will do. Money is in whole cents.
import { contract, failure, method, stream } from 'tenon'
import { z } from 'zod'

const Sku = z.string().regex(/^[a-z][a-z0-9-]*$/)
const Cents = z.int().nonnegative()
const Count = z.int().min(1).max(1_000)

const Item = z.object({ sku: Sku, name: z.string(), priceCents: Cents, available: z.int().nonnegative() })
export type Item = z.infer<typeof Item>
/** What the data file holds. */
export const Catalogue = z.array(Item)

const NoSuchItem = failure('not_found', z.object({ sku: z.string() }))
const OutOfStock = failure('failed_precondition', z.object({ sku: z.string(), available: z.int() }))

/** Knows the items, their prices, and how many there are. */
export const Stock = contract('shop.v1.Stock', {
  list: method({
    summary: 'List all items',
    request: z.object({}),
    response: z.object({ items: z.array(Item) }),
    idempotency: 'safe',
    http: { get: '/stock' },
  }),
  lookup: method({
    summary: 'Look an item up',
    request: z.object({ sku: Sku }),
    response: Item,
    failures: { NoSuchItem },
    idempotency: 'safe',
    http: { get: '/stock/{sku}' },
  }),
  set: method({
    summary: 'Say how many are available, after counting',
    request: z.object({ sku: Sku, available: z.int().min(0).max(10_000) }),
    response: Item,
    failures: { NoSuchItem },
    idempotency: 'idempotent',
    http: { put: '/stock/{sku}' },
  }),
  reserve: method({
    summary: 'Set pieces of an item aside',
    description: 'The caller names the reservation, so that doing it twice sets nothing more aside.',
    request: z.object({ sku: Sku, reservation: z.string(), count: Count }),
    response: Item,
    failures: { NoSuchItem, OutOfStock },
    idempotency: 'idempotent',
    http: { put: '/stock/{sku}/reservations/{reservation}' },
  }),
  release: method({
    summary: 'Put reserved pieces back',
    description: 'Does nothing where there is no such reservation, so that it can be repeated.',
    request: z.object({ sku: Sku, reservation: z.string() }),
    response: Item,
    failures: { NoSuchItem },
    idempotency: 'idempotent',
    http: { delete: '/stock/{sku}/reservations/{reservation}' },
  }),
})

const Line = z.object({ sku: Sku, count: Count })
const Status = z.enum(['placed', 'packed', 'shipped', 'cancelled'])
const OrderEvent = z.object({ status: Status, at: z.iso.datetime() })
const Order = z.object({
  id: z.string(),
  lines: z.array(Line.extend({ priceCents: Cents })),
  totalCents: Cents,
  status: Status,
  history: z.array(OrderEvent),
})
export type Order = z.infer<typeof Order>
export type OrderEvent = z.infer<typeof OrderEvent>

const OrderRef = z.object({ id: z.string() })
const NoSuchOrder = failure('not_found', z.object({ id: z.string() }))
const TooLate = failure('failed_precondition', z.object({ id: z.string(), status: Status }))

/** Takes orders and follows them until they are shipped. */
export const Orders = contract('shop.v1.Orders', {
  place: method({
    summary: 'Place an order',
    request: z.object({
      lines: z
        .array(Line)
        .min(1)
        .max(20)
        .refine(lines => new Set(lines.map(line => line.sku)).size === lines.length, 'an item is on two lines'),
    }),
    response: Order,
    failures: { NoSuchItem, OutOfStock },
    idempotency: 'unsafe',
    security: ['token'],
    http: { post: '/orders', status: 201 },
  }),
  get: method({
    summary: 'Read an order',
    request: OrderRef,
    response: Order,
    failures: { NoSuchOrder },
    idempotency: 'safe',
    http: { get: '/orders/{id}' },
  }),
  cancel: method({
    summary: 'Cancel an order that is not shipped yet',
    request: OrderRef,
    response: Order,
    failures: { NoSuchOrder, TooLate },
    idempotency: 'idempotent',
    security: ['token'],
    http: { post: '/orders/{id}:cancel' },
  }),
  watch: method({
    summary: 'Follow an order, from its first event to its last',
    request: OrderRef,
    response: stream(OrderEvent),
    failures: { NoSuchOrder },
    idempotency: 'safe',
    http: { get: '/orders/{id}/events' },
  }),
})
