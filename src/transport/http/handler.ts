// One endpoint over HTTP with its own decode and encode, as in Go kit: for services without a contract, and for wire formats
// that are given. With a contract everything that the hooks do is middleware.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { observe } from '../../core/call-error.js'
import {
  type Awaitable,
  CallError,
  type Context,
  type Endpoint,
  type Failure,
  type OnDefect,
} from '../../core/index.js'
import { onCallerGone } from './caller-gone.js'
import { begin } from './handling.js'
import type { HttpHeaders } from './message.js'
import { NodeRequest } from './node-request.js'
import { send } from './send.js'

/** A request as a {@link ServerCodec} reads it. */
export interface HandlerRequest {
  readonly method: string
  /** Path and query as sent. */
  readonly url: string
  /** By lower-case name. */
  readonly headers: HttpHeaders
  /** The whole body as text; empty where there is none. Rejects with a `CallError`: `BODY_TOO_LARGE`, `MALFORMED_BODY`. */
  text(): Promise<string>
}

/** What a {@link ServerCodec} answers with. */
export interface HandlerResponse {
  /** From 200 to 599. @defaultValue 200 */
  readonly status?: number
  /**
   * By name. Those that frame the message (`content-length`, `connection`, …) are the server's own, and reported as a defect; so
   * is what HTTP cannot carry. @defaultValue none: say at least the content type
   */
  readonly headers?: Readonly<Record<string, string>>
  /** @defaultValue empty */
  readonly body?: string | Uint8Array
}

/** Between HTTP and an endpoint's own types. */
export interface ServerCodec<Req, Res, E = never> {
  /** Throw a `CallError` for a request that is wrong; anything else thrown is a defect. */
  decode(request: HandlerRequest): Awaitable<Req>
  encode(response: Res, request: HandlerRequest): Awaitable<HandlerResponse>
  /** @defaultValue problem details (RFC 9457) with the status of the failure's code */
  encodeFailure?(failure: Failure | E, request: HandlerRequest): HandlerResponse
}

/** What a finalizer is told. */
export interface Finished {
  readonly status: number
  /** Bytes of the response's body. */
  readonly bytes: number
  readonly request: HandlerRequest
}

/** Options of {@link handler}. */
export interface HandlerOptions {
  /** Run in turn when the request is decoded; each may give the context on, extended, or throw a `CallError`. */
  readonly before?: readonly ((context: Context, request: HandlerRequest) => Context)[]
  /** Run in turn when a response is encoded; each may change it. */
  readonly after?: readonly ((response: HandlerResponse, request: HandlerRequest) => HandlerResponse)[]
  /** Told of each failure before it is encoded, of the codec's own too. */
  readonly onFailure?: (failure: unknown, request: HandlerRequest) => void
  /** Told when the response has been handed to the socket. */
  readonly finalizer?: (finished: Finished) => void
  /** The most bytes of a request body, unpacked. @defaultValue 1 MiB */
  readonly maxBodyBytes?: number
  /** The deadline of a call whose caller names none, and the longest it may name, in ms. @defaultValue 30 000 */
  readonly deadlineMs?: number
  /** @defaultValue one report on stderr */
  readonly onDefect?: OnDefect
}

/**
 * A listener for node:http (or an Express route) that serves one endpoint. The path is up to whoever mounts it. A caller that
 * closes the connection cancels the call.
 */
export function handler<Req, Res, E>(
  endpoint: Endpoint<Req, Res, E, Context>,
  codec: ServerCodec<Req, Res, E>,
  options: HandlerOptions = {},
): (message: IncomingMessage, target: ServerResponse) => void {
  const { maxBodyBytes = 1 << 20, finalizer } = options
  const erased = codec as ServerCodec<unknown, unknown, unknown> // paired with the endpoint above
  return (message, target) => {
    const request = readable(new NodeRequest(message), maxBodyBytes)
    const { response, cancel } = begin(endpoint, request, { codec: erased, options })
    const unlink = onCallerGone(message.socket, cancel)
    void response.then(ready => {
      void send(message, target, ready, { last: false, maxDiscardedBytes: maxBodyBytes }) // at once: the body is whole
      unlink()
      const { status, body } = ready
      if (finalizer !== undefined) observe(finalizer, { status, bytes: Buffer.byteLength(body), request })
    })
  }
}

function readable(request: NodeRequest, maxBytes: number): HandlerRequest {
  const { method, url, headers } = request
  return {
    method,
    url,
    headers,
    async text() {
      if (!request.hasBody) return ''
      const read = await request.text(maxBytes)
      if (read.failure !== undefined) throw new CallError(read.failure)
      return read.text
    },
  }
}
