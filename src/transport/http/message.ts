// An HTTP exchange without a platform: what node:http, Express and fetch runtimes all have. Everything that knows the
// contract works on these, so that an adapter is only a few lines.
import type { Awaitable, Failure, Peer } from '../../core/index.js'

/** Header values by lower-case name; several values of one name as a list. */
export type HttpHeaders = Readonly<Record<string, string | readonly string[] | undefined>>

/** The headers of a message, and what they were made of. */
export interface CameWith {
  readonly headers: HttpHeaders
  /** Names and values in turn, all that came; undefined where the platform does not tell, and joins several of any name itself. */
  readonly rawHeaders: readonly string[] | undefined
}

/** A request as it came in. */
export interface HttpRequest extends CameWith {
  /** `POST` */
  readonly method: string
  /** Path and query as sent, not decoded: `/orders/7?full=true`. */
  readonly url: string
  /** Who sent it, worked out when asked for. */
  readonly peer: Peer
  /** As `HttpSource` has them: what answers the request tells the status. */
  readonly httpVersion: string | undefined
  onStatus: ((status: number) => void) | undefined
  /** Whether there is a body at all. */
  readonly hasBody: boolean
  /** The body, unpacked; `done` is told once. Fails with `BODY_TOO_LARGE` above `maxBytes`, counted unpacked, or `MALFORMED_BODY`. */
  body(maxBytes: number, done: (body: Body) => void): void
  /** The body as bytes. Fails as {@link body}, but any bytes will do. */
  bytes(maxBytes: number): Awaitable<Bytes>
  /** The body as it arrives; throws `CallError` where it breaks off. */
  chunks(): AsyncIterable<Uint8Array>
}

/** A body, or why there is none. */
export type Body = WholeBody | { readonly failure: Failure }

/** A body as its text, or as the value of its JSON where somebody has parsed it before. */
export type WholeBody =
  | { readonly text: string; readonly failure?: undefined }
  | { readonly text?: undefined; readonly value: unknown; readonly failure?: undefined }

/** A body as bytes, or why there is none. */
export type Bytes =
  | { readonly bytes: Uint8Array; readonly failure?: undefined }
  | { readonly bytes?: undefined; readonly failure: Failure }

/** A response to send. */
export interface HttpResponse {
  readonly status: number
  /** Names and values in turn. Names in lower case. */
  readonly headers: readonly string[]
  /** Text and bytes are sent at once and whole; an iterable as it comes. */
  readonly body: string | Uint8Array | AsyncIterable<string | Uint8Array>
}

/** Headers that say where a message ends and what becomes of its connection: the transport's own, on either side. */
export const framingHeaders: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** The first value of a header. */
export function headerOf(headers: HttpHeaders, name: string): string | undefined {
  const value = headers[name]
  return typeof value === 'object' ? value[0] : value
}
