// Services as one function from Request to Response: for Bun, Deno, Workers, Next.js route handlers, service workers and
// whatever else speaks fetch.
import type { AnyService } from '../../../contract/index.js'
import { defectsTo } from '../../../core/call-error.js'
import {
  type Awaitable,
  type Clock,
  type Failure,
  failureOf,
  type OnDefect,
  type Peer,
  systemClock,
} from '../../../core/index.js'
import { bytesToBase64 } from '../../base64.js'
import { tagsOf } from '../body-tag.js'
import { type CorsOptions, corsOf } from '../cors.js'
import { Exchanges } from '../exchange.js'
import { limit } from '../limit.js'
import type { HttpResponse } from '../message.js'
import { ndjson, sse } from '../ndjson.js'
import { FetchRequest } from './request.js'

/** Options of {@link server}. */
export interface FetchServerOptions {
  /** The most bytes of a request body, counted unpacked; of a stream, of one item. @defaultValue 1 MiB */
  readonly maxBodyBytes?: number
  /** The longest deadline that a caller may ask for, in ms. @defaultValue 300 000; an hour for streams */
  readonly maxDeadlineMs?: number
  /** Which pages of other origins may call: as in `server` of tenon/transport/http. @defaultValue none */
  readonly cors?: CorsOptions
  /** Whether responses to GET and HEAD get an entity tag: as in `server` of tenon/transport/http. @defaultValue false */
  readonly etag?: 'strong' | 'weak' | false
  /**
   * Who sent a request, as the platform knows it and no header claims it: asked when a handler reads `context.peer`. Must not throw.
   * @defaultValue protocol and host of the request's URL, without an address: a `Request` has none
   */
  readonly peer?: (request: Request) => Peer
  /** @defaultValue one report on stderr */
  readonly onDefect?: OnDefect
  /** @defaultValue systemClock */
  readonly clock?: Clock
}

/**
 * Serves contracts to a fetch runtime: give the function to `Bun.serve`, `Deno.serve` or a Worker. The promise never rejects.
 * An aborted request ends its call. Throws `RangeError` and `TypeError` for options that make no sense.
 */
export function server(
  services: readonly AnyService[],
  options: FetchServerOptions = {},
): (request: Request) => Promise<Response> {
  const { clock = systemClock } = options
  const onDefect = defectsTo(options.onDefect)
  const maxBodyBytes = limit('maxBodyBytes', options.maxBodyBytes ?? 1 << 20)
  const maxDeadlineMs = limit('maxDeadlineMs', options.maxDeadlineMs ?? 300_000)
  const { peer: peerOf = peerOfUrl } = options
  const cors = corsOf(options.cors)?.(onDefect)
  const exchanges = new Exchanges(
    services,
    { onDefect, clock },
    { maxBodyBytes, maxDeadlineMs, tagOf: tagsOf(options.etag, sha256), cors },
  )
  return async request => {
    const leave = (): void => exchange.cancel(gone)
    const asked = new FetchRequest(request, { onBroken: leave, peerOf })
    const exchange = exchanges.begin(asked)
    if (request.signal.aborted) leave()
    request.signal.addEventListener('abort', leave, { once: true })
    const end = (): void => request.signal.removeEventListener('abort', leave)
    const response = await new Promise<HttpResponse>(resolve => exchange.onResponse(resolve))
    return toResponse(cors === undefined ? response : cors.dressed(asked, response), request.method, { leave, end })
  }
}

/** What becomes of a response. */
interface Ending {
  /** The caller is gone. */
  leave(): void
  /** The body is whole: nobody need be told of the caller any more. */
  end(): void
}

async function sha256(body: string | Uint8Array): Promise<string> {
  const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : Uint8Array.from(body)
  const base64 = bytesToBase64(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)))
  return base64.replaceAll('+', '-').replaceAll('/', '_')
}

function peerOfUrl({ url }: Request): Peer {
  const { protocol, host } = new URL(url)
  return { secure: protocol === 'https:', host }
}

const gone: Failure = failureOf('cancelled', 'CANCELLED', 'the caller is gone')

function toResponse({ status, headers, body }: HttpResponse, method: string, ending: Ending): Response {
  const pairs: [string, string][] = []
  for (let i = 0; i < headers.length; i += 2) pairs.push([headers[i] as string, headers[i + 1] as string]) // names and values in turn
  if (typeof body === 'string' || body instanceof Uint8Array) {
    ending.end()
    const empty = status === 204 || status === 304 || method === 'HEAD'
    return new Response(empty ? null : (body as string), { status, headers: pairs }) // bytes are as good
  }
  if (method === 'HEAD') {
    void body[Symbol.asyncIterator]().return?.()
    ending.end()
    return new Response(null, { status, headers: pairs })
  }
  const isPacked = pairs.some(([name]) => name === 'content-encoding')
  const hasLines = !isPacked && pairs.some(([name, value]) => name === 'content-type' && lineTypes.has(value))
  return new Response(streamOf(body[Symbol.asyncIterator](), { ...ending, hasLines }), { status, headers: pairs })
}

/** Types in which an empty line means nothing. */
const lineTypes: ReadonlySet<string> = new Set([ndjson.contentType, sse.contentType])

interface StreamOptions extends Ending {
  /** Whether it may begin with an empty line. */
  readonly hasLines: boolean
}

function streamOf(chunks: AsyncIterator<string | Uint8Array>, options: StreamOptions): ReadableStream<Uint8Array> {
  const { hasLines, leave, end } = options
  const encoder = new TextEncoder()
  return new ReadableStream<Uint8Array>({
    start(controller): void {
      if (hasLines) controller.enqueue(encoder.encode('\n')) // takes the headers along: Bun keeps them until the first bytes
    },
    async pull(controller): Promise<void> {
      const { done, value } = await chunks.next()
      if (done !== true) {
        controller.enqueue(typeof value === 'string' ? encoder.encode(value) : value)
        return
      }
      controller.close()
      end()
    },
    cancel(): Awaitable<void> {
      leave() // `return` waits for the item that is being made; this tells whoever makes it
      end()
      return chunks.return?.().then(() => {})
    },
  })
}
