// The server's side of one call over HTTP, without a platform: from a request to a response.
import { type AnyService, failureToWire, type Runtime, type ServedMethod } from '../../contract/index.js'
import {
  type Awaitable,
  CallError,
  type DomainFailure,
  type Failure,
  failureOf,
  type Incoming,
  incoming,
  type Outcome,
} from '../../core/index.js'
import { deadlineMsOf } from '../../core/method.js'
import { jsonText } from '../json.js'
import { attemptFrom, metadataFrom, notRun, timeoutFrom, trailerPrefix } from '../wire-headers.js'
import { type HttpRequest, type HttpResponse, headerOf } from './message.js'
import { type Framing, ndjson, ndjsonType, readLines, sse } from './ndjson.js'
import { plainWire, problemResponse } from './problem.js'
import { type Router, router } from './router.js'
import { messageFrom } from './rule.js'
import { streamBody } from './stream-body.js'

/** Limits of one call. */
export interface ExchangeOptions {
  /** The most bytes of a body, unpacked; of a stream, of one item. */
  readonly maxBodyBytes: number
  /** The longest deadline that a caller may ask for, in ms: of a unary call. A stream may have an hour. */
  readonly maxDeadlineMs: number
}

/** A call that is going on, for whoever must end it. */
export interface Exchange {
  readonly response: Awaitable<HttpResponse>
  /** Whether the request must arrive whole before the call begins. */
  readonly whole: boolean
  /** Ends the call: the caller is gone. */
  cancel(failure: Failure): void
}

/** Answers requests for a set of services. */
export class Exchanges {
  readonly #router: Router<ServedMethod>
  readonly #runtime: Pick<Runtime, 'clock' | 'onDefect'>
  readonly #options: ExchangeOptions

  constructor(services: readonly AnyService[], runtime: Pick<Runtime, 'clock' | 'onDefect'>, options: ExchangeOptions) {
    const routes = services.flatMap(service =>
      [...service.methods.values()].map(value => ({
        method: value.spec.http.verb,
        pattern: value.spec.http.pattern,
        value,
      })),
    )
    this.#router = router(routes)
    this.#runtime = runtime
    this.#options = options
  }

  /** Begins the call that a request asks for. Never throws; the response never rejects. */
  begin(request: HttpRequest): Exchange {
    const query = request.url.indexOf('?')
    const path = query === -1 ? request.url : request.url.slice(0, query)
    const found = this.#router.match(request.method, path)
    if (found.kind !== 'found') return over(notFound(found, request.method, path))
    let call: Incoming
    try {
      call = this.#incoming(request, found.value)
    } catch (thrown) {
      return over(this.#thrown(thrown))
    }
    const given = { params: found.params, query: query === -1 ? '' : request.url.slice(query + 1) }
    return {
      response: this.#answer({ call, request, served: found.value }, given),
      whole: !found.value.spec.request.streamed,
      cancel: failure => call.cancel(failure),
    }
  }

  #incoming({ headers }: HttpRequest, { spec }: ServedMethod): Incoming {
    const get = (name: string): string | undefined => headerOf(headers, name)
    const most =
      spec.info.kind === 'unary' ? this.#options.maxDeadlineMs : Math.max(this.#options.maxDeadlineMs, 3_600_000)
    const { clock, onDefect } = this.#runtime
    return incoming({
      deadlineMs: Math.min(timeoutFrom(get) ?? deadlineMsOf(spec.info), most),
      attempt: attemptFrom(get),
      metadata: () => metadataFrom(headers),
      clock,
      onDefect,
    })
  }

  #answer(going: Going, given: Given): Awaitable<HttpResponse> {
    const { call, request, served } = going
    if (served.spec.request.streamed) {
      if (!request.hasBody || mediaType(request) !== ndjsonType) return this.#wrongMediaType(request, ndjsonType)
      return this.#run(going, this.#items(request))
    }
    if (!request.hasBody || served.spec.http.query !== undefined) return this.#decode(going, given, '')
    if (!isJson(mediaType(request))) return this.#wrongMediaType(request, 'application/json')
    const body = request.text(this.#options.maxBodyBytes)
    const next = (read: Awaited<typeof body>): Awaitable<HttpResponse> => {
      if (read.failure === undefined) return this.#decode(going, given, read.text)
      call.cancel(read.failure)
      return { ...problemResponse(plainWire(read.failure)), close: true }
    }
    return body instanceof Promise ? body.then(next) : next(body)
  }

  #decode(going: Going, given: Given, body: string): Awaitable<HttpResponse> {
    let message: unknown
    try {
      message = messageFrom(going.served.spec.http, { ...given, body })
    } catch (thrown) {
      return this.#thrown(thrown)
    }
    return this.#run(going, message)
  }

  #run(going: Going, message: unknown): Awaitable<HttpResponse> {
    const outcome = going.call.run(going.served.endpoint, message)
    return outcome instanceof Promise
      ? outcome.then(ended => this.#respond(going, ended))
      : this.#respond(going, outcome)
  }

  async *#items(request: HttpRequest): AsyncGenerator<unknown, void, undefined> {
    for await (const line of readLines(request.chunks(), this.#options.maxBodyBytes)) {
      if (line.kind === 'value') yield line.value
      // The caller's own stream failed: for the handler that is a stream that broke off.
      else if (line.kind === 'failure')
        throw new CallError(failureOf('cancelled', 'CANCELLED', 'the caller gave up its stream'))
    }
  }

  #respond(going: Going, outcome: Outcome): HttpResponse {
    const { call, served, request } = going
    call.reply?.close()
    const headers = this.#replyHeaders(call, !served.spec.response.streamed || outcome._tag === 'Left')
    if (outcome._tag === 'Left') return this.#failed(going, outcome.left, headers)
    const status = call.reply?.status ?? served.spec.http.status
    if (served.spec.response.streamed) {
      const framing: Framing = (headerOf(request.headers, 'accept') ?? '').includes('text/event-stream') ? sse : ndjson
      const body = streamBody(outcome.right as AsyncIterable<unknown>, {
        framing,
        call,
        spec: served.spec,
        onDefect: this.#runtime.onDefect,
      }) // a streaming method
      return { status, headers: ['content-type', framing.contentType, 'cache-control', 'no-store', ...headers], body }
    }
    try {
      return { status, headers: ['content-type', 'application/json', ...headers], body: jsonText(outcome.right) }
    } catch (thrown) {
      this.#runtime.onDefect(thrown)
      return this.#failed(going, failureOf('internal', 'UNENCODABLE', 'internal error'), headers)
    }
  }

  #failed({ served }: Going, failure: Failure | DomainFailure, headers: readonly string[]): HttpResponse {
    const wire = failureToWire(served.spec, failure, this.#runtime.onDefect)
    try {
      return problemResponse(wire, headers)
    } catch (thrown) {
      this.#runtime.onDefect(thrown)
      return problemResponse(
        { code: 'internal', reason: 'UNENCODABLE', message: 'internal error', ran: 'maybe' },
        headers,
      )
    }
  }

  #replyHeaders({ reply }: Incoming, whole: boolean): string[] {
    const headers: string[] = []
    if (reply === undefined) return headers
    for (const [name, value] of reply.headers) {
      if (reserved.has(name)) this.#runtime.onDefect(new TypeError(`the header '${name}' belongs to the transport`))
      else headers.push(name, value)
    }
    if (whole) for (const [name, value] of reply.trailers) headers.push(trailerPrefix + name, value)
    return headers
  }

  #wrongMediaType(request: HttpRequest, wanted: string): HttpResponse {
    const got = headerOf(request.headers, 'content-type')
    const message = `the content type must be ${wanted}${got === undefined ? ', and none is given' : `, not ${got.slice(0, 60)}`}`
    return { ...problemResponse(plainWire(notRun('invalid_argument', 'UNSUPPORTED_MEDIA_TYPE', message))), close: true }
  }

  #thrown(thrown: unknown): HttpResponse {
    if (thrown instanceof CallError) return problemResponse(plainWire({ ...(thrown.failure as Failure), ran: 'no' })) // decoding throws no domain failures
    this.#runtime.onDefect(thrown)
    return problemResponse({ code: 'internal', reason: 'DEFECT', message: 'internal error', ran: 'no' })
  }
}

interface Going {
  readonly call: Incoming
  readonly request: HttpRequest
  readonly served: ServedMethod
}

interface Given {
  readonly params: Readonly<Record<string, string>> | undefined
  readonly query: string
}

/** Headers that frame the message; a handler that sets one would break it. */
const reserved: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'content-type',
  'keep-alive',
  'te',
  'tenon-ran',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

function over(response: HttpResponse): Exchange {
  return { response, whole: true, cancel: () => {} }
}

function mediaType(request: HttpRequest): string | undefined {
  return headerOf(request.headers, 'content-type')?.split(';', 1)[0]?.trim().toLowerCase()
}

function isJson(type: string | undefined): boolean {
  return type === 'application/json' || (type?.startsWith('application/') === true && type.endsWith('+json'))
}

type NotFound = Exclude<ReturnType<Router<ServedMethod>['match']>, { kind: 'found' }>

function notFound(found: NotFound, method: string, path: string): HttpResponse {
  if (found.kind === 'invalid')
    return { ...problemResponse(plainWire(notRun('invalid_argument', 'INVALID_PATH', found.message))), close: true }
  if (found.kind === 'method_not_allowed') {
    const allow = ['allow', found.allow.join(', ')]
    if (method === 'OPTIONS') return { status: 204, headers: allow, body: '' }
    const failure = notRun('unimplemented', 'METHOD_NOT_ALLOWED', `${method} is not for this path`)
    return { ...problemResponse(plainWire(failure), allow), close: true }
  }
  const message = `there is nothing at ${JSON.stringify(path.slice(0, 100))}`
  return { ...problemResponse(plainWire(notRun('unimplemented', 'ROUTE_NOT_FOUND', message))), close: true }
}
