// A reverse proxy as an endpoint: requests are decoded into messages and framed anew, never passed on as bytes, so that nothing can be
// smuggled in one; and what is between caller and target is a stack of middleware. Go kit's httprp, whose hooks are lost on the way.
import { defectsTo } from '../../core/call-error.js'
import { CallError, type Context, type Failure, fromRemote, isFailure } from '../../core/index.js'
import { notRun } from '../wire-headers.js'
import { openRemote } from './client.js'
import { withoutFailure } from './failing-answer.js'
import { type Forwarded, Forwarding, isBodiless } from './forwarding.js'
import { handler, type Listener } from './handler.js'
import type { HandlerRequest, HandlerResponse, ServerCodec } from './handler-options.js'
import { limit } from './limit.js'
import { headerOf } from './message.js'
import { problem, problemOfFailure } from './problem-response.js'
import { areCredentials, endToEnd, forwardedHeaders } from './proxy-headers.js'
import type { ReverseProxyOptions } from './proxy-options.js'
import { canonicalUrl } from './proxy-path.js'

/** A listener for node:http, or for an Express app before anything that reads bodies; and what closes its connections to the target. */
export type ReverseProxy = Listener & {
  /** Lets go of its connections, each when its request has ended. Requests after it are answered with 502. */
  close(): Promise<void>
}

/**
 * A listener that sends each request on to `target`, and its response back: bodies as they come, as fast as the other side takes
 * them, with deadlines and cancellation passed on. Hop-by-hop headers stay behind, and so do `authorization`, `cookie` and `x-api-key`
 * but those that `credentials` names. Redirects are not followed. Trailers of responses are passed on, those of requests are not. Throws
 * `RangeError` for limits that make no sense, `TypeError` for a target or credentials that are none.
 *
 * Answers with problem details where the target does not: 502 `CONNECTION_REFUSED`, `CONNECTION_FAILED`, `CONNECTION_LOST`,
 * `RESPONSE_TOO_LARGE`, `UNEXPECTED_RESPONSE` for a status over 599; 504 `DEADLINE_EXCEEDED`; 400 `INVALID_PATH`; 413 `BODY_TOO_LARGE`; 501 `NOT_PROXIED` for an upgrade, `TRACE`
 * and transfer codings other than chunked. A response that breaks off in the middle breaks off for the caller, too.
 *
 * @param target - `http://127.0.0.1:8080`; its path comes before the request's
 */
export function reverseProxy(target: string, options: ReverseProxyOptions = {}): ReverseProxy {
  const { use, maxRequestBytes = 10 << 20, deadlineMs = 60_000, maxResponseBytes = 1 << 30 } = options
  const { shouldFail = isServerError, credentials = [] } = options
  if (!areCredentials(credentials))
    throw new TypeError("reverseProxy: credentials must be a list of 'authorization', 'cookie' and 'x-api-key'")
  if (typeof shouldFail !== 'function') throw new TypeError('reverseProxy: shouldFail must be a function')
  const { remote, prefix, close } = openRemote(target, options)
  const limits = {
    maxRequestBytes: limit('maxRequestBytes', maxRequestBytes),
    maxResponseBytes: limit('maxResponseBytes', maxResponseBytes),
  }
  const place = { remote, prefix, maxResponseBytes: limits.maxResponseBytes, shouldFail }
  const forward = fromRemote<Forwarding, Forwarded>(`proxy ${remote.peer}`, (forwarding, context) =>
    forwarding.send(place, context),
  )
  const stack = use === undefined ? forward : use(forward)
  const listener = handler(stack, new ProxyCodec(options, limits.maxRequestBytes), { ...options, deadlineMs })
  return Object.assign(listener, { close })
}

function isServerError(status: number): boolean {
  return status >= 500
}

class ProxyCodec implements ServerCodec<Forwarding, Forwarded> {
  readonly #options: ReverseProxyOptions
  readonly #maxBytes: number
  readonly #going: WeakMap<HandlerRequest, Forwarding> = new WeakMap()

  constructor(options: ReverseProxyOptions, maxBytes: number) {
    this.#options = options
    this.#maxBytes = maxBytes
  }

  decode(request: HandlerRequest, context: Context): Forwarding {
    refuse(request)
    const { rewrite, forwarded = 'replace', host = 'target', credentials = [] } = this.#options
    const headers = forwardedHeaders(request.headers, request.peer, { forwarded, credentials })
    const asked = headerOf(request.headers, 'host')
    if (host === 'caller' && asked !== undefined) headers['host'] = asked
    const plain = { method: request.method, path: canonicalUrl(request.url), headers }
    const made = rewrite === undefined ? plain : rewrite(plain, request, context)
    const body = request.hasBody ? request.chunks(this.#maxBytes) : undefined
    const length = Number(request.headers['content-length'] ?? Number.NaN)
    const forwarding = new Forwarding({ ...made, path: canonicalUrl(made.path) }, body, length)
    this.#going.set(request, forwarding)
    return forwarding
  }

  encode(body: Forwarded, request: HandlerRequest): HandlerResponse {
    const { status, headers, failure, trailers } = this.#going.get(request)?.head ?? noHead()
    const length = Number(headers['content-length'] ?? Number.NaN)
    return {
      status,
      headers: { ...endToEnd(headers), via: `${headers['via'] === undefined ? '' : `${headers['via']}, `}1.1 tenon` },
      body: failure === undefined ? body : withoutFailure(body, failure, isBodiless(request.method, status)),
      ...(Number.isSafeInteger(length) && status !== 204 && { length }),
      trailers,
    }
  }

  encodeFailure(failure: Failure): HandlerResponse {
    const message = isFailure(failure) ? behind.get(failure.reason) : undefined // a layer may give a domain failure
    if (message === undefined) return problemOfFailure(failure, defectsTo(this.#options.onDefect))
    return problem({ ...failure, message }, { status: 502 })
  }
}

/** What a failure of the target is called where its address is nobody's business. */
const behind: ReadonlyMap<string, string> = new Map([
  ['CLIENT_CLOSED', 'the proxy is closed'],
  ['CONNECTION_FAILED', 'there is no connection to the server behind'],
  ['CONNECTION_LOST', 'the connection to the server behind broke'],
  ['CONNECTION_REFUSED', 'the server behind refuses connections'],
  ['RESPONSE_TOO_LARGE', 'the response of the server behind is too large'],
  ['UNEXPECTED_RESPONSE', 'the server behind answers with a status that there is not'],
])

function refuse(request: HandlerRequest): void {
  const what = notProxied(request)
  if (what !== undefined) throw new CallError(notRun('unimplemented', 'NOT_PROXIED', `${what} is not sent on`))
}

function notProxied({ method, headers }: HandlerRequest): string | undefined {
  if (method === 'TRACE' || method === 'CONNECT') return method
  if (isUpgrade(headerOf(headers, 'upgrade'))) return 'an upgrade'
  const coding = headerOf(headers, 'transfer-encoding')
  return coding === undefined || coding.trim().toLowerCase() === 'chunked'
    ? undefined
    : 'a transfer coding other than chunked'
}

/** To HTTP/2 in clear text nobody need upgrade, and curl asks each time. */
function isUpgrade(upgrade: string | undefined): boolean {
  return upgrade !== undefined && upgrade.trim().toLowerCase() !== 'h2c'
}

/** A layer of `use` gave a response of its own. */
function noHead(): never {
  throw new TypeError('reverseProxy: a middleware answered with a response: only the target can')
}
