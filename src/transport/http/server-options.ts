// What may be set on the server over HTTP, and what it is when it is not.
import { hash } from 'node:crypto'
import type { OnDefect } from '../../core/index.js'
import { Identity } from '../identity.js'
import { type TlsOptions, tlsSettingsOf } from '../tls-options.js'
import { tagsOf } from './body-tag.js'
import { type CompressionOptions, type CompressionSettings, compressionOf } from './compression.js'
import type { TagOf } from './conditional.js'
import { type Cors, type CorsOptions, corsOf } from './cors.js'
import type { Listener } from './handler.js'
import { limit } from './limit.js'
import { mountOf } from './mounts.js'
import type { PageSource } from './pages.js'
import { type ThroughProxies, type TrustedProxiesOptions, trustedProxiesOf } from './trusted-proxies.js'

/** Options of `server`. */
export interface HttpServerOptions extends TrustedProxiesOptions {
  /** The TCP port; 0 for any that is free. */
  readonly port: number
  /** The address to listen on; `0.0.0.0` or `::` for all. @defaultValue '127.0.0.1' */
  readonly host?: string
  /** Which pages of other origins may call, and read what comes back, failures included. @defaultValue none */
  readonly cors?: CorsOptions
  /** HTTPS instead of HTTP: key, certificate, and whether callers show theirs. @defaultValue none: plain HTTP */
  readonly tls?: TlsOptions
  /** The most bytes of a request body, counted unpacked; of a stream, of one item. @defaultValue 1 MiB */
  readonly maxBodyBytes?: number
  /** The longest deadline that a caller may ask for, in ms. @defaultValue 300 000; an hour for streams */
  readonly maxDeadlineMs?: number
  /** How long the headers of a request may take, in ms. @defaultValue 10 000 */
  readonly headersTimeoutMs?: number
  /**
   * How long a whole request may take to arrive, in ms, and an answer that is not a stream to be taken at all. Request streams
   * may take longer. @defaultValue 30 000
   */
  readonly requestTimeoutMs?: number
  /** How often slow clients and idle connections are looked for, in ms: they may be late by twice as much. @defaultValue 1 000 */
  readonly checkIntervalMs?: number
  /** How long an idle connection is kept, in ms, and a second more: longer than its clients keep it. @defaultValue 65 000 */
  readonly keepAliveTimeoutMs?: number
  /** The most headers of a request. Above: 431. @defaultValue 100 */
  readonly maxHeaders?: number
  /** The most connections at once; more are closed as they come. @defaultValue 10 000 */
  readonly maxConnections?: number
  /**
   * While draining: how long a connection must have been idle before it is closed, in ms, counted from the beginning of the drain
   * at the earliest. A request that is on its way to a connection just closed is lost, and nobody can tell whether it ran.
   * @defaultValue 5 000: longer than our client keeps one
   */
  readonly lingerMs?: number
  /** Whether `/livez` and `/readyz` answer here. @defaultValue true */
  readonly probes?: boolean
  /**
   * Whether responses are packed for clients that ask for it with `Accept-Encoding`. Off, because a packed response that holds both a
   * secret and something that its caller chose gives the secret away by its length; a handler keeps a reply as it is with
   * `cache-control: no-transform`. @defaultValue false
   */
  readonly compression?: boolean | CompressionOptions
  /**
   * Whether responses to GET and HEAD that are no streams get an entity tag, made from their bodies, unless the handler sets one:
   * callers that have a response already are answered 304. `'strong'` promises the same bytes, `'weak'` the same meaning, which
   * survives proxies that pack. @defaultValue false
   */
  readonly etag?: 'strong' | 'weak' | false
  /**
   * What is shown beside the calls: `docs()` of tenon/transport/http/docs serves the OpenAPI document and a page to try it. Its paths
   * come before those of methods. @defaultValue none
   */
  readonly docs?: PageSource
  /**
   * Listeners of node:http by path: `{ '/metrics': listener }`, async or not, gets `/metrics` and all below it, as it came. They count as calls when the
   * server drains; of its limits those of connections and headers hold for them, and neither CORS nor compression. A path that a method
   * has is refused when the server starts. @defaultValue none
   */
  readonly mount?: Readonly<Record<string, Listener>>
}

/** The options, each with a value. */
export interface Settings
  extends Required<
      Omit<HttpServerOptions, 'docs' | 'mount' | 'compression' | 'etag' | 'tls' | 'cors' | keyof TrustedProxiesOptions>
    >,
    Pick<HttpServerOptions, 'docs'> {
  readonly mount: Readonly<Record<string, Listener>> | undefined
  readonly compression: CompressionSettings | undefined
  readonly tagOf: TagOf | undefined
  readonly corsFor: ((onDefect: OnDefect) => Cors) | undefined
  /** Who called, where proxies are trusted. */
  readonly throughProxies: ThroughProxies | undefined
  /** Who the server is, where it speaks TLS. */
  readonly identity: Identity | undefined
}

/** The options, each with a value. Throws `RangeError` for limits that make no sense, `TypeError` for TLS that cannot work. */
export function settingsOf(options: HttpServerOptions): Settings {
  const { port, host = '127.0.0.1', probes = true } = options
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new RangeError(`http: port must be from 0 to 65535, got ${port}`)
  return {
    port,
    host,
    probes,
    mount: mountOf(options.mount),
    compression: compressionOf(options.compression),
    corsFor: corsOf(options.cors),
    identity: options.tls === undefined ? undefined : new Identity(tlsSettingsOf(options.tls)),
    ...(options.docs !== undefined && { docs: options.docs }),
    ...callSettingsOf(options),
    headersTimeoutMs: limit('headersTimeoutMs', options.headersTimeoutMs ?? 10_000),
    requestTimeoutMs: limit('requestTimeoutMs', options.requestTimeoutMs ?? 30_000),
    checkIntervalMs: limit('checkIntervalMs', options.checkIntervalMs ?? 1000),
    keepAliveTimeoutMs: limit('keepAliveTimeoutMs', options.keepAliveTimeoutMs ?? 65_000),
    maxHeaders: limit('maxHeaders', options.maxHeaders ?? 100),
    maxConnections: limit('maxConnections', options.maxConnections ?? 10_000),
    lingerMs: limit('lingerMs', options.lingerMs ?? 5000, 0),
  }
}

/** The options that matter to calls, whoever listens. */
type CallOptions = Pick<HttpServerOptions, 'maxBodyBytes' | 'maxDeadlineMs' | 'etag' | keyof TrustedProxiesOptions>

/** The options that matter to calls, each with a value. Throws `RangeError` or `TypeError` for what makes no sense. */
export function callSettingsOf(
  options: CallOptions,
): Pick<Settings, 'maxBodyBytes' | 'maxDeadlineMs' | 'tagOf' | 'throughProxies'> {
  return {
    maxBodyBytes: limit('maxBodyBytes', options.maxBodyBytes ?? 1 << 20),
    maxDeadlineMs: limit('maxDeadlineMs', options.maxDeadlineMs ?? 300_000),
    tagOf: tagsOf(options.etag, body => hash('sha256', body, 'base64url')),
    throughProxies: trustedProxiesOf(options),
  }
}
