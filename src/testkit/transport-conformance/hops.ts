// A service that calls another: what goes through it, what stays behind, and whose fault a failure is at the far end.
import { type Client, connect, contract, failure, implement, method } from '../../contract/index.js'
import { type Code, callOrThrow, codes, failed, left, type Metadata } from '../../core/index.js'
import * as assert from '../assert.js'
import { number, text } from '../field.js'
import { aborted, gate } from '../gate.js'
import { message } from '../message.js'
import { assertFailure, assertFromPeer, type TransportCase, type Trial, transportCase } from '../trial.js'

const Name = message({ name: text(), remainingMs: number() })
type Name = { readonly name: string; readonly remainingMs: number }
const Missing = failure('not_found', message({ name: text() }))
const get = { request: Name, response: Name, idempotency: 'safe' } as const

const Back = contract('tenon.conformance.v1.Back', { get: method({ ...get, failures: { Missing } }) })
const Middle = contract('tenon.conformance.v1.Middle', { get: method(get) })
const Relaying = contract('tenon.conformance.v1.Relaying', { get: method({ ...get, failures: { Missing } }) })

const request: Name = { name: 'x', remainingMs: 0 }
const reason = 'CONFORMANCE'

type BackHandler = Parameters<ReturnType<typeof implement<typeof Back.methods>>['handlers']>[0]['get']

/** A client of a service in front that calls the one at the back with its context. */
async function chained(trial: Trial, get: NonNullable<BackHandler>): Promise<Client<typeof Middle.methods>> {
  const back = connect(Back, await trial.serve(implement(Back).handlers({ get })))
  const middle = implement(Middle).handlers({
    get: (given, context) => callOrThrow(back.get, given, { context }),
  })
  return connect(Middle, await trial.serve(middle))
}

const callersFault: readonly Code[] = [
  'invalid_argument',
  'not_found',
  'already_exists',
  'permission_denied',
  'failed_precondition',
  'out_of_range',
  'unimplemented',
  'unauthenticated',
]

export const hopCases: readonly TransportCase[] = [
  ...codes.map(code =>
    callersFault.includes(code)
      ? transportCase(`hops: ${code} from a dependency is not the mistake of who called us`, async trial => {
          const client = await chained(trial, () => failed(code, reason, 'rejected', { details: { a: 1 } }))
          const found = await trial.failure(client.get, request)
          assertFailure(found, { code: 'internal', reason: 'DEPENDENCY_REJECTED', ran: 'maybe' })
          assertFromPeer(found)
          assert.equal(found.details, undefined)
        })
      : transportCase(`hops: ${code} from a dependency goes on`, async trial => {
          const client = await chained(trial, () => failed(code, reason, 'passing', { retryAfterMs: 40 }))
          const found = await trial.failure(client.get, request)
          assertFailure(found, { code, reason, message: 'passing', ran: 'maybe', retryAfterMs: 40 })
        }),
  ),
  transportCase('hops: a handler that answers for its dependency is believed', async trial => {
    const back = connect(
      Back,
      await trial.serve(implement(Back).handlers({ get: () => failed('not_found', reason, 'x') })),
    )
    const middle = implement(Middle).handlers({
      get: async (given, context) => {
        const outcome = await back.get(given)(context)()
        return outcome._tag === 'Right' ? outcome.right : failed('not_found', reason, 'mapped')
      },
    })
    const client = connect(Middle, await trial.serve(middle))
    assertFailure(await trial.failure(client.get, request), { code: 'not_found', reason, message: 'mapped' })
  }),
  transportCase('hops: work that never started there may have started here', async trial => {
    const binding = await trial.serve(implement(Back).handlers({}))
    const back = connect(Back, binding)
    await binding.close()
    const middle = implement(Middle).handlers({ get: (given, context) => callOrThrow(back.get, given, { context }) })
    const client = connect(Middle, await trial.serve(middle))
    assertFailure(await trial.failure(client.get, request), { reason: 'CLIENT_CLOSED', ran: 'maybe' })
  }),
  transportCase('hops: a domain failure that both declare goes on', async trial => {
    const missing = Back.failures.Missing({ name: 'x' })
    const back = connect(Back, await trial.serve(implement(Back).handlers({ get: () => left(missing) })))
    const relaying = implement(Relaying).handlers({
      get: (given, context) => callOrThrow(back.get, given, { context }),
    })
    const client = connect(Relaying, await trial.serve(relaying))
    assert.deepEqual(await trial.failure(client.get, request), { _tag: 'Missing', details: { name: 'x' } })
  }),
  transportCase('hops: a domain failure that only the dependency declares does not', async trial => {
    const client = await chained(trial, () => left(Back.failures.Missing({ name: 'x' })))
    assertFailure(await trial.failure(client.get, request), { code: 'internal', reason: 'UNDECLARED_FAILURE' })
    assert.equal(trial.takeDefects().length, 1)
  }),
  transportCase('hops: only what joins traces and requests is sent on by itself', async trial => {
    let seen: Metadata = new Map()
    const client = await chained(trial, (given, { metadata }) => {
      seen = metadata
      return given
    })
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    const outgoing = { authorization: 'secret', 'x-tenant': 't1', 'x-request-id': 'r-1', traceparent, baggage: 'a=b' }
    await trial.response(client.get, request, { outgoing })
    assert.equal(seen.get('x-request-id'), 'r-1')
    assert.equal(seen.get('traceparent'), traceparent)
    assert.equal(seen.get('baggage'), 'a=b')
    assert.equal(seen.get('authorization'), undefined)
    assert.equal(seen.get('x-tenant'), undefined)
  }),
  transportCase('hops: the deadline goes on, less what has passed', async trial => {
    const client = await chained(trial, (given, { remainingMs }) => ({ ...given, remainingMs }))
    const { remainingMs } = await trial.response(client.get, request, { deadlineMs: 10_000 })
    assert.ok(remainingMs > 0 && remainingMs <= 10_000, `${remainingMs} ms were left of 10000`)
  }),
  transportCase('hops: a cancellation reaches the last service', async trial => {
    const [began, ended] = [gate(), gate<unknown>()]
    const client = await chained(trial, async (given, { signal }) => {
      began.open()
      ended.open(await aborted(signal))
      return given
    })
    const controller = new AbortController()
    const failing = trial.failure(client.get, request, { signal: controller.signal })
    await trial.within('the call at the back', began.opened)
    controller.abort()
    assertFailure(await failing, { code: 'cancelled', reason: 'CANCELLED' })
    await trial.within('the abort at the back', ended.opened)
  }),
]
