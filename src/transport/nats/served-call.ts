// One call with one message each way, at the server.
import type { ServedMethod } from '../../contract/index.js'
import type { DomainFailure, Failure, Incoming, Outcome, Starter } from '../../core/index.js'
import { parseJson } from '../json.js'
import { textIn } from './body.js'
import type { Responder } from './responder.js'

/** A call that goes on, of either kind. */
export interface Running {
  /** Where its answer goes; empty where none is expected. */
  readonly reply: string
  /** Its neighbours among those that go on. */
  newer: Running | undefined
  older: Running | undefined
  start(data: Uint8Array): void
  /** Ends it, and tells the caller: the server must stop. */
  cancel(failure: Failure): void
  /** Ends it: the caller is gone. */
  leave(failure: Failure): void
}

export interface ServedCallInit {
  /** Where the answer goes; empty where none is expected. */
  readonly reply: string
  readonly responder: Responder
  /** `failure` is what was answered, where that is one. */
  onEnd(call: Running, failure?: Failure | DomainFailure): void
}

export class ServedCall implements Running, Starter {
  readonly reply: string
  newer: Running | undefined = undefined
  older: Running | undefined = undefined
  readonly #call: Incoming
  readonly #served: ServedMethod
  readonly #init: ServedCallInit
  #isLeft = false

  constructor(call: Incoming, served: ServedMethod, init: ServedCallInit) {
    this.#call = call
    this.#served = served
    this.#init = init
    this.reply = init.reply
  }

  start(data: Uint8Array): void {
    let message: unknown
    try {
      message = parseJson(textIn(data))
    } catch (thrown) {
      const { responder } = this.#init
      const refusal = responder.refusalOf(thrown)
      responder.fail(this.reply, refusal, this.#served.spec)
      this.#init.onEnd(this, refusal)
      return
    }
    this.#call.start(this.#served.endpoint, message, this)
  }

  onOutcome(outcome: Outcome): void {
    this.#init.responder.answer(this.#isLeft ? '' : this.reply, outcome, { call: this.#call, spec: this.#served.spec })
    this.#init.onEnd(this, outcome._tag === 'Left' ? outcome.left : undefined)
  }

  cancel(failure: Failure): void {
    this.#call.cancel(failure)
  }

  leave(failure: Failure): void {
    this.#isLeft = true
    this.#call.cancel(failure)
  }
}
