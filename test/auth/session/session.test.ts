/** Sessions begin under a new word, end when they should, are the store's alone to tell, and no other site can use them. */
import { describe, expect, onTestFinished, test } from 'vitest'
import { authenticate, authenticateOptional, type MaybeAuthenticated } from '../../../src/auth/index.js'
import { type SessionsOptions, sessions } from '../../../src/auth/session/index.js'
import {
  type Authenticated,
  type Context,
  call,
  type Endpoint,
  type Failure,
  fromPromise,
  type Idempotency,
  type Left,
  manualClock,
  type Peer,
  type Reply,
  type Right,
  right,
  testContext,
  withMethod,
} from '../../../src/core/index.js'
import { memoryStore, type Store } from '../../../src/store/index.js'

interface User {
  readonly id: string
}

const minute = 60_000

/** A store that passes everything on. */
function wrapped(store: Store): Store {
  return {
    get: key => store.get(key),
    set: (key, value, ttlMs) => store.set(key, value, ttlMs),
    delete: key => store.delete(key),
    compareAndSet: (key, change) => store.compareAndSet(key, change),
    take: (key, limit) => store.take(key, limit),
    close: () => store.close(),
    [Symbol.asyncDispose]: () => store.close(),
  }
}

/** A service with a login, a logout and something for users, and a browser that keeps its cookie. */
function opened(options: Omit<SessionsOptions, 'store'> = {}, wrap = (store: Store): Store => store) {
  const clock = manualClock()
  const memory = memoryStore({ clock })
  onTestFinished(() => memory.close())
  const users = sessions<User>({ store: wrap(memory), ...options })
  const methods = {
    login: fromPromise((user: User, context) => users.start(context, user)),
    logout: fromPromise((_: User, context) => users.end(context)),
    whoAmI: authenticate(users.scheme)(
      fromPromise((_: User, { principal }: Context & Authenticated<User>) => principal.id),
    ),
    maybe: authenticateOptional(users.scheme)(
      fromPromise((_: User, { principal }: Context & MaybeAuthenticated<User>) => principal?.id ?? 'nobody'),
    ),
  }
  class Browser {
    cookie: string | undefined
    said: readonly string[] = []

    async send<Res>(
      endpoint: Endpoint<User, Res, never, Context>,
      given: { readonly id?: string; readonly metadata?: Record<string, string>; readonly host?: string } = {},
    ): Promise<Left<Failure> | Right<Res>> {
      const { id = 'ada', metadata = {}, host = 'shop.example' } = given
      const cookies = this.cookie === undefined ? {} : { cookie: `a=b; ${this.cookie}` }
      const context = testContext({ clock, metadata: { ...cookies, ...metadata }, peer: { secure: true, host } })
      return call(endpoint, { id }, { context, onReply: reply => this.#keep(reply) })
    }

    #keep({ setCookies }: Reply): void {
      this.said = setCookies
      for (const cookie of setCookies) this.cookie = /Max-Age=0/.test(cookie) ? undefined : cookie.split(';')[0]
    }
  }
  return { ...methods, clock, memory, users, browser: new Browser(), other: new Browser() }
}

const missing = { left: { code: 'unauthenticated', reason: 'CREDENTIALS_MISSING' } }

describe('a session', () => {
  test('begins at the login and ends at the logout, for whoever still has the cookie, too', async () => {
    const { browser, other, login, logout, whoAmI } = opened()
    expect(await browser.send(whoAmI)).toMatchObject(missing)
    await browser.send(login)
    expect(browser.said).toEqual([
      expect.stringMatching(/^__Host-session=[\w-]{22}; Path=\/; HttpOnly; Secure; SameSite=Lax$/),
    ])
    expect(await browser.send(whoAmI)).toEqual(right('ada'))
    other.cookie = browser.cookie
    await browser.send(logout)
    expect(browser.cookie).toBeUndefined()
    expect(await other.send(whoAmI)).toMatchObject(missing)
    expect(other.cookie).toBeUndefined()
  })

  test('has a new word at each login, and the old one is worth nothing: nobody can be given one beforehand', async () => {
    const { browser, other, login, whoAmI } = opened()
    await browser.send(login)
    const first = browser.cookie
    await browser.send(login, { id: 'eve' })
    expect(browser.cookie).not.toBe(first)
    expect(await browser.send(whoAmI)).toEqual(right('eve'))
    other.cookie = first
    expect(await other.send(whoAmI)).toMatchObject(missing)

    other.cookie = `__Host-session=${'A'.repeat(22)}`
    await other.send(login)
    expect(other.cookie).not.toBe(`__Host-session=${'A'.repeat(22)}`)
  })

  test('lasts as long as there are calls', async () => {
    const { browser, clock, login, whoAmI } = opened({ idleMs: 30 * minute, maxAgeMs: 120 * minute })
    await browser.send(login)
    for (let i = 0; i < 4; i++) {
      await clock.advance(29 * minute)
      expect(await browser.send(whoAmI)).toEqual(right('ada'))
    }
    await clock.advance(4 * minute) // 120 in all
    expect(await browser.send(whoAmI)).toMatchObject(missing)
  })

  test('ends when it was not used for long', async () => {
    const { browser, clock, login, whoAmI } = opened({ idleMs: 30 * minute })
    await browser.send(login)
    await clock.advance(30 * minute - 1)
    expect(await browser.send(whoAmI)).toEqual(right('ada'))
    await clock.advance(30 * minute)
    expect(await browser.send(whoAmI)).toMatchObject(missing)
  })

  test('that is ended while a call looks at it stays ended', async () => {
    const { browser, clock, login, whoAmI } = opened({}, store => ({
      ...wrapped(store),
      async compareAndSet(key, change) {
        await store.delete(key)
        return store.compareAndSet(key, change)
      },
    }))
    await browser.send(login)
    await clock.advance(10 * minute)
    expect(await browser.send(whoAmI)).toEqual(right('ada')) // it was there when it was looked at
    expect(await browser.send(whoAmI)).toMatchObject(missing)
  })

  test('lies in the store under the hash of its word', async () => {
    const seen: string[] = []
    const { browser, login } = opened({}, store => ({
      ...wrapped(store),
      set: (key, value, ttlMs) => {
        seen.push(`${key} ${value}`)
        return store.set(key, value, ttlMs)
      },
    }))
    await browser.send(login)
    const word = browser.cookie?.split('=')[1] ?? ''
    expect(word).toHaveLength(22)
    expect(seen).toEqual([expect.stringMatching(/^session:[0-9a-f]{64} \{"principal":\{"id":"ada"\}/)])
    expect(seen.join()).not.toContain(word)
  })
})

describe('a cookie that is no session', () => {
  test.each(['', 'x', 'A'.repeat(22), 'A'.repeat(23), '../../etc', 'A'.repeat(4_000), '%00'.repeat(8)])(
    '%j is no credential, and is forgotten',
    async word => {
      const { browser, maybe, whoAmI } = opened()
      browser.cookie = `__Host-session=${word}`
      expect(await browser.send(whoAmI)).toMatchObject(missing)
      expect(browser.cookie).toBeUndefined()
      browser.cookie = `__Host-session=${word}`
      expect(await browser.send(maybe)).toEqual(right('nobody'))
    },
  )

  test('is not looked for under another name', async () => {
    const { browser, login, whoAmI } = opened({ cookie: '__Host-other' })
    await browser.send(login)
    expect(browser.cookie).toMatch(/^__Host-other=/)
    expect(await browser.send(whoAmI)).toEqual(right('ada'))
    browser.cookie = browser.cookie?.replace('__Host-other', '__Host-session')
    expect(await browser.send(whoAmI)).toMatchObject(missing)
  })
})

describe('a word is worth nothing elsewhere, though the store is the same', () => {
  test.each<[what: string, one: SessionsOptions, other: SessionsOptions]>([
    ['under another cookie’s name', {}, { cookie: '__Host-staff' }],
    ['in another realm', { realm: 'orders' }, { realm: 'stock' }],
    ['in a realm, where it has none', {}, { realm: 'stock' }],
    ['where cookie and realm are the same in a row', { cookie: 'ab', realm: 'c' }, { cookie: 'a', realm: 'bc' }],
  ])('%s', async (_, one, other) => {
    const store = memoryStore()
    onTestFinished(() => store.close())
    const [customers, staff] = [sessions<User>({ ...one, store }), sessions<User>({ ...other, store })]
    const again = sessions<User>({ ...one, store })
    let word = ''
    const keep = ({ setCookies }: Reply): void => {
      word = /=([^;]*)/.exec(setCookies[0] ?? '')?.[1] ?? ''
    }
    const login = fromPromise((user: User, context) => customers.start(context, user))
    await call(login, { id: 'eve' }, { onReply: keep })
    expect(word).toMatch(/^[\w-]{22}$/)
    const show = (users: typeof staff, cookie = '__Host-session') =>
      users.scheme.verify(testContext({ metadata: { cookie: `${cookie}=${word}` } }), undefined)
    expect(await show(staff, other.cookie)).toBeUndefined()
    const context = testContext({ metadata: { cookie: `${other.cookie ?? '__Host-session'}=${word}` } })
    await staff.end(context) // nor can the other end it
    await staff.start(context, { id: 'bob' })
    for (const users of [customers, again]) expect(await show(users, one.cookie)).toEqual({ principal: { id: 'eve' } })
  })
})

describe('another site cannot use a session', () => {
  const forbidden = { left: { code: 'permission_denied', reason: 'CROSS_SITE_REQUEST', ran: 'no' } }
  test.each<[metadata: Record<string, string>, idempotency: Idempotency | undefined, allowed: boolean]>([
    [{}, undefined, true],
    [{ 'sec-fetch-site': 'same-origin' }, 'unsafe', true],
    [{ 'sec-fetch-site': 'none' }, 'unsafe', true],
    [{ 'sec-fetch-site': 'same-site' }, 'unsafe', false],
    [{ 'sec-fetch-site': 'cross-site' }, 'unsafe', false],
    [{ 'sec-fetch-site': 'cross-site' }, 'idempotent', false],
    [{ 'sec-fetch-site': 'cross-site' }, undefined, false],
    [{ 'sec-fetch-site': 'cross-site' }, 'safe', true],
    [{ 'sec-fetch-site': 'cross-site', origin: 'https://shop.example' }, 'unsafe', false],
    [{ 'sec-fetch-site': 'same-origin', origin: 'https://evil.example' }, 'unsafe', true],
    [{ origin: 'https://shop.example' }, 'unsafe', true],
    [{ origin: 'https://shop.example:8443' }, 'unsafe', false],
    [{ origin: 'https://evil.example' }, 'unsafe', false],
    [{ origin: 'https://shop.example.evil.example' }, 'unsafe', false],
    [{ origin: 'https://evil.example' }, 'safe', true],
  ])('%j to a method that is %s: %s', async (metadata, idempotency, allowed) => {
    const { browser, login, whoAmI } = opened()
    await browser.send(login)
    const endpoint =
      idempotency === undefined
        ? whoAmI
        : withMethod(whoAmI, { service: 'Users', name: 'whoAmI', idempotency, kind: 'unary' })
    const outcome = await browser.send(endpoint, { metadata })
    if (allowed) expect(outcome).toEqual(right('ada'))
    else expect(outcome).toMatchObject(forbidden)
    expect(await browser.send(whoAmI)).toEqual(right('ada')) // the session goes on
  })
})

describe('what an origin is to us', () => {
  const at = (host: string | undefined, secure = true) => ({ secure, ...(host !== undefined && { host }) })
  test.each<[origin: string, peer: Peer, allowed: boolean]>([
    ['https://shop.example', at('shop.example:443'), true],
    ['https://shop.example:443', at('shop.example'), true],
    ['https://shop.example', at('SHOP.example'), true],
    ['https://SHOP.example', at('shop.example'), true],
    ['https://shop.example:8443', at('shop.example:8443'), true],
    ['https://[2001:db8::1]', at('[2001:DB8::1]:443'), true],
    ['http://shop.example', at('shop.example:80', false), true],
    ['https://shop.example', at('shop.example', false), true], // a proxy that we do not know of speaks TLS
    ['http://shop.example', at('shop.example'), false],
    ['http://shop.example', at('shop.example:443', false), false],
    ['https://shop.example', at('shop.example:80'), false],
    ['https://shop.example.', at('shop.example'), false],
    ['https://shop.example/', at('shop.example'), false],
    ['https://shop.example@evil.example', at('shop.example'), false],
    ['https://evil.example@shop.example', at('shop.example'), false],
    ['https://evil.example, https://shop.example', at('shop.example'), false],
    ['ftp://shop.example', at('shop.example'), false],
    ['chrome-extension://shop.example', at('shop.example'), false],
    ['shop.example', at('shop.example'), false],
    ['null', at('shop.example'), false],
    ['', at('shop.example'), false],
    ['null', at('null'), false],
    ['null', at(undefined), false],
    ['', at(undefined), false],
    ['https://undefined', at(undefined), false],
    ['https://shop.example', at(undefined), false],
    ['https://shop.example', at('a b'), false],
  ])('%j at %j: ours is %s', async (origin, peer, allowed) => {
    const users = sessions<User>()
    const scheme = users.scheme.verify(
      testContext({ metadata: { origin, cookie: '__Host-session=x' }, peer }),
      undefined,
    )
    if (allowed) expect(await scheme).toBeUndefined()
    else expect(await scheme).toMatchObject({ left: { reason: 'CROSS_SITE_REQUEST' } })
    const start = users.start(testContext({ metadata: { origin }, peer }), { id: 'ada' })
    if (allowed) expect(await start).toBeUndefined()
    else await expect(start).rejects.toMatchObject({ failure: { reason: 'CROSS_SITE_REQUEST' } })
  })
})

describe('another site cannot log a browser in as somebody else', () => {
  const metadata = { 'sec-fetch-site': 'cross-site' }
  const forbidden = { left: { code: 'permission_denied', reason: 'CROSS_SITE_REQUEST' } }

  test('with a session of its own, in a method of any kind', async () => {
    const { browser, login, whoAmI } = opened()
    await browser.send(login)
    const { cookie } = browser
    for (const idempotency of ['safe', 'idempotent', 'unsafe'] as const) {
      const method = withMethod(login, { service: 'Users', name: 'login', idempotency, kind: 'unary' })
      expect(await browser.send<unknown>(method, { id: 'eve', metadata })).toMatchObject(forbidden)
    }
    expect(browser.cookie).toBe(cookie)
    expect(await browser.send(whoAmI)).toEqual(right('ada'))
  })

  test('but where that is allowed, for one login or for all', async () => {
    const { browser, users } = opened()
    const back = fromPromise((user: User, context) => users.start(context, user, { crossSite: 'allow' }))
    expect(await browser.send<unknown>(back, { metadata })).toEqual(right(undefined))
    const open = opened({ crossSite: 'allow' })
    expect(await open.browser.send<unknown>(open.login, { metadata })).toEqual(right(undefined))
    expect(await open.browser.send(open.whoAmI, { metadata })).toEqual(right('ada'))
    const careful = fromPromise((user: User, context) => open.users.start(context, user, { crossSite: 'refuse' }))
    expect(await open.browser.send<unknown>(careful, { metadata })).toMatchObject(forbidden)
  })
})

test('a store that is gone fails the call, and lets nobody in', async () => {
  const { browser, login, whoAmI, maybe, memory } = opened()
  await browser.send(login)
  await memory.close()
  const gone = { left: { code: 'unavailable', reason: 'STORE_UNAVAILABLE' } }
  for (const endpoint of [whoAmI, maybe, login]) expect(await browser.send<unknown>(endpoint)).toMatchObject(gone)
})

test('mistakes are told at construction', () => {
  expect(() => sessions({ idleMs: 0 })).toThrow(RangeError)
  expect(() => sessions({ idleMs: 10, maxAgeMs: 9 })).toThrow(RangeError)
  expect(() => sessions({ sameSite: 'none' as 'lax' })).toThrow(RangeError)
  expect(() => sessions({ crossSite: 'never' as 'allow' })).toThrow(/crossSite must be 'refuse' or 'allow'/)
  expect(() => sessions({ cookie: 'a b' })).toThrow(TypeError)
  expect(() => sessions({ realm: 7 as never })).toThrow(/realm must be text/)
})

test('a principal that is no object is a defect of the program', async () => {
  const users = sessions<User>()
  await expect(users.start(testContext(), 'ada' as unknown as User)).rejects.toThrow(TypeError)
})
