/** `authenticate` lets in who shows a good credential, in the order of the schemes, and tells nobody else why not. */
import { describe, expect, test } from 'vitest'
import { authenticate, authenticateOptional, rejected, type Scheme, type Verdict } from '../../src/auth/index.js'
import {
  type Authenticated,
  type Awaitable,
  type Context,
  call,
  explain,
  type Failure,
  failed,
  fromPromise,
  type Outcome,
  right,
  testContext,
} from '../../src/core/index.js'

interface User {
  readonly id: string
}

const whoAmI = fromPromise((_: object, { principal }: Context & Authenticated<User>) => principal.id)

/** A scheme that says what it is told to, and which keeps how often it was asked. */
function scheme(name: string, verdict: () => Awaitable<Verdict<User>>, challenge?: string) {
  const made = {
    name,
    asked: 0,
    verify() {
      made.asked++
      return verdict()
    },
    ...(challenge !== undefined && { challenge }),
  }
  return made satisfies Scheme<User>
}

const ada = { principal: { id: 'ada' } }
const absent = (name = 'absent', challenge?: string) => scheme(name, () => undefined, challenge)
const good = (name = 'good') => scheme(name, () => ada)
const later = <T>(value: T) => Promise.resolve().then(() => value)

async function ask(schemes: readonly [Scheme<User>, ...Scheme<User>[]]): Promise<[Outcome, string | undefined]> {
  let challenge: string | undefined
  const onReply = (reply: { headers: ReadonlyMap<string, string> }) => {
    challenge = reply.headers.get('www-authenticate')
  }
  return [await call(authenticate(...schemes)(whoAmI), {}, { onReply }), challenge]
}

describe('the schemes are asked in their order', () => {
  test('and the first that finds a credential decides', async () => {
    const [first, second, third] = [absent(), good(), good()]
    expect((await ask([first, second, third]))[0]).toEqual(right('ada'))
    expect([first.asked, second.asked, third.asked]).toEqual([1, 1, 0])
  })

  test('also where they have to wait', async () => {
    const first = scheme('first', () => later(undefined))
    expect((await ask([first, absent(), scheme('third', () => later(ada)), good()]))[0]).toEqual(right('ada'))
  })

  test('and a bad credential is refused although a good one of another kind is there', async () => {
    const last = good()
    const [outcome] = await ask([scheme('bad', () => rejected('expired')), last])
    expect(outcome).toMatchObject({ left: { code: 'unauthenticated', reason: 'CREDENTIALS_REJECTED', ran: 'no' } })
    expect(last.asked).toBe(0)
  })
})

describe('a call is refused', () => {
  test('without credentials, with all challenges', async () => {
    const [outcome, challenge] = await ask([
      absent('a', 'Bearer realm="shop"'),
      absent('b'),
      absent('c', 'Basic realm="x"'),
    ])
    expect(outcome).toMatchObject({ left: { code: 'unauthenticated', reason: 'CREDENTIALS_MISSING', ran: 'no' } })
    expect(challenge).toBe('Bearer realm="shop", Basic realm="x"')
  })

  test.each<[challenge: string, told: string]>([
    ['Bearer realm="shop"', 'Bearer realm="shop", error="invalid_token"'],
    ['Bearer', 'Bearer error="invalid_token"'],
    ['Basic realm="shop"', 'Basic realm="shop"'],
  ])('with a bad one, which %s tells as %s', async (challenge, told) => {
    const [, said] = await ask([absent('a', 'Other'), scheme('bad', () => later(rejected('no')), challenge)])
    expect(said).toBe(told)
  })

  test('with the same words whatever was wrong, and the cause on this side alone', async () => {
    const failures = await Promise.all(
      ['the user is unknown', 'the password is wrong'].map(async cause => {
        const [outcome] = await ask([scheme('bad', () => rejected(cause))])
        return (outcome as { readonly left: Failure }).left
      }),
    )
    expect(failures.map(({ cause }) => cause)).toEqual(['the user is unknown', 'the password is wrong'])
    const [first, second] = failures.map(({ cause: _, ...told }) => told)
    expect(first).toEqual(second)
  })

  test('with the failure of a scheme that cannot tell now, and no challenge', async () => {
    const down = failed('unavailable', 'INTROSPECTION_DOWN', 'ask later', { ran: 'no' })
    const [outcome, challenge] = await ask([scheme('remote', () => down, 'Bearer'), good()])
    expect(outcome).toEqual(down)
    expect(challenge).toBeUndefined()
  })

  test.each<[how: string, verify: () => Awaitable<Verdict<User>>]>([
    [
      'throws',
      () => {
        throw new Error('secret')
      },
    ],
    ['rejects', () => Promise.reject(new Error('secret'))],
  ])('where a scheme %s, as by any defect', async (_, verify) => {
    const context = testContext({ onDefect: () => {} })
    const outcome = await call(authenticate(scheme('broken', verify), good())(whoAmI), {}, { context })
    expect(outcome).toMatchObject({ left: { code: 'internal', reason: 'DEFECT' } })
    expect(JSON.stringify(outcome)).not.toContain('secret')
  })
})

describe('authenticateOptional', () => {
  const who = fromPromise(
    (_: object, { principal }: Context & { readonly principal: User | undefined }) => principal?.id ?? 'nobody',
  )

  test.each<[what: string, scheme: Scheme<User>, outcome: unknown]>([
    ['without credentials', absent('a', 'Bearer'), right('nobody')],
    ['with good ones', good(), right('ada')],
    ['with good ones, later', scheme('later', () => later(ada)), right('ada')],
    [
      'with bad ones',
      scheme('bad', () => rejected('expired', { reason: 'TOKEN_EXPIRED' })),
      { left: { reason: 'TOKEN_EXPIRED' } },
    ],
  ])('a call %s', async (_, each, outcome) => {
    expect(await call(authenticateOptional(absent(), each)(who), {})).toMatchObject(outcome as object)
  })
})

describe('construction', () => {
  test.each<[wrong: unknown[], message: RegExp]>([
    [[], /authenticate: needs a scheme/],
    [[{ name: 'x' }], /a scheme has a name and verify/],
    [[undefined], /a scheme has a name and verify/],
    [[{ verify: () => undefined }], /a scheme has a name and verify/],
  ])('%o is refused', (wrong, message) => {
    expect(() => authenticate(...(wrong as [Scheme<User>]))).toThrow(message)
  })

  test('explain shows the schemes and nothing of their secrets', () => {
    expect(explain(authenticate(good('bearer'), good('apiKey'))(whoAmI))).toMatchObject({
      steps: [{ name: 'authenticate', options: { schemes: ['bearer', 'apiKey'] } }, {}],
    })
  })
})

test('no principal is ever seen in another call, of many that are interleaved', async () => {
  const byHeader: Scheme<User> = {
    name: 'header',
    verify: async ({ metadata }) => {
      await Promise.resolve()
      return { principal: { id: metadata.get('who') ?? '' } }
    },
  }
  const slow = fromPromise(async ({ turns }: { turns: number }, { principal }: Context & Authenticated<User>) => {
    for (let i = 0; i < turns; i++) await Promise.resolve()
    return principal.id
  })
  const served = authenticate(byHeader)(slow)
  const names = Array.from({ length: 2_000 }, (_, i) => `user-${i}`)
  const answers = await Promise.all(
    names.map((who, i) => call(served, { turns: i % 7 }, { context: testContext({ metadata: { who } }) })),
  )
  expect(answers).toEqual(names.map(right))
})
