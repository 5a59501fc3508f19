// The server's side of one call over HTTP, without a platform: from a request to a response.
import type { AnyService, Runtime, ServedMethod } from '../../contract/index.js'
import {
  type Awaitable,
  CallError,
  type Context,
  extend,
  type Failure,
  failureOf,
  type Incoming,
  incoming,
  isFailure,
} from '../../core/index.js'
import { deadlineMsOf } from '../../core/method.js'
import { attemptsFrom, metadataFrom, notRun, timeoutFrom } from '../wire-headers.js'
import type { TagOf } from './conditional.js'
import { type HttpRequest, type HttpResponse, headerOf, type WholeBody } from './message.js'
import { ndjsonType, readLines } from './ndjson.js'
import { type NotFound, notFound } from './not-found.js'
import { plainWire, problemResponse } from './problem.js'
import { type Going, Responses } from './responses.js'
import { type Match, type PathParams, type Router, router } from './router.js'
import { messageFrom } from './rule.js'

/** Limits of one call. */
export interface ExchangeOptions {
  /** The most bytes of a body, unpacked; of a stream, of one item. */
  readonly maxBodyBytes: number
  /** The longest deadline that a caller may ask for, in ms: of a unary call. A stream may have an hour. */
  readonly maxDeadlineMs: number
  /** Makes the tags of responses to GET and HEAD. @defaultValue none but what handlers set */
  readonly tagOf?: TagOf | undefined
}

/** A call that is going on, for whoever must end it. */
export interface Exchange {
  readonly response: Awaitable<HttpResponse>
  /** Whether the request must arrive whole before the call begins. */
  readonly whole: boolean
  /** Ends the call: the caller is gone. */
  cancel(failure: Failure): void
}

/** How a set of services stands among others. */
export interface Among {
  /** Whether a request that no method is for is left to the others. */
  readonly isOthers: (kind: NotFound['kind']) => boolean
  /** What there is in the context of a call besides. @defaultValue nothing */
  readonly provide?: (() => object) | undefined
}

/** Answers requests for a set of services. */
export class Exchanges {
  readonly #router: Router<ServedMethod>
  readonly #responses: Responses
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
    this.#responses = new Responses(runtime.onDefect, options.tagOf)
    this.#runtime = runtime
    this.#options = options
  }

  /** Begins the call that a request asks for. Never throws; the response never rejects. */
  begin(request: HttpRequest): Exchange {
    const path = pathIn(request)
    const found = this.#router.match(request.method, path)
    return found.kind === 'found' ? this.#begin(request, found) : over(notFound(found, request.method, path))
  }

  /**
   * As {@link begin}, in the midst of others who answer, too: undefined for what `isOthers` leaves to them. What `provide` gives is in
   * the call's context; where it throws, no call begins.
   */
  beginAmong(request: HttpRequest, { isOthers, provide }: Among): Exchange | undefined {
    const path = pathIn(request)
    const found = this.#router.match(request.method, path)
    if (found.kind === 'found') return this.#begin(request, found, provide)
    return isOthers(found.kind) ? undefined : over(notFound(found, request.method, path))
  }

  #begin(request: HttpRequest, found: Found, provide?: () => object): Exchange {
    let begun: BegunCall
    try {
      const call = this.#incoming(request, found.value)
      begun = new BegunCall(call, request, found)
      if (provide !== undefined) begun.context = extend(call.context, provide())
    } catch (thrown) {
      return over(this.#thrown(thrown))
    }
    begun.response = this.#answer(begun)
    return begun
  }

  #incoming(request: HttpRequest, { spec }: ServedMethod): Incoming {
    const { headers } = request
    const get = (name: string): string | undefined => headerOf(headers, name)
    const most =
      spec.info.kind === 'unary' ? this.#options.maxDeadlineMs : Math.max(this.#options.maxDeadlineMs, 3_600_000)
    const { clock, onDefect } = this.#runtime
    return incoming({
      deadlineMs: Math.min(timeoutFrom(get) ?? deadlineMsOf(spec.info), most),
      ...attemptsFrom(get),
      metadata: () => metadataFrom(headers),
      from: request,
      clock,
      onDefect,
    })
  }

  #answer(begun: BegunCall): Awaitable<HttpResponse> {
    const { call, request, served } = begun
    if (served.spec.request.streamed) {
      if (!request.hasBody || mediaType(request) !== ndjsonType) return this.#wrongMediaType(request, ndjsonType)
      return this.#run(begun, this.#items(request))
    }
    if (!request.hasBody || served.spec.http.query !== undefined) return this.#decode(begun, nothing)
    if (!isJson(mediaType(request))) return this.#wrongMediaType(request, 'application/json')
    const body = request.body(this.#options.maxBodyBytes)
    const next = (read: Awaited<typeof body>): Awaitable<HttpResponse> => {
      if (read.failure === undefined) return this.#decode(begun, read)
      call.cancel(read.failure)
      if (read.failure.code === 'internal') this.#runtime.onDefect(new Error(read.failure.message))
      return problemResponse(plainWire(read.failure))
    }
    return body instanceof Promise ? body.then(next) : next(body)
  }

  #decode(begun: BegunCall, body: WholeBody): Awaitable<HttpResponse> {
    let message: unknown
    try {
      message = messageFrom(begun.served.spec.http, begun, body)
    } catch (thrown) {
      return this.#thrown(thrown)
    }
    return this.#run(begun, message)
  }

  #run(begun: BegunCall, message: unknown): Awaitable<HttpResponse> {
    const outcome = begun.call.run(begun.served.endpoint, message, begun.context)
    return outcome instanceof Promise
      ? outcome.then(ended => this.#responses.of(begun, ended))
      : this.#responses.of(begun, outcome)
  }

  async *#items(request: HttpRequest): AsyncGenerator<unknown, void, undefined> {
    const gaveUp = failureOf('cancelled', 'CANCELLED', 'the caller gave up its stream')
    try {
      for await (const line of readLines(request.chunks(), this.#options.maxBodyBytes)) {
        if (line.kind === 'value') yield line.value
        else if (line.kind === 'failure') throw new CallError(gaveUp)
      }
    } catch (thrown) {
      // To a client a stream without its last line has broken off; to the server its caller has not written one.
      const message = 'the stream has no last line: {"end":{}}'
      throw isBroken(thrown) ? new CallError(failureOf('invalid_argument', 'MALFORMED_BODY', message)) : thrown
    }
  }

  #wrongMediaType(request: HttpRequest, wanted: string): HttpResponse {
    const got = headerOf(request.headers, 'content-type')
    const message = `the content type must be ${wanted}${got === undefined ? ', and none is given' : `, not ${got.slice(0, 60)}`}`
    return problemResponse(plainWire(notRun('invalid_argument', 'UNSUPPORTED_MEDIA_TYPE', message)))
  }

  #thrown(thrown: unknown): HttpResponse {
    if (thrown instanceof CallError) return problemResponse(plainWire({ ...(thrown.failure as Failure), ran: 'no' })) // decoding throws no domain failures
    this.#runtime.onDefect(thrown)
    return problemResponse({ code: 'internal', reason: 'DEFECT', message: 'internal error', ran: 'no' })
  }
}

/** One object for all there is to know of a call: there is one for each request. */
class BegunCall implements Exchange, Going {
  readonly call: Incoming
  readonly request: HttpRequest
  readonly served: ServedMethod
  readonly params: PathParams | undefined
  readonly query: string
  /** Undefined where it is the call's own. */
  context: Context | undefined = undefined
  response: Awaitable<HttpResponse> = notYet

  constructor(call: Incoming, request: HttpRequest, { value, params }: Found) {
    this.call = call
    this.request = request
    this.served = value
    this.query = queryIn(request)
    this.params = params
  }

  get whole(): boolean {
    return !this.served.spec.request.streamed
  }

  cancel(failure: Failure): void {
    this.call.cancel(failure)
  }
}

const nothing: WholeBody = { text: '' }
const notYet: HttpResponse = { status: 500, headers: [], body: '' }

type Found = Extract<Match<ServedMethod>, { kind: 'found' }>

function pathIn({ url }: HttpRequest): string {
  const query = url.indexOf('?')
  return query === -1 ? url : url.slice(0, query)
}

function queryIn({ url }: HttpRequest): string {
  const query = url.indexOf('?')
  return query === -1 ? '' : url.slice(query + 1)
}

function isBroken(thrown: unknown): boolean {
  return thrown instanceof CallError && isFailure(thrown.failure) && thrown.failure.reason === 'STREAM_BROKEN'
}

function over(response: HttpResponse): Exchange {
  return { response, whole: true, cancel: () => {} }
}

function mediaType(request: HttpRequest): string | undefined {
  return headerOf(request.headers, 'content-type')?.split(';', 1)[0]?.trim().toLowerCase()
}

function isJson(type: string | undefined): boolean {
  return type === 'application/json' || (type?.startsWith('application/') === true && type.endsWith('+json'))
}
