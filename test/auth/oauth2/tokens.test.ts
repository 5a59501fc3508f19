/** Tokens for the next hop: a service's own, got with its credentials, and the caller's, exchanged. */
import { describe, expect, test } from 'vitest'
import { bearerToken, bearerTokenPerCall } from '../../../src/auth/index.js'
import {
  type ClientCredentialsOptions,
  clientCredentials,
  type TokenExchangeOptions,
  tokenExchange,
} from '../../../src/auth/oauth2/index.js'
import {
  call,
  explain,
  fromRemote,
  type ManualClock,
  manualClock,
  right,
  testContext,
} from '../../../src/core/index.js'
import { deep } from '../../deep.js'
import { authorizationServer, broken, type FakeServer, json } from './authorization-server.js'

/** Stands for a client's endpoint: answers with what it would send. */
const sent = fromRemote('next', (_: object, { outgoing }) => right(outgoing.get('authorization') ?? 'nothing'))
const unavailable = { left: { code: 'unavailable', reason: 'TOKEN_UNAVAILABLE', ran: 'no' } }
const secret = 'p4ss-word'
const client = { id: 'orders', secret }

/** Tokens that live for a minute, numbered. */
function numbered(more: object = {}): FakeServer['answer'] {
  let issued = 0
  return (response, asked) =>
    json({ access_token: `t${++issued}`, token_type: 'Bearer', expires_in: 60, ...more })(response, asked)
}

interface Caller extends FakeServer {
  readonly clock: ManualClock
  ask(): Promise<unknown>
}

async function service(answer: FakeServer['answer'], more: Partial<ClientCredentialsOptions> = {}): Promise<Caller> {
  const server = await authorizationServer(answer)
  const clock = manualClock()
  const source = clientCredentials({ url: server.url, client, clock, ...more })
  const endpoint = bearerToken(source, { earlyMs: 10_000, cooldownMs: 1_000 })(sent)
  return Object.assign(server, { clock, ask: () => call(endpoint, {}, { context: testContext({ clock }) }) })
}

/** Lets what goes on beside the calls come to its end. */
async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise(resolve => setImmediate(resolve))
}

describe('clientCredentials', () => {
  test('asks once for all calls, with what the token is for', async () => {
    const shop = await service(numbered(), {
      scopes: ['stock:read', 'stock:reserve'],
      resource: 'https://stock.shop',
      audience: 'stock',
    })
    const answers = await Promise.all(Array.from({ length: deep(50, 5_000) }, () => shop.ask()))
    expect(answers).toEqual(answers.map(() => right('Bearer t1')))
    expect(shop.asked.map(({ form }) => Object.fromEntries(form))).toEqual([
      {
        grant_type: 'client_credentials',
        scope: 'stock:read stock:reserve',
        resource: 'https://stock.shop',
        audience: 'stock',
      },
    ])
    expect(shop.asked[0]?.headers.authorization).toBe(`Basic ${Buffer.from(`orders:${secret}`).toString('base64')}`)
    expect(shop.clock.pendingTimers).toBe(0)
  })

  test('gets another before the end of the first, beside the calls', async () => {
    const shop = await service(numbered())
    await shop.ask()
    await shop.clock.advance(49_999)
    await shop.ask()
    expect(shop.asked.length).toBe(1)
    await shop.clock.advance(1)
    expect(await shop.ask()).toEqual(right('Bearer t1'))
    await until(() => shop.asked.length === 2 && shop.clock.pendingTimers === 0)
    expect(await shop.ask()).toEqual(right('Bearer t2'))
  })

  test('goes on with the token until its end while the server is down, asking once in the cooldown; then no call is sent', async () => {
    const shop = await service(numbered())
    await shop.ask()
    shop.answer = json({ error: 'temporarily_unavailable' }, 503, { 'retry-after': '7' })
    await shop.clock.advance(50_000)
    expect(await shop.ask()).toEqual(right('Bearer t1'))
    await until(() => shop.asked.length === 2 && shop.clock.pendingTimers === 0)
    for (let i = 0; i < 10; i++) expect(await shop.ask()).toEqual(right('Bearer t1'))
    expect(shop.asked.length).toBe(2)
    await shop.clock.advance(10_000)
    expect(await shop.ask()).toMatchObject({ left: { ...unavailable.left, retryAfterMs: 7_000 } })
    expect(await shop.ask()).toMatchObject(unavailable)
    expect(shop.asked.length).toBe(3)
    shop.answer = numbered({ access_token: 'back' })
    await shop.clock.advance(1_000)
    expect(await shop.ask()).toEqual(right('Bearer back'))
  })

  test('a token’s life begins when it was asked for, not when it came', async () => {
    const shop = await service((response, asked) => {
      void shop.clock.advance(4_000).then(() => numbered()(response, asked))
    })
    const source = clientCredentials({ url: shop.url, client, clock: shop.clock })
    const askedAt = shop.clock.wallTime()
    expect(await source()).toEqual({ token: 't1', expiresAt: askedAt + 60_000 })
  })

  test.each([...broken])('sends no call where the server %s', async (_, answer) => {
    const shop = await service(answer)
    const outcome = await shop.ask()
    expect(outcome).toMatchObject(unavailable)
    const { left } = outcome as { left: { cause: unknown } }
    expect(`${JSON.stringify(outcome)} ${left.cause}`).not.toContain(secret)
    expect(shop.clock.pendingTimers).toBe(0)
  })

  test.each([
    ['no token', { access_token: undefined }],
    ['a token that cannot be sent', { access_token: 'a b' }],
    ['a token with a line break', { access_token: 'a\r\nx-admin: 1' }],
    ['a token of another type', { token_type: 'DPoP' }],
    ['a token of no type', { token_type: undefined }],
    ['a life in words', { expires_in: 'an hour' }],
    ['a life that is over', { expires_in: 0 }],
    ['a negative life', { expires_in: -1 }],
    ['no word about its life', { expires_in: undefined }],
  ])('sends no call for an answer with %s', async (_, more) => {
    expect(await (await service(numbered(more))).ask()).toMatchObject(unavailable)
  })

  test('takes a life that is written as text, and the one of the options where the answer has none', async () => {
    const text = await service(numbered({ expires_in: '60' }))
    expect(await text.ask()).toEqual(right('Bearer t1'))
    const silent = await service(numbered({ expires_in: undefined }), { ttlMs: 60_000 })
    expect(await silent.ask()).toEqual(right('Bearer t1'))
    await silent.clock.advance(60_000)
    expect(await silent.ask()).toEqual(right('Bearer t2'))
  })

  test('a server that does not answer costs a call so long and no longer', async () => {
    const shop = await service(() => {}, { timeoutMs: 2_000 })
    const outcome = shop.ask()
    await until(() => shop.asked.length === 1)
    await shop.clock.advance(2_000)
    expect(await outcome).toMatchObject(unavailable)
    expect(shop.clock.pendingTimers).toBe(0)
  })

  test('explain shows neither secret nor token', async () => {
    const shop = await service(numbered())
    await shop.ask()
    const source = clientCredentials({ url: shop.url, client })
    expect(JSON.stringify(explain(bearerToken(source)(sent)))).not.toMatch(/p4ss|t1|orders/)
  })

  test.each<[string, object, RegExp]>([
    ['plain HTTP to another host', { url: 'http://login.shop/' }, /url must be https/],
    ['no client', { client: undefined }, /client needs an id/],
    ['a scope with a space', { scopes: ['a b'] }, /scopes must be a list of scopes/],
    ['a resource that is no URL', { resource: 'stock' }, /resource must be an absolute URL/],
    ['an empty audience', { audience: '' }, /audience must be text/],
    ['no life', { ttlMs: 0 }, /ttlMs must/],
    ['an unknown option', { scope: 'a' }, /there is no option 'scope'/],
    ['no clock', { clock: {} }, /clock must have/],
  ])('refuses %s at construction', (_, more, message) => {
    expect(() => clientCredentials({ url: 'https://login.shop/', client, ...more })).toThrow(message)
  })
})

interface Exchange extends FakeServer {
  readonly clock: ManualClock
  ask(token?: string): Promise<unknown>
}

async function exchange(answer: FakeServer['answer'], more: Partial<TokenExchangeOptions> = {}): Promise<Exchange> {
  const server = await authorizationServer(answer)
  const clock = manualClock()
  const endpoint = bearerTokenPerCall(tokenExchange({ url: server.url, client, ...more }))(sent)
  const ask = (token?: string) => {
    const metadata: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` }
    return call(endpoint, {}, { context: testContext({ clock, metadata }) })
  }
  return Object.assign(server, { clock, ask })
}

/** Gives `ada` the token `for-ada-1`. */
function named(): FakeServer['answer'] {
  let issued = 0
  return (response, asked) =>
    json({
      access_token: `for-${asked.form.get('subject_token')}-${++issued}`,
      issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      token_type: 'Bearer',
      expires_in: 60,
    })(response, asked)
}

describe('tokenExchange', () => {
  test('sends a token that was got for the caller’s, once for all calls that it brings', async () => {
    const shop = await exchange(named(), { resource: 'https://stock.shop', scopes: ['stock:read'] })
    expect(await Promise.all([shop.ask('ada'), shop.ask('ada')])).toEqual([
      right('Bearer for-ada-1'),
      right('Bearer for-ada-1'),
    ])
    expect(await shop.ask('bob')).toEqual(right('Bearer for-bob-2'))
    expect(await shop.ask('ada')).toEqual(right('Bearer for-ada-1'))
    expect(Object.fromEntries(shop.asked[0]?.form ?? [])).toEqual({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: 'ada',
      subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      resource: 'https://stock.shop',
      scope: 'stock:read',
    })
    expect(shop.asked.length).toBe(2)
  })

  test('does not send it shortly before its end', async () => {
    const shop = await exchange(named())
    await shop.ask('ada')
    await shop.clock.advance(49_999)
    expect(await shop.ask('ada')).toEqual(right('Bearer for-ada-1'))
    await shop.clock.advance(1)
    expect(await shop.ask('ada')).toEqual(right('Bearer for-ada-2'))
  })

  test('never gives one caller the token of another', async () => {
    const shop = await exchange(named(), { maxRemembered: 3 })
    const callers = Array.from({ length: deep(60, 3_000) }, (_, i) => `user${i % 7}`)
    const outcomes = await Promise.all(callers.map(who => shop.ask(who)))
    for (const [i, outcome] of outcomes.entries())
      expect(outcome).toMatchObject({ right: expect.stringMatching(`^Bearer for-${callers[i]}-`) })
  })

  test('fails as the caller’s mistake where there is no token, or it is not accepted', async () => {
    const shop = await exchange(json({ error: 'invalid_grant' }, 400))
    expect(await shop.ask()).toMatchObject({
      left: { code: 'unauthenticated', reason: 'CREDENTIALS_MISSING', ran: 'no' },
    })
    expect(shop.asked.length).toBe(0)
    const rejected = { left: { code: 'unauthenticated', reason: 'CREDENTIALS_REJECTED', ran: 'no' } }
    expect(await shop.ask('a, b')).toMatchObject(rejected)
    expect(await shop.ask('ada')).toMatchObject(rejected)
    expect(await shop.ask('ada')).toMatchObject(rejected)
    expect(shop.asked.length).toBe(1)
    shop.answer = named()
    await shop.clock.advance(5_000)
    expect(await shop.ask('ada')).toEqual(right('Bearer for-ada-1'))
  })

  test.each([
    ...broken,
    ['does not accept us', json({ error: 'unauthorized_client' }, 400)] as const,
    ['gives what is no access token', json({ access_token: 'a', token_type: 'N_A', expires_in: 60 })] as const,
  ])('sends no call where the server %s, and asks again', async (_, answer) => {
    const shop = await exchange(answer)
    const outcome = await shop.ask('s3cr3t')
    expect(outcome).toMatchObject(unavailable)
    expect(`${JSON.stringify(outcome)} ${(outcome as { left: { cause: unknown } }).left.cause}`).not.toContain('s3cr3t')
    shop.answer = named()
    expect(await shop.ask('s3cr3t')).toEqual(right('Bearer for-s3cr3t-1'))
  })

  test('gets so many at a time and no more', async () => {
    const waiting: (() => void)[] = []
    const shop = await exchange((response, asked) => void waiting.push(() => named()(response, asked)), {
      maxAsking: 1,
    })
    const first = shop.ask('ada')
    expect(await shop.ask('bob')).toMatchObject(unavailable)
    await until(() => waiting.length === 1)
    waiting[0]?.()
    expect(await first).toEqual(right('Bearer for-ada-1'))
  })
})
