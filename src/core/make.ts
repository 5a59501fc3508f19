// Turns a stack into the function that users see, and plain functions into stacks.
import type { Either } from 'fp-ts/lib/Either.js'
import type { ReaderTaskEither } from 'fp-ts/lib/ReaderTaskEither.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { type Context, isEntered } from './context.js'
import { type Left, left, type Right, right } from './either.js'
import type { Endpoint } from './endpoint.js'
import type { Failure } from './failure.js'
import { runStack } from './frame.js'
import { layerFor, type Remote } from './layer.js'
import type { MethodInfo } from './method.js'
import type { Awaitable, Outcome } from './outcome.js'
import { runChild } from './run.js'
import { functionLeaf, type Leaf, remoteLeaf, remoteOf, Stack, stackKey, stackOf } from './stack.js'

/** The endpoint of a stack. */
export function endpointOf<Req, Res, E, R>(stack: Stack): Endpoint<Req, Res, E, R> {
  const endpoint = (request: Req) => (context: R) => () => {
    const given = context as Context // every R of an endpoint that can be called extends Context
    const outcome = isEntered(given) ? runStack(stack, request, given) : runChild(stack, request, given).outcome
    return outcome instanceof Promise ? outcome : Promise.resolve(outcome)
  }
  Object.defineProperty(endpoint, stackKey, { value: stack })
  return endpoint as Endpoint<Req, Res, E, R> // the stack was made from functions of these types
}

function leafEndpoint<Req, Res, E, R>(leaf: Leaf, method: MethodInfo | undefined): Endpoint<Req, Res, E, R> {
  return endpointOf(new Stack({ leaf, method }))
}

/** What a plain function may give: the response, or one of our Eithers. */
export type Result<Res, E> = Res | Left<Failure | E> | Right<Res>

/**
 * An endpoint of a plain function, async or not. It fails by returning `left(...)`/`failed(...)` or by throwing a `CallError`;
 * anything else thrown is a defect: `internal`/`DEFECT`, its text told to `onDefect` and never to the caller.
 *
 * @example
 * ```ts
 * import { call, fromPromise } from 'tenon'
 *
 * const uppercase = fromPromise(async ({ s }: { s: string }) => ({ v: s.toUpperCase() }))
 * console.assert((await call(uppercase, { s: 'hello' }))._tag === 'Right')
 * ```
 */
export function fromPromise<Req, Out, R extends Context = Context>(
  run: (request: Req, context: R) => Out,
  method?: MethodInfo,
): Endpoint<Req, ResponseOf<Awaited<Out>>, FailuresOf<Awaited<Out>>, R> {
  return functionEndpoint(run.name, run, method, run.length < 2)
}

function functionEndpoint<Req, Res, E, R>(
  name: string,
  run: (request: Req, context: R) => unknown,
  method: MethodInfo | undefined,
  ignoresContext = false,
): Endpoint<Req, Res, E, R> {
  return leafEndpoint(
    functionLeaf(method?.name ?? name, run as (request: unknown, context: Context) => unknown, ignoresContext),
    method,
  )
}

/** The response type in what a plain function gives. */
export type ResponseOf<Out> = Out extends Left<unknown> ? never : Out extends Right<infer A> ? A : Out
/** The domain failures in what a plain function gives. */
export type FailuresOf<Out> = Out extends Left<infer E> ? Exclude<E, Failure> : never

/** An endpoint of a function that gives an Either, ours or fp-ts's. */
export function fromEither<Req, Res, E = never, R extends Context = Context>(
  run: (request: Req, context: R) => Either<Failure | E, Res>,
  method?: MethodInfo,
): Endpoint<Req, Res, E, R> {
  return functionEndpoint(run.name, (request: Req, context: R) => ours(run(request, context)), method)
}

/** An endpoint of a function that gives a TaskEither. */
export function fromTaskEither<Req, Res, E = never, R extends Context = Context>(
  run: (request: Req, context: R) => TaskEither<Failure | E, Res>,
  method?: MethodInfo,
): Endpoint<Req, Res, E, R> {
  return functionEndpoint(run.name, (request: Req, context: R) => run(request, context)().then(ours), method)
}

/** An endpoint of a function that gives a ReaderTaskEither of its context. */
export function fromReaderTaskEither<Req, Res, E = never, R extends Context = Context>(
  run: (request: Req) => ReaderTaskEither<R, Failure | E, Res>,
  method?: MethodInfo,
): Endpoint<Req, Res, E, R> {
  return functionEndpoint(run.name, (request: Req, context: R) => run(request)(context)().then(ours), method)
}

function ours(either: Either<unknown, unknown>): unknown {
  return either._tag === 'Left' ? left(either.left) : right(either.right)
}

/**
 * An endpoint that calls another process. For transports: unlike a plain function's, its failures keep their `ran`, and its
 * `context` is the call's own, with `outgoing` as the layers left it. `target`: whom it calls, or a name where that has no address.
 */
export function fromRemote<Req, Res, E = never>(
  target: string | Remote,
  run: (request: Req, context: Context) => Awaitable<Either<Failure | E, Res>>,
  method?: MethodInfo,
): Endpoint<Req, Res, E, Context> {
  return leafEndpoint(remoteLeaf(target, run as (request: unknown, context: Context) => Awaitable<Outcome>), method)
}

/** The method that an endpoint serves, where it is known. */
export function methodOf(endpoint: object): MethodInfo | undefined {
  return stackOf(endpoint).method
}

/** The same endpoint as the given method: its layers are made again, and read the method anew. */
export function withMethod<Req, Res, E, R>(
  endpoint: Endpoint<Req, Res, E, R>,
  method: MethodInfo,
): Endpoint<Req, Res, E, R> {
  return endpointOf(rebound(stackOf(endpoint), method))
}

/** A stack made again for another method. */
export function rebound(stack: Stack, method: MethodInfo | undefined): Stack {
  const { sources, leaf } = stack
  const inner = leaf.rebind?.(method) ?? leaf
  const layers = sources.map(source => layerFor(source, method, remoteOf(inner)))
  return new Stack({ layers, sources, leaf: inner, method })
}
