// Where the orders are kept: in memory, with a way to wait for changes. A real shop would have a database here.
import { EventEmitter, once } from 'node:events'
import type { Order, OrderEvent } from './contracts.js'
import { isFinal } from './domain/orders.js'

export class OrderBook {
  readonly #orders = new Map<string, Order>()
  readonly #changes = new EventEmitter().setMaxListeners(0) // as many as there are watchers
  readonly #customers = new Map<string, string>()
  #lastId = 0

  newId(): string {
    this.#lastId++
    return String(this.#lastId)
  }

  /** Whose order it is. */
  customerOf(id: string): string | undefined {
    return this.#customers.get(id)
  }

  open(order: Order, customer: string): void {
    this.#customers.set(order.id, customer)
    this.save(order)
  }

  find(id: string): Order | undefined {
    return this.#orders.get(id)
  }

  save(order: Order): void {
    this.#orders.set(order.id, order)
    this.#changes.emit(order.id)
  }

  /** The events of an order, those to come included, until its last. Ends early when the call does. */
  async *follow(id: string, signal: AbortSignal): AsyncGenerator<OrderEvent, void, undefined> {
    for (let seen = 0; ; ) {
      const order = this.find(id)
      if (order === undefined) return
      yield* order.history.slice(seen)
      seen = order.history.length
      if (isFinal(order)) return
      // Unless it has changed while its events were being read:
      if (this.find(id) === order) await once(this.#changes, id, { signal })
    }
  }
}
