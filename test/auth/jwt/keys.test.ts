/** Keys and options that would make a verifier or a signer unsafe are refused when it is made. */
import { createSecretKey, generateKeyPairSync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { type JwtKey, signer } from '../../../src/auth/jwt/index.js'
import { base64url, ed25519, jwkOf, type Options, p256, pemOf, rsa, secret, verifier } from './forge.js'

const rsaOf = (modulusLength: number, publicExponent = 65_537) =>
  generateKeyPairSync('rsa', { modulusLength, publicExponent }).publicKey
const privatePem = String(rsa.privateKey.export({ format: 'pem', type: 'pkcs8' }))
const oct = (length: number) => ({ kty: 'oct', k: base64url('x'.repeat(length)) })

const refused: [what: string, key: unknown, message: RegExp][] = [
  ['none', { algorithm: 'none', key: secret }, /algorithm must be one of HS256/],
  ['NONE', { algorithm: 'NONE', key: secret }, /algorithm must be one of/],
  ['no algorithm', { key: secret }, /algorithm must be one of/],
  ['an algorithm of objects', { algorithm: 'constructor', key: secret }, /algorithm must be one of/],
  [
    'a secret of 31 bytes',
    { algorithm: 'HS256', key: Buffer.alloc(31) },
    /HS256 needs a secret of 32 bytes at least, got 31/,
  ],
  ['a secret of 47 bytes for HS384', { algorithm: 'HS384', key: Buffer.alloc(47) }, /48 bytes/],
  ['a secret of 63 bytes for HS512', { algorithm: 'HS512', key: Buffer.alloc(63) }, /64 bytes/],
  ['a short text', { algorithm: 'HS256', key: 'secret' }, /32 bytes/],
  ['a short secret key', { algorithm: 'HS256', key: createSecretKey(Buffer.alloc(8)) }, /32 bytes/],
  ['a short JWK', { algorithm: 'HS256', key: oct(31) }, /32 bytes/],
  ['an empty secret', { algorithm: 'HS256', key: '' }, /empty/],
  ['an RSA public key as a secret', { algorithm: 'HS256', key: pemOf(rsa.publicKey) }, /not one half of a key pair/],
  ['… as bytes of PEM', { algorithm: 'HS256', key: Buffer.from(pemOf(rsa.publicKey)) }, /not one half/],
  ['… as DER', { algorithm: 'HS256', key: rsa.publicKey.export({ format: 'der', type: 'spki' }) }, /not one half/],
  [
    '… as DER of PKCS#1',
    { algorithm: 'HS256', key: rsa.publicKey.export({ format: 'der', type: 'pkcs1' }) },
    /not one half/,
  ],
  ['… as a JWK', { algorithm: 'HS256', key: jwkOf(rsa.publicKey) }, /not one half/],
  ['… as a KeyObject', { algorithm: 'HS256', key: rsa.publicKey }, /not one half/],
  ['a private key as a secret', { algorithm: 'HS256', key: privatePem }, /not one half/],
  ['a secret as an RSA key', { algorithm: 'RS256', key: createSecretKey(secret) }, /needs a key pair/],
  ['text that is no key', { algorithm: 'RS256', key: 'k'.repeat(64) }, /no public key, neither as PEM nor as a JWK/],
  ['a JWK that is none', { algorithm: 'RS256', key: { kty: 'RSA' } }, /no public key/],
  ['a secret JWK', { algorithm: 'RS256', key: oct(32) }, /no public key/],
  ['RSA of 1024 bits', { algorithm: 'RS256', key: rsaOf(1_024) }, /RSA key of 2048 to 8192 bits, got 1024/],
  ['RSA of 2047 bits for PS256', { algorithm: 'PS256', key: rsaOf(2_040) }, /got 2040/],
  ['a curve for RSA', { algorithm: 'RS256', key: p256.publicKey }, /needs an RSA key, got ec/],
  ['RSA for a curve', { algorithm: 'ES256', key: rsa.publicKey }, /needs a key on P-256, got rsa/],
  ['the wrong curve', { algorithm: 'ES384', key: p256.publicKey }, /needs a key on P-384, got prime256v1/],
  [
    'a curve of bitcoin',
    { algorithm: 'ES256', key: generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey },
    /P-256, got secp256k1/,
  ],
  ['Ed25519 for a curve', { algorithm: 'ES256', key: ed25519.publicKey }, /P-256, got ed25519/],
  ['a curve for EdDSA', { algorithm: 'EdDSA', key: p256.publicKey }, /needs an Ed25519 key, got ec/],
  ['Ed448', { algorithm: 'EdDSA', key: generateKeyPairSync('ed448').publicKey }, /needs an Ed25519 key, got ed448/],
  [
    'RSA-PSS for RS256',
    { algorithm: 'RS256', key: generateKeyPairSync('rsa-pss', { modulusLength: 2_048 }).publicKey },
    /got rsa-pss/,
  ],
  ['a kid that is no text', { algorithm: 'HS256', key: secret, kid: 1 }, /kid must be text/],
  ['a kid that is too long', { algorithm: 'HS256', key: secret, kid: 'k'.repeat(257) }, /kid must be text/],
  ['nothing', undefined, /keys must be/],
]

test.each(refused)('a key to verify with: %s', (_, key, message) => {
  expect(() => verifier({ keys: key as JwtKey })).toThrow(message)
})

test.each<[what: string, key: unknown]>([
  ['PEM', privatePem],
  ['a JWK', jwkOf(rsa.privateKey)],
  ['a KeyObject', rsa.privateKey],
])('whoever verifies needs no private key: %s', (_, key) => {
  expect(() => verifier({ keys: { algorithm: 'RS256', key: key as string } })).toThrow(/needs the public key here/)
})

test('no message says what the key was', () => {
  for (const text of ['-----BEGIN PRIVATE KEY-----\nc2VjcmV0LXRleHQ=\n-----END PRIVATE KEY-----', 'secret-text']) {
    const attempt = () => verifier({ keys: { algorithm: 'RS256', key: text } })
    expect(attempt).toThrow(TypeError)
    expect(attempt).not.toThrow(/secret-text|c2Vj/)
  }
})

describe('several keys', () => {
  const a = { algorithm: 'HS256', key: secret, kid: 'a' } as const
  test.each<[what: string, keys: unknown, message: RegExp]>([
    ['none', [], /needs a key/],
    ['one without a kid', [a, { algorithm: 'RS256', key: rsa.publicKey }], /each needs a kid/],
    ['a kid twice', [a, { algorithm: 'RS256', key: rsa.publicKey, kid: 'a' }], /each needs a kid of its own/],
    [
      'one key for two algorithms',
      [
        { algorithm: 'RS256', key: rsa.publicKey, kid: 'a' },
        { algorithm: 'PS256', key: pemOf(rsa.publicKey), kid: 'b' },
      ],
      /one key cannot be for RS256 and for PS256/,
    ],
    ['one secret for two algorithms', [a, { algorithm: 'HS512', key: secret, kid: 'b' }], /one key cannot be for/],
  ])('%s', (_, keys, message) => expect(() => verifier({ keys: keys as JwtKey[] })).toThrow(message))
})

test.each<[options: object, message: RegExp]>([
  [{ issuer: undefined }, /issuer must be text/],
  [{ issuer: '' }, /issuer must be text/],
  [{ issuer: ['a'] }, /issuer must be text/],
  [{ audience: undefined }, /audience must be text/],
  [{ audience: [] }, /audience must be text/],
  [{ audience: [''] }, /audience must be text/],
  [{ clockToleranceMs: undefined }, /clockToleranceMs must be from 0 to 30000/],
  [{ clockToleranceMs: 30_001 }, /clockToleranceMs/],
  [{ clockToleranceMs: -1 }, /clockToleranceMs/],
  [{ clockToleranceMs: Number.NaN }, /clockToleranceMs/],
  [{ claims: undefined }, /claims must be a Standard Schema/],
  [{ principal: 'sub' }, /principal must be a function/],
  [{ profile: 'oidc' }, /profile must be 'rfc9068'/],
  [{ profile: 'rfc9068', typ: 'JWT' }, /the profile says/],
  [{ typ: '' }, /typ must be text/],
  [{ realm: 'a"b' }, /realm/],
  [{ maxAgeMs: 0 }, /maxAgeMs/],
  [{ maxLength: 8_193 }, /maxLength/],
  [{ maxRemembered: 1.5 }, /whole number/],
  [{ maxRemembered: 1e9 }, /maxRemembered/],
])('a verifier with %o is refused', (options, message) => {
  expect(() => verifier(options as Partial<Options>)).toThrow(message)
})

describe('a signer is refused', () => {
  const options = { key: { algorithm: 'HS256', key: secret }, issuer: 'i', audience: 'a', ttlMs: 1_000 } as const
  test.each<[options: object, message: RegExp]>([
    [{ key: { algorithm: 'none', key: secret } }, /algorithm must be one of/],
    [{ key: { algorithm: 'HS256', key: 'short' } }, /32 bytes/],
    [{ key: { algorithm: 'RS256', key: rsa.publicKey } }, /needs the private key here: the public half cannot sign/],
    [{ key: { algorithm: 'RS256', key: pemOf(rsa.publicKey) } }, /needs the private key/],
    [{ ttlMs: 999 }, /ttlMs must be 1000 or more/],
    [{ ttlMs: '10m' }, /ttlMs/],
    [{ ttlMs: Number.NaN }, /ttlMs/],
    [{ ttlMs: undefined }, /ttlMs/],
    [{ issuer: '' }, /issuer, audience and typ/],
    [{ audience: [] }, /issuer, audience and typ/],
    [{ profile: 'x' }, /profile/],
    [{ claims: { exp: 1 } }, /'exp' is the signer's own claim/],
    [{ claims: { iss: 'x' } }, /'iss' is the signer's own claim/],
  ])('with %o', (wrong, message) => {
    expect(() => signer({ ...options, ...wrong } as never)).toThrow(message)
  })
})
