/** No text that is not a good token is accepted, and none makes a verifier throw: tokens altered, cut, mixed and made of anything. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Algorithm } from '../../../src/auth/jwt/index.js'
import { manualClock, testContext } from '../../../src/core/index.js'
import { deep } from '../../deep.js'
import {
  base64url,
  ed25519,
  forge,
  goodClaims,
  now,
  p256,
  partsOf,
  pemOf,
  rsa,
  secret,
  signatureOf,
  verifier,
} from './forge.js'

const keys: Readonly<Partial<Record<Algorithm, { readonly verify: never; readonly sign: never }>>> = {
  HS256: { verify: secret as never, sign: secret as never },
  RS256: { verify: rsa.publicKey as never, sign: rsa.privateKey as never },
  ES256: { verify: p256.publicKey as never, sign: p256.privateKey as never },
  EdDSA: { verify: ed25519.publicKey as never, sign: ed25519.privateKey as never },
}
const algorithms = Object.keys(keys) as Algorithm[]
const clock = manualClock({ startWallTime: now * 1_000 })
const schemes = algorithms.map(algorithm => verifier({ keys: { algorithm, key: keys[algorithm]?.verify as never } }))
const good = algorithms.map(alg => forge({ alg, key: keys[alg]?.sign as never }))

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const character = fc.constantFrom(...alphabet, '.', '=', '+', '/', '~')
const part = fc.oneof(
  fc.nat(2).chain(i => fc.constantFrom(...good.map(token => partsOf(token)[i] as string))),
  fc.json().map(base64url),
  fc.uint8Array({ maxLength: 80 }).map(base64url),
  fc
    .dictionary(
      fc.constantFrom('alg', 'typ', 'kid', 'crit', 'jwk', 'iss', 'exp', 'aud', 'sub', '__proto__'),
      fc.jsonValue(),
    )
    .map(made => base64url(JSON.stringify(made))),
  fc.constantFrom('none', 'None', ...algorithms).map(alg => base64url(JSON.stringify({ alg }))),
  fc.constant(''),
)
const edit = fc.record({ at: fc.nat(2_000), cut: fc.nat(3), put: fc.array(character, { maxLength: 3 }) })

/** Signed with a public key, or with nothing much. */
const misSigned = fc
  .record({
    alg: fc.constantFrom('HS256', 'HS512', 'none', 'RS256'),
    key: fc.constantFrom(pemOf(rsa.publicKey), pemOf(p256.publicKey), '', 'secret'),
    claims: fc.jsonValue(),
  })
  .map(({ alg, key, claims }) => {
    const input = `${base64url(JSON.stringify({ alg }))}.${base64url(JSON.stringify({ ...goodClaims, claims }))}`
    return `${input}.${base64url(signatureOf('HS256', input, Buffer.from(key)))}`
  })

const text = fc.oneof(
  fc
    .record({ token: fc.constantFrom(...good), edits: fc.array(edit, { minLength: 1, maxLength: 3 }) })
    .map(({ token, edits }) => {
      const put = (left: string, { at, cut, put }: (typeof edits)[number]) => {
        const place = at % (left.length + 1)
        return left.slice(0, place) + put.join('') + left.slice(place + cut)
      }
      return edits.reduce(put, token)
    }),
  fc.tuple(part, part, part).map(parts => parts.join('.')),
  fc.array(part, { maxLength: 6 }).map(parts => parts.join('.')),
  misSigned,
  fc.array(character, { maxLength: 200 }).map(all => all.join('')),
)

test(
  'nothing but good tokens is accepted, and nothing throws',
  async () => {
    let judged = 0
    await fc.assert(
      fc.asyncProperty(text, fc.nat(schemes.length - 1), async (token, i) => {
        const authorization = `Bearer ${token}`
        if (authorization.length > 8_000) return
        const context = testContext({ clock, metadata: { authorization } })
        const verdict = await schemes[i]?.verify(context, undefined)
        judged++
        if (token === good[i]) expect(verdict).toHaveProperty('principal')
        else expect(verdict).toMatchObject({ left: { code: 'unauthenticated' } })
      }),
      { numRuns: deep(1_000, 1_000_000) },
    )
    expect(judged).toBeGreaterThan(deep(900, 990_000))
  },
  deep(10_000, 2_400_000),
)
