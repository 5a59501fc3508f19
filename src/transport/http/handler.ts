// One endpoint over HTTP with its own decode and encode, as in Go kit: for services without a contract, and for wire formats
// that are given. With a contract everything that the hooks do is middleware.
import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  type Awaitable,
  CallError,
  type Context,
  type Endpoint,
  type Failure,
  failureOf,
  incoming,
  type OnDefect,
  type Outcome,
  reportDefect,
} from '../../core/index.js'
import { attemptFrom, metadataFrom, timeoutFrom } from '../wire-headers.js'
import { type HttpHeaders, type HttpResponse, headerOf } from './message.js'
import { NodeRequest } from './node-request.js'
import { plainWire, problemResponse } from './problem.js'
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
  /** @defaultValue 200 */
  readonly status?: number
  /** By name. @defaultValue none: say at least the content type */
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
  /** Run in turn before decoding; each may give the context on, extended. */
  readonly before?: readonly ((context: Context, request: HandlerRequest) => Context)[]
  /** Run in turn when a response is encoded; each may change it. */
  readonly after?: readonly ((response: HandlerResponse, request: HandlerRequest) => HandlerResponse)[]
  /** Told of each failure, before it is encoded. */
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
  const { maxBodyBytes = 1 << 20 } = options
  const erased = codec as ServerCodec<unknown, unknown, unknown> // paired with the endpoint above
  return (message, target) => {
    const request = readable(new NodeRequest(message), maxBodyBytes)
    const { response, cancel } = begin(endpoint, request, { codec: erased, options })
    message.socket.once('close', cancel)
    void response.then(async ready => {
      await send(message, target, ready, { last: false, maxDiscardedBytes: maxBodyBytes })
      message.socket.off('close', cancel)
      const bytes = typeof ready.body === 'string' ? Buffer.byteLength(ready.body) : 0
      options.finalizer?.({ status: ready.status, bytes, request })
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

interface Serving {
  readonly codec: ServerCodec<unknown, unknown, unknown>
  readonly options: HandlerOptions
}

function begin(
  endpoint: object,
  request: HandlerRequest,
  serving: Serving,
): { response: Promise<HttpResponse>; cancel: () => void } {
  const { options } = serving
  const { deadlineMs = 30_000, onDefect = reportDefect } = options
  const get = (name: string): string | undefined => headerOf(request.headers, name)
  try {
    const call = incoming({
      deadlineMs: Math.min(timeoutFrom(get) ?? deadlineMs, deadlineMs),
      attempt: attemptFrom(get),
      metadata: () => metadataFrom(request.headers),
      onDefect,
    })
    const cancel = (): void => call.cancel(failureOf('cancelled', 'CANCELLED', 'the caller closed the connection'))
    const run = async (): Promise<HttpResponse> => {
      const decoded = await attempt(() => serving.codec.decode(request), onDefect)
      if (decoded._tag === 'Left') return failedResponse(decoded.left, request, serving)
      const context = (options.before ?? []).reduce((given, hook) => hook(given, request), call.context)
      return respond(await call.run(endpoint, decoded.right, context), request, serving)
    }
    return { response: run().catch(thrown => brokenResponse(thrown, onDefect)), cancel }
  } catch (thrown) {
    return { response: Promise.resolve(brokenResponse(thrown, onDefect)), cancel: () => {} }
  }
}

async function attempt(decode: () => Awaitable<unknown>, onDefect: OnDefect): Promise<Outcome> {
  try {
    return { _tag: 'Right', right: await decode() }
  } catch (thrown) {
    if (thrown instanceof CallError) return { _tag: 'Left', left: thrown.failure as Failure } // a codec throws what its types say
    onDefect(thrown)
    return { _tag: 'Left', left: failureOf('internal', 'DEFECT', 'internal error', { ran: 'no', cause: thrown }) }
  }
}

async function respond(outcome: Outcome, request: HandlerRequest, serving: Serving): Promise<HttpResponse> {
  if (outcome._tag === 'Left') return failedResponse(outcome.left, request, serving)
  return toResponse(await serving.codec.encode(outcome.right, request), request, serving)
}

function failedResponse(failure: unknown, request: HandlerRequest, serving: Serving): HttpResponse {
  const { codec, options } = serving
  options.onFailure?.(failure, request)
  if (codec.encodeFailure !== undefined) return toResponse(codec.encodeFailure(failure, request), request, serving)
  return problemResponse(plainWire(failure as Failure)) // domain failures need an `encodeFailure`
}

function toResponse(encoded: HandlerResponse, request: HandlerRequest, { options }: Serving): HttpResponse {
  const {
    status = 200,
    headers = {},
    body = '',
  } = (options.after ?? []).reduce((given, hook) => hook(given, request), encoded)
  return { status, headers: Object.entries(headers).flat(), body, close: true }
}

function brokenResponse(thrown: unknown, onDefect: OnDefect): HttpResponse {
  if (thrown instanceof CallError) return problemResponse(plainWire(thrown.failure as Failure)) // thrown by the header readers
  onDefect(thrown)
  return problemResponse({ code: 'internal', reason: 'DEFECT', message: 'internal error', ran: 'maybe' })
}
