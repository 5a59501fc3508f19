/** Tokens made by hand, of whatever parts: no library that makes tokens makes wrong ones. */
import { createHmac, generateKeyPairSync, type JsonWebKey, type KeyObject, randomBytes, sign } from 'node:crypto'
import { z } from 'zod'
import { type JwtOptions, jwt } from '../../../src/auth/jwt/index.js'
import { manualClock, testContext } from '../../../src/core/index.js'

/** Where the clock of these tests stands. */
export const now = Date.UTC(2026, 0, 1) / 1_000

export const secret: Buffer = Buffer.alloc(64, 's3cret-')
export const rsa: Pair = generateKeyPairSync('rsa', { modulusLength: 2_048 })
export const otherRsa: Pair = generateKeyPairSync('rsa', { modulusLength: 2_048 })
export const p256: Pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
export const p384: Pair = generateKeyPairSync('ec', { namedCurve: 'P-384' })
export const p521: Pair = generateKeyPairSync('ec', { namedCurve: 'P-521' })
export const ed25519: Pair = generateKeyPairSync('ed25519')

export interface Pair {
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
}

export const base64url = (data: string | Uint8Array): string => Buffer.from(data).toString('base64url')

/** The bytes that are signed, for a signature of `alg`. */
export function signatureOf(alg: string, input: string, key: KeyObject | Uint8Array): Buffer {
  const hash = `sha${alg.slice(2)}`
  if (alg.startsWith('HS')) return createHmac(hash, key).update(input).digest()
  const private_ = key as KeyObject
  if (alg.startsWith('Ed')) return sign(null, Buffer.from(input), private_)
  if (alg.startsWith('ES')) return sign(hash, Buffer.from(input), { key: private_, dsaEncoding: 'ieee-p1363' })
  const padding = alg.startsWith('PS') ? { padding: 6, saltLength: Number(alg.slice(2)) / 8 } : {} // RSA_PKCS1_PSS_PADDING
  return sign(hash, Buffer.from(input), { key: private_, ...padding })
}

export interface Forgery {
  /** Members of the header beside `alg`, or another one as text. */
  readonly header?: object | string
  /** Members of the payload that differ, or another one as text. */
  readonly payload?: object | string
  readonly alg?: string
  /** What the signature is really of. */
  readonly signedAs?: string
  readonly key?: KeyObject | Uint8Array
}

export const goodClaims = {
  iss: 'https://login.shop',
  aud: 'orders',
  sub: 'ada',
  scope: 'orders:write',
  iat: now - 60,
  exp: now + 600,
}

/** A token that is good but for what is said here. */
export function forge(forgery: Forgery = {}): string {
  const { header = {}, payload = {}, alg = 'HS256', signedAs = alg, key = secret } = forgery
  const head = typeof header === 'string' ? header : JSON.stringify({ alg, typ: 'JWT', ...header })
  const body = typeof payload === 'string' ? payload : JSON.stringify({ ...goodClaims, ...payload })
  const input = `${base64url(head)}.${base64url(body)}`
  return `${input}.${base64url(signatureOf(signedAs, input, key))}`
}

/** The parts of a token, to be put together otherwise. */
export function partsOf(token: string): [header: string, payload: string, signature: string] {
  const [header = '', payload = '', signature = ''] = token.split('.')
  return [header, payload, signature]
}

export const jwkOf = (key: KeyObject): JsonWebKey => key.export({ format: 'jwk' })
export const pemOf = (key: KeyObject): string => String(key.export({ format: 'pem', type: 'spki' }))
export const randomSecret = (): Buffer => randomBytes(64)

export const Claims = z.object({ sub: z.string(), scope: z.string() })
export type Options = JwtOptions<typeof Claims>

/** The verifier whose tokens `forge` makes. */
export function verifier(options: Partial<Options> = {}) {
  return jwt({
    issuer: 'https://login.shop',
    audience: 'orders',
    keys: { algorithm: 'HS256', key: secret },
    clockToleranceMs: 10_000,
    claims: Claims,
    ...options,
  })
}

/** What a verifier says of a token in `authorization`, at the time of these tests or later. */
export async function judge(scheme: ReturnType<typeof verifier>, token: string, laterMs = 0) {
  const clock = manualClock({ startWallTime: now * 1_000 + laterMs })
  return scheme.verify(testContext({ clock, metadata: { authorization: `Bearer ${token}` } }), undefined)
}
