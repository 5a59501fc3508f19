// What most middleware are made of: something to do before a call and something after it. Given as data, so that
// neighbouring layers run as one function and a stack can be shown, checked and made again.
import type { Context } from './context.js'
import type { Left } from './either.js'
import type { LintRule } from './explanation.js'
import type { Failure } from './failure.js'
import type { MethodInfo } from './method.js'
import type { Awaitable, Failed, Outcome, Succeeded } from './outcome.js'
import type { Receiver } from './receiver.js'

/** What `enter` may return: nothing, a refusal, or another context and state for `exit`. */
export type Entered<S> =
  | Left<Failure>
  | { readonly _tag?: never; readonly context?: Context; readonly state?: S }
  | undefined

/**
 * An answer in place of what is further in, which does not run; the layer does not exit then, as after a refusal. Only for a response that
 * the same endpoint gave before: a layer knows nothing of types, so for others than ours it is no thing that `enter` may return.
 */
export function answeredBefore(outcome: Succeeded): Entered<never> {
  return outcome as unknown as Entered<never> // the frame takes any Either
}

/** What `enter` gives where the answer in place of what is further in comes later: {@link receiverOf} is told it, once. */
export const answeredLater: Entered<never> = { _tag: 'Later' } as unknown as Entered<never> // as above

/** Who is told the answer of {@link answeredLater}: without a promise, which would be most of what waiting costs. */
export function receiverOf(inner: Inner): Receiver {
  return inner as Inner & Receiver // it is the frame's
}

/** The rest of the stack. Never rejects. */
export type Next = (request: unknown, context: Context) => Awaitable<Outcome>

/** What is further in than a layer that enters, for one that has it run besides the call: behind an answer from memory. */
export interface Inner {
  /** Runs it, in a context that need not be the call's. To be read before the layer has entered. */
  readonly next: Next
}

/** What a layer has to work with that gives something else where the rest has failed. */
export interface Rest {
  /** Runs what is further in once more. */
  readonly next: Next
  readonly request: unknown
  /** As it was before the layer. */
  readonly context: Context
}

/** One layer of a stack. All parts but the name are optional. */
export interface Layer<S = unknown> {
  /** The noun a reader knows it by: `breaker`. */
  readonly name: string
  /** The options in force, for `explain`. No secrets. */
  readonly options?: Readonly<Record<string, unknown>>
  /** What lint rules know it by, where that is not its name: two limiters of different make have one role. */
  readonly role?: string
  /** What is known to go wrong with it: `lint` checks the stacks that it is part of. @defaultValue none */
  readonly lint?: readonly LintRule[] | undefined
  /**
   * Runs before what is further in. May refuse (`failed(...)`, or a thrown `CallError`), replace the context, and hand state
   * to `exit`. Never changes the request, which here is as it came, not validated. Give refusals of work not begun `ran: 'no'`.
   *
   * With the context of a {@link Branch} that has not run, what is further in runs in that, and this layer and those further out get
   * what comes of it.
   */
  enter?(context: Context, request: unknown, inner: Inner): Awaitable<Entered<S>>
  /**
   * Runs when what is further in has failed, or refused, while the call goes on: gives the outcome that there is instead, or the same,
   * before {@link exit}. Costs calls that succeed nothing. The outcome must be of the endpoint's types, which cannot say so. A stream
   * that fails has begun: then it is too late. What it throws is a defect.
   */
  recover?(failed: Failed, state: S, rest: Rest): Awaitable<Outcome>
  /**
   * Runs once when the call ends: with the response, the failure, or at its deadline or cancellation; for a stream when that
   * ends, fails or is abandoned. Only where `enter` completed; innermost layer first. Observes: its result is ignored, and
   * what it throws is reported as a defect and changes nothing.
   */
  exit?(outcome: Outcome, state: S, context: Context): void
  /**
   * Runs once, after {@link exit}, when the work that began further in has really ended: with the call as a rule, later where it
   * ignored the abort, goes on behind a timeout, or is a stream that closes. For what counts work, such as a bulkhead.
   */
  settled?(state: S, context: Context): void
  /** Runs when a response turns out to be a stream, before its first item. */
  opened?(state: S, context: Context): void
  /** Runs for each item of a stream that is read, until {@link exit}: of the response by the caller, of the request by the work. */
  item?(of: 'request' | 'response', state: S, context: Context): void
}

/** Whom a client calls, as its transport knows it. */
export interface Remote {
  /** The transport's name: `http`. */
  readonly transport: string
  /** `127.0.0.1:8080` */
  readonly peer: string
  /** Where its methods are, over HTTP. @defaultValue it is not reached over HTTP, or each call says where it goes */
  readonly http?: RemoteHttp
}

/** A server that is called over HTTP. */
export interface RemoteHttp {
  /** What the paths of methods are appended to: `http://127.0.0.1:8080/api`. No credentials, and no `/` at the end. */
  readonly url: string
  /** `1.1`; undefined where the platform decides and does not tell. */
  readonly version?: string
}

/**
 * A layer, or what makes one for what it will wrap: the method (`undefined` where that is not known), and whom that calls, where it
 * is a client's (`undefined` on a server, and where a plain function hides it).
 */
export type LayerSource<S = unknown> =
  | Layer<S>
  | ((method: MethodInfo | undefined, remote: Remote | undefined) => Layer<S>)

/** The layer for a method. */
export function layerFor<S>(
  source: LayerSource<S>,
  method: MethodInfo | undefined,
  remote: Remote | undefined,
): Layer<S> {
  return typeof source === 'function' ? source(method, remote) : source
}
