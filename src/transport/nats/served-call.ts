// One call with one message each way, at the server.
import type { ServedMethod } from '../../contract/index.js'
import type { DomainFailure, Failure, Incoming, Outcome, Starter } from '../../core/index.js'
import { parseJson } from '../json.js'
import { announce, givenUp } from './announcement.js'
import { textIn } from './body.js'
import type { Line } from './line.js'
import type { Responder } from './responder.js'
import type { Running } from './running-calls.js'

/** A call that is served, of either kind. */
export interface Served extends Running {
  start(data: Uint8Array): void
}

export interface ServedCallInit {
  /** Where the answer goes; empty where none is expected. */
  readonly reply: string
  readonly responder: Responder
  readonly line: Line
  /** `failure` is what was answered, where that is one. */
  onEnd(call: Served, failure?: Failure | DomainFailure): void
}

export class ServedCall implements Served, Starter {
  newer: Running | undefined = undefined
  older: Running | undefined = undefined
  looks = 0
  readonly #call: Incoming
  readonly #served: ServedMethod
  readonly #init: ServedCallInit
  #reply: string
  #unannounce: (() => void) | undefined

  constructor(call: Incoming, served: ServedMethod, init: ServedCallInit) {
    this.#call = call
    this.#served = served
    this.#init = init
    this.#reply = init.reply
  }

  start(data: Uint8Array): void {
    let message: unknown
    try {
      message = parseJson(textIn(data))
    } catch (thrown) {
      const { responder } = this.#init
      const refusal = responder.refusalOf(thrown)
      responder.fail(this.#reply, refusal, this.#served.spec)
      this.#init.onEnd(this, refusal)
      return
    }
    this.#call.start(this.#served.endpoint, message, this)
  }

  onOutcome(outcome: Outcome): void {
    this.#unannounce?.()
    this.#init.responder.answer(this.#reply, outcome, { call: this.#call, spec: this.#served.spec })
    this.#init.onEnd(this, outcome._tag === 'Left' ? outcome.left : undefined)
  }

  cancel(failure: Failure): void {
    this.#call.cancel(failure)
  }

  announce(): void {
    this.#unannounce = announce(this.#init.line, this.#reply, () => {
      this.#reply = ''
      this.#call.cancel(givenUp)
    })
  }
}
