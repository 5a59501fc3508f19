// One request on its way through a proxy: what is sent, and the head of what came back. The body of the response is the call's
// response, so that deadline, cancellation and every layer last until it has ended.
import {
  CallError,
  type Context,
  type Failure,
  failureOf,
  type Left,
  left,
  type Outcome,
  onCancelled,
  type Right,
  right,
  traceNames,
} from '../../core/index.js'
import { ByteStream } from './byte-stream.js'
import { failingAtEnd } from './failing-answer.js'
import type { IncomingStream } from './incoming-stream.js'
import type { HttpHeaders } from './message.js'
import type { ForwardedRequest } from './proxy-options.js'
import { responseFailure } from './response-failure.js'
import { type Reading, type Remote, roundTrip } from './round-trip.js'
import type { SentRequest } from './sender.js'
import { sentHeaders, withOwnHeaders } from './sent-headers.js'

/** The body of a response. */
export type Forwarded = AsyncIterable<Uint8Array>

/** Where requests are sent on to. */
export interface ProxyTarget {
  readonly remote: Remote
  /** The target's own path. */
  readonly prefix: string
  readonly maxResponseBytes: number
  /** Whether an answer with this status is a failure. */
  shouldFail(status: number): boolean
}

/** What comes before a response's body, and behind it. */
export interface ResponseHead {
  readonly status: number
  readonly headers: HttpHeaders
  /** What the call fails with when the body has been read. */
  readonly failure: Failure | undefined
  trailers(): Readonly<Record<string, string>>
}

/** One request. */
export class Forwarding {
  /** Of the last response; undefined before. */
  head: ResponseHead | undefined = undefined
  readonly #request: ForwardedRequest
  readonly #body: ByteStream | undefined
  readonly #length: number
  /** What became of the body, where that failed: the true cause of what the connection then came to. */
  #thrown: unknown
  #last: Left<Failure> | Right<Forwarded> | undefined

  /** `length` is NaN where it is not known. */
  constructor(request: ForwardedRequest, body: AsyncIterable<Uint8Array> | undefined, length: number) {
    this.#request = request
    this.#length = length
    if (body === undefined) return
    this.#body = new ByteStream(body, {
      onEnd: end => {
        if (end.kind === 'failed') this.#thrown = end.thrown
      },
    })
  }

  /** Sends it. A second time only where nothing of its body has been read. */
  async send(target: ProxyTarget, context: Context): Promise<Left<Failure> | Right<Forwarded>> {
    if (this.#body?.isTaken === true && this.#last !== undefined) return this.#last
    const reading = this.#reading(target, context)
    const outcome = (await roundTrip(target.remote, this.#sent(target, context), context, reading)) as
      | Left<Failure>
      | Right<Forwarded> // what `reading` makes, or the connection's failure
    if (outcome._tag === 'Left' && this.#thrown !== undefined) throw this.#thrown
    this.#last = outcome
    return outcome
  }

  #sent({ prefix }: ProxyTarget, context: Context): SentRequest {
    const { method, path, headers } = this.#request
    const outgoing = sentHeaders(context)
    const own: Record<string, string> = { ...headers }
    if (context.span !== undefined) for (const name of traceNames) delete own[name] // the span's come instead
    for (let i = 0; i < outgoing.length; i += 2) own[outgoing[i] as string] = outgoing[i + 1] as string // a layer's come over the caller's; names and values in turn
    const sent = withOwnHeaders([], own)
    if (this.#body !== undefined && !Number.isNaN(this.#length)) sent.push('content-length', String(this.#length))
    return { method, path: prefix + path, headers: sent, body: this.#body }
  }

  #reading({ remote: { peer }, maxResponseBytes: maxBytes, shouldFail }: ProxyTarget, context: Context): Reading {
    const { method } = this.#request
    const tooLarge = (): Failure =>
      failureOf('resource_exhausted', 'RESPONSE_TOO_LARGE', `the response of ${peer} is over ${maxBytes} bytes`, {
        peer,
      })
    let head: Pick<ResponseHead, 'status' | 'headers'> = { status: 0, headers: {} }
    return {
      isPacked: true,
      onHead(status, headers) {
        head = { status, headers }
        return true
      },
      onStream: (chunks: IncomingStream): Outcome => {
        if (!isBodiless(method, head.status) && Number(head.headers['content-length'] ?? 0) > maxBytes) {
          void chunks.return()
          return left(tooLarge())
        }
        if (head.status > 599) {
          void chunks.return()
          return left(failureOf('internal', 'UNEXPECTED_RESPONSE', `${peer} answered ${head.status}`, { peer }))
        }
        let failure: Failure | undefined
        try {
          if (shouldFail(head.status)) failure = answerFailure(head, peer)
        } catch (thrown) {
          void chunks.return()
          this.#thrown = thrown
          return left(failureOf('internal', 'DEFECT', 'internal error')) // not given: `send` throws
        }
        this.head = { ...head, failure, trailers: () => trailersOf(chunks.trailers) }
        const body = new ByteStream(chunks, { maxBytes, tooLarge, onEnd: () => unlink() })
        const unlink = onCancelled(context, failure => body.fail(new CallError(failure)))
        return right(failure === undefined ? body : failingAtEnd(body, failure))
      },
      onWhole: () => left(failureOf('internal', 'DEFECT', 'a response that was not asked for as a whole')),
    }
  }
}

/** Whether a response has no body, whatever its headers say. */
export function isBodiless(method: string, status: number): boolean {
  return method === 'HEAD' || status === 204 || status === 304
}

/** Of the head alone: the body is the caller's. */
function answerFailure({ status, headers }: Pick<ResponseHead, 'status' | 'headers'>, peer: string): Failure {
  return responseFailure({ status, headers, text: '', isProblem: false }, peer) as Failure // made here: no problem details
}

function trailersOf(trailers: HttpHeaders): Record<string, string> {
  return Object.fromEntries(
    Object.entries(trailers).map(([name, value]) => [
      name,
      typeof value === 'string' ? value : (value ?? []).join(', '),
    ]),
  )
}
