// The server's side of one call over HTTP, without a platform: from a request to a response.

import { type FormRule, formTypes } from '../../contract/form-rule.js'
import type { AnyService, Runtime, ServedMethod } from '../../contract/index.js'
import { isOfType, type RawField } from '../../contract/raw-field.js'
import {
  type Awaitable,
  CallError,
  type Context,
  extend,
  type Failure,
  type Incoming,
  incoming,
} from '../../core/index.js'
import { deadlineMsOf } from '../../core/method.js'
import { attemptsFrom, metadataFrom, timeoutFrom } from '../wire-headers.js'
import type { TagOf } from './conditional.js'
import type { Cors } from './cors.js'
import { emptyLists } from './fields-of-text.js'
import { readForm } from './form.js'
import { isJson, mediaType, wrongMediaType } from './media-type.js'
import { type Body, type Bytes, type HttpRequest, type HttpResponse, headerOf, type WholeBody } from './message.js'
import { type NotFound, notFound } from './not-found.js'
import { problemResponse } from './problem.js'
import { requestItems } from './request-items.js'
import { type Going, Responses } from './responses.js'
import { type Match, type PathParams, type Router, router } from './router.js'
import { type GivenBody, messageFrom } from './rule.js'

/** Limits of one call. */
export interface ExchangeOptions {
  /** The most bytes of a body, unpacked; of a stream, of one item. */
  readonly maxBodyBytes: number
  /** The longest deadline that a caller may ask for, in ms: of a unary call. A stream may have an hour. */
  readonly maxDeadlineMs: number
  /** Makes the tags of responses to GET and HEAD. @defaultValue none but what handlers set */
  readonly tagOf?: TagOf | undefined
  /** Answers preflights. @defaultValue OPTIONS tells the verbs, and no more */
  readonly cors?: Cors | undefined
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
    if (found.kind === 'found') return this.#begin(request, found)
    const allow = found.kind === 'method_not_allowed' ? found.allow : []
    return over(this.#options.cors?.preflight(request, allow) ?? notFound(found, request.method, path))
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
    const { attempt, maxAttempts } = attemptsFrom(get)
    return incoming({
      deadlineMs: Math.min(timeoutFrom(get) ?? deadlineMsOf(spec.info), most),
      attempt,
      maxAttempts,
      metadata: () => metadataFrom(headers),
      transport: 'http',
      from: request,
      clock,
      onDefect,
    })
  }

  #answer(begun: BegunCall): Awaitable<HttpResponse> {
    const { request, served } = begun
    const { http, request: message } = served.spec
    const maxBytes = http.maxBodyBytes ?? this.#options.maxBodyBytes
    if (message.streamed) {
      const read = requestItems(request, served.spec, maxBytes)
      return 'refusal' in read ? read.refusal : this.#run(begun, read.items)
    }
    if (http.body !== undefined) return this.#readBytes(begun, http.body, maxBytes)
    if (http.form !== undefined) return this.#readForm(begun, http.form, maxBytes)
    if (!request.hasBody || http.query !== undefined) return this.#decode(begun, nothing)
    if (!isJson(mediaType(request))) return wrongMediaType(request, 'application/json')
    return this.#readWhole(begun, maxBytes)
  }

  #readWhole(begun: BegunCall, maxBytes: number): Awaitable<HttpResponse> {
    const body = begun.request.body(maxBytes)
    if (!(body instanceof Promise)) return this.#decodeRead(begun, body)
    // By hand: a promise that is given a promise takes two turns more, and an async function is an object more for each POST.
    return new Promise(resolve => {
      void body.then(read => {
        const response = this.#decodeRead(begun, read)
        if (response instanceof Promise) void response.then(resolve)
        else resolve(response)
      })
    })
  }

  #decodeRead(begun: BegunCall, read: Body): Awaitable<HttpResponse> {
    if (read.failure === undefined) return this.#decode(begun, read)
    begun.call.cancel(read.failure)
    return this.#unread(read.failure)
  }

  async #readBytes(begun: BegunCall, raw: RawField, maxBytes: number): Promise<HttpResponse> {
    const { call, request } = begun
    const type = headerOf(request.headers, 'content-type')
    if (request.hasBody && !isOfType(type, raw.type)) return wrongMediaType(request, raw.type)
    const read = request.hasBody ? await request.bytes(maxBytes) : noBytes
    if (read.failure === undefined) return this.#decode(begun, { bytes: read.bytes, type })
    call.cancel(read.failure)
    return this.#unread(read.failure)
  }

  async #readForm(begun: BegunCall, form: FormRule, maxBytes: number): Promise<HttpResponse> {
    const { call, request } = begun
    if (request.hasBody && mediaType(request) !== formTypes[form.kind])
      return wrongMediaType(request, formTypes[form.kind])
    const read = request.hasBody ? await request.bytes(maxBytes) : noBytes
    if (read.failure !== undefined) {
      call.cancel(read.failure)
      return this.#unread(read.failure)
    }
    try {
      const type = headerOf(request.headers, 'content-type') ?? ''
      const fields = request.hasBody ? await readForm(form, read.bytes, type) : emptyLists(form.lists)
      return await this.#decode(begun, { fields })
    } catch (thrown) {
      return this.#thrown(thrown)
    }
  }

  #unread(failure: Failure): HttpResponse {
    if (failure.code === 'internal') this.#runtime.onDefect(new Error(failure.message))
    return problemResponse(failure)
  }

  #decode(begun: BegunCall, body: GivenBody): Awaitable<HttpResponse> {
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

  #thrown(thrown: unknown): HttpResponse {
    if (thrown instanceof CallError) return problemResponse({ ...(thrown.failure as Failure), ran: 'no' }) // decoding throws no domain failures
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
const noBytes: Bytes = { bytes: new Uint8Array() }
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

function over(response: HttpResponse): Exchange {
  return { response, whole: true, cancel: () => {} }
}
