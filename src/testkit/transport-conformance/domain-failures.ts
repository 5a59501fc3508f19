// Failures of the business travel whole where both sides declare them, and keep their code where only one does.
import { connect, contract, failure, implement, method } from '../../contract/index.js'
import { CallError, codes, left } from '../../core/index.js'
import * as assert from '../assert.js'
import { integer, list, optional, text, transformed } from '../field.js'
import { message } from '../message.js'
import { assertFailure, assertFromPeer, type TransportCase, transportCase } from '../trial.js'

const Order = message({ sku: text() })
const OutOfStock = message({
  sku: text(),
  left: transformed(integer(), left => left + 1),
  others: list(text()),
  note: optional(text()),
})
const details = { sku: 'Tee 🍵', left: 1, others: ['a', 'b'] }
const received = { ...details, left: 2 }

const declared = { request: Order, response: Order, idempotency: 'unsafe' } as const
const name = 'tenon.conformance.v1.DomainFailures'
const Orders = contract(name, {
  place: method({ ...declared, failures: { OutOfStock: failure('failed_precondition', OutOfStock) } }),
})
const OlderOrders = contract(name, { place: method(declared) })

const order = { sku: 'x' }
const outOfStock = Orders.failures.OutOfStock(details)

export const domainFailureCases: readonly TransportCase[] = [
  ...codes.map(code =>
    transportCase(`domain failures: one that is ${code} to strangers arrives whole`, async trial => {
      const Any = contract(name, {
        place: method({ ...declared, failures: { Refused: failure(code, OutOfStock) } }),
      })
      const service = implement(Any).handlers({ place: () => left(Any.failures.Refused(details)) })
      const client = connect(Any, await trial.serve(service))
      assert.deepEqual(await trial.failure(client.place, order), { _tag: 'Refused', details: received })
    }),
  ),
  transportCase('domain failures: one that is thrown arrives as one that is returned', async trial => {
    const service = implement(Orders).handlers({
      place: () => {
        throw new CallError(outOfStock)
      },
    })
    const client = connect(Orders, await trial.serve(service))
    assert.deepEqual(await trial.failure(client.place, order), { _tag: 'OutOfStock', details: received })
  }),
  transportCase('domain failures: one unknown to an older client keeps code, tag and details', async trial => {
    const service = implement(Orders).handlers({ place: () => left(outOfStock) })
    const client = connect(OlderOrders, await trial.serve(service))
    const found = await trial.failure(client.place, order)
    assertFailure(found, {
      code: 'failed_precondition',
      reason: 'UNKNOWN_DOMAIN_FAILURE',
      details: { tag: 'OutOfStock', details },
    })
    assertFromPeer(found)
  }),
  transportCase('domain failures: one that the method does not declare is a defect of the service', async trial => {
    const service = implement(OlderOrders).handlers({ place: () => left(outOfStock) as never })
    const client = connect(Orders, await trial.serve(service))
    const found = await trial.failure(client.place, order)
    assertFailure(found, { code: 'internal', reason: 'UNDECLARED_FAILURE', details: undefined } as object)
    assert.ok(!found.message.includes('OutOfStock'))
    assert.match(String(trial.takeDefects()), /does not declare the failure 'OutOfStock'/)
  }),
  transportCase('domain failures: details that do not fit the schema are the mistake of the service', async trial => {
    const service = implement(Orders).handlers({
      place: () => left(Orders.failures.OutOfStock({ sku: 'x' } as never)),
    })
    const client = connect(Orders, await trial.serve(service))
    const found = await trial.failure(client.place, order)
    assertFailure(found, { code: 'internal', reason: 'INVALID_RESPONSE' })
    assertFromPeer(found)
  }),
]
