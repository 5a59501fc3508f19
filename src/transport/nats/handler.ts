// One endpoint over NATS with its own decode and encode, as in Go kit: for services without a contract, and for wire formats that are
// given. With a contract everything that the hooks do is middleware.
import { failureToWire } from '../../contract/index.js'
import { defectsTo, fromThrown, observe } from '../../core/call-error.js'
import {
  type Context,
  type DomainFailure,
  type Endpoint,
  type Failure,
  type Incoming,
  incoming,
  isFailure,
  systemClock,
} from '../../core/index.js'
import { addMetadata, noMetadata } from '../../core/metadata.js'
import { parseJson } from '../json.js'
import { attemptsFrom, notRun, timeoutFrom } from '../wire-headers.js'
import { bodyOf, emptyBody, textIn } from './body.js'
import type { NatsMessage } from './connection.js'
import { failureMessage } from './failure-message.js'
import type { HandlerOptions, HandlerRequest, HandlerResponse, ServerCodec } from './handler-options.js'
import { type Pair, receivedMetadata, replyPairs, SentHeaders } from './headers.js'
import { LastingCalls } from './lasting-calls.js'
import { limit } from './limit.js'
import { lineOf } from './line.js'

/** What a subscription calls for each message. Throws nothing. */
export type Callback = (error: Error | null, message: NatsMessage) => void

const maxHeaders = 100

/**
 * A callback for `connection.subscribe(subject, { queue, callback })` that serves one endpoint. A message without a reply subject is
 * handled, and its answer dropped. A call ends at its deadline, and before where its caller gives it up, if `connection` is given. Throws
 * `RangeError` for limits that make no sense.
 */
export function handler<Req, Res, E>(
  endpoint: Endpoint<Req, Res, E, Context>,
  codec: ServerCodec<Req, Res, E>,
  options: HandlerOptions = {},
): Callback {
  const { deadlineMs = 30_000, clock = systemClock } = options
  const onDefect = defectsTo(options.onDefect)
  const maxCalls = limit('maxCalls', options.maxCalls ?? 1024)
  const maxBodyBytes = limit('maxBodyBytes', options.maxBodyBytes ?? 1 << 20)
  if (!(deadlineMs > 0)) throw new RangeError(`nats: deadlineMs must be more than 0, got ${deadlineMs}`)
  const handling = new Handling(endpoint, codec as Handling['codec'], { ...options, onDefect, deadlineMs, clock }) // called with what the endpoint's types say
  let calls = 0
  return (error, message) => {
    if (error !== null) {
      onDefect(error)
      return
    }
    const refusal =
      calls >= maxCalls
        ? notRun('resource_exhausted', 'TOO_MANY_CALLS', `${maxCalls} calls are going on`)
        : message.data.length > maxBodyBytes
          ? notRun('resource_exhausted', 'BODY_TOO_LARGE', `the message has more than ${maxBodyBytes} bytes`)
          : undefined
    calls++
    void handling.run(message, refusal).then(() => calls--)
  }
}

class Request implements HandlerRequest {
  readonly subject: string
  readonly reply: string
  readonly headers: ReadonlyMap<string, string>
  readonly bytes: Uint8Array

  constructor({ subject, reply = '', data }: NatsMessage, headers: ReadonlyMap<string, string>) {
    this.subject = subject
    this.reply = reply
    this.headers = headers
    this.bytes = data
  }

  text(): string {
    return textIn(this.bytes)
  }

  json(): unknown {
    return parseJson(this.text())
  }
}

type Answer = { readonly response: HandlerResponse } | { readonly failure: Failure | DomainFailure }

type Settings = HandlerOptions & Required<Pick<HandlerOptions, 'onDefect' | 'deadlineMs' | 'clock'>>

class Handling {
  readonly codec: ServerCodec<unknown, unknown, unknown>
  readonly #endpoint: object
  readonly #options: Settings
  readonly #lasting: LastingCalls | undefined

  constructor(endpoint: object, codec: ServerCodec<unknown, unknown, unknown>, options: Settings) {
    this.#endpoint = endpoint
    this.codec = codec
    this.#options = options
    const { connection, inboxPrefix = '_INBOX', clock } = options
    this.#lasting = connection && new LastingCalls(lineOf(connection, inboxPrefix), clock)
  }

  /** Never rejects. */
  async run(message: NatsMessage, refusal: Failure | undefined): Promise<void> {
    const { clock, finalizer } = this.#options
    const startedAt = clock.now()
    const metadata = receivedMetadata(message.headers, maxHeaders)
    const request = new Request(message, metadata ?? noMetadata)
    const refused =
      metadata === undefined
        ? notRun('resource_exhausted', 'HEADERS_TOO_LARGE', `there are more than ${maxHeaders} headers`)
        : refusal
    let call: Incoming | undefined
    let answer: Answer
    if (refused !== undefined) answer = { failure: refused }
    else {
      try {
        call = this.#incoming(request)
        answer = await this.#answer(call, request)
      } catch (thrown) {
        const { left: failure } = fromThrown(thrown, this.#options.onDefect)
        answer = { failure: isFailure(failure) ? { ...failure, ran: 'no' } : failure }
      }
    }
    const bytes = this.#respond(message, request, answer, call)
    const failure = 'failure' in answer ? answer.failure : undefined
    if (finalizer !== undefined) observe(finalizer, { request, bytes, durationMs: clock.now() - startedAt, failure })
  }

  #incoming({ headers }: HandlerRequest): Incoming {
    const { deadlineMs, clock, onDefect } = this.#options
    const get = (name: string): string | undefined => headers.get(name)
    return incoming({
      deadlineMs: Math.min(timeoutFrom(get) ?? deadlineMs, deadlineMs),
      ...attemptsFrom(get),
      metadata: headers,
      transport: 'nats',
      onDefect,
      clock,
    })
  }

  /** Throws what refuses the request before it runs. */
  async #answer(call: Incoming, request: HandlerRequest): Promise<Answer> {
    const { before = [] } = this.#options
    const context = before.reduce((given, hook) => hook(given, request), call.context)
    const decoded = await this.codec.decode(request, context)
    const ended = this.#lasting?.begin(call, request.reply)
    const outcome = await call.run(this.#endpoint, decoded, context)
    ended?.()
    if (outcome._tag === 'Left') return { failure: outcome.left }
    try {
      return { response: await this.codec.encode(outcome.right, request, context) }
    } catch (thrown) {
      return { failure: fromThrown(thrown, this.#options.onDefect).left }
    }
  }

  /** How many bytes were sent. */
  #respond(message: NatsMessage, request: HandlerRequest, answer: Answer, call: Incoming | undefined): number {
    const { onFailure, onDefect, after = [] } = this.#options
    if ('failure' in answer && onFailure !== undefined) observe(onFailure, answer.failure, request)
    call?.reply?.close()
    try {
      const encoded = 'response' in answer ? answer.response : this.#encodedFailure(answer.failure, request)
      const { body = emptyBody, headers = {} } = after.reduce((given, hook) => hook(given, request), encoded)
      const bytes = typeof body === 'string' ? bodyOf(body) : body
      if (request.reply !== '') message.respond(bytes, { headers: new SentHeaders(this.#pairs(headers, call)) })
      return request.reply === '' ? 0 : bytes.length
    } catch (thrown) {
      onDefect(thrown) // it cannot be encoded or sent
      return 0
    }
  }

  #encodedFailure(failure: Failure | DomainFailure, request: HandlerRequest): HandlerResponse {
    const { encodeFailure } = this.codec
    if (encodeFailure !== undefined) return encodeFailure.call(this.codec, failure, request)
    const { body, headers } = failureMessage(failureToWire(undefined, failure, this.#options.onDefect))
    return { body, headers: Object.fromEntries(headers) }
  }

  /** Throws for a name or a value that would break the message. */
  #pairs(headers: Readonly<Record<string, string>>, call: Incoming | undefined): readonly Pair[] {
    addMetadata(noMetadata, headers)
    const own = Object.entries(headers)
    const named = new Set(own.map(([name]) => name.toLowerCase()))
    const said = replyPairs(call?.reply, true, name => {
      this.#options.onDefect(new TypeError(`the header '${name}' belongs to the transport`))
    })
    return [...own, ...said.filter(([name]) => !named.has(name))]
  }
}
