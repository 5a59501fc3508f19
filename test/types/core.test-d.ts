/** What compiles and what must not. Each block names the regression that it pins. Compiled by the type check, never run. */
import * as E from 'fp-ts/lib/Either.js'
import { flow, pipe } from 'fp-ts/lib/function.js'
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js'
import {
  type Authenticated,
  around,
  type CallError,
  type CallOptions,
  type Context,
  call,
  callOrThrow,
  chain,
  type Endpoint,
  extend,
  type Failure,
  failed,
  fromEither,
  fromPromise,
  fromReaderTaskEither,
  fromRemote,
  fromTaskEither,
  type Guard,
  guard,
  intercept,
  isLeft,
  type Left,
  left,
  type Middleware,
  mockEndpoint,
  type Provider,
  provide,
  type Right,
  right,
  testContext,
  withOutgoing,
} from '../../src/core/index.js'

/** Compiles when both are the same type, `never` and `any` included. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
declare function proven<_ extends true>(): void
declare function of<T>(): T

interface Principal {
  readonly id: string
  readonly roles: readonly string[]
}
interface Tenant {
  readonly tenant: string
}
interface AppContext extends Context, Authenticated<Principal> {}
interface FullContext extends AppContext, Tenant {}
interface OutOfStock {
  readonly _tag: 'OutOfStock'
  readonly details: { readonly sku: string }
}
interface TooLate {
  readonly _tag: 'TooLate'
  readonly details: undefined
}

const timeout = (ms: number): Middleware => around({ name: 'timeout', options: { ms } })
const breaker = (): Middleware => around({ name: 'breaker' })
const auth: Provider<Authenticated<Principal>> = provide<Authenticated<Principal>>({
  name: 'auth',
  enter: () => ({ provide: { principal: { id: 'ada', roles: [] } } }),
})
const tenant: Provider<Tenant> = provide({ name: 'tenant', enter: async () => ({ provide: { tenant: 'a' } }) })
const authorize = (role: string): Guard<Authenticated<{ readonly roles: readonly string[] }>> =>
  guard<Authenticated<{ readonly roles: readonly string[] }>>({
    name: 'authorize',
    enter: ({ principal }) => (principal.roles.includes(role) ? undefined : failed('permission_denied', 'NO', 'no')),
  })
const serveable = (_: Endpoint<never, unknown, unknown, Context>): void => {}

const open = fromPromise(async (n: number) => `${n}`)
const named = fromPromise(async (_: number, context: AppContext) => context.principal.id)
const weak = fromPromise(
  async (_: number, context: Context & Authenticated<{ readonly id: string }>) => context.principal,
)
const both = fromPromise(async (_: number, context: FullContext) => context.tenant)

// Pins: a middleware keeps the shape, whichever of fp-ts's or our own ways puts it together. One optional property on
// Middleware would break the `flow`.
const composed: Middleware = flow(timeout(1), breaker())
const chained: Middleware = chain(timeout(1), composed, chain())
const written: Middleware = next => request => context => next(request)(context)
const intercepted: Middleware = intercept({ name: 'i', run: (next, request, context) => next(request, context) })
const kept = pipe(named, composed, chained, written, intercepted)
proven<Same<typeof kept, Endpoint<number, string, never, AppContext>>>()

// Pins: what an endpoint reads from its context is in its type, and a server takes it only when all of it was supplied.
serveable(open)
serveable(auth(named))
serveable(auth(weak))
serveable(auth(tenant(both)))
serveable(tenant(auth(both)))
serveable(pipe(both, timeout(1), auth, breaker(), tenant))
serveable(pipe(both, flow(timeout(1), auth, tenant)))
serveable(chain(auth, breaker(), timeout(1))(named))
serveable(chain(auth)(named))
serveable(auth(open))
serveable(pipe(open, authorize('admin'), auth))
serveable(pipe(named, authorize('admin'), breaker(), auth))
// @ts-expect-error nobody has supplied the principal
serveable(named)
// @ts-expect-error the tenant is still missing
serveable(auth(both))
// @ts-expect-error the guard needs a principal
serveable(pipe(open, authorize('admin')))
// @ts-expect-error the provider is inside the guard, and runs too late
serveable(pipe(open, auth, authorize('admin')))
// @ts-expect-error a provider of another type of principal supplies nothing
serveable(of<Provider<Authenticated<number>>>()(named))
// @ts-expect-error a provider of less than is needed supplies nothing
serveable(of<Provider<Authenticated<{ readonly id: string }>>>()(named))

// Pins: what a provider supplies cannot be had without the type saying so. It does pass for a middleware (an endpoint that
// needs less stands where one that needs more is expected), but then nothing is supplied in the types, and what it wraps
// cannot be served: a mistake in the safe direction. A guard passes for none: what it needs would be forgotten.
const disguised: Middleware = auth
const tooFarIn = chain(breaker(), auth)(named)
// @ts-expect-error
serveable(disguised(named))
// @ts-expect-error
serveable(tooFarIn)
// @ts-expect-error
const _guard: Middleware = authorize('admin')
// @ts-expect-error
chain(breaker(), authorize('admin'))
// @ts-expect-error a middleware supplies nothing
const _middleware: Provider<Tenant> = breaker()
// @ts-expect-error a provider of something else
const _other: Provider<Tenant> = auth
const stillProvider: Provider<Authenticated<Principal>> = chain(auth, breaker(), timeout(1))
// @ts-expect-error what changes the response is no middleware
const _transform: Middleware = (next: Endpoint<number, string>) => RTE.map((s: string) => s.length)(next(1))

// Pins: failures accumulate in E, and the Failure that every endpoint may meet is not among them.
const stock = fromPromise(async (n: number) => {
  if (n === 0) return left<OutOfStock>({ _tag: 'OutOfStock', details: { sku: 'a' } })
  if (n === 1) return left<TooLate>({ _tag: 'TooLate', details: undefined })
  if (n === 2) return failed('not_found', 'NONE', 'none')
  if (n === 3) return right(1)
  return { rows: n }
})
proven<Same<typeof stock, Endpoint<number, number | { rows: number }, OutOfStock | TooLate>>>()
proven<Same<typeof open, Endpoint<number, string>>>()
const atOnce = fromPromise((n: number) => (n === 0 ? left<OutOfStock>(of<OutOfStock>()) : n))
proven<Same<typeof atOnce, Endpoint<number, number, OutOfStock>>>()
const failing = fromPromise(async () => failed('not_found', 'NONE', 'none'))
proven<Same<typeof failing, Endpoint<unknown, never>>>()
const stream = fromPromise(async function* (n: number) {
  yield n
})
proven<Same<typeof stream, Endpoint<number, AsyncGenerator<number, void, unknown>>>>()
const either = fromEither((n: number): E.Either<Failure | OutOfStock, number> => E.right(n))
const taskEither = fromTaskEither(
  (n: number) => async (): Promise<E.Either<Failure | OutOfStock, number>> => E.right(n),
)
const reader = fromReaderTaskEither((n: number) => RTE.fromEither<Failure | OutOfStock, number, AppContext>(E.right(n)))
proven<Same<typeof either, Endpoint<number, number, OutOfStock>>>()
proven<Same<typeof taskEither, Endpoint<number, number, OutOfStock>>>()
proven<Same<typeof reader, Endpoint<number, number, OutOfStock, AppContext>>>()
const answered = await call(stock, 1)
if (isLeft(answered)) {
  proven<Same<typeof answered.left, Failure | OutOfStock | TooLate>>()
  if (answered.left._tag === 'OutOfStock') answered.left.details.sku satisfies string
  // @ts-expect-error not every failure has details of that kind
  answered.left.details.sku
} else {
  proven<Same<typeof answered.right, number | { rows: number }>>()
}
proven<Same<Awaited<ReturnType<typeof callOrThrow<number, string, OutOfStock, Context>>>, string>>()
// Middleware pass E on as it is.
const wrapped = chain(breaker(), written)(stock)
proven<Same<typeof wrapped, typeof stock>>()

// Pins: in a plain function only our left and right end the call with a failure. fp-ts's own are taken for the response, and
// so they are in the type: the handler whose author meant a failure does not fit where its response type is declared.
const lookalike = fromPromise(async (n: number) => (n === 0 ? E.left('no') : E.right(n)))
proven<Same<typeof lookalike, Endpoint<number, E.Either<string, number>>>>()
// @ts-expect-error the response would be an Either, not a number
const _declared: Endpoint<number, number, string> = lookalike
// What `call` gives is ours: a handler may return it as its own outcome.
const relaying = fromPromise((n: number, context) => call(stock, n, { context }))
proven<Same<typeof relaying, Endpoint<number, number | { rows: number }, OutOfStock | TooLate>>>()
// Ours are accepted wherever fp-ts's are.
const _left: E.Either<OutOfStock, number> = left(of<OutOfStock>())
const _right: E.Either<OutOfStock, number> = right(1)
pipe(
  right(1),
  E.map(n => n + 1),
) satisfies E.Either<unknown, number>
// @ts-expect-error a look-alike is not ours
const _ours: Left<string> | Right<number> = E.right(1)

// Pins: `provide` is required exactly when R needs more than Context.
void call(open, 1)
void call(open, 1, { context: testContext(), deadlineMs: 5 })
void call(auth(named), 1)
void call(named, 1, { provide: { principal: { id: 'a', roles: [] } } })
void callOrThrow(both, 1, { provide: { principal: { id: 'a', roles: [] }, tenant: 'a' }, deadlineMs: 5 })
void call(named, 1, { context: of<AppContext>() })
void call(both, 1, { context: of<FullContext>() })
// @ts-expect-error a context that has half of what it needs
void call(both, 1, { context: of<AppContext>() })
// @ts-expect-error the principal is missing
void call(named, 1)
// @ts-expect-error the principal is missing
void callOrThrow(named, 1)
// @ts-expect-error other options do not make up for it
void call(named, 1, { context: testContext() })
// @ts-expect-error half of what it needs
void call(both, 1, { provide: { tenant: 'a' } })
// @ts-expect-error a principal of another type
void call(named, 1, { provide: { principal: 3 } })
// @ts-expect-error nothing is needed
void call(open, 1, { provide: { principal: 3 } })
// @ts-expect-error another request
void call(open, '1')

// Pins: a wrong name of an option is found, not ignored.
// @ts-expect-error timeoutMs is not what it is called
void call(open, 1, { timeoutMs: 5 })
// @ts-expect-error
const _options: CallOptions = { deadline: 5 }
// @ts-expect-error onExit is not what it is called
around({ name: 'a', onExit: () => {} })
// @ts-expect-error a layer needs a name
around({ enter: () => undefined })
// @ts-expect-error
testContext({ deadline: 5 })
// @ts-expect-error
failed('not_found', 'NONE', 'none', { retryAfter: 5 })
// @ts-expect-error no such code
failed('missing', 'NONE', 'none')

// Pins: a context is neither spread nor made by hand: the signal and all else that is private would be gone.
const context = of<Context>()
// @ts-expect-error
const _spread: Context = { ...context }
// @ts-expect-error
const _changed: Context = { ...context, deadline: 1 }
// @ts-expect-error
const _made: Context = { signal: context.signal, deadline: 1, metadata: new Map(), attempt: 1 }
const extended: AppContext = extend(context, { principal: { id: '1', roles: [] } })
const further: FullContext = extend(extended, { tenant: 'a' })
const sending: FullContext = withOutgoing(further, { a: 'b' })
// @ts-expect-error what every context has cannot be replaced
extend(context, { signal: 1 })
// @ts-expect-error
context.deadline = 1
// @ts-expect-error
context.metadata.set('a', 'b')

// Pins: the state that enter gives is the state that exit gets.
around<number>({
  name: 'a',
  enter: () => ({ state: 1 }),
  exit: (outcome, state) => void [outcome._tag, state.toFixed()],
})
around<Date>({
  name: 'a',
  // @ts-expect-error a state of another type
  enter: () => ({ state: 1 }),
})
around({
  name: 'a',
  // @ts-expect-error a layer may not answer in the endpoint's place: it knows nothing of its types
  enter: () => right(1),
})
// A refusal is a Failure: a middleware that fits any endpoint cannot add to its E.
around({
  name: 'a',
  // @ts-expect-error
  enter: () => left(of<OutOfStock>()),
})
// A provider supplies what its type says.
// @ts-expect-error
provide<Tenant>({ name: 'a', enter: () => ({ provide: { tenant: 7 } }) })
// @ts-expect-error
provide<Tenant>({ name: 'a', enter: () => undefined })

// Pins: endpoints are fp-ts's functions, and what its combinators make of them is an endpoint still.
const shorter: Endpoint<number, number> = flow(
  open,
  RTE.map(s => s.length),
)
const recovered = (n: number) =>
  pipe(
    stock(n),
    RTE.orElse(() => RTE.right<Context, never, number | { rows: number }>(0)),
  )
serveable(breaker()(shorter))
serveable(recovered)
const remote = fromRemote<{ readonly id: string }, number, OutOfStock>('http', async ({ id }) => E.right(id.length))
proven<Same<typeof remote, Endpoint<{ readonly id: string }, number, OutOfStock>>>()
const { endpoint: mocked } = mockEndpoint<number, string, OutOfStock>()
proven<Same<typeof mocked, Endpoint<number, string, OutOfStock>>>()

// Pins: variance. An endpoint that needs less, fails less and gives more stands where another is expected; not the reverse.
const _lessNeeded: Endpoint<number, string, OutOfStock, AppContext> = open
const _moreGiven: Endpoint<1, string | number, OutOfStock, FullContext> = named
// @ts-expect-error needs more
const _moreNeeded: Endpoint<number, string> = named
// @ts-expect-error fails in more ways
const _moreFailures: Endpoint<number, number | { rows: number }, OutOfStock> = stock
// @ts-expect-error takes less
const _lessTaken: Endpoint<number | string, string> = open

// Pins: a CallError of some failures is one of more failures.
const _error: CallError<OutOfStock | TooLate> = of<CallError<OutOfStock>>()
// @ts-expect-error
const _fewer: CallError<OutOfStock> = of<CallError<OutOfStock | TooLate>>()

void [stillProvider, sending]
