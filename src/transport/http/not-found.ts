// What is answered where no route fits: 404, 405 with `Allow`, 400 for a path that nobody should interpret, and OPTIONS.
import { notRun } from '../wire-headers.js'
import type { HttpResponse } from './message.js'
import { problemResponse } from './problem.js'
import type { Match } from './router.js'

/** What no route fits, and in which way. */
export type NotFound = Exclude<Match<never>, { readonly kind: 'found' }>

/** The response to a request that no route is for. */
export function notFound(found: NotFound, method: string): HttpResponse {
  if (found.kind === 'invalid') return problemResponse(notRun('invalid_argument', 'INVALID_PATH', found.message))
  if (found.kind === 'method_not_allowed') {
    const allow = ['allow', found.allow.join(', ')]
    if (method === 'OPTIONS') return { status: 204, headers: allow, body: '' }
    const failure = notRun('unimplemented', 'METHOD_NOT_ALLOWED', `${JSON.stringify(method)} is not for this path`)
    return problemResponse(failure, allow)
  }
  // Not which path: what is in one may be a secret, and answers end in logs.
  return problemResponse(notRun('unimplemented', 'ROUTE_NOT_FOUND', 'there is nothing at this path'))
}
