// One endpoint as a handler of an Express route, with its own decode and encode. The route's parameters, and whatever the app's
// middleware left on the request, are there for both.
import type { IncomingMessage } from 'node:http'
import type { Request, Response } from 'express'
import type { Context, Endpoint, Needs, Peer } from '../../../core/index.js'
import type { BodyDone } from '../body.js'
import { listener } from '../handler.js'
import type { HandlerOptions, ServerCodec } from '../handler-options.js'
import type { Serving } from '../handling.js'
import { ServedRequest } from '../served-request.js'
import type { FromRequest } from './from-request.js'
import { peerOf } from './peer.js'
import { type ExpressHandler, ExpressRequest, readParsed } from './request.js'

/** A request as a codec and hooks see it. `url` is relative to the mount path. */
export class ExpressHandlerRequest extends ServedRequest {
  /** The request as Express has it, with `params`, `body` and `originalUrl`. */
  readonly express: Request

  constructor(message: IncomingMessage, maxBytes: number) {
    super(message, maxBytes)
    this.express = message as Request // as Express hands it over
  }

  override get peer(): Peer {
    return peerOf(this.express)
  }

  protected override readWhole(message: IncomingMessage, maxBytes: number, done: BodyDone): void {
    readParsed(message, maxBytes, done)
  }

  protected override arriving(message: IncomingMessage): AsyncIterable<Uint8Array> {
    return new ExpressRequest(message).chunks()
  }
}

/** Options of {@link handler}: those of the `handler` of tenon/transport/http, whose hooks get an {@link ExpressHandlerRequest}. */
export interface ExpressHandlerOptions extends HandlerOptions<ExpressHandlerRequest> {}

/** The last argument of {@link handler}: `provide` is required exactly when the endpoint needs more than `Context`. */
export type HandlerArguments<R> = Context extends R
  ? readonly [options?: ExpressHandlerOptions & { readonly provide?: FromRequest<object> }]
  : readonly [options: ExpressHandlerOptions & { readonly provide: FromRequest<Needs<R>> }]

/**
 * One endpoint for `app.get('/users/:id', handler(…))`. Method and path are the route's. A caller that closes the connection cancels
 * the call. `provide` runs before the `before` hooks.
 *
 * A body that the app has read as bytes, text or JSON is there as if it had just come; after any other parser, such as
 * `express.urlencoded()`, reading it rejects with `internal`/`BODY_ALREADY_READ`: then `request.express.body` has what there is of it.
 *
 * Throws `RangeError` for limits that make no sense.
 */
export function handler<Req, Res, E, R extends Context = Context>(
  endpoint: Endpoint<Req, Res, E, R>,
  codec: ServerCodec<Req, Res, E, ExpressHandlerRequest>,
  ...[options = {}]: HandlerArguments<R>
): ExpressHandler {
  const { provide, ...others } = options
  const given = provide !== undefined && {
    // Express links the two.
    provide: ({ express }: ExpressHandlerRequest) => provide(express, express.res as Response),
  }
  const serving = { codec, options: { ...others, ...given } } as unknown as Serving // its requests are of the class above
  return listener(endpoint, serving, { Request: ExpressHandlerRequest, shared: true })
}
