/** What comes from strangers to services in an app: the table of the server on node:http, beneath a path and behind parsers. */
import anApp, { type RequestHandler } from 'express'
import * as express from 'tenon/transport/http/express'
import { describe, expect, test } from 'vitest'
import { expectAnswer, json, mistakesBelow, request, withoutEmpty } from '../mistakes.js'
import { ask, open, servedBy } from '../served.js'
import { newLog, shop } from '../shop.js'
import { mounted, notFound, onError } from './app.js'

const mistakes = Object.entries(mistakesBelow('/api'))

function below(before: readonly RequestHandler[], passOn: 'paths' | 'nothing') {
  const log = newLog()
  const app = anApp()
  if (before.length > 0) app.use(...before)
  const mount = (services: express.ExpressHandler) => void app.use('/api', services).use(notFound, onError)
  return { log, served: servedBy(express.server({ app, port: 0, passOn, mount }), [shop(log)]) }
}

describe('bad input beneath a path', () => {
  test.for(mistakes)('%s', async ([, mistake]) => {
    const { log, served } = below([], 'nothing')
    const { port, defects } = await served
    expectAnswer(await ask(port, withoutEmpty(mistake.sent)), mistake)
    expect(defects).toEqual([])
    if (mistake.expected[0] !== 200) expect(log.calls).toEqual([])
  })
})

describe('a path that is none of ours', () => {
  const foreign = mistakes.filter(([, { expected }]) => ['ROUTE_NOT_FOUND', 'INVALID_PATH'].includes(expected[2]))
  test.for(foreign)('goes on to the app: %s', async ([, { sent }]) => {
    const { log, served } = below([], 'paths')
    const { port } = await served
    const answer = await ask(port, sent)
    expect(answer?.status).toBe(404)
    expect(JSON.parse(answer?.body ?? '')).toMatchObject({ app: 'not found' })
    expect(log.calls).toEqual([])
  })
})

/** What `express.json()` refuses by itself; the app answers. */
const refusedByParser: ReadonlySet<string> = new Set([
  'JSON that ends too early',
  'a word instead of JSON',
  'two JSON texts',
  'null instead of an object',
  'text instead of an object',
  'an unknown content encoding',
  'two content encodings',
  'gzip that is none',
  ...['a body over the limit without a length', 'a gzip bomb', 'a brotli bomb'], // all blanks or letters: no JSON
])
/** What it repairs, as it reads UTF-8 with replacement characters and drops a byte order mark. */
const repairedByParser: ReadonlySet<string> = new Set(['a byte order mark before JSON', 'bytes that are no UTF-8'])

describe('bad input behind express.json()', () => {
  const bodies = mistakes.filter(([name]) => !repairedByParser.has(name))
  test.for(bodies)('%s', async ([name, mistake]) => {
    const { log, served } = below([anApp.json({ limit: '100mb' })], 'nothing')
    const { port, defects } = await served
    const answer = await ask(port, withoutEmpty(mistake.sent))
    if (refusedByParser.has(name)) {
      expect(answer?.status).toBeOneOf([400, 415])
      expect(JSON.parse(answer?.body ?? '')).toHaveProperty('app')
    } else expectAnswer(answer, mistake)
    expect(defects).toEqual([])
    if (mistake.expected[0] !== 200) expect(log.calls).toEqual([])
  })

  test('the prototype of objects is as it was', () => {
    expect({}).not.toHaveProperty('admin')
  })
})

describe('HEAD and OPTIONS', () => {
  test('HEAD has what GET has, without a body', async () => {
    const { port } = await mounted([shop()])
    const connection = open(port)
    connection.write(request('HEAD /api/orders/7')).write(request('GET /api/orders/8'))
    expect(await connection.response(false)).toMatchObject({ status: 200, body: '' })
    expect((await connection.response())?.body).toBe('{"id":"8","items":[]}')
  })

  test('a target that is absolute is its path', async () => {
    const { port } = await mounted([shop()])
    expect((await ask(port, request('GET http://shop.test/api/orders/7')))?.body).toBe('{"id":"7","items":[]}')
  })

  test('OPTIONS of a path says what there is; of an unknown one it goes on', async () => {
    const { port } = await mounted([shop()])
    expect(await ask(port, request('OPTIONS /api/orders'))).toMatchObject({
      status: 204,
      headers: { allow: 'GET, HEAD, OPTIONS, POST' },
    })
    expect((await ask(port, request('OPTIONS /api/nothing')))?.status).toBe(404)
  })
})

describe('a connection', () => {
  test('is there for the next request after a refused body', async () => {
    const { port } = await mounted([shop()])
    const connection = open(port)
    connection.write(request('POST /api/orders', { 'content-type': 'text/plain' }, '{"id":"7"}'))
    connection.write(request('GET /api/orders/8'))
    expect((await connection.response())?.status).toBe(415)
    expect((await connection.response())?.body).toBe('{"id":"8","items":[]}')
  })

  test('carries a refusal whole although much more is being sent', async () => {
    const { port } = await mounted([shop()])
    const connection = open(port)
    connection.write(request('POST /api/orders', { ...json, 'content-length': String(64 << 20) }))
    const piece = Buffer.alloc(64 << 10, 0x20)
    const flood = setInterval(() => connection.write(piece), 1)
    const response = await connection.response()
    expect(response).toMatchObject({ status: 413, headers: { connection: 'close' } })
    await connection.closed
    clearInterval(flood)
  })

  test('is told to go on by who asks before sending', async () => {
    const { port } = await servedBy(express.server({ app: anApp(), port: 0 }), [shop()])
    const asking = { ...json, expect: '100-continue' }
    expect((await ask(port, request('POST /orders', asking, '{"id":"7"}')))?.status).toBe(200)
    const large = JSON.stringify({ id: 'x'.repeat(2 << 20) })
    expect((await ask(port, request('POST /orders', asking, large)))?.status).toBe(413)
  })
})
