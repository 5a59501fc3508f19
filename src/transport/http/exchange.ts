// The server's side of one call over HTTP, without a platform: from a request to a response.

import { type FormRule, formTypes } from '../../contract/form-rule.js'
import type { AnyService, Runtime, ServedMethod } from '../../contract/index.js'
import { isOfType, type RawField } from '../../contract/raw-field.js'
import { CallError, extend, type Failure, type Incoming, incoming } from '../../core/index.js'
import { deadlineMsOf } from '../../core/method.js'
import { attemptsFrom, timeoutFrom } from '../wire-headers.js'
import { BegunCall, type Exchange, type Found, over } from './begun-call.js'
import type { TagOf } from './conditional.js'
import type { Cors } from './cors.js'
import { emptyLists } from './fields-of-text.js'
import { readForm } from './form.js'
import { isJson, mediaType, wrongMediaType } from './media-type.js'
import { type Body, type Bytes, type HttpRequest, type HttpResponse, headerOf, type WholeBody } from './message.js'
import { metadataOf } from './metadata.js'
import { type NotFound, notFound } from './not-found.js'
import { problemResponse } from './problem.js'
import { requestItems } from './request-items.js'
import { Responses } from './responses.js'
import { type Router, router } from './router.js'
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
    return over(this.#options.cors?.preflight(request, allow) ?? notFound(found, request.method))
  }

  /**
   * As {@link begin}, in the midst of others who answer, too: undefined for what `isOthers` leaves to them. What `provide` gives is in
   * the call's context; where it throws, no call begins.
   */
  beginAmong(request: HttpRequest, { isOthers, provide }: Among): Exchange | undefined {
    const path = pathIn(request)
    const found = this.#router.match(request.method, path)
    if (found.kind === 'found') return this.#begin(request, found, provide)
    return isOthers(found.kind) ? undefined : over(notFound(found, request.method))
  }

  #begin(request: HttpRequest, found: Found, provide?: () => object): Exchange {
    let begun: BegunCall
    try {
      const call = this.#incoming(request, found.value)
      begun = new BegunCall(call, request, found, this.#responses)
      if (provide !== undefined) begun.context = extend(call.context, provide())
    } catch (thrown) {
      return over(this.#thrown(thrown))
    }
    this.#read(begun)
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
      metadata: () => metadataOf(request),
      transport: 'http',
      from: request,
      http: request,
      clock,
      onDefect,
    })
  }

  #read(begun: BegunCall): void {
    const { request, served } = begun
    const { http, request: message } = served.spec
    const maxBytes = http.maxBodyBytes ?? this.#options.maxBodyBytes
    if (message.streamed) {
      const read = requestItems(request, served.spec, maxBytes)
      if ('refusal' in read) begun.answer(read.refusal)
      else begun.start(read.items)
    } else if (http.body !== undefined) void this.#readBytes(begun, http.body, maxBytes)
    else if (http.form !== undefined) void this.#readForm(begun, http.form, maxBytes)
    else if (!request.hasBody || http.query !== undefined) this.#decode(begun, nothing)
    else if (isJson(mediaType(request))) request.body(maxBytes, read => this.#decodeRead(begun, read))
    else begun.answer(wrongMediaType(request, 'application/json'))
  }

  #decodeRead(begun: BegunCall, read: Body): void {
    if (read.failure === undefined) this.#decode(begun, read)
    else this.#unread(begun, read.failure)
  }

  async #readBytes(begun: BegunCall, raw: RawField, maxBytes: number): Promise<void> {
    const { request } = begun
    const type = headerOf(request.headers, 'content-type')
    if (request.hasBody && !isOfType(type, raw.type)) {
      begun.answer(wrongMediaType(request, raw.type))
      return
    }
    const read = request.hasBody ? await request.bytes(maxBytes) : noBytes
    if (read.failure === undefined) this.#decode(begun, { bytes: read.bytes, type })
    else this.#unread(begun, read.failure)
  }

  async #readForm(begun: BegunCall, form: FormRule, maxBytes: number): Promise<void> {
    const { request } = begun
    if (request.hasBody && mediaType(request) !== formTypes[form.kind]) {
      begun.answer(wrongMediaType(request, formTypes[form.kind]))
      return
    }
    const read = request.hasBody ? await request.bytes(maxBytes) : noBytes
    if (read.failure !== undefined) {
      this.#unread(begun, read.failure)
      return
    }
    let fields: Record<string, unknown>
    try {
      const type = headerOf(request.headers, 'content-type') ?? ''
      fields = request.hasBody ? readForm(form, read.bytes, type) : emptyLists(form.lists)
    } catch (thrown) {
      begun.answer(this.#thrown(thrown))
      return
    }
    this.#decode(begun, { fields })
  }

  #unread(begun: BegunCall, failure: Failure): void {
    begun.call.cancel(failure)
    if (failure.code === 'internal') this.#runtime.onDefect(new Error(failure.message))
    begun.answer(problemResponse(failure))
  }

  #decode(begun: BegunCall, body: GivenBody): void {
    let message: unknown
    try {
      message = messageFrom(begun.served.spec.http, begun, body)
    } catch (thrown) {
      begun.answer(this.#thrown(thrown))
      return
    }
    begun.start(message)
  }

  #thrown(thrown: unknown): HttpResponse {
    if (thrown instanceof CallError) return problemResponse({ ...(thrown.failure as Failure), ran: 'no' }) // decoding throws no domain failures
    this.#runtime.onDefect(thrown)
    return problemResponse({ code: 'internal', reason: 'DEFECT', message: 'internal error', ran: 'no' })
  }
}

const nothing: WholeBody = { text: '' }
const noBytes: Bytes = { bytes: new Uint8Array() }
function pathIn({ url }: HttpRequest): string {
  const query = url.indexOf('?')
  return query === -1 ? url : url.slice(0, query)
}
