// One message out and one back, at the caller: told of its answer, so that a call costs one promise.
import {
  type Awaitable,
  type Context,
  type Failure,
  failed,
  failureOf,
  left,
  type Outcome,
  onCancelled,
} from '../../core/index.js'
import { AbandonedCall } from './abandoned-call.js'
import { cancelBody, isAnnouncement } from './announcement.js'
import type { NatsMessage } from './connection.js'
import type { SentHeaders } from './headers.js'
import type { Receiver } from './line.js'
import type { Remote } from './remote.js'

/** What a call is, and what becomes of its answer. */
export interface Reading {
  readonly subject: string
  /** Whether the server may hear that the call is given up. */
  readonly canBeGivenUp: boolean
  /** May not throw. */
  read(message: NatsMessage, context: Context): Awaitable<Outcome>
}

/** Sends a message, and gives what is made of the answer. Never rejects. */
export function unaryCall(
  remote: Remote,
  reading: Reading,
  context: Context,
  sent: { readonly body: Uint8Array; readonly headers: SentHeaders },
): Promise<Outcome> {
  return new Promise(resolve => {
    new UnaryCall(remote, reading, context, resolve).send(sent.body, sent.headers)
  })
}

class UnaryCall implements Receiver {
  readonly #remote: Remote
  readonly #reading: Reading
  readonly #context: Context
  readonly #resolve: (outcome: Awaitable<Outcome>) => void
  #reply = ''
  /** Where the server listens to this call, if it has said so. */
  #control: string | undefined
  #unlink: (() => void) | undefined

  constructor(remote: Remote, reading: Reading, context: Context, resolve: (outcome: Awaitable<Outcome>) => void) {
    this.#remote = remote
    this.#reading = reading
    this.#context = context
    this.#resolve = resolve
  }

  send(body: Uint8Array, headers: SentHeaders): void {
    const { line } = this.#remote
    this.#remote.calls++
    this.#reply = line.register(this)
    const unsent = line.send(this.#reading.subject, body, { reply: this.#reply, headers })
    if (unsent !== undefined) this.#settle(left(unsent))
    else this.#unlink = onCancelled(this.#context, failure => this.#cancel(failure))
  }

  onMessage(message: NatsMessage): void {
    if (isAnnouncement(message)) {
      this.#control = message.reply
      return
    }
    const { subject } = this.#reading
    this.#settle(noResponders(message, subject, this.#remote.peer) ?? this.#reading.read(message, this.#context))
  }

  onLost(cause: string): void {
    const { peer } = this.#remote
    this.#settle(left(failureOf('unavailable', 'CONNECTION_LOST', cause, { peer })))
  }

  /** The call has its outcome already; the server is told, unless it knows the deadline itself. */
  #cancel(failure: Failure): void {
    this.#settle(left(failure))
    if (!this.#reading.canBeGivenUp || failure.code === 'deadline_exceeded') return
    if (this.#control !== undefined) this.#remote.line.send(this.#control, cancelBody)
    else new AbandonedCall(this.#remote, this.#reply, this.#context.clock)
  }

  #settle(outcome: Awaitable<Outcome>): void {
    const remote = this.#remote
    remote.line.release(this.#reply)
    this.#unlink?.()
    this.#resolve(outcome)
    remote.calls--
    remote.left()
  }
}

/** What the broker itself answers with where nobody listens. */
export function noResponders({ headers, data }: NatsMessage, subject: string, peer: string): Outcome | undefined {
  if (headers?.code !== 503 || data.length > 0) return undefined
  return failed('unavailable', 'NO_RESPONDERS', `nobody listens on ${subject}`, { ran: 'no', peer })
}
