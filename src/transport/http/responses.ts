// What a call came to, as a response: the message, the lines of a stream or problem details, and the headers that the handler set.
import { failureToWire, type ServedMethod } from '../../contract/index.js'
import {
  type Awaitable,
  type DomainFailure,
  type Failure,
  failureOf,
  type Incoming,
  type OnDefect,
  type Outcome,
} from '../../core/index.js'
import { jsonText } from '../json.js'
import { trailerPrefix } from '../wire-headers.js'
import { conditional, type TagOf } from './conditional.js'
import { framingHeaders, type HttpRequest, type HttpResponse, headerOf } from './message.js'
import { type Framing, ndjson, sse } from './ndjson.js'
import { problemResponse } from './problem.js'
import { bytesIn, bytesOfItems } from './raw-body.js'
import { redirectStatuses } from './redirect-statuses.js'
import { streamBody } from './stream-body.js'

/** A call that is going on, and what began it. */
export interface Going {
  readonly call: Incoming
  readonly request: HttpRequest
  readonly served: ServedMethod
}

/** Headers that say what the message is; a handler that sets one would break it, as with those that frame it. */
const reserved: ReadonlySet<string> = new Set([
  ...framingHeaders,
  'content-encoding',
  'content-type',
  'date',
  'tenon-ran',
])

/** Makes responses. */
export class Responses {
  readonly #onDefect: OnDefect
  readonly #tagOf: TagOf | undefined

  constructor(onDefect: OnDefect, tagOf: TagOf | undefined) {
    this.#onDefect = onDefect
    this.#tagOf = tagOf
  }

  /** Never throws. */
  of(going: Going, outcome: Outcome): Awaitable<HttpResponse> {
    const { call, served } = going
    const { streamed } = served.spec.response
    const reply = streamed ? call.context.reply : call.reply // of a stream, the handler still runs
    reply?.close()
    const headers = this.#headers(call, !streamed || outcome._tag === 'Left')
    if (outcome._tag === 'Left') return this.#failed(going, outcome.left, headers)
    if (streamed) return this.#stream(going, outcome.right as AsyncIterable<unknown>, headers) // a streaming method
    let response: HttpResponse
    try {
      response = successOf(going.served, outcome.right, { status: this.#status(going), headers })
    } catch (thrown) {
      this.#onDefect(thrown)
      return this.#failed(going, failureOf('internal', 'UNENCODABLE', 'internal error'), headers)
    }
    if (this.#tagOf === undefined && headers.length === 0) return response
    const { method, headers: asked } = going.request
    return conditional(response, { method, headers: asked, tagOf: this.#tagOf, onDefect: this.#onDefect })
  }

  #stream(going: Going, items: AsyncIterable<unknown>, headers: readonly string[]): HttpResponse {
    const { call, request, served } = going
    const { responseBody: raw } = served.spec.http
    if (raw !== undefined) {
      const body = bytesOfItems(raw, items, this.#onDefect)
      return { status: this.#status(going), headers: [...typeHeaders(raw.type), ...headers], body }
    }
    const framing: Framing = (headerOf(request.headers, 'accept') ?? '').includes('text/event-stream') ? sse : ndjson
    const body = streamBody(items, { framing, call, spec: served.spec, onDefect: this.#onDefect })
    const own = ['content-type', framing.contentType]
    if (call.reply?.headers.has('cache-control') !== true) own.push('cache-control', 'no-store')
    return { status: this.#status(going), headers: [...own, ...headers], body }
  }

  #status({ call, served }: Going): number {
    const status = call.reply?.status
    if (status === undefined) return served.spec.http.status
    if (Number.isInteger(status) && status >= 200 && status <= 299 && status !== 204 && status !== 205) return status
    if (redirectStatuses.has(status) && call.reply?.headers.has('location') === true) return status
    const rule = 'from 200 to 299 and allow a body, or of a redirect with a location'
    this.#onDefect(new RangeError(`the status of a reply must be ${rule}, got ${status}`))
    return served.spec.http.status
  }

  #failed({ served }: Going, failure: Failure | DomainFailure, headers: readonly string[]): HttpResponse {
    const wire = failureToWire(served.spec, failure, this.#onDefect)
    try {
      return problemResponse(wire, headers)
    } catch (thrown) {
      this.#onDefect(thrown)
      return problemResponse(
        { code: 'internal', reason: 'UNENCODABLE', message: 'internal error', ran: 'maybe' },
        headers,
      )
    }
  }

  #headers({ reply }: Incoming, whole: boolean): readonly string[] {
    if (reply === undefined) return noHeaders
    const headers: string[] = []
    for (const value of reply.setCookies) headers.push('set-cookie', value)
    for (const [name, value] of reply.headers) {
      if (reserved.has(name)) this.#onDefect(new TypeError(`the header '${name}' belongs to the transport`))
      else headers.push(name, value)
    }
    if (whole) for (const [name, value] of reply.trailers) headers.push(trailerPrefix + name, value)
    return headers
  }
}

const noHeaders: readonly string[] = []
/** One for all that have no other: most responses. */
const jsonHeaders: readonly string[] = ['content-type', 'application/json']

/** The response to a success. Throws where it cannot be encoded. */
function successOf(
  { spec }: ServedMethod,
  message: unknown,
  { status, headers }: Omit<HttpResponse, 'body'>,
): HttpResponse {
  const { responseBody: raw } = spec.http
  if (raw === undefined) {
    const body = jsonText(message)
    return { status, headers: headers.length === 0 ? jsonHeaders : [...jsonHeaders, ...headers], body }
  }
  const { bytes, type = raw.type } = bytesIn(raw, message)
  return { status, headers: [...typeHeaders(type), ...headers], body: bytes }
}

/** A browser must not guess what bytes are: it would run what somebody uploaded. */
function typeHeaders(type: string): string[] {
  return ['content-type', type, 'x-content-type-options', 'nosniff']
}
