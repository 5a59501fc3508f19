// What the app's own middleware has found out about a request, for endpoints: who is signed in, say. Asked for explicitly, since
// whatever else hangs on a request is no business of an endpoint.
import type { Request, Response } from 'express'

/**
 * Takes what endpoints need from a request, or from `response.locals`, as the app's middleware left it there. Runs once for each call,
 * before its body is read. What it gives must not have a name that a context has already. A `CallError` that it throws is the call's
 * failure, with `ran: 'no'`; anything else thrown is a defect. It cannot wait: what has to wait is middleware of the app.
 */
export type FromRequest<P extends object> = (request: Request, response: Response) => P
