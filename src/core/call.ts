// How endpoints are called, everywhere: by clients, by handlers (with their context) and by tests.
import { CallError, fromThrown, observe, reportDefect } from './call-error.js'
import type { Context } from './context.js'
import { type Left, left, type Right } from './either.js'
import type { Endpoint } from './endpoint.js'
import { type Failure, isFailure } from './failure.js'
import { addMetadata, type Metadata, noMetadata } from './metadata.js'
import type { Awaitable, Outcome } from './outcome.js'
import type { Reply } from './reply.js'
import { runChild } from './run.js'
import { stackOf } from './stack.js'

/** Options of {@link call}. */
export interface CallOptions {
  /** The caller's context, inside a handler: links deadline, cancellation and trace. Without one the call stands alone. */
  readonly context?: Context
  /**
   * Milliseconds that the whole call may take, streams included; never longer than the caller's own. More than 0.
   * @defaultValue the method's, else 30 000, else 3 600 000 for streams
   */
  readonly deadlineMs?: number
  /** Cancels the call. */
  readonly signal?: AbortSignal
  /** Metadata for the next hop; replaces what `withOutgoing` put on the context. @defaultValue what the context has */
  readonly outgoing?: Readonly<Record<string, string>>
  /** Told what came back beside the response, before the call returns. */
  readonly onReply?: (reply: Reply) => void
}

/** What an endpoint needs in its context beyond {@link Context}. */
export type Needs<R> = Omit<R, keyof Context>

/** The last argument of {@link call}: `provide` is required exactly when the endpoint needs more than `Context` and no context is given that has it. */
export type CallArguments<R> = Context extends R
  ? readonly [options?: CallOptions]
  : readonly [options: CallOptions & ({ readonly provide: Needs<R> } | { readonly context: R })]

/**
 * Calls an endpoint. The promise never rejects: a failure is the `Left` of the result. It ends at its deadline whatever the
 * endpoint does: with `deadline_exceeded`/`DEADLINE_EXCEEDED`, at most 10 ms late and never early. Only a `deadlineMs` that is
 * not a positive number rejects, with a `RangeError`.
 */
export function call<Req, Res, E, R extends Context>(
  endpoint: Endpoint<Req, Res, E, R>,
  request: Req,
  ...[options]: CallArguments<R>
): Promise<Left<Failure | E> | Right<Res>> {
  try {
    const outcome = run(endpoint, request, options) as Awaitable<Left<Failure | E> | Right<Res>> // what the endpoint's type says
    return outcome instanceof Promise ? outcome : Promise.resolve(outcome)
  } catch (thrown) {
    return Promise.reject(thrown)
  }
}

/** Calls an endpoint as {@link call} does, and throws the failure as a {@link CallError}. For callers without an Either. */
export function callOrThrow<Req, Res, E, R extends Context>(
  endpoint: Endpoint<Req, Res, E, R>,
  request: Req,
  ...options: CallArguments<R>
): Promise<Res> {
  return call(endpoint, request, ...options).then(orThrown) // no async function: that would be one promise more
}

function orThrown<Res>(outcome: Left<unknown> | Right<Res>): Res {
  if (outcome._tag === 'Left') throw new CallError(outcome.left)
  return outcome.right
}

function run(
  endpoint: object,
  request: unknown,
  options: CallOptions & { readonly provide?: object } = {},
): Outcome | Promise<Outcome> {
  const { context, deadlineMs, signal, provide, outgoing, onReply } = options
  if (endpoint === undefined) throw new TypeError('call: there is no endpoint')
  if (deadlineMs !== undefined && !(typeof deadlineMs === 'number' && deadlineMs > 0))
    throw new RangeError(`call: deadlineMs must be a number more than 0, got ${deadlineMs}`)
  let sent: Metadata | undefined
  if (outgoing !== undefined) {
    try {
      sent = addMetadata(noMetadata, outgoing)
    } catch (thrown) {
      const failed = fromThrown(thrown, reportDefect)
      return isFailure(failed.left) ? left({ ...failed.left, ran: 'no' }) : failed
    }
  }
  const started = runChild(stackOf(endpoint), request, context, { deadlineMs, signal, provide, outgoing: sent })
  if (onReply === undefined) return started.outcome
  const tell = (outcome: Outcome): Outcome => {
    observe(onReply, started.scope.reply)
    return outcome
  }
  return started.outcome instanceof Promise ? started.outcome.then(tell) : tell(started.outcome)
}
