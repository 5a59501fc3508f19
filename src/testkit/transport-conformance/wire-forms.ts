// What JSON has no type for (dates, bigints, bytes), and who applies a schema: the receiver, once.
import { connect, contract, failure, implement, method, stream } from '../../contract/index.js'
import { left } from '../../core/index.js'
import * as assert from '../assert.js'
import { bigint, bytes, date, integer, list, optional, text, transformed, withDefault } from '../field.js'
import { type MessageInput, message } from '../message.js'
import { type TransportCase, transportCase } from '../trial.js'

const fields = { at: date(), big: bigint(), raw: bytes(), times: list(date()), later: optional(date()) }
const Typed = message(fields)
type Typed = MessageInput<typeof fields>

const Counted = message({
  /** Grows by one each time that the schema is applied. */
  count: transformed(integer(), count => count + 1),
  size: withDefault(text(), 'small'),
  note: optional(text()),
})

const WireForms = contract('tenon.conformance.v1.WireForms', {
  echo: method({ request: Typed, response: Typed, idempotency: 'idempotent' }),
  many: method({ request: Typed, response: stream(Typed), idempotency: 'idempotent' }),
  refuse: method({
    request: Typed,
    response: Typed,
    failures: { Refused: failure('failed_precondition', Typed) },
    idempotency: 'idempotent',
  }),
  count: method({ request: Counted, response: Counted, idempotency: 'idempotent' }),
  counts: method({ request: stream(Counted), response: stream(Counted), idempotency: 'idempotent' }),
})

const everyByte = Uint8Array.from({ length: 256 }, (_, i) => i)
const values: Readonly<Record<string, Typed>> = {
  'dates, bigints and bytes': {
    at: new Date('2026-02-28T23:59:59.999Z'),
    big: 9_223_372_036_854_775_807n,
    raw: everyByte,
    times: [new Date(0), new Date(-1), new Date('0001-01-01T00:00:00Z'), new Date('9999-12-31T23:59:59.999Z')],
    later: new Date('2026-03-01T00:00:00Z'),
  },
  'no bytes, and a negative bigint': {
    at: new Date(0),
    big: -9_223_372_036_854_775_808n,
    raw: new Uint8Array(),
    times: [],
  },
}

export const wireFormCases: readonly TransportCase[] = [
  ...Object.entries(values).flatMap(([name, value]) => [
    transportCase(`wire forms: ${name} there and back`, async trial => {
      let seen: unknown
      const service = implement(WireForms).handlers({
        echo: request => {
          seen = request
          return request
        },
      })
      const client = connect(WireForms, await trial.serve(service))
      assert.deepEqual(await trial.response(client.echo, value), value, 'what the caller got')
      assert.deepEqual(seen, value, 'what the handler got')
    }),
    transportCase(`wire forms: ${name} in a stream and in a failure`, async trial => {
      const service = implement(WireForms).handlers({
        many: async function* (request) {
          yield request
          yield request
        },
        refuse: request => left(WireForms.failures.Refused(request)),
      })
      const client = connect(WireForms, await trial.serve(service))
      assert.deepEqual(await trial.items(await trial.response(client.many, value)), [value, value])
      assert.deepEqual(await trial.failure(client.refuse, value), { _tag: 'Refused', details: value })
    }),
  ]),
  transportCase('wire forms: a sender may pass the text form instead of the value', async trial => {
    const sent = { at: '2026-02-28T23:59:59.999Z', big: '12', raw: 'AAEC', times: [] }
    const client = connect(WireForms, await trial.serve(implement(WireForms).handlers({ echo: () => sent })))
    const expected = { at: new Date(sent.at), big: 12n, raw: Uint8Array.of(0, 1, 2), times: [] }
    assert.deepEqual(await trial.response(client.echo, sent), expected)
  }),
  transportCase('wire forms: transforms and defaults are applied once, by the receiver', async trial => {
    let seen: unknown
    const service = implement(WireForms).handlers({
      count: request => {
        seen = request
        return { count: 10 }
      },
    })
    const client = connect(WireForms, await trial.serve(service))
    assert.deepEqual(await trial.response(client.count, { count: 1 }), { count: 11, size: 'small' }, 'the response')
    assert.deepEqual(seen, { count: 2, size: 'small' }, 'the request')
  }),
  transportCase('wire forms: transforms and defaults are applied once to each item of a stream', async trial => {
    const seen: unknown[] = []
    const service = implement(WireForms).handlers({
      counts: async function* (requests) {
        for await (const request of requests) {
          seen.push(request)
          yield { count: 10 * request.count, size: 'large' }
        }
      },
    })
    const client = connect(WireForms, await trial.serve(service))
    const stream = await trial.response(client.counts, numbers(2))
    assert.deepEqual(await trial.items(stream), [
      { count: 11, size: 'large' },
      { count: 21, size: 'large' },
    ])
    assert.deepEqual(seen, [
      { count: 1, size: 'small' },
      { count: 2, size: 'small' },
    ])
  }),
]

async function* numbers(length: number): AsyncGenerator<{ count: number }> {
  for (let count = 0; count < length; count++) yield { count }
}
