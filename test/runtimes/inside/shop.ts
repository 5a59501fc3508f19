// A customer of the example shop, as a page would be one.
import { call, callOrThrow, connect, isFailure, isLeft } from 'tenon'
import type { ConformanceCase } from 'tenon/testkit'
import { Orders, Stock } from '../../../examples/shop/contracts.js'
import * as assert from '../../../src/testkit/assert.js'
import type { Crossing } from './crossing.js'

/** A client of the shop, and the token of a customer. */
export interface Shopping extends Crossing {
  readonly token: string
}

const as = (token: string) => ({ outgoing: { authorization: `Bearer ${token}` } })

export const shopCases: readonly ConformanceCase<Shopping>[] = [
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
    async run({ client, token }) {
      const outcome = await call(connect(Orders, client).place, { lines: [] }, as(token))
      assert.ok(isLeft(outcome) && isFailure(outcome.left), 'a failure')
      assert.equal(outcome.left.reason, 'INVALID_REQUEST')
    },
  },
  {
    name: 'orders, and follows the order until it is shipped',
    async run({ client, token }) {
      const orders = connect(Orders, client)
      const { id } = await callOrThrow(orders.place, { lines: [{ sku: 'teapot', count: 1 }] }, as(token))
      const seen: string[] = []
      for await (const { status } of await callOrThrow(orders.watch, { id })) seen.push(status)
      assert.deepEqual(seen, ['placed', 'packed', 'shipped'])
    },
  },
  {
    name: 'leaves the order alone when it has seen enough, and cancels it',
    async run({ client, token }) {
      const orders = connect(Orders, client)
      const { id } = await callOrThrow(orders.place, { lines: [{ sku: 'teapot', count: 1 }] }, as(token))
      for await (const _ of await callOrThrow(orders.watch, { id })) break
      assert.equal((await callOrThrow(orders.cancel, { id }, as(token))).status, 'cancelled')
    },
  },
  {
    name: 'does not wait longer than it wants to',
    async run({ client, token }) {
      const orders = connect(Orders, client)
      const { id } = await callOrThrow(orders.place, { lines: [{ sku: 'teapot', count: 1 }] }, as(token))
      const watching = async (): Promise<void> => {
        for await (const _ of await callOrThrow(orders.watch, { id }, { deadlineMs: 300 }));
      }
      const thrown: unknown = await watching().catch((thrown: unknown) => thrown)
      assert.equal(Reflect.get(Object(Reflect.get(Object(thrown), 'failure')), 'reason'), 'DEADLINE_EXCEEDED')
    },
  },
]
