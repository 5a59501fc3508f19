/** What compiles of contracts and what must not. Each block names the regression that it pins. Compiled by the type check, never run. */
import { toJsonSchema } from '@valibot/to-json-schema'
import { type } from 'arktype'
import * as E from 'fp-ts/lib/Either.js'
import {
  type AnyService,
  type Authenticated,
  type CallError,
  type Client,
  type Context,
  call,
  callOrThrow,
  chain,
  connect,
  contract,
  type Endpoint,
  type Failure,
  failed,
  failure,
  fromPromise,
  type Guard,
  implement,
  left,
  type Middleware,
  method,
  type Provider,
  right,
  stream,
} from 'tenon'
import * as memory from 'tenon/transport/memory'
import * as v from 'valibot'
import { z } from 'zod'

/** Compiles when both are the same type, `never` and `any` included. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
declare function proven<_ extends true>(): void
declare function of<T>(): T

interface Principal {
  readonly id: string
}
interface Gone {
  readonly _tag: 'Gone'
  readonly details: { readonly id: string; readonly at: Date }
}

const PlaceOrder = z.object({
  sku: z.string(),
  when: z.string().transform(text => new Date(text)),
  count: z.number().default(1),
})
const Order = v.object({ id: v.string(), count: v.number() })
const Ref = type({ id: 'string' })
const GoneDetails = z.object({ id: z.string(), at: z.string().transform(text => new Date(text)) })
const Orders = contract(
  'shop.v1.Orders',
  {
    get: method({ request: Ref, response: Order, idempotency: 'safe', http: { get: '/orders/{id}' } }),
    place: method({
      request: PlaceOrder,
      response: Order,
      failures: {
        OutOfStock: failure('failed_precondition', z.object({ sku: z.string() })),
        Gone: failure('not_found', GoneDetails),
      },
      idempotency: 'unsafe',
    }),
    watch: method({ request: Ref, response: stream(Order), idempotency: 'safe' }),
    upload: method({ request: stream(PlaceOrder), response: Ref, idempotency: 'unsafe' }),
  },
  { toJsonSchema },
)
type OrderMethods = typeof Orders.methods

const authenticate = of<Provider<Authenticated<Principal>>>()
const authorize = of<Guard<Authenticated<Principal>>>()
const breaker = of<() => Middleware>()
const order = { id: '1', count: 1 }

// Handlers are plain functions with the types of the contract, whatever library each schema is of.
const whole = implement(Orders)
  .handlers({ get: async ({ id }) => ({ id, count: 1 }) })
  .use(authenticate)
  .use(breaker())
  .use(chain(breaker(), breaker()))
  .usePerMethod(({ name }) => (name === 'place' ? breaker() : breaker()))
  .handlers({
    place: async (request, context) => {
      proven<Same<typeof request, { sku: string; when: Date; count: number }>>()
      proven<Same<typeof context.principal, Principal>>()
      if (request.count > 3) return left({ _tag: 'OutOfStock', details: { sku: request.sku } })
      if (request.count > 2) return left(Orders.failures.Gone({ id: '1', at: '2026-01-01' }))
      if (request.count > 1) return failed('aborted', 'BUSY', 'busy')
      return { id: context.principal.id, count: request.count }
    },
    watch: async function* (request, { signal }) {
      proven<Same<typeof request, { id: string }>>()
      if (!signal.aborted) yield { id: request.id, count: 1 }
    },
    upload: async requests => {
      for await (const request of requests) proven<Same<typeof request, { sku: string; when: Date; count: number }>>()
      return right({ id: '1' })
    },
  })
const complete: AnyService = whole
memory.client(whole)

// A stream may be given by a generator, by a function that makes one, or by any iterable.
implement(Orders).handlers({ watch: ({ id }) => generate(id) })
implement(Orders).handlers({ watch: async ({ id }) => generate(id) })
implement(Orders).handlers({ watch: async () => of<AsyncIterable<{ id: string; count: number }>>() })
async function* generate(id: string): AsyncGenerator<{ id: string; count: number }> {
  yield { id, count: 1 }
}
// @ts-expect-error items of another type
implement(Orders).handlers({ watch: () => of<AsyncGenerator<{ id: number; count: number }>>() })
// @ts-expect-error one message instead of a stream
implement(Orders).handlers({ watch: () => order })
// @ts-expect-error a stream instead of one message
implement(Orders).handlers({ get: ({ id }) => generate(id) })

// A service is served only when each method is implemented.
const some = implement(Orders).handlers({ get: () => order })
proven<Same<(typeof some)['missing'], readonly ('place' | 'watch' | 'upload')[]>>()
// @ts-expect-error methods are missing
memory.client(some)
// @ts-expect-error methods are missing
const incomplete: AnyService = some

// What a handler returns is what the method's schema takes.
// @ts-expect-error a count that is no number
implement(Orders).handlers({ get: async ({ id }) => ({ id, count: 'x' }) })
// @ts-expect-error a response without its id
implement(Orders).handlers({ get: () => ({ count: 1 }) })
// @ts-expect-error nothing
implement(Orders).handlers({ get: () => {} })
// @ts-expect-error a failure that the method does not declare
implement(Orders).handlers({ place: async () => left({ _tag: 'Nope', details: {} }) })
// @ts-expect-error a failure that another method declares
implement(Orders).handlers({ get: async () => left({ _tag: 'OutOfStock', details: { sku: 'x' } }) })
// @ts-expect-error details of another type
implement(Orders).handlers({ place: async () => left({ _tag: 'OutOfStock', details: { sku: 7 } }) })
// @ts-expect-error fp-ts's left: only ours counts, so that no response can pose as a failure
implement(Orders).handlers({ place: async () => E.left({ _tag: 'OutOfStock', details: { sku: 'x' } }) })
// @ts-expect-error fp-ts's right
implement(Orders).handlers({ get: async () => E.right(order) })
// @ts-expect-error a look-alike
implement(Orders).handlers({ get: async () => ({ _tag: 'Right', right: order }) })

// What `call` gives may be returned.
implement(Orders).handlers({
  get: (request, context) => call(of<Client<OrderMethods>>().get, request, { context }),
})

// The context has a principal only from `use(authenticate)` on.
// @ts-expect-error there is no principal yet
implement(Orders).handlers({ get: (_, context) => ({ id: context.principal.id, count: 1 }) })
// @ts-expect-error the guard needs a provider before it
implement(Orders).use(authorize)
implement(Orders)
  .use(authenticate)
  .use(authorize)
  .handlers({ get: () => order })

// What a service leaves to whoever serves it is part of its type until that is provided.
const asking = implement(Orders)
  .requires<Authenticated<Principal>>()
  .use(authorize)
  .handlers({
    get: (_, { principal }) => ({ id: principal.id, count: 1 }),
    place: () => order,
    watch: ({ id }) => generate(id),
    upload: () => ({ id: '1' }),
  })
const needy: AnyService<Authenticated<Principal> & Context> = asking
memory.client(asking.provide(authenticate))
// @ts-expect-error nobody gives the principal
memory.client(asking)
// @ts-expect-error nor here
memory.client(needy)
// @ts-expect-error what is provided is of another type
memory.client(asking.provide(of<Provider<Authenticated<string>>>()))

// Each method is there once, and nothing else is.
// @ts-expect-error the contract has no such method
implement(Orders).handlers({ nope: async () => order })
// @ts-expect-error it is implemented already
some.handlers({ get: () => order })
// @ts-expect-error as an endpoint it is, too
some.endpoints({ get: fromPromise(() => order) })

// Endpoints fit where their request and response do.
implement(Orders).endpoints({
  get: breaker()(fromPromise(async ({ id }: { readonly id: string }) => ({ id, count: 1 }))),
})
// @ts-expect-error a response of another type
implement(Orders).endpoints({ get: fromPromise(async ({ id }: { readonly id: string }) => ({ id })) })
const needing = fromPromise((_: { readonly id: string }, context: Context & Authenticated<Principal>) => ({
  id: context.principal.id,
  count: 1,
}))
// @ts-expect-error what it needs is not supplied
implement(Orders).endpoints({ get: needing })
implement(Orders).use(authenticate).endpoints({ get: needing })

// A client passes the input of the schemas and gets their output.
const client = connect(Orders, memory.client(complete))
proven<Same<keyof typeof client, 'get' | 'place' | 'watch' | 'upload'>>()
type OutOfStock = { readonly _tag: 'OutOfStock'; readonly details: { sku: string } }
type PlaceInput = { sku: string; when: string; count?: number | undefined }
const place: Endpoint<PlaceInput, { id: string; count: number }, OutOfStock | Gone> = client.place
const watch: Endpoint<{ id: string }, AsyncIterable<{ id: string; count: number }>> = client.watch
const upload: Endpoint<AsyncIterable<PlaceInput>, { id: string }> = client.upload
// @ts-expect-error the output of the schema
client.place({ sku: 's', when: new Date() })
// @ts-expect-error a field is missing
client.place({ sku: 's' })
// @ts-expect-error the failures are typed
const noFailures: Endpoint<PlaceInput, { id: string; count: number }> = client.place

async function failures(): Promise<void> {
  const outcome = await call(breaker()(client.place), { sku: 's', when: '2026-01-01' })
  if (outcome._tag === 'Right') return
  const failure = outcome.left
  proven<Same<(typeof failure)['_tag'], 'Failure' | 'OutOfStock' | 'Gone'>>()
  if (failure._tag === 'Gone') proven<Same<typeof failure.details.at, Date>>()
  if (failure._tag === 'Failure') proven<Same<typeof failure, Failure>>()
  const get = await call(client.get, { id: '1' })
  if (get._tag === 'Left') proven<Same<typeof get.left, Failure>>()
  proven<Same<Awaited<ReturnType<typeof getOrThrow>>, { id: string; count: number }>>()
}
const getOrThrow = () => callOrThrow(client.get, { id: '1' })

// Failures are made by their tag, with the input of their schema.
proven<Same<keyof typeof Orders.failures, 'OutOfStock' | 'Gone'>>()
const gone: { readonly _tag: 'Gone'; readonly details: { id: string; at: string } } = Orders.failures.Gone({
  id: '1',
  at: '2026-01-01',
})
// @ts-expect-error the output of the schema
Orders.failures.Gone({ id: '1', at: new Date() })
// @ts-expect-error no method declares it
Orders.failures.Nope({})

// Options that do not exist, or have another type, do not compile.
// @ts-expect-error there is no such option
method({ request: Ref, response: Ref, idempotency: 'safe', nope: 1 })
// @ts-expect-error nor such a level of idempotency
method({ request: Ref, response: Ref, idempotency: 'sometimes' })
// @ts-expect-error idempotency decides what may be retried: it must be said
method({ request: Ref, response: Ref })
// @ts-expect-error nor such a code
failure('conflict', Ref)
// @ts-expect-error no schema
method({ request: String, response: Ref, idempotency: 'safe' })

// A contract's methods may be named apart from it, as users' own helpers do.
function first<K extends keyof OrderMethods>(name: K): Client<OrderMethods>[K] {
  return client[name]
}

export { type CallError, failures, first, gone, incomplete, noFailures, place, upload, watch }
