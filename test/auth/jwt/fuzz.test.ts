/** No text that is not a good token is accepted, and none makes a verifier throw: tokens altered, cut, mixed and made of anything. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Scheme } from '../../../src/auth/index.js'
import { type Algorithm, issuers, jwks } from '../../../src/auth/jwt/index.js'
import { manualClock, testContext } from '../../../src/core/index.js'
import { deep } from '../../deep.js'
import {
  base64url,
  ed25519,
  forge,
  goodClaims,
  jwkOf,
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
/** A verifier, and the texts that it accepts. */
interface Target {
  readonly scheme: Scheme<object>
  readonly good: ReadonlySet<string>
}

const published = (['RS256', 'ES256', 'EdDSA'] as const).map(alg => ({
  jwk: { ...jwkOf(keys[alg]?.verify as never), kid: alg.toLowerCase(), alg, use: 'sig' },
  token: forge({ alg, key: keys[alg]?.sign as never, header: { kid: alg.toLowerCase() } }),
}))

const ofOne: readonly Target[] = algorithms.map(algorithm => ({
  scheme: verifier({ keys: { algorithm, key: keys[algorithm]?.verify as never } }),
  // An only key without an id is for tokens with one, too.
  good: new Set([
    forge({ alg: algorithm, key: keys[algorithm]?.sign as never }),
    ...published.flatMap(({ jwk, token }) => (jwk.alg === algorithm ? [token] : [])),
  ]),
}))

const partner = 'https://partner.example'
const ofPartner = forge({ alg: 'ES256', key: p256.privateKey, payload: { iss: partner } })
const ofIssuers: Target = {
  scheme: issuers(
    verifier({ keys: { algorithm: 'HS256', key: secret } }),
    verifier({ issuer: partner, keys: { algorithm: 'ES256', key: p256.publicKey } }),
  ),
  good: new Set([...(ofOne[algorithms.indexOf('HS256')]?.good ?? []), ofPartner]),
}

let fetches = 0
const ofPublished: Target = {
  scheme: verifier({
    keys: jwks({
      url: 'https://login.shop/jwks',
      algorithms: ['RS256', 'ES256', 'EdDSA'],
      clock,
      fetch: async () => {
        fetches++
        return Response.json({ keys: published.map(({ jwk }) => jwk) })
      },
    }),
  }),
  // Without kid there is but one key of each algorithm.
  good: new Set([...published.map(({ token }) => token), ...ofOne.slice(1).flatMap(({ good }) => [...good])]),
}

const good = [...new Set([...ofOne, ofIssuers, ofPublished].flatMap(target => [...target.good]))]

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

const textOrGood = fc.oneof({ weight: 199, arbitrary: text }, { weight: 1, arbitrary: fc.constantFrom(...good) })

test(
  'nothing but good tokens is accepted, by keys at hand, of several issuers or from a set, and nothing throws',
  async () => {
    let judged = 0
    await fc.assert(
      fc.asyncProperty(textOrGood, fc.nat(ofOne.length - 1), async (token, i) => {
        const authorization = `Bearer ${token}`
        if (authorization.length > 8_000) return
        const context = testContext({ clock, metadata: { authorization } })
        for (const { scheme, good } of [ofOne[i] as Target, ofIssuers, ofPublished]) {
          const verdict = await scheme.verify(context, undefined)
          if (good.has(token)) expect(verdict).toHaveProperty('principal')
          else if (!isRefusal(verdict)) expect(verdict).toMatchObject({ left: { code: 'unauthenticated' } })
        }
        judged++
      }),
      { numRuns: deep(700, 1_000_000) },
    )
    expect(judged).toBeGreaterThan(deep(600, 990_000))
    expect(fetches).toBe(2) // the first, and one for all ids that there are not
  },
  deep(20_000, 2_400_000),
)

/** As `expect` would find, a million times. */
function isRefusal(verdict: Awaited<ReturnType<Scheme<object>['verify']>>): boolean {
  return verdict !== undefined && '_tag' in verdict && verdict.left.code === 'unauthenticated'
}
