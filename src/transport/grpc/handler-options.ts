// What a handler over gRPC may be given: its codec, its hooks, and how long it may take.
import type { ServerDuplexStream, ServerUnaryCall } from '@grpc/grpc-js'
import type { Awaitable, Clock, Context, DomainFailure, Failure, OnDefect, Reply } from '../../core/index.js'
import type { ItemOf } from './item-of.js'
import type { SentStatus } from './sent-failure.js'

/** A call as grpc-js' server has it; of a method that takes one message, with that as its `request`. */
export type SurfaceCall = ServerDuplexStream<unknown, unknown> &
  Partial<Pick<ServerUnaryCall<unknown, unknown>, 'request'>>

/** Between a method's messages and an endpoint's own types, one at a time also where these come in streams. */
export interface ServerCodec<Req, Res, In, Out, E = never> {
  /** Throw a `CallError` for a request that is wrong; anything else thrown is a defect. */
  decode(message: In, context: Context): Awaitable<ItemOf<Req>>
  /** What it throws is answered as a failure: a `CallError` as its own, anything else as a defect. */
  encode(response: ItemOf<Res>, context: Context): Awaitable<Out>
  /** @defaultValue the status of the failure's code, with `google.rpc.Status`: see docs/grpc.md */
  encodeFailure?(failure: Failure | E): SentStatus
}

/** What a finalizer is told. */
export interface FinishedHandling {
  /** `/shop.v1.Orders/Get` */
  readonly path: string
  /** What was answered as a failure. Undefined for a response. */
  readonly failure: Failure | DomainFailure | undefined
  /** From the call's headers to its status, in ms. */
  readonly durationMs: number
}

/** Options of `handler`. */
export interface HandlerOptions {
  /** Run in turn before the request is decoded: each may give the context on, extended, or throw a `CallError`. */
  readonly before?: readonly ((context: Context, call: SurfaceCall) => Context)[]
  /** Run in turn when there is a response, a failure too, and before its headers go out: each may set headers and trailers. */
  readonly after?: readonly ((reply: Reply, context: Context) => void)[]
  /** Told of each failure before it is encoded, of the codec's own too. */
  readonly onFailure?: (failure: Failure | DomainFailure) => void
  /** Told once for each call, when its status is sent or its caller gone. */
  readonly finalizer?: (finished: FinishedHandling) => void
  /** The deadline of a call whose caller names none, and the longest it may name, in ms; streams included. @defaultValue 30 000 */
  readonly deadlineMs?: number
  /** @defaultValue systemClock */
  readonly clock?: Clock
  /** @defaultValue one report on stderr */
  readonly onDefect?: OnDefect
}
