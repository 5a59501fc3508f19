// Starts calls: from nothing, from a test, from a handler's context, or from what a server received. Wherever an endpoint
// is called with a context that is not in a call already, this makes the child call.
import { type OnDefect, reportDefect } from './call-error.js'
import type { Clock } from './clock.js'
import { systemClock } from './clock.js'
import { type Carried, type Context, carriedOf, isEntered, makeContext } from './context.js'
import { deadlinesOf } from './deadlines.js'
import type { Failure } from './failure.js'
import { runScope } from './frame.js'
import type { HttpSource } from './http-source.js'
import { type Metadata, noMetadata } from './metadata.js'
import { deadlineMsOf } from './method.js'
import type { Awaitable, Outcome } from './outcome.js'
import type { Peer } from './peer.js'
import { type Receiver, unawaited } from './receiver.js'
import type { Reply } from './reply.js'
import { Scope, type Surroundings } from './scope.js'
import { type Stack, stackOf } from './stack.js'
import { noteStray, nowRunning } from './strays.js'

const systemDeadlines = deadlinesOf(systemClock)
const ordinary: Surroundings = { deadlines: systemDeadlines, onDefect: reportDefect, from: undefined, http: undefined }

/** What a child call may be given. */
export interface ChildInit {
  readonly deadlineMs?: number | undefined
  readonly signal?: AbortSignal | undefined
  readonly provide?: object | undefined
  readonly outgoing?: Metadata | undefined
}

export interface Started {
  readonly outcome: Awaitable<Outcome>
  readonly scope: Scope
}

/** Calls a stack as a child of `parent`: its own deadline, attempt 1 (a test's context says which), nothing outgoing, linked to the parent's end. */
export function runChild(stack: Stack, request: unknown, parent: Context | undefined, options?: ChildInit): Started {
  if (parent === undefined) noteStray(stack.method, stack.leaf.name)
  const carried = parent === undefined ? undefined : carriedOf(parent)
  const surroundings = carried?.scope.surroundings ?? ordinary
  const now = surroundings.deadlines.clock.now()
  const latest = now + (options?.deadlineMs ?? deadlineMsOf(stack.method))
  const deadline = carried === undefined ? latest : Math.min(latest, carried.scope.deadline)
  const scope = new Scope(surroundings, now, deadline, carried)
  scope.external = options?.signal
  const given = parent !== undefined && !isEntered(parent) ? carriedOf(parent).outgoing : noMetadata
  const own: Carried = {
    scope,
    part: scope,
    metadata: carried?.metadata ?? noMetadata,
    outgoing: options?.outgoing ?? given,
    attempt: carried === undefined || carried.scope.running ? 1 : carried.attempt,
    maxAttempts: carried?.maxAttempts ?? 1,
    span: carried?.span,
    transport: undefined,
    onStatus: undefined,
  }
  const context = makeContext(own, true, parent, options?.provide)
  const outer = nowRunning(undefined) // what its layers call is not what the handler around it calls
  const outcome = runScope(stack, request, context)
  nowRunning(outer)
  return { outcome, scope }
}

/** What a server knows of a call that came in. */
export interface IncomingOptions {
  /** ms from now until the call must be over: what the caller has left, capped by the server. */
  readonly deadlineMs: number
  /** What came beside the request; may be made when first asked for. @defaultValue none */
  readonly metadata?: Metadata | (() => Metadata)
  /** Which attempt of its caller this is. @defaultValue 1 */
  readonly attempt?: number
  /** How often those above may attempt it. @defaultValue `attempt` */
  readonly maxAttempts?: number
  /** The transport's name, as its bindings have it: `http`. @defaultValue 'unknown' */
  readonly transport?: string
  /** Knows who calls: asked each time that `context.peer` is read. @defaultValue nothing is known */
  readonly from?: { readonly peer: Peer }
  /** Of a call over HTTP: whoever gives it tells the status of each answer. @defaultValue none */
  readonly http?: HttpSource
  /** @defaultValue systemClock */
  readonly clock?: Clock
  /** @defaultValue one report on stderr */
  readonly onDefect?: OnDefect
}

/** A call that a server received. For transports. */
export interface Incoming {
  readonly context: Context
  /** What the handler said beside its response; `undefined` when it said nothing. */
  readonly reply: Reply | undefined
  /** Runs the endpoint, once; with `context`, if that was extended. The promise never rejects. A response stream must be read, or left with `return()`. */
  run(endpoint: object, request: unknown, context?: Context): Awaitable<Outcome>
  /** As {@link run}, for whoever hears of the outcome rather than waits for it: several promises less. May be told before this returns. */
  start(endpoint: object, request: unknown, by: Starter): void
  /** Ends the call: the caller went away, or the server must. */
  cancel(failure: Failure): void
}

/** Who starts a call and is told what it came to. */
export interface Starter {
  /** @defaultValue the call's own */
  readonly context?: Context | undefined
  /** Told once. May not throw. */
  onOutcome(outcome: Outcome): void
}

/** Takes in a call that a server received. For transports. */
export function incoming(options: IncomingOptions): Incoming {
  return new IncomingCall(options)
}

class IncomingCall implements Incoming, Receiver {
  readonly context: Context
  #by: Starter | undefined
  readonly #scope: Scope

  constructor(options: IncomingOptions) {
    const deadlines = options.clock === undefined ? systemDeadlines : deadlinesOf(options.clock)
    const startedAt = deadlines.clock.now()
    const deadline = startedAt + options.deadlineMs
    if (Number.isNaN(deadline)) throw new RangeError(`incoming: deadlineMs must be a number, got ${options.deadlineMs}`)
    const { onDefect = reportDefect, from, http } = options
    this.#scope = new Scope({ deadlines, onDefect, from, http }, startedAt, deadline)
    const { metadata = noMetadata, attempt = 1, maxAttempts = attempt, transport = 'unknown' } = options
    const carried = {
      scope: this.#scope,
      part: this.#scope,
      metadata,
      outgoing: noMetadata,
      attempt,
      maxAttempts,
      span: undefined,
      transport,
      onStatus: undefined,
    }
    this.context = makeContext(carried, true)
  }

  get reply(): Reply | undefined {
    return this.#scope.replyIfAny
  }

  run(endpoint: object, request: unknown, context: Context = this.context): Awaitable<Outcome> {
    return runScope(stackOf(endpoint), request, context)
  }

  start(endpoint: object, request: unknown, by: Starter): void {
    this.#by = by
    void runScope(stackOf(endpoint), request, by.context ?? this.context, this)
  }

  complete(outcome: Outcome): Outcome {
    this.#by?.onOutcome(outcome)
    return outcome
  }

  promise(): Promise<Outcome> {
    return unawaited
  }

  cancel(failure: Failure): void {
    this.#scope.end(failure)
  }
}
