/** What goes with a call to the next hop: a token that is good, or the call is not sent; and the caller's own only where the code says so. */
import { describe, expect, test } from 'vitest'
import {
  type BearerTokenOptions,
  bearerToken,
  bearerTokenPerCall,
  forwardCredentials,
  type IssuedToken,
  type TokenSource,
} from '../../src/auth/index.js'
import {
  type Context,
  call,
  explain,
  failed,
  fromPromise,
  fromRemote,
  type ManualClock,
  type Middleware,
  manualClock,
  right,
  testContext,
} from '../../src/core/index.js'

/** Stands for a client's endpoint: answers with what it would send. */
const sent = fromRemote('next', (_: object, { outgoing }) => right(outgoing.get('authorization') ?? 'nothing'))
const unavailable = { left: { code: 'unavailable', reason: 'TOKEN_UNAVAILABLE', ran: 'no' } }

interface Source {
  readonly clock: ManualClock
  asked: number
  give: TokenSource
  ask(): Promise<unknown>
}

/** Tokens that live for `lifeMs`, numbered. */
function numbered(options: BearerTokenOptions = {}, lifeMs = 600_000): Source {
  const clock = manualClock()
  const source: Source = {
    clock,
    asked: 0,
    give: () => ({ token: `t${source.asked}`, expiresAt: clock.wallTime() + lifeMs }),
    ask: () => call(endpoint, {}, { context: testContext({ clock }) }),
  }
  const count: TokenSource = () => {
    source.asked++
    return source.give()
  }
  const endpoint = bearerToken(count, options)(sent)
  return source
}

const later =
  (clock: ManualClock, ms: number, give: TokenSource): TokenSource =>
  () =>
    new Promise(resolve => clock.setTimer(() => resolve(give()), ms))

describe('bearerToken', () => {
  test('asks once for all calls, however many wait', async () => {
    const source = numbered()
    source.give = later(source.clock, 100, source.give)
    const calls = Array.from({ length: 100 }, () => source.ask())
    await source.clock.advance(100)
    expect(await Promise.all(calls)).toEqual(calls.map(() => right('Bearer t1')))
    expect(await source.ask()).toEqual(right('Bearer t1'))
    expect(source.asked).toBe(1)
    expect(source.clock.pendingTimers).toBe(0)
  })

  test('replaces a token before it ends, beside the calls, which go on with it', async () => {
    const source = numbered()
    await source.ask()
    await source.clock.advance(569_999)
    expect(await source.ask()).toEqual(right('Bearer t1'))
    expect(source.asked).toBe(1)
    await source.clock.advance(1)
    source.give = later(source.clock, 1_000, source.give)
    expect(await source.ask()).toEqual(right('Bearer t1'))
    expect(await source.ask()).toEqual(right('Bearer t1'))
    await source.clock.advance(1_000)
    expect(await source.ask()).toEqual(right('Bearer t2'))
    expect(source.asked).toBe(2)
  })

  test('replaces one of a short life at its half, not at each call', async () => {
    const source = numbered({}, 10_000)
    await source.ask()
    await source.clock.advance(4_999)
    await source.ask()
    expect(source.asked).toBe(1)
    await source.clock.advance(1)
    await source.ask()
    expect(source.asked).toBe(2)
  })

  test('never sends one that has ended', async () => {
    const source = numbered()
    await source.ask()
    await source.clock.advance(600_000)
    expect(await source.ask()).toEqual(right('Bearer t2'))
  })

  test('goes on with a good one while the source fails, then refuses, then goes on', async () => {
    const source = numbered()
    await source.ask()
    const { give } = source
    source.give = () => Promise.reject(new Error('down'))
    await source.clock.advance(590_000)
    for (let i = 0; i < 10; i++) expect(await source.ask()).toEqual(right('Bearer t1'))
    expect(source.asked).toBe(2) // not at each call: it is left alone for a second
    await source.clock.advance(10_000)
    expect(await source.ask()).toMatchObject(unavailable)
    expect(await source.ask()).toMatchObject(unavailable)
    expect(source.asked).toBe(3)
    source.give = give
    await source.clock.advance(1_000)
    expect(await source.ask()).toEqual(right('Bearer t4'))
  })

  test('does not use again what the other side refuses, and asks for another at most once in the cooldown', async () => {
    const clock = manualClock()
    let asked = 0
    const refusing = fromPromise(async (_: object) => failed('unauthenticated', 'CREDENTIALS_REJECTED', 'no'))
    const endpoint = bearerToken(() => ({ token: `t${++asked}`, expiresAt: Number.POSITIVE_INFINITY }))(refusing)
    const ask = () => call(endpoint, {}, { context: testContext({ clock }) })
    for (let i = 0; i < 5; i++) await ask()
    expect(asked).toBe(1)
    await clock.advance(1_000)
    await ask()
    for (let i = 0; i < 5; i++) await ask()
    expect(asked).toBe(2)
  })

  test('a source that hangs fails the calls in time, and is asked again later', async () => {
    const source = numbered({ timeoutMs: 2_000 })
    const { give } = source
    source.give = () => new Promise(() => {})
    const first = source.ask()
    await source.clock.advance(2_000)
    expect(await first).toMatchObject({ left: { ...unavailable.left, cause: 'the source took more than 2000 ms' } })
    source.give = give
    await source.clock.advance(1_000)
    expect(await source.ask()).toEqual(right('Bearer t2'))
    expect(source.clock.pendingTimers).toBe(0)
  })

  test('a call waits no longer than its own deadline, and the token comes for the next one', async () => {
    const clock = manualClock()
    const give = later(clock, 1_000, () => ({ token: 't', expiresAt: Number.POSITIVE_INFINITY }))
    const endpoint = bearerToken(give)(sent)
    const first = call(endpoint, {}, { context: testContext({ clock }), deadlineMs: 100 })
    await clock.advance(110)
    expect(await first).toMatchObject({ left: { reason: 'DEADLINE_EXCEEDED' } })
    await clock.advance(1_000)
    expect(await call(endpoint, {}, { context: testContext({ clock }) })).toEqual(right('Bearer t'))
  })

  const expiresAt = Number.POSITIVE_INFINITY
  test.each<[what: string, source: () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('secret')
      },
    ],
    ['rejects', () => Promise.reject(new Error('secret'))],
    ['fails', () => failed('unauthenticated', 'INVALID_CLIENT', 'secret')],
    ['gives nothing', () => undefined],
    ['gives a text', () => 'token'],
    ['gives an empty token', () => ({ token: '', expiresAt })],
    ['gives a token with a line break', () => ({ token: 'a\r\nx-admin: 1', expiresAt })],
    ['gives a token with a space', () => ({ token: 'a b', expiresAt })],
    ['gives a token that is no text', () => ({ token: 7, expiresAt })],
    ['gives a token of 10 000 characters', () => ({ token: 'a'.repeat(10_000), expiresAt })],
    ['gives a token that has ended', () => ({ token: 'a', expiresAt: 0 })],
    ['gives a token that ends nowhere', () => ({ token: 'a' })],
    ['gives a token that ends at NaN', () => ({ token: 'a', expiresAt: Number.NaN })],
  ])('no call is sent where the source %s', async (_, source) => {
    let calls = 0
    const counted = fromPromise(async (_: object) => ++calls)
    const made = source as TokenSource
    for (const middleware of [bearerToken(made), bearerTokenPerCall(made)] as Middleware[]) {
      const outcome = await call(middleware(counted), {})
      expect(outcome).toMatchObject(unavailable)
      const { cause: __, ...told } = (outcome as { left: { cause: unknown } }).left
      expect(JSON.stringify(told)).not.toContain('secret')
    }
    expect(calls).toBe(0)
  })

  test('explain shows the times and no token', async () => {
    const endpoint = bearerToken(() => ({ token: 'abc', expiresAt: Number.POSITIVE_INFINITY }))(sent)
    await call(endpoint, {})
    const shown = explain(endpoint)
    expect(shown).toMatchObject({ steps: [{ name: 'bearerToken', options: { earlyMs: 30_000 } }, {}] })
    expect(JSON.stringify(shown)).not.toContain('abc')
  })

  test('mistakes are told at construction', () => {
    expect(() => bearerToken('abc' as never)).toThrow(TypeError)
    expect(() => bearerTokenPerCall(undefined as never)).toThrow(TypeError)
    for (const wrong of [{ earlyMs: -1 }, { timeoutMs: 0 }, { cooldownMs: Number.NaN }])
      expect(() => bearerToken(() => ({ token: 'a', expiresAt: 1 }), wrong)).toThrow(RangeError)
  })
})

test('bearerTokenPerCall makes a token for each call, from its context, and never the one of another call', async () => {
  const mint = async ({ metadata }: Context): Promise<IssuedToken> => {
    await Promise.resolve()
    return { token: `for-${metadata.get('who')}`, expiresAt: Number.POSITIVE_INFINITY }
  }
  const endpoint = bearerTokenPerCall(mint)(sent)
  const names = Array.from({ length: 500 }, (_, i) => `user${i}`)
  const answers = names.map(who => call(endpoint, {}, { context: testContext({ metadata: { who } }) }))
  expect(await Promise.all(answers)).toEqual(names.map(who => right(`Bearer for-${who}`)))
})

describe('the caller’s own credentials', () => {
  const context = testContext({
    metadata: { authorization: 'Bearer inbound', cookie: 'session=1', 'x-api-key': 'k', 'x-request-id': '1' },
  })
  const everything = fromRemote('next', (_: object, { outgoing }) => right(Object.fromEntries(outgoing)))

  test('are not sent on by themselves, nor by any other layer', async () => {
    expect(await call(everything, {}, { context })).toEqual(right({ 'x-request-id': '1' }))
    const own = bearerToken(() => ({ token: 'own', expiresAt: Number.POSITIVE_INFINITY }))
    expect(await call(own(everything), {}, { context })).toEqual(
      right({ 'x-request-id': '1', authorization: 'Bearer own' }),
    )
  })

  test('are sent on by forwardCredentials, and nothing else is', async () => {
    expect(await call(forwardCredentials()(everything), {}, { context })).toEqual(
      right({ 'x-request-id': '1', authorization: 'Bearer inbound' }),
    )
  })

  test('are sent one hop, not two', async () => {
    const first = fromPromise(async (_: object, inner: Context) => {
      const outcome = await call(everything, {}, { context: inner })
      return outcome._tag === 'Right' ? outcome.right : outcome
    })
    expect(await call(forwardCredentials()(first), {}, { context })).toEqual(right({ 'x-request-id': '1' }))
  })

  test('where there are none, the call is refused, or goes without where that is said', async () => {
    expect(await call(forwardCredentials()(sent), {})).toMatchObject({
      left: { code: 'unauthenticated', reason: 'CREDENTIALS_MISSING', ran: 'no' },
    })
    expect(await call(forwardCredentials({ whenMissing: 'pass' })(sent), {})).toEqual(right('nothing'))
    expect(() => forwardCredentials({ whenMissing: 'x' as 'pass' })).toThrow(RangeError)
  })
})
