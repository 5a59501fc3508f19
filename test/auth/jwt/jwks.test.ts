/**
 * Keys from a JWK Set on a real server on this machine: fetched once however many tokens come, again for a new key, kept while the server
 * is down, and never a reason to let somebody in.
 */
import { generateKeyPairSync } from 'node:crypto'
import type { RequestListener } from 'node:http'
import { describe, expect, test } from 'vitest'
import { type Jwks, type JwksOptions, jwks } from '../../../src/auth/jwt/index.js'
import { type ManualClock, manualClock, testContext } from '../../../src/core/index.js'
import { deep } from '../../deep.js'
import { listening, nowhere } from '../../transport/http/listening.js'
import {
  ed25519,
  forge,
  jwkOf,
  now,
  type Options,
  otherRsa,
  type Pair,
  p256,
  p384,
  pemOf,
  rsa,
  secret,
  verifier,
} from './forge.js'

const thirdRsa: Pair = generateKeyPairSync('rsa', { modulusLength: 2_048 })

const jwkA = { ...jwkOf(rsa.publicKey), kid: 'a', alg: 'RS256', use: 'sig' }
const jwkB = { ...jwkOf(otherRsa.publicKey), kid: 'b', alg: 'RS256' }
const tokenA = forge({ alg: 'RS256', key: rsa.privateKey, header: { kid: 'a' }, payload: { exp: now + 10 ** 6 } })
const tokenB = forge({ alg: 'RS256', key: otherRsa.privateKey, header: { kid: 'b' }, payload: { exp: now + 10 ** 6 } })
const unknown = (i: number) => forge({ alg: 'RS256', key: otherRsa.privateKey, header: { kid: `x${i}` } })

const principal = { principal: { sub: 'ada', scope: 'orders:write' } }
const rejected = { left: { code: 'unauthenticated', reason: 'CREDENTIALS_REJECTED', ran: 'no' } }
const unavailable = { left: { code: 'unavailable', reason: 'KEYS_UNAVAILABLE', ran: 'no' } }

interface Issuer {
  /** What the server answers with; changed by tests. */
  answer: RequestListener
  fetches: number
  readonly clock: ManualClock
  readonly keys: Jwks
  judge(token: string): Promise<unknown>
}

const publish =
  (...keys: object[]): RequestListener =>
  (_, response) =>
    void response.end(JSON.stringify({ keys }))

async function issuer(options: Partial<JwksOptions> = {}, more: Partial<Options> = {}): Promise<Issuer> {
  const clock = manualClock({ startWallTime: now * 1_000 })
  const { address } = await listening((request, response) => {
    made.fetches++
    made.answer(request, response)
  })
  const keys = jwks({ url: `${address}/jwks`, algorithms: ['RS256'], clock, ...options })
  const scheme = verifier({ keys, ...more })
  const made: Issuer = {
    answer: publish(jwkA),
    fetches: 0,
    clock,
    keys,
    judge: async token =>
      scheme.verify(testContext({ clock, metadata: { authorization: `Bearer ${token}` } }), undefined),
  }
  return made
}

describe('the set is fetched', () => {
  test('when the first token comes, once for all that wait, and not again', async () => {
    const shop = await issuer()
    expect(shop.fetches).toBe(0)
    const verdicts = await Promise.all(Array.from({ length: 100 }, () => shop.judge(tokenA)))
    expect(verdicts).toEqual(Array.from({ length: 100 }, () => principal))
    await shop.judge(tokenA)
    expect(shop.fetches).toBe(1)
    expect(shop.clock.pendingTimers).toBe(0)
  })

  test('before, where somebody asks for it', async () => {
    const shop = await issuer()
    expect(await shop.keys.refresh()).toBeUndefined()
    shop.answer = (_, response) => void response.writeHead(500).end()
    expect(await shop.judge(tokenA)).toEqual(principal)
    expect(shop.fetches).toBe(1)
  })

  test('once for ten thousand tokens of unknown keys at the same time, and no more until the cooldown is over', async () => {
    const shop = await issuer()
    await shop.judge(tokenA)
    const tokens = Array.from({ length: deep(300, 10_000) }, (_, i) => unknown(i % 50))
    const verdicts = await Promise.all(tokens.map(token => shop.judge(token)))
    expect(verdicts.every(verdict => (verdict as typeof rejected).left.code === 'unauthenticated')).toBe(true)
    expect(shop.fetches).toBe(2)
    await shop.clock.advance(29_999)
    expect(await shop.judge(unknown(1))).toMatchObject(rejected)
    expect(await shop.judge(tokenA)).toEqual(principal)
    expect(shop.fetches).toBe(2)
    await shop.clock.advance(1)
    expect(await shop.judge(unknown(1))).toMatchObject(rejected)
    expect(shop.fetches).toBe(3)
  })

  test('once for ten thousand at the very beginning', async () => {
    const shop = await issuer()
    await Promise.all(Array.from({ length: deep(300, 10_000) }, (_, i) => shop.judge(unknown(i % 50))))
    expect(shop.fetches).toBe(1)
  })

  test('again beside the calls from half of its age on, and waited for at the end of it', async () => {
    const shop = await issuer()
    await shop.judge(tokenA)
    await shop.clock.advance(299_999)
    await shop.judge(tokenA)
    expect(shop.fetches).toBe(1)
    await shop.clock.advance(1)
    expect(await shop.judge(tokenA)).toEqual(principal)
    await shop.keys.refresh()
    expect(shop.fetches).toBe(2)
    await shop.clock.advance(600_000)
    shop.answer = publish(jwkB)
    expect(await shop.judge(tokenA)).toMatchObject(rejected) // its key was taken back while nobody called
    expect(await shop.judge(tokenB)).toEqual(principal)
  })
})

describe('a new key', () => {
  test('is known to the first token that has it, and no token of the old one is refused meanwhile', async () => {
    const shop = await issuer()
    await shop.judge(tokenA)
    shop.answer = publish(jwkA, jwkB)
    const verdicts = await Promise.all([tokenB, tokenA, tokenB, tokenA].map(token => shop.judge(token)))
    expect(verdicts).toEqual([principal, principal, principal, principal])
    expect(shop.fetches).toBe(2)
  })

  test('empties the memory of verified tokens, and so does one that is taken back', async () => {
    const shop = await issuer({}, { maxRemembered: 10 })
    shop.answer = publish(jwkA, jwkB)
    expect(await shop.judge(tokenA)).toEqual(principal)
    shop.answer = publish(jwkB)
    expect(await shop.judge(tokenA)).toEqual(principal)
    await shop.clock.advance(300_000)
    expect(await shop.judge(tokenA)).toEqual(principal) // remembered; and begins to renew the set
    await shop.keys.refresh()
    shop.answer = (_, response) => void response.writeHead(500).end()
    expect(await shop.judge(tokenA)).not.toEqual(principal)
    expect(await shop.judge(tokenB)).toEqual(principal)
  })

  test('and an old set, of which nobody has heard for its age, is confirmed before remembered tokens are good', async () => {
    const shop = await issuer({}, { maxRemembered: 10 })
    await shop.judge(tokenA)
    shop.answer = publish(jwkB)
    await shop.clock.advance(600_000)
    expect(await shop.judge(tokenA)).toMatchObject(rejected)
  })

  test('each day, while calls go on: nobody who shows a key of the day, or of the day before, is ever refused', async () => {
    const shop = await issuer({}, { maxRemembered: 100 })
    const pairs = [rsa, otherRsa, thirdRsa]
    const dayOf = (day: number) => pairs[day % pairs.length] as Pair
    const tokenOf = (day: number): string =>
      forge({ alg: 'RS256', key: dayOf(day).privateKey, header: { kid: `d${day}` }, payload: { exp: now + 10 ** 7 } })
    for (let day = 1; day <= deep(4, 30); day++) {
      const set = [day - 1, day].map(of => ({ ...jwkOf(dayOf(of).publicKey), kid: `d${of}`, alg: 'RS256' }))
      shop.answer = publish(...set, null as never) // and something odd
      const fetches = shop.fetches
      const shown = [tokenOf(day), tokenOf(day - 1), unknown(day)]
      const tokens = Array.from({ length: 60 }, (_, i) => shown[i % 3] ?? '')
      const verdicts = await Promise.all(tokens.map(token => shop.judge(token)))
      for (const [i, verdict] of verdicts.entries())
        expect(verdict, `${day}, ${i}`).toMatchObject(i % 3 === 2 ? rejected : principal)
      expect(shop.fetches).toBe(fetches + 1)
      if (day > 1) expect(await shop.judge(tokenOf(day - 2))).toMatchObject(rejected)
      await shop.clock.advance(86_400_000 / 2)
      await shop.keys.refresh()
      expect(await shop.judge(tokenOf(day - 1))).toEqual(principal)
      await shop.clock.advance(30_000)
    }
  })
})

describe('a server that is down', () => {
  const down: RequestListener = (_, response) => void response.writeHead(503).end()

  test('shuts nobody out whose key is known, for a day beyond the age of the set, and then everybody', async () => {
    const shop = await issuer()
    await shop.judge(tokenA)
    shop.answer = down
    for (const ms of [600_000, 40_000_000, 46_399_999]) {
      await shop.clock.advance(ms)
      expect(await shop.judge(forever())).toEqual(principal)
    }
    await shop.clock.advance(1)
    expect(await shop.judge(forever())).toMatchObject(unavailable)
    shop.answer = publish(jwkA)
    await shop.clock.advance(5_000)
    expect(await shop.judge(forever())).toEqual(principal)
  })

  test('is asked beside the calls, once in five seconds, and makes no call wait after the first', async () => {
    const shop = await issuer()
    await shop.judge(tokenA)
    shop.answer = down
    await shop.clock.advance(600_000)
    await shop.judge(tokenA)
    expect(shop.fetches).toBe(2)
    for (let i = 0; i < 10; i++) await shop.judge(tokenA)
    expect(shop.fetches).toBe(2)
    shop.answer = () => {} // and now it hangs
    await shop.clock.advance(5_000)
    expect(await shop.judge(tokenA)).toEqual(principal)
  })

  test('is no reason to say of an unknown key that it is wrong', async () => {
    const shop = await issuer()
    await shop.judge(tokenA)
    shop.answer = down
    expect(await shop.judge(tokenB)).toMatchObject(unavailable)
    expect(await shop.judge(tokenB)).toMatchObject(unavailable)
    expect(await shop.judge(tokenA)).toEqual(principal)
    expect(shop.fetches).toBe(2)
  })
})

describe('fails closed, with a cause, where the server', () => {
  const answers: [what: string, answer: RequestListener, cause: RegExp][] = [
    ['answers 500', (_, response) => void response.writeHead(500).end(), /answered 500/],
    [
      'answers 404 with a set',
      (_, response) => void response.writeHead(404).end(JSON.stringify({ keys: [jwkA] })),
      /answered 404/,
    ],
    ['redirects', (_, response) => void response.writeHead(302, { location: '/elsewhere' }).end(), /fetch failed/],
    ['closes the connection', request => request.socket.destroy(), /fetch failed/],
    [
      'closes it in the middle',
      (_, response) => {
        response.writeHead(200, { 'content-length': 500 })
        response.write('{"keys":')
        setImmediate(() => response.destroy())
      },
      /terminated|other side closed/,
    ],
    ['answers something else than HTTP', request => void request.socket.end('garbage\r\n\r\n'), /fetch failed/],
    ['answers HTML', (_, response) => void response.end('<html>'), /is not JSON/],
    ['answers nothing', (_, response) => void response.end(), /is not JSON/],
    ['answers null', (_, response) => void response.end('null'), /no JWK Set/],
    ['answers an object of keys', (_, response) => void response.end('{"keys":{}}'), /no JWK Set/],
    ['has no keys', publish(), /no key for RS256/],
    ['has only keys of other algorithms', publish({ ...jwkOf(p256.publicKey), kid: 'a' }), /no key for RS256/],
    ['has a secret', publish({ kty: 'oct', k: secret.toString('base64url'), kid: 'a', alg: 'HS256' }), /no key for/],
    [
      'has a secret that is called RS256',
      publish({ kty: 'oct', k: secret.toString('base64url'), kid: 'a', alg: 'RS256' }),
      /no key for/,
    ],
    ['has a key for encryption', publish({ ...jwkA, use: 'enc' }), /no key for/],
    ['has a key for other operations', publish({ ...jwkA, key_ops: ['sign'] }), /no key for/],
    ['has private keys', publish({ ...jwkOf(rsa.privateKey), kid: 'a', alg: 'RS256' }), /no key for/],
    ['has two keys of one name', publish(jwkA, { ...jwkB, kid: 'a' }), /no key for/],
    ['has two keys without a name', publish({ ...jwkA, kid: undefined }, { ...jwkB, kid: undefined }), /no key for/],
    [
      'sends more than is read',
      (_, response) => void response.end(`{"keys":[],"x":"${'y'.repeat(262_144)}"}`),
      /longer than 262144 bytes/,
    ],
    [
      'sends bytes that are no text',
      (_, response) => void response.end(Buffer.of(0x7b, 0xff, 0x7d)),
      /encoded data was not valid/,
    ],
  ]

  test.each(answers)('%s', async (_, answer, cause) => {
    const shop = await issuer()
    shop.answer = answer
    const verdict = await shop.judge(tokenA)
    expect(verdict).toMatchObject(unavailable)
    const { message } = (verdict as { left: { cause: Error } }).left.cause
    expect(message).toMatch(cause)
    expect(await shop.judge(tokenA)).toMatchObject(unavailable) // at once, without another fetch
    expect(shop.fetches).toBe(1)
    expect(shop.clock.pendingTimers).toBe(0)
    shop.answer = publish(jwkA)
    await shop.clock.advance(5_000)
    expect(await shop.judge(tokenA)).toEqual(principal)
  })

  test('refuses connections', async () => {
    const scheme = verifier({ keys: jwks({ url: nowhere, algorithms: ['RS256'] }) })
    const context = testContext({ metadata: { authorization: `Bearer ${tokenA}` } })
    expect(await scheme.verify(context, undefined)).toMatchObject(unavailable)
  })

  test.each<[what: string, answer: RequestListener]>([
    ['never answers', () => {}],
    ['never ends', (_, response) => void response.write('{"keys":[')],
  ])('%s, in time and with the connection closed', async (_, answer) => {
    const shop = await issuer()
    const closed = new Promise<void>(resolve => {
      shop.answer = (request, response) => {
        request.socket.once('close', () => resolve())
        answer(request, response)
        arrived()
      }
    })
    let arrived = (): void => {}
    const arriving = new Promise<void>(resolve => {
      arrived = resolve
    })
    const verdict = shop.judge(tokenA)
    await arriving
    await shop.clock.advance(5_000)
    expect(await verdict).toMatchObject(unavailable)
    await closed
    expect(shop.clock.pendingTimers).toBe(0)
  })
})

describe('of a set', () => {
  test('what cannot be used is left aside, and the rest is good', async () => {
    const shop = await issuer({ algorithms: ['RS256', 'ES256', 'EdDSA'] })
    shop.answer = publish(
      null as never,
      { kty: 'unknown', kid: 'u' },
      { ...jwkA, use: 'enc', kid: 'enc' },
      jwkA,
      { ...jwkOf(p256.publicKey), kid: 'p' },
      { ...jwkOf(ed25519.publicKey), kid: 'e' },
    )
    const tokens = [
      tokenA,
      forge({ alg: 'ES256', key: p256.privateKey, header: { kid: 'p' } }),
      forge({ alg: 'EdDSA', key: ed25519.privateKey, header: { kid: 'e' } }),
    ]
    for (const token of tokens) expect(await shop.judge(token)).toEqual(principal)
  })

  const ofOdd = ['odd', '7', 'b', 'c', '[object Object]', 'null'].map(kid =>
    forge({ alg: 'RS256', key: otherRsa.privateKey, header: { kid } }),
  )
  const weak = jwkOf(generateKeyPairSync('rsa', { modulusLength: 1_024 }).publicKey)
  const { n, e } = jwkA
  const { x, y } = jwkOf(p256.publicKey)
  const ec = { kty: 'EC', crv: 'P-256', kid: 'odd' }
  test.each<[what: string, ...odd: unknown[]]>([
    ['null', null],
    ['a number', 7],
    ['a list', [jwkB]],
    ['an object of nothing', {}],
    ['of an unknown type', { kty: 'PQ', kid: 'odd' }],
    ['of a type that is none', { ...jwkB, kty: 7 }],
    ['of no type', { ...jwkB, kty: undefined }],
    ['with a number for kid', { ...jwkB, kid: 7 }],
    ['with an object for kid', { ...jwkB, kid: { toString: 'a' } }],
    ['with null for kid', { ...jwkB, kid: null }],
    ['with an empty kid', { ...jwkB, kid: '' }],
    ['with a kid of 1,000 characters', { ...jwkB, kid: 'k'.repeat(1_000) }],
    ['without kid', { ...jwkB, kid: undefined }],
    ['without kid, twice', { ...jwkB, kid: undefined }, { ...jwkB, kid: undefined }],
    ['without n', { kty: 'RSA', e, kid: 'odd' }],
    ['with an n that is no base64', { kty: 'RSA', n: '*', e, kid: 'odd' }],
    ['with a number for n', { kty: 'RSA', n: 7, e, kid: 'odd' }],
    ['with an empty e', { kty: 'RSA', n, e: '', kid: 'odd' }],
    ['with an e of 1', { kty: 'RSA', n, e: 'AQ', kid: 'odd' }],
    ['with a list for e', { kty: 'RSA', n, e: [], kid: 'odd' }],
    ['of 1,024 bits', { ...weak, kid: 'odd', alg: 'RS256' }],
    ['with a point off the curve', { ...ec, x, y: x }],
    ['with half a point', { ...ec, x }],
    ['with y as null', { ...ec, x, y: null }],
    ['of another curve', { ...jwkOf(p384.publicKey), kid: 'odd', alg: 'ES256' }],
    ['of a curve that is none', { ...ec, crv: 'P-1', x, y }],
    ['with a short x of Ed25519', { kty: 'OKP', crv: 'Ed25519', x: 'AA', kid: 'odd' }],
    ['of X25519', { kty: 'OKP', crv: 'X25519', x: jwkOf(ed25519.publicKey).x, kid: 'odd' }],
    ['that is a secret', { kty: 'oct', k: secret.toString('base64url'), kid: 'odd', alg: 'HS256' }],
    ['that is a secret of no algorithm', { kty: 'oct', k: secret.toString('base64url'), kid: 'odd' }],
    ['that is private', { ...jwkOf(otherRsa.privateKey), kid: 'odd', alg: 'RS256' }],
    ['with another use', { ...jwkB, use: 'enc' }],
    ['with a list for use', { ...jwkB, use: ['sig'] }],
    ['with operations that are no list', { ...jwkB, key_ops: 'verify' }],
    ['with an algorithm that is none', { ...jwkB, alg: 'RS257' }],
    ['with a number for alg', { ...jwkB, alg: 256 }],
    ['of one name, two of them', jwkB, { ...jwkOf(thirdRsa.publicKey), kid: 'b', alg: 'RS256' }],
    ['of one name, three of them', ...[jwkB, jwkA, jwkB].map(jwk => ({ ...jwk, kid: 'b', alg: 'RS256' }))],
    ['with two algorithms under two names', { ...jwkA, kid: 'odd', alg: 'ES256' }, { ...jwkA, kid: 'c', alg: 'PS256' }],
    [
      'of other algorithms, by the thousand',
      ...Array.from({ length: 999 }, (_, i) => ({ ...ec, kid: `${i}`, alg: 'ES512' })),
    ],
  ])('a key %s is left aside, before and behind those that are good', async (_, ...odd) => {
    for (const set of [
      [...odd, jwkA],
      [jwkA, ...odd],
    ]) {
      const shop = await issuer({ algorithms: ['RS256', 'ES256', 'EdDSA', 'PS256'] })
      shop.answer = publish(...(set as object[]))
      expect(await shop.judge(tokenA)).toEqual(principal)
      for (const token of ofOdd) expect(await shop.judge(token)).toMatchObject(rejected)
      expect(shop.fetches).toBe(2)
    }
  })

  test('the first thousand are looked at, and none behind them', async () => {
    const shop = await issuer()
    const others = Array.from({ length: 999 }, (_, i) => ({ ...ec, kid: `${i}` }))
    shop.answer = publish(...others, jwkA, jwkB)
    expect(await shop.judge(tokenA)).toEqual(principal)
    expect(await shop.judge(tokenB)).toMatchObject(rejected)
  })

  test('two keys of one name are told apart by their algorithm, and a key that is there twice is one', async () => {
    const shop = await issuer({ algorithms: ['RS256', 'ES256'] })
    shop.answer = publish(jwkA, { ...jwkOf(p256.publicKey), kid: 'a' }, { ...jwkA, use: undefined })
    expect(await shop.judge(tokenA)).toEqual(principal)
    expect(await shop.judge(forge({ alg: 'ES256', key: p256.privateKey, header: { kid: 'a' } }))).toEqual(principal)
    expect(await shop.judge(forge({ alg: 'ES256', key: p256.privateKey }))).toEqual(principal)
    expect(await shop.judge(forge({ alg: 'RS256', key: rsa.privateKey, header: { kid: 'b' } }))).toMatchObject(rejected)
  })

  test('keys without names are for all tokens of their algorithm', async () => {
    const shop = await issuer({ algorithms: ['RS256', 'ES256'] })
    shop.answer = publish({ ...jwkA, kid: undefined }, jwkOf(p256.publicKey))
    for (const header of [{}, { kid: 'any' }]) {
      expect(await shop.judge(forge({ alg: 'RS256', key: rsa.privateKey, header }))).toEqual(principal)
      expect(await shop.judge(forge({ alg: 'ES256', key: p256.privateKey, header }))).toEqual(principal)
    }
    expect(shop.fetches).toBe(1)
  })

  test('a key under two algorithms is for the one that was stated first', async () => {
    const shop = await issuer({ algorithms: ['PS256', 'RS256'] })
    shop.answer = publish(jwkA, { ...jwkA, kid: 'pss', alg: 'PS256' })
    const pss = forge({ alg: 'PS256', key: rsa.privateKey, header: { kid: 'pss' } })
    expect(await shop.judge(pss)).toEqual(principal)
    expect(await shop.judge(tokenA)).toMatchObject(rejected)
  })

  test('a key without an algorithm is for the first that fits it, and for no other', async () => {
    const shop = await issuer({ algorithms: ['RS256', 'PS256'] })
    shop.answer = publish({ ...jwkOf(rsa.publicKey), kid: 'a' })
    expect(await shop.judge(tokenA)).toEqual(principal)
    const pss = forge({ alg: 'PS256', key: rsa.privateKey, header: { kid: 'a' } })
    expect(await shop.judge(pss)).toMatchObject(rejected)
    const confused = forge({ key: Buffer.from(pemOf(rsa.publicKey)), header: { kid: 'a' } })
    expect(await shop.judge(confused)).toMatchObject(rejected)
  })

  test('a token without kid has the only key, where there is one', async () => {
    const shop = await issuer()
    expect(await shop.judge(forge({ alg: 'RS256', key: rsa.privateKey }))).toEqual(principal)
    shop.answer = publish(jwkA, jwkB)
    await shop.clock.advance(600_000)
    expect(
      await shop.judge(forge({ alg: 'RS256', key: rsa.privateKey, payload: { exp: now + 10 ** 6 } })),
    ).toMatchObject(rejected)
  })
})

test.each<[options: object, message: RegExp]>([
  [{ url: 'http://login.shop/jwks' }, /url must be https/],
  [{ url: 'http://localhost.evil.example/jwks' }, /url must be https/],
  [{ url: 'http://127.0.0.1.evil.example/jwks' }, /url must be https/],
  [{ url: 'file:///etc/passwd' }, /url must be https/],
  [{ url: 'data:application/json,{}' }, /url must be https/],
  [{ url: '/jwks' }, /absolute URL/],
  [{ url: 'https://user:secret@login.shop/' }, /without user and password/],
  [{ algorithms: [] }, /algorithms must name some/],
  [{ algorithms: undefined }, /algorithms must name some/],
  [{ algorithms: ['HS256'] }, /what is published is none/],
  [{ algorithms: ['none'] }, /algorithm must be one of/],
  [{ maxAgeMs: 0 }, /maxAgeMs/],
  [{ timeoutMs: 0 }, /timeoutMs/],
  [{ cooldownMs: Number.NaN }, /cooldownMs/],
  [{ maxBytes: '1' }, /maxBytes/],
  [{ fetch: 'x' }, /fetch must be/],
])('a source with %o is refused', (wrong, message) => {
  const options = { url: 'https://login.shop/jwks', algorithms: ['RS256'], ...wrong } as JwksOptions
  expect(() => jwks(options)).toThrow(message)
})

test.each(['http://localhost:1/a', 'http://127.0.0.1/', 'http://[::1]:8080/', 'https://login.shop/jwks'])(
  '%s may be fetched from',
  url => {
    expect(() => jwks({ url, algorithms: ['RS256'] })).not.toThrow()
  },
)

function forever(): string {
  return forge({ alg: 'RS256', key: rsa.privateKey, header: { kid: 'a' }, payload: { exp: now + 10 ** 7 } })
}
