/** A login of a browser against a provider that does what a test wants: who is let in, whose answers are refused, what is kept where. */
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { authenticate } from '../../../src/auth/index.js'
import { signer } from '../../../src/auth/jwt/index.js'
import { type LoginOptions, login } from '../../../src/auth/oauth2/index.js'
import { sessions } from '../../../src/auth/session/index.js'
import { contract, implement, method } from '../../../src/contract/index.js'
import {
  type Context,
  call,
  chain,
  type Endpoint,
  fromPromise,
  type ManualClock,
  manualClock,
  testContext,
} from '../../../src/core/index.js'
import { logger } from '../../../src/log/index.js'
import { logging, tracing } from '../../../src/middleware/index.js'
import { memoryStore, type Store } from '../../../src/store/index.js'
import { memoryReporter, tracer } from '../../../src/tracing/index.js'
import { listening } from '../../transport/http/listening.js'
import { served } from '../../transport/http/served.js'
import { broken, type FakeServer, json } from './authorization-server.js'

const pair = generateKeyPairSync('rsa', { modulusLength: 2_048 })
const otherPair = generateKeyPairSync('rsa', { modulusLength: 2_048 })
const secret = 'p4ss-word'
const claims = z.object({ sub: z.string() })
interface User {
  readonly id: string
  readonly idToken?: string
}
type Options = LoginOptions<typeof claims, User>

interface FakeProvider {
  readonly issuer: string
  readonly asked: string[]
  /** Of the ID token; over what it has by itself. */
  claims: Record<string, unknown>
  key: typeof pair
  /** The code that it gives, and takes. */
  code: string
  /** Instead of what a provider answers, by path. */
  readonly instead: Map<string, FakeServer['answer']>
  /** What the last authorization request asked for. */
  request: URLSearchParams
}

async function fakeProvider(): Promise<FakeProvider> {
  const { address } = await listening(async (request, response) => {
    const text = (await request.setEncoding('utf8').toArray()).join('')
    const { pathname } = new URL(request.url ?? '/', address)
    provider.asked.push(pathname)
    const asked = { form: new URLSearchParams(text), headers: request.headers }
    const answer = provider.instead.get(pathname) ?? answers[pathname]
    if (answer === undefined) response.writeHead(404).end()
    else answer(response, asked)
  })
  const answers: Record<string, FakeServer['answer']> = {
    '/.well-known/openid-configuration': json({
      issuer: address,
      authorization_endpoint: `${address}/authorize`,
      token_endpoint: `${address}/token`,
      jwks_uri: `${address}/jwks`,
      end_session_endpoint: `${address}/logout`,
      authorization_response_iss_parameter_supported: true,
      response_types_supported: ['code'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['RS256'],
    }),
    '/jwks': json({ keys: [{ ...pair.publicKey.export({ format: 'jwk' }), kid: 'a', alg: 'RS256', use: 'sig' }] }),
    '/token': async (response, asked) => {
      const challenge = createHash('sha256')
        .update(asked.form.get('code_verifier') ?? '')
        .digest('base64url')
      const isGood =
        asked.form.get('code') === provider.code &&
        challenge === provider.request.get('code_challenge') &&
        asked.form.get('redirect_uri') === provider.request.get('redirect_uri') &&
        asked.headers.authorization === `Basic ${Buffer.from(`shop:${secret}`).toString('base64')}`
      if (!isGood) return json({ error: 'invalid_grant', error_description: `${asked.form}` }, 400)(response, asked)
      const { token } = await signer({
        key: { algorithm: 'RS256', key: provider.key.privateKey, kid: 'a' },
        issuer: String(provider.claims['iss'] ?? address),
        audience: String(provider.claims['aud'] ?? 'shop'),
        ttlMs: 60_000,
        clock: { ...manualClock(), wallTime: () => Date.now() + Number(provider.claims['ago'] ?? 0) },
        claims: { sub: 'ada', nonce: provider.request.get('nonce'), ...rest(provider.claims) },
      }).sign()
      return json({ access_token: 'at-1', token_type: 'Bearer', expires_in: 60, id_token: token })(response, asked)
    },
  }
  const provider: FakeProvider = {
    issuer: address,
    asked: [],
    claims: {},
    code: 'good',
    key: pair,
    instead: new Map(),
    request: new URLSearchParams(),
  }
  return provider
}

const rest = ({ iss: _, aud: __, ago: ___, ...others }: Record<string, unknown>) => others

/** A browser: keeps cookies as it is told. */
class Browser {
  readonly cookies: Map<string, string> = new Map()
  readonly setCookies: string[] = []
  readonly #clock: ManualClock

  constructor(clock: ManualClock) {
    this.#clock = clock
  }

  /** Where it is sent, or why it is not. */
  async visit<Req>(endpoint: Endpoint<Req, unknown>, request: Req, more: Record<string, string> = {}): Promise<string> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const context = testContext({ clock: this.#clock, metadata: { cookie, ...more } })
    let location = ''
    const outcome = await call(endpoint, request, {
      context,
      onReply: ({ headers, setCookies }) => {
        location = headers.get('location') ?? ''
        for (const text of setCookies) this.#keep(text)
      },
    })
    if (outcome._tag === 'Right') return location
    const { cause, code, reason } = outcome.left as { cause: unknown; code: string; reason: string }
    expect(location).toBe('')
    expect(JSON.stringify(outcome.left) + String(cause)).not.toMatch(/p4ss-word|good|at-1|eyJ/)
    return `${code}/${reason}`
  }

  #keep(text: string): void {
    this.setCookies.push(text)
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(text) ?? []
    if (/Max-Age=0/.test(text)) this.cookies.delete(name)
    else this.cookies.set(name, value)
  }
}

interface Shop {
  readonly provider: FakeProvider
  readonly clock: ManualClock
  readonly users: ReturnType<typeof sessions<User>>
  readonly endpoints: ReturnType<typeof login>
  browser(): Browser
  /** Begins a login, and what the provider then has the browser bring back. */
  begin(browser: Browser, returnTo?: string): Promise<{ code: string; state: string; iss: string }>
  who(browser: Browser): Promise<unknown>
}

async function shop(more: Partial<Options> = {}): Promise<Shop> {
  const provider = await fakeProvider()
  const clock = manualClock({ startWallTime: 1_800_000_000_000 })
  const users = sessions<User>({ store: memoryStore({ clock }) })
  const endpoints = login({
    issuer: provider.issuer,
    client: { id: 'shop', secret },
    redirectUri: 'https://shop.example/login/callback',
    sessions: users,
    claims,
    principal: ({ claims: { sub } }) => ({ id: sub }),
    store: memoryStore({ clock }),
    clock,
    ...more,
  })
  return {
    provider,
    clock,
    users,
    endpoints,
    browser: () => new Browser(clock),
    async begin(browser, returnTo) {
      const url = new URL(await browser.visit(endpoints.start, { returnTo }))
      provider.request = url.searchParams
      return { code: provider.code, state: url.searchParams.get('state') ?? '', iss: provider.issuer }
    },
    async who({ cookies }) {
      const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
      return users.scheme.verify(testContext({ clock, metadata: { cookie } }), undefined)
    },
  }
}

const notBegun = 'failed_precondition/LOGIN_NOT_BEGUN'
const refused = 'unauthenticated/LOGIN_REFUSED'
const unavailable = 'unavailable/PROVIDER_UNAVAILABLE'
const unsafe = 'invalid_argument/UNSAFE_REDIRECT'

describe('a login', () => {
  test('goes to the provider and comes back to where it began, with a session', async () => {
    const { begin, browser, endpoints, provider, who } = await shop({
      scopes: ['openid', 'profile'],
      parameters: { prompt: 'login' },
    })
    const ada = browser()
    const back = await begin(ada, '/orders/7?tab=1')
    expect(Object.fromEntries(provider.request)).toEqual({
      client_id: 'shop',
      response_type: 'code',
      redirect_uri: 'https://shop.example/login/callback',
      scope: 'openid profile',
      prompt: 'login',
      state: expect.stringMatching(/^[\w-]{43}$/),
      nonce: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge_method: 'S256',
    })
    expect(ada.setCookies).toEqual([
      expect.stringMatching(/^__Host-login=\S+; Path=\/; Max-Age=600; HttpOnly; Secure; SameSite=Lax$/),
    ])
    const fromProvider = { 'sec-fetch-site': 'cross-site' } // as browsers say of a redirect from there
    expect(await ada.visit(endpoints.callback, back, fromProvider)).toBe('/orders/7?tab=1')
    expect(await who(ada)).toEqual({ principal: { id: 'ada' } })
    expect([...ada.cookies.keys()]).toEqual(['__Host-session'])
  })

  test('asks the provider for its metadata once, however many begin at the same time', async () => {
    const { browser, endpoints, provider } = await shop()
    await Promise.all(Array.from({ length: 50 }, () => browser().visit(endpoints.start, {})))
    expect(provider.asked).toEqual(['/.well-known/openid-configuration'])
  })

  test('has words of its own: nothing of one login tells anything about another, or is in what the browser is sent with', async () => {
    const { begin, browser, provider } = await shop()
    const seen = new Set<string>()
    for (let i = 0; i < 20; i++) {
      const ada = browser()
      await begin(ada)
      const { state, nonce, code_challenge: challenge } = Object.fromEntries(provider.request)
      const [, word = ''] = /^([\w-]{43})\./.exec(decodeURIComponent(ada.cookies.get('__Host-login') ?? '')) ?? []
      for (const text of [state, nonce, challenge, word]) seen.add(text ?? '')
      expect(String(provider.request)).not.toContain(word)
    }
    expect(seen.size).toBe(80)
  })

  test('ends the session that the browser had before: nobody can have planted it', async () => {
    const { begin, browser, endpoints, users, clock, who } = await shop()
    const ada = browser()
    await ada.visit(
      doing(async context => users.start(context, { id: 'eve' })),
      {},
    )
    const planted = new Browser(clock)
    planted.cookies.set('__Host-session', ada.cookies.get('__Host-session') ?? '')
    expect(await who(planted)).toEqual({ principal: { id: 'eve' } })
    await ada.visit(endpoints.callback, await begin(ada))
    expect(await who(ada)).toEqual({ principal: { id: 'ada' } })
    expect(await who(planted)).toBeUndefined()
  })

  test('in several tabs: each comes to its end, the oldest of five does not', async () => {
    const { begin, browser, endpoints, provider } = await shop()
    const ada = browser()
    const tabs: { back: Awaited<ReturnType<Shop['begin']>>; request: URLSearchParams }[] = []
    for (let i = 0; i < 5; i++) tabs.push({ back: await begin(ada, `/tab/${i}`), request: provider.request })
    const ends: string[] = []
    for (const { back, request } of tabs) {
      provider.request = request
      ends.push(await ada.visit(endpoints.callback, back))
    }
    expect(ends).toEqual([notBegun, '/tab/1', '/tab/2', '/tab/3', '/tab/4'])
  })

  test('with the longest paths fits into a cookie, and of many the newest counts', async () => {
    const { begin, browser, endpoints } = await shop()
    const ada = browser()
    const path = `/${'%'.repeat(1_023)}`
    await begin(ada, path)
    const back = await begin(ada, path)
    expect(ada.cookies.get('__Host-login')?.length).toBeLessThan(4_000)
    expect(await ada.visit(endpoints.callback, back)).toBe(path)
  })

  test('goes on when the provider comes back, with the same page', async () => {
    const { browser, endpoints, provider, clock } = await shop()
    const metadata = '/.well-known/openid-configuration'
    provider.instead.set(metadata, json({}, 503))
    const ada = browser()
    expect(await ada.visit(endpoints.start, {})).toBe(unavailable)
    provider.instead.delete(metadata)
    expect(await ada.visit(endpoints.start, {})).toBe(unavailable) // left alone for a second
    expect(provider.asked.length).toBe(1)
    await clock.advance(1_000)
    expect(await ada.visit(endpoints.start, {})).toMatch(/^http/)
  })
})

describe('what comes back is refused', () => {
  test.each<[what: string, change: (back: { code: string; state: string; iss: string }) => object, expected: string]>([
    ['of no login', () => ({ code: 'good' }), notBegun],
    ['with a made-up state', back => ({ ...back, state: randomBytes(32).toString('base64url') }), notBegun],
    ['with a state that is longer', back => ({ ...back, state: `${back.state}=` }), notBegun],
    ['with an empty state', back => ({ ...back, state: '' }), notBegun],
    ['with a code of somebody else', back => ({ ...back, code: 'other' }), refused],
    ['without a code', ({ state, iss }) => ({ state, iss }), refused],
    ['of another provider', back => ({ ...back, iss: 'https://evil.example' }), refused],
    ['of no provider, though this one always says who it is', ({ code, state }) => ({ code, state }), refused],
    ['where the user said no', ({ state, iss }) => ({ state, iss, error: 'access_denied' }), refused],
    ['where the provider is in trouble', ({ state, iss }) => ({ state, iss, error: 'server_error' }), unavailable],
  ])('%s', async (_, change, expected) => {
    const { begin, browser, endpoints, who } = await shop()
    const ada = browser()
    const back = await begin(ada)
    expect(await ada.visit(endpoints.callback, change(back))).toBe(expected)
    expect(await who(ada)).toBeUndefined()
    expect(ada.cookies.has('__Host-session')).toBe(false)
  })

  test('in another browser than the one that began (CSRF): with the attacker’s code and state, and with a login of its own', async () => {
    const { begin, browser, endpoints, who } = await shop()
    const eve = browser()
    const ada = browser()
    await begin(ada)
    const back = await begin(eve)
    expect(await ada.visit(endpoints.callback, back)).toBe(notBegun)
    expect(await browser().visit(endpoints.callback, back)).toBe(notBegun)
    expect(await who(ada)).toBeUndefined()
  })

  test('for the second time, though the browser still has its cookie, in another process too', async () => {
    const store: Store = memoryStore()
    const { begin, browser, endpoints, provider, clock } = await shop({ store })
    const ada = browser()
    const back = await begin(ada)
    const again = browser()
    for (const [name, value] of ada.cookies) again.cookies.set(name, value)
    expect(await ada.visit(endpoints.callback, back)).toBe('/')
    expect(await ada.visit(endpoints.callback, back)).toBe(notBegun)
    expect(await again.visit(endpoints.callback, back)).toBe(notBegun)
    for (const [name, value] of [...ada.cookies]) again.cookies.set(name, value)
    const other = login({ ...optionsFor(provider.issuer, clock), store })
    expect(await again.visit(other.callback, back)).toBe(notBegun)
    expect(provider.asked.filter(path => path === '/token').length).toBe(1)
  })

  test.each<[what: string, more: Partial<Options>]>([
    ['client', { client: { id: 'office', secret } }],
    ['callback', { redirectUri: 'https://shop.example/staff/callback' }],
    ['cookie', { cookie: '__Host-staff-login' }],
  ])('by a login that is of another %s, though this browser puts its cookie there', async (_, more) => {
    const store: Store = memoryStore()
    const { begin, browser, endpoints, provider, clock } = await shop({ store })
    const other = login({ ...optionsFor(provider.issuer, clock), store, ...more })
    const eve = browser()
    const back = await begin(eve)
    eve.cookies.set('__Host-staff-login', eve.cookies.get('__Host-login') ?? '')
    expect(await eve.visit(other.callback, back)).toBe(notBegun)
    expect(await eve.visit(endpoints.callback, back)).toBe('/') // and it has not come to its end by that
  })

  test('of two at the same time one', async () => {
    const { begin, browser, endpoints } = await shop()
    const ada = browser()
    const back = await begin(ada)
    const twin = browser()
    for (const [name, value] of ada.cookies) twin.cookies.set(name, value)
    const ends = await Promise.all([ada.visit(endpoints.callback, back), twin.visit(endpoints.callback, back)])
    expect(ends.sort()).toEqual(['/', notBegun])
  })

  test('too late, and not a moment before', async () => {
    const { begin, browser, clock, endpoints } = await shop({ pendingMs: 60_000 })
    const [ada, bob] = [browser(), browser()]
    const late = await begin(bob)
    await clock.advance(1)
    const inTime = await begin(ada)
    await clock.advance(59_999)
    expect(await bob.visit(endpoints.callback, late)).toBe(notBegun)
    expect(await ada.visit(endpoints.callback, inTime)).toBe('/')
  })

  test.each<[what: string, claims: Record<string, unknown>]>([
    ['of another login', { nonce: 'other' }],
    ['without a nonce', { nonce: undefined }],
    ['of another issuer', { iss: 'https://evil.example' }],
    ['for another client', { aud: 'other' }],
    ['that has ended', { ago: -600_000 }],
    ['that does not fit the schema', { sub: undefined }],
  ])('with an ID token %s', async (_, changed) => {
    const { begin, browser, endpoints, provider, who } = await shop()
    provider.claims = changed
    const ada = browser()
    expect(await ada.visit(endpoints.callback, await begin(ada))).toBe(refused)
    expect(await who(ada)).toBeUndefined()
  })

  test('with an ID token that somebody else signed', async () => {
    const { begin, browser, endpoints, provider } = await shop()
    provider.key = otherPair
    const ada = browser()
    expect(await ada.visit(endpoints.callback, await begin(ada))).toBe(refused)
  })

  test.each([undefined, null, false, ''])('of somebody who is not known here: %j', async nobody => {
    const { begin, browser, endpoints, who } = await shop({ principal: async () => nobody as undefined })
    const ada = browser()
    expect(await ada.visit(endpoints.callback, await begin(ada))).toBe(refused)
    expect(await who(ada)).toBeUndefined()
  })

  test.each([...broken])('while the token endpoint %s', async (_, answer) => {
    const { begin, browser, endpoints, provider } = await shop()
    const ada = browser()
    const back = await begin(ada)
    provider.instead.set('/token', answer)
    expect([unavailable, refused]).toContain(await ada.visit(endpoints.callback, back))
    expect(ada.cookies.has('__Host-session')).toBe(false)
  })

  test('while the provider does not answer at all', async () => {
    const { begin, browser, clock, endpoints, provider } = await shop()
    const ada = browser()
    const back = await begin(ada)
    let began = (): void => {}
    const asked = new Promise<void>(resolve => {
      began = resolve
    })
    provider.instead.set('/token', () => began())
    const end = ada.visit(endpoints.callback, back)
    await asked
    await clock.advance(5_000)
    expect(await end).toBe(unavailable)
  })

  test('while the client’s own assertion does not come', async () => {
    let began = (): void => {}
    const asked = new Promise<void>(resolve => {
      began = resolve
    })
    const assertion = () => {
      began()
      return new Promise<never>(() => {})
    }
    const { begin, browser, clock, endpoints } = await shop({ client: { id: 'shop', assertion } })
    const ada = browser()
    const end = ada.visit(endpoints.callback, await begin(ada))
    await asked
    await clock.advance(5_000)
    expect(await end).toBe(unavailable)
  })
})

describe('nobody is sent elsewhere', () => {
  test.each([
    '//evil.example',
    '/\\evil.example',
    'https://evil.example',
    'evil',
    '',
    'javascript:alert(1)',
    '/\t/evil.example',
    '/a b',
    `/${'a'.repeat(1_024)}`,
  ])('by returnTo %j', async returnTo => {
    const { browser, endpoints, provider } = await shop()
    const ada = browser()
    expect(await ada.visit(endpoints.start, { returnTo })).toBe(unsafe)
    expect(ada.cookies.size).toBe(0)
    expect(provider.asked).toEqual([])
  })

  test.each(['//evil.example', 'https://evil.example', '/\\evil.example'])(
    'by a path in the cookie that was %j all along',
    async returnTo => {
      const { begin, browser, endpoints } = await shop()
      const ada = browser()
      const back = await begin(ada, '/fine')
      const cookie = decodeURIComponent(ada.cookies.get('__Host-login') ?? '').replace('/fine', returnTo)
      ada.cookies.set('__Host-login', encodeURIComponent(cookie))
      expect(await ada.visit(endpoints.callback, back)).toBe(notBegun)
    },
  )
})

describe('a logout', () => {
  const cross = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }

  test('ends the session here, and goes to the provider, which is told whose it is', async () => {
    const { begin, browser, endpoints, provider, who, clock } = await shop({
      principal: ({ claims: { sub }, idToken }) => ({ id: sub, idToken }),
      idToken: ({ idToken }) => idToken,
      afterLogout: '/bye',
    })
    const ada = browser()
    await ada.visit(endpoints.callback, await begin(ada))
    const stolen = new Browser(clock)
    for (const [name, value] of ada.cookies) stolen.cookies.set(name, value)
    const url = new URL(await ada.visit(endpoints.logout, {}))
    expect(url.origin + url.pathname).toBe(`${provider.issuer}/logout`)
    expect(Object.fromEntries(url.searchParams)).toEqual({
      client_id: 'shop',
      id_token_hint: expect.stringMatching(/^eyJ/),
      post_logout_redirect_uri: 'https://shop.example/bye',
    })
    expect(ada.cookies.size).toBe(0)
    expect(await who(stolen)).toBeUndefined()
  })

  test('of nobody goes to where logouts go, and changes no cookie', async () => {
    const { browser, endpoints } = await shop({ afterLogout: '/bye' })
    const nobody = browser()
    expect(await nobody.visit(endpoints.logout, {}, cross)).toBe('/bye')
    expect(nobody.setCookies).toEqual([])
  })

  test('that another site wants is refused, and the session goes on', async () => {
    const { begin, browser, endpoints, who } = await shop()
    const ada = browser()
    await ada.visit(endpoints.callback, await begin(ada))
    expect(await ada.visit(endpoints.logout, {}, cross)).toBe('permission_denied/CROSS_SITE_REQUEST')
    expect(await who(ada)).toEqual({ principal: { id: 'ada' } })
  })

  test('happens though the provider is away, or has no place for it', async () => {
    const { begin, browser, endpoints, users, clock, who } = await shop()
    const ada = browser()
    await ada.visit(endpoints.callback, await begin(ada))
    const away = login({ ...optionsFor('http://127.0.0.1:1', clock), sessions: users })
    expect(await ada.visit(away.logout, {})).toBe('/')
    expect(await who(ada)).toBeUndefined()
  })
})

const optionsFor = (issuer: string, clock: ManualClock): Options => ({
  issuer,
  client: { id: 'shop', secret },
  redirectUri: 'https://shop.example/login/callback',
  sessions: sessions<User>({ store: memoryStore({ clock }) }),
  claims,
  principal: ({ claims: { sub } }) => ({ id: sub }),
})

describe('what cannot be safe is refused at construction', () => {
  test.each<[string, object, RegExp]>([
    ['a provider over plain HTTP', { issuer: 'http://login.example' }, /issuer must be https/],
    ['no client', { client: { id: 'shop' } }, /needs a secret or an assertion/],
    ['a callback over plain HTTP', { redirectUri: 'http://shop.example/callback' }, /redirectUri must/],
    ['a callback with a query', { redirectUri: 'https://shop.example/callback?a=1' }, /redirectUri must/],
    ['no sessions', { sessions: {} }, /sessions must be sessions/],
    ['no schema', { claims: undefined }, /claims is required/],
    ['no openid', { scopes: ['profile'] }, /scopes must/],
    ['a state of one’s own', { parameters: { state: 'x' } }, /parameters must/],
    ['another place after the login', { afterLogin: 'https://evil.example' }, /afterLogin must be a path/],
    ['another place after the logout', { afterLogout: '//evil.example' }, /afterLogout must be a path/],
    ['a day for a login', { pendingMs: 86_400_000 }, /pendingMs must/],
    ['a cookie that cannot be', { cookie: 'a b' }, /cookie must be the name of a cookie/],
    ['an unknown option', { redirect_uri: '' }, /there is no option/],
  ])('%s', (_, more, message) => {
    expect(() => login({ ...optionsFor('https://login.example', manualClock()), ...more })).toThrow(message)
  })
})

/** An endpoint that does something with its context. */
function doing(f: (context: Context) => Promise<void>) {
  return fromPromise(async (_: object, context) => f(context))
}

describe('over HTTP', () => {
  const text = z.string().optional()
  const Nothing = z.object({})
  const Accounts = contract('test.v1.Accounts', {
    login: method({ request: Nothing, response: Nothing, idempotency: 'safe', http: { get: '/login' } }),
    callback: method({
      request: z.object({ code: text, state: text, iss: text, error: text }),
      response: Nothing,
      idempotency: 'safe',
      http: { get: '/login/callback' },
    }),
    me: method({ request: Nothing, response: z.object({ id: text }), idempotency: 'safe', http: { get: '/me' } }),
  })

  test('nothing that is written has the address that the provider sends the browser to, or what comes of it', async () => {
    const texts: [where: string, text: string][] = []
    const into = (where: string) => (text: string) => void texts.push([where, text])
    const logs = (['json', 'logfmt', 'pretty'] as const).map(format => logger({ format, write: into(format) }))
    const reporter = memoryReporter()
    const traces = tracer({ service: 'shop', reporters: [reporter] })
    let idToken = ''
    const { endpoints, provider, users } = await shop({
      principal: ({ claims: { sub }, ...loggedIn }) => {
        idToken = loggedIn.idToken
        return { id: sub, idToken }
      },
    })
    const service = implement(Accounts)
      .use(chain(tracing(traces), ...logs.map(log => logging(log))))
      .endpoints({ login: endpoints.start, callback: endpoints.callback })
      .use(authenticate(users.scheme))
      .handlers({
        me(_, context) {
          for (const log of logs) log.info('asked', { context, headers: context.metadata, who: context.principal }) // careless
          return { id: context.principal.id }
        },
      })
    const { address, defects } = await served([service])
    const cookieOf = (response: Response): string =>
      /^[^;]*/.exec(response.headers.getSetCookie().at(-1) ?? '')?.[0] ?? ''
    const shown: [what: string, text: string][] = [['the client’s secret', secret]]
    const begun = async () => {
      const response = await fetch(`${address}/login`, { redirect: 'manual' })
      provider.request = new URL(response.headers.get('location') ?? '').searchParams
      provider.code = `code-${randomBytes(12).toString('hex')}`
      const [state = '', nonce = ''] = ['state', 'nonce'].map(name => provider.request.get(name) ?? '')
      const cookie = cookieOf(response)
      shown.push(['a code', provider.code], ['a state', state], ['a nonce', nonce], ['a word', cookie.slice(13, 56)])
      return { cookie, query: { code: provider.code, state, iss: provider.issuer } }
    }
    const statuses: number[] = []
    const visit = async (query: string | Record<string, string>, cookie: string, path = '/login/callback') => {
      const url = `${address}${path}?${new URLSearchParams(query)}`
      const response = await fetch(url, { headers: { cookie }, redirect: 'manual' })
      statuses.push(response.status)
      return response
    }
    const { cookie, query } = await begun()
    const session = cookieOf(await visit(query, cookie))
    await visit(query, cookie) // again
    const me = await fetch(`${address}/me`, { headers: { cookie: session } })
    expect(await me.json()).toEqual({ id: 'ada' })
    for (const change of [
      { code: `other-${query.code}` },
      { error: 'access_denied' },
      { iss: 'https://evil.example' },
    ]) {
      const next = await begun()
      await visit({ ...next.query, ...change }, next.cookie)
    }
    const twice = await begun()
    await visit(`${new URLSearchParams(twice.query)}&code=${twice.query.code}`, twice.cookie)
    await visit(twice.query, twice.cookie, '/login/callback/')
    await visit(twice.query, twice.cookie, `/${twice.query.code}`)
    expect(statuses).toEqual([303, 400, 401, 401, 401, 400, 404, 404])

    shown.push(
      ['an ID token', idToken],
      ['its signature', idToken.split('.')[2] ?? ''],
      ['a session', session.split('=')[1] ?? ''],
    )
    for (const [what, secret] of shown) expect(secret.length, what).toBeGreaterThan(8)
    into('spans')(
      JSON.stringify(reporter.spans.map(({ name, attributes, events, error }) => [name, attributes, events, error])),
    )
    into('defects')(JSON.stringify(defects.map(String)))
    for (const where of ['json', 'logfmt', 'pretty', 'spans'])
      expect(texts.filter(([name]) => name === where).join(''), where).toContain('LOGIN_REFUSED')
    const found = shown.flatMap(([what, secret]) =>
      texts.filter(([, written]) => written.includes(secret)).map(([where]) => `${what} in ${where}`),
    )
    expect(found).toEqual([])
  })
})
