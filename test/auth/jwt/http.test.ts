/** Tokens over real HTTP: what a caller is told, that no principal is ever seen in another call, and what the next hop gets. */
import { randomBytes } from 'node:crypto'
import anApp from 'express'
import {
  apiKey,
  apiKeys,
  authenticate,
  authorize,
  bearerToken,
  bearerTokenPerCall,
  createApiKey,
  forwardCredentials,
  type Scheme,
  scopes,
} from 'tenon/auth'
import { jwks, jwt, signer } from 'tenon/auth/jwt'
import { connect, contract, implement, method } from 'tenon/contract'
import { type Authenticated, type Context, call, fromPromise, type Middleware, testContext } from 'tenon/core'
import * as http from 'tenon/transport/http'
import * as express from 'tenon/transport/http/express'
import * as fetching from 'tenon/transport/http/fetch'
import * as memory from 'tenon/transport/memory'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { deep } from '../../deep.js'
import { listening } from '../../transport/http/listening.js'
import { open, served, servers } from '../../transport/http/served.js'

const key = { algorithm: 'HS256', key: randomBytes(32) } as const
const issued = { issuer: 'https://login.shop', audience: 'shop' }
const tokens = signer({ ...issued, key, ttlMs: 600_000 })

const users = (maxRemembered: number) =>
  jwt({
    ...issued,
    keys: key,
    clockToleranceMs: 5_000,
    realm: 'shop',
    maxRemembered,
    claims: z.object({ sub: z.string(), scope: z.string() }),
    principal: ({ sub, scope }) => ({ id: sub, scopes: scope.split(' ') }),
  })

const Who = z.object({ turns: z.coerce.number().int().default(0) })
const Shop = contract('test.v1.Shop', {
  open: method({
    request: z.object({}),
    response: z.object({ ok: z.boolean() }),
    idempotency: 'safe',
    http: { get: '/open' },
  }),
  whoAmI: method({ request: Who, response: z.object({ id: z.string() }), idempotency: 'safe', http: { get: '/me' } }),
  close: method({
    request: z.object({}),
    response: z.object({ ok: z.boolean() }),
    idempotency: 'unsafe',
    http: { post: '/close' },
  }),
})

interface User {
  readonly id: string
  readonly scopes: readonly string[]
}

function shop(scheme: Scheme<User> = users(0)) {
  return implement(Shop)
    .handlers({ open: async () => ({ ok: true }) })
    .use(authenticate(scheme))
    .handlers({
      async whoAmI({ turns }, { principal }) {
        for (let i = 0; i < turns; i++) await Promise.resolve()
        return { id: principal.id }
      },
    })
    .endpoints({
      close: authorize(scopes('shop:close'))(fromPromise(async (_: object) => ({ ok: true }))),
    })
}

const bearer = async (claims: object) => ({
  authorization: `Bearer ${(await tokens.sign({ scope: '', ...claims })).token}`,
})

const known = createApiKey('shop')

describe('a caller is told', () => {
  test.each<
    [
      what: string,
      path: string,
      headers: () => Promise<Record<string, string>>,
      status: number,
      challenge: string | null,
      reason?: string,
    ]
  >([
    ['nothing where no token is needed', '/open', async () => ({}), 200, null],
    ['nothing where the token is good', '/me', () => bearer({ sub: 'ada' }), 200, null],
    ['to bring one', '/me', async () => ({}), 401, 'Bearer realm="shop"', 'CREDENTIALS_MISSING'],
    [
      'to bring one, with another scheme',
      '/me',
      async () => ({ authorization: 'Basic YTpi' }),
      401,
      'Bearer realm="shop"',
      'CREDENTIALS_MISSING',
    ],
    [
      'to bring one, with it in the query',
      '/me?access_token=abc',
      async () => ({}),
      401,
      'Bearer realm="shop"',
      'CREDENTIALS_MISSING',
    ],
    [
      'to bring one, with it in a cookie',
      '/me',
      async () => ({ cookie: 'access_token=abc' }),
      401,
      'Bearer realm="shop"',
      'CREDENTIALS_MISSING',
    ],
    [
      'that it is wrong',
      '/me',
      async () => ({ authorization: 'Bearer abc' }),
      401,
      'Bearer realm="shop", error="invalid_token"',
      'CREDENTIALS_REJECTED',
    ],
    [
      'that it is wrong, in any case of the scheme',
      '/me',
      async () => ({ authorization: 'bEARER abc' }),
      401,
      'Bearer realm="shop", error="invalid_token"',
      'CREDENTIALS_REJECTED',
    ],
    [
      'that it has ended',
      '/me',
      async () => expired(),
      401,
      'Bearer realm="shop", error="invalid_token"',
      'TOKEN_EXPIRED',
    ],
  ])('%s', async (_, path, headers, status, challenge, reason) => {
    const { address } = await served([shop()])
    const response = await fetch(`${address}${path}`, { headers: await headers() })
    const body: unknown = await response.json()
    expect([response.status, response.headers.get('www-authenticate')]).toEqual([status, challenge])
    if (reason !== undefined) expect(body).toMatchObject({ code: 'unauthenticated', reason })
    expect(JSON.stringify(body)).not.toMatch(/signature|canonical|three parts/)
  })

  test('which scope is missing, with 403', async () => {
    const { address } = await served([shop()])
    const ask = async (scope: string) =>
      fetch(`${address}/close`, { method: 'POST', headers: await bearer({ sub: 'ada', scope }) })
    expect((await ask('shop:close')).status).toBe(200)
    const refused = await ask('shop:open')
    expect(refused.status).toBe(403)
    expect(refused.headers.get('www-authenticate')).toBe('Bearer error="insufficient_scope", scope="shop:close"')
  })

  test('to come again where the keys cannot be had', async () => {
    const unreachable = jwt({
      ...issued,
      keys: jwks({ url: 'http://127.0.0.1:1/', algorithms: ['RS256'] }),
      clockToleranceMs: 0,
      claims: z.object({ sub: z.string(), scope: z.string() }),
      principal: () => ({ id: '', scopes: [] }),
    })
    const { address } = await served([shop(unreachable)])
    const token = `${Buffer.from('{"alg":"RS256"}').toString('base64url')}.e30.AAAA`
    const response = await fetch(`${address}/me`, { headers: { authorization: `Bearer ${token}` } })
    expect(response.status).toBe(503)
    expect(response.headers.get('www-authenticate')).toBeNull()
    expect(await response.json()).toMatchObject({ reason: 'KEYS_UNAVAILABLE' })
  })
})

describe('of two `Authorization` lines none counts, since another reader may take the other', () => {
  const whoAmI = authenticate(users(0))(
    fromPromise(async (_: object, { principal }: Context & Authenticated<User>) => ({ id: principal.id })),
  )
  const codec = {
    decode: () => ({}),
    encode: (body: object) => http.json(body),
  }
  const ports: Record<string, () => Promise<number>> = {
    'node:http': async () => (await served([shop()])).port,
    'an Express app': async () => (await servers['an Express app']?.([shop()]))?.port ?? 0,
    'handler of node:http': async () => (await listening(http.handler(whoAmI, codec))).port,
    'handler of Express': async () => (await listening(anApp().get('/me', express.handler(whoAmI, codec)))).port,
    fetch: async () => {
      const serve = fetching.server([shop()])
      const { port } = await listening(async ({ url, rawHeaders }, response) => {
        const headers = new Headers()
        for (let i = 0; i < rawHeaders.length; i += 2) headers.append(rawHeaders[i] ?? '', rawHeaders[i + 1] ?? '')
        headers.delete('connection')
        response
          .writeHead((await serve(new Request(`http://x${url}`, { headers }))).status, { 'content-length': 0 })
          .end()
      })
      return port
    },
  }
  const both = async (): Promise<readonly string[]> => {
    const tokens = [await bearer({ sub: 'ada' }), await bearer({ sub: 'eve' })]
    return tokens.map(({ authorization }) => authorization)
  }

  test.each(Object.entries(ports))('%s', async (_, start) => {
    const port = await start()
    const [good = '', other = ''] = await both()
    const status = async (...lines: readonly string[]) => {
      const head = [`GET /me HTTP/1.1`, 'Host: x', ...lines, 'Connection: close']
      return (
        await open(port)
          .write(`${head.join('\r\n')}\r\n\r\n`)
          .response()
      )?.status
    }
    expect(await status(`Authorization: ${good}`)).toBe(200)
    expect(await status(`Authorization: ${good}`, 'Authorization: Bearer abc')).toBe(401)
    expect(await status('Authorization: Bearer abc', `Authorization: ${good}`)).toBe(401)
    expect(await status(`Authorization: ${good}`, `X-Tenant: 1`, `authorization: ${other}`)).toBe(401)
    expect(await status(`AUTHORIZATION: ${good}`, `Authorization: ${good}`)).toBe(401)
    expect(await status(`Authorization: ${good}`, 'Authorization: Basic YTpi')).toBe(401)
    expect(await status('Authorization: Basic YTpi', `Authorization: ${good}`)).toBe(401)
    expect(await status(`Authorization: ${good}`, 'Authorization:')).toBe(401)
    expect(await status(`Authorization: ${good}`, 'Proxy-Authorization: Basic YTpi', 'Authorized-By: me')).toBe(200)
  })
})

test('of two lines of an API key none counts either', async () => {
  const scheme = apiKey({ find: apiKeys([{ hash: known.hash, principal: { id: 'a', scopes: [] } }]) })
  const { port } = await served([shop(scheme)])
  const status = async (...keys: readonly string[]) => {
    const lines = keys.map(key => `X-Api-Key: ${key}\r\n`).join('')
    return (await open(port).write(`GET /me HTTP/1.1\r\nHost: x\r\n${lines}Connection: close\r\n\r\n`).response())
      ?.status
  }
  expect(await status(known.key)).toBe(200)
  expect(await status(known.key, 'other')).toBe(401)
  expect(await status('other', known.key)).toBe(401)
})

describe('no principal is ever seen in another call', () => {
  const names = Array.from({ length: 100 }, (_, i) => `user-${i}`)
  const signedFor = new Map<string, Promise<{ token: string; expiresAt: number }>>()
  const tokenFor = (who: string) => {
    const signed = signedFor.get(who) ?? tokens.sign({ sub: who, scope: '' })
    signedFor.set(who, signed)
    return signed
  }
  const asUser = bearerTokenPerCall(({ metadata }: Context) => tokenFor(metadata.get('who') ?? ''))
  const contexts = names.map(who => testContext({ metadata: { who } }))

  async function interleaved(client: Middleware, total: number, whoAmI: ReturnType<typeof clientOf>['whoAmI']) {
    let wrong = 0
    let next = 0
    const endpoint = client(whoAmI)
    const caller = async () => {
      for (let i = next++; i < total; i = next++) {
        const at = (i * 37) % names.length
        const outcome = await call(endpoint, { turns: i % 7 }, { context: contexts[at] as Context })
        if (outcome._tag === 'Left' || outcome.right.id !== names[at]) wrong++
      }
    }
    await Promise.all(Array.from({ length: 16 }, caller))
    expect(next).toBeGreaterThanOrEqual(total)
    expect(wrong).toBe(0)
  }

  const clientOf = (binding: Parameters<typeof connect<typeof Shop.methods>>[1]) => connect(Shop, binding)

  test.each([0, 50, 1_000])(
    'over HTTP, with %i tokens remembered',
    async maxRemembered => {
      const { address } = await served([shop(users(maxRemembered))])
      const binding = http.client(address)
      await interleaved(asUser, deep(100, 30_000), clientOf(binding).whoAmI)
      await binding.close()
    },
    120_000,
  )

  test('in memory, a million', async () => {
    await interleaved(asUser, deep(500, 1_000_000), clientOf(memory.client(shop(users(50)))).whoAmI)
  }, 1_200_000)
})

describe('the next hop gets', () => {
  const Front = contract('test.v1.Front', {
    ask: method({
      request: z.object({}),
      response: z.object({ id: z.string() }),
      idempotency: 'safe',
      http: { get: '/ask' },
    }),
  })

  /** A service that calls another over HTTP, and what the other one saw. */
  async function twoHops(middleware: Middleware) {
    const seen: Record<string, string>[] = []
    const Back = contract('test.v1.Back', {
      look: method({ request: z.object({}), response: z.object({}), idempotency: 'safe', http: { get: '/look' } }),
    })
    const back = implement(Back).handlers({
      look: async (_, { metadata }) => {
        seen.push(Object.fromEntries(metadata))
        return {}
      },
    })
    const { address } = await served([back])
    const binding = http.client(address)
    const look = middleware(connect(Back, binding).look)
    const front = implement(Front)
      .use(authenticate(users(0)))
      .handlers({
        ask: async (_, context) => {
          const outcome = await call(look, {}, { context })
          return outcome._tag === 'Left' ? outcome : { id: context.principal.id }
        },
      })
    const { address: frontAddress } = await served([front])
    const headers = { ...(await bearer({ sub: 'ada' })), cookie: 'session=secret', 'x-api-key': 'secret' }
    const response = await fetch(`${frontAddress}/ask`, { headers })
    await binding.close()
    return { status: response.status, seen: seen[0] ?? {}, inbound: headers.authorization }
  }

  const none: Middleware = next => next

  test('nothing of the caller’s credentials by itself', async () => {
    const { status, seen } = await twoHops(none)
    expect(status).toBe(200)
    expect(Object.keys(seen)).not.toContain('authorization')
    expect(JSON.stringify(seen)).not.toContain('secret')
  })

  test('the caller’s token with forwardCredentials, and no cookie', async () => {
    const { seen, inbound } = await twoHops(forwardCredentials())
    expect(seen['authorization']).toBe(inbound)
    expect(JSON.stringify(seen)).not.toContain('secret')
  })

  test('the service’s own with bearerToken', async () => {
    const own = await tokens.sign({ sub: 'front', scope: '' })
    const { seen } = await twoHops(bearerToken(() => own))
    expect(seen['authorization']).toBe(`Bearer ${own.token}`)
  })
})

async function expired(): Promise<Record<string, string>> {
  const { token } = await signer({
    ...issued,
    key,
    ttlMs: 1_000,
    clock: { now: () => 0, wallTime: () => Date.now() - 60_000, setTimer: () => ({ cancel() {}, keepAlive() {} }) },
  }).sign({ sub: 'ada', scope: '' })
  return { authorization: `Bearer ${token}` }
}
