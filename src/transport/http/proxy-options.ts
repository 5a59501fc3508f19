// What may be set on a reverse proxy.
import type { Context, Middleware } from '../../core/index.js'
import type { HttpClientOptions } from './client.js'
import type { HandlerOptions, HandlerRequest } from './handler-options.js'
import type { CredentialHeader, ForwardedPolicy } from './proxy-headers.js'

/** A request as a proxy is about to send it on. */
export interface ForwardedRequest {
  readonly method: string
  /** Path and query, after the target's own path. */
  readonly path: string
  /** By lower-case name. Those that frame the message are not among them: the proxy frames it anew. */
  readonly headers: Readonly<Record<string, string>>
}

/** Options of `reverseProxy`. */
export interface ReverseProxyOptions
  extends Pick<
      HttpClientOptions,
      'maxConnections' | 'maxCalls' | 'connectTimeoutMs' | 'keepAliveTimeoutMs' | 'stack' | 'tls'
    >,
    Pick<HandlerOptions, 'before' | 'after' | 'onFailure' | 'finalizer' | 'clock' | 'onDefect'> {
  /**
   * Middleware around each forwarded request: breakers, limits, logs, authentication. The call lasts until the response's body
   * has ended. An answer of the target for which `shouldFail` says so is a failure to them, at its end. @defaultValue none
   */
  readonly use?: Middleware
  /**
   * Whether an answer of the target with this status is a failure to the middleware of `use`: `UNEXPECTED_RESPONSE`, with the code of the
   * status, its `peer` and `details.status`. The caller gets the answer all the same, as it came. The failure comes behind the last
   * byte, so that breakers count it and logs tell of it, but nothing runs again or answers instead. Pure; one that throws is a defect.
   * @defaultValue 500 and above
   */
  readonly shouldFail?: (status: number) => boolean
  /**
   * Changes what is sent on: strips a prefix, adds a header. Its path is checked as the caller's was. Throw a `CallError` to
   * refuse. @defaultValue as it came
   */
  readonly rewrite?: (request: ForwardedRequest, incoming: HandlerRequest, context: Context) => ForwardedRequest
  /** The `Host` that the target sees: its own, or what the caller asked for. @defaultValue 'target' */
  readonly host?: 'target' | 'caller'
  /**
   * What the target is told in `Forwarded` and `X-Forwarded-For`, `-Proto` and `-Host`. `replace`: who called the proxy, and nothing
   * that the caller wrote itself. `append`: behind what the caller wrote, for a proxy that only trusted proxies can reach. `drop`:
   * nothing. @defaultValue 'replace'
   */
  readonly forwarded?: ForwardedPolicy
  /**
   * Which of the caller's credentials the target gets as well: `['authorization', 'cookie']` for one that is of the same trust domain, and
   * asks for them itself. The others go no further than the layers of `use`, which may send some of their own (`bearerToken`). A key in a
   * header of another name is left out by `rewrite`. @defaultValue none
   */
  readonly credentials?: readonly CredentialHeader[]
  /** The most bytes of a request body, as it comes. @defaultValue 10 MiB */
  readonly maxRequestBytes?: number
  /** The most bytes of a response body, as it comes. @defaultValue 1 GiB */
  readonly maxResponseBytes?: number
  /**
   * The deadline of a request whose caller names none, and the longest it may name, in ms. It bounds the whole exchange, bodies
   * included; what is left of it is sent on. @defaultValue 60 000
   */
  readonly deadlineMs?: number
}
