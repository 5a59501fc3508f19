/** What a limit reads in the context shows in its type, and its key needs no annotation where it reads nothing special. */
import type { Cluster, Redis } from 'ioredis'
import { type Authenticated, type Context, chain, fromPromise, type Middleware, provide } from 'tenon'
import type { Service } from 'tenon/contract'
import {
  type Bulkhead,
  type BulkheadFor,
  bulkhead,
  idempotencyKey,
  type RateLimit,
  type RateLimitFor,
  rateLimit,
} from 'tenon/middleware'
import { redisStore } from 'tenon/store/redis'

interface User {
  readonly id: string
}
const login = provide<Authenticated<User>>({ name: 'login', enter: () => ({ provide: { principal: { id: 'ada' } } }) })
const done = fromPromise(async (_: { readonly sku: string }) => 'done')
declare function of<T>(): T
declare const service: Service<Record<never, never>, never, Context>

// Without a key, and with one that reads what every context has, it is a middleware.
const plain: Bulkhead = bulkhead({ maxConcurrent: 1 })
const byAddress: Middleware = bulkhead({ maxConcurrent: 1, key: (_, context) => context.peer.address })
export const limited = chain(login, plain, byAddress)(done)

// With one that reads a principal, it is a guard of just that.
const byUser: BulkheadFor<Authenticated<User>> = bulkhead({
  maxConcurrent: 1,
  key: (_, context: Context & Authenticated<User>) => context.principal.id,
})
export const user = service.use(login).use(byUser)
export const inFlight: number = byUser.inFlight
// @ts-expect-error nobody has provided the principal
service.use(byUser)
// @ts-expect-error a guard does not pass for a middleware: what it needs would be forgotten
export const forgotten: Middleware = byUser
// @ts-expect-error the context has no such thing
bulkhead({ maxConcurrent: 1, key: (_, context) => context.principal.id })

// The same of a rate limit, and of a connection of ioredis, which is what a store in Redis needs.
const perAddress: RateLimit = rateLimit({ limit: 1, windowMs: 1, key: (_, context) => context.peer.address })
const perUser: RateLimitFor<Authenticated<User>> = rateLimit({
  limit: 1,
  windowMs: 1,
  key: (_, context: Context & Authenticated<User>) => context.principal.id,
  store: redisStore(of<Redis>()),
})
export const limits = service.use(login).use(perAddress).use(perUser)
export const inCluster = redisStore(of<Cluster>())
// @ts-expect-error nobody has provided the principal
service.use(perUser)

// And of an idempotency key whose principal is in the context.
const once = idempotencyKey({
  key: (_, { metadata }) => metadata.get('idempotency-key'),
  principal: (context: Context & Authenticated<User>) => context.principal.id,
  store: redisStore(of<Redis>()),
})
export const ordering = service.use(login).use(once)
// @ts-expect-error nobody has provided the principal
service.use(once)
