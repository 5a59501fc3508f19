// The rules of stock-keeping: from a shelf and a command to another shelf or a failure. Nothing is read, kept or awaited here.
import { left, right } from 'tenon'
import { type Item, Stock } from '../contracts.js'

/** One item with the reservations that have been made of it. */
export interface Shelf {
  readonly item: Item
  /** Pieces set aside, by reservation. */
  readonly reserved: ReadonlyMap<string, number>
}

/** Sets `count` pieces aside. A reservation of the same name is replaced, so that repeating changes nothing. */
export function reserve(shelf: Shelf, reservation: string, count: number) {
  const { item, reserved } = release(shelf, reservation)
  if (item.available < count) {
    return left(Stock.failures.OutOfStock({ sku: item.sku, available: item.available }))
  }
  return right<Shelf>({
    item: { ...item, available: item.available - count },
    reserved: new Map(reserved).set(reservation, count),
  })
}

/** Puts back what the reservation had set aside: nothing, where there is no such reservation. */
export function release(shelf: Shelf, reservation: string): Shelf {
  const { item, reserved } = shelf
  const others = new Map(reserved)
  others.delete(reservation)
  return { item: { ...item, available: item.available + (reserved.get(reservation) ?? 0) }, reserved: others }
}

/** Somebody counted the pieces that are available; those set aside stay so. */
export function set(shelf: Shelf, available: number): Shelf {
  return { ...shelf, item: { ...shelf.item, available } }
}
