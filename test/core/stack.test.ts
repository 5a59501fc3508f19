/** What the outcome of a leaf means: who may say that the work never ran, and what counts as an Either. */
import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, test } from 'vitest'
import {
  around,
  CallError,
  type Context,
  call,
  chain,
  type Endpoint,
  failed,
  failureOf,
  fromEither,
  fromPromise,
  fromReaderTaskEither,
  fromRemote,
  fromTaskEither,
  intercept,
  left,
  type Middleware,
  mockEndpoint,
  type Outcome,
  right,
  testContext,
} from '../../src/core/index.js'

const refused = failureOf('unavailable', 'REFUSED', 'no', { ran: 'no' })
const throwing = () => {
  throw new CallError(refused)
}

async function* stream(): AsyncGenerator<never> {
  yield* []
  throw new CallError(refused)
}

type Given = Endpoint<number, unknown, unknown>

/** What comes out of each of these has run, whatever it says. */
const local: Readonly<Record<string, Given>> = {
  'fromPromise that returns it': fromPromise(() => left(refused)),
  'fromPromise that returns it later': fromPromise(async () => failed('unavailable', 'REFUSED', 'no', { ran: 'no' })),
  'fromPromise that throws it': fromPromise(throwing),
  'fromPromise that rejects with it': fromPromise(() => Promise.reject(new CallError(refused))),
  'fromPromise that relays a remote': fromPromise((_: number, context) => call(remote, 1, { context })),
  fromEither: fromEither(() => E.left(refused)),
  fromTaskEither: fromTaskEither(() => async () => E.left(refused)),
  fromReaderTaskEither: fromReaderTaskEither(() => () => async () => E.left(refused)),
  'a plain endpoint': () => () => async () => left(refused),
  'a plain endpoint that throws it': () => () => throwing,
  'a plain endpoint that relays a remote from a call of its own': () => context => () => call(remote, 1, { context }),
}
const remote: Given = fromRemote('remote', async () => left(refused))

/** These know whether the work has begun. */
const knowing: Readonly<Record<string, Given>> = {
  'a remote that returns it': remote,
  'a remote that throws it': fromRemote('remote', throwing),
  'a layer that returns it': around({ name: 'a', enter: () => left(refused) })(fromPromise(() => 1)),
  'a layer that throws it': around({ name: 'a', enter: throwing })(fromPromise(() => 1)),
  'an interceptor that returns it': intercept({ name: 'a', run: () => left(refused) })(fromPromise(() => 1)),
  'an interceptor that throws it before it runs the rest': intercept({ name: 'a', run: throwing })(
    fromPromise(() => 1),
  ),
}

const wraps: Readonly<Record<string, Middleware>> = {
  'by itself': chain(),
  'in layers': chain(around({ name: 'a' }), around({ name: 'b' })),
  'in an interceptor': intercept({ name: 'a', run: (next, request, context) => next(request, context) }),
  'in a plain function': next => request => context => next(request)(context),
  'in a plain async function': next => request => context => async () => next(request)(context)(),
}

const inEach = (names: object) => Object.keys(names).flatMap(what => Object.keys(wraps).map(where => ({ what, where })))

const run = (endpoint: Given, where: string) =>
  call((wraps[where] as Middleware)(endpoint), 1, { context: testContext() })

describe(`a failure that says ran: 'no'`, () => {
  test.each(inEach(local))('from $what is not believed, $where', async ({ what, where }) => {
    expect(await run(local[what] as Given, where)).toEqual(left({ ...refused, ran: 'maybe' }))
  })

  test.each(inEach(knowing))('from $what stands, $where', async ({ what, where }) => {
    expect(await run(knowing[what] as Given, where)).toEqual(left(refused))
  })

  test.each(Object.keys(wraps))('thrown by an interceptor that has run the rest is not believed, %s', async where => {
    const late = intercept({
      name: 'late',
      async run(next, request, context) {
        await next(request, context)
        throw new CallError(refused)
      },
    })
    expect(await run(late(fromPromise(() => 1)), where)).toEqual(left({ ...refused, ran: 'maybe' }))
  })

  test.each(Object.keys(wraps))('thrown in a stream of our own is not believed, %s', async where => {
    const seen: Outcome[] = []
    const telling = around({ name: 'telling', exit: outcome => void seen.push(outcome) })
    const outcome = await run(telling(fromPromise(stream)), where)
    const reading = (async () => {
      if (outcome._tag === 'Right') for await (const _ of outcome.right as AsyncIterable<unknown>);
    })()
    await expect(reading).rejects.toMatchObject({ failure: { ...refused, ran: 'maybe' } })
    expect(seen).toEqual([left({ ...refused, ran: 'maybe' })])
  })

  test("from a mock stands, so that a test can play a remote's part", async () => {
    const { endpoint, next } = mockEndpoint()
    const answer = call(endpoint, 1)
    ;(await next()).fail(refused)
    expect(await answer).toEqual(left(refused))
  })

  test('stands beside domain failures, which pass untouched', async () => {
    const outOfStock = { _tag: 'OutOfStock', details: { sku: 'a' } } as const
    expect(
      await call(
        fromPromise(() => left(outOfStock)),
        1,
      ),
    ).toEqual(left(outOfStock))
  })
})

describe('what a plain function gives', () => {
  const responses: readonly unknown[] = [
    undefined,
    null,
    0,
    '',
    { _tag: 'Left', left: 'a caller sent this' },
    E.left(refused),
    E.right(1),
    JSON.parse('{"_tag":"Right","right":1,"tenon.either":true}'),
  ]
  test.each(responses)('is the response, unless our left or right made it: %j', async response => {
    const outcome = await call(
      fromPromise(async () => response),
      1,
    )
    expect(outcome).toEqual(right(response))
    expect((outcome as { right: unknown }).right).toBe(response)
  })

  test('may be what call gave, which is then the outcome', async () => {
    const relaying = (endpoint: Given) => fromPromise((_: number, context) => call(endpoint, 1, { context }))
    const answers: Readonly<Record<string, Given>> = {
      ours: fromPromise(() => 'answer'),
      'a remote with another Either': fromRemote('remote', async () => E.right('answer')),
      'a plain endpoint with another Either': () => () => async () => E.right('answer'),
      'an interceptor with another Either': intercept({ name: 'a', run: () => E.right('answer') })(
        fromPromise(() => 1),
      ),
    }
    for (const [what, endpoint] of Object.entries(answers)) {
      expect(await call(relaying(endpoint), 1), what).toEqual(right('answer'))
    }
    const failing = fromRemote('remote', async () => E.left(failureOf('not_found', 'NONE', 'none')))
    expect(await call(relaying(failing), 1)).toMatchObject({ _tag: 'Left', left: { reason: 'NONE' } })
    const streaming = (wrap: Middleware) => relaying(wrap(fromPromise(async function* () {})))
    for (const wrap of Object.values(wraps)) {
      const outcome = await call(streaming(wrap), 1)
      expect(Symbol.asyncIterator in (outcome as { right: object }).right).toBe(true)
    }
  })
})

describe('the constructors', () => {
  const ok = (n: number, context: Context): string => `${n} of attempt ${context.attempt}`
  const outOfStock = { _tag: 'OutOfStock', details: 1 } as const
  const makers: Readonly<Record<string, (f: (n: number, c: Context) => string | typeof outOfStock) => Given>> = {
    'fromPromise, at once': f => fromPromise((n: number, c) => toOurs(f(n, c))),
    'fromPromise, later': f => fromPromise(async (n: number, c) => toOurs(f(n, c))),
    fromEither: f => fromEither((n: number, c) => toEither(f(n, c))),
    fromTaskEither: f => fromTaskEither((n: number, c) => async () => toEither(f(n, c))),
    fromReaderTaskEither: f => fromReaderTaskEither((n: number) => (c: Context) => async () => toEither(f(n, c))),
    fromRemote: f => fromRemote('remote', (n: number, c) => toEither(f(n, c))),
  }
  const toOurs = (given: string | typeof outOfStock) => (typeof given === 'string' ? right(given) : left(given))
  const toEither = (given: string | typeof outOfStock): E.Either<typeof outOfStock, string> =>
    typeof given === 'string' ? E.right(given) : E.left(given)

  test.each(Object.entries(makers))('%s gives the response, the failure or a defect', async (_name, make) => {
    const thrown: unknown[] = []
    const context = testContext({ onDefect: each => void thrown.push(each) })
    expect(await call(make(ok), 7, { context })).toEqual(right('7 of attempt 1'))
    expect(
      await call(
        make(() => outOfStock),
        7,
        { context },
      ),
    ).toEqual(left(outOfStock))
    const broken = make(() => {
      throw new Error('!')
    })
    expect(await call(broken, 7, { context })).toMatchObject({ left: { code: 'internal', reason: 'DEFECT' } })
    expect(thrown.map(String)).toEqual(['Error: !'])
  })

  test.each([
    { what: 'fromEither', endpoint: fromEither(() => undefined as never) },
    { what: 'fromTaskEither', endpoint: fromTaskEither(() => async () => undefined as never) },
    { what: 'fromTaskEither', endpoint: fromTaskEither(() => undefined as never) },
    { what: 'fromReaderTaskEither', endpoint: fromReaderTaskEither(() => undefined as never) },
  ])('$what of a function that gives rubbish fails as a defect', async ({ endpoint }) => {
    const context = testContext({ onDefect: () => {} })
    expect(await call(endpoint, 1, { context })).toMatchObject({ left: { reason: 'DEFECT' } })
  })
})
