// From a contract and plain functions to a service that any transport can serve.

import { carriedOf } from '../core/context.js'
import type {
  Context,
  DomainFailure,
  Endpoint,
  Failure,
  Guard,
  Left,
  Middleware,
  Outcome,
  Provider,
  Right,
  Without,
} from '../core/index.js'
import { intercept, isFailure, left, type MethodInfo, withMethod } from '../core/index.js'
import { endpointOf } from '../core/make.js'
import type { Scope } from '../core/scope.js'
import { functionLeaf, Stack } from '../core/stack.js'
import { isStream } from '../core/stream.js'
import type { ServedMethod } from './binding.js'
import type { Contract } from './contract.js'
import type { AnyMethod, DomainInput, Method, RequestOutput, ResponseInput } from './method.js'
import { receive, rejectRequest } from './receive.js'
import { untilCallEnds } from './request-stream.js'
import type { InputOf, OutputOf } from './schema.js'
import type { MethodSpec } from './spec.js'
import { ownFailure } from './wire-failure.js'

/** A method's business as a plain function. It may return the response, or `left(...)`/`failed(...)`, now or later. */
export type Handler<X, Ctx> =
  X extends Method<infer Rq, infer Rs, infer F>
    ? (
        request: OutputOf<Rq>,
        context: Ctx,
      ) => MaybePromise<InputOf<Rs> | Left<Failure | DomainInput<F>> | Right<InputOf<Rs>>>
    : never
type MaybePromise<T> = T | Promise<T>

/** What a guard needs, read off what it makes of an endpoint: a policy that is a guard is no plain `Guard<N>` to infer from. */
export type NeededBy<G> = G extends (
  next: Endpoint<unknown, unknown, unknown, Context>,
) => Endpoint<unknown, unknown, unknown, infer R>
  ? R
  : never

/** What `use` asks of what it cannot take, and nothing has: the compiler's message names the property that is missing, not `never`. */
export type Unfit<N> = [N] extends [never]
  ? { readonly 'it changes requests or responses: put it around an endpoint, and that into endpoints()': never }
  : { readonly 'use a provider of this before it': N }

/** A method's business as a finished endpoint, with middleware of its own: these see the request validated. */
export type ServerEndpoint<X, R = Context> =
  X extends Method<infer _Rq, infer _Rs, infer F>
    ? Endpoint<RequestOutput<X>, ResponseInput<X>, DomainInput<F>, R>
    : never

/**
 * A service in the making; complete when nothing is `missing`. Each step gives a new one. Handlers see `Ctx`; whoever serves it must
 * put `R` into the contexts of calls.
 */
export interface Service<
  M extends Readonly<Record<string, AnyMethod>>,
  Missing extends keyof M,
  Ctx extends Context,
  R = Context,
> {
  readonly contract: Contract<M>
  /** The methods that have no handler yet. */
  readonly missing: readonly Missing[]
  /** The methods that have one, ready to be served. */
  readonly methods: ReadonlyMap<string, ServedMethod<R>>
  /** Implements methods as plain functions. Throws `TypeError` for one that the contract has not, or that is there already. */
  handlers<H extends { readonly [K in Missing]?: Handler<M[K], Ctx> }>(
    handlers: H & { readonly [K in Exclude<keyof H, Missing>]: never },
  ): Service<M, Exclude<Missing, keyof H>, Ctx, R>
  /** Implements methods as finished endpoints. */
  endpoints<H extends { readonly [K in Missing]?: ServerEndpoint<M[K], Ctx> }>(
    endpoints: H & { readonly [K in Exclude<keyof H, Missing>]: never },
  ): Service<M, Exclude<Missing, keyof H>, Ctx, R>
  /**
   * Puts a middleware around the methods implemented *after* it; the first is outermost. It sees requests as they came, before
   * validation. State it keeps is shared by those methods.
   */
  use<P>(provider: Provider<P>): Service<M, Missing, Ctx & P, R>
  /** A middleware that changes nothing about the context's type. */
  use(middleware: Middleware): Service<M, Missing, Ctx, R>
  /** A guard comes after the provider of what it needs. */
  use<G extends Guard<never>>(guard: Ctx extends NeededBy<G> ? G : Unfit<NeededBy<G>>): Service<M, Missing, Ctx, R>
  /** As {@link use}, with a middleware made for each method: `usePerMethod(() => breaker())` shares no breaker. */
  usePerMethod(make: (method: MethodInfo) => Middleware): Service<M, Missing, Ctx, R>
  /**
   * Leaves a part of the context to whoever serves it: the methods implemented after it see `N`, and the service fits only what gives
   * that, such as an Express router with the app's own user. {@link provide} gives it elsewhere.
   */
  requires<N extends object>(): Service<M, Missing, Ctx & N, R & N>
  /** Gives all methods what they left to whoever serves them: the provider goes around everything, whenever it was put there. */
  provide<P>(provider: Provider<P>): Service<M, Missing, Ctx, Without<R, P>>
}

type Wrap = (
  endpoint: Endpoint<unknown, unknown, unknown, Context>,
  method: MethodInfo,
) => Endpoint<unknown, unknown, unknown, Context>

/** Begins a service of a contract; `serve` accepts it when each method is implemented. */
export function implement<M extends Readonly<Record<string, AnyMethod>>>(
  contract: Contract<M>,
): Service<M, keyof M, Context> {
  return serviceOf(contract, new Map(), [])
}

function serviceOf<M extends Readonly<Record<string, AnyMethod>>, Missing extends keyof M, Ctx extends Context>(
  contract: Contract<M>,
  methods: ReadonlyMap<string, ServedMethod>,
  wraps: readonly Wrap[],
): Service<M, Missing, Ctx> {
  const add = (
    given: Readonly<Record<string, unknown>>,
    make: (spec: MethodSpec, part: never) => ServedMethod['endpoint'],
  ) => {
    const more = new Map(methods)
    for (const [name, part] of Object.entries(given)) {
      const spec = contract.specs.get(name)
      if (spec === undefined) throw new TypeError(`${contract.name} has no method '${name}'`)
      if (more.has(name)) throw new TypeError(`${contract.name}/${name} is implemented twice`)
      if (typeof part !== 'function') throw new TypeError(`${contract.name}/${name}: not a function`)
      const endpoint = wraps.reduceRight((next, wrap) => wrap(next, spec.info), make(spec, part as never))
      more.set(name, { spec, endpoint })
    }
    return serviceOf<M, never, Ctx>(contract, more, wraps)
  }
  const using = (wrap: Wrap) => serviceOf<M, Missing, never>(contract, methods, [...wraps, wrap])
  const one = (given: readonly Middleware[], what: string): Middleware => {
    const [middleware] = given
    // What is left out here fails open: a second argument may be the one that authenticates.
    if (given.length !== 1 || typeof middleware !== 'function')
      throw new TypeError(`${contract.name}: ${what} takes one middleware; chain(a, b) makes one of two`)
    return middleware
  }
  const missing = [...contract.specs.keys()].filter(name => !methods.has(name))
  const service = {
    contract,
    missing,
    methods,
    handlers: (handlers: Readonly<Record<string, unknown>>) => add(handlers, handlerEndpoint),
    endpoints: (endpoints: Readonly<Record<string, unknown>>) => add(endpoints, finishedEndpoint),
    use: (...given: readonly Middleware[]) => using(one(given, 'use')),
    usePerMethod: (make: (method: MethodInfo) => Middleware) => using((next, method) => make(method)(next)),
    requires: () => service,
    provide(...given: readonly Middleware[]) {
      const provider = one(given, 'provide')
      const provided = [...methods].map(
        ([name, { spec, endpoint }]) => [name, { spec, endpoint: provider(endpoint) }] as const,
      )
      return serviceOf<M, Missing, never>(contract, new Map(provided), [provider, ...wraps])
    },
  }
  return service as unknown as Service<M, Missing, Ctx> // the type arguments follow the steps; the values do not know them
}

type PlainHandler = (request: unknown, context: Context) => unknown

/** A handler behind validation, as one leaf: neither costs a promise of its own. */
function handlerEndpoint(spec: MethodSpec, handler: PlainHandler): ServedMethod['endpoint'] {
  const leaf = functionLeaf(
    spec.info.name,
    (message, context) =>
      receive<unknown>(spec.request, boundTo(context, spec, message), {
        accept: request => handler(request, context),
        reject: failure => new Rejected(failure),
        rejecting: rejectRequest,
      }),
    handler.length < 2,
  )
  const own: typeof leaf = {
    ...leaf,
    settle: (value, scope, runs) =>
      value instanceof Rejected ? left(value.failure) : owned(spec, leaf.settle(value, scope, runs), scope),
    caught: (thrown, scope, runs) => owned(spec, leaf.caught(thrown, scope, runs), scope),
  }
  return endpointOf(new Stack({ leaf: own, method: spec.info }))
}

/** A request that did not fit: the handler never ran, so the failure's `ran` stands. */
class Rejected {
  readonly failure: Failure
  constructor(failure: Failure) {
    this.failure = failure
  }
}

function finishedEndpoint(
  spec: MethodSpec,
  endpoint: Endpoint<unknown, unknown, unknown, Context>,
): ServedMethod['endpoint'] {
  const validate = intercept({
    name: 'validate',
    async run(next, message, context) {
      const outcome = await receive<Outcome | Promise<Outcome>>(spec.request, boundTo(context, spec, message), {
        accept: request => next(request, context),
        reject: left,
        rejecting: rejectRequest,
      })
      return owned(spec, outcome, carriedOf(context).scope)
    },
  })
  return validate(withMethod(endpoint, spec.info))
}

function boundTo(context: Context, spec: MethodSpec, message: unknown): unknown {
  return spec.request.streamed ? untilCallEnds(message as AsyncIterable<unknown>, context) : message // as in `receive`
}

function owned(spec: MethodSpec, outcome: Outcome, scope: Scope): Outcome {
  if (outcome._tag === 'Right')
    return isStream(outcome.right) === spec.response.streamed ? outcome : mistaken(spec, scope)
  const failure: Failure | DomainFailure = ownFailure(spec, outcome.left, scope.onDefect)
  if (failure === outcome.left) return outcome
  return left(isFailure(failure) ? { ...failure, ran: 'maybe' } : failure)
}

/** Transports rely on a stream where one is declared, and nowhere else. */
function mistaken({ info, response }: MethodSpec, scope: Scope): Outcome {
  const wanted = response.streamed ? 'a stream' : 'one message'
  return scope.caught(new TypeError(`${info.service}/${info.name} must give ${wanted}`))
}
