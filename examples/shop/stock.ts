// The stock service: the contract implemented on shelves in memory. What is decided, the domain decides; here is only where
// a shelf is found and where it is kept.
import { implement, type Left, left, type Middleware, type Right, right } from 'tenon'
import { type Item, Stock } from './contracts.js'
import * as rules from './domain/stock.js'

/** What {@link stock} is made of. */
export interface StockOptions {
  /** The items on the first day. */
  readonly catalogue: readonly Item[]
  /** Around each method. */
  readonly use: Middleware
}

export function stock({ catalogue, use }: StockOptions) {
  const shelves = new Map<string, rules.Shelf>(catalogue.map(item => [item.sku, { item, reserved: new Map() }]))

  const change = <E = never>(sku: string, decide: (shelf: rules.Shelf) => Left<E> | Right<rules.Shelf>) => {
    const shelf = shelves.get(sku)
    if (shelf === undefined) return left(Stock.failures.NoSuchItem({ sku }))
    const decided = decide(shelf)
    if (decided._tag === 'Left') return decided
    shelves.set(sku, decided.right)
    return decided.right.item
  }

  return implement(Stock)
    .use(use)
    .handlers({
      list: () => ({ items: [...shelves.values()].map(({ item }) => item) }),
      lookup: ({ sku }) => change(sku, right),
      set: ({ sku, available }) => change(sku, shelf => right(rules.set(shelf, available))),
      reserve: ({ sku, reservation, count }) => change(sku, shelf => rules.reserve(shelf, reservation, count)),
      release: ({ sku, reservation }) => change(sku, shelf => right(rules.release(shelf, reservation))),
    })
}
