// One call with a stream in it, at the server: says where it listens to this call, takes the caller's items, and sends its own.
import { failureToWire, type ServedMethod } from '../../contract/index.js'
import {
  CallError,
  type DomainFailure,
  type Failure,
  failureOf,
  type Incoming,
  type OnDefect,
  type Outcome,
  type Starter,
} from '../../core/index.js'
import { parseJson } from '../json.js'
import { gaveUp } from '../request-stream.js'
import { givenUp } from './announcement.js'
import { bodyOf, textIn } from './body.js'
import type { NatsMessage } from './connection.js'
import { creditFrame, endFrame, type Frame, failureFrame, frameIn, headFrame, leaveFrame, valueFrame } from './frame.js'
import { type Pair, SentHeaders } from './headers.js'
import { broken, IncomingItems } from './incoming-items.js'
import type { Line, Receiver } from './line.js'
import { OutgoingItems } from './outgoing-items.js'
import { Pulse } from './pulse.js'
import { type Responder, unencodable } from './responder.js'
import type { Running } from './running-calls.js'
import type { Served } from './served-call.js'

/** What a call with a stream needs to know. */
export interface ServedStreamInit {
  readonly line: Line
  readonly reply: string
  readonly responder: Responder
  readonly onDefect: OnDefect
  readonly windowBytes: number
  readonly heartbeatMs: number
  readonly maxBodyBytes: number
  /** How much of the response the caller takes to begin with. */
  readonly credit: number
  /** `failure` is what the call came to, where that is one. */
  onEnd(call: Served, failure?: Failure | DomainFailure): void
}

export class ServedStream implements Served, Starter, Receiver {
  newer: Running | undefined = undefined
  older: Running | undefined = undefined
  looks = 0
  readonly #call: Incoming
  readonly #served: ServedMethod
  readonly #init: ServedStreamInit
  readonly #control: string
  readonly #pulse: Pulse
  #receiving: IncomingItems | undefined
  #sending: OutgoingItems | undefined
  #credit: number
  #over = false
  #failure: Failure | DomainFailure | undefined

  constructor(call: Incoming, served: ServedMethod, init: ServedStreamInit) {
    this.#call = call
    this.#served = served
    this.#init = init
    this.#credit = init.credit
    this.#control = init.line.register(this)
    this.#pulse = new Pulse(call.context.clock, init.heartbeatMs, {
      beat: () => this.#beat(),
      dead: () => this.#leave(failureOf('cancelled', 'CANCELLED', 'nothing was heard from the caller for too long')),
    })
  }

  start(data: Uint8Array): void {
    let message: unknown
    try {
      message = this.#served.spec.request.streamed ? this.#incoming() : parseJson(textIn(data))
    } catch (thrown) {
      const { responder } = this.#init
      this.#failure = responder.refusalOf(thrown)
      responder.fail(this.#init.reply, this.#failure, this.#served.spec)
      this.#end()
      return
    }
    this.#call.start(this.#served.endpoint, message, this)
  }

  #incoming(): IncomingItems {
    this.#receiving = new IncomingItems({
      windowBytes: this.#init.windowBytes,
      onCredit: limit => this.#say(creditFrame(limit)),
      onLeft: () => this.#say(leaveFrame),
    })
    this.#say(creditFrame(this.#receiving.limit))
    return this.#receiving
  }

  #beat(): void {
    this.#say(creditFrame(this.#receiving?.limit ?? 0))
  }

  /** Each message but items says where we listen: the caller cannot know before. */
  #say(frame: string, pairs: readonly Pair[] = []): Failure | undefined {
    const headers = pairs.length === 0 ? {} : { headers: new SentHeaders(pairs) }
    return this.#init.line.send(this.#init.reply, bodyOf(frame), { reply: this.#control, ...headers })
  }

  onOutcome(outcome: Outcome): void {
    if (this.#over) return // nobody waits for it
    const { responder } = this.#init
    const { spec } = this.#served
    if (outcome._tag === 'Left') {
      this.#failure = outcome.left
      responder.answer(this.#init.reply, outcome, { call: this.#call, spec })
    } else if (spec.response.streamed) {
      this.#respond(outcome.right as AsyncIterable<unknown>) // a streaming method's response
      return
    } else this.#answer(outcome.right)
    this.#end()
  }

  #answer(response: unknown): void {
    const { responder } = this.#init
    const { spec } = this.#served
    this.#call.reply?.close()
    const pairs = responder.pairs(this.#call, true)
    try {
      const unsent = this.#say(valueFrame(0, response), pairs)
      if (unsent !== undefined) responder.fail(this.#init.reply, tooLarge(unsent), spec, pairs)
    } catch (thrown) {
      this.#init.onDefect(thrown)
      responder.fail(this.#init.reply, unencodableFailure, spec, pairs)
    }
  }

  #respond(items: AsyncIterable<unknown>): void {
    this.#call.context.reply.close() // the handler still runs
    const { line, responder, onDefect } = this.#init
    this.#sending = new OutgoingItems(items, this.#credit, {
      send: body => line.send(this.#init.reply, body),
      taken: () => line.taken(),
      onEnd: count => this.#last(() => endFrame(count, this.#call.reply?.trailers)),
      onThrown: (count, thrown) => this.#failed(count, failureIn(thrown, onDefect)),
      onUnwritable: (count, thrown) => {
        onDefect(thrown)
        this.#failed(count, unencodableFailure)
      },
      onUnsent: (count, failure) => this.#failed(count, tooLarge(failure)),
    })
    this.#say(headFrame, responder.pairs(this.#call, false))
    void this.#sending.run()
  }

  #failed(count: number, failure: Failure | DomainFailure): void {
    const { onDefect } = this.#init
    this.#failure = failure
    const wire = failureToWire(this.#served.spec, failure, onDefect)
    const trailers = this.#call.reply?.trailers
    this.#last(() => {
      try {
        return failureFrame(count, { ...wire, ran: 'maybe' }, trailers)
      } catch (thrown) {
        onDefect(thrown)
        return failureFrame(count, unencodable, trailers)
      }
    })
  }

  #last(frame: () => string): void {
    if (!this.#over) this.#say(frame())
    this.#end()
  }

  onMessage({ data }: NatsMessage): void {
    this.#pulse.heard()
    try {
      if (data.length > this.#init.maxBodyBytes) this.#receiving?.fail(new CallError(this.#bodyTooLarge()))
      else this.#take(frameIn(textIn(data)), data.length)
    } catch (thrown) {
      if (!(thrown instanceof CallError)) throw thrown
      this.#receiving?.fail(thrown) // the caller's mistake
    }
  }

  #bodyTooLarge(): Failure {
    return failureOf('resource_exhausted', 'BODY_TOO_LARGE', `an item is over ${this.#init.maxBodyBytes} bytes`)
  }

  #take(frame: Frame, bytes: number): void {
    switch (frame.kind) {
      case 'credit':
        this.#credit = Math.max(this.#credit, frame.limit)
        this.#sending?.credit(this.#credit)
        return
      case 'value':
        this.#check(this.#receiving?.take(frame.number, frame.value, bytes))
        return
      case 'end':
        this.#check(this.#receiving?.end(frame.number))
        return
      case 'failure':
        this.#check(this.#receiving?.end(frame.number, { thrown: new CallError(gaveUp) }))
        return
      case 'cancel':
        this.#leave(givenUp)
    }
  }

  #check(wrong: Failure | undefined): void {
    if (wrong !== undefined) this.#receiving?.fail(new CallError(wrong))
  }

  onLost(cause: string): void {
    this.#receiving?.fail(broken(cause))
    this.#leave(failureOf('cancelled', 'CANCELLED', cause))
  }

  cancel(failure: Failure): void {
    this.#call.cancel(failure) // before its stream is closed, which would abandon it
    this.#end()
  }

  announce(): void {
    this.#beat() // says the same, where nothing was said yet
  }

  #leave(failure: Failure): void {
    this.#over = true
    this.#failure = failure
    this.#call.cancel(failure)
    this.#release()
  }

  #end(): void {
    if (this.#over) return
    this.#over = true
    this.#release()
  }

  #release(): void {
    this.#pulse.stop()
    this.#sending?.stop()
    this.#init.line.release(this.#control)
    this.#init.onEnd(this, this.#failure)
  }
}

const unencodableFailure = failureOf('internal', 'UNENCODABLE', 'internal error')

function tooLarge(unsent: Failure): Failure {
  return unsent.reason === 'BODY_TOO_LARGE'
    ? failureOf('resource_exhausted', 'RESPONSE_TOO_LARGE', unsent.message)
    : { ...unsent, ran: 'maybe' }
}

function failureIn(thrown: unknown, onDefect: OnDefect): Failure | DomainFailure {
  if (thrown instanceof CallError) return thrown.failure as Failure | DomainFailure // a call's streams throw nothing else
  onDefect(thrown)
  return failureOf('internal', 'DEFECT', 'internal error')
}
