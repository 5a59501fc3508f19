// What a transport must offer to serve contracts and to call them. Everything else (middleware, validation, the meaning of
// failures) is the same above all transports.
import type { Awaitable, Clock, Context, Endpoint, OnDefect, Outcome, RemoteHttp } from '../core/index.js'
import type { MethodSpec } from './spec.js'

/** A method ready to be served: takes what came over the wire, gives what goes back. `R` is what its context must offer. */
export interface ServedMethod<R = Context> {
  readonly spec: MethodSpec
  /**
   * With all its middleware. The request is the decoded message, not validated yet; the response is not encoded yet. Streams
   * are AsyncIterables of such messages on either side.
   */
  readonly endpoint: Endpoint<unknown, unknown, unknown, R>
}

/** A service of which every method is implemented. `R` is what the contexts of its calls must offer. */
export interface AnyService<R = Context> {
  readonly contract: { readonly name: string; readonly specs: ReadonlyMap<string, MethodSpec> }
  readonly missing: readonly never[]
  readonly methods: ReadonlyMap<string, ServedMethod<R>>
}

/** What a server needs from the process around it. */
export interface Runtime {
  readonly onDefect: OnDefect
  readonly clock: Clock
  /** Liveness and readiness, as transports that answer probes report them. */
  readonly probes: Probes
}

/** What probes are told. */
export interface Probes {
  /** Whether the process is alive: 200 or 503 on `/livez`. */
  live(): Awaitable<ProbeReport>
  /** Whether it wants calls: 200 or 503 on `/readyz`. */
  ready(): Awaitable<ProbeReport>
}

/** The result of a probe, check by check. */
export interface ProbeReport {
  readonly ok: boolean
  readonly checks: Readonly<Record<string, string>>
}

/** A server that listens. */
export interface Listening {
  /** `http://127.0.0.1:8080`; one for each address that clients may use. */
  readonly addresses: readonly string[]
  /** How many calls go on now. @defaultValue not known */
  readonly callsInFlight?: number
  /**
   * Why no calls come to it any longer, or not now, although nobody stops it: makes `/readyz` 503, which shows the text. Asked at each probe.
   * @defaultValue they come
   */
  unready?(): string | undefined
  /** Stops accepting calls; resolves when those in flight have ended. Never rejects, never gives up: `close` does. */
  drain(): Promise<void>
  /** Ends what is left, at once. */
  close(): Promise<void>
}

/** A transport's server, given to `serve`. */
export interface ServerBinding {
  /** `http` */
  readonly name: string
  /** Rejects, clearly, when it cannot listen. */
  listen(services: readonly AnyService[], runtime: Runtime): Promise<Listening>
}

/** Sends one message, or stream of messages, and gives what comes back. Never rejects. */
export type RemoteCall = (request: unknown, context: Context) => Awaitable<Outcome>

/** A transport's client, given to `connect`. */
export interface ClientBinding {
  /** `http` */
  readonly name: string
  /** Whom it calls, for failures and logs: `127.0.0.1:8080`. */
  readonly peer: string
  /** Where it calls, over HTTP, for traces. @defaultValue it is not HTTP */
  readonly http?: RemoteHttp
  /**
   * How a method is called. Sends the request as it is (a schema's input, encoded but not validated) with the context's
   * `outgoing` and the time left; stops when the call ends early (`onCancelled`); writes headers and trailers that come back into
   * the context's `reply`; gives failures as `failureFromWire` makes them.
   */
  method(spec: MethodSpec): RemoteCall
  /** Releases its connections; calls after it fail with `unavailable`/`CLIENT_CLOSED`. */
  close(): Promise<void>
}
