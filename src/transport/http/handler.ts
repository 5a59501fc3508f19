// One endpoint over HTTP with its own decode and encode, as in Go kit: for services without a contract, and for wire formats
// that are given. With a contract everything that the hooks do is middleware.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { observe } from '../../core/call-error.js'
import { type Context, type Endpoint, isFailure, systemClock } from '../../core/index.js'
import { onCallerGone } from './caller-gone.js'
import type { Finished, HandlerOptions, ProvidingOptions, ServerCodec } from './handler-options.js'
import { begin, type Handling, type Serving } from './handling.js'
import { limit } from './limit.js'
import { type SendOptions, type SentResponse, send } from './send.js'
import { ServedRequest } from './served-request.js'

/** What node:http calls for each request. */
export type Listener = (message: IncomingMessage, target: ServerResponse) => void

/**
 * A listener for node:http that serves one endpoint. The path is up to whoever mounts it. A caller that closes the connection
 * cancels the call. An endpoint that needs more of its context has it from `provide`. In an Express app take the `handler` of
 * tenon/transport/http/express, which knows of bodies that the app has read. Throws `RangeError` for limits that make no sense.
 */
export function handler<Req, Res, E>(
  endpoint: Endpoint<Req, Res, E, Context>,
  codec: ServerCodec<Req, Res, E>,
  options?: HandlerOptions,
): Listener
export function handler<Req, Res, E, P extends object>(
  endpoint: Endpoint<Req, Res, E, Context & P>,
  codec: ServerCodec<Req, Res, E>,
  options: ProvidingOptions<P>,
): Listener
export function handler(endpoint: object, codec: object, options: Serving['options'] = {}): Listener {
  // Paired with the endpoint by the types above.
  return listener(endpoint, { codec: codec as Serving['codec'], options }, { Request: ServedRequest, shared: false })
}

/** Where a listener is. */
export interface Surroundings extends Pick<SendOptions, 'shared'> {
  /** How requests are read. */
  readonly Request: new (
    message: IncomingMessage,
    maxBytes: number,
  ) => ServedRequest
}

/** A listener in its surroundings. */
export function listener(endpoint: object, serving: Serving, { Request, shared = false }: Surroundings): Listener {
  const { options } = serving
  const { finalizer, clock = systemClock, deadlineMs = 30_000 } = options
  const maxBodyBytes = limit('maxBodyBytes', options.maxBodyBytes ?? 1 << 20)
  if (!(deadlineMs > 0)) throw new RangeError(`http: deadlineMs must be more than 0, got ${deadlineMs}`)
  const sending = { last: false, maxDiscardedBytes: maxBodyBytes, shared }
  return (message, target) => {
    const request = new Request(message, maxBodyBytes)
    const startedAt = finalizer === undefined ? 0 : clock.now()
    const handling = begin(endpoint, request, serving)
    const unlink = onCallerGone(message.socket, failure => handling.cancel(failure))
    void handling.response.then(response => {
      const sent = send(message, target, response, sending)
      if (sent === undefined) unlink()
      else void sent.then(unlink)
      if (finalizer === undefined) return
      const tell = (): void => {
        const durationMs = clock.now() - startedAt
        observe(finalizer, {
          ...resultOf(handling, response, target),
          request,
          requestBytes: request.bytesRead,
          durationMs,
        })
      }
      if (target.closed) tell()
      else target.once('close', tell)
    })
  }
}

function resultOf(
  handling: Handling,
  { status, headers, body }: SentResponse,
  target: ServerResponse,
): Omit<Finished, 'request' | 'requestBytes' | 'durationMs'> {
  const named: Record<string, string | readonly string[]> = {}
  for (let i = 0; i < headers.length; i += 2) {
    const [name, value] = [(headers[i] as string).toLowerCase(), headers[i + 1] as string] // names and values in turn
    const before = named[name]
    named[name] = before === undefined ? value : [before, value].flat()
  }
  const isWhole = typeof body === 'string' || body instanceof Uint8Array
  const bytes = target.req.method === 'HEAD' ? 0 : isWhole ? Buffer.byteLength(body) : (handling.streamedBytes ?? 0)
  const { failure } = handling
  const isBroken = !isWhole && failure !== undefined && !(isFailure(failure) && failure.reason === 'CANCELLED')
  const outcome = target.writableFinished ? 'sent' : isBroken ? 'broken' : 'gone'
  return { status, headers: named, bytes, outcome, failure }
}
