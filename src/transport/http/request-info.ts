// What HTTP says of a request, for endpoints that ask for it in their type: Go kit's PopulateRequestContext and its thirteen keys.
// Read when asked for: most calls look at one or two.
import type { HandlerRequest } from './handler-options.js'
import { headerOf } from './message.js'

/** What an endpoint has in its context that needs {@link requestInfo}. */
export interface WithRequestInfo {
  /** What HTTP says of the request. */
  readonly http: RequestInfo
}

/** What HTTP says of a request. Headers are as the caller wrote them: none of them proves anything. */
export class RequestInfo {
  readonly #request: HandlerRequest

  constructor(request: HandlerRequest) {
    this.#request = request
  }

  get method(): string {
    return this.#request.method
  }

  /** Path and query as sent. */
  get uri(): string {
    return this.#request.url
  }

  /** Without the query, not decoded. */
  get path(): string {
    return this.uri.split('?', 1)[0] ?? ''
  }

  /** The query without its `?`; empty where there is none. */
  get query(): string {
    return this.uri.slice(this.path.length + 1)
  }

  /** `HTTP/1.1` */
  get protocol(): string {
    return this.#request.protocol
  }

  /** The host that the caller asked for, with its port. */
  get host(): string | undefined {
    return this.#header('host')
  }

  /** Who opened the connection: a proxy, where there is one in front. */
  get remoteAddress(): string | undefined {
    return this.#request.peer.address
  }

  /** Whom proxies say they forward for; anyone can write it, unless a proxy of yours replaces it. */
  get forwardedFor(): string | undefined {
    return this.#header('x-forwarded-for')
  }

  /** As {@link forwardedFor}: `http` or `https`. */
  get forwardedProto(): string | undefined {
    return this.#header('x-forwarded-proto')
  }

  get authorization(): string | undefined {
    return this.#header('authorization')
  }

  get referer(): string | undefined {
    return this.#header('referer')
  }

  get userAgent(): string | undefined {
    return this.#header('user-agent')
  }

  get requestId(): string | undefined {
    return this.#header('x-request-id')
  }

  get accept(): string | undefined {
    return this.#header('accept')
  }

  #header(name: string): string | undefined {
    return headerOf(this.#request.headers, name)
  }
}

/** For `provide` of `handler`: supplies `context.http`. */
export function requestInfo(request: HandlerRequest): WithRequestInfo {
  return { http: new RequestInfo(request) }
}
