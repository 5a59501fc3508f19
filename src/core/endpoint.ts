// The one idea: a service is a set of endpoints, and everything else is a function from endpoint to endpoint. The types
// are fp-ts's, so that its combinators work on them; nothing of fp-ts is loaded.
import type { ReaderTaskEither } from 'fp-ts/lib/ReaderTaskEither.js'
import type { Context } from './context.js'
import type { Failure } from './failure.js'

/**
 * From a request to a response or a typed failure: `endpoint(request)(context)()`. The promise never rejects.
 * `E` is the union of domain failures; `R` is what the context must offer. Call it with `call`.
 */
export type Endpoint<Req, Res, E = never, R = Context> = (request: Req) => ReaderTaskEither<R, Failure | E, Res>

/** Keeps an endpoint's shape: fits any endpoint, adds behaviour. A bare call signature, so that `flow(a, b)` is one. */
export type Middleware = <Req, Res, E, R extends Context>(next: Endpoint<Req, Res, E, R>) => Endpoint<Req, Res, E, R>

declare const provides: unique symbol

/** `R` without what `P` supplies. Keeps what P supplies with another type than R needs: that stays missing. */
export type Without<R, P> = Context & {
  readonly [K in keyof R as K extends keyof Context
    ? never
    : K extends keyof P
      ? P[K] extends R[K]
        ? never
        : K
      : K]: R[K]
}

/** Supplies `P` to the context of an endpoint, which then needs it no longer: `authenticate` is one. */
export interface Provider<P> {
  <Req, Res, E, R extends Context>(next: Endpoint<Req, Res, E, R>): Endpoint<Req, Res, E, Without<R, P>>
  readonly [provides]: P
}

/** Needs `N` in the context, whatever the endpoint itself needs: `authorize` is one. */
export type Guard<N> = <Req, Res, E, R extends Context>(next: Endpoint<Req, Res, E, R>) => Endpoint<Req, Res, E, R & N>

/** The context property of an endpoint that knows its caller. */
export interface Authenticated<P> {
  readonly principal: P
}
