/** Tokens of several issuers in one place: each is verified by its own issuer's rules, and refusals do not tell whose they are. */
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { authenticate } from 'tenon/auth'
import { issuers, type JwtScheme, jwks, jwt, signer } from 'tenon/auth/jwt'
import {
  type Authenticated,
  type Context,
  call,
  fromPromise,
  isFailure,
  type Reply,
  right,
  testContext,
} from 'tenon/core'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { deep } from '../../deep.js'
import { listening } from '../../transport/http/listening.js'

const claims = z.object({ sub: z.string() })
const audience = 'orders'
const key = () => ({ algorithm: 'HS256', key: randomBytes(32) }) as const
const own = { issuer: 'https://login.shop', audience, key: key() }
const partner = { issuer: 'https://partner.example', audience, key: key() }
const rules = { clockToleranceMs: 0, claims, realm: 'shop' }
const customers = jwt({ ...own, ...rules, keys: own.key, principal: ({ sub }) => ({ id: `customer ${sub}` }) })
const partners = jwt({
  ...partner,
  ...rules,
  keys: partner.key,
  maxRemembered: 10,
  principal: ({ sub }) => ({ id: `partner ${sub}` }),
})
const scheme = issuers(customers, partners)

const whoAmI = fromPromise(async (_: object, { principal }: Context & Authenticated<{ id: string }>) => principal.id)
const served = authenticate(scheme)(whoAmI)

async function asked(token: string | undefined, endpoint = served) {
  let reply: Reply | undefined
  const context = testContext({ metadata: token === undefined ? {} : { authorization: `Bearer ${token}` } })
  const outcome = await call(
    endpoint,
    {},
    {
      context,
      onReply: given => {
        reply = given
      },
    },
  )
  return { outcome, challenge: reply?.headers.get('www-authenticate') }
}

const made = async ({ key, ...issued }: typeof own, sub = 'ada', ttlMs = 60_000): Promise<string> =>
  (await signer({ ...issued, key, ttlMs }).sign({ sub })).token

describe('a token', () => {
  test.each([
    ['the one issuer', own, 'customer ada'],
    ['the other', partner, 'partner ada'],
  ])('of %s opens what it opens, and says whose it is', async (_, issued, id) => {
    const token = await made(issued)
    for (let i = 0; i < 3; i++) expect((await asked(token)).outcome).toEqual(right(id)) // remembered, too
  })

  test('of neither, of one with the other’s key, altered, or none at all is refused in the same words', async () => {
    const good = await made(own)
    const [head = '', payload = '', signature = ''] = good.split('.')
    const saying = (iss: unknown): string =>
      [head, Buffer.from(JSON.stringify({ iss, sub: 'ada', exp: 4e9 })).toString('base64url'), signature].join('.')
    const bad = [
      await made({ ...own, issuer: 'https://elsewhere.example' }), // our key, another issuer
      await made({ ...own, key: partner.key }),
      await made({ ...partner, key: own.key }),
      await made({ ...own, audience: 'stock' }),
      await made({ ...own, issuer: `${own.issuer}/` }),
      await made({ ...own, issuer: own.issuer.toUpperCase() }),
      saying(partner.issuer),
      saying(undefined),
      saying([own.issuer]),
      saying({ toString: own.issuer }),
      saying('__proto__'),
      saying('constructor'),
      `${good.slice(0, -6)}AAAAAA`,
      `${head}.${payload}`,
      `${head}.${payload}.`,
      `${head}.bm8.${signature}`,
      `${head}..${signature}`,
      'abc',
      'a.b.c.d.e',
      'A'.repeat(5_000),
    ]
    for (const token of bad) {
      const { outcome, challenge } = await asked(token)
      const failure = outcome._tag === 'Left' ? outcome.left : undefined
      expect([token, isFailure(failure) && { ...failure, cause: undefined }, challenge]).toEqual([
        token,
        {
          _tag: 'Failure',
          code: 'unauthenticated',
          reason: 'CREDENTIALS_REJECTED',
          message: 'the credentials are not accepted',
          ran: 'no',
          cause: undefined,
        },
        'Bearer realm="shop", error="invalid_token"',
      ])
      expect(String(isFailure(failure) && failure.cause)).not.toContain('example')
    }
  })

  test('that is missing is asked for once, and one that has ended says so whoever issued it', async () => {
    expect(await asked(undefined)).toMatchObject({
      outcome: { left: { reason: 'CREDENTIALS_MISSING' } },
      challenge: 'Bearer realm="shop"',
    })
    for (const issued of [own, partner]) {
      const token = await made(issued, 'ada', 1_000)
      const later = testContext({
        metadata: { authorization: `Bearer ${token}` },
        clock: { ...testContext().clock, wallTime: () => Date.now() + 5_000 },
      })
      expect(await scheme.verify(later, undefined)).toMatchObject({ left: { reason: 'TOKEN_EXPIRED' } })
    }
  })

  test(
    'of any text is refused, and never a defect',
    async () => {
      const part = fc.oneof(
        fc.stringMatching(/^[\w-]{0,40}$/),
        fc.json().map(text => Buffer.from(text).toString('base64url')),
        fc
          .record({ iss: fc.anything() })
          .map(given => Buffer.from(String(JSON.stringify(given))).toString('base64url')),
      )
      await fc.assert(
        fc.asyncProperty(fc.array(part, { maxLength: 5 }), async parts => {
          const { outcome } = await asked(parts.join('.'))
          expect(outcome).toMatchObject({ left: { code: 'unauthenticated', reason: 'CREDENTIALS_REJECTED' } })
        }),
        { numRuns: deep(200, 50_000) },
      )
    },
    deep(30_000, 600_000),
  )
})

test('keys are fetched of the issuer that a token names, and of nobody for one of nobody; one that is gone takes no other along', async () => {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const set = { keys: [{ ...pair.publicKey.export({ format: 'jwk' }), kid: '1', alg: 'ES256', use: 'sig' }] }
  const fetched: string[] = []
  const { address } = await listening((request, response) => {
    fetched.push(request.url ?? '')
    if (request.url === '/gone') response.writeHead(503).end()
    else response.end(JSON.stringify(set))
  })
  const algorithms = ['ES256'] as const
  const from = (name: string): JwtScheme<{ sub: string }> =>
    jwt({
      issuer: `https://${name}.example`,
      audience,
      keys: jwks({ url: `${address}/${name}`, algorithms }),
      clockToleranceMs: 0,
      claims,
    })
  const endpoint = authenticate(issuers(from('here'), from('gone')))(
    fromPromise(async (_: object, { principal }: Context & Authenticated<{ sub: string }>) => principal.sub),
  )
  const token = async (name: string): Promise<string> => {
    const key = { algorithm: 'ES256', key: pair.privateKey, kid: '1' } as const
    return (await signer({ issuer: `https://${name}.example`, audience, key, ttlMs: 60_000 }).sign({ sub: name })).token
  }
  expect((await asked(await token('nobody'), endpoint)).outcome).toMatchObject({
    left: { reason: 'CREDENTIALS_REJECTED' },
  })
  expect(fetched).toEqual([])
  expect((await asked(await token('here'), endpoint)).outcome).toEqual(right('here'))
  expect((await asked(await token('gone'), endpoint)).outcome).toMatchObject({ left: { reason: 'KEYS_UNAVAILABLE' } })
  expect((await asked(await token('here'), endpoint)).outcome).toEqual(right('here'))
  expect(fetched).toEqual(['/here', '/gone'])
})

test.each<[string, () => unknown]>([
  ['two schemes or more', () => issuers(...([customers] as unknown as [typeof customers, typeof partners]))],
  ['two schemes are for https://login.shop', () => issuers(customers, jwt({ ...own, ...rules, keys: own.key }))],
  ['the same realm', () => issuers(customers, jwt({ ...partner, ...rules, realm: 'other', keys: partner.key }))],
  ['schemes that jwt has made', () => issuers(customers, { name: 'jwt', verify: () => undefined } as never)],
])('refuses at construction what needs %s', (message, make) => expect(make).toThrow(message))

test('is one scheme to whoever explains it', () =>
  expect(scheme).toMatchObject({ name: 'jwt', challenge: 'Bearer realm="shop"' }))
