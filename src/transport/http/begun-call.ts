// A call between its request and its response: one object for all there is to know of it, since there is one for each request. Told
// of what comes, rather than waiting for it: every promise on the way would cost each request some memory and a turn of its queue.
import type { ServedMethod } from '../../contract/index.js'
import type { Awaitable, Context, Failure, Incoming, Outcome, Starter } from '../../core/index.js'
import type { HttpRequest, HttpResponse } from './message.js'
import type { Going, Responses } from './responses.js'
import type { Match, PathParams } from './router.js'

/** Which method a request is for. */
export type Found = Extract<Match<ServedMethod>, { kind: 'found' }>

/** A call that is going on, for whoever must end it. */
export interface Exchange {
  /** Undefined until there is one. */
  readonly response: HttpResponse | undefined
  /** Has `answer` told of the response, once, and at once where there is one. */
  onResponse(answer: (response: HttpResponse) => void): void
  /** Whether the request must arrive whole before the call begins. */
  readonly whole: boolean
  /** Ends the call: the caller is gone. */
  cancel(failure: Failure): void
}

/** A call that goes on. */
export class BegunCall implements Exchange, Going, Starter {
  readonly call: Incoming
  readonly request: HttpRequest
  readonly served: ServedMethod
  readonly params: PathParams | undefined
  readonly query: string
  /** Undefined where it is the call's own. */
  context: Context | undefined = undefined
  response: HttpResponse | undefined = undefined
  readonly #responses: Responses
  #onResponse: ((response: HttpResponse) => void) | undefined = undefined

  constructor(call: Incoming, request: HttpRequest, { value, params }: Found, responses: Responses) {
    this.call = call
    this.request = request
    this.served = value
    this.query = queryIn(request)
    this.params = params
    this.#responses = responses
  }

  get whole(): boolean {
    return !this.served.spec.request.streamed
  }

  /** Runs the method, whose outcome is the answer. */
  start(message: unknown): void {
    this.call.start(this.served.endpoint, message, this)
  }

  onOutcome(outcome: Outcome): void {
    const response = this.#responses.of(this, outcome)
    if (response instanceof Promise) void response.then(ready => this.answer(ready))
    else this.answer(response)
  }

  answer(response: HttpResponse): void {
    this.response = response
    this.request.onStatus?.(response.status)
    this.#onResponse?.(response)
  }

  onResponse(answer: (response: HttpResponse) => void): void {
    if (this.response === undefined) this.#onResponse = answer
    else answer(this.response)
  }

  cancel(failure: Failure): void {
    this.call.cancel(failure)
  }
}

function queryIn({ url }: HttpRequest): string {
  const query = url.indexOf('?')
  return query === -1 ? '' : url.slice(query + 1)
}

/** What is answered without a call. */
export function over(response: Awaitable<HttpResponse>): Exchange {
  const rest = { whole: true, cancel: () => {} }
  if (response instanceof Promise)
    return { ...rest, response: undefined, onResponse: answer => void response.then(answer) }
  return { ...rest, response, onResponse: answer => answer(response) }
}
