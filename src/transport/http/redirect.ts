// A reply that sends a browser elsewhere: after a login, after a form. Where to is often what a caller said (`?next=`), and a server that
// believes it sends its users to whoever asks: an open redirect (CWE-601).
import { CallError, failureOf, type Reply } from '../../core/index.js'
import { isLocalPath, placeOf } from '../../core/local-path.js'
import { redirectStatuses } from './redirect-statuses.js'

/** Options of {@link redirect}. */
export interface RedirectOptions {
  /**
   * 303 makes the browser GET the place, whatever it sent here; 307 and 308 make it send the same once more; 301 and 308 are remembered.
   * @defaultValue 303
   */
  readonly status?: 301 | 302 | 303 | 307 | 308
  /** Other origins that it may lead to: `['https://accounts.example']`. @defaultValue none: paths of this server alone */
  readonly origins?: readonly string[]
}

/**
 * Makes a reply a redirect; the handler returns a response all the same, which browsers do not look at. `location` is a path of this
 * server (`/orders/7?tab=1`), or a URL of one of `origins`: it is safe to pass what a caller said. Throws `CallError`
 * `invalid_argument`/`UNSAFE_REDIRECT` for any other place, `//evil.example` and `/\evil.example` included, `RangeError` for a status that
 * is no redirect.
 */
export function redirect(reply: Reply, location: string, options: RedirectOptions = {}): void {
  const { status = 303, origins = [] } = options
  if (!redirectStatuses.has(status))
    throw new RangeError(`redirect: the status must be 301, 302, 303, 307 or 308, got ${status}`)
  const isAllowed = location.startsWith('/')
    ? isLocalPath(location)
    : origins.some(origin => origin === placeOf(location)?.origin)
  if (!isAllowed) {
    const message = `${JSON.stringify(location.slice(0, 100))} is no place to be redirected to`
    throw new CallError<never>(failureOf('invalid_argument', 'UNSAFE_REDIRECT', message))
  }
  reply.header('location', location)
  reply.status = status
}
