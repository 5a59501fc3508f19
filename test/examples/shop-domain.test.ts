// The shop's rules, as anyone would test pure functions: a state, a command, what comes of it.
import fc from 'fast-check'
import { isLeft, isRight, type Left, type Right } from 'tenon'
import { describe, expect, it } from 'vitest'
import { advance, cancel, isFinal, place } from '../../examples/shop/domain/orders.js'
import { release, reserve, type Shelf, set } from '../../examples/shop/domain/stock.js'
import { deep } from '../deep.js'

const shelfOf = (available: number): Shelf => ({
  item: { sku: 'mug', name: 'Mug', priceCents: 950, available },
  reserved: new Map(),
})

/** The right side; fails the test where there is none. */
function rightOf<A>(either: Left<unknown> | Right<A>): A {
  if (isRight(either)) return either.right
  throw new Error(`not right: ${JSON.stringify(either)}`)
}

describe('a shelf', () => {
  it('has fewer pieces after a reservation, and all of them after its release', () => {
    const reserved = rightOf(reserve(shelfOf(5), 'a', 2))
    expect(reserved.item.available).toBe(3)
    expect(release(reserved, 'a')).toEqual(shelfOf(5))
  })

  it('refuses more than is available, and says how much that is', () => {
    expect(reserve(shelfOf(5), 'a', 6)).toMatchObject({
      left: { _tag: 'OutOfStock', details: { sku: 'mug', available: 5 } },
    })
  })

  it('reserves nothing more when a reservation is repeated, and the difference when it is changed', () => {
    const once = rightOf(reserve(shelfOf(5), 'a', 4))
    expect(rightOf(reserve(once, 'a', 4))).toEqual(once)
    expect(rightOf(reserve(once, 'a', 5)).item.available).toBe(0)
    expect(isLeft(reserve(once, 'b', 2))).toBe(true)
  })

  it('is as it was when something is released that was never reserved', () => {
    expect(release(shelfOf(5), 'a')).toEqual(shelfOf(5))
  })

  it('keeps its reservations when the pieces are counted', () => {
    const counted = set(rightOf(reserve(shelfOf(5), 'a', 2)), 10)
    expect(release(counted, 'a').item.available).toBe(12)
  })

  it('neither loses nor gains pieces, whatever is reserved and released', () => {
    const command = fc.record({ reservation: fc.constantFrom('a', 'b', 'c'), count: fc.integer({ min: 0, max: 4 }) })
    fc.assert(
      fc.property(fc.array(command, { maxLength: 50, size: 'max' }), commands => {
        let shelf = shelfOf(7)
        for (const { reservation, count } of commands) {
          const next = count === 0 ? release(shelf, reservation) : reserve(shelf, reservation, count)
          if (!('_tag' in next)) shelf = next
          else if (isRight(next)) shelf = next.right
          const aside = [...shelf.reserved.values()].reduce((sum, each) => sum + each, 0)
          expect(shelf.item.available + aside).toBe(7)
          expect(shelf.item.available).toBeGreaterThanOrEqual(0)
        }
      }),
      { numRuns: deep(40, 5_000) },
    )
  })
})

describe('an order', () => {
  const placed = place('1', [{ sku: 'mug', count: 2, priceCents: 950 }], 0)
  const packed = advance(placed, 1_000)
  const shipped = advance(packed, 2_000)
  const cancelled = rightOf(cancel(packed, 3_000))

  it('costs what its lines cost together', () => {
    const lines = [
      { sku: 'mug', count: 2, priceCents: 950 },
      { sku: 'honey', count: 1, priceCents: 620 },
    ]
    expect(place('1', lines, 0).totalCents).toBe(2_520)
  })

  it('is placed, packed and shipped, and remembers when', () => {
    expect(shipped.status).toBe('shipped')
    expect(shipped.history).toEqual([
      { status: 'placed', at: '1970-01-01T00:00:00.000Z' },
      { status: 'packed', at: '1970-01-01T00:00:01.000Z' },
      { status: 'shipped', at: '1970-01-01T00:00:02.000Z' },
    ])
  })

  it('can be cancelled until it is shipped', () => {
    expect(rightOf(cancel(placed, 500)).status).toBe('cancelled')
    expect(cancelled.status).toBe('cancelled')
    expect(cancel(shipped, 3_000)).toMatchObject({
      left: { _tag: 'TooLate', details: { id: '1', status: 'shipped' } },
    })
  })

  it('is not cancelled a second time', () => {
    expect(rightOf(cancel(cancelled, 4_000))).toBe(cancelled)
  })

  it.each([
    ['placed', placed, false],
    ['packed', packed, false],
    ['shipped', shipped, true],
    ['cancelled', cancelled, true],
  ])('that is %s is final: %s', (_, order, expected) => {
    expect(isFinal(order)).toBe(expected)
    if (expected) expect(advance(order, 9_000)).toBe(order)
  })
})
