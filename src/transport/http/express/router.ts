// A set of services as a part of an Express app. Between Express's own router and the exchange that all HTTP adapters share there is
// only what differs: where the path begins, whose the rest is, and who has read the body.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Request, Response } from 'express'
import type { AnyService } from '../../../contract/index.js'
import type { Context, Needs } from '../../../core/index.js'
import type { Exchange } from '../begun-call.js'
import { onCallerGone } from '../caller-gone.js'
import { unhurried } from '../connections.js'
import { Exchanges } from '../exchange.js'
import { type SendOptions, send } from '../send.js'
import type { FromRequest } from './from-request.js'
import { type ExpressHandler, ExpressRequest } from './request.js'
import { type RouterOptions, settingsOf } from './router-options.js'

/** The last argument of {@link router}: `provide` is required exactly when a service needs more than `Context`. */
export type RouterArguments<R> = Context extends R
  ? readonly [options?: RouterOptions & { readonly provide?: FromRequest<object> }]
  : readonly [options: RouterOptions & { readonly provide: FromRequest<Needs<R>> }]

/** What some services need of their context, all together. */
export type RequiredBy<S> = (S extends AnyService<infer R> ? (needs: R) => void : never) extends (
  needs: infer N,
) => void
  ? N
  : never

/**
 * Services for `app.use('/api', router([orders, stock]))`: the contract's paths are below the mount path, and what is no request for
 * them goes on to the rest of the app. A caller that closes the connection cancels its call.
 *
 * It may stand behind parsers of the app, best behind none: a body that `express.json()`, `express.raw()` or `express.text()` has put
 * into `request.body` is taken from there, and one that was read and is not there fails with `internal`/`BODY_ALREADY_READ`.
 *
 * Throws `RangeError` and `TypeError` for options that make no sense, and `TypeError` for two methods at one path.
 *
 * @example
 * ```ts
 * import { once } from 'node:events'
 * import express from 'express'
 * import { contract, implement, method } from 'tenon'
 * import { router } from 'tenon/transport/http/express'
 * import { z } from 'zod'
 *
 * const Clock = contract('demo.v1.Clock', {
 *   read: method({ request: z.object({}), response: z.object({ ms: z.number() }), idempotency: 'safe', http: { get: '/clock' } }),
 * })
 * const clock = implement(Clock).handlers({ read: () => ({ ms: Date.now() }) })
 *
 * const app = express()
 * app.use('/api', router([clock]))
 * const server = app.listen(0, '127.0.0.1')
 * await once(server, 'listening')
 * server.close()
 * ```
 */
export function router<const S extends readonly AnyService<never>[]>(
  services: S,
  ...[options = {}]: RouterArguments<RequiredBy<S[number]>>
): ExpressHandler {
  const settings = settingsOf(options)
  const { isOthers, maxBodyBytes, throughProxies } = settings
  // Whether they get what they need is what `RouterArguments` sees to.
  const all = services as unknown as readonly AnyService[]
  const exchanges = new Exchanges(all, settings, settings)
  const answer = answering({ last: false, maxDiscardedBytes: maxBodyBytes, shared: true })
  const { provide: given } = options
  if (given === undefined) {
    const among = { isOthers }
    return (message, target, next) => {
      const exchange = exchanges.beginAmong(new ExpressRequest(message, throughProxies), among)
      if (exchange === undefined) next()
      else answer(exchange, message, target)
    }
  }
  return (message, target, next) => {
    // Where Express hands a request over, it is Express's own.
    const provide = (): object => given(message as Request, target as Response)
    const exchange = exchanges.beginAmong(new ExpressRequest(message, throughProxies), { isOthers, provide })
    if (exchange === undefined) next()
    else answer(exchange, message, target)
  }
}

/** Sends what comes of an exchange, and ends it when its caller goes away before. */
function answering(
  options: SendOptions,
): (exchange: Exchange, message: IncomingMessage, target: ServerResponse) => void {
  return (exchange, message, target) => {
    const { response, whole } = exchange
    const end = response === undefined ? begin(exchange, message, whole) : undefined
    exchange.onResponse(ready => {
      const sending = send(message, target, ready, options)
      if (sending === undefined) end?.()
      else void sending.then(end ?? begin(exchange, message, whole))
    })
  }
}

/** From now on the exchange may last; returns what ends that. */
function begin(exchange: Exchange, message: IncomingMessage, whole: boolean): () => void {
  const unlink = onCallerGone(message.socket, failure => exchange.cancel(failure))
  if (whole) return unlink
  unhurried.add(message)
  return () => {
    unlink()
    unhurried.delete(message)
  }
}
