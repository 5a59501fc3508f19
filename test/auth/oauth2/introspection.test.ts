/** Tokens that a server is asked about: who is let in, how often it is asked, and that nobody is let in by a server that is broken. */
import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { authenticate } from '../../../src/auth/index.js'
import { type IntrospectionOptions, introspection } from '../../../src/auth/oauth2/index.js'
import { call, explain, fromPromise, type ManualClock, manualClock, testContext } from '../../../src/core/index.js'
import { deep } from '../../deep.js'
import { certificateOf } from '../certificate-of.js'
import { authorizationServer, broken, type FakeServer, json } from './authorization-server.js'

const now = 1_800_000_000
const active = {
  active: true,
  sub: 'ada',
  iss: 'https://login.shop',
  aud: 'https://orders.shop',
  scope: 'orders:read orders:write',
  token_type: 'Bearer',
  exp: now + 3_600,
}
const ada = { principal: { id: 'ada', scopes: ['orders:read', 'orders:write'] } }
const rejected = { left: { code: 'unauthenticated', reason: 'CREDENTIALS_REJECTED', ran: 'no' } }
const unavailable = { left: { code: 'unavailable', reason: 'INTROSPECTION_UNAVAILABLE', ran: 'no' } }

const claims = z.object({ sub: z.string(), scope: z.string().default('') })
type Options = IntrospectionOptions<typeof claims, { id: string; scopes: string[] }>
const secret = 'p4ss: word%'

interface Guarded extends FakeServer {
  readonly clock: ManualClock
  judge(token: string, certificate?: string): Promise<unknown>
}

async function guarded(answer: FakeServer['answer'], more: Partial<Options> = {}): Promise<Guarded> {
  const server = await authorizationServer(answer)
  const clock = manualClock({ startWallTime: now * 1_000 })
  const scheme = introspection({
    url: server.url,
    client: { id: 'orders', secret },
    issuer: 'https://login.shop',
    audience: 'https://orders.shop',
    scopes: ['orders:read'],
    claims,
    principal: ({ sub, scope }) => ({ id: sub, scopes: scope.split(' ') }),
    ...more,
  })
  const judge = async (token: string, certificate?: string) => {
    const peer = { secure: true, ...(certificate !== undefined && { certificate: certificateOf(certificate) }) }
    return scheme.verify(testContext({ clock, peer, metadata: { authorization: `Bearer ${token}` } }), undefined)
  }
  return Object.assign(server, { clock, judge })
}

describe('a token is let in', () => {
  test('when the server says that it is active, for us and of that issuer; it is asked with our credentials', async () => {
    const shop = await guarded(json(active))
    expect(await shop.judge('t1')).toEqual(ada)
    expect(Object.fromEntries(shop.asked[0]?.form ?? [])).toEqual({ token: 't1', token_type_hint: 'access_token' })
    const basic = `Basic ${Buffer.from('orders:p4ss%3A+word%25').toString('base64')}`
    expect(shop.asked[0]?.headers.authorization).toBe(basic)
    expect(shop.clock.pendingTimers).toBe(0)
  })

  test('when it is asked with the secret in the body, or with an assertion', async () => {
    const inBody = await guarded(json(active), { client: { id: 'orders', secret, secretIn: 'body' } })
    expect(await inBody.judge('t1')).toEqual(ada)
    expect(inBody.asked[0]?.headers.authorization).toBeUndefined()
    expect(inBody.asked[0]?.form.get('client_secret')).toBe(secret)
    let made = 0
    const assertion = () => ({ token: `assertion-${++made}`, expiresAt: 0 })
    const signed = await guarded(json(active), { client: { id: 'orders', assertion } })
    await signed.judge('t1')
    await signed.judge('t2')
    expect(signed.asked.map(({ form }) => form.get('client_assertion'))).toEqual(['assertion-1', 'assertion-2'])
    expect(signed.asked[0]?.form.get('client_assertion_type')).toBe(
      'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    )
  })

  test.each([
    ['one of several audiences', { aud: ['https://a', 'https://orders.shop'] }, {}],
    ['no audience, where any will do', { aud: undefined }, { audience: false }],
    ['another issuer, where any will do', { iss: 'https://elsewhere' }, { issuer: false }],
    ['no issuer, where any will do', { iss: undefined }, { issuer: false }],
    ['no end', { exp: undefined }, {}],
    ['no type', { token_type: undefined }, {}],
  ] as const)('with %s', async (_, claimed, options) => {
    expect(await (await guarded(json({ ...active, ...claimed }), options)).judge('t1')).toEqual(ada)
  })
})

describe('a token that is bound to a certificate', () => {
  const thumbprint = createHash('sha256').update('the certificate').digest('base64url')
  const unproven = {
    left: { ...rejected.left, cause: 'the token is bound to a key that nobody has proven to have' },
  }

  test('is good with that one alone, in each call, though the server is asked once', async () => {
    const shop = await guarded(json({ ...active, cnf: { 'x5t#S256': thumbprint } }))
    for (let i = 0; i < 2; i++) {
      expect(await shop.judge('t1')).toMatchObject(unproven)
      expect(await shop.judge('t1', 'the certificate')).toEqual(ada)
      expect(await shop.judge('t1', 'another certificate')).toMatchObject(unproven)
    }
    expect(shop.asked.length).toBe(1)
  })

  test.each([
    ['a key of DPoP', { jkt: thumbprint }],
    ['a certificate and a key', { 'x5t#S256': thumbprint, jkt: thumbprint }],
    ['nothing', {}],
    ['null', null],
    ['text', thumbprint],
    ['a number for a thumbprint', { 'x5t#S256': 1 }],
    ['a thumbprint in hexadecimal', { 'x5t#S256': createHash('sha256').update('the certificate').digest('hex') }],
  ])('is refused where it is bound to %s', async (_, cnf) => {
    const shop = await guarded(json({ ...active, cnf }))
    expect(await shop.judge('t1', 'the certificate')).toMatchObject(unproven)
  })

  test('tells of a scope that it lacks only who holds it', async () => {
    const shop = await guarded(json({ ...active, scope: 'b', cnf: { 'x5t#S256': thumbprint } }))
    expect(await shop.judge('t1')).toMatchObject(unproven)
    expect(await shop.judge('t1', 'the certificate')).toMatchObject({ left: { reason: 'PERMISSION_DENIED' } })
  })
})

describe('a token is refused', () => {
  test.each([
    ['that is not active', { active: false }],
    ['of another issuer', { iss: 'https://login.shop/' }],
    ['of no issuer', { iss: undefined }],
    ['for another audience', { aud: 'https://orders.shop.evil' }],
    ['for other audiences', { aud: ['https://a', 'https://b'] }],
    ['for no audience', { aud: undefined }],
    ['that is bound to a key', { token_type: 'DPoP' }],
    ['whose claims do not fit the schema', { sub: undefined }],
    ['of somebody who is not known', { sub: 'eve' }],
  ])('%s', async (_, claimed) => {
    const shop = await guarded(json({ ...active, ...claimed }), {
      principal: ({ sub }) => (sub === 'ada' ? { id: sub, scopes: [] } : undefined),
    })
    expect(await shop.judge('t1')).toMatchObject(rejected)
  })

  test('that has ended by our clock, though the server says otherwise', async () => {
    const shop = await guarded(json({ ...active, exp: now }))
    expect(await shop.judge('t1')).toMatchObject({ left: { code: 'unauthenticated', reason: 'TOKEN_EXPIRED' } })
  })

  test('that lacks a scope: it is permitted less, and told what it would need, whenever it comes', async () => {
    const shop = await guarded(json({ ...active, scope: 'orders:readonly' }), { scopes: ['orders:read', 'b'] })
    const served = authenticate(introspection({ ...base(shop.url), scopes: ['orders:read', 'b'] }))(
      fromPromise(async (_: object) => 'done'),
    )
    for (let i = 0; i < 2; i++) {
      const context = testContext({ clock: shop.clock, metadata: { authorization: 'Bearer t1' } })
      let challenge: string | undefined
      const onReply = ({ headers }: { headers: ReadonlyMap<string, string> }) => {
        challenge = headers.get('www-authenticate')
      }
      const outcome = await call(served, {}, { context, onReply })
      expect(outcome).toMatchObject({ left: { code: 'permission_denied', reason: 'PERMISSION_DENIED', ran: 'no' } })
      expect(challenge).toBe('Bearer error="insufficient_scope", scope="orders:read b"')
    }
    expect(shop.asked.length).toBe(1)
  })

  test('that is too long, or written otherwise, without asking anybody', async () => {
    const shop = await guarded(json(active), { maxLength: 16 })
    expect(await shop.judge('x'.repeat(17))).toMatchObject(rejected)
    expect(await shop.judge('a, b')).toMatchObject(rejected)
    expect(await shop.judge('')).toMatchObject(rejected)
    expect(shop.asked.length).toBe(0)
  })
})

const base = (url: string): Options => ({
  url,
  client: { id: 'orders', secret },
  issuer: false,
  audience: false,
  scopes: false,
  claims,
  principal: ({ sub }) => ({ id: sub, scopes: [] }),
})

describe('nobody is let in by a server that', () => {
  test.each(broken)('%s, and the next call asks again', async (_, answer) => {
    const shop = await guarded(answer)
    expect(await shop.judge('t1')).toMatchObject(unavailable)
    shop.answer = json(active)
    expect(await shop.judge('t1')).toEqual(ada)
    expect(shop.clock.pendingTimers).toBe(0)
  })

  test.each([
    ['does not say whether it is active', { ...active, active: undefined }],
    ['says so in text', { ...active, active: 'true' }],
    ['says 1', { ...active, active: 1 }],
    ['writes the end as text', { ...active, exp: '1900000000' }],
    ['writes the audience as a number', { ...active, aud: 7 }],
    ['writes scopes as a list', { ...active, scope: ['orders:read'] }],
    ['writes the issuer as an object', { ...active, iss: {} }],
  ])('%s', async (_, answer) => {
    expect(await (await guarded(json(answer))).judge('t1')).toMatchObject(unavailable)
  })

  test('does not answer in time; the connection is closed', async () => {
    let closed: Promise<unknown> | undefined
    let began = (): void => {}
    const asked = new Promise<void>(resolve => {
      began = resolve
    })
    const shop = await guarded(response => {
      closed = new Promise(resolve => response.once('close', resolve))
      began()
    })
    const verdict = shop.judge('t1')
    await asked
    await shop.clock.advance(4_999)
    expect(shop.clock.pendingTimers).toBe(1)
    await shop.clock.advance(1)
    expect(await verdict).toMatchObject(unavailable)
    await closed
    expect(shop.clock.pendingTimers).toBe(0)
  })

  test('begins to answer and never ends', async () => {
    let began = (): void => {}
    const asked = new Promise<void>(resolve => {
      began = resolve
    })
    const shop = await guarded(response => {
      response.writeHead(200)
      response.write('{"active":true', () => began())
    })
    const verdict = shop.judge('t1')
    await asked
    await shop.clock.advance(5_000)
    expect(await verdict).toMatchObject(unavailable)
  })

  test('is not there, and one for whom no assertion can be had', async () => {
    const shop = await guarded(json(active), { url: 'http://127.0.0.1:1/' })
    expect(await shop.judge('t1')).toMatchObject(unavailable)
    for (const assertion of [() => Promise.reject(new Error('no key')), () => ({ token: 'a b', expiresAt: 0 })]) {
      const signed = await guarded(json(active), { client: { id: 'orders', assertion } })
      expect(await signed.judge('t1')).toMatchObject(unavailable)
      expect(signed.asked.length).toBe(0)
    }
    const never = await guarded(json(active), { client: { id: 'orders', assertion: () => new Promise(() => {}) } })
    const verdict = never.judge('t1')
    await never.clock.advance(5_000)
    expect(await verdict).toMatchObject(unavailable)
  })
})

describe('the server is asked', () => {
  test('once for all calls with the same token, at the same time and for a while', async () => {
    const shop = await guarded(json(active))
    const verdicts = await Promise.all(Array.from({ length: deep(100, 10_000) }, () => shop.judge('t1')))
    expect(verdicts.every(verdict => JSON.stringify(verdict) === JSON.stringify(ada))).toBe(true)
    await shop.clock.advance(9_999)
    expect(await shop.judge('t1')).toEqual(ada)
    expect(shop.asked.length).toBe(1)
    await shop.clock.advance(1)
    shop.answer = json({ active: false })
    expect(await shop.judge('t1')).toMatchObject(rejected) // revoked
    expect(shop.asked.length).toBe(2)
  })

  test('again for another token, however little differs', async () => {
    const shop = await guarded(json(active))
    await shop.judge('t1')
    shop.answer = json({ active: false })
    expect(await shop.judge('T1')).toMatchObject(rejected)
    expect(await shop.judge('t1=')).toMatchObject(rejected)
    expect(await shop.judge('t1')).toEqual(ada)
  })

  test('again at the end of a token, though it could be remembered for longer', async () => {
    const shop = await guarded(json({ ...active, exp: now + 5 }), { maxAgeMs: 600_000 })
    await shop.judge('t1')
    await shop.clock.advance(4_999)
    expect(await shop.judge('t1')).toEqual(ada)
    expect(shop.asked.length).toBe(1)
    await shop.clock.advance(1)
    expect(await shop.judge('t1')).toMatchObject({ left: { reason: 'TOKEN_EXPIRED' } })
    expect(shop.asked.length).toBe(2)
  })

  test('not about a refused token for a short while, and then again', async () => {
    const shop = await guarded(json({ active: false }))
    await shop.judge('t1')
    await shop.clock.advance(4_999)
    expect(await shop.judge('t1')).toMatchObject(rejected)
    expect(shop.asked.length).toBe(1)
    await shop.clock.advance(1)
    shop.answer = json(active)
    expect(await shop.judge('t1')).toEqual(ada)
  })

  test('for each call where nothing is to be remembered', async () => {
    const shop = await guarded(json(active), { maxAgeMs: 0, refusedMaxAgeMs: 0 })
    await shop.judge('t1')
    await shop.judge('t1')
    shop.answer = json({ active: false })
    await shop.judge('t1')
    await shop.judge('t1')
    expect(shop.asked.length).toBe(4)
  })

  test('again about what was driven out; made-up tokens drive out none that are good', async () => {
    const shop = await guarded(
      (response, asked) => json(asked.form.get('token')?.startsWith('t') ? active : { active: false })(response, asked),
      { maxRemembered: 2 },
    )
    for (const token of ['t1', 't2', 'x1', 'x2', 'x3', 'x4', 't1', 't2']) await shop.judge(token)
    expect(shop.asked.length).toBe(6)
    await shop.judge('t3')
    await shop.judge('t1')
    expect(shop.asked.length).toBe(8)
  })

  test('about so many tokens at a time and no more; the others are let in by nobody', async () => {
    const waiting: (() => void)[] = []
    const shop = await guarded((response, asked) => void waiting.push(() => json(active)(response, asked)), {
      maxAsking: 2,
    })
    const first = shop.judge('t1')
    const second = shop.judge('t2')
    const again = shop.judge('t1')
    expect(await shop.judge('t3')).toMatchObject(unavailable)
    while (waiting.length < 2) await new Promise(resolve => setImmediate(resolve))
    for (const answer of waiting) answer()
    expect(await Promise.all([first, second, again])).toEqual([ada, ada, ada])
    shop.answer = json(active)
    expect(await shop.judge('t3')).toEqual(ada)
  })
})

test('neither tokens nor secrets are in failures and in explain, whatever the server says', async () => {
  const leaky: FakeServer['answer'] = (response, { form }) =>
    json({ error: `bad ${form.get('token')}`, error_description: `${form.get('token')} of ${secret}` }, 400)(response, {
      form,
      headers: {},
    })
  for (const [, answer] of [...broken, ['', leaky] as const, ['', json({ ...active, sub: { t0p: 1 } })] as const]) {
    const shop = await guarded(answer)
    const verdict = (await shop.judge('s3cr3t-t0ken')) as { left: { cause: unknown } }
    const { cause } = verdict.left
    const said = JSON.stringify([verdict, String(cause), cause instanceof Error ? `${cause.stack} ${cause.cause}` : ''])
    expect(said).not.toContain('s3cr3t-t0ken')
    expect(said).not.toContain(secret)
  }
  const scheme = introspection(base('https://login.shop/introspect'))
  const told = JSON.stringify(explain(authenticate(scheme)(fromPromise(async () => 1))))
  expect(told).toContain('introspection')
  expect(told).not.toContain(secret)
})

test('claims are frozen: they are shared by calls', async () => {
  const shop = await guarded(json(active))
  const scheme = introspection({ ...base(shop.url), principal: undefined as never })
  const verdict = (await scheme.verify(testContext({ metadata: { authorization: 'Bearer t1' } }), undefined)) as {
    principal: object
  }
  expect(Object.isFrozen(verdict.principal)).toBe(true)
})

describe('what cannot be safe is refused at construction', () => {
  test.each<[string, object, RegExp]>([
    ['plain HTTP to another host', { url: 'http://login.shop/' }, /url must be https/],
    ['a password in the address', { url: 'https://a:b@login.shop/' }, /without user and password/],
    ['no address', { url: 'login' }, /absolute URL/],
    ['no client', { client: undefined }, /client needs an id/],
    ['a client without secret', { client: { id: 'a' } }, /needs a secret or an assertion/],
    ['a client with both', { client: { id: 'a', secret, assertion: () => {} } }, /not both/],
    ['a secret somewhere else', { client: { id: 'a', secret, secretIn: 'query' } }, /secretIn/],
    ['no word about the issuer', { issuer: undefined }, /issuer is required/],
    ['an empty issuer', { issuer: '' }, /issuer must be text, or false/],
    ['no word about the audience', { audience: undefined }, /audience is required/],
    ['true for the audience', { audience: true }, /audience must/],
    ['no audience at all', { audience: [] }, /audience must/],
    ['no word about scopes', { scopes: undefined }, /scopes is required/],
    ['scopes in one text', { scopes: 'a b' }, /scopes must/],
    ['no schema', { claims: {} }, /claims must be a Standard Schema/],
    ['a principal that is no function', { principal: {} }, /principal must/],
    ['a realm that cannot be quoted', { realm: 'a"b' }, /realm must be visible ASCII/],
    ['remembering for a day', { maxAgeMs: 86_400_000 }, /maxAgeMs must be in \[0, 600000\]/],
    ['no time', { timeoutMs: 0 }, /timeoutMs must/],
    ['an unknown option', { cacheMs: 1 }, /there is no option 'cacheMs'/],
  ])('%s', (_, more, message) => {
    const options = { ...base('https://login.shop/'), ...more }
    expect(() => introspection(options)).toThrow(message)
    try {
      introspection(options)
    } catch (error) {
      expect(String(error)).not.toContain(secret)
    }
  })
})
