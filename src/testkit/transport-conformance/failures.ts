// Failures that a service makes arrive as they were made: every code, with all its parts, and who answered.
import { connect, contract, implement, method, type Service } from '../../contract/index.js'
import {
  around,
  CallError,
  type Context,
  codes,
  type Failure,
  type FailureOptions,
  failed,
  failureOf,
  type Left,
} from '../../core/index.js'
import * as assert from '../assert.js'
import { text } from '../field.js'
import { message } from '../message.js'
import { assertFailure, assertFromPeer, type TransportCase, transportCase } from '../trial.js'

const Name = message({ name: text() })
const Failures = contract('tenon.conformance.v1.Failures', {
  fail: method({ request: Name, response: Name, idempotency: 'unsafe' }),
})

const reason = 'CONFORMANCE'
const request = { name: 'x' }
const optionalParts: FailureOptions = {
  retryAfterMs: 1500,
  details: { text: 'Zürich 🍵', list: [1, 'two', { deep: true }], empty: {} },
}

function failing(fail: () => Left<Failure>): Service<typeof Failures.methods, never, Context> {
  return implement(Failures).handlers({ fail })
}

const messages: Readonly<Record<string, string>> = {
  'of any letters': 'Zürich 🍵 "quoted" \\ 50 % <b>',
  'of several lines': 'first\r\nsecond: x\n\nthird\ttabbed',
  'that is empty': '',
  'of 4,000 letters': 'é'.repeat(4000),
}

export const failureCases: readonly TransportCase[] = [
  ...codes.map(code =>
    transportCase(`failures: ${code} arrives with all its parts`, async trial => {
      const fail = () => failed(code, reason, `about ${code}`, optionalParts)
      const client = connect(Failures, await trial.serve(failing(fail)))
      const failure = await trial.failure(client.fail, request)
      assertFailure(failure, { code, reason, message: `about ${code}`, ran: 'maybe', ...optionalParts })
      assertFromPeer(failure)
    }),
  ),
  ...Object.entries(messages).map(([name, message]) =>
    transportCase(`failures: a message ${name}`, async trial => {
      const client = connect(Failures, await trial.serve(failing(() => failed('aborted', reason, message))))
      const failure = await trial.failure(client.fail, request)
      assertFailure(failure, { code: 'aborted', reason, message })
      assert.equal(failure.retryAfterMs, undefined)
      assert.equal(failure.details, undefined)
    }),
  ),
  transportCase('failures: what is thrown as a CallError arrives as what is returned', async trial => {
    const service = implement(Failures).handlers({
      fail: async () => {
        throw new CallError<never>(failureOf('not_found', reason, 'thrown', optionalParts))
      },
    })
    const client = connect(Failures, await trial.serve(service))
    const failure = await trial.failure(client.fail, request)
    assertFailure(failure, { code: 'not_found', reason, message: 'thrown', ...optionalParts })
  }),
  transportCase('failures: the cause stays with the service', async trial => {
    const fail = () => failed('aborted', reason, 'plain', { cause: new Error('hidden text') })
    const client = connect(Failures, await trial.serve(failing(fail)))
    const { cause, ...sent } = (await trial.failure(client.fail, request)) as Failure // no domain failures are declared
    assert.ok(!(cause instanceof Error) || !cause.message.includes('hidden text'))
    assert.ok(!JSON.stringify(sent).includes('hidden text'))
  }),
  transportCase('failures: a handler cannot say that its work never started', async trial => {
    const client = connect(
      Failures,
      await trial.serve(failing(() => failed('unavailable', reason, 'x', { ran: 'no' }))),
    )
    assertFailure(await trial.failure(client.fail, request), { code: 'unavailable', ran: 'maybe' })
  }),
  transportCase('failures: a layer of the server can say that the work never started', async trial => {
    let ran = false
    const full = failed('resource_exhausted', reason, 'full', { ran: 'no', retryAfterMs: 250 })
    const service = implement(Failures)
      .use(around({ name: 'full', enter: () => full }))
      .handlers({
        fail: () => {
          ran = true
          return request
        },
      })
    const client = connect(Failures, await trial.serve(service))
    const failure = await trial.failure(client.fail, request)
    assertFailure(failure, { code: 'resource_exhausted', reason, message: 'full', ran: 'no', retryAfterMs: 250 })
    assertFromPeer(failure)
    assert.equal(ran, false)
  }),
  transportCase('failures: details that cannot be written are a defect of the service', async trial => {
    const fail = () => failed('not_found', reason, 'x', { details: { unwritable: new Map() } })
    const client = connect(Failures, await trial.serve(failing(fail)))
    assertFailure(await trial.failure(client.fail, request), { code: 'internal', reason: 'UNENCODABLE' })
    assert.equal(trial.takeDefects().length, 1, 'a defect is reported once')
  }),
  transportCase('failures: the client goes on working after one', async trial => {
    let calls = 0
    const service = implement(Failures).handlers({
      fail: given => (++calls === 1 ? failed('internal', reason, 'once') : given),
    })
    const client = connect(Failures, await trial.serve(service))
    assertFailure(await trial.failure(client.fail, request), { code: 'internal' })
    assert.deepEqual(await trial.response(client.fail, request), request)
  }),
]
