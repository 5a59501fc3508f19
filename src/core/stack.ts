// The stack of an endpoint as data: one symbol on the function holds it, and fusion, explain, lint and the method all read
// it. Nothing about an endpoint is remembered anywhere else.
import { fromThrown } from './call-error.js'
import { type Context, carriedOf, forHandler } from './context.js'
import { isEither, left, right } from './either.js'
import { isFailure } from './failure.js'
import type { Layer, LayerSource } from './layer.js'
import type { MethodInfo } from './method.js'
import type { Awaitable, Outcome } from './outcome.js'
import type { Scope } from './scope.js'

/** What is innermost in a list of layers. */
export interface Leaf {
  /** `function`: made by a constructor; `remote`: a transport's; `wrapped`: another stack, re-run or raced; `opaque`: unknown. */
  readonly kind: 'function' | 'remote' | 'wrapped' | 'opaque'
  readonly name: string
  readonly options?: Readonly<Record<string, unknown>> | undefined
  readonly role?: string | undefined
  /** The stack beneath, of a `wrapped` leaf. */
  readonly inner?: Stack
  /** May return a bare response, an Either or a promise of one, or throw. */
  start(request: unknown, context: Context): unknown
  /** What the value that `start` gave means. */
  settle(value: unknown, scope: Scope): Outcome
  /** What it means that `start` threw or rejected. */
  caught(thrown: unknown, scope: Scope): Outcome
  /** The same for another method; absent where the method makes no difference. */
  rebind?(method: MethodInfo | undefined): Leaf
}

export interface Stack {
  /** Outermost first. */
  readonly layers: readonly Layer<unknown>[]
  /** What each layer was made from, to make it again for another method. */
  readonly sources: readonly LayerSource<unknown>[]
  readonly leaf: Leaf
  readonly method: MethodInfo | undefined
}

export const stackKey: unique symbol = Symbol.for('tenon.stack') as never

/** The stack of an endpoint; of a plain function, the function as an opaque leaf. */
export function stackOf(endpoint: object): Stack {
  const stack = (endpoint as { readonly [stackKey]?: Stack })[stackKey] // ours alone: the symbol is not used by others
  return stack ?? { layers: [], sources: [], leaf: opaqueLeaf(endpoint as AnyEndpoint), method: undefined }
}

type AnyEndpoint = (request: unknown) => (context: Context) => () => Promise<Outcome>

/** A leaf of the business: what it returns is a response, unless it is one of our Eithers. */
export function functionLeaf(name: string, run: (request: unknown, context: Context) => unknown): Leaf {
  return {
    kind: 'function',
    name,
    start: (request, context) => run(request, forHandler(context)),
    settle: value => (isEither(value) ? ranMaybe(value as Outcome) : right(value)),
    caught: (thrown, scope) => ranMaybe(fromThrown(thrown, scope.onDefect)),
  }
}

/** A leaf that calls another process. It alone knows whether the work started, so its `ran` stands. */
export function remoteLeaf(name: string, run: (request: unknown, context: Context) => Awaitable<Outcome>): Leaf {
  return {
    kind: 'remote',
    name,
    start: run,
    settle: value => value as Outcome, // `run` is a transport's, and typed
    caught: (thrown, scope) => fromThrown(thrown, scope.onDefect),
  }
}

function opaqueLeaf(endpoint: AnyEndpoint): Leaf {
  return {
    kind: 'opaque',
    name: endpoint.name,
    start: async (request, context) => {
      const { scope } = carriedOf(context)
      const before = scope.runs
      const outcome: Outcome = await endpoint(request)(context)()
      // Where no stack of ours ran beneath it, the function was the business itself.
      return scope.runs === before ? ranMaybe(outcome) : outcome
    },
    settle(value, scope) {
      if (isOutcome(value)) return value
      return fromThrown(new TypeError(`the endpoint '${endpoint.name}' did not return an Either`), scope.onDefect)
    },
    caught: (thrown, scope) => fromThrown(thrown, scope.onDefect),
  }
}

function isOutcome(value: unknown): value is Outcome {
  return (
    typeof value === 'object' && value !== null && '_tag' in value && (value._tag === 'Left' || value._tag === 'Right')
  )
}

/** Work of our own has begun: nobody further up may read "it never started" out of its failure. */
function ranMaybe(outcome: Outcome): Outcome {
  if (outcome?._tag !== 'Left' || !isFailure(outcome.left) || outcome.left.ran === 'maybe') return outcome
  return left({ ...outcome.left, ran: 'maybe' })
}
