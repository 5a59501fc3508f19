/** What proves who somebody is stays where it is: not in a log, a span, a failure or an explanation, not in another call, not in a clock. */
import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { inspect } from 'node:util'
import {
  apiKey,
  apiKeys,
  authenticate,
  basic,
  bearerToken,
  createApiKey,
  isSameSecret,
  rejected,
  type Scheme,
} from 'tenon/auth'
import { jwt, signer } from 'tenon/auth/jwt'
import { sessions } from 'tenon/auth/session'
import { connect, contract, implement, method } from 'tenon/contract'
import {
  type Context,
  call,
  chain,
  cookiesOf,
  explain,
  fromPromise,
  type Middleware,
  systemClock,
  testContext,
} from 'tenon/core'
import { logger } from 'tenon/log'
import { metricRegistry } from 'tenon/metrics'
import { prometheus } from 'tenon/metrics/prometheus'
import { logging, metrics, tracing } from 'tenon/middleware'
import { memoryReporter, tracer } from 'tenon/tracing'
import * as http from 'tenon/transport/http'
import * as memory from 'tenon/transport/memory'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { authorizationOf } from '../../src/auth/credential.js'
import { deep } from '../deep.js'
import { open, served } from '../transport/http/served.js'

const Who = contract('test.v1.Who', {
  amI: method({
    request: z.object({ turns: z.coerce.number().int().default(0) }),
    response: z.object({ id: z.string() }),
    idempotency: 'safe',
    http: { get: '/me' },
  }),
  login: method({
    request: z.object({}),
    response: z.object({ ok: z.boolean() }),
    idempotency: 'unsafe',
    http: { post: '/login' },
  }),
})

type User = { readonly id: string }

describe('a secret that a caller shows, or that we hold', () => {
  const secret = (name: string): string => `${name}${randomBytes(12).toString('hex')}`
  const password = secret('password')
  const signingKey = secret('signing-key-that-is-long-enough-')
  const issued = { issuer: 'https://login.shop', audience: 'shop' }
  const key = { algorithm: 'HS256', key: signingKey } as const
  const { key: good, hash } = createApiKey('shop')
  const users = sessions<User>()
  const tokens = signer({ ...issued, key, ttlMs: 600_000 })
  const schemes = {
    jwt: jwt({ ...issued, keys: key, clockToleranceMs: 0, maxRemembered: 10, claims: z.object({ id: z.string() }) }),
    basic: basic<User>({
      realm: 'shop',
      verify: given => (isSameSecret(given.password, password) ? { id: given.user } : undefined),
    }),
    apiKey: apiKey<User>({ find: apiKeys([{ hash, principal: { id: 'program' } }]) }),
    session: users.scheme,
  }

  const texts: [where: string, text: string][] = []
  /** What was shown, and must not be found again. */
  const shown: [what: string, text: string][] = [
    ['the password that is kept', password],
    ['the key that signs', signingKey],
  ]
  const statuses: Record<string, number> = {}

  beforeAll(async () => {
    const into = (where: string) => (text: string) => void texts.push([where, text])
    const logs = (['json', 'logfmt', 'pretty'] as const).map(format => logger({ format, write: into(format) }))
    const registry = metricRegistry()
    const page = prometheus(registry)
    const reporter = memoryReporter()
    const traces = tracer({ service: 'who', reporters: [reporter] })
    const told = (): Middleware => chain(tracing(traces), metrics(registry), ...logs.map(log => logging(log)))
    const service = implement(Who)
      .use(told())
      .handlers({
        async login(_, context) {
          await users.start(context, { id: 'ada' })
          return { ok: true }
        },
      })
      .use(authenticate(schemes.jwt, schemes.basic, schemes.apiKey, schemes.session))
      .handlers({
        async amI(_, context) {
          // As careless as code gets.
          for (const log of logs) log.info('asked', { context, headers: context.metadata, who: context.principal })
          context.span?.set('who', context.principal.id)
          into('a context, printed')(inspect(context, { depth: 9 }))
          return { id: context.principal.id }
        },
      })
    const report = { ok: true, checks: {} }
    const onDefect = (thrown: unknown): void => into('a defect')(inspect(thrown))
    const runtime = { onDefect, clock: systemClock, probes: { live: () => report, ready: () => report } }
    const listening = await http.server({ port: 0 }).listen([service], runtime)
    const [address = ''] = listening.addresses
    const ask = async (what: string, headers: Record<string, string>, texts: readonly string[]): Promise<void> => {
      const response = await fetch(`${address}/me`, { headers })
      statuses[what] = response.status
      into('an answer')(`${await response.text()} ${JSON.stringify([...response.headers])}`)
      for (const text of texts) shown.push([what, text])
    }
    const base64 = (text: string): string => Buffer.from(text).toString('base64')
    const bad = secret('bad')
    const { token } = await tokens.sign({ id: 'ada' })
    const [, payload = '', signature = ''] = token.split('.')
    const altered = `${token.slice(0, -8)}AAAAAAAA`
    await ask('a good token', { authorization: `Bearer ${token}` }, [token, signature, payload])
    await ask('a bad token', { authorization: `Bearer ${altered}` }, [altered, altered.slice(-40)])
    await ask('no token at all', { authorization: `Bearer ${bad} ${bad}` }, [bad])
    await ask('a good password', { authorization: `Basic ${base64(`ada:${password}`)}` }, [base64(`ada:${password}`)])
    await ask('a bad password', { authorization: `Basic ${base64(`ada:${bad}`)}` }, [base64(`ada:${bad}`)])
    await ask('a good key', { 'x-api-key': good }, [good, hash])
    await ask('a bad key', { 'x-api-key': `shop_${bad}` }, [`shop_${bad}`])
    const login = await fetch(`${address}/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    })
    const [, word = ''] = /__Host-session=([^;]+)/.exec(login.headers.get('set-cookie') ?? '') ?? []
    await ask('a good session', { cookie: `__Host-session=${word}` }, [word])
    await ask('a bad session', { cookie: `__Host-session=${bad.slice(0, 22)}` }, [bad.slice(0, 22)])
    // On the client's side: a token that is sent, and a refusal that is told.
    const client = http.client(address)
    const sending = bearerToken(async () => ({ token: altered, expiresAt: Date.now() + 60_000 }))
    const asked = chain(told(), sending)(connect(Who, client).amI)
    into('a failure at the client')(inspect(await call(asked, { turns: 0 }), { depth: 9 }))
    for (const [name, scheme] of Object.entries(schemes)) into(`the scheme ${name}`)(inspect(scheme, { depth: 9 }))
    into('the sessions')(inspect(users.scheme, { depth: 9 }))
    into('the signer')(inspect(tokens, { depth: 9 }))
    for (const endpoint of [asked, ...[...service.methods.values()].map(each => each.endpoint)]) {
      const explained = explain(endpoint)
      into('an explanation')(`${explained} ${JSON.stringify(explained)} ${inspect(explained, { depth: 9 })}`)
    }
    // By name: what a span says are getters, which a copy of it has not.
    const said = reporter.spans.map(({ name, kind, attributes, events, links, error, peer }) => {
      return { name, kind, attributes, events, links, error, peer }
    })
    into('spans')(JSON.stringify(said))
    into('metrics')((await page.page()).body)
    await client.close()
    await listening.close()
    page.close()
  })

  test('opens what it opens', () => {
    expect(statuses).toEqual({
      'a good token': 200,
      'a bad token': 401,
      'no token at all': 401,
      'a good password': 200,
      'a bad password': 401,
      'a good key': 200,
      'a bad key': 401,
      'a good session': 200,
      'a bad session': 401,
    })
    for (const where of ['json', 'logfmt', 'pretty', 'spans', 'metrics', 'an explanation', 'an answer'])
      expect(texts.filter(([name]) => name === where).join('').length).toBeGreaterThan(100)
    expect(texts.find(([name]) => name === 'spans')?.[1]).toContain('CREDENTIALS_REJECTED')
  })

  test('is in nothing that is written, sent, explained or printed', () => {
    expect(shown.length).toBeGreaterThan(12)
    for (const [what, text] of shown) expect(text.length, what).toBeGreaterThan(15)
    const found = shown.flatMap(([what, text]) =>
      texts.filter(([, written]) => written.includes(text)).map(([where]) => `${what} in ${where}`),
    )
    expect(found).toEqual([])
  })

  afterAll(() => void texts.splice(0))
})

test('a credential of 8,192 characters is looked at, and one of more is refused unseen, though the head of a request may be longer', async () => {
  let asked = 0
  const scheme: Scheme<User> = {
    name: 'counting',
    verify(context) {
      const found = authorizationOf(context, 'bearer')
      if (found === undefined) return undefined
      if (found === 'malformed') return rejected('malformed')
      asked++
      return { principal: { id: String(found.value.length) } }
    },
  }
  const service = implement(Who)
    .use(authenticate(scheme))
    .handlers({ amI: (_, { principal }) => principal, login: () => ({ ok: true }) })
  const { port, defects } = await served([service])
  const get = async (length: number) =>
    await open(port)
      .write(
        `GET /me HTTP/1.1\r\nhost: t\r\nconnection: close\r\nauthorization: Bearer ${'a'.repeat(length - 7)}\r\n\r\n`,
      )
      .response()
  expect(await get(8_192)).toMatchObject({ status: 200, body: '{"id":"8185"}' })
  expect(asked).toBe(1)
  const refused = await get(8_193)
  expect(refused?.status).toBe(401)
  expect(JSON.parse(refused?.body ?? '')).toMatchObject({ reason: 'CREDENTIALS_REJECTED' })
  expect((await get(14_000))?.status).toBe(401)
  expect((await get(20_000))?.status).toBe(431) // nor is a longer head
  expect(asked).toBe(1)
  expect(defects).toEqual([])
})

describe('principals of calls that take turns', () => {
  const later = (turns: number): Promise<void> => {
    let waited = Promise.resolve()
    for (let i = 0; i < turns; i++) waited = waited.then(() => {})
    return waited
  }
  const judged = async (id: string): Promise<{ readonly principal: User }> => {
    await later(id.length % 5)
    return { principal: { id } }
  }
  const inHeader: Scheme<User> = {
    name: 'header',
    verify: ({ metadata }) => {
      const id = metadata.get('x-api-key')
      return id === undefined ? undefined : { principal: { id } }
    },
  }
  const bearer: Scheme<User> = {
    name: 'bearer',
    verify(context) {
      const found = authorizationOf(context, 'bearer')
      return typeof found === 'object' ? judged(found.value) : undefined
    },
  }
  const cookie: Scheme<User> = {
    name: 'cookie',
    verify(context) {
      const id = cookiesOf(context).get('session')
      return id === undefined ? undefined : judged(id)
    },
  }
  const ways: readonly ((id: string) => Record<string, string>)[] = [
    id => ({ 'x-api-key': id }),
    id => ({ authorization: `Bearer ${id}` }),
    id => ({ cookie: `session=${id}` }),
    () => ({}),
  ]
  const service = implement(Who)
    .use(authenticate(inHeader, bearer, cookie))
    .handlers({
      async amI({ turns }, context) {
        const before = context.principal.id
        await later(turns)
        return { id: before === context.principal.id ? before : 'changed' }
      },
      login: () => ({ ok: true }),
    })

  async function strays(
    amI: ReturnType<typeof connect<typeof Who.methods>>['amI'],
    total: number,
    context: Context,
  ): Promise<number> {
    let [next, wrong] = [0, 0]
    const caller = async (): Promise<void> => {
      for (let i = next++; i < total; i = next++) {
        const id = `u${i}`
        const way = (i * 7) % ways.length
        const outgoing = ways[way]?.(id) ?? {}
        const outcome = await call(amI, { turns: i % 6 }, { context, outgoing })
        const isRight = outcome._tag === 'Right' ? outcome.right.id === id && way !== 3 : way === 3
        if (!isRight) wrong++
      }
    }
    await Promise.all(Array.from({ length: 64 }, caller))
    return wrong
  }

  test(
    'are never those of another call, nor of one that shows nothing',
    async () => {
      const binding = memory.client(service)
      const context = testContext({ onDefect: () => {} })
      expect(await strays(connect(Who, binding).amI, deep(10_000, 1_000_000), context)).toBe(0)
    },
    deep(60_000, 1_200_000),
  )

  test(
    'nor are they over HTTP, on connections that are shared',
    async () => {
      const { address } = await served([service])
      const binding = http.client(address, { maxConnections: 4 })
      onTestFinished(() => binding.close())
      expect(await strays(connect(Who, binding).amI, deep(300, 30_000), testContext())).toBe(0)
    },
    deep(60_000, 600_000),
  )
})

describe('comparing secrets', () => {
  const name = String.raw`[\w.#]*(?:secret|password|token|hash|digest|signature|hmac|csrf|apikey|word|nonce)\w*`
  const compared = new RegExp(String.raw`${name}(?:\(.*?\))?\s*[!=]==?|[!=]==?\s*${name}`, 'i')
  // To ask whether there is one, or of which kind, is no comparison of secrets.
  const harmless =
    /(?:typeof\s+)?[\w.#?]+\s*[!=]==?\s*(?:undefined|null|true|false|-?\d+|'[^']*')|[\w.#?]+\.length\s*[!=]==?\s*[\w.#]+/g
  const compares = (line: string): boolean => compared.test(line.replace(/\s\/\/.*$/, '').replaceAll(harmless, ''))
  /** What looks like it and is none: the line, and why. */
  const others: Readonly<Record<string, string>> = {
    'if (token !== this.#kept || clock.now() < this.#leaveAloneUntil) return': 'one object, not its text',
  }

  test.each([
    ['if (password === stored)', true],
    ['return given.token == expected', true],
    ['a === secretOf(b)', true],
    ['x !== this.#csrfToken', true],
    ["typeof token !== 'string'", false],
    ['token === undefined', false],
    ['isSameSecret(password, stored)', false],
  ])('the rule finds %j: %s', (line, found) => expect(compares(line)).toBe(found))

  test('is done by timingSafeEqual, in two places, and by no operator or buffer anywhere in src/auth', () => {
    const folder = new URL('../../src/auth/', import.meta.url)
    const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(path => path.endsWith('.ts'))
    const lines = paths.flatMap(path =>
      readFileSync(new URL(path, folder), 'utf8')
        .split('\n')
        .map(line => ({ path, line: line.trim() })),
    )
    const code = lines.filter(({ line }) => !/^(\/\/|\*|\/\*)/.test(line))
    const found = code.filter(({ line }) => compares(line) && others[line] === undefined)
    expect(found).toEqual([])
    expect(
      code.filter(({ line }) => /\.equals\(|Buffer\.compare|localeCompare/.test(line)).map(({ line }) => line),
    ).toEqual([
      'return a.type === b.type && a.equals(b)', // of keys, once, at construction
    ])
    const using = code.filter(({ line }) => /timingSafeEqual\(/.test(line)).map(({ path }) => path)
    expect(using.sort()).toEqual(['password.ts', 'same-secret.ts'])
    for (const line of Object.keys(others)) expect(code.map(each => each.line)).toContain(line)
  })

  test('takes no shorter way for texts of different length, or none', () => {
    expect([isSameSecret('', ''), isSameSecret('a', 'ab'), isSameSecret('ab', 'ab')]).toEqual([true, false, true])
  })
})

test('an endpoint that gives its own principal away gives away nothing else', async () => {
  const whole = fromPromise(async (_: object, context: Context) => JSON.stringify(context))
  const context = testContext({ metadata: { authorization: 'Bearer very-secret-indeed' } })
  expect(JSON.stringify(await call(whole, {}, { context }))).not.toContain('very-secret')
})
