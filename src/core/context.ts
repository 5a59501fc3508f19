// What a call carries beside its request. Passed explicitly, never ambient: async context is lost across sockets, queues and
// emitters, and a lost context shows as somebody else's identity.
import type { ActiveSpan } from './active-span.js'
import { type Added, add, addedAs, entriesOf } from './added.js'
import type { Clock } from './clock.js'
import type { HttpSource } from './http-source.js'
import { addMetadata, carriedNames, type Metadata, noMetadata, propagatedNames, traceNames } from './metadata.js'
import type { Part } from './part.js'
import type { Peer } from './peer.js'
import type { Reply } from './reply.js'
import type { Scope } from './scope.js'

/** The immutable part, shared by the contexts of one call until one of them changes it. Internal. */
export interface Carried {
  readonly scope: Scope
  /** The scope itself, or an attempt in it. */
  readonly part: Part
  /** May be made late, by whoever looks first: most handlers never do. */
  metadata: Metadata | (() => Metadata)
  readonly outgoing: Metadata
  readonly attempt: number
  readonly maxAttempts: number
  readonly span: ActiveSpan | undefined
  /** Of a call that was received. */
  readonly transport: string | undefined
  /** Told the status of the answer by a client over HTTP. */
  readonly onStatus: ((status: number) => void) | undefined
}

let carriedOf: (context: Context) => Carried
let isEntered: (context: Context) => boolean
let make: (carried: Carried, entered: boolean, from?: Context, added?: object) => Context

// A name is part of a program, not of a request: so many are a mistake that would grow without end.
const maxNames = 1_000
const names: Set<string> = new Set()

/**
 * The context of a call. Made by `call`, by servers and by `testContext`; never by hand, and never by spreading one
 * (which would lose the signal and does not compile). What providers add, such as `principal`, are further properties; one
 * that was not added is `undefined`, and `in` does not tell.
 */
export class Context {
  readonly #carried: Carried
  readonly #entered: boolean
  readonly #added: Added | undefined

  private constructor(carried: Carried, entered: boolean, added: Added | undefined) {
    this.#carried = carried
    this.#entered = entered
    this.#added = added
  }

  static {
    carriedOf = context => context.#carried
    isEntered = context => context.#entered
    make = (carried, entered, from, more) => {
      const added = from === undefined ? undefined : from.#added
      return new Context(carried, entered, more === undefined ? added : add(added, more, Context.#name))
    }
    Object.defineProperty(Context.prototype, Symbol.for('nodejs.util.inspect.custom'), {
      value(this: Context) {
        return { deadline: this.deadline, attempt: this.attempt, ...entriesOf(this.#added) }
      },
    })
  }

  // All contexts are of one class, whatever was added: one for each set of names would make the engine look up what
  // otherwise it knows, at each access to any context.
  static #name(this: void, name: string): void {
    if (names.has(name)) return
    if (name in Context.prototype) throw new TypeError(`extend: '${name}' is a context's own`)
    if (names.size === maxNames)
      throw new RangeError(`extend: '${name}' is one name more than the ${maxNames} there may be`)
    names.add(name)
    Object.defineProperty(Context.prototype, name, {
      get(this: Context) {
        return addedAs(this.#added, name)
      },
    })
  }

  /** Aborts when the call is cancelled, abandoned or past its deadline; its reason is a `CallError`. Made when first read. */
  get signal(): AbortSignal {
    return this.#carried.scope.signal
  }

  /** When the whole call must be over, streams included: ms on {@link clock}. */
  get deadline(): number {
    return this.#carried.scope.deadline
  }

  /** Milliseconds left until the deadline, never below 0. */
  get remainingMs(): number {
    return Math.max(0, this.deadline - this.clock.now())
  }

  /** The clock that this call's deadline is on; waits inside the call should use it too. */
  get clock(): Clock {
    return this.#carried.scope.clock
  }

  /** What the caller sent beside the request. Read-only, and never sent on. */
  get metadata(): Metadata {
    const carried = this.#carried
    if (typeof carried.metadata === 'function') carried.metadata = carried.metadata()
    return carried.metadata
  }

  /** Who calls, as the transport saw it: address, encryption, verified certificate. Worked out when first read. */
  get peer(): Peer {
    return this.#carried.scope.peer
  }

  /**
   * The transport that the call came in by: `http`, `memory`. `undefined` for a call that was not received, such as one made in
   * a handler.
   */
  get transport(): string | undefined {
    return this.#carried.transport
  }

  /** The span that the call is in: the server's, in a client that of the call. `undefined` where nobody traces. */
  get span(): ActiveSpan | undefined {
    return this.#carried.span
  }

  /**
   * What the next hop gets beside the request: what {@link withOutgoing} added, and of the inbound metadata only what joins
   * trace and request (`propagatedNames`). With a {@link span}, the headers of that span are the only ones that name a trace.
   */
  get outgoing(): Metadata {
    const { metadata } = this
    const { outgoing, span } = this.#carried
    let merged: Map<string, string> | undefined
    for (const name of metadata === noMetadata ? [] : span === undefined ? propagatedNames : carriedNames) {
      const value = metadata.get(name)
      if (value === undefined || outgoing.has(name)) continue
      merged ??= new Map(outgoing)
      merged.set(name, value)
    }
    return span === undefined ? (merged ?? outgoing) : inSpan(span, merged ?? outgoing)
  }

  /** Headers, trailers and status that go back with the response. */
  get reply(): Reply {
    return this.#carried.part.reply
  }

  /** Which attempt of its caller this call is, counted from 1. */
  get attempt(): number {
    return this.#carried.attempt
  }

  /**
   * How often this call may be attempted by those above, here or in another process; 1 where nobody retries. The calls made in
   * it inherit it, so that one layer of a system retries and not each.
   */
  get maxAttempts(): number {
    return this.#carried.maxAttempts
  }

  /**
   * Runs `callback` when the work that this call began has really ended, which may be long after the call's own end: work
   * that ignores the abort goes on in the background. For what counts work, such as a bulkhead.
   */
  settled(callback: () => void): void {
    this.#carried.part.settled(callback)
  }
}

function inSpan(span: ActiveSpan, outgoing: Metadata): Metadata {
  if (outgoing.size === 0) return span.headers
  const merged = new Map(outgoing)
  for (const name of traceNames) merged.delete(name)
  for (const [name, value] of span.headers) merged.set(name, value)
  return merged
}

export { carriedOf, isEntered, make as makeContext }

/** How a call came that was received over HTTP; `undefined` for any other. */
export function httpSourceOf(context: Context): HttpSource | undefined {
  return context.transport === undefined ? undefined : carriedOf(context).scope.surroundings.http
}

/** Whether a call goes on in the call, or the part of one, that `other` is of. */
export function isWithin(context: Context, other: Context): boolean {
  const outer = carriedOf(other).scope
  let scope: Scope | undefined = carriedOf(context).scope
  while (scope !== undefined && scope !== outer) scope = scope.parent
  return scope !== undefined
}

/** The time on the call's clock, for layers that enter: read once for all that enter before anything has waited. */
export function enteredAt(context: Context): number {
  return carriedOf(context).scope.enteredAt
}

/**
 * A context with more in it: `extend(context, { principal })`. The given context stays as it was. Takes the own properties of
 * `provided` with names that are strings, as they are now. Throws `TypeError` for a name that every context has, and
 * `RangeError` for the 1 001st different name in a process: a name belongs to a program, not to a request.
 */
export function extend<R extends Context, P extends object & { readonly [K in keyof Context]?: never }>(
  context: R,
  provided: P,
): R & P {
  return make(carriedOf(context), isEntered(context), context, provided) as R & P // what R has beyond Context goes on
}

/**
 * A context whose next call sends `entries` beside its request. In a layer of a client: for this call. In a handler: for the
 * calls made with the returned context. Throws `CallError` `invalid_argument`/`INVALID_METADATA` as `addMetadata` does.
 */
export function withOutgoing<R extends Context>(context: R, entries: Readonly<Record<string, string>>): R {
  const carried = carriedOf(context)
  const outgoing = addMetadata(carried.outgoing, entries)
  return make({ ...carried, outgoing }, isEntered(context), context) as R // as in `extend`
}

/**
 * A context in `span`: what is called with it is sent the headers of that span. For middleware that trace. `onStatus` is told the status
 * of the answer to this very call, where a client sends it over HTTP: of each answer, where it is attempted again further in.
 */
export function withSpan<R extends Context>(context: R, span: ActiveSpan, onStatus?: (status: number) => void): R {
  const { scope, part, metadata, outgoing, attempt, maxAttempts, transport } = carriedOf(context)
  const carried: Carried = { scope, part, metadata, outgoing, attempt, maxAttempts, span, transport, onStatus }
  return make(carried, isEntered(context), context) as R // as in `extend`
}

/** The context as the business function gets it: calls made with it are new calls, with nothing outgoing yet. */
export function forHandler(context: Context): Context {
  const carried = carriedOf(context)
  const own = carried.outgoing === noMetadata ? carried : { ...carried, outgoing: noMetadata }
  return make(own, false, context)
}
