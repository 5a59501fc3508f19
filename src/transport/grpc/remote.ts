// A server as its callers share it: one channel of grpc-js, opened with the first call, and how many calls go on.
import { Channel, type ChannelCredentials, type ChannelOptions, credentials } from '@grpc/grpc-js'
import { type Failure, failureOf } from '../../core/index.js'
import type { Pem, PemTexts } from '../pem.js'
import { pemOf, secured } from '../tls-options.js'
import { limit } from './limit.js'
import { parseTarget } from './target.js'

/** Options of `tls` of `client`. */
export interface TlsClientOptions {
  /** The authorities that the server's certificate must come from. @defaultValue those of Node */
  readonly ca?: Pem | readonly Pem[]
  /** The certificate that is shown to a server that asks for one, followed by those between it and its root. @defaultValue none */
  readonly cert?: Pem
  /** Its private key, not encrypted. */
  readonly key?: Pem
  /** The host that the server's certificate must be for, and that it is asked for. @defaultValue the target's */
  readonly servername?: string
}

/** Options of whatever calls a server. */
export interface ChannelSettings {
  /** The most calls going on at once; above, calls fail with `TOO_MANY_CALLS`, `ran: 'no'`. @defaultValue 1024 */
  readonly maxCalls?: number
  /** The most bytes of a message that comes back, unpacked. @defaultValue 4 MiB, as everywhere in gRPC */
  readonly maxMessageBytes?: number
  /**
   * Packs requests, which saves bytes and costs both sides time. What comes packed is unpacked either way; `maxMessageBytes` counts
   * unpacked. @defaultValue none
   */
  readonly compression?: 'gzip' | 'deflate'
  /**
   * How long a connection with calls may be silent before it is asked whether its peer still exists, in ms; without an answer in 20 s
   * it is given up. Servers close connections that ask more often than they like, gRPC's own below 300 000. @defaultValue 360 000
   */
  readonly keepaliveMs?: number
  /** The longest pause between attempts to connect, in ms: the first is a second. @defaultValue 20 000 */
  readonly maxReconnectDelayMs?: number
  /** For servers that speak TLS; without it a target with `grpcs:` is held to the authorities of Node. @defaultValue none */
  readonly tls?: TlsClientOptions
}

const keepaliveTimeoutMs = 20_000
const firstReconnectDelayMs = 1000

/** A server, as its callers share it. */
export class Remote {
  readonly peer: string
  readonly maxMessageBytes: number
  readonly #maxCalls: number
  readonly #open: () => Channel
  #channel: Channel | undefined
  #calls = 0
  #isClosed = false
  #onIdle: (() => void) | undefined

  /** Throws `RangeError` for limits that make no sense, `TypeError` for a target or TLS that cannot work. */
  constructor(target: string, options: ChannelSettings) {
    const { address, peer, isSecure } = parseTarget(target)
    this.peer = peer
    this.maxMessageBytes = limit('maxMessageBytes', options.maxMessageBytes ?? 4 << 20, 1, 0xffff_ffff)
    this.#maxCalls = limit('maxCalls', options.maxCalls ?? 1024)
    const settings = channelOptions(options, this.maxMessageBytes)
    const given = credentialsOf(isSecure, options.tls)
    this.#open = () => new Channel(address, given, settings)
  }

  /** Begins a call: a channel to make it on, or why it cannot be. Whoever has begun says when it has `ended`. */
  begin(): Channel | Failure {
    const { peer } = this
    if (this.#isClosed)
      return failureOf('unavailable', 'CLIENT_CLOSED', `the client of ${peer} is closed`, { ran: 'no' })
    if (this.#calls >= this.#maxCalls) {
      const message = `${this.#maxCalls} calls to ${peer} are going on`
      return failureOf('resource_exhausted', 'TOO_MANY_CALLS', message, { ran: 'no' })
    }
    this.#calls++
    this.#channel ??= this.#open()
    return this.#channel
  }

  ended(): void {
    if (--this.#calls === 0) this.#onIdle?.()
  }

  /** No more calls; resolves when those that go on have ended, and the connection is closed. */
  async close(): Promise<void> {
    this.#isClosed = true
    if (this.#calls > 0) {
      await new Promise<void>(resolve => {
        const others = this.#onIdle
        this.#onIdle = () => {
          others?.()
          resolve()
        }
      })
    }
    this.#channel?.close()
    this.#channel = undefined
  }
}

function channelOptions(options: ChannelSettings, maxMessageBytes: number): ChannelOptions {
  const { compression } = options
  if (compression !== undefined && compression !== 'gzip' && compression !== 'deflate')
    throw new TypeError("grpc: compression must be 'gzip' or 'deflate'")
  const most = limit('maxReconnectDelayMs', options.maxReconnectDelayMs ?? 20_000)
  return {
    'grpc.max_receive_message_length': maxMessageBytes,
    'grpc.max_send_message_length': -1,
    'grpc.keepalive_time_ms': limit('keepaliveMs', options.keepaliveMs ?? 360_000),
    'grpc.keepalive_timeout_ms': keepaliveTimeoutMs,
    'grpc.initial_reconnect_backoff_ms': Math.min(firstReconnectDelayMs, most),
    'grpc.max_reconnect_backoff_ms': most,
    'grpc.enable_retries': 0, // ours know what is safe, and count
    'grpc.service_config_disable_resolution': 1,
    'grpc.use_local_subchannel_pool': 1, // else closing would leave the connection to whoever else has it
    'grpc.enable_http_proxy': 0,
    'grpc.enable_channelz': 0,
    ...(compression !== undefined && { 'grpc.default_compression_algorithm': compression === 'gzip' ? 2 : 1 }),
    ...(options.tls?.servername !== undefined && {
      'grpc.ssl_target_name_override': options.tls.servername,
      'grpc.default_authority': options.tls.servername,
    }),
  }
}

function credentialsOf(isSecure: boolean, tls: TlsClientOptions | undefined): ChannelCredentials {
  if (tls === undefined) return isSecure ? credentials.createSsl() : credentials.createInsecure()
  if (!isSecure) throw new TypeError('grpc: tls is only for targets with grpcs:')
  const { ca, cert, key } = tls
  if ((cert === undefined) !== (key === undefined))
    throw new TypeError('grpc: tls needs a cert and its key, or neither')
  const pem: PemTexts = pemOf({ ca, cert, key })
  return credentials.createFromSecureContext(secured(pem))
}
