// Pages beside the calls: what a server shows to people. Whoever makes them knows nothing of sockets, and the server knows nothing
// of what is on them.
import type { AnyService } from '../../contract/index.js'
import type { Awaitable } from '../../core/index.js'
import type { HttpHeaders, HttpResponse } from './message.js'

/** A request for a page: it has no body. */
export interface PageRequest {
  /** `GET` or `HEAD`. */
  readonly method: string
  /** Without the query. */
  readonly path: string
  readonly headers: HttpHeaders
}

/** Answers a request for a page; undefined where there is none, so that it may be a call. Never throws, never rejects. */
export type Pages = (request: PageRequest) => Awaitable<HttpResponse> | undefined

/** Makes the pages about a server's services: the `docs` of `server`. */
export interface PageSource {
  /**
   * Called once, before the server listens. Throws where the pages cannot be made. `prefix` comes before the paths of all methods: `/api`,
   * or nothing; undefined where nobody knows.
   */
  pagesOf(services: readonly AnyService[], prefix: string | undefined): Pages
}

/** The page that a request asks for, if any. */
export function page(
  pages: Pages | undefined,
  { method, url, headers }: { readonly method: string; readonly url: string; readonly headers: HttpHeaders },
): Awaitable<HttpResponse> | undefined {
  if (pages === undefined || (method !== 'GET' && method !== 'HEAD')) return undefined
  const query = url.indexOf('?')
  return pages({ method, path: query === -1 ? url : url.slice(0, query), headers })
}
