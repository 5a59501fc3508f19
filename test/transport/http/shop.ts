/** A small contract with every kind of method, and a service of it that tests look into. */
import { type AnyService, contract, failure, type Handler, implement, method, stream } from 'tenon/contract'
import { type Context, left } from 'tenon/core'
import { z } from 'zod'

const Item = z.object({ sku: z.string(), count: z.number().int().min(1).max(99) })
const Order = z.object({ id: z.string(), items: z.array(Item).default([]), note: z.string().optional() })
const Ref = z.object({ id: z.string() })
const Search = z.object({ text: z.string(), tags: z.array(z.string()).optional(), limit: z.number().int().optional() })

export const Shop = contract('test.v1.Shop', {
  get: method({ request: Ref, response: Order, idempotency: 'safe', http: { get: '/orders/{id}' } }),
  search: method({
    request: Search,
    response: z.object({ seen: z.unknown() }),
    idempotency: 'safe',
    http: { get: '/orders' },
  }),
  place: method({
    request: Order,
    response: Order,
    failures: { OutOfStock: failure('failed_precondition', z.object({ sku: z.string() })) },
    idempotency: 'unsafe',
    http: { post: '/orders' },
  }),
  remove: method({ request: Ref, response: Ref, idempotency: 'idempotent', http: { delete: '/orders/{id}' } }),
  watch: method({
    request: z.object({ id: z.string(), count: z.number().int().default(3), bytes: z.number().int().default(1) }),
    response: stream(z.object({ index: z.number(), text: z.string() })),
    idempotency: 'safe',
    http: { get: '/orders/{id}/events' },
  }),
  upload: method({
    request: stream(z.object({ index: z.number() })),
    response: z.object({ count: z.number() }),
    idempotency: 'unsafe',
    http: { post: '/uploads' },
  }),
  chat: method({
    request: stream(z.object({ index: z.number() })),
    response: stream(z.object({ index: z.number() })),
    idempotency: 'unsafe',
    http: { post: '/chat' },
  }),
})

type ShopHandlers = { readonly [K in keyof (typeof Shop)['methods']]: Handler<(typeof Shop)['methods'][K], Context> }

export interface ShopLog {
  /** One line for each call that a handler saw. */
  readonly calls: string[]
  /** Those whose signal was aborted. */
  readonly aborted: string[]
  /** Generators that were closed, whether at their end or before. */
  readonly closed: string[]
}

/** A service that answers at once, but for what `changed` does otherwise. */
export function shop(log: ShopLog = newLog(), changed: Partial<ShopHandlers> = {}): AnyService {
  const note = (what: string, { signal }: Context): void => {
    log.calls.push(what)
    signal.addEventListener('abort', () => log.aborted.push(what))
  }
  const handlers: ShopHandlers = {
    get({ id }, context) {
      note(`get ${id}`, context)
      return { id, items: [] }
    },
    search(seen, context) {
      note('search', context)
      return { seen }
    },
    async place(order, context) {
      note(`place ${order.id}`, context)
      const [first] = order.items
      return first?.sku === 'none' ? left(Shop.failures.OutOfStock({ sku: first.sku })) : order
    },
    remove({ id }, context) {
      note(`remove ${id}`, context)
      return { id }
    },
    watch: async function* (request, context) {
      note(`watch ${request.id}`, context)
      try {
        for (let index = 0; index < request.count; index++) yield { index, text: 'x'.repeat(request.bytes) }
      } finally {
        log.closed.push(`watch ${request.id}`)
      }
    },
    async upload(items, context) {
      note('upload', context)
      let count = 0
      for await (const _ of items) count++
      return { count }
    },
    chat: async function* (items, context) {
      note('chat', context)
      for await (const { index } of items) yield { index: index * 10 }
    },
  }
  return implement(Shop).handlers({ ...handlers, ...changed })
}

export function newLog(): ShopLog {
  return { calls: [], aborted: [], closed: [] }
}
