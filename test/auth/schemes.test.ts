/** The schemes that need no library: passwords, API keys, certificates. Each finds its own in a call, and lets nobody else in. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  apiKey,
  apiKeys,
  basic,
  certificate,
  createApiKey,
  hashPassword,
  isPassword,
  isSameSecret,
  type Scheme,
} from '../../src/auth/index.js'
import { type Idempotency, manualClock, type PeerCertificate, testContext } from '../../src/core/index.js'
import { deep } from '../deep.js'

const verify = async <P>(scheme: Scheme<P>, metadata: Record<string, string>) =>
  scheme.verify(testContext({ metadata }), undefined)
const refused = { left: { code: 'unauthenticated', reason: 'CREDENTIALS_REJECTED', ran: 'no' } }
const base64 = (text: string | Uint8Array) => Buffer.from(text).toString('base64')

describe('basic', () => {
  const seen: unknown[] = []
  const scheme = basic({
    realm: 'shop',
    verify: given => {
      seen.push(given)
      return given.user === 'ada' && isSameSecret(given.password, 'a:b') ? { id: 'ada' } : undefined
    },
  })

  test.each<[what: string, header: string, outcome: unknown]>([
    ['user and password', `Basic ${base64('ada:a:b')}`, { principal: { id: 'ada' } }],
    ['any case of the name', `bAsIc ${base64('ada:a:b')}`, { principal: { id: 'ada' } }],
    ['several spaces', `Basic   ${base64('ada:a:b')}`, { principal: { id: 'ada' } }],
    ['a wrong password', `Basic ${base64('ada:x')}`, refused],
    ['a wrong user', `Basic ${base64('eve:a:b')}`, refused],
    ['no colon', `Basic ${base64('ada')}`, refused],
    ['no base64', 'Basic ada:a:b', refused],
    ['base64url', `Basic ${base64('ada:a?>').replace('/', '_').replace('+', '-')}`, refused],
    ['base64 without its padding', `Basic ${base64('ada:a:b').replace(/=+$/, '')}`, refused],
    ['base64 with bits left over', 'Basic YWRhOmE6Yh==', refused],
    ['no UTF-8', `Basic ${base64(Uint8Array.of(0x61, 0x3a, 0xff))}`, refused],
    ['control characters', `Basic ${base64('ada:a:b\n')}`, refused],
    ['nothing after the name', 'Basic', refused],
    ['two credentials', `Basic ${base64('ada:a:b')}, Basic ${base64('ada:a:b')}`, refused],
    ['another scheme', 'Bearer abc', undefined],
    ['a longer name', `Basically ${base64('ada:a:b')}`, undefined],
  ])('%s', async (_, authorization, outcome) => {
    const verdict = await verify(scheme, { authorization })
    if (outcome === undefined) expect(verdict).toBeUndefined()
    else expect(verdict).toMatchObject(outcome as object)
  })

  test('no header is no credential', async () => expect(await verify(scheme, {})).toBeUndefined())
  test('has a challenge', () => expect(scheme.challenge).toBe('Basic realm="shop", charset="UTF-8"'))
  test.each(['a"b', 'a\\b', 'a\nb', 'ü'])('refuses the realm %j', realm =>
    expect(() => basic({ realm, verify: () => undefined })).toThrow(/realm must be/),
  )

  test('any bytes at all are refused or taken as they are, and never throw', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary' }), async text => {
        seen.length = 0
        const header = text.replace(/[^\x20-\x7e]/g, '')
        await verify(scheme, { authorization: `Basic ${base64(text)}` })
        const printable = !/\p{Cc}/u.test(text.replace(/[\x80-\x9f]/g, '')) && text.includes(':') && text.isWellFormed()
        if (printable && text.length < 1_000)
          expect(seen).toEqual([
            { user: text.slice(0, text.indexOf(':')), password: text.slice(text.indexOf(':') + 1) },
          ])
        else expect(seen).toEqual([])
        await verify(scheme, { authorization: `Basic ${header}` })
      }),
      { numRuns: deep(200, 20_000) },
    )
  })
})

describe('apiKey', () => {
  const [old, young] = [createApiKey('shop'), createApiKey('shop')]
  const clock = manualClock()
  const expiresAt = clock.wallTime() + 1_000
  const scheme = apiKey({
    find: apiKeys([
      { hash: old.hash, principal: { id: 'robot' }, expiresAt },
      { hash: young.hash, principal: { id: 'robot' } },
    ]),
  })
  const show = async (key: string) => scheme.verify(testContext({ clock, metadata: { 'x-api-key': key } }), undefined)

  test('the old key is good until it expires, the new one goes on', async () => {
    expect(await show(old.key)).toEqual({ principal: { id: 'robot' } })
    expect(await show(young.key)).toEqual({ principal: { id: 'robot' } })
    await clock.advance(999)
    expect(await show(old.key)).toEqual({ principal: { id: 'robot' } })
    await clock.advance(1)
    expect(await show(old.key)).toMatchObject(refused)
    expect(await show(young.key)).toEqual({ principal: { id: 'robot' } })
  })

  test.each(['', 'shop_', old.hash, `${young.key}x`, `${young.key}, ${young.key}`])('%j is refused', async key => {
    expect(await show(key)).toMatchObject(refused)
  })

  test('is looked for where it is said to be', async () => {
    const query = apiKey({ header: 'x-key', find: async () => ({ id: 'a' }) })
    expect(await verify(query, { 'x-api-key': 'k' })).toBeUndefined()
    expect(await verify(query, { 'x-key': 'k' })).toEqual({ principal: { id: 'a' } })
  })

  test('keys are long, random, and tell whose they are', () => {
    expect(old.key).toMatch(/^shop_[\w-]{43}$/)
    expect(new Set(Array.from({ length: 1_000 }, () => createApiKey('a').key)).size).toBe(1_000)
  })

  test('mistakes are told at construction', () => {
    expect(() => createApiKey('Shop_')).toThrow(TypeError)
    expect(() => apiKeys([{ hash: 'abc', principal: {} }])).toThrow(/hash of key 0/)
    const { hash } = old
    expect(() =>
      apiKeys([
        { hash, principal: {} },
        { hash, principal: {} },
      ]),
    ).toThrow(/key 1 is there twice/)
    expect(() => apiKey({ header: 'X-Key', find: () => undefined })).toThrow(/lower case/)
  })
})

describe('certificate', () => {
  const shown = (uris: readonly string[]): PeerCertificate => ({
    dnsNames: [],
    uris,
    fingerprint: 'ab',
    serialNumber: '01',
    der: new Uint8Array(),
  })
  const scheme = certificate({
    identify: ({ uris }) => (uris.includes('spiffe://shop/orders') ? { id: 'orders' } : undefined),
  })

  test('who holds one that is known is let in', () => {
    const peer = { secure: true, certificate: shown(['spiffe://shop/orders']) }
    expect(scheme.verify(testContext({ peer }), undefined)).toEqual({ principal: { id: 'orders' } })
  })

  test('who holds one of somebody else is refused', () => {
    const peer = { secure: true, certificate: shown(['spiffe://shop/other']) }
    expect(scheme.verify(testContext({ peer }), undefined)).toMatchObject(refused)
  })

  test('no header stands for a certificate', () => {
    const metadata = { 'x-forwarded-client-cert': 'URI=spiffe://shop/orders', 'ssl-client-verify': 'SUCCESS' }
    expect(scheme.verify(testContext({ metadata }), undefined)).toBeUndefined()
  })
})

describe('what browsers send by themselves, another site cannot use', () => {
  const certified = { dnsNames: [], uris: [], fingerprint: 'ab', serialNumber: '01', der: new Uint8Array() }
  const peer = { secure: true, host: 'shop.example', certificate: certified }
  const authorization = `Basic ${base64('ada:secret')}`
  const method = (idempotency: Idempotency) => ({ service: 'S', name: 'm', idempotency, kind: 'unary' as const })
  const forbidden = { left: { code: 'permission_denied', reason: 'CROSS_SITE_REQUEST', ran: 'no' } }
  const ada = { id: 'ada' }
  const schemes: Record<string, (crossSite?: 'refuse' | 'allow') => Scheme<object>> = {
    basic: crossSite => basic({ realm: 'shop', verify: () => ada, ...(crossSite && { crossSite }) }),
    certificate: crossSite => certificate({ identify: () => ada, ...(crossSite && { crossSite }) }),
  }

  describe.each(Object.entries(schemes))('%s', (_, scheme) => {
    test.each<[metadata: Record<string, string>, idempotency: Idempotency | undefined, allowed: boolean]>([
      [{}, 'unsafe', true],
      [{}, undefined, true],
      [{ 'sec-fetch-site': 'same-origin' }, 'unsafe', true],
      [{ origin: 'https://shop.example' }, 'unsafe', true],
      [{ 'sec-fetch-site': 'cross-site' }, 'unsafe', false],
      [{ 'sec-fetch-site': 'same-site' }, 'idempotent', false],
      [{ origin: 'https://evil.example' }, undefined, false],
      [{ origin: 'null' }, 'unsafe', false],
      [{ 'sec-fetch-site': 'cross-site' }, 'safe', true],
    ])('%j to a method that is %s: %s', async (more, idempotency, allowed) => {
      const context = testContext({ metadata: { authorization, ...more }, peer })
      const called = idempotency === undefined ? undefined : method(idempotency)
      expect(await scheme().verify(context, called)).toMatchObject(allowed ? { principal: ada } : forbidden)
      expect(await scheme('allow').verify(context, called)).toEqual({ principal: ada })
    })

    test('who has no such credential has none, from wherever', async () => {
      const context = testContext({ metadata: { 'sec-fetch-site': 'cross-site' }, peer: { secure: true } })
      expect(await scheme().verify(context, undefined)).toBeUndefined()
    })

    test('mistakes are told at construction', () => expect(() => scheme('no' as 'allow')).toThrow(/crossSite must be/))
  })
})

describe('passwords', () => {
  test('a hash lets in its password alone, in whichever way that is composed', async () => {
    const hash = await hashPassword('pa\u00dfw\u00f6rd')
    expect(hash).toMatch(/^scrypt\$17\$8\$1\$/)
    expect(await isPassword('pa\u00dfwo\u0308rd', hash)).toBe(true)
    expect(await isPassword('passw\u00f6rd', hash)).toBe(false)
    expect(await isPassword('', hash)).toBe(false)
    expect(await isPassword('x'.repeat(1_025), hash)).toBe(false)
  })

  test('nobody has a password, which takes work as that of somebody does', async () => {
    let answered = false
    const checked = isPassword('guess', undefined).then(same => {
      answered = true
      return same
    })
    for (let i = 0; i < 100; i++) await undefined // work of another thread cannot end meanwhile
    expect(answered).toBe(false)
    expect(await checked).toBe(false)
  })

  test.each(['', 'plain', 'scrypt$17$8$1$$', `scrypt$99$8$1$${'A'.repeat(22)}$${'A'.repeat(43)}`])(
    '%j is no hash',
    async hash => {
      await expect(isPassword('x', hash)).rejects.toThrow(TypeError)
    },
  )

  test('an empty one and one too long are not hashed', async () => {
    await expect(hashPassword('')).rejects.toThrow(RangeError)
    await expect(hashPassword('x'.repeat(1_025))).rejects.toThrow(RangeError)
  })
})

test('secrets are the same or not, whatever their lengths', () => {
  expect(isSameSecret('a', 'a')).toBe(true)
  expect(isSameSecret('', '')).toBe(true)
  expect(isSameSecret('a', 'ab')).toBe(false)
  expect(isSameSecret('a', 'b')).toBe(false)
})

describe('made-up credentials', () => {
  const { key, hash } = createApiKey('shop')
  const keys = apiKey({ find: apiKeys([{ hash, principal: { id: 'program' } }]) })
  const passwords = basic({
    realm: 'shop',
    verify: given => (given.user === 'ada' && isSameSecret(given.password, 'a:b') ? { id: 'ada' } : undefined),
  })
  const goodBasic = base64('ada:a:b')
  const clock = manualClock()

  const character = fc.constantFrom(...'ABCDabcd0189+/=-_:., "~')
  const edited = fc
    .record({
      whole: fc.constantFrom(key, goodBasic, hash),
      at: fc.nat(70),
      cut: fc.nat(2),
      put: fc.string({ maxLength: 2 }),
    })
    .map(({ whole, at, cut, put }) => whole.slice(0, at) + put + whole.slice(at + cut))
  const userInfo = fc.constantFrom(
    'ada:a:b',
    'ada:a:b\0',
    'ada',
    ':',
    'ada:',
    ':a:b',
    'ada:a:b:',
    'ADA:a:b',
    '\ufeffada:a:b',
  )
  const text = fc.oneof(
    edited,
    fc.array(character, { maxLength: 60 }).map(all => all.join('')),
    fc.uint8Array({ maxLength: 40 }).map(base64),
    fc.record({ userInfo, more: fc.constantFrom('', '=', ' ', 'A') }).map(each => base64(each.userInfo) + each.more),
  )

  test(
    'are refused, and nothing throws',
    () => {
      const judged = { good: 0, bad: 0 }
      const judge = (scheme: Scheme<object>, metadata: Record<string, string>, isGood: boolean): void => {
        const verdict = scheme.verify(testContext({ clock, metadata }), undefined)
        const isLetIn = typeof verdict === 'object' && 'principal' in verdict
        const isRefused = typeof verdict === 'object' && '_tag' in verdict && verdict.left.code === 'unauthenticated'
        if (isGood ? !isLetIn : !isRefused) expect({ metadata, verdict }).toBe(isGood ? 'let in' : 'refused')
        judged[isGood ? 'good' : 'bad']++
      }
      fc.assert(
        fc.property(text, given => {
          judge(keys, { 'x-api-key': given }, given === key)
          judge(passwords, { authorization: `Basic ${given}` }, given.trimStart() === goodBasic)
        }),
        { numRuns: deep(1_000, 500_000) },
      )
      expect(judged.bad).toBeGreaterThan(deep(1_500, 900_000))
      expect(judged.good).toBeGreaterThan(0)
    },
    deep(20_000, 1_200_000),
  )
})
