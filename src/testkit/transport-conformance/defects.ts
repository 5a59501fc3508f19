// What is nobody's answer: defects, whose text stays with the service, and messages that do not fit their schemas.
import { connect, contract, implement, method } from '../../contract/index.js'
import { blame, type Failure } from '../../core/index.js'
import * as assert from '../assert.js'
import { integer, list, text } from '../field.js'
import { message } from '../message.js'
import { assertFailure, assertFromPeer, type TransportCase, type Trial, transportCase } from '../trial.js'

const Order = message({ sku: text(), lines: list(message({ count: integer() })) })
const Placed = message({ id: text(), at: message({ line: integer() }) })
const name = 'tenon.conformance.v1.Defects'
const Orders = contract(name, { place: method({ request: Order, response: Placed, idempotency: 'unsafe' }) })
const Newer = contract(name, {
  place: method({ request: Order, response: Placed, idempotency: 'unsafe' }),
  cancel: method({ request: Order, response: Placed, idempotency: 'idempotent' }),
})
const Elsewhere = contract('tenon.conformance.v1.Elsewhere', Orders.methods)

const order = { sku: 'x', lines: [{ count: 1 }] }
const secret = 'the password is swordfish'

const defects: Readonly<Record<string, () => never>> = {
  'an Error': () => {
    throw new Error(secret)
  },
  'an error of a subclass with fields': () => {
    throw Object.assign(new TypeError(secret), { statusCode: 404, code: 'not_found', failure: { _tag: 'Failure' } })
  },
  'a text': () => {
    throw secret as never
  },
  nothing: () => {
    throw undefined as never
  },
}

async function assertDefect(trial: Trial, place: () => never | Promise<never>): Promise<void> {
  const client = connect(Orders, await trial.serve(implement(Orders).handlers({ place })))
  const found = await trial.failure(client.place, order)
  assertFailure(found, { code: 'internal', reason: 'DEFECT', ran: 'maybe' })
  assertFromPeer(found)
  const { cause: _, ...parts } = found
  assert.ok(!JSON.stringify(parts).includes('swordfish'), 'the text of a defect stays with the service')
  assert.equal(trial.takeDefects().length, 1, 'a defect is reported once')
}

async function rejected(trial: Trial, request: unknown): Promise<Failure> {
  let ran = false
  const service = implement(Orders).handlers({
    place: () => {
      ran = true
      return { id: '1', at: { line: 1 } }
    },
  })
  const client = connect(Orders, await trial.serve(service))
  const found = await trial.failure(client.place, request as typeof order) // wrong, to see it refused
  assert.equal(ran, false, 'the handler must not run')
  assertFailure(found, { code: 'invalid_argument', reason: 'INVALID_REQUEST', ran: 'no' })
  assertFromPeer(found)
  return found
}

export const defectCases: readonly TransportCase[] = [
  ...Object.entries(defects).flatMap(([what, place]) => [
    transportCase(`defects: ${what} thrown is internal, without its text`, trial => assertDefect(trial, place)),
    transportCase(`defects: ${what} thrown later is internal, without its text`, trial =>
      assertDefect(trial, async () => place()),
    ),
  ]),
  transportCase('messages: a request that does not fit is refused with each issue and its path', async trial => {
    const found = await rejected(trial, { lines: [{ count: 1 }, { count: 'two' }, {}] })
    assert.deepEqual(found.details, {
      issues: [
        { path: 'sku', message: 'is missing' },
        { path: 'lines[1].count', message: 'must be an integer' },
        { path: 'lines[2].count', message: 'is missing' },
      ],
    })
    assert.match(found.message, /lines\[1\]\.count: must be an integer/)
  }),
  transportCase('messages: a request that is no object at all is refused', async trial => {
    for (const wrong of [[], 'text', 7]) await rejected(trial, wrong)
  }),
  transportCase('messages: a response that does not fit is the mistake of the service', async trial => {
    const place = () => ({ id: 7, at: {} }) as never
    const client = connect(Orders, await trial.serve(implement(Orders).handlers({ place })))
    const found = await trial.failure(client.place, order)
    assertFailure(found, { code: 'internal', reason: 'INVALID_RESPONSE' })
    assertFromPeer(found)
    assert.notEqual(blame(found), 'caller')
    assert.deepEqual(found.details, {
      issues: [
        { path: 'id', message: 'must be text' },
        { path: 'at.line', message: 'is missing' },
      ],
    })
  }),
  transportCase('messages: a response that cannot be written is a defect of the service', async trial => {
    const place = () => ({ id: '1', at: { line: 1, extra: new Map() } })
    const client = connect(Orders, await trial.serve(implement(Orders).handlers({ place })))
    assertFailure(await trial.failure(client.place, order), { code: 'internal', reason: 'UNENCODABLE' })
    assert.equal(trial.takeDefects().length, 1)
  }),
  transportCase('messages: a request that cannot be written is refused before it is sent', async trial => {
    const client = connect(Orders, await trial.serve(implement(Orders).handlers({})))
    const unwritable = { ...order, extra: new Map() }
    assertFailure(await trial.failure(client.place, unwritable), {
      reason: 'UNENCODABLE',
      ran: 'no',
      peer: undefined,
    } as object)
  }),
  transportCase('messages: a method that the server does not know was not run', async trial => {
    const client = connect(Newer, await trial.serve(implement(Orders).handlers({})))
    const found = await trial.failure(client.cancel, order)
    assertFailure(found, { code: 'unimplemented', reason: 'ROUTE_NOT_FOUND', ran: 'no' })
    assertFromPeer(found)
  }),
  transportCase('messages: a service that the server does not know was not run', async trial => {
    const client = connect(Elsewhere, await trial.serve(implement(Orders).handlers({})))
    const found = await trial.failure(client.place, order)
    assertFailure(found, { code: 'unimplemented', reason: 'ROUTE_NOT_FOUND', ran: 'no' })
    assertFromPeer(found)
  }),
  transportCase('messages: a client that is closed calls nobody', async trial => {
    const binding = await trial.serve(implement(Orders).handlers({}))
    const client = connect(Orders, binding)
    await binding.close()
    assertFailure(await trial.failure(client.place, order), { code: 'unavailable', reason: 'CLIENT_CLOSED', ran: 'no' })
  }),
]
