/**
 * A real authorization server, oidc-provider: asked about tokens, asked for tokens, and logging a real browser in. One file: its imports are
 * heavy.
 */
import { generateKeyPairSync, X509Certificate } from 'node:crypto'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import {
  type Context,
  call,
  fromRemote,
  isLeft,
  type ManualClock,
  manualClock,
  type PeerCertificate,
  right,
  systemClock,
  testContext,
} from 'tenon'
import { bearerToken, bearerTokenPerCall } from 'tenon/auth'
import { signer } from 'tenon/auth/jwt'
import { clientCredentials, introspection, type OAuthClient, tokenExchange } from 'tenon/auth/oauth2'
import type { AnyService, Listening } from 'tenon/contract'
import * as http from 'tenon/transport/http'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { z } from 'zod'
import { type RunningProvider, startProvider } from '../../examples/login/provider.js'
import { accounts, client as shopClient } from '../../examples/login/service.js'
import { freePort } from '../examples/program.js'
import { type Certificate, certificate } from '../transport/http/certificates.js'
import { hasChromium, launchChromium, needChromium } from './chromium.js'

const orders: OAuthClient = { id: 'orders', secret: 's3cr3t of: orders%' }
const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const exchange = 'urn:ietf:params:oauth:grant-type:token-exchange'
const stock = 'https://stock.shop'

interface World {
  readonly running: RunningProvider
  readonly origin: string
  readonly token: string
  readonly introspect: string
}

let world: World
let app: Listening

/** The provider says of itself that it is not in production. */
const hush = (): void => {
  for (const name of ['info', 'warn'] as const) vi.spyOn(console, name).mockImplementation(() => {})
}

beforeAll(async () => {
  hush()
  world = await startWorld()
}, 60_000)

beforeEach(hush)

afterAll(async () => {
  await app?.close()
  await world?.running.close()
})

afterEach(() => void vi.useRealTimers())

/** The provider, which has to know where the service is, and the service, which has to know who the provider is. */
async function startWorld(): Promise<World> {
  const origin = `http://127.0.0.1:${await freePort()}`
  const running = await startProvider(0, {
    clients: [
      {
        client_id: shopClient.id,
        client_secret: shopClient.secret,
        redirect_uris: [`${origin}/login/callback`],
        post_logout_redirect_uris: [`${origin}/account`],
      },
      {
        client_id: orders.id,
        client_secret: 's3cr3t of: orders%',
        grant_types: ['client_credentials', exchange],
        redirect_uris: [],
        response_types: [],
      },
      {
        client_id: 'holder',
        client_secret: 's3cr3t of: orders%',
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
        tls_client_certificate_bound_access_tokens: true,
      },
      {
        client_id: 'signing',
        token_endpoint_auth_method: 'private_key_jwt',
        jwks: { keys: [{ ...pair.publicKey.export({ format: 'jwk' }), kid: 'k', use: 'sig', alg: 'ES256' }] },
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
      },
    ],
    features: {
      clientCredentials: { enabled: true },
      introspection: { enabled: true },
      revocation: { enabled: true },
      // Certificates come in a header, as they do from what ends TLS before a provider.
      mTLS: {
        enabled: true,
        certificateBoundAccessTokens: true,
        getCertificate: ctx => Buffer.from(ctx.get('client-cert'), 'base64').toString() || undefined,
      },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_, resource) => ({
          audience: resource,
          scope: 'stock:read stock:reserve',
          accessTokenTTL: 600,
          accessTokenFormat: 'opaque',
        }),
      },
    },
    pkce: { required: () => true },
  })
  registerExchange(running)
  try {
    app = await serveAt(origin, accounts(running.issuer, origin))
  } catch (error) {
    await running.close()
    if ((error as { code?: string }).code === 'EADDRINUSE') return startWorld() // somebody was faster
    throw error
  }
  return { running, origin, token: `${running.issuer}/token`, introspect: `${running.issuer}/token/introspection` }
}

function serveAt(
  origin: string,
  { services, mount }: { services: readonly AnyService[]; mount: Record<string, http.Listener> },
): Promise<Listening> {
  const report = { ok: true, checks: {} }
  const runtime = { onDefect: console.error, clock: systemClock, probes: { live: () => report, ready: () => report } }
  return http.server({ port: Number(new URL(origin).port), mount }).listen(services, runtime)
}

/** RFC 8693, as far as the test needs it: the provider has none. */
function registerExchange({ provider }: RunningProvider): void {
  const handler = async (ctx: unknown): Promise<void> => {
    const { oidc } = ctx as { oidc: { params: Record<string, string>; client: { clientId: string } } }
    const subject = await provider.ClientCredentials.find(oidc.params['subject_token'] ?? '')
    const koa = ctx as { status: number; body: unknown }
    if (subject?.isValid !== true) {
      koa.status = 400
      koa.body = { error: 'invalid_grant' }
      return
    }
    const scope = `stock:read for:${subject.clientId}`
    const token = new provider.ClientCredentials({ client: oidc.client as never, scope })
    token.aud = oidc.params['resource']
    koa.body = {
      access_token: await token.save(),
      issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      token_type: 'Bearer',
      expires_in: token.expiration,
    }
  }
  const names = ['subject_token', 'subject_token_type', 'requested_token_type', 'resource', 'scope']
  provider.registerGrantType(exchange, handler, names, [])
}

/** A clock of the test's that shows the time of day, which the provider goes by. */
const ourClock = (): ManualClock => manualClock({ startWallTime: Date.now() })

/** The provider's time of day, from now on; its timers are the real ones. */
function turnTo(wallTime: number): void {
  vi.useFakeTimers({ toFake: ['Date'], now: wallTime })
}

const tokenFor = (client: OAuthClient = orders) =>
  clientCredentials({ url: world.token, client, resource: stock, scopes: ['stock:read'] })

async function issued(client?: OAuthClient): Promise<string> {
  const given = await tokenFor(client)()
  if ('_tag' in given) throw new Error(String(given.left.cause))
  return given.token
}

const claims = z.object({ client_id: z.string(), scope: z.string() })

/** A client that signs who it is. */
function signing(): OAuthClient {
  const assertions = signer({
    key: { algorithm: 'ES256', key: pair.privateKey, kid: 'k' },
    issuer: 'signing',
    claims: { sub: 'signing' },
    audience: world.running.issuer,
    ttlMs: 60_000,
  })
  return { id: 'signing', assertion: () => assertions.sign() }
}

/** Judges tokens as the stock service does. */
function stockService(clock: ManualClock, more: { maxAgeMs?: number; audience?: string } = {}) {
  const scheme = introspection({
    url: world.introspect,
    client: orders,
    issuer: world.running.issuer,
    audience: stock,
    scopes: ['stock:read'],
    claims,
    ...more,
  })
  return async (token: string, shown?: Certificate) => {
    const peer = { secure: true, ...(shown !== undefined && { certificate: peerCertificate(shown) }) }
    return scheme.verify(testContext({ clock, peer, metadata: { authorization: `Bearer ${token}` } }), undefined)
  }
}

const peerCertificate = ({ der }: Certificate): PeerCertificate => {
  const { fingerprint256: fingerprint, serialNumber } = new X509Certificate(der)
  return { dnsNames: [], uris: [], fingerprint, serialNumber, der }
}

const rejected = { left: { code: 'unauthenticated', reason: 'CREDENTIALS_REJECTED' } }

describe('introspection', () => {
  test('lets in who has a token of the provider for us, and nobody else', { timeout: 30_000 }, async () => {
    const judge = stockService(ourClock())
    const token = await issued()
    expect(await judge(token)).toEqual({ principal: { client_id: 'orders', scope: 'stock:read' } })
    expect(await judge(`${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`)).toMatchObject(rejected)
    expect(await stockService(ourClock(), { audience: 'https://orders.shop' })(token)).toMatchObject(rejected)
  })

  test('hears of a revocation when the answer it remembers is old', { timeout: 30_000 }, async () => {
    const clock = ourClock()
    const judge = stockService(clock)
    const token = await issued()
    await judge(token)
    const revocation = await fetch(`${world.token}/revocation`, {
      method: 'POST',
      body: new URLSearchParams({ token }),
      headers: { authorization: `Basic ${Buffer.from('orders:s3cr3t+of%3A+orders%25').toString('base64')}` },
    })
    expect(revocation.status).toBe(200)
    expect(await judge(token)).toMatchObject({ principal: {} })
    await clock.advance(10_000)
    expect(await judge(token)).toMatchObject(rejected)
  })

  test('lets in who shows the certificate that a token is bound to', { timeout: 30_000 }, async () => {
    const [own, other] = [certificate({ name: 'holder' }), certificate({ name: 'thief' })]
    const response = await fetch(world.token, {
      method: 'POST',
      body: new URLSearchParams({ grant_type: 'client_credentials', resource: stock, scope: 'stock:read' }),
      headers: {
        authorization: `Basic ${Buffer.from('holder:s3cr3t+of%3A+orders%25').toString('base64')}`,
        'client-cert': Buffer.from(own.cert).toString('base64'),
      },
    })
    const { access_token: token } = (await response.json()) as { access_token: string }
    const judge = stockService(ourClock())
    expect(await judge(token, own)).toMatchObject({ principal: { client_id: 'holder' } })
    expect(await judge(token, other)).toMatchObject(rejected)
    expect(await judge(token)).toMatchObject(rejected)
  })

  test('refuses a token that has ended, by our clock and by the provider’s', { timeout: 30_000 }, async () => {
    const clock = ourClock()
    const judge = stockService(clock, { maxAgeMs: 600_000 })
    const token = await issued()
    await judge(token)
    await clock.advance(600_000)
    expect(await judge(token)).toMatchObject({ left: { reason: 'TOKEN_EXPIRED' } })
    turnTo(Date.now() + 601_000)
    expect(await stockService(ourClock())(token)).toMatchObject(rejected)
  })

  test('lets nobody in while the provider is away, or does not know us', { timeout: 30_000 }, async () => {
    const unavailable = { left: { code: 'unavailable', reason: 'INTROSPECTION_UNAVAILABLE' } }
    const token = await issued()
    const other = await startProvider(0, {})
    await other.close()
    const base = { client: orders, issuer: false, audience: false, scopes: false, claims } as const
    const context = testContext({ metadata: { authorization: `Bearer ${token}` } })
    const away = introspection({ ...base, url: `${other.issuer}/token/introspection` })
    expect(await away.verify(context, undefined)).toMatchObject(unavailable)
    const stranger = introspection({ ...base, url: world.introspect, client: { id: 'orders', secret: 'wrong' } })
    const verdict = await stranger.verify(context, undefined)
    expect(verdict).toMatchObject({
      left: { ...unavailable.left, cause: expect.stringMatching(/401: invalid_client$/) },
    })
  })
})

/** Stands for a client's endpoint: answers with what it would send. */
const sent = fromRemote('next', (_: object, { outgoing }) => right(outgoing.get('authorization') ?? 'nothing'))

describe('tokens for the next hop', () => {
  test('are got with a secret, or with an assertion', { timeout: 30_000 }, async () => {
    const judge = stockService(ourClock())
    for (const client of [orders, signing()]) {
      expect(await judge(await issued(client))).toMatchObject({ principal: { client_id: client.id } })
    }
    const wrong = await tokenFor({ id: 'orders', secret: 'wrong' })()
    expect(wrong).toMatchObject({
      left: { reason: 'TOKEN_UNAVAILABLE', cause: expect.stringMatching(/invalid_client$/) },
    })
  })

  test('are replaced before they end, and used until then where the provider is away', {
    timeout: 30_000,
  }, async () => {
    const provider = await startProvider(0, {
      clients: [
        {
          client_id: 'orders',
          client_secret: 's3cr3t of: orders%',
          grant_types: ['client_credentials'],
          redirect_uris: [],
          response_types: [],
        },
      ],
      features: { clientCredentials: { enabled: true } },
      ttl: { ClientCredentials: 600 },
    })
    let isOpen = true
    const close = async () => {
      if (isOpen) await provider.close()
      isOpen = false
    }
    onTestFinished(close)
    const clock = ourClock()
    const source = clientCredentials({ url: `${provider.issuer}/token`, client: orders, clock })
    const endpoint = bearerToken(source)(sent)
    const ask = async () => {
      const outcome = await call(endpoint, {}, { context: testContext({ clock }) })
      return isLeft(outcome) ? outcome.left : outcome.right
    }
    const first = await ask()
    expect(first).toMatch(/^Bearer [\w-]{43}$/)
    await clock.advance(569_000)
    expect(await ask()).toBe(first)
    await clock.advance(2_000)
    expect(await ask()).toBe(first) // and another one is on its way
    await vi.waitFor(async () => expect(await ask()).not.toBe(first), { timeout: 10_000 })
    const second = await ask()
    await close()
    await clock.advance(590_000)
    expect(await ask()).toBe(second)
    await clock.advance(11_000)
    expect(await ask()).toMatchObject({ code: 'unavailable', reason: 'TOKEN_UNAVAILABLE', ran: 'no' })
  })

  test('speak for the caller where its token is exchanged', { timeout: 30_000 }, async () => {
    const forCaller = bearerTokenPerCall(tokenExchange({ url: world.token, client: orders, resource: stock }))(sent)
    const as = (authorization: string): Context => testContext({ metadata: { authorization } })
    const callers = await issued(signing())
    const outcome = await call(forCaller, {}, { context: as(`Bearer ${callers}`) })
    const token = isLeft(outcome) ? '' : outcome.right.slice('Bearer '.length)
    expect(token).not.toBe(callers)
    expect(await stockService(ourClock())(token)).toEqual({
      principal: { client_id: 'orders', scope: 'stock:read for:signing' },
    })
    expect(await call(forCaller, {}, { context: as('Bearer made-up') })).toMatchObject(rejected)
  })
})

/** A program that goes through a login up to the callback, which it keeps for somebody else. */
async function unusedLogin(name: string): Promise<{ readonly callback: string; readonly cookie: string }> {
  const jar = new Map<string, string>()
  const visit = async (url: string, form?: Record<string, string>) => {
    const { host } = new URL(url)
    const prefix = `${host} `
    const cookie = [...jar].flatMap(([key, value]) =>
      key.startsWith(prefix) ? `${key.slice(prefix.length)}=${value}` : [],
    )
    const response = await fetch(url, {
      redirect: 'manual',
      headers: { cookie: cookie.join('; '), connection: 'close' },
      ...(form && { method: 'POST', body: new URLSearchParams(form) }),
    })
    for (const text of response.headers.getSetCookie()) {
      const [, key = '', value = ''] = /^([^=]+)=([^;]*)/.exec(text) ?? []
      jar.set(prefix + key, value)
    }
    const location = response.headers.get('location')
    return { next: location === null ? undefined : new URL(location, url).href, text: await response.text(), url }
  }
  let at = await visit(`${world.origin}/login`)
  for (const form of [{ prompt: 'login', login: name, password: 'any' }, { prompt: 'consent' }, undefined]) {
    while (at.next !== undefined && !at.next.startsWith(`${world.origin}/login/callback`)) at = await visit(at.next)
    const [, action] = / action="([^"]+)"/.exec(at.text) ?? []
    if (form !== undefined) at = await visit(new URL(action ?? '', at.url).href, form)
  }
  const { host } = new URL(world.origin)
  return { callback: at.next ?? '', cookie: `__Host-login=${jar.get(`${host} __Host-login`)}` }
}

describe('a browser', () => {
  let browser: Browser
  beforeAll(async () => {
    if (hasChromium) browser = await launchChromium()
  }, 60_000)
  afterAll(() => browser?.close())

  /** A person's own browser. */
  async function person(): Promise<{
    readonly page: Page
    readonly context: BrowserContext
    readonly callbacks: string[]
  }> {
    const context = await browser.newContext()
    onTestFinished(() => context.close())
    // The provider's pages name a font of the internet.
    await context.route(
      url => !['127.0.0.1', 'localhost'].includes(url.hostname),
      route => route.abort(),
    )
    const page = await context.newPage()
    page.setDefaultTimeout(30_000)
    const callbacks: string[] = []
    page.on('request', request => {
      if (request.url().startsWith(`${world.origin}/login/callback`)) callbacks.push(request.url())
    })
    return { page, context, callbacks }
  }

  /** From the page with the link through the provider's two forms. */
  async function logIn(page: Page, name: string): Promise<void> {
    await page.goto(`${world.origin}/account`)
    await page.getByRole('link', { name: 'Log in' }).click()
    await page.getByPlaceholder('Enter any login').fill(name)
    await page.getByPlaceholder('and password').fill('any')
    await page.getByRole('button', { name: 'Sign-in' }).click()
    await page.getByRole('button', { name: 'Continue' }).click()
  }

  const ask = async (path: string, cookie: string, init: RequestInit = {}) => {
    const response = await fetch(world.origin + path, {
      ...init,
      redirect: 'manual',
      headers: { cookie, connection: 'close', ...(init.headers as Record<string, string>) },
    })
    return { status: response.status, body: (await response.json()) as unknown }
  }

  test('logs in, acts, logs out; what was good before is worth nothing then', { timeout: 120_000 }, async ({
    skip,
  }) => {
    needChromium(skip)
    const { page, context, callbacks } = await person()
    await logIn(page, 'ada')
    await page.getByText('Hello ada').waitFor()
    expect(page.url()).toBe(`${world.origin}/account`)

    const cookies = await context.cookies(world.origin)
    expect(cookies.find(({ name }) => name === '__Host-login')).toBeUndefined()
    const session = cookies.find(({ name }) => name === '__Host-session')
    expect(session).toMatchObject({ httpOnly: true, secure: true, sameSite: 'Lax', path: '/', domain: '127.0.0.1' })
    const cookie = `__Host-session=${session?.value}`
    expect(await ask('/me', cookie)).toEqual({ status: 200, body: { id: 'ada' } })

    const [callback = ''] = callbacks
    const replayed = await page.goto(callback)
    expect(replayed?.status()).toBe(400)
    expect(await replayed?.json()).toMatchObject({ reason: 'LOGIN_NOT_BEGUN' })

    const forged = { method: 'POST', headers: { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' } }
    expect(await ask('/logout', cookie, forged)).toMatchObject({ status: 403, body: { reason: 'CROSS_SITE_REQUEST' } })
    expect(await ask('/me', cookie)).toMatchObject({ status: 200 })

    await page.goto(`${world.origin}/account`)
    await page.getByRole('button', { name: 'Log out' }).click()
    await page.getByRole('button', { name: 'Yes, sign me out' }).click()
    await page.getByText('Nobody is logged in').waitFor()
    expect(page.url()).toBe(`${world.origin}/account`)
    expect((await context.cookies(world.origin)).map(({ name }) => name)).not.toContain('__Host-session')
    expect(await ask('/me', cookie)).toMatchObject({ status: 401, body: { reason: 'CREDENTIALS_MISSING' } })

    await page.getByRole('link', { name: 'Log in' }).click()
    await page.getByPlaceholder('Enter any login').waitFor() // the provider has forgotten who that was, too
  })

  test('is not logged in as somebody else by a link from there (CSRF), and a code is good once', {
    timeout: 120_000,
  }, async ({ skip }) => {
    needChromium(skip)
    const ada = await person()
    const { callback, cookie } = await unusedLogin('eve')

    const lured = await ada.page.goto(callback)
    expect(lured?.status()).toBe(400)
    expect((await ada.context.cookies(world.origin)).map(({ name }) => name)).not.toContain('__Host-session')

    const path = callback.slice(world.origin.length)
    const [first, second] = [await ask(path, cookie), await ask(path, cookie)]
    expect(first.status).toBe(303)
    expect(second).toMatchObject({ status: 400, body: { reason: 'LOGIN_NOT_BEGUN' } })
    // In a process that has not heard of it, the provider says the same.
    const other = accounts(world.running.issuer, world.origin)
    const elsewhere = await serveAt('http://127.0.0.1:0', other)
    onTestFinished(() => elsewhere.close())
    const again = await fetch(elsewhere.addresses[0] + path, {
      headers: { cookie, connection: 'close' },
      redirect: 'manual',
    })
    expect(again.status).toBe(401)
    expect(await again.json()).toMatchObject({ reason: 'LOGIN_REFUSED' })
  })

  test('that says no at the provider is not logged in', { timeout: 120_000 }, async ({ skip }) => {
    needChromium(skip)
    const { page, context } = await person()
    await page.goto(`${world.origin}/login?returnTo=/account`)
    await page.getByRole('link', { name: /Cancel/ }).click()
    await page.getByText('LOGIN_REFUSED').waitFor()
    expect((await context.cookies(world.origin)).map(({ name }) => name)).toEqual([])
  })
})
