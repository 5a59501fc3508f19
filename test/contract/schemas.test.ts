/** Contracts mean the same whatever schema library they are written with: who validates, what travels, what is refused. */
import { call, connect, implement, isFailure, left } from 'tenon'
import { bindingHarness, transportCase } from 'tenon/testkit'
import * as http from 'tenon/transport/http'
import * as memory from 'tenon/transport/memory'
import { describe, expect, test } from 'vitest'
import { libraries, type OrderInput, type OrderOutput } from './libraries.js'

const overHttp = bindingHarness({
  name: 'http',
  server: () => http.server({ port: 0 }),
  client: address => http.client(address),
})

const input: OrderInput = {
  sku: 'tea',
  labels: 'a,b',
  note: 'x',
  at: new Date('2026-02-28T23:59:59.999Z'),
  big: 9_007_199_254_740_993n,
  raw: Uint8Array.of(0, 127, 255),
  lines: [{ count: 1 }, { count: 2 }],
}
const asText: OrderInput = { ...input, at: '2026-02-28T23:59:59.999Z', big: '9007199254740993', raw: 'AH//' }
const output: OrderOutput = {
  sku: 'tea',
  labels: ['a', 'b'],
  count: 1,
  note: 'x',
  at: new Date('2026-02-28T23:59:59.999Z'),
  big: 9_007_199_254_740_993n,
  raw: Uint8Array.of(0, 127, 255),
  lines: [{ count: 1 }, { count: 2 }],
}

describe.each(libraries)('with $name', ({ Orders }) => {
  /** A client of a service that keeps what it sees, and gives what the caller sent. */
  function served(answer: OrderInput = input) {
    const seen: unknown[] = []
    const service = implement(Orders).handlers({
      place: request => {
        seen.push(request)
        return answer
      },
      watch: async function* (request) {
        seen.push(request)
        yield answer
        yield answer
      },
      upload: async requests => {
        for await (const request of requests) seen.push(request)
        return answer
      },
      find: query => query,
      put: query => query,
    })
    return { seen, client: connect(Orders, memory.client(service, { json: true })) }
  }

  test.each([
    ['values', input],
    ['their text', asText],
  ])('a request of %s arrives as the output of its schema, and so does the response', async (_, sent) => {
    const { seen, client } = served(sent)
    expect(await call(client.place, sent)).toEqual({ _tag: 'Right', right: output })
    expect(seen).toEqual([output])
  })

  test('items of streams arrive as the output of their schema, either way', async () => {
    const { seen, client } = served()
    const outcome = await call(client.watch, input)
    const items: unknown[] = []
    if (outcome._tag === 'Right') for await (const item of outcome.right) items.push(item)
    expect(items).toEqual([output, output])
    const uploads = (async function* () {
      yield input
      yield asText
    })()
    expect(await call(client.upload, uploads)).toEqual({ _tag: 'Right', right: output })
    expect(seen).toEqual([output, output, output])
  })

  test('details of a declared failure arrive as the output of their schema', async () => {
    const service = implement(Orders).handlers({ place: () => left(Orders.failures.Refused(asText)) })
    const client = connect(Orders, memory.client(service as never, { json: true }))
    expect(await call(client.place, input)).toEqual({ _tag: 'Left', left: { _tag: 'Refused', details: output } })
  })

  test('what is wrong with a request is told with its path', async () => {
    const { seen, client } = served()
    const wrong = { ...asText, sku: '', lines: [{ count: 1 }, { count: 1.5 }] }
    const outcome = await call(client.place, wrong)
    expect(outcome).toMatchObject({ left: { code: 'invalid_argument', reason: 'INVALID_REQUEST' } })
    const failure = outcome._tag === 'Left' && isFailure(outcome.left) ? outcome.left : undefined
    const { issues } = (failure?.details ?? { issues: [] }) as { issues: { path: string; message: string }[] }
    expect(issues.map(({ path }) => path).sort()).toEqual(['lines[1].count', 'sku'])
    expect(failure?.message).toBe(issues.map(({ path, message }) => `${path}: ${message}`).join('; '))
    expect(seen).toEqual([])
  })

  test.each([
    ['at', 'yesterday'],
    ['big', '1.5'],
    ['raw', '*'],
    ['count', '1'],
  ])('a %s that is neither value nor text form is refused', async (name, value) => {
    const { client } = served()
    const outcome = await call(client.place, { ...input, [name]: value })
    expect(outcome).toMatchObject({ left: { reason: 'INVALID_REQUEST', details: { issues: [{ path: name }] } } })
  })

  test('a response that does not fit is the mistake of the service', async () => {
    const { client } = served({ ...input, sku: '' })
    const outcome = await call(client.place, input)
    expect(outcome).toMatchObject({
      left: {
        code: 'internal',
        reason: 'INVALID_RESPONSE',
        peer: expect.any(String),
        details: { issues: [{ path: 'sku' }] },
      },
    })
  })

  test.each([
    ['find', 'GET'],
    ['put', 'PUT'],
  ] as const)('%s reads its path and query by the types of the fields', (name, verb) => {
    const rule = Orders.specs.get(name)?.http
    expect(rule?.verb).toBe(verb)
    const fields = new Map([...(rule?.path ?? []), ...(rule?.query ?? [])])
    const readings = [
      ['id', '007', '007'],
      ['limit', '7', 7],
      ['ratio', '-0.5e3', -500],
      ['full', 'true', true],
      ['full', 'maybe', 'maybe'],
      ['state', 'open', 'open'],
      ['tags', '7', '7'],
      ['numbers', '7', 7],
    ] as const
    for (const [field, text, value] of readings) {
      if (fields.has(field)) expect([field, fields.get(field)?.read(text)]).toEqual([field, value])
    }
    expect([...fields.keys()].sort()).toEqual(
      name === 'find' ? ['full', 'id', 'limit', 'numbers', 'ratio', 'state', 'tags'] : ['id', 'limit'],
    )
    const repeated = [...fields].filter(([, field]) => field.repeated).map(([field]) => field)
    expect(repeated.sort()).toEqual(name === 'find' ? ['numbers', 'tags'] : [])
  })

  test('path and query arrive over HTTP with the types of their fields', async () => {
    const service = implement(Orders).handlers({ find: query => query, put: query => query })
    const query = {
      id: 'a/b',
      limit: 7,
      ratio: 0.5,
      full: false,
      state: 'open',
      tags: ['1', ''],
      numbers: [1, 2],
    } as const
    const trial = transportCase('', async trial => {
      const client = connect(Orders, await trial.serve(service))
      expect(await trial.response(client.find, query)).toEqual(query)
      expect(await trial.response(client.find, { id: '7', limit: 0, tags: [] })).toEqual({
        id: '7',
        limit: 0,
        tags: [],
      })
      expect(await trial.response(client.put, query)).toEqual(query)
      const wrong = await trial.failure(client.find, { ...query, limit: 'many' as never })
      expect(wrong).toMatchObject({ reason: 'INVALID_REQUEST', details: { issues: [{ path: 'limit' }] } })
    })
    await trial.run(overHttp)
  })

  test('the JSON Schema is that of the input, with dates and bigints as what they are on the wire', () => {
    const { type, properties, required } = Orders.specs.get('place')?.request.jsonSchema ?? {}
    expect(type).toBe('object')
    expect(properties).toMatchObject({
      sku: { type: 'string' },
      labels: { type: 'string' },
      count: { type: 'integer' },
      at: { type: 'string', format: 'date-time' },
      big: { type: 'string', format: 'int64' },
      raw: { type: 'string' },
      lines: { type: 'array', items: { type: 'object', properties: { count: { type: 'integer' } } } },
    })
    expect([...(required as string[])].sort()).toEqual(['at', 'big', 'labels', 'lines', 'raw', 'sku'])
  })
})
