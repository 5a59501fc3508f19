// Services as one function from Request to Response: for Bun, Deno, Workers, Next.js route handlers, service workers and
// whatever else speaks fetch.
import type { AnyService } from '../../../contract/index.js'
import {
  type Awaitable,
  type Clock,
  type Failure,
  failureOf,
  type OnDefect,
  reportDefect,
  systemClock,
} from '../../../core/index.js'
import { Exchanges } from '../exchange.js'
import type { HttpResponse } from '../message.js'
import { FetchRequest } from './request.js'

/** Options of {@link server}. */
export interface FetchServerOptions {
  /** The most bytes of a request body, counted unpacked; of a stream, of one item. @defaultValue 1 MiB */
  readonly maxBodyBytes?: number
  /** The longest deadline that a caller may ask for, in ms. @defaultValue 300 000; an hour for streams */
  readonly maxDeadlineMs?: number
  /** @defaultValue one report on stderr */
  readonly onDefect?: OnDefect
  /** @defaultValue systemClock */
  readonly clock?: Clock
}

/**
 * Serves contracts to a fetch runtime: give the function to `Bun.serve`, `Deno.serve` or a Worker. The promise never rejects.
 * An aborted request ends its call.
 */
export function server(
  services: readonly AnyService[],
  options: FetchServerOptions = {},
): (request: Request) => Promise<Response> {
  const { maxBodyBytes = 1 << 20, maxDeadlineMs = 300_000, onDefect = reportDefect, clock = systemClock } = options
  const exchanges = new Exchanges(services, { onDefect, clock }, { maxBodyBytes, maxDeadlineMs })
  return async request => {
    const exchange = exchanges.begin(new FetchRequest(request))
    const leave = (): void => exchange.cancel(gone)
    request.signal.addEventListener('abort', leave, { once: true })
    return toResponse(await exchange.response, request.method, () => request.signal.removeEventListener('abort', leave))
  }
}

const gone: Failure = failureOf('cancelled', 'CANCELLED', 'the caller is gone')

/** The fetch `Response` of a response. `onEnd` runs when its body has been read or left. */
function toResponse({ status, headers, body }: HttpResponse, method: string, onEnd: () => void): Response {
  const pairs: [string, string][] = []
  for (let i = 0; i < headers.length; i += 2) pairs.push([headers[i] as string, headers[i + 1] as string]) // names and values in turn
  if (typeof body === 'string' || body instanceof Uint8Array) {
    onEnd()
    const empty = status === 204 || status === 304 || method === 'HEAD'
    return new Response(empty ? null : (body as string), { status, headers: pairs }) // bytes are as good
  }
  if (method === 'HEAD') {
    void body[Symbol.asyncIterator]().return?.()
    onEnd()
    return new Response(null, { status, headers: pairs })
  }
  return new Response(streamOf(body[Symbol.asyncIterator](), onEnd), { status, headers: pairs })
}

function streamOf(lines: AsyncIterator<string | Uint8Array>, onEnd: () => void): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  return new ReadableStream<Uint8Array>({
    async pull(controller): Promise<void> {
      const { done, value } = await lines.next()
      if (done !== true) {
        controller.enqueue(typeof value === 'string' ? encoder.encode(value) : value)
        return
      }
      controller.close()
      onEnd()
    },
    cancel(): Awaitable<void> {
      onEnd()
      return lines.return?.().then(() => {})
    },
  })
}
