// One message out of a stream, from its delivery to what is said of it: done, again later, or never again.

import type { Runtime } from '../../contract/index.js'
import { observe } from '../../core/call-error.js'
import {
  CallError,
  type DomainFailure,
  type Failure,
  failureOf,
  type Incoming,
  incoming,
  isFailure,
  type Outcome,
  type Timer,
} from '../../core/index.js'
import { parseJson } from '../json.js'
import { bodyOf, textIn } from './body.js'
import type { NatsMessage } from './connection.js'
import type { ConsumerSettings, StreamMessage } from './consumer-options.js'
import { headerText } from './failure-message.js'
import { receivedMetadata, SentHeaders } from './headers.js'
import { jetStreamRequest } from './jetstream-request.js'
import type { Line } from './line.js'

const ack = bodyOf('+ACK')
const inProgress = bodyOf('+WPI')
const terminate = bodyOf('+TERM')
/** Give it to another one. */
export const nakNow: Uint8Array = bodyOf('-NAK')

/** What a delivery needs. */
export interface DeliveryInit {
  readonly line: Line
  readonly runtime: Runtime
  readonly settings: ConsumerSettings
  /** How often the server is told that work goes on, in ms. */
  readonly everyMs: number
}

class Message implements StreamMessage {
  readonly subject: string
  readonly bytes: Uint8Array

  constructor({ subject, data }: NatsMessage) {
    this.subject = subject
    this.bytes = data
  }

  text(): string {
    return textIn(this.bytes)
  }

  json(): unknown {
    return parseJson(this.text())
  }
}

export class Delivery {
  readonly #message: NatsMessage
  readonly #init: DeliveryInit
  readonly #reply: string
  /** Which delivery of this message it is, from 1. */
  readonly #attempt: number
  #call: Incoming | undefined
  #timer: Timer | undefined

  constructor(message: NatsMessage, init: DeliveryInit) {
    this.#message = message
    this.#init = init
    this.#reply = message.reply ?? ''
    this.#attempt = deliveriesIn(this.#reply)
  }

  /** Never rejects. */
  async run(): Promise<void> {
    this.#work()
    try {
      const outcome = await this.#outcome()
      if (outcome._tag === 'Right') this.#say(ack)
      else await this.#failed(outcome.left)
    } catch (thrown) {
      this.#init.runtime.onDefect(thrown)
      this.#again(1_000)
    } finally {
      this.#timer?.cancel()
    }
  }

  cancel(): void {
    this.#call?.cancel(failureOf('cancelled', 'CANCELLED', 'the consumer stopped'))
  }

  #work(): void {
    this.#timer = this.#init.runtime.clock.setTimer(() => {
      this.#say(inProgress)
      this.#work()
    }, this.#init.everyMs)
    this.#timer.keepAlive(false)
  }

  #say(word: Uint8Array): void {
    this.#init.line.send(this.#reply, word)
  }

  async #outcome(): Promise<Outcome> {
    const { runtime, settings } = this.#init
    const { clock, onDefect } = runtime
    const { decode, endpoint, deadlineMs, maxDeliver } = settings
    let request: unknown
    try {
      request = await decode(new Message(this.#message))
    } catch (thrown) {
      if (!(thrown instanceof CallError)) throw thrown
      return { _tag: 'Left', left: thrown.failure as Failure } // a CallError carries nothing else
    }
    const metadata = new Map(receivedMetadata(this.#message.headers, Number.POSITIVE_INFINITY))
    const { stream, sequence } = placeIn(this.#reply)
    metadata.set('nats-stream', stream).set('nats-sequence', sequence) // the same at each delivery
    const attempt = this.#attempt
    const maxAttempts = Math.max(attempt, maxDeliver)
    this.#call = incoming({ deadlineMs, metadata, attempt, maxAttempts, transport: 'nats', clock, onDefect })
    return this.#call.run(endpoint, request)
  }

  async #failed(failure: Failure | DomainFailure): Promise<void> {
    const { maxDeliver, retryDelayMs, shouldRetry } = this.#init.settings
    if (shouldRetry(failure) && this.#attempt < maxDeliver) {
      const own = isFailure(failure) ? failure.retryAfterMs : undefined
      this.#again(own ?? retryDelayMs(this.#attempt))
    } else if (await this.#bury(failure)) this.#say(terminate)
    else this.#again(retryDelayMs(this.#attempt))
  }

  #again(delayMs: number): void {
    this.#say(bodyOf(`-NAK ${JSON.stringify({ delay: Math.max(0, Math.round(delayMs * 1e6)) })}`))
  }

  /** Whether the message is where messages go that are given up. */
  async #bury(failure: Failure | DomainFailure): Promise<boolean> {
    const { line, runtime, settings } = this.#init
    const { deadLetter, onDeadLetter } = settings
    const headers: (readonly [string, string])[] = []
    for (const [name, values] of this.#message.headers ?? [])
      if (!name.toLowerCase().startsWith('nats-')) for (const value of values) headers.push([name, value])
    const { stream, sequence } = placeIn(this.#reply)
    headers.push(
      ['Nats-Msg-Id', `dead.${stream}.${sequence}`], // one that was stored, and not terminated, comes again
      ['tenon-dead-subject', this.#message.subject],
      ['tenon-dead-attempts', String(this.#attempt)],
      ['tenon-dead-reason', isFailure(failure) ? failure.reason : failure._tag],
      ['tenon-dead-message', headerText(isFailure(failure) ? failure.message : failure._tag)],
    )
    try {
      const question = { subject: deadLetter, body: this.#message.data, headers: new SentHeaders(headers) }
      await jetStreamRequest(line, question, runtime.clock)
    } catch (cause) {
      runtime.onDefect(new Error('nats: a message could not be given up', { cause }))
      return false
    }
    if (onDeadLetter !== undefined) observe(onDeadLetter, failure, new Message(this.#message))
    return true
  }
}

/** `$JS.ACK.<stream>.<consumer>.<deliveries>.<sequence>.…`, with domain and account hash before the stream on newer servers. */
function ackParts(reply: string): readonly string[] {
  const parts = reply.split('.')
  return parts.length >= 11 ? [...parts.slice(0, 2), ...parts.slice(4)] : parts
}

function placeIn(reply: string): { readonly stream: string; readonly sequence: string } {
  const [, , stream = '', , , sequence = ''] = ackParts(reply)
  return { stream, sequence }
}

function deliveriesIn(reply: string): number {
  const count = Number(ackParts(reply)[4])
  return Number.isInteger(count) && count > 0 ? count : 1
}
