// One endpoint over HTTP with its own decode and encode, as in Go kit: for services without a contract, and for wire formats
// that are given. With a contract everything that the hooks do is middleware.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { observe } from '../../core/call-error.js'
import { CallError, type Context, type Endpoint } from '../../core/index.js'
import { onCallerGone } from './caller-gone.js'
import type { HandlerOptions, HandlerRequest, ServerCodec } from './handler-options.js'
import { begin } from './handling.js'
import { NodeRequest } from './node-request.js'
import { send } from './send.js'

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
