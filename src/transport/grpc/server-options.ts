// What may be set on the server over gRPC, and what it is when it is not.
import type { MethodSpec } from '../../contract/index.js'
import { Identity } from '../identity.js'
import { type TlsOptions, tlsSettingsOf } from '../tls-options.js'
import { limit } from './limit.js'
import type { GrpcMethod, GrpcServiceOptions } from './message-codec.js'

/** Options of `server`. */
export interface GrpcServerOptions extends GrpcServiceOptions {
  /** The TCP port; 0 for any that is free. */
  readonly port: number
  /** The address to listen on; `0.0.0.0` or `::` for all. @defaultValue '127.0.0.1' */
  readonly host?: string
  /** Key, certificate, and whether callers show theirs. @defaultValue none: HTTP/2 without TLS */
  readonly tls?: TlsOptions
  /** The most bytes of a message, counted unpacked. @defaultValue 4 MiB, as everywhere in gRPC */
  readonly maxMessageBytes?: number
  /** The longest deadline that a caller may ask for, in ms. @defaultValue 300 000; an hour for streams */
  readonly maxDeadlineMs?: number
  /** The most connections at once; more are closed as they come. @defaultValue 10 000 */
  readonly maxConnections?: number
  /** The most calls at once on one connection; its client holds back more. @defaultValue 1 000 */
  readonly maxCallsPerConnection?: number
  /**
   * How long a connection may be silent before it is asked whether its peer still exists, in ms; without an answer in 20 s it is
   * closed. @defaultValue 300 000
   */
  readonly keepaliveMs?: number
  /** How long a connection without calls is kept, in ms. @defaultValue 1 800 000 */
  readonly idleTimeoutMs?: number
  /**
   * How long a connection is used, in ms, give or take a tenth; its client then opens another, which a balancer may send elsewhere.
   * @defaultValue no limit
   */
  readonly maxConnectionAgeMs?: number
  /** Whether `grpc.health.v1.Health` is served: what `/readyz` says over HTTP. @defaultValue true */
  readonly health?: boolean
  /**
   * Whether `grpc.reflection.v1` and `v1alpha` are served, so that tools such as buf and grpcurl know the methods. Tells everybody who
   * can connect what there is to call. @defaultValue false
   */
  readonly reflection?: boolean
  /** How a method's messages become bytes. @defaultValue protocol buffers, as the contract's schemas and `lock` say */
  readonly methodOf?: (spec: MethodSpec) => GrpcMethod
}

/** The options, each with a value. */
export interface Settings
  extends Required<Omit<GrpcServerOptions, 'tls' | 'methodOf' | 'lock' | 'maxConnectionAgeMs'>>,
    GrpcServiceOptions {
  readonly methodOf: ((spec: MethodSpec) => GrpcMethod) | undefined
  readonly maxConnectionAgeMs: number | undefined
  /** Who the server is, where it speaks TLS. */
  readonly identity: Identity | undefined
}

/** The options, each with a value. Throws `RangeError` for limits that make no sense, `TypeError` for TLS that cannot work. */
export function settingsOf(options: GrpcServerOptions): Settings {
  const { port, host = '127.0.0.1', health = true, reflection = false, lock, methodOf } = options
  const { maxConnectionAgeMs } = options
  return {
    port: limit('port', port, 0, 65_535),
    host,
    health,
    reflection,
    ...(lock !== undefined && { lock }),
    methodOf,
    identity: options.tls === undefined ? undefined : new Identity(tlsSettingsOf(options.tls)),
    maxMessageBytes: limit('maxMessageBytes', options.maxMessageBytes ?? 4 << 20, 1, 0xffff_ffff),
    maxDeadlineMs: limit('maxDeadlineMs', options.maxDeadlineMs ?? 300_000),
    maxConnections: limit('maxConnections', options.maxConnections ?? 10_000),
    maxCallsPerConnection: limit('maxCallsPerConnection', options.maxCallsPerConnection ?? 1000),
    keepaliveMs: limit('keepaliveMs', options.keepaliveMs ?? 300_000),
    idleTimeoutMs: limit('idleTimeoutMs', options.idleTimeoutMs ?? 1_800_000),
    maxConnectionAgeMs: maxConnectionAgeMs === undefined ? undefined : limit('maxConnectionAgeMs', maxConnectionAgeMs),
  }
}
