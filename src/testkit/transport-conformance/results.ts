// What goes in comes out: every kind of field, in both directions, whatever it holds.
import { connect, contract, implement, method } from '../../contract/index.js'
import * as assert from '../assert.js'
import { boolean, dictionary, integer, list, number, optional, text } from '../field.js'
import { type MessageInput, message } from '../message.js'
import { type TransportCase, transportCase } from '../trial.js'

const fields = {
  text: text(),
  count: integer(),
  ratio: number(),
  flag: boolean(),
  note: optional(text()),
  tags: list(text()),
  counts: list(integer()),
  inner: message({ text: text(), depth: optional(integer()) }),
  lines: list(message({ sku: text(), count: integer() })),
  byKey: dictionary(text()),
}
const Thing = message(fields)
type Thing = MessageInput<typeof fields>

const Results = contract('tenon.conformance.v1.Results', {
  echo: method({ request: Thing, response: Thing, idempotency: 'idempotent' }),
})

const plain: Thing = {
  text: 'tea',
  count: 7,
  ratio: 0.25,
  flag: true,
  note: 'green',
  tags: ['a', 'b'],
  counts: [3, 1, 2],
  inner: { text: 'inside', depth: 2 },
  lines: [
    { sku: 'tea-1', count: 1 },
    { sku: 'tea-2', count: 2 },
  ],
  byKey: { size: 'small', colour: 'red' },
}
const { note: _, ...withoutNote } = plain
const empty: Thing = {
  text: '',
  count: 0,
  ratio: 0,
  flag: false,
  tags: [],
  counts: [],
  inner: { text: '' },
  lines: [],
  byKey: {},
}

const values: Readonly<Record<string, Thing>> = {
  'every kind of field': plain,
  'empty texts, zeros, false, empty lists and objects': empty,
  'an empty text in an optional field': { ...empty, note: '' },
  'an optional field that is missing': withoutNote,
  'the largest and smallest integers': {
    ...plain,
    count: Number.MAX_SAFE_INTEGER,
    counts: [Number.MIN_SAFE_INTEGER, -1, 0],
  },
  'a fraction with all its digits': { ...plain, ratio: 0.1 + 0.2 },
  'very small numbers': { ...plain, ratio: 5e-324 },
  'very large numbers': { ...plain, ratio: 1.7976931348623157e308 },
  'texts that look like other values': {
    ...plain,
    text: 'null',
    note: 'true',
    tags: ['7', '0x7', '[]', '{"a":1}', ''],
  },
  'quotes, line breaks and other control characters': {
    ...plain,
    text: '"\\/\b\f\n\r\t\u0000\u001f\u007f\u2028\u2029',
  },
  'letters beyond ASCII': { ...plain, text: 'Zürich, Ελλάδα, Україна, 東京', tags: ['é', 'e\u0301', 'שלום', 'مرحبا'] },
  'characters beyond the basic plane': { ...plain, text: '🍵 𝒯𝑒𝑎 👩‍👩‍👧‍👦', tags: ['\u{10ffff}', '𠮷', ''], lines: [] },
  'keys of any letters': {
    ...plain,
    byKey: { 'ключ 🔑': '🍵', '': 'empty', 'a.b[0]': 'c', $ref: '#/x', toString: 'own' },
  },
  'a text of 100,000 letters': { ...plain, text: 'ä'.repeat(100_000) },
  'a list of 10,000 numbers': { ...plain, counts: Array.from({ length: 10_000 }, (_, i) => i) },
}

const Name = message({ name: text() })
const twoMethods = {
  first: method({ request: Name, response: Name, idempotency: 'idempotent' }),
  second: method({ request: Name, response: Name, idempotency: 'idempotent' }),
} as const
const services = [
  contract('tenon.conformance.v1.One', twoMethods),
  contract('tenon.conformance.v1.Other', twoMethods),
] as const

export const resultCases: readonly TransportCase[] = [
  ...Object.entries(values).map(([name, value]) =>
    transportCase(`results: ${name} there and back`, async trial => {
      let seen: unknown
      const service = implement(Results).handlers({
        echo: request => {
          seen = request
          return request
        },
      })
      const client = connect(Results, await trial.serve(service))
      const response = await trial.response(client.echo, value)
      assert.deepEqual(seen, value, 'what the handler got')
      assert.deepEqual(response, value, 'what the caller got')
    }),
  ),
  transportCase('results: one after the other over the same client', async trial => {
    const client = connect(Results, await trial.serve(implement(Results).handlers({ echo: async request => request })))
    for (let i = 0; i < 20; i++) assert.equal((await trial.response(client.echo, { ...plain, count: i })).count, i)
  }),
  transportCase('results: services and methods are told apart', async trial => {
    const served = services.map(each =>
      implement(each).handlers({
        first: ({ name }) => ({ name: `${each.name} first ${name}` }),
        second: ({ name }) => ({ name: `${each.name} second ${name}` }),
      }),
    )
    const binding = await trial.serve(...served)
    for (const each of services) {
      const client = connect(each, binding)
      for (const name of ['first', 'second'] as const) {
        assert.deepEqual(await trial.response(client[name], { name: 'x' }), { name: `${each.name} ${name} x` })
      }
    }
  }),
]
