// The client over HTTP, for `connect`: connections kept and limited, the deadline sent along, the server's failures as
// they were.
import type { ClientBinding } from '../../contract/index.js'
import type { RemoteHttp } from '../../core/index.js'
import type { Pem } from '../pem.js'
import { pemOf, secured } from '../tls-options.js'
import { type Lazy, lazily } from './lazy.js'
import { limit } from './limit.js'
import { remoteCall } from './remote.js'
import type { Remote } from './round-trip.js'
import type { Sender, SenderOptions, SenderTls } from './sender.js'
import { parseTarget } from './target.js'
import { unpackable } from './unpacker.js'

/** Options of `tls` of {@link client}. */
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

/** Options of {@link client}. */
export interface HttpClientOptions {
  /** The most connections to the server at once. @defaultValue 128 */
  readonly maxConnections?: number
  /** The most calls going on at once; above, calls fail with `TOO_MANY_CALLS`, `ran: 'no'`. @defaultValue 1024 */
  readonly maxCalls?: number
  /** How long a connection may take to open, in ms. @defaultValue 2 000 */
  readonly connectTimeoutMs?: number
  /** How long an idle connection is kept, in ms: shorter than the server keeps it. @defaultValue 4 000 */
  readonly keepAliveTimeoutMs?: number
  /** The most bytes of a response, unpacked; of a stream, of one item. @defaultValue 4 MiB */
  readonly maxResponseBytes?: number
  /**
   * Whether to ask for packed responses, which saves bytes and costs both sides time. What comes packed unasked is unpacked either
   * way; `maxResponseBytes` counts unpacked. @defaultValue false
   */
  readonly compression?: boolean
  /**
   * The most redirects that a call follows, up to 20: of GET and HEAD any, of others 307 and 308, to the client's own target alone. Fails
   * with `REDIRECT_REFUSED` or `TOO_MANY_REDIRECTS`. @defaultValue 0: a redirect is an `UNEXPECTED_RESPONSE`
   */
  readonly maxRedirects?: number
  /** For targets with `https:`. @defaultValue the authorities of Node, and no certificate */
  readonly tls?: TlsClientOptions
  /** What sends: undici where it is installed, else node:http. @defaultValue 'auto' */
  readonly stack?: 'auto' | 'undici' | 'node'
}

/**
 * A client of the services at `target`, for `connect`. Nothing is opened before the first call. Calls fail with
 * `CONNECTION_REFUSED` or `CONNECTION_FAILED` (`ran: 'no'`) where no connection came about, with `CONNECTION_LOST` where one
 * broke, and with `UNEXPECTED_RESPONSE` where something else than a Tenon server answers. Closing it ends no call: connections
 * close as their calls end, and `close()` resolves when all have. Throws `RangeError` for limits that make no sense, `TypeError` for
 * a target or TLS that cannot work.
 *
 * @param target - `http://127.0.0.1:8080`; a path before the methods' own is allowed
 */
export function client(target: string, options: HttpClientOptions = {}): ClientBinding {
  const { remote, prefix, http, close } = openRemote(target, options)
  return { name: 'http', peer: remote.peer, http, method: spec => remoteCall(spec, remote, prefix), close }
}

/** A server, its path before those of methods, and what closes the connections to it. */
export interface Opened {
  readonly remote: Remote
  readonly prefix: string
  readonly http: RemoteHttp
  close(): Promise<void>
}

/** A server as its callers share it, opened when first called. */
export function openRemote(target: string, options: HttpClientOptions): Opened {
  const url = parseTarget(target)
  const { stack = 'auto', compression = false } = options
  const maxCalls = limit('maxCalls', options.maxCalls ?? 1024)
  const maxResponseBytes = limit('maxResponseBytes', options.maxResponseBytes ?? 4 << 20)
  const limits: SenderOptions = {
    maxConnections: limit('maxConnections', options.maxConnections ?? 128),
    connectTimeoutMs: limit('connectTimeoutMs', options.connectTimeoutMs ?? 2000),
    keepAliveTimeoutMs: limit('keepAliveTimeoutMs', options.keepAliveTimeoutMs ?? 4000),
    ...(options.tls !== undefined && { tls: senderTls(url, options.tls) }),
  }
  const most = limit('maxRedirects', options.maxRedirects ?? 0, 0)
  if (most > 20) throw new RangeError(`http: maxRedirects must be 20 at most, got ${most}`)
  const sender = lazily(() => openSender(url.origin, stack, limits))
  const asking = compression ? { acceptEncoding: unpackable } : {}
  const remote: Remote = {
    peer: url.host,
    maxCalls,
    maxResponseBytes,
    calls: 0,
    closed: false,
    sender,
    ...asking,
    ...(most > 0 && { redirects: { origin: url.origin, most } }),
  }
  let closing: Promise<void> | undefined
  const close = (): Promise<void> => {
    remote.closed = true
    closing ??= closeSender(sender)
    return closing
  }
  const prefix = url.pathname.replace(/\/$/, '')
  return { remote, prefix, http: { url: url.origin + prefix, version: '1.1' }, close } // neither stack speaks HTTP/2
}

function senderTls({ protocol }: URL, { ca, cert, key, servername }: TlsClientOptions): SenderTls {
  if (protocol !== 'https:') throw new TypeError('http: tls is only for targets with https:')
  if ((cert === undefined) !== (key === undefined))
    throw new TypeError('http: tls needs a cert and its key, or neither')
  const pem = pemOf({ ca, cert, key })
  secured(pem)
  return { ...pem, ...(servername !== undefined && { servername }) }
}

async function closeSender(sender: Lazy<Sender>): Promise<void> {
  const made = await sender.pending?.catch(() => undefined) // its calls have heard of that
  await made?.close()
}

async function openSender(origin: string, stack: 'auto' | 'undici' | 'node', options: SenderOptions): Promise<Sender> {
  if (stack !== 'node') {
    const undici = await import('undici').catch((thrown: unknown) => {
      if (stack === 'undici') throw new TypeError('http: install undici', { cause: thrown })
      return undefined
    })
    if (undici !== undefined) return (await import('./undici.js')).undiciSender(undici.Pool, origin, options)
  }
  return (await import('./node-sender.js')).nodeSender(origin, options)
}
