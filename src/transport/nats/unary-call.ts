// One call with one message each way, at the caller: told of its answer, so that a call costs one promise.
import type { MethodSpec } from '../../contract/index.js'
import {
  type Awaitable,
  CallError,
  type Context,
  type Failure,
  failureOf,
  isFailure,
  left,
  type Outcome,
  onCancelled,
  right,
} from '../../core/index.js'
import { jsonText, parseJson } from '../json.js'
import { bodyOf, textIn } from './body.js'
import { cancelSubject } from './cancel-subject.js'
import type { NatsMessage } from './connection.js'
import { failureIn } from './failure-message.js'
import { requestHeaders, type SentHeaders, takeReply } from './headers.js'
import type { Receiver } from './line.js'
import type { Remote } from './remote.js'

export class UnaryCall implements Receiver {
  readonly #remote: Remote
  readonly #spec: MethodSpec
  readonly #context: Context
  #reply = ''
  #unlink: (() => void) | undefined
  #resolve: ((outcome: Awaitable<Outcome>) => void) | undefined

  constructor(remote: Remote, spec: MethodSpec, context: Context) {
    this.#remote = remote
    this.#spec = spec
    this.#context = context
  }

  run(subject: string, request: unknown): Awaitable<Outcome> {
    let headers: SentHeaders
    let body: Uint8Array
    try {
      headers = requestHeaders(this.#context)
      body = bodyOf(jsonText(request))
    } catch (thrown) {
      if (!(thrown instanceof CallError)) throw thrown
      return left({ ...(thrown.failure as Failure), ran: 'no' }) // encoding throws no domain failures
    }
    return new Promise(resolve => {
      this.#resolve = resolve
      const { line } = this.#remote
      this.#remote.calls++
      this.#reply = line.register(this)
      const unsent = line.send(subject, body, { reply: this.#reply, headers })
      if (unsent !== undefined) this.#settle(left(unsent))
      else this.#unlink = onCancelled(this.#context, failure => this.#cancel(failure))
    })
  }

  onMessage(message: NatsMessage): void {
    this.#settle(this.#outcomeIn(message))
  }

  #outcomeIn(message: NatsMessage): Awaitable<Outcome> {
    const { peer } = this.#remote
    try {
      const { headers } = message
      if (headers !== undefined) takeReply(this.#context.reply, headers)
      return failureIn(message, this.#spec, peer) ?? right(parseJson(textIn(message.data)))
    } catch (thrown) {
      if (!(thrown instanceof CallError) || !isFailure(thrown.failure)) throw thrown
      const { message: wrong } = thrown.failure
      return left(
        failureOf('internal', 'UNEXPECTED_RESPONSE', `${peer} answered with something else: ${wrong}`, { peer }),
      )
    }
  }

  onLost(cause: string): void {
    const { peer } = this.#remote
    this.#settle(left(failureOf('unavailable', 'CONNECTION_LOST', cause, { peer })))
  }

  /** The call has its outcome already; the server is told, unless it knows the deadline itself. */
  #cancel(failure: Failure): void {
    const { line } = this.#remote
    if (failure.code !== 'deadline_exceeded') line.send(cancelSubject(this.#spec.info.service), bodyOf(this.#reply))
    this.#settle(left(failure))
  }

  #settle(outcome: Awaitable<Outcome>): void {
    const remote = this.#remote
    remote.line.release(this.#reply)
    this.#unlink?.()
    this.#resolve?.(outcome)
    if (--remote.calls === 0) remote.onIdle?.()
  }
}
