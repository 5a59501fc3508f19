// What is known of a method before any call: static data that wrapping keeps, so that retry, hedge, cache and lint can
// read it while a stack is put together.

/** Whether running a method twice differs from running it once (RFC 9110 §9.2). `unsafe` is what an unknown method is. */
export type Idempotency = 'safe' | 'idempotent' | 'unsafe'

/** Which side sends a stream, in gRPC's terms. */
export type MethodKind = 'unary' | 'server_streaming' | 'client_streaming' | 'bidi_streaming'

/** A method's static data. */
export interface MethodInfo {
  /** The contract's name: `shop.v1.Orders`. */
  readonly service: string
  /** The method's name within it: `place`. */
  readonly name: string
  readonly idempotency: Idempotency
  /** @defaultValue 'unary' */
  readonly kind?: MethodKind
  /** The deadline of a call that brings none, in ms. @defaultValue 30 000, or 3 600 000 where anything streams */
  readonly deadlineMs?: number
  /** How it is reached over HTTP, for what describes calls; a contract says. @defaultValue not known */
  readonly http?: HttpRoute
}

/** Where a method is over HTTP. */
export interface HttpRoute {
  /** `POST` */
  readonly method: string
  /** `/orders/{id}`: the path with the names of its parameters, never their values. */
  readonly route: string
}

/** The deadline of a unary call that brings none, in ms. */
const defaultDeadlineMs = 30_000
/** The deadline of a streaming call that brings none, in ms. */
const defaultStreamDeadlineMs = 3_600_000

/** The deadline of a call to a method that brings none, in ms. */
export function deadlineMsOf(method: MethodInfo | undefined): number {
  if (method?.deadlineMs !== undefined) return method.deadlineMs
  return method?.kind === undefined || method.kind === 'unary' ? defaultDeadlineMs : defaultStreamDeadlineMs
}
