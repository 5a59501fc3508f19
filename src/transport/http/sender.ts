// What a client needs of an HTTP stack: send a request, hear of the response as it comes, stop at any time. undici's
// dispatch has this shape; node:http is brought to it.
import type { PemTexts } from '../pem.js'
import type { HttpHeaders } from './message.js'

/** A request to send. */
export interface SentRequest {
  readonly method: string
  /** Path and query. */
  readonly path: string
  /** Names and values in turn. */
  readonly headers: readonly string[]
  /** Undefined for none. */
  readonly body: string | Uint8Array | AsyncIterable<Uint8Array> | undefined
}

/** Whether a body is here at once, so that its length is known. */
export function isWhole(body: SentRequest['body']): body is string | Uint8Array | undefined {
  return typeof body !== 'object' || body instanceof Uint8Array
}

/** Hears of a response. Nothing comes after `onEnd` or `onError`. */
export interface Receiver {
  /** The request is on a connection: from here on it may have run. */
  onSent(): void
  onHead(status: number, headers: HttpHeaders): void
  /** Gives false to be sent nothing until `resume`. */
  onData(chunk: Uint8Array): boolean
  /** `trailers` by lower-case name, where the stack has them. */
  onEnd(trailers?: HttpHeaders): void
  onError(error: unknown): void
}

/** A request that is going on. */
export interface Sending {
  /** Stops it; `onError` need not come. */
  abort(): void
  /** Goes on with `onData`. */
  resume(): void
}

/** Hears what an {@link Unpacker} makes of a packed body. */
export interface Unpacked {
  /** Gives false to be told nothing until `resume`. */
  onData(chunk: Uint8Array): boolean
  onEnd(): void
  /** It is not what its `Content-Encoding` says, or ends too early. */
  onBroken(): void
  /** More can be written. */
  onDrain(): void
}

/** Unpacks one body. */
export interface Unpacker {
  /** Gives false to be given nothing until `onDrain`. */
  write(chunk: Uint8Array): boolean
  end(): void
  resume(): void
  /** Nothing more is heard of it. */
  close(): void
}

/** A pool of connections to one origin. */
export interface Sender {
  /** An unpacker for a `Content-Encoding`; undefined for one it cannot unpack. Absent where the platform has unpacked already. */
  readonly unpacker?: (coding: string, to: Unpacked) => Unpacker | undefined
  send(request: SentRequest, receiver: Receiver): Sending
  /** The text in the chunks that `onData` was given. */
  textOf(chunks: readonly Uint8Array[]): string
  /** Closes idle connections and refuses new requests; those going on end by themselves or by their own abort. */
  close(): Promise<void>
}

/** Whom a {@link Sender} trusts, and who it says it is. */
export interface SenderTls extends PemTexts {
  readonly servername?: string
}

/** Limits of a {@link Sender}. */
export interface SenderOptions {
  /** The most connections at once. */
  readonly maxConnections: number
  /** How long a connection may take to open, in ms. */
  readonly connectTimeoutMs: number
  /** How long an idle connection is kept, in ms. */
  readonly keepAliveTimeoutMs: number
  /** For an origin with `https:`. @defaultValue the authorities of the platform, and no certificate */
  readonly tls?: SenderTls
}
