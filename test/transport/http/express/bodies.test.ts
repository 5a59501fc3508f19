/** Bodies that the app has read before: used where they are there, refused clearly where they are not, and bounded either way. */
import { gzipSync } from 'node:zlib'
import anApp, { type RequestHandler } from 'express'
import { contract, implement, method } from 'tenon'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { json, problemOf, request } from '../mistakes.js'
import { ask } from '../served.js'
import { newLog, shop } from '../shop.js'
import { mounted } from './app.js'

const order = '{"id":"7","items":[{"sku":"a","count":1}],"note":"ä"}'
const post = (body: string | Uint8Array, headers: Readonly<Record<string, string>> = json) =>
  request('POST /api/orders', headers, body)
const problem = (answer: Awaited<ReturnType<typeof ask>>) =>
  answer === undefined ? undefined : { status: answer.status, reason: problemOf(answer).reason }

/** Reads the body as multer, a proxy or a careless middleware does: nothing of it is left. */
const swallow: RequestHandler = (message, _, next) => void message.resume().on('end', () => next())
/** Reads a piece of the body. */
const nibble: RequestHandler = (message, _, next) =>
  void message.once('data', () => {
    message.pause()
    next()
  })

describe('a body that the app has read', () => {
  const parsers: Readonly<Record<string, RequestHandler>> = {
    'as JSON': anApp.json(),
    'as bytes': anApp.raw({ type: '*/*' }),
    'as text': anApp.text({ type: '*/*' }),
    'not at all, for it is of another type': anApp.urlencoded({ extended: false }),
  }
  test.for(Object.entries(parsers))('%s is used', async ([, parser]) => {
    const { port, defects } = await mounted([shop()], { before: [parser] })
    for (const body of [order, gzipSync(order)]) {
      const headers = typeof body === 'string' ? json : { ...json, 'content-encoding': 'gzip' }
      expect(await ask(port, post(body, headers))).toMatchObject({ status: 200, body: order })
    }
    expect(defects).toEqual([])
  })

  test('stays as it was for whoever looks at it later', async () => {
    const seen: unknown[] = []
    const look: RequestHandler = (message, response, next) => {
      response.on('finish', () => seen.push(message.body))
      next()
    }
    const note = z.object({ id: z.string(), text: z.string() })
    const notes = contract('test.v1.Notes', {
      put: method({ request: note, response: note, idempotency: 'idempotent', http: { put: '/notes/{id}' } }),
    })
    const { port } = await mounted([implement(notes).handlers({ put: it => it })], { before: [anApp.json(), look] })
    const answer = await ask(port, request('PUT /api/notes/7', json, '{"text":"x"}'))
    expect(answer?.body).toBe('{"id":"7","text":"x"}')
    expect(seen).toEqual([{ text: 'x' }])
  })

  test('without a body is none', async () => {
    const { port } = await mounted([shop()], { before: [anApp.json(), anApp.text({ type: '*/*' })] })
    expect((await ask(port, request('GET /api/orders/7')))?.status).toBe(200)
    expect(problem(await ask(port, request('POST /api/orders')))).toEqual({ status: 400, reason: 'INVALID_REQUEST' })
  })

  test('is of the content type that it came with', async () => {
    const { port } = await mounted([shop()], { before: [anApp.json({ type: '*/*' })] })
    const answer = await ask(port, post(order, { 'content-type': 'text/plain' }))
    expect(problem(answer)).toEqual({ status: 415, reason: 'UNSUPPORTED_MEDIA_TYPE' })
  })

  test('may be what the app has made of it', async () => {
    const rename: RequestHandler = (message, _, next) => {
      message.body = { ...message.body, id: 'renamed' }
      next()
    }
    const { port } = await mounted([shop()], { before: [anApp.json(), rename] })
    expect(JSON.parse((await ask(port, post(order)))?.body ?? '')).toMatchObject({ id: 'renamed' })
  })
})

describe('a body that the app has read and not left', () => {
  const readers: Readonly<Record<string, RequestHandler>> = {
    'all of it': swallow,
    'a piece of it': nibble,
    'into something that is no JSON': (message, response, next) =>
      swallow(message, response, () => {
        message.headers['content-type'] = 'application/json'
        message.body = undefined
        next()
      }),
  }
  test.for(Object.entries(readers))('%s fails, and says what to do', async ([, reader]) => {
    const log = newLog()
    const { port, defects } = await mounted([shop(log)], { before: [reader] })
    const answer = await ask(port, post(order))
    expect(answer?.status).toBe(500)
    expect(answer === undefined ? undefined : problemOf(answer)).toMatchObject({
      code: 'internal',
      reason: 'BODY_ALREADY_READ',
      detail: expect.stringContaining('mount Tenon before it'),
    })
    expect(answer?.headers['tenon-ran']).toBe('no')
    expect(defects).toMatchObject([{ message: expect.stringContaining('mount Tenon before it') }])
    expect(log.calls).toEqual([])
  })

  test('of a request stream fails as well', async () => {
    const log = newLog()
    const { port } = await mounted([shop(log)], { before: [swallow] })
    const lines = '{"value":{"index":0}}\n{"end":{}}\n'
    const answer = await ask(port, request('POST /api/uploads', { 'content-type': 'application/x-ndjson' }, lines))
    expect(problem(answer)).toEqual({ status: 500, reason: 'BODY_ALREADY_READ' })
  })
})

describe('limits of a body that the app has read', () => {
  const note = 'x'.repeat(2_000)
  const large = JSON.stringify({ id: '7', note })
  const chunked = `${large.length.toString(16)}\r\n${large}\r\n0\r\n\r\n`
  const sent = {
    'with its length': post(large),
    packed: post(gzipSync(large), { ...json, 'content-encoding': 'gzip' }),
    'in chunks': Buffer.from(
      `POST /api/orders HTTP/1.1\r\nhost: t\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n${chunked}`,
    ),
  }
  const parsers = {
    'as JSON': anApp.json(),
    'as bytes': anApp.raw({ type: '*/*' }),
    'as text': anApp.text({ type: '*/*' }),
  }
  for (const [how, parser] of Object.entries(parsers)) {
    test.for(Object.entries(sent))(`${how}, %s`, async ([, bytes]) => {
      const log = newLog()
      const one = await mounted([shop(log)], { before: [parser], options: { maxBodyBytes: 1_000 } })
      expect(problem(await ask(one.port, bytes))).toEqual({ status: 413, reason: 'BODY_TOO_LARGE' })
      expect(log.calls).toEqual([])
      const other = await mounted([shop(log)], { before: [parser], options: { maxBodyBytes: 3_000 } })
      expect((await ask(other.port, bytes))?.status).toBe(200)
    })
  }

  test('hold for each line of a stream', async () => {
    const { port } = await mounted([shop()], {
      before: [anApp.text({ type: 'application/x-ndjson' })],
      options: { maxBodyBytes: 100 },
    })
    const upload = (lines: string) =>
      ask(port, request('POST /api/uploads', { 'content-type': 'application/x-ndjson' }, lines))
    const item = '{"value":{"index":0}}\n'
    expect((await upload(`${item.repeat(20)}{"end":{}}\n`))?.body).toBe('{"count":20}')
    expect(problem(await upload(`{"value":{"index":0,"x":"${note}"}}\n{"end":{}}\n`))?.reason).toBe('BODY_TOO_LARGE')
  })

  test('of depth hold for a packed one, too, whose size nobody can tell', async () => {
    const { port, defects } = await mounted([shop()], { before: [anApp.json({ limit: '1mb' })] })
    const deep = `{"id":"7","x":${'['.repeat(100_000)}${']'.repeat(100_000)}}`
    const answer = await ask(port, post(gzipSync(deep), { ...json, 'content-encoding': 'gzip' }))
    expect(problem(answer)).toEqual({ status: 400, reason: 'MALFORMED_BODY' })
    expect(defects).toEqual([])
  })
})
