/**
 * Tokens that must be refused, each for its own reason, by RFC 8725 (JWT best current practices), RFC 9068 (access tokens) and the attacks
 * that were found in JWT libraries; and beside each kind a neighbour that is accepted, so that nothing is refused by accident.
 */
import { createHash, createHmac, generateKeyPairSync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { Scheme } from '../../../src/auth/index.js'
import { issuers } from '../../../src/auth/jwt/index.js'
import { manualClock, testContext } from '../../../src/core/index.js'
import { certificateOf } from '../certificate-of.js'
import {
  base64url,
  ed25519,
  type Forgery,
  forge,
  goodClaims,
  judge,
  jwkOf,
  now,
  type Options,
  otherRsa,
  p256,
  p384,
  p521,
  partsOf,
  pemOf,
  randomSecret,
  rsa,
  secret,
  signatureOf,
  verifier,
} from './forge.js'

type Row = [what: string, token: string, cause: RegExp, reason?: string]

const of = (
  algorithm: 'RS256' | 'PS256' | 'ES256' | 'ES384' | 'ES512' | 'EdDSA',
  key: Forgery['key'],
): Partial<Options> => ({
  keys: { algorithm, key: key as never },
})
const byRsa = of('RS256', rsa.publicKey)
const byP256 = of('ES256', p256.publicKey)
const byEd25519 = of('EdDSA', ed25519.publicKey)
const accessTokens: Partial<Options> = { profile: 'rfc9068' }
const accessClaims = { client_id: 'web', jti: '1' }

const good = forge()
const [header, payload, signature] = partsOf(good)
const goodEs = forge({ alg: 'ES256', key: p256.privateKey })
const [esHeader, esPayload, esSignature] = partsOf(goodEs)
const goodRs = forge({ alg: 'RS256', key: rsa.privateKey })
const goodEd = forge({ alg: 'EdDSA', key: ed25519.privateKey })
const thumbprint = createHash('sha256').update('the certificate').digest('base64url')
const bound = (cnf: unknown): string => forge({ payload: { cnf } })
const altered = (part: string, at = 0) => `${part.slice(0, at)}${part[at] === 'A' ? 'B' : 'A'}${part.slice(at + 1)}`
const unsigned = (alg: string) => `${base64url(JSON.stringify({ alg, typ: 'JWT' }))}.${payload}.`
const edAltered = (() => {
  const [head, body, sign] = partsOf(goodEd)
  return `${head}.${body}.${altered(sign)}`
})()

describe.each<[verifier: string, options: Partial<Options>, rows: readonly Row[]]>([
  [
    'algorithms: HMAC with what is public',
    byRsa,
    [
      [
        'the RSA public key as PEM',
        forge({ key: Buffer.from(pemOf(rsa.publicKey)) }),
        /no key of that id and algorithm/,
      ],
      ['… without its last line break', forge({ key: Buffer.from(pemOf(rsa.publicKey).trim()) }), /no key of that/],
      [
        '… as PKCS#1 PEM',
        forge({ key: rsa.publicKey.export({ format: 'pem', type: 'pkcs1' }) as never }),
        /no key of that/,
      ],
      ['… as DER', forge({ key: rsa.publicKey.export({ format: 'der', type: 'spki' }) }), /no key of that/],
      ['… as a JWK', forge({ key: Buffer.from(JSON.stringify(jwkOf(rsa.publicKey))) }), /no key of that/],
      ['… its modulus', forge({ key: Buffer.from(String(jwkOf(rsa.publicKey).n), 'base64url') }), /no key of that/],
      ['… by HS512', forge({ alg: 'HS512', key: Buffer.from(pemOf(rsa.publicKey)) }), /no key of that/],
      [
        '… by HS256, called RS256',
        forge({ alg: 'RS256', signedAs: 'HS256', key: Buffer.from(pemOf(rsa.publicKey)) }),
        /invalid signature/,
      ],
      ['another RSA algorithm of the right key', forge({ alg: 'RS512', key: rsa.privateKey }), /no key of that/],
      ['PS256 of the right key', forge({ alg: 'PS256', key: rsa.privateKey }), /no key of that/],
      ['PS256, called RS256', forge({ alg: 'RS256', signedAs: 'PS256', key: rsa.privateKey }), /invalid signature/],
      ['another RSA key', forge({ alg: 'RS256', key: otherRsa.privateKey }), /invalid signature/],
      ['ES256', goodEs, /no key of that/],
      ['an RSA signature cut short', cutShort(goodRs), /invalid signature/],
      ['no signature', goodRs.slice(0, goodRs.lastIndexOf('.') + 1), /three parts/],
    ],
  ],
  [
    'algorithms: none, and names that are none',
    {},
    [
      ...['none', 'None', 'NONE', 'nOnE', 'none ', ' none', 'nonE\u0000'].map<Row>(alg => [
        `alg ${JSON.stringify(alg)} without a signature`,
        unsigned(alg),
        /three parts/,
      ]),
      ...['none', 'NoNe', '', 'hs256', 'HS256 ', 'HS1', 'HS384', '__proto__', 'constructor', 'toString'].map<Row>(
        alg => [
          `alg ${JSON.stringify(alg)} with the signature of HS256`,
          forge({ alg, signedAs: 'HS256' }),
          /no key of that id and algorithm/,
        ],
      ),
      ['alg absent', forge({ header: '{"typ":"JWT"}' }), /header has no alg/],
      ['alg null', forge({ header: { alg: null } }), /header has no alg/],
      ['alg a list', forge({ header: { alg: ['HS256'] } }), /header has no alg/],
      ['alg a number', forge({ header: { alg: 256 } }), /header has no alg/],
      ['HS512 with the same secret', forge({ alg: 'HS512' }), /no key of that/],
      ['another secret', forge({ key: randomSecret() }), /invalid signature/],
      ['an empty secret', forge({ key: Buffer.alloc(0) }), /invalid signature/],
    ],
  ],
  [
    'signatures: HMAC',
    {},
    [
      ['first character altered', `${header}.${payload}.${altered(signature)}`, /invalid signature/],
      ['cut to half', `${header}.${payload}.${signature.slice(0, 20)}`, /invalid signature/],
      [
        'of 128 bits',
        `${header}.${payload}.${base64url(Buffer.from(signature, 'base64url').subarray(0, 16))}`,
        /invalid signature/,
      ],
      [
        'longer',
        `${header}.${payload}.${base64url(Buffer.concat([Buffer.from(signature, 'base64url'), Buffer.alloc(3)]))}`,
        /invalid signature/,
      ],
      ['all zero', `${header}.${payload}.${base64url(Buffer.alloc(32))}`, /invalid signature/],
      ['padded with =', `${good}=`, /canonical/],
      ['with bits left over', `${header}.${payload}.${signature.slice(0, -1)}${nextOf(signature)}`, /canonical/],
      ['as base64, not base64url', `${header}.${payload}.${'+/'.repeat(21)}A`, /canonical/],
      ['as hex', `${header}.${payload}.${Buffer.from(signature, 'base64url').toString('hex')}`, /invalid signature/],
      [
        'of another payload',
        `${header}.${base64url(JSON.stringify({ ...goodClaims, sub: 'eve' }))}.${signature}`,
        /invalid signature/,
      ],
      ['of another header', `${base64url('{"alg":"HS256"}')}.${payload}.${signature}`, /invalid signature/],
      [
        'of the payload alone',
        `${header}.${payload}.${base64url(signatureOf('HS256', payload, secret))}`,
        /invalid signature/,
      ],
    ],
  ],
  [
    'signatures: ECDSA',
    byP256,
    [
      ['r = s = 0 (CVE-2022-21449)', `${esHeader}.${esPayload}.${base64url(Buffer.alloc(64))}`, /invalid signature/],
      [
        'r = s = the order of the curve',
        `${esHeader}.${esPayload}.${base64url(Buffer.concat([order(), order()]))}`,
        /invalid signature/,
      ],
      [
        'r = 0',
        `${esHeader}.${esPayload}.${base64url(Buffer.concat([Buffer.alloc(32), Buffer.from(esSignature, 'base64url').subarray(32)]))}`,
        /invalid signature/,
      ],
      ['as DER', forgedDer(), /cannot be verified|invalid signature/],
      [
        'cut short by a byte',
        `${esHeader}.${esPayload}.${base64url(Buffer.from(esSignature, 'base64url').subarray(0, 63))}`,
        /cannot be verified|invalid signature/,
      ],
      [
        'a byte longer',
        `${esHeader}.${esPayload}.${base64url(Buffer.concat([Buffer.from(esSignature, 'base64url'), Buffer.alloc(1)]))}`,
        /cannot be verified|invalid signature/,
      ],
      ['ES384 with a key of its own', forge({ alg: 'ES384', key: p384.privateKey }), /no key of that/],
      [
        'ES384, called ES256',
        forge({ alg: 'ES256', signedAs: 'ES384', key: p384.privateKey }),
        /cannot be verified|invalid signature/,
      ],
      ['HS256 with the public key', forge({ key: Buffer.from(pemOf(p256.publicKey)) }), /no key of that/],
      [
        'HS256 with the point',
        forge({ key: Buffer.from(String(jwkOf(p256.publicKey).x), 'base64url') }),
        /no key of that/,
      ],
      [
        'of another key on the curve',
        forge({ alg: 'ES256', key: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey }),
        /invalid signature/,
      ],
    ],
  ],
  [
    'signatures: EdDSA',
    byEd25519,
    [
      ['altered', edAltered, /signature verification failed/],
      [
        'all zero',
        `${partsOf(goodEd)[0]}.${partsOf(goodEd)[1]}.${base64url(Buffer.alloc(64))}`,
        /signature verification failed/,
      ],
      [
        'of another key',
        forge({ alg: 'EdDSA', key: generateKeyPairSync('ed25519').privateKey }),
        /signature verification failed/,
      ],
      [
        'HS256 with the public key',
        forge({ key: Buffer.from(String(jwkOf(ed25519.publicKey).x), 'base64url') }),
        /no key of that/,
      ],
      ['of another audience', forge({ alg: 'EdDSA', key: ed25519.privateKey, payload: { aud: 'stock' } }), /aud/],
      ['of another issuer', forge({ alg: 'EdDSA', key: ed25519.privateKey, payload: { iss: 'https://evil' } }), /iss/],
      [
        'without an end',
        forge({ alg: 'EdDSA', key: ed25519.privateKey, payload: { exp: undefined } }),
        /'exp' is missing/,
      ],
      ['not yet valid', forge({ alg: 'EdDSA', key: ed25519.privateKey, payload: { nbf: now + 11 } }), /nbf/],
      [
        'expired',
        forge({ alg: 'EdDSA', key: ed25519.privateKey, payload: { exp: now - 10 } }),
        /has expired/,
        'TOKEN_EXPIRED',
      ],
      [
        'expired, and altered',
        (() => {
          const [head, body, sign] = partsOf(
            forge({ alg: 'EdDSA', key: ed25519.privateKey, payload: { exp: now - 10 } }),
          )
          return `${head}.${body}.${altered(sign)}`
        })(),
        /signature verification failed/,
      ],
    ],
  ],
  [
    'headers that give orders',
    {},
    [
      ['crit', forge({ header: { crit: ['exp'], exp: 1 } }), /header has 'crit'/],
      ['crit, empty', forge({ header: { crit: [] } }), /header has 'crit'/],
      ['b64 false', forge({ header: { b64: false } }), /header has 'b64'/],
      ['b64 true', forge({ header: { b64: true } }), /header has 'b64'/],
      ['b64 false with crit', forge({ header: { b64: false, crit: ['b64'] } }), /header has 'crit'/],
      [
        'jwk: a key of the attacker',
        forge({ header: { jwk: jwkOf(otherRsa.publicKey) }, alg: 'RS256', key: otherRsa.privateKey }),
        /header has 'jwk'/,
      ],
      [
        'jwk: a secret of the attacker',
        forge({ header: { jwk: { kty: 'oct', k: base64url('x'.repeat(32)) } }, key: Buffer.from('x'.repeat(32)) }),
        /header has 'jwk'/,
      ],
      ['jku', forge({ header: { jku: 'https://evil.example/jwks.json' } }), /header has 'jku'/],
      ['x5u', forge({ header: { x5u: 'https://evil.example/cert.pem' } }), /header has 'x5u'/],
      ['x5c', forge({ header: { x5c: ['MIIB'] } }), /header has 'x5c'/],
      ['zip', forge({ header: { zip: 'DEF' } }), /header has 'zip'/],
      ['enc', forge({ header: { enc: 'A256GCM' } }), /header has 'enc'/],
      [
        'p2c: work that the attacker chooses',
        forge({ header: { p2c: 2 ** 31 - 1, p2s: 'c2FsdA' } }),
        /header has 'p2s'/,
      ],
      ['p2c alone', forge({ header: { p2c: 1 } }), /header has 'p2c'/],
      ['p2s alone', forge({ header: { p2s: '' } }), /header has 'p2s'/],
      ['epk', forge({ header: { epk: jwkOf(p256.publicKey) } }), /header has 'epk'/],
      ['cty JWT: a token in a token', forge({ header: { cty: 'JWT' } }), /a token inside of a token/],
      ['typ of an access token', forge({ header: { typ: 'at+jwt' } }), /another type/],
      ['typ of a logout token', forge({ header: { typ: 'logout+jwt' } }), /another type/],
      ['typ of a proof of possession', forge({ header: { typ: 'dpop+jwt' } }), /another type/],
      ['typ no text', forge({ header: { typ: 1 } }), /typ is no text/],
      ['kid no text', forge({ header: { kid: { $ne: '' } } }), /kid is no text/],
      ['kid of 257 characters', forge({ header: { kid: 'k'.repeat(257) } }), /kid is no text, or too long/],
      ['a header of 2 KiB', forge({ header: { x: 'y'.repeat(2_048) } }), /header is longer/],
    ],
  ],
  [
    'keys by kid, which is a name and nothing else',
    {
      keys: [
        { algorithm: 'HS256', key: secret, kid: 'a' },
        { algorithm: 'RS256', key: rsa.publicKey, kid: 'b' },
      ],
    },
    [
      ...['c', '', '../../dev/null', "' OR 1=1 --", 'http://evil/', '__proto__', 'constructor', 'A', 'a '].map<Row>(
        kid => [`kid ${JSON.stringify(kid)}`, forge({ header: { kid } }), /no key of that id/],
      ),
      ['the kid of the other key', forge({ header: { kid: 'b' } }), /no key of that id and algorithm/],
      [
        'HS256 with the public key, and its kid',
        forge({ header: { kid: 'b' }, key: Buffer.from(pemOf(rsa.publicKey)) }),
        /no key of that/,
      ],
      [
        'HS256 with the public key, and the kid of the secret',
        forge({ header: { kid: 'a' }, key: Buffer.from(pemOf(rsa.publicKey)) }),
        /invalid signature/,
      ],
    ],
  ],
  [
    'claims',
    {},
    [
      ['another issuer', forge({ payload: { iss: 'https://login.evil' } }), /issuer invalid/],
      ['an issuer that begins alike', forge({ payload: { iss: 'https://login.shop/' } }), /issuer invalid/],
      ['no issuer', forge({ payload: { iss: undefined } }), /issuer invalid/],
      ['a list of issuers', forge({ payload: { iss: ['https://login.shop'] } }), /issuer invalid/],
      ['another audience', forge({ payload: { aud: 'stock' } }), /audience invalid/],
      ['audiences without ours', forge({ payload: { aud: ['stock', 'mail'] } }), /audience invalid/],
      ['no audience', forge({ payload: { aud: undefined } }), /audience invalid/],
      ['an empty list of audiences', forge({ payload: { aud: [] } }), /audience invalid/],
      ['audiences that are no text', forge({ payload: { aud: ['orders', 1] } }), /'aud' is no text/],
      ['an audience by part', forge({ payload: { aud: 'order' } }), /audience invalid/],
      ['expired to the second', forge({ payload: { exp: now - 10 } }), /has expired/, 'TOKEN_EXPIRED'],
      ['expired long ago', forge({ payload: { exp: 1 } }), /has expired/, 'TOKEN_EXPIRED'],
      ['expired, of another issuer', forge({ payload: { exp: now - 600, iss: 'https://evil' } }), /another issuer/],
      ['expired, for another audience', forge({ payload: { exp: now - 600, aud: ['stock'] } }), /another audience/],
      ['expired, for nobody', forge({ payload: { exp: now - 600, aud: undefined } }), /another audience/],
      ['expired, of a user who is no text', forge({ payload: { exp: now - 600, sub: 7 } }), /'sub' is no text/],
      ['no end', forge({ payload: { exp: undefined } }), /'exp' is missing/],
      ['an end that is text', forge({ payload: { exp: String(now + 600) } }), /exp/],
      ['an end that is null', forge({ payload: { exp: null } }), /exp/],
      [
        'an end beyond all numbers',
        forge({ payload: `{"iss":"https://login.shop","aud":"orders","exp":1e999}` }),
        /'exp' is no time/,
      ],
      ['an end in ms, far off', forge({ payload: { exp: 2 ** 53 } }), /'exp' is no time/],
      ['not yet valid', forge({ payload: { nbf: now + 11 } }), /not active/],
      ['a begin that is text', forge({ payload: { nbf: 'now' } }), /nbf/],
      ['issued in the future', forge({ payload: { iat: now + 11 } }), /issued in the future/],
      ['issued at a text', forge({ payload: { iat: 'now' } }), /'iat' is no time/],
      ['a subject that is a number', forge({ payload: { sub: 1 } }), /'sub' is no text/],
      ['a jti that is an object', forge({ payload: { jti: {} } }), /'jti' is no text/],
      ['claims that the schema refuses', forge({ payload: { scope: 7 } }), /do not fit the schema: scope/],
      ['claims that the schema misses', forge({ payload: { scope: undefined, sub: undefined } }), /schema: sub, scope/],
    ],
  ],
  [
    'JSON of which there are two readings',
    {},
    [
      ['alg twice', forge({ header: '{"alg":"none","alg":"HS256"}' }), /header has a name twice/],
      ['alg twice, once escaped', forge({ header: '{"alg":"HS256","\\u0061lg":"HS256"}' }), /header has a name twice/],
      [
        'a claim twice',
        forge({ payload: JSON.stringify(goodClaims).replace('"sub":"ada"', '"sub":"eve","sub":"ada"') }),
        /payload has a name twice/,
      ],
      [
        'a claim twice further in',
        forge({ payload: `${JSON.stringify(goodClaims).slice(0, -1)},"x":[{"y":1,"y":1}]}` }),
        /payload has a name twice/,
      ],
      ['__proto__ in the header', forge({ header: '{"alg":"HS256","__proto__":{"x":1}}' }), /one that is none/],
      [
        '__proto__ in the payload',
        forge({ payload: `${JSON.stringify(goodClaims).slice(0, -1)},"__proto__":{"admin":true}}` }),
        /one that is none/,
      ],
      [
        'a payload that nests 17 deep',
        forge({ payload: `${JSON.stringify(goodClaims).slice(0, -1)},"x":${'['.repeat(16)}${']'.repeat(16)}}` }),
        /nests more than 16/,
      ],
      ['a payload of brackets', forge({ payload: '['.repeat(2_000) }), /nests more than 16/],
      ['a payload that is a list', forge({ payload: '[]' }), /payload is no JSON object/],
      ['a payload that is null', forge({ payload: 'null' }), /payload is no JSON object/],
      ['a payload that is text', forge({ payload: '"x"' }), /payload is no JSON object/],
      // jsonwebtoken parses once more what it has parsed to a text.
      [
        'a payload that is a text of good claims',
        forge({ payload: JSON.stringify(JSON.stringify(goodClaims)) }),
        /payload is no JSON object/,
      ],
      [
        '… without typ',
        forge({ header: { typ: undefined }, payload: JSON.stringify(JSON.stringify(goodClaims)) }),
        /no JSON object/,
      ],
      ['a payload that is no JSON, altered', forge({ payload: '{', key: randomSecret() }), /payload is not JSON/],
      [
        'expired, with a claim twice',
        forge({ payload: JSON.stringify({ ...goodClaims, exp: 1 }).replace('"sub":"ada"', '"sub":"eve","sub":"ada"') }),
        /payload has a name twice/,
      ],
      ['a payload that is no JSON', forge({ payload: '{sub:"ada"}' }), /payload is not JSON/],
      ['a payload followed by another', forge({ payload: `${JSON.stringify(goodClaims)}{}` }), /payload is not JSON/],
      [
        'a payload with a byte order mark',
        forge({ payload: `\ufeff${JSON.stringify(goodClaims)}` }),
        /payload is not JSON/,
      ],
      ['a payload that is not UTF-8', notUtf8(), /payload is not UTF-8/],
      ['a header that is a list', forge({ header: '["HS256"]' }), /header is no JSON object/],
      ['a header that is no JSON', forge({ header: 'alg=HS256' }), /header is not JSON/],
      ['a header that is an empty object', forge({ header: '{}' }), /header has no alg/],
    ],
  ],
  [
    'forms that are no signed token',
    {},
    [
      ['one part', header, /three parts/],
      ['two parts', `${header}.${payload}`, /three parts/],
      ['four parts', `${good}.${signature}`, /three parts/],
      ['five parts, as encrypted', `${header}..${payload}.${signature}.${signature}`, /looks encrypted/],
      ['an empty header', `.${payload}.${signature}`, /canonical/],
      ['an empty payload: detached', `${header}..${signature}`, /canonical/],
      ['only dots', '..', /three parts/],
      ['JSON serialization', `{"payload":"${payload}","signatures":[]}`, /RFC 6750/],
      ['two tokens', `${good}, Bearer ${good}`, /RFC 6750/],
      ['two tokens with a space', `${good} ${good}`, /RFC 6750/],
      ['a header with padding', `${header}=.${payload}.${signature}`, /RFC 6750/],
      ['a payload with bits left over', nonCanonicalPayload(), /canonical/],
      ['a character outside of base64url', `${header}.${payload.slice(0, -1)}+.${signature}`, /canonical/],
      ['more than 4,096 characters', padded(4_097), /longer than 4096 characters/],
      ['nothing', '', /RFC 6750/],
    ],
  ],
  [
    'access tokens of RFC 9068',
    accessTokens,
    [
      ['typ JWT', forge({ payload: accessClaims }), /another type/],
      ['no typ', forge({ header: { typ: undefined }, payload: accessClaims }), /another type/],
      ['typ at', forge({ header: { typ: 'at' }, payload: accessClaims }), /another type/],
      ['an ID token of the same issuer', forge({ payload: { ...accessClaims, nonce: 'n' } }), /another type/],
      ...(['iss', 'exp', 'aud', 'sub', 'client_id', 'iat', 'jti'] as const).map<Row>(name => [
        `without ${name}`,
        forge({ header: { typ: 'at+jwt' }, payload: { ...accessClaims, [name]: undefined } }),
        name === 'iss' || name === 'aud' ? /invalid/ : new RegExp(`'${name}' is missing`),
      ]),
      [
        'a client_id that is empty',
        forge({ header: { typ: 'at+jwt' }, payload: { ...accessClaims, client_id: '' } }),
        /'client_id' is no text/,
      ],
    ],
  ],
  [
    'bound to a key that nobody has proven to have',
    { maxRemembered: 10 },
    [
      [
        'a key that proves itself by DPoP',
        bound({ jkt: '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I' }),
        /bound to a key/,
      ],
      ['a certificate, where none is shown', bound({ 'x5t#S256': thumbprint }), /bound to a key/],
      ['a public key', bound({ jwk: jwkOf(p256.publicKey) }), /bound to a key/],
      ['an encrypted key', bound({ jwe: 'eyJ' }), /bound to a key/],
      ['a key by its name', bound({ kid: 'a' }), /bound to a key/],
      ['a set of keys', bound({ jku: 'https://evil.example/', kid: 'a' }), /bound to a key/],
      ['something nobody knows', bound({ x: 'y' }), /bound to a key/],
      ['nothing', bound({}), /bound to a key/],
      ['null', bound(null), /bound to a key/],
      ['false', bound(false), /bound to a key/],
      ['text', bound(''), /bound to a key/],
      ['a list', bound([]), /bound to a key/],
    ],
  ],
  [
    'a greatest age',
    { maxAgeMs: 300_000 },
    [
      ['older', forge({ payload: { iat: now - 311 } }), /has expired/, 'TOKEN_EXPIRED'],
      ['of no age', forge({ payload: { iat: undefined } }), /iat/],
    ],
  ],
])('refused: %s', (_, options, rows) => {
  test.each<Row>(rows)('%s', async (_what, token, cause, reason = 'CREDENTIALS_REJECTED') => {
    const verdict = await judge(verifier(options), token)
    expect(verdict).toMatchObject({
      left: { code: 'unauthenticated', reason, ran: 'no', cause: expect.stringMatching(cause) },
    })
    const [, , sign = ''] = token.split('.')
    if (sign.length > 8) expect(JSON.stringify(verdict)).not.toContain(sign) // nor is the token in what is logged
  })
})

const accepted: readonly [what: string, token: string, options?: Partial<Options>][] = [
  ['a plain token', good],
  ['typ absent', forge({ header: { typ: undefined } })],
  ['typ in other case, as a whole media type', forge({ header: { typ: 'application/jwt' } })],
  ['any kid where there is one key without', forge({ header: { kid: 'anything' } })],
  [
    'no kid where there is one key of its algorithm',
    good,
    {
      keys: [
        { algorithm: 'HS256', key: secret, kid: 'a' },
        { algorithm: 'RS256', key: rsa.publicKey, kid: 'b' },
      ],
    },
  ],
  [
    'its kid of two',
    forge({ alg: 'RS256', key: rsa.privateKey, header: { kid: 'b' } }),
    {
      keys: [
        { algorithm: 'HS256', key: secret, kid: 'a' },
        { algorithm: 'RS256', key: rsa.publicKey, kid: 'b' },
      ],
    },
  ],
  ['a thumbprint in the header', forge({ header: { x5t: 'abc' } })],
  // RFC 7515, section 4: what is not understood is ignored. These two are ACME's (RFC 8555), and order nothing here.
  ['a nonce and a URL in the header', forge({ header: { nonce: 'n', url: 'https://evil.example/' } })],
  ['our audience among others', forge({ payload: { aud: ['stock', 'orders'] } })],
  ['one of our audiences', forge({ payload: { aud: 'orders-old' } }), { audience: ['orders', 'orders-old'] }],
  ['expired within the tolerance', forge({ payload: { exp: now - 9 } })],
  ['valid from within the tolerance', forge({ payload: { nbf: now + 10 } })],
  ['issued within the tolerance', forge({ payload: { iat: now + 10 } })],
  ['without the time of issue', forge({ payload: { iat: undefined } })],
  ['of the greatest age', forge({ payload: { iat: now - 309 } }), { maxAgeMs: 300_000 }],
  ['times with fractions', forge({ payload: { exp: now + 0.5, iat: now - 0.5 } })],
  [
    'a payload that nests 16 deep',
    forge({ payload: `${JSON.stringify(goodClaims).slice(0, -1)},"x":${'['.repeat(15)}${']'.repeat(15)}}` }),
  ],
  ['colons, brackets and quotes in text', forge({ payload: { x: '{":[\\"' } })],
  ['4,096 characters', padded(4_096)],
  ['more characters where more are allowed', padded(5_000), { maxLength: 5_000 }],
  ['all of Unicode', forge({ payload: { name: 'Zoë 😀' } })],
  ['RS256 by PEM', goodRs, { keys: { algorithm: 'RS256', key: pemOf(rsa.publicKey) } }],
  ['RS256 by JWK', goodRs, { keys: { algorithm: 'RS256', key: jwkOf(rsa.publicKey) } }],
  ['RS384', forge({ alg: 'RS384', key: rsa.privateKey }), { keys: { algorithm: 'RS384', key: rsa.publicKey } }],
  ['PS256', forge({ alg: 'PS256', key: rsa.privateKey }), of('PS256', rsa.publicKey)],
  ['ES256', goodEs, byP256],
  ['ES384', forge({ alg: 'ES384', key: p384.privateKey }), of('ES384', p384.publicKey)],
  ['ES512', forge({ alg: 'ES512', key: p521.privateKey }), of('ES512', p521.publicKey)],
  ['HS512', forge({ alg: 'HS512' }), { keys: { algorithm: 'HS512', key: secret } }],
  ['EdDSA', goodEd, byEd25519],
  ['EdDSA by its new name', forge({ alg: 'Ed25519', key: ed25519.privateKey }), byEd25519],
  [
    'EdDSA within the tolerance',
    forge({ alg: 'EdDSA', key: ed25519.privateKey, payload: { exp: now - 9, nbf: now + 10 } }),
    byEd25519,
  ],
  ['an access token', forge({ header: { typ: 'at+jwt' }, payload: accessClaims }), accessTokens],
  [
    'an access token with its whole type',
    forge({ header: { typ: 'application/at+JWT' }, payload: accessClaims }),
    accessTokens,
  ],
  ['a type of one’s own', forge({ header: { typ: 'order+jwt' } }), { typ: 'order+jwt' }],
]

test.each<[what: string, token: string, options?: Partial<Options>]>(accepted)(
  'accepted: %s',
  async (_, token, options = {}) => {
    expect(await judge(verifier(options), token)).toEqual({ principal: { sub: 'ada', scope: 'orders:write' } })
  },
)

describe('a token that is bound to a certificate', () => {
  const shown = async (scheme: Scheme<object>, token: string, der: string | undefined) => {
    const peer = { secure: true, ...(der !== undefined && { certificate: certificateOf(der) }) }
    const clock = manualClock({ startWallTime: now * 1_000 })
    const context = testContext({ clock, metadata: { authorization: `Bearer ${token}` }, peer })
    return scheme.verify(context, undefined)
  }
  const good = { principal: { sub: 'ada', scope: 'orders:write' } }
  const refused = {
    left: { reason: 'CREDENTIALS_REJECTED', cause: 'the token is bound to a key that nobody has proven to have' },
  }
  const hex = createHash('sha256').update('the certificate').digest('hex')

  test.each<[what: string, scheme: Scheme<object>]>([
    ['by jwt', verifier({ maxRemembered: 10 })],
    ['by one of several issuers', issuers(verifier({ maxRemembered: 10 }), verifier({ issuer: 'https://other' }))],
  ])('is good with that one alone, in each call, %s', async (_, scheme) => {
    const token = bound({ 'x5t#S256': thumbprint })
    for (let i = 0; i < 2; i++) {
      expect(await shown(scheme, token, 'the certificate')).toEqual(good)
      expect(await shown(scheme, token, 'another certificate')).toMatchObject(refused)
      expect(await shown(scheme, token, undefined)).toMatchObject(refused)
    }
  })

  test.each<[what: string, cnf: unknown]>([
    ['its thumbprint in hex', { 'x5t#S256': hex }],
    ['its thumbprint with padding', { 'x5t#S256': `${thumbprint}=` }],
    ['a part of its thumbprint', { 'x5t#S256': thumbprint.slice(0, -1) }],
    ['its thumbprint in a list', { 'x5t#S256': [thumbprint] }],
    ['an empty thumbprint', { 'x5t#S256': '' }],
    ['its thumbprint by another name', { x5t: thumbprint }],
    ['a key as well', { 'x5t#S256': thumbprint, jkt: 'x' }],
    ['a key before', { jkt: 'x', 'x5t#S256': thumbprint }],
    ['the thumbprint alone', thumbprint],
    ['null', null],
    ['nothing', {}],
  ])('by %s is refused', async (_, cnf) => {
    expect(await shown(verifier(), bound(cnf), 'the certificate')).toMatchObject(refused)
  })

  test('needs it, and one that is not bound needs none, whatever is shown', async () => {
    expect(await shown(verifier(), forge(), 'the certificate')).toEqual(good)
  })
})

function cutShort(token: string): string {
  const [head, body, sign] = partsOf(token)
  return `${head}.${body}.${base64url(Buffer.from(sign, 'base64url').subarray(0, -1))}`
}

/** A good token of that length. */
function padded(length: number): string {
  for (let size = 0; ; size++) {
    const token = forge({ payload: { x: 'y'.repeat(Math.max(0, Math.floor((length * 3) / 4) - 300 + size)) } })
    if (token.length >= length) return token
  }
}

/** The character after the last one, that differs in bits that mean nothing. */
function nextOf(text: string): string {
  return String.fromCharCode(text.charCodeAt(text.length - 1) + 1)
}

function order(): Buffer {
  return Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', 'hex')
}

function forgedDer(): string {
  const half = '02202222222222222222222222222222222222222222222222222222222222222222'
  return `${esHeader}.${esPayload}.${base64url(Buffer.from(`3044${half}${half}`, 'hex'))}`
}

function notUtf8(): string {
  const body = Buffer.concat([Buffer.from('{"x":"'), Buffer.of(0xff, 0xfe), Buffer.from('"}')])
  const input = `${header}.${base64url(body)}`
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
}

function nonCanonicalPayload(): string {
  let claims: object = goodClaims
  while (base64url(JSON.stringify(claims)).length % 4 !== 2)
    claims = { ...claims, x: `${'x' in claims ? claims.x : ''}y` }
  const body = base64url(JSON.stringify(claims))
  const input = `${header}.${body.slice(0, -1)}${nextOf(body)}`
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
}
