// What goes back: a message, or a failure, each with what the handler said beside it.
import { failureToWire, type MethodSpec, type WireFailure } from '../../contract/index.js'
import {
  CallError,
  type DomainFailure,
  type Failure,
  failureOf,
  type Incoming,
  type OnDefect,
  type Outcome,
} from '../../core/index.js'
import { jsonText } from '../json.js'
import { bodyOf } from './body.js'
import { type FailureMessage, failureMessage } from './failure-message.js'
import { type Pair, replyPairs, SentHeaders } from './headers.js'
import type { Line } from './line.js'

/** A call that is answered. */
export interface Answered {
  readonly call: Incoming
  readonly spec: MethodSpec
}

/** What is sent where what should be sent cannot be written. */
export const unencodable: WireFailure = {
  code: 'internal',
  reason: 'UNENCODABLE',
  message: 'internal error',
  ran: 'maybe',
}

/** Answers calls. Nothing here throws. */
export class Responder {
  readonly #line: Line
  readonly #onDefect: OnDefect

  constructor(line: Line, onDefect: OnDefect) {
    this.#line = line
    this.#onDefect = onDefect
  }

  /** The last word on a call. */
  answer(reply: string, outcome: Outcome, { call, spec }: Answered): void {
    call.reply?.close()
    const pairs = this.pairs(call, true)
    if (outcome._tag === 'Left') {
      this.fail(reply, outcome.left, spec, pairs)
      return
    }
    let body: Uint8Array
    try {
      body = bodyOf(jsonText(outcome.right))
    } catch (thrown) {
      this.#onDefect(thrown)
      this.#send(reply, failureMessage(unencodable), pairs)
      return
    }
    if (reply === '') return
    const unsent = this.#line.send(reply, body, pairs.length === 0 ? {} : { headers: new SentHeaders(pairs) })
    if (unsent?.reason === 'BODY_TOO_LARGE') this.fail(reply, tooLarge(unsent.message), spec)
  }

  /** As {@link answer}, for a failure; `pairs` are what goes beside it. */
  fail(
    reply: string,
    failure: Failure | DomainFailure,
    spec: MethodSpec | undefined,
    pairs: readonly Pair[] = [],
  ): void {
    const wire = failureToWire(spec, failure, this.#onDefect)
    let message: FailureMessage
    try {
      message = failureMessage(wire)
    } catch (thrown) {
      this.#onDefect(thrown)
      message = failureMessage(unencodable)
    }
    this.#send(reply, message, pairs)
  }

  #send(reply: string, { body, headers }: FailureMessage, pairs: readonly Pair[]): void {
    if (reply === '') return
    const unsent = this.#line.send(reply, body, { headers: new SentHeaders([...headers, ...pairs]) })
    if (unsent?.reason !== 'BODY_TOO_LARGE') return
    const smaller = failureMessage({ ...tooLarge(unsent.message), details: undefined })
    this.#line.send(reply, smaller.body, { headers: new SentHeaders(smaller.headers) })
  }

  /** What was thrown before the work began. */
  refusalOf(thrown: unknown): Failure {
    if (thrown instanceof CallError) return { ...(thrown.failure as Failure), ran: 'no' } // decoding throws no domain failures
    this.#onDefect(thrown)
    return failureOf('internal', 'DEFECT', 'internal error', { ran: 'no' })
  }

  /** What the handler said beside its answer. */
  pairs({ reply }: Incoming, trailers: boolean): readonly Pair[] {
    return replyPairs(reply, trailers, name => {
      this.#onDefect(new TypeError(`the header '${name}' belongs to the transport`))
    })
  }
}

function tooLarge(message: string): Failure {
  return failureOf('resource_exhausted', 'RESPONSE_TOO_LARGE', message)
}
