// The life of an order: from an order and a command to another order or a failure. Nothing is read, kept or awaited here.
import { left, right } from 'tenon'
import { type Order, Orders } from '../contracts.js'

type Status = Order['status']

/** What follows by itself; a status that is not listed is final. */
const nextStatus: Partial<Record<Status, Status>> = { placed: 'packed', packed: 'shipped' }

/** A new order of items that have been reserved. @param at - ms since the Unix epoch, as everywhere here */
export function place(id: string, lines: Order['lines'], at: number): Order {
  const totalCents = lines.reduce((sum, line) => sum + line.count * line.priceCents, 0)
  return { id, lines, totalCents, ...withEvent([], 'placed', at) }
}

/** The next step on the way out of the house; a final order stays as it is. */
export function advance(order: Order, at: number): Order {
  const status = nextStatus[order.status]
  return status === undefined ? order : { ...order, ...withEvent(order.history, status, at) }
}

/** Cancels an order that is still in the house; one that is cancelled already stays as it is. */
export function cancel(order: Order, at: number) {
  const { id, status } = order
  if (status === 'cancelled') return right(order)
  if (status === 'shipped') return left(Orders.failures.TooLate({ id, status }))
  return right<Order>({ ...order, ...withEvent(order.history, 'cancelled', at) })
}

/** Whether nothing will happen to the order any more. */
export function isFinal(order: Order): boolean {
  return nextStatus[order.status] === undefined
}

function withEvent(history: Order['history'], status: Status, at: number): Pick<Order, 'status' | 'history'> {
  return { status, history: [...history, { status, at: new Date(at).toISOString() }] }
}
