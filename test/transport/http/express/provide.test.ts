/** What the app's middleware has found out reaches endpoints, exactly where they ask for it. */
import anApp, { type Request, type RequestHandler, type Response } from 'express'
import { type Authenticated, CallError, contract, type Failure, failureOf, fromPromise, implement, method } from 'tenon'
import type { Context } from 'tenon/core'
import * as express from 'tenon/transport/http/express'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { listening } from '../listening.js'
import { problemOf, request } from '../mistakes.js'
import { ask } from '../served.js'

interface Said {
  readonly text: string
}
interface User {
  readonly id: string
}

const Me = contract('test.v1.Me', {
  read: method({
    request: z.object({}),
    response: z.object({ id: z.string() }),
    idempotency: 'safe',
    http: { get: '/me' },
  }),
  write: method({
    request: z.object({ text: z.string() }),
    response: z.object({ id: z.string() }),
    idempotency: 'unsafe',
    http: { post: '/me' },
  }),
})

/** The app's own: it knows who somebody is by a header. */
const authenticate: RequestHandler = (message, response, next) => {
  const id = message.get('x-user')
  if (id !== undefined) response.locals['user'] = { id }
  next()
}

function principal(message: Request, response: Response): Authenticated<User> {
  const user: User | undefined = response.locals['user']
  if (message.get('x-broken') !== undefined) throw new Error('secret')
  if (user === undefined) throw new CallError<Failure>(failureOf('unauthenticated', 'NO_SESSION', 'sign in first'))
  return { principal: user }
}

async function serving(provide: typeof principal) {
  const calls: string[] = []
  const defects: unknown[] = []
  const me = implement(Me)
    .requires<Authenticated<User>>()
    .handlers({
      read(_, context) {
        calls.push(context.principal.id)
        return { id: context.principal.id }
      },
      write: (_, context) => ({ id: context.principal.id }),
    })
  const onDefect = (thrown: unknown) => void defects.push(thrown)
  const app = anApp()
    .use(authenticate)
    .use('/api', express.router([me], { provide, onDefect }))
  return { ...(await listening(app)), calls, defects }
}

const get = (headers: Readonly<Record<string, string>>) => request('GET /api/me', headers)

describe('provide', () => {
  test('gives each call what the app knows of its request', async () => {
    const { port, calls } = await serving(principal)
    expect((await ask(port, get({ 'x-user': 'ada' })))?.body).toBe('{"id":"ada"}')
    expect((await ask(port, get({ 'x-user': 'ben' })))?.body).toBe('{"id":"ben"}')
    expect(calls).toEqual(['ada', 'ben'])
  })

  test('refuses with the failure that it throws, before anything of the call has run', async () => {
    const { port, calls, defects } = await serving(principal)
    const body = '{"text":"no body is read for who is refused"'
    for (const sent of [get({}), request('POST /api/me', { 'content-type': 'application/json' }, body)]) {
      const answer = await ask(port, sent)
      expect(answer).toMatchObject({ status: 401, headers: { 'tenon-ran': 'no' } })
      expect(answer === undefined ? undefined : problemOf(answer)).toMatchObject({ reason: 'NO_SESSION' })
    }
    expect([calls, defects]).toEqual([[], []])
  })

  test('is a defect where it throws anything else, or takes the name of what contexts have', async () => {
    const { port, defects } = await serving(principal)
    const answer = await ask(port, get({ 'x-broken': '1' }))
    expect(answer?.status).toBe(500)
    expect(answer?.body).not.toContain('secret')
    expect(defects).toMatchObject([{ message: 'secret' }])
    const taken = await serving(() => ({ principal: { id: 'ada' }, signal: 'mine' }))
    expect((await ask(taken.port, get({})))?.status).toBe(500)
    expect(taken.defects).toHaveLength(1)
  })

  test('is not asked for what goes on to the app', async () => {
    const { port, defects } = await serving(principal)
    expect((await ask(port, request('GET /api/nothing', { 'x-broken': '1' })))?.status).toBe(404)
    expect((await ask(port, request('PUT /api/me', { 'x-broken': '1' })))?.status).toBe(405)
    expect(defects).toEqual([])
  })
})

describe('a handler of a route', () => {
  const whoami = fromPromise(async (who: { readonly name: string }, context: Context & Authenticated<User>) => ({
    text: `${who.name} is ${context.principal.id}`,
  }))
  const encode = ({ text }: { readonly text: string }) => ({ headers: { 'content-type': 'text/plain' }, body: text })

  test('has its parameters, and what the app knows', async () => {
    const seen: string[] = []
    const app = anApp().use(authenticate)
    app.get(
      '/who/:name',
      express.handler(
        whoami,
        { decode: ({ express: message }) => ({ name: String(message.params['name']) }), encode },
        {
          provide: principal,
          before: [
            (context, { express: message, url }) => {
              seen.push(message.originalUrl, url)
              return context
            },
          ],
          finalizer: ({ status, request: { express: message } }) => seen.push(`${status} ${message.path}`),
        },
      ),
    )
    const { port } = await listening(app)
    expect((await ask(port, request('GET /who/%C3%A4', { 'x-user': 'ada' })))?.body).toBe('ä is ada')
    expect((await ask(port, request('GET /who/ben')))?.status).toBe(401)
    expect(seen).toEqual(['/who/%C3%A4', '/who/%C3%A4', '200 /who/%C3%A4', '401 /who/ben'])
  })

  const echo = fromPromise(async (given: Said) => given)
  const codec: express.ServerCodec<Said, Said, never, express.ExpressHandlerRequest> = {
    decode: async message => ({
      text: message.headers['x-how'] === 'json' ? JSON.stringify(await message.json()) : await message.text(),
    }),
    encode,
  }
  const text = '{"text":"ä"}'
  const parsers: Readonly<Record<string, RequestHandler>> = {
    json: anApp.json(),
    raw: anApp.raw({ type: '*/*' }),
    text: anApp.text({ type: '*/*' }),
    none: (_, __, next) => next(),
  }
  test.for(Object.entries(parsers))('reads its body behind a parser: %s', async ([, parser]) => {
    const { port } = await listening(anApp().post('/', parser, express.handler(echo, codec, { maxBodyBytes: 100 })))
    const post = (body: string, headers = {}) =>
      ask(port, request('POST /', { 'content-type': 'application/json', ...headers }, body))
    expect((await post(text))?.body).toBe(text)
    expect((await post(text, { 'x-how': 'json' }))?.body).toBe(text)
    expect((await post(`{"text":"${'x'.repeat(100)}"}`))?.status).toBe(413)
    expect((await post('{"__proto__":{}}', { 'x-how': 'json' }))?.status).toBe(400)
  })

  test('reads it as it comes, behind a parser as well', async () => {
    const streaming: typeof codec = {
      async decode(message) {
        let read = ''
        for await (const piece of message.chunks(100)) read += Buffer.from(piece).toString()
        return { text: read }
      },
      encode,
    }
    const app = anApp()
      .post('/plain', express.handler(echo, streaming))
      .post('/parsed', anApp.text({ type: '*/*' }), express.handler(echo, streaming))
    const { port } = await listening(app)
    for (const path of ['/plain', '/parsed']) {
      expect((await ask(port, request(`POST ${path}`, {}, 'hello')))?.body).toBe('hello')
      expect((await ask(port, request(`POST ${path}`, {}, 'x'.repeat(101))))?.status).toBe(413)
    }
  })

  test('cannot read a form that the app has parsed, but finds it on the request', async () => {
    const form = { 'content-type': 'application/x-www-form-urlencoded' }
    const reading = express.handler(echo, codec)
    const looking = express.handler(echo, { decode: ({ express: message }) => message.body, encode })
    const app = anApp()
      .use(anApp.urlencoded({ extended: false }))
      .post('/read', reading)
      .post('/look', looking)
    const { port } = await listening(app)
    const answer = await ask(port, request('POST /read', form, 'text=hello'))
    expect(answer === undefined ? undefined : problemOf(answer)).toMatchObject({ reason: 'BODY_ALREADY_READ' })
    expect((await ask(port, request('POST /look', form, 'text=hello')))?.body).toBe('hello')
  })

  test('cannot read what a parser has revived into something that is no JSON', async () => {
    const parser = anApp.json({ reviver: (_, value) => (typeof value === 'number' ? BigInt(value) : value) })
    const { port } = await listening(anApp().post('/', parser, express.handler(echo, codec)))
    const answer = await ask(port, request('POST /', { 'content-type': 'application/json' }, '{"text":7}'))
    expect(answer === undefined ? undefined : problemOf(answer)).toMatchObject({ reason: 'BODY_ALREADY_READ' })
  })

  test('keeps the cookies of the app', async () => {
    const app = anApp().get(
      '/',
      (_, response, next) => {
        response.cookie('session', 'ada')
        next()
      },
      express.handler(echo, {
        decode: () => ({ text: 'x' }),
        encode: () => ({ headers: { 'Set-Cookie': ['a=1', 'b=2'] }, body: 'x' }),
      }),
    )
    const { port } = await listening(app)
    expect((await ask(port, request('GET /')))?.headers['set-cookie']).toBe('session=ada; Path=/\na=1\nb=2')
  })

  test('refuses limits that make no sense', () => {
    for (const maxBodyBytes of [0, -1, 1.5, Number.NaN])
      expect(() => express.handler(echo, codec, { maxBodyBytes })).toThrow(RangeError)
  })
})
