// The constructors of middleware: `around` for what happens before and after, `provide` and `guard` for the two that show
// in types, `intercept` for what decides whether and how often the rest runs.
import type { Context } from './context.js'
import { extend } from './context.js'
import type { Left } from './either.js'
import type { Endpoint, Guard, Middleware, Provider } from './endpoint.js'
import type { LintRule } from './explanation.js'
import type { Failure } from './failure.js'
import { nextOf } from './frame.js'
import { type Entered, type Layer, type LayerSource, layerFor, type Next } from './layer.js'
import { endpointOf, rebound } from './make.js'
import type { MethodInfo } from './method.js'
import { type Awaitable, isPromise, type Outcome } from './outcome.js'
import { type Leaf, outcomeOf, relayed, remoteOf, Stack, stackOf } from './stack.js'

function wrapped(next: object, source: LayerSource<unknown>): Stack {
  const { layers, sources, leaf, method } = stackOf(next)
  const layer = layerFor(source, method, remoteOf(leaf))
  return new Stack({ layers: [layer, ...layers], sources: [source, ...sources], leaf, method })
}

/**
 * Makes a middleware of one layer. Neighbouring ones run fused: ten cost one promise more than none. Given a function, the
 * layer is made for each method that it wraps, so that per-method work is done once and not per call.
 *
 * @example
 * ```ts
 * import { around, call, fromPromise, systemClock } from 'tenon'
 *
 * const timed = around(method => ({
 *   name: 'timed',
 *   enter: () => ({ state: systemClock.now() }),
 *   exit: (outcome, startedAt: number) => console.log(method?.name, outcome._tag, systemClock.now() - startedAt),
 * }))
 * await call(timed(fromPromise(async () => 'done')), {})
 * ```
 */
export function around<S = undefined>(source: LayerSource<S>): Middleware {
  checkLayer(source)
  // The state that `enter` made is the one that `exit` of the same layer gets, whatever its type.
  const erased = source as LayerSource<unknown>
  return <Req, Res, E, R extends Context>(next: Endpoint<Req, Res, E, R>) =>
    endpointOf<Req, Res, E, R>(wrapped(next, erased))
}

/** A layer whose `enter` supplies `P`. */
export interface ProviderLayer<P, S = unknown> extends Pick<Layer<S>, 'name' | 'options' | 'role' | 'lint'> {
  /** Refuses, or gives what the context gains. */
  enter(context: Context, request: unknown): Awaitable<Left<Failure> | { readonly provide: P; readonly state?: S }>
  /** As a {@link Layer}'s. */
  exit?(outcome: Outcome, state: S, context: Context): void
  /** As a {@link Layer}'s. */
  settled?(state: S, context: Context): void
  /** As a {@link Layer}'s. */
  opened?(state: S, context: Context): void
}

/**
 * Makes a {@link Provider}: after it, the context has what `enter` gave as `provide`. Given a function, the layer is made for each
 * method that it wraps.
 */
export function provide<P extends object, S = undefined>(
  source: ProviderLayer<P, S> | ((method: MethodInfo | undefined) => ProviderLayer<P, S>),
): Provider<P> {
  const made = typeof source === 'function' ? around(method => supplying(source(method))) : around(supplying(source))
  return made as unknown as Provider<P> // the same function: the types tell what its `enter` does to the context
}

function supplying<P extends object, S>(layer: ProviderLayer<P, S>): Layer<S> {
  checkLayer(layer)
  const supply = (
    context: Context,
    entered: Left<Failure> | { readonly provide: P; readonly state?: S },
  ): Entered<S> => {
    if ('_tag' in entered) return entered
    const extended = extend(context, entered.provide as P & { readonly [K in keyof Context]?: never }) // checked by Object.assign: they are getters
    return 'state' in entered ? { context: extended, state: entered.state as S } : { context: extended }
  }
  return {
    ...layer,
    enter(context, request) {
      const entered = layer.enter(context, request)
      return isPromise(entered) ? entered.then(given => supply(context, given)) : supply(context, entered)
    },
  }
}

/** A layer that reads `N` in the context. */
export interface GuardLayer<N, S = unknown> extends Pick<Layer<S>, 'name' | 'options' | 'role' | 'lint'> {
  /** As a {@link Layer}'s, with a context that has `N`. */
  enter(context: Context & N, request: unknown): Awaitable<Entered<S>>
  /** As a {@link Layer}'s, with a context that has `N`. */
  exit?(outcome: Outcome, state: S, context: Context & N): void
  /** As a {@link Layer}'s, with a context that has `N`. */
  settled?(state: S, context: Context & N): void
  /** As a {@link Layer}'s, with a context that has `N`. */
  opened?(state: S, context: Context & N): void
}

/** Makes a {@link Guard}: what it wraps cannot be served until a provider outside it supplies `N`. */
export function guard<N, S = undefined>(layer: GuardLayer<N, S>): Guard<N> {
  return around(layer as unknown as Layer<S>) as unknown as Guard<N> // the guard's own type makes sure that N is there
}

/** What decides whether, when and how often the rest of the stack runs. */
export interface Interceptor {
  readonly name: string
  readonly options?: Readonly<Record<string, unknown>>
  readonly role?: string
  /** As a {@link Layer}'s. @defaultValue none */
  readonly lint?: readonly LintRule[] | undefined
  /** Runs instead of what is further in, which is `next`. A promise that rejects is a defect. */
  run(next: Next, request: unknown, context: Context): Awaitable<Outcome>
}

/**
 * Makes a middleware that runs the rest itself: not at all, later, again. Prefer {@link around}, which fuses: this starts a
 * new list of layers, and what is inside it runs apart. The outcome must be `next`'s or a failure: the types cannot say so.
 */
export function intercept(source: Interceptor | ((method: MethodInfo | undefined) => Interceptor)): Middleware {
  if (typeof source !== 'function') checkName(source)
  return <Req, Res, E, R extends Context>(next: Endpoint<Req, Res, E, R>) => {
    const inner = stackOf(next)
    const leaf = interceptedLeaf(source, inner)
    return endpointOf<Req, Res, E, R>(new Stack({ leaf, method: inner.method }))
  }
}

function interceptedLeaf(source: Interceptor | ((method: MethodInfo | undefined) => Interceptor), inner: Stack): Leaf {
  const interceptor = typeof source === 'function' ? source(inner.method) : source
  const next = nextOf(inner)
  return {
    kind: 'wrapped',
    name: interceptor.name,
    get options() {
      return interceptor.options // a policy's may change
    },
    role: interceptor.role,
    lint: interceptor.lint,
    inner,
    start: (request, context) => interceptor.run(next, request, context),
    settle: (value, scope) => outcomeOf(value, interceptor.name, scope),
    caught: (thrown, scope, runsBefore) => relayed(scope.caught(thrown), scope.runs !== runsBefore),
    rebind: method => interceptedLeaf(source, rebound(inner, method)),
  }
}

function checkLayer(source: LayerSource<never> | { readonly name: string }): void {
  if (typeof source !== 'function') checkName(source)
}

function checkName(part: { readonly name: string }): void {
  if (typeof part?.name !== 'string' || part.name === '') throw new TypeError('a layer needs a name')
}
