// Methods that a contract binds to verbs, paths and queries mean the same on every transport: text has no types, so this is
// where a transport that uses them can lose some.
import { connect, contract, implement, method, stream } from '../../contract/index.js'
import * as assert from '../assert.js'
import { bigint, boolean, bytes, date, integer, list, number, optional, text, withDefault } from '../field.js'
import { type MessageInput, type MessageOutput, message } from '../message.js'
import { assertFailure, type TransportCase, transportCase } from '../trial.js'

const fields = {
  id: text(),
  count: optional(integer()),
  ratio: optional(number()),
  flag: optional(boolean()),
  note: optional(text()),
  tags: list(text()),
  counts: withDefault(list(integer()), []),
  at: optional(date()),
  big: optional(bigint()),
  raw: optional(bytes()),
}
const Item = message(fields)
type Item = MessageInput<typeof fields>
const Typed = message({
  count: integer(),
  flag: boolean(),
  at: date(),
  big: bigint(),
  inner: message({ text: text() }),
})
const Pair = message({ left: text(), right: text() })
const echo = { request: Item, response: Item } as const

const Bindings = contract('tenon.conformance.v1.Bindings', {
  get: method({ ...echo, idempotency: 'safe', http: { get: '/items/{id}' } }),
  list: method({ ...echo, idempotency: 'safe', http: { get: '/items' } }),
  watch: method({ ...echo, response: stream(Item), idempotency: 'safe', http: { get: '/items/{id}/events' } }),
  remove: method({ ...echo, idempotency: 'idempotent', http: { delete: '/items/{id}' } }),
  put: method({ ...echo, idempotency: 'idempotent', http: { put: '/items/{id}' } }),
  patch: method({ ...echo, idempotency: 'unsafe', http: { patch: '/items/{id}' } }),
  create: method({ ...echo, idempotency: 'unsafe', http: { post: '/items', status: 201 } }),
  close: method({ ...echo, idempotency: 'unsafe', http: { post: '/items/{id}:close' } }),
  pair: method({ request: Pair, response: Pair, idempotency: 'safe', http: { get: '/pairs/{left}/with/{right}' } }),
  typed: method({
    request: Typed,
    response: Typed,
    idempotency: 'idempotent',
    http: { put: '/typed/{count}/{flag}/{at}/{big}' },
  }),
})

const methods = ['get', 'list', 'remove', 'put', 'patch', 'create', 'close'] as const

const echoing = implement(Bindings).handlers({
  ...(Object.fromEntries(methods.map(name => [name, (item: unknown) => item])) as Record<
    (typeof methods)[number],
    (item: MessageOutput<typeof fields>) => Item
  >),
  watch: async function* (item) {
    yield item
  },
  pair: pair => pair,
  typed: typed => typed,
})

const ids: readonly string[] = [
  'plain',
  'a/b',
  'a//b/',
  'a?b=c&d#e',
  '100%',
  '%2F',
  'a b+c',
  ':close',
  'a:close',
  '{id}',
  `'";,@!$()*`,
  'Zürich',
  '🍵',
  'e\u0301',
  '7',
]
/** What paths cannot say, or what servers on the way may read as something else. */
const unsafeIds: readonly string[] = ['', '.', '..', '\\', '\0']

const items: Readonly<Record<string, Item>> = {
  'nothing but what must be': { id: 'x', tags: ['a'] },
  'an empty list': { id: 'x', tags: [] },
  'a list of one empty text': { id: 'x', tags: [''] },
  'numbers, true and several of a kind': {
    id: 'x',
    count: 7,
    ratio: 0.5,
    flag: true,
    tags: ['a', 'b', 'a'],
    counts: [3, 1],
  },
  'zeros, false and empty texts': { id: 'x', count: 0, ratio: 0, flag: false, note: '', tags: ['a'], counts: [0] },
  'numbers of any size': { id: 'x', count: Number.MIN_SAFE_INTEGER, ratio: 5e-324, tags: ['a'] },
  'numbers written with an exponent': { id: 'x', ratio: -1.5e300, tags: ['a'] },
  'texts that look like other values': { id: '007', note: 'true', tags: ['1', 'null', '1e3', '[1]', 'undefined'] },
  'texts that look like a query': { id: 'x', note: 'a=b&c=d;e?f#g', tags: ['a,b', 'c+d', '%41', ' e '] },
  'texts of any letters': { id: 'x', note: 'Zürich 🍵 שלום', tags: ['e\u0301', '\u{10ffff}', 'line\nbreak'] },
  'dates, bigints and bytes': {
    id: 'x',
    tags: ['a'],
    at: new Date('2026-02-28T23:59:59.999Z'),
    big: -9_223_372_036_854_775_808n,
    raw: Uint8Array.of(0, 255, 62, 63),
  },
}

export const bindingCases: readonly TransportCase[] = [
  ...Object.entries(items).flatMap(([what, item]) =>
    methods.map(name =>
      transportCase(`bindings: '${name}' with ${what}`, async trial => {
        const client = connect(Bindings, await trial.serve(echoing))
        assert.deepEqual(await trial.response(client[name], item), { counts: [], ...item })
      }),
    ),
  ),
  ...ids.flatMap(id => [
    transportCase(`bindings: '${id}' in a path`, async trial => {
      const client = connect(Bindings, await trial.serve(echoing))
      for (const name of ['get', 'remove', 'put', 'patch', 'close'] as const) {
        assert.equal((await trial.response(client[name], { id, tags: ['a'] })).id, id, name)
      }
      const [item] = await trial.items(await trial.response(client.watch, { id, tags: ['a'] }))
      assert.equal(item?.id, id)
    }),
    transportCase(`bindings: '${id}' in a path with several fields`, async trial => {
      const client = connect(Bindings, await trial.serve(echoing))
      assert.deepEqual(await trial.response(client.pair, { left: id, right: 'with' }), { left: id, right: 'with' })
      assert.deepEqual(await trial.response(client.pair, { left: 'with', right: id }), { left: 'with', right: id })
    }),
  ]),
  ...unsafeIds.map(id =>
    transportCase(`bindings: ${JSON.stringify(id)} in a path arrives, or is refused before it is sent`, async trial => {
      const client = connect(Bindings, await trial.serve(echoing))
      const outcome = await trial.call(client.get, { id, tags: ['a'] })
      if (outcome._tag === 'Right') assert.equal(outcome.right.id, id)
      else assertFailure(outcome.left, { code: 'invalid_argument', ran: 'no', peer: undefined } as object)
    }),
  ),
  transportCase('bindings: a path gives fields the types that they have', async trial => {
    const client = connect(Bindings, await trial.serve(echoing))
    const typed = { count: -7, flag: false, at: new Date(0), big: 12n, inner: { text: 'in the body' } }
    assert.deepEqual(await trial.response(client.typed, typed), typed)
  }),
  transportCase('bindings: a field of the wrong type is refused by name, wherever it is', async trial => {
    const client = connect(Bindings, await trial.serve(echoing))
    const wrong = { id: 'x', tags: ['a'], count: 'seven' as never }
    for (const name of methods) {
      const failure = await trial.failure(client[name], wrong)
      assertFailure(failure, { code: 'invalid_argument', reason: 'INVALID_REQUEST' })
      assert.deepEqual(failure.details, { issues: [{ path: 'count', message: 'must be an integer' }] })
    }
  }),
]
