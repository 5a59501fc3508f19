// The stack of an endpoint as data: one symbol on the function holds it, and fusion, explain, lint and the method all read
// it. Nothing about an endpoint is remembered anywhere else.
import { CallError } from './call-error.js'
import { type Context, forHandler } from './context.js'
import { isEither, left, right } from './either.js'
import type { LintRule } from './explanation.js'
import { type Failure, isFailure } from './failure.js'
import type { Layer, LayerSource, Next, Remote } from './layer.js'
import type { MethodInfo } from './method.js'
import type { Awaitable, Outcome } from './outcome.js'
import type { Scope } from './scope.js'
import { nowRunning, Strays } from './strays.js'
import { isStream, mapThrown } from './stream.js'

/** What is innermost in a list of layers. */
export interface Leaf {
  /** `function`: made by a constructor; `remote`: a transport's; `wrapped`: another stack, re-run or raced; `opaque`: unknown. */
  readonly kind: 'function' | 'remote' | 'wrapped' | 'opaque'
  readonly name: string
  readonly options?: Readonly<Record<string, unknown>> | undefined
  readonly role?: string | undefined
  readonly lint?: readonly LintRule[] | undefined
  /** Whom it calls, of a `remote` leaf that says so. */
  readonly remote?: Remote | undefined
  /** Of a function that takes no context. */
  readonly ignoresContext?: boolean
  /** What a function called without its context. */
  readonly strays?: Strays
  /** The stack beneath, of a `wrapped` leaf. */
  readonly inner?: Stack
  /** May return a bare response, an Either or a promise of one, or throw. */
  start(request: unknown, context: Context): unknown
  /** What the value that `start` gave means. `runsBefore` is the scope's `runs` when it started. */
  settle(value: unknown, scope: Scope, runsBefore?: number): Outcome
  /** What it means that `start` threw or rejected. */
  caught(thrown: unknown, scope: Scope, runsBefore?: number): Outcome
  /** The same for another method; absent where the method makes no difference. */
  rebind?(method: MethodInfo | undefined): Leaf
}

interface StackInit {
  /** Outermost first. @defaultValue none */
  readonly layers?: readonly Layer<unknown>[]
  /** What each layer was made from, to make it again for another method. @defaultValue none */
  readonly sources?: readonly LayerSource<unknown>[]
  readonly leaf: Leaf
  readonly method: MethodInfo | undefined
}

export class Stack {
  readonly layers: readonly Layer<unknown>[]
  readonly sources: readonly LayerSource<unknown>[]
  readonly leaf: Leaf
  readonly method: MethodInfo | undefined
  /** Some layer wants to know of each item. */
  readonly watchesItems: boolean
  /** Some layer wants to know when its work has really ended. */
  readonly countsWork: boolean
  /** What runs it, for those who decide whether and how often: made once. */
  next: Next | undefined = undefined
  readonly #after: (Stack | undefined)[] = []

  constructor({ layers = [], sources = [], leaf, method }: StackInit) {
    this.layers = layers
    this.sources = sources
    this.leaf = leaf
    this.method = method
    this.watchesItems = layers.some(({ item }) => item !== undefined)
    this.countsWork = layers.some(({ settled }) => settled !== undefined)
  }

  /** The same without the first so many layers. */
  after(count: number): Stack {
    const { layers, sources, leaf, method } = this
    this.#after[count] ??= new Stack({ layers: layers.slice(count), sources: sources.slice(count), leaf, method })
    return this.#after[count]
  }
}

export const stackKey: unique symbol = Symbol.for('tenon.stack') as never

/** The stack that an interceptor's `next` runs, where it was given it as it is. */
export function stackOfNext(next: object): Stack | undefined {
  return (next as { readonly [stackKey]?: Stack })[stackKey] // as below
}

/** The stack of an endpoint; of a plain function, the function as an opaque leaf. */
export function stackOf(endpoint: object): Stack {
  const stack = (endpoint as { readonly [stackKey]?: Stack })[stackKey] // ours alone: the symbol is not used by others
  return stack ?? new Stack({ leaf: opaqueLeaf(endpoint as AnyEndpoint), method: undefined })
}

type AnyEndpoint = (request: unknown) => (context: Context) => () => Promise<Outcome>

/** A leaf of the business: what it returns is a response, unless it is one of our Eithers. */
export function functionLeaf(
  name: string,
  run: (request: unknown, context: Context) => unknown,
  ignoresContext = false,
): Leaf {
  const strays = new Strays()
  return {
    kind: 'function',
    name,
    ignoresContext,
    strays,
    start(request, context) {
      const outer = nowRunning(strays)
      try {
        return run(request, forHandler(context))
      } finally {
        nowRunning(outer)
      }
    },
    settle: value => relayed(isEither(value) ? (value as Outcome) : right(value), true),
    caught: (thrown, scope) => relayed(scope.caught(thrown), true),
  }
}

/** A leaf that calls another process. It alone knows whether the work started, so its `ran` stands. */
export function remoteLeaf(
  target: string | Remote,
  run: (request: unknown, context: Context) => Awaitable<Outcome>,
): Leaf {
  const remote = typeof target === 'string' ? undefined : target
  const name = typeof target === 'string' ? target : `${target.transport} ${target.peer}`
  return {
    kind: 'remote',
    name,
    remote,
    start: run,
    settle: (value, scope) => outcomeOf(value, name, scope),
    caught: (thrown, scope) => scope.caught(thrown),
  }
}

/** Whom a leaf calls in the end, where that is known. */
export function remoteOf(leaf: Leaf): Remote | undefined {
  return leaf.inner === undefined ? leaf.remote : remoteOf(leaf.inner.leaf)
}

// A function that we cannot see into may be a middleware of somebody's or the business itself: where no stack of ours ran
// beneath it, it was the business.
function opaqueLeaf(endpoint: AnyEndpoint): Leaf {
  return {
    kind: 'opaque',
    name: endpoint.name,
    start: (request, context) => endpoint(request)(context)(),
    settle: (value, scope, runsBefore) => relayed(outcomeOf(value, endpoint.name, scope), scope.runs === runsBefore),
    caught: (thrown, scope, runsBefore) => relayed(scope.caught(thrown), scope.runs === runsBefore),
  }
}

/** The outcome that a function gave, as one of our Eithers; a defect where it gave something else. */
export function outcomeOf(value: unknown, name: string, scope: Scope): Outcome {
  if (isEither(value)) return value as Outcome // the function was typed to give an outcome
  if (typeof value === 'object' && value !== null && '_tag' in value) {
    if (value._tag === 'Right' && 'right' in value) return right(value.right)
    if (value._tag === 'Left' && 'left' in value) return left(value.left as Failure) // as above
  }
  return scope.caught(new TypeError(`'${name}' gave no Either`))
}

/**
 * The outcome of something that may have been work of our own. Where it was, nobody further up may read "it never started"
 * out of a failure that it passed on.
 */
export function relayed(outcome: Outcome, isWork: boolean): Outcome {
  if (!isWork) return outcome
  if (outcome._tag === 'Left') {
    const failure = ranMaybe(outcome.left)
    return failure === outcome.left ? outcome : left(failure)
  }
  return isStream(outcome.right) ? right(mapThrown(outcome.right, relayedError)) : outcome
}

function relayedError(thrown: unknown): unknown {
  if (!(thrown instanceof CallError)) return thrown
  const failure = ranMaybe(thrown.failure)
  return failure === thrown.failure ? thrown : new CallError(failure)
}

function ranMaybe<E>(failure: Failure | E): Failure | E {
  return isFailure(failure) && failure.ran !== 'maybe' ? { ...failure, ran: 'maybe' } : failure
}
