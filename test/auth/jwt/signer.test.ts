/** What the signer makes, jwt and jose accept; and what jose makes, jwt accepts: two libraries have to be wrong alike. */
import { type JWTPayload, jwtVerify, SignJWT } from 'jose'
import { describe, expect, test } from 'vitest'
import { type Algorithm, jwt, type SignerOptions, signer } from '../../../src/auth/jwt/index.js'
import { manualClock, testContext } from '../../../src/core/index.js'
import { Claims, ed25519, judge, now, otherRsa, p256, p384, p521, rsa, secret, verifier } from './forge.js'

const clock = manualClock({ startWallTime: now * 1_000 })
const pairs: Readonly<Record<string, typeof rsa>> = {
  RS256: rsa,
  RS384: rsa,
  RS512: rsa,
  PS256: rsa,
  PS384: rsa,
  PS512: rsa,
  ES256: p256,
  ES384: p384,
  ES512: p521,
  EdDSA: ed25519,
  Ed25519: ed25519,
}
const algorithms: Algorithm[] = ['HS256', 'HS384', 'HS512', ...(Object.keys(pairs) as Algorithm[])]
const keyFor = (algorithm: Algorithm, half: keyof typeof rsa) => pairs[algorithm]?.[half] ?? secret

function signerOf(options: Partial<SignerOptions> = {}) {
  const key = { algorithm: 'HS256', key: secret } as const
  return signer({ key, issuer: 'https://login.shop', audience: 'orders', ttlMs: 600_000, clock, ...options })
}

describe.each(algorithms)('%s', algorithm => {
  const scheme = verifier({ keys: { algorithm, key: keyFor(algorithm, 'publicKey'), kid: 'k1' } })
  const claims = { sub: 'ada', scope: 'orders:write' }

  test('of ours is accepted by us and by jose', async () => {
    const ours = signerOf({ key: { algorithm, key: keyFor(algorithm, 'privateKey'), kid: 'k1' } })
    const { token, expiresAt } = await ours.sign(claims)
    expect(expiresAt).toBe((now + 600) * 1_000)
    expect(await judge(scheme, token)).toEqual({ principal: claims })
    const { payload, protectedHeader } = await jwtVerify(token, keyFor(algorithm, 'publicKey'), {
      algorithms: [algorithm],
      issuer: 'https://login.shop',
      audience: 'orders',
      currentDate: new Date(now * 1_000),
    })
    expect(protectedHeader).toEqual({ alg: algorithm, typ: 'JWT', kid: 'k1' })
    expect(payload).toMatchObject({ ...claims, iat: now, exp: now + 600, jti: expect.stringMatching(/^[\w-]{36}$/) })
  })

  test('of jose is accepted by us, and refused once it is altered', async () => {
    const payload: JWTPayload = { ...claims, iss: 'https://login.shop', aud: 'orders', exp: now + 600 }
    const header = { alg: algorithm, kid: 'k1' }
    const token = await new SignJWT(payload).setProtectedHeader(header).sign(keyFor(algorithm, 'privateKey'))
    expect(await judge(scheme, token)).toEqual({ principal: claims })
    const at = token.lastIndexOf('.') + 5
    const altered = `${token.slice(0, at)}${token[at] === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`
    expect(await judge(scheme, altered)).toMatchObject({ left: { reason: 'CREDENTIALS_REJECTED' } })
  })
})

test('jose refuses what another key signed, as we do', async () => {
  const { token } = await signerOf({ key: { algorithm: 'RS256', key: otherRsa.privateKey } }).sign({
    sub: 'a',
    scope: '',
  })
  await expect(jwtVerify(token, rsa.publicKey)).rejects.toThrow(/signature/)
  const scheme = verifier({ keys: { algorithm: 'RS256', key: rsa.publicKey } })
  expect(await judge(scheme, token)).toMatchObject({ left: { cause: 'invalid signature' } })
})

test('a token lives for whole seconds, from the clock of the signer', async () => {
  const { token, expiresAt } = await signerOf({ ttlMs: 1_999 }).sign({ sub: 'a', scope: '' })
  expect(expiresAt).toBe((now + 1) * 1_000)
  const scheme = verifier({ clockToleranceMs: 0 })
  expect(await judge(scheme, token, 999)).toHaveProperty('principal')
  expect(await judge(scheme, token, 1_000)).toMatchObject({ left: { reason: 'TOKEN_EXPIRED' } })
})

test('claims of every token and of one come together, and no token has those of another', async () => {
  const ours = signerOf({ claims: { scope: 'orders:read', tenant: 't1' } })
  const scheme = verifier()
  const [first, second] = await Promise.all([ours.sign({ sub: 'ada', scope: 'all' }), ours.sign({ sub: 'eve' })])
  expect(await judge(scheme, first.token)).toEqual({ principal: { sub: 'ada', scope: 'all' } })
  expect(await judge(scheme, second.token)).toEqual({ principal: { sub: 'eve', scope: 'orders:read' } })
})

test('access tokens of RFC 9068 have its type and all of its claims', async () => {
  const ours = signerOf({ profile: 'rfc9068', claims: { client_id: 'web' } })
  const scheme = verifier({ profile: 'rfc9068' })
  const { token } = await ours.sign({ sub: 'ada', scope: 'x' })
  expect(await judge(scheme, token)).toEqual({ principal: { sub: 'ada', scope: 'x' } })
  expect(await judge(verifier(), token)).toMatchObject({ left: { reason: 'CREDENTIALS_REJECTED' } })
  await expect(ours.sign({ scope: 'x' })).rejects.toThrow(/needs 'sub'/)
  await expect(signerOf({ profile: 'rfc9068' }).sign({ sub: 'a' })).rejects.toThrow(/needs 'client_id'/)
})

test('nobody else sets the claims of the signer', async () => {
  for (const name of ['iss', 'aud', 'iat', 'exp', 'jti'])
    await expect(signerOf().sign({ [name]: 'x' })).rejects.toThrow(`'${name}' is the signer's own claim`)
})

test('the principal may be looked up, for each call, and be nobody', async () => {
  const { token } = await signerOf().sign({ sub: 'ada', scope: '' })
  const locked = new Set<string>()
  const scheme = jwt({
    issuer: 'https://login.shop',
    audience: 'orders',
    keys: { algorithm: 'HS256', key: secret },
    clockToleranceMs: 0,
    claims: Claims,
    principal: async ({ sub }) => (locked.has(sub) ? undefined : { id: sub }),
    maxRemembered: 10,
  })
  const context = testContext({ clock, metadata: { authorization: `Bearer ${token}` } })
  expect(await scheme.verify(context, undefined)).toEqual({ principal: { id: 'ada' } })
  locked.add('ada')
  expect(await scheme.verify(context, undefined)).toMatchObject({
    left: { cause: 'the token is of nobody known here' },
  })
})
