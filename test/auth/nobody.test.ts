/**
 * Who is looked up and not found is never let in, however the user's own code says it: at once or later, by a promise or by what is
 * awaited without being one, as the queries of database libraries are.
 */
import { generateKeyPairSync } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  allOf,
  anyOf,
  apiKey,
  authenticate,
  authorize,
  basic,
  certificate,
  type Rule,
  rule,
  type Scheme,
} from '../../src/auth/index.js'
import { jwt, signer } from '../../src/auth/jwt/index.js'
import {
  type Authenticated,
  type Context,
  call,
  fromPromise,
  isLeft,
  right,
  testContext,
} from '../../src/core/index.js'

/** As a query of drizzle, knex or mongoose is: it runs when it is awaited, and is no `Promise`. */
function query<T>(rows: T): Promise<T> {
  return new Query(rows) as unknown as Promise<T> // its type says so, as that of such libraries does
}

class Query<T> {
  readonly #rows: T

  constructor(rows: T) {
    this.#rows = rows
  }

  // biome-ignore lint/suspicious/noThenProperty: that is what such libraries do
  then(resolve: (rows: T) => void): void {
    queueMicrotask(() => resolve(this.#rows))
  }
}

const ways: readonly (readonly [how: string, give: (value: unknown) => never])[] = [
  ['at once', value => value as never],
  ['by a promise', value => Promise.resolve(value) as never],
  ['by a query', value => query(value) as never],
]
interface User {
  readonly id: string
}

const nobodies = [undefined, null, false, true, 0, 1, '', 'ada', Symbol('ada')]
const somebody: User = { id: 'ada' }

const { privateKey, publicKey } = generateKeyPairSync('ed25519')
const text = {
  '~standard': { version: 1, vendor: 'test', validate: (value: unknown) => ({ value: value as object }) },
} as const
const { token } = await signer({
  key: { algorithm: 'EdDSA', key: privateKey },
  issuer: 'https://i',
  audience: 'shop',
  ttlMs: 600_000,
}).sign({ sub: 'ada' })
const shown = { dnsNames: [], uris: [], fingerprint: 'ab', serialNumber: '01', der: new Uint8Array() }

type Find = (value?: unknown) => never
const schemes: readonly (readonly [name: string, context: Context, make: (find: Find) => Scheme<object>])[] = [
  ['apiKey', testContext({ metadata: { 'x-api-key': 'made-up' } }), find => apiKey({ find })],
  [
    'basic',
    testContext({ metadata: { authorization: `Basic ${btoa('eve:guess')}` } }),
    verify => basic({ realm: 'shop', verify }),
  ],
  ['certificate', testContext({ peer: { secure: true, certificate: shown } }), identify => certificate({ identify })],
  [
    'jwt',
    testContext({ metadata: { authorization: `Bearer ${token}` } }),
    principal =>
      jwt({
        keys: { algorithm: 'EdDSA', key: publicKey },
        issuer: 'https://i',
        audience: 'shop',
        clockToleranceMs: 0,
        claims: text,
        principal,
      }),
  ],
]
const whoAmI = fromPromise((_: object, { principal }: Context & Authenticated<object>) => principal)

describe.each(schemes)('%s', (_, context, make) => {
  test.each(ways)('lets in whom it is told of, %s', async (_how, give) => {
    const served = authenticate(make(() => give(somebody)))(whoAmI)
    expect(await call(served, {}, { context })).toEqual(right(somebody))
  })

  test.each(ways.flatMap(([how, give]) => nobodies.map(nobody => [nobody, how, give] as const)))(
    'lets nobody in for %s, said %s',
    async (nobody, _how, give) => {
      const served = authenticate(make(() => give(nobody)))(whoAmI)
      const refused = { code: 'unauthenticated', reason: 'CREDENTIALS_REJECTED' }
      expect(await call(served, {}, { context })).toMatchObject({ left: refused })
    },
  )
})

describe('what is awaited though it is no promise', () => {
  const context = testContext({ metadata: { authorization: `Bearer ${token}` } })

  test('refuses as the schema of a token', async () => {
    const claims = {
      '~standard': { ...text['~standard'], validate: () => query({ issues: [{ message: 'no' }] }) },
    } as const
    const scheme = jwt({
      keys: { algorithm: 'EdDSA', key: publicKey },
      issuer: 'https://i',
      audience: 'shop',
      clockToleranceMs: 0,
      claims,
    })
    const outcome = await call(authenticate(scheme)(whoAmI), {}, { context })
    expect(outcome).toMatchObject({ left: { reason: 'CREDENTIALS_REJECTED' } })
  })

  test('goes on to the next scheme as a verdict', async () => {
    const absent: Scheme<object> = { name: 'absent', verify: () => query(undefined) }
    expect(await call(authenticate(absent)(whoAmI), {})).toMatchObject({ left: { reason: 'CREDENTIALS_MISSING' } })
    const found: Scheme<object> = { name: 'found', verify: () => query({ principal: somebody }) }
    expect(await call(authenticate(absent, found)(whoAmI), {})).toEqual(right(somebody))
  })

  test('decides as the answer of a rule, alone and among others', async () => {
    const says = (allowed: boolean) => rule<User>('asked', () => query(allowed))
    const done = fromPromise(async (_: object) => 'done')
    for (const allowed of [true, false]) {
      const rules: readonly Rule<User>[] = [
        says(allowed),
        allOf(says(true), says(allowed)),
        anyOf(says(false), says(allowed)),
      ]
      for (const each of rules) {
        const endpoint = authorize(each)(done)
        const outcome = await call(endpoint, {}, { provide: { principal: somebody } })
        expect(isLeft(outcome), each.name).toBe(!allowed)
      }
    }
  })
})

test('whatever a look-up gives, only an object is somebody', async () => {
  const context = testContext({ metadata: { 'x-api-key': 'made-up' } })
  await fc.assert(
    fc.asyncProperty(fc.anything(), fc.constantFrom(...ways), async (value, [, give]) => {
      fc.pre(typeof (value as { then?: unknown } | null | undefined)?.then !== 'function')
      const outcome = await call(authenticate(apiKey({ find: () => give(value) }))(whoAmI), {}, { context })
      const isSomebody = typeof value === 'object' && value !== null
      expect(outcome._tag).toBe(isSomebody ? 'Right' : 'Left')
    }),
    { numRuns: 200 },
  )
})
