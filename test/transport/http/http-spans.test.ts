/** What spans say of HTTP: the status that was really answered, of whatever came of the call, the route and never what stood in it. */
import {
  type Context,
  call,
  connect,
  contract,
  failed,
  failure,
  failureOf,
  fromPromise,
  implement,
  left,
  method,
  stream,
} from 'tenon'
import { tracing } from 'tenon/middleware'
import { type FinishedSpan, type MemoryReporter, memoryReporter, never, type Tracer, tracer } from 'tenon/tracing'
import * as http from 'tenon/transport/http'
import { server as fetchServer } from 'tenon/transport/http/fetch'
import { describe, expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { listening, nowhere } from './listening.js'
import { served, servers } from './served.js'

const Id = z.object({ id: z.string() })
const Things = contract('demo.v1.Things', {
  get: method({
    request: Id,
    response: Id,
    idempotency: 'safe',
    failures: { Gone: failure('failed_precondition', Id) },
    http: { get: '/things/{id}' },
  }),
  make: method({ request: Id, response: Id, idempotency: 'unsafe', http: { post: '/things', status: 201 } }),
  watch: method({ request: Id, response: stream(Id), idempotency: 'safe', http: { get: '/things/{id}/events' } }),
})

interface Traced {
  readonly traces: Tracer
  readonly reporter: MemoryReporter
}

function traced(options: object = {}): Traced {
  const reporter = memoryReporter()
  return { reporter, traces: tracer({ service: 'demo', reporters: [reporter], ...options }) }
}

const things = ({ traces }: Traced) =>
  implement(Things)
    .use(tracing(traces))
    .handlers({
      get({ id }, { reply }: Context) {
        if (id === 'gone') return left(Things.failures.Gone({ id }))
        if (id === 'missing') return failed('not_found', 'NO_THING', 'none')
        if (id === 'reused') return failed('invalid_argument', 'IDEMPOTENCY_KEY_REUSED', 'again')
        if (id === 'broken') throw new Error('broken')
        if (id === 'relayed') return left(failureOf('not_found', 'NO_ROW', 'none', { peer: 'db' }))
        if (id === 'moved') {
          reply.status = 303
          reply.header('location', '/elsewhere')
        }
        if (id === 'tagged') reply.header('etag', '"1"')
        if (id === 'unwritable') return { id: (() => {}) as unknown as string }
        return { id }
      },
      make: thing => thing,
      async *watch(thing) {
        yield thing
        if (thing.id === 'broken') throw new Error('broken')
      },
    })

function only(spans: readonly FinishedSpan[]): FinishedSpan {
  expect(spans).toHaveLength(1)
  return spans[0] as FinishedSpan
}

const httpOf = ({ attributes }: FinishedSpan): unknown[] =>
  ['http.method', 'http.route', 'http.scheme', 'http.version', 'http.status_code'].map(name => attributes[name])

describe.each(Object.entries(servers))('behind %s', (_, serve) => {
  test.each([
    ['GET', 'tea', 200],
    ['GET', 'gone', 400],
    ['GET', 'missing', 404],
    ['GET', 'reused', 422],
    ['GET', 'broken', 500],
    ['GET', 'relayed', 500],
    ['GET', 'moved', 303],
    ['GET', 'tagged', 304],
    ['GET', 'unwritable', 500],
    ['HEAD', 'tea', 200],
  ])('%s of a thing that is %s says %i, as the caller was answered', async (verb, id, status) => {
    const server = traced()
    const { address } = await serve([things(server)])
    const headers = { 'if-none-match': '"1"' }
    const answer = await fetch(`${address}/things/${id}`, { method: verb, redirect: 'manual', headers })
    expect(answer.status).toBe(status)
    await expect.poll(() => server.reporter.spans).toHaveLength(1)
    const span = only(server.reporter.spans)
    expect(httpOf(span)).toEqual([verb, '/things/{id}', 'http', '1.1', status])
    expect(JSON.stringify(span.attributes)).not.toContain(`/${id}`)
  })
})

test('behind a fetch runtime it is the same, but for the version, which nobody tells', async () => {
  const server = traced()
  const serve = fetchServer([things(server)], { onDefect: () => {} })
  for (const id of ['tea', 'missing', 'broken']) await serve(new Request(`https://things.test/things/${id}`))
  expect(server.reporter.spans.map(httpOf)).toEqual(
    [200, 404, 500].map(status => ['GET', '/things/{id}', 'https', undefined, status]),
  )
})

test('requests that never become a call are in no trace: there is no route, or nothing to give a handler', async () => {
  const server = traced()
  const { address } = await served([things(server)], { maxBodyBytes: 100 })
  const json = { 'content-type': 'application/json' }
  const statuses = [
    await fetch(`${address}/nothing`),
    await fetch(`${address}/things`, { method: 'PUT' }),
    await fetch(`${address}/things`, { method: 'POST', headers: json, body: 'x'.repeat(101) }),
    await fetch(`${address}/things`, { method: 'POST', headers: json, body: '{"id":' }),
    await fetch(`${address}/things`, { method: 'POST', headers: json, body: '{"id":7}' }),
  ].map(({ status }) => status)
  expect(statuses).toEqual([404, 405, 413, 400, 400])
  // The last was decoded, and is a call: layers see what does not fit its schema.
  await expect.poll(() => server.reporter.spans).toHaveLength(1)
  expect(only(server.reporter.spans).attributes).toMatchObject({ reason: 'INVALID_REQUEST', 'http.status_code': 400 })
})

test('a call that is not recorded asks nobody for its status', async () => {
  const server = traced({ sampler: never })
  const client = traced({ sampler: never })
  const { address } = await served([things(server)])
  const binding = http.client(address)
  onTestFinished(() => binding.close())
  const get = tracing(client.traces)(connect(Things, binding).get)
  expect((await call(get, { id: 'tea' }))._tag).toBe('Right')
  expect([...server.reporter.spans, ...client.reporter.spans]).toEqual([])
})

describe('a client', () => {
  async function called(path: string, id: string): Promise<{ readonly span: FinishedSpan; readonly base: string }> {
    const { address } = await served([things(traced())])
    const client = traced()
    const binding = http.client(address + path)
    onTestFinished(() => binding.close())
    await call(tracing(client.traces)(connect(Things, binding).get), { id })
    return { span: only(client.reporter.spans), base: address + path }
  }

  test.each([
    ['', 'tea', 200],
    ['', 'gone', 400],
    ['', 'broken', 500],
    ['/nowhere', 'tea', 404],
  ])('at %j, of what is %s, says the status that it got and where it went', async (path, id, status) => {
    const { span, base } = await called(path, id)
    expect(span.attributes).toMatchObject({
      'http.method': 'GET',
      'http.url': `${base}/things/{id}`,
      'http.version': '1.1',
      'http.status_code': status,
    })
    expect(JSON.stringify(span.attributes)).not.toContain(`/${id}`)
  })

  test('that reaches nobody has no status', async () => {
    const client = traced()
    const binding = http.client(nowhere)
    onTestFinished(() => binding.close())
    await call(tracing(client.traces)(connect(Things, binding).get), { id: 'tea' })
    const { attributes, error } = only(client.reporter.spans)
    expect(attributes).toMatchObject({ 'http.method': 'GET', reason: 'CONNECTION_REFUSED' })
    expect([attributes['http.status_code'], error]).toEqual([undefined, 'unavailable/CONNECTION_REFUSED'])
  })

  test('does not say on the span around it what it was answered', async () => {
    const [server, stock] = [traced(), traced()]
    const { address } = await served([things(stock)])
    const binding = http.client(address)
    onTestFinished(() => binding.close())
    const { get } = connect(Things, binding) // nothing makes a span of this call
    const shop = implement(Things)
      .use(tracing(server.traces))
      .handlers({
        async get(_, context) {
          await call(get, { id: 'missing' }, { context })
          return { id: 'fine' }
        },
        make: thing => thing,
        async *watch() {},
      })
    const front = await served([shop])
    expect((await fetch(`${front.address}/things/1`)).status).toBe(200)
    await expect.poll(() => server.reporter.spans).toHaveLength(1)
    expect(only(server.reporter.spans).attributes['http.status_code']).toBe(200)
    expect(only(stock.reporter.spans).attributes['http.status_code']).toBe(404)
  })
})

test('a stream says the status it began with, and ends when it ends', async () => {
  const server = traced()
  const { address } = await served([things(server)])
  for (const id of ['tea', 'broken']) await (await fetch(`${address}/things/${id}/events`)).text()
  await expect.poll(() => server.reporter.spans).toHaveLength(2)
  expect(server.reporter.spans.map(({ attributes, error }) => [attributes['http.status_code'], error])).toEqual([
    [200, undefined],
    [200, 'internal/DEFECT'],
  ])
})

test('an endpoint with its own codec says its method and status, and no route that it does not know', async () => {
  const server = traced()
  const tea = tracing(server.traces)(fromPromise(async () => ({})))
  const codec = { decode: () => ({}), encode: () => ({ status: 418, body: 'short and stout' }) }
  const { address } = await listening(http.handler(tea, codec))
  expect((await fetch(`${address}/secret`, { method: 'PATCH' })).status).toBe(418)
  expect((await fetch(`${address}/secret`, { method: 'M-SEARCH' })).status).toBe(418)
  await expect.poll(() => server.reporter.spans).toHaveLength(2)
  expect(server.reporter.spans.map(httpOf)).toEqual([
    ['PATCH', undefined, 'http', '1.1', 418],
    ['_OTHER', undefined, 'http', '1.1', 418],
  ])
})
