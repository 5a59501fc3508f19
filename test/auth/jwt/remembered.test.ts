/** Verified tokens may be remembered: boundedly, whole, never past their end, never across a change of keys, and off by default. */
import { createHmac, createSecretKey } from 'node:crypto'
import { expect, test } from 'vitest'
import type { BoundKey, KeySource } from '../../../src/auth/jwt/index.js'
import { Claims, forge, judge, now, type Options, partsOf, secret, verifier } from './forge.js'

/** A source that counts how often a key was asked for: as often as a signature was verified. */
function counting() {
  const key: BoundKey = { algorithm: 'HS256', kid: undefined, key: createSecretKey(secret) }
  const source = {
    version: 0,
    current: () => source.version,
    asked: 0,
    key: key as BoundKey | undefined,
    find() {
      source.asked++
      return source.key
    },
  }
  return source satisfies KeySource
}

const remembering = (keys: KeySource, more: Partial<Options> = {}) => verifier({ keys, maxRemembered: 2, ...more })

test('by default each token is verified each time', async () => {
  const keys = counting()
  const scheme = verifier({ keys })
  const token = forge()
  for (let i = 0; i < 3; i++) expect(await judge(scheme, token)).toHaveProperty('principal')
  expect(keys.asked).toBe(3)
})

test('a remembered token is not verified again, and its claims cannot be changed', async () => {
  const keys = counting()
  keys.version = 7
  const scheme = remembering(keys)
  const token = forge()
  const first = (await judge(scheme, token)) as { readonly principal: { sub: string } }
  expect(() => (first.principal.sub = 'eve')).toThrow(TypeError)
  expect(await judge(scheme, token)).toEqual({ principal: { sub: 'ada', scope: 'orders:write' } })
  expect(keys.asked).toBe(1)
})

test('what the schema gives is remembered, what principal gives is asked for in each call', async () => {
  const asked = { schema: 0, principal: 0 }
  const scheme = remembering(counting(), {
    claims: Claims.refine(() => ++asked.schema > 0),
    principal: claims => ({ ...claims, call: ++asked.principal }),
  })
  const token = forge()
  for (const call of [1, 2, 3]) expect(await judge(scheme, token)).toMatchObject({ principal: { sub: 'ada', call } })
  expect(asked).toEqual({ schema: 1, principal: 3 })
})

test('as many are remembered as said, those used last', async () => {
  const keys = counting()
  const scheme = remembering(keys)
  const [a, b, c] = ['a', 'b', 'c'].map(sub => forge({ payload: { sub } })) as [string, string, string]
  for (const token of [a, b, a, c]) await judge(scheme, token) // b goes
  expect(keys.asked).toBe(3)
  for (const token of [a, c]) await judge(scheme, token)
  expect(keys.asked).toBe(3)
  await judge(scheme, b)
  expect(keys.asked).toBe(4)
})

test('never past the end, and between the end and the end of the tolerance it is verified', async () => {
  const keys = counting()
  const scheme = remembering(keys)
  const token = forge({ payload: { exp: now + 100 } })
  await judge(scheme, token)
  await judge(scheme, token, 99_999)
  expect(keys.asked).toBe(1)
  expect(await judge(scheme, token, 100_000)).toHaveProperty('principal')
  expect(keys.asked).toBe(2)
  expect(await judge(scheme, token, 110_000)).toMatchObject({ left: { reason: 'TOKEN_EXPIRED' } })
})

test('nor past the greatest age', async () => {
  const keys = counting()
  const scheme = remembering(keys, { maxAgeMs: 100_000, clockToleranceMs: 0 })
  const token = forge({ payload: { iat: now } })
  await judge(scheme, token, 99_000)
  expect(await judge(scheme, token, 100_000)).toMatchObject({ left: { reason: 'TOKEN_EXPIRED' } })
})

test('a change of keys empties it', async () => {
  const keys = counting()
  const scheme = remembering(keys)
  const token = forge()
  await judge(scheme, token)
  keys.key = undefined
  expect(await judge(scheme, token)).toHaveProperty('principal')
  keys.version++
  expect(await judge(scheme, token)).toMatchObject({ left: { cause: 'there is no key of that id and algorithm' } })
})

test('a token that differs in anything is another one', async () => {
  const scheme = remembering(counting())
  const token = forge()
  const [header, payload, signature] = partsOf(token)
  await judge(scheme, token)
  const others = [
    `${header}.${payload}.${createHmac('sha256', 'x').update('').digest('base64url')}`,
    `${header}.${payload}.${signature}A`,
    `${header}.${payload}.${signature.slice(0, -4)}`,
    `${header}.${payload}.`,
  ]
  for (const other of others) expect(await judge(scheme, other)).toMatchObject({ left: { code: 'unauthenticated' } })
})

test('what was refused is not remembered', async () => {
  const keys = counting()
  const scheme = remembering(keys)
  const wrong = forge({ key: Buffer.alloc(32) })
  for (let i = 0; i < 3; i++) await judge(scheme, wrong)
  expect(keys.asked).toBe(3)
  const noScope = forge({ payload: { scope: 1 } })
  for (let i = 0; i < 2; i++) expect(await judge(scheme, noScope)).toMatchObject({ left: { code: 'unauthenticated' } })
  expect(keys.asked).toBe(5)
})
