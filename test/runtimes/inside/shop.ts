// A customer of the example shop, as a page would be one.
import { call, callOrThrow, connect, isFailure, isLeft } from 'tenon'
import type { ConformanceCase } from 'tenon/testkit'
import { Orders, Stock } from '../../../examples/shop/contracts.js'
import * as assert from '../../../src/testkit/assert.js'
import type { Crossing } from './crossing.js'

export const shopCases: readonly ConformanceCase<Crossing>[] = [
  {
    name: 'looks an item up',
    async run({ client }) {
      const { sku, priceCents } = await callOrThrow(connect(Stock, client).lookup, { sku: 'teapot' })
      assert.equal(sku, 'teapot')
      assert.ok(priceCents > 0)
    },
  },
  {
    name: 'hears that there is no such item, and which',
    async run({ client }) {
      const outcome = await call(connect(Stock, client).lookup, { sku: 'no-such-thing' })
      assert.deepEqual(isLeft(outcome) && outcome.left, { _tag: 'NoSuchItem', details: { sku: 'no-such-thing' } })
    },
  },
  {
    name: 'hears what is wrong with an order',
    async run({ client }) {
      const outcome = await call(connect(Orders, client).place, { lines: [] })
      assert.ok(isLeft(outcome) && isFailure(outcome.left), 'a failure')
      assert.equal(outcome.left.reason, 'INVALID_REQUEST')
    },
  },
  {
    name: 'orders, and follows the order until it is shipped',
    async run({ client }) {
      const orders = connect(Orders, client)
      const { id } = await callOrThrow(orders.place, { lines: [{ sku: 'teapot', count: 1 }] })
      const seen: string[] = []
      for await (const { status } of await callOrThrow(orders.watch, { id })) seen.push(status)
      assert.deepEqual(seen, ['placed', 'packed', 'shipped'])
    },
  },
  {
    name: 'leaves the order alone when it has seen enough, and cancels it',
    async run({ client }) {
      const orders = connect(Orders, client)
      const { id } = await callOrThrow(orders.place, { lines: [{ sku: 'teapot', count: 1 }] })
      for await (const _ of await callOrThrow(orders.watch, { id })) break
      assert.equal((await callOrThrow(orders.cancel, { id })).status, 'cancelled')
    },
  },
  {
    name: 'does not wait longer than it wants to',
    async run({ client }) {
      const orders = connect(Orders, client)
      const { id } = await callOrThrow(orders.place, { lines: [{ sku: 'teapot', count: 1 }] })
      const watching = async (): Promise<void> => {
        for await (const _ of await callOrThrow(orders.watch, { id }, { deadlineMs: 300 }));
      }
      const thrown: unknown = await watching().catch((thrown: unknown) => thrown)
      assert.equal(Reflect.get(Object(Reflect.get(Object(thrown), 'failure')), 'reason'), 'DEADLINE_EXCEEDED')
    },
  },
]
