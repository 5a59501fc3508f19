// One call with a stream in it, at the caller. Until the server has said where it listens to this call, only `cancel` can be said.
import { failureFromWire, type MethodSpec } from '../../contract/index.js'
import { observe } from '../../core/call-error.js'
import { carriedOf } from '../../core/context.js'
import {
  type Awaitable,
  CallError,
  type Context,
  type DomainFailure,
  type Failure,
  failureOf,
  isFailure,
  left,
  type Outcome,
  onCancelled,
  right,
} from '../../core/index.js'
import { jsonText } from '../json.js'
import { gaveUp } from '../request-stream.js'
import { AbandonedCall } from './abandoned-call.js'
import { bodyOf, emptyBody, textIn } from './body.js'
import type { NatsMessage } from './connection.js'
import { failureIn } from './failure-message.js'
import { cancelFrame, creditFrame, endFrame, type Frame, failureFrame, frameIn } from './frame.js'
import { creditHeader, requestHeaders, type SentHeaders, takeReply } from './headers.js'
import { IncomingItems } from './incoming-items.js'
import type { Receiver } from './line.js'
import { OutgoingItems } from './outgoing-items.js'
import { Pulse } from './pulse.js'
import type { Remote } from './remote.js'
import { noResponders } from './unary-call.js'

export class StreamCall implements Receiver {
  readonly #remote: Remote
  readonly #spec: MethodSpec
  readonly #context: Context
  #reply = ''
  /** Where the server listens to this call. */
  #control: string | undefined
  #sending: OutgoingItems | undefined
  #receiving: IncomingItems | undefined
  #pulse: Pulse | undefined
  #unlink: (() => void) | undefined
  #resolve: ((outcome: Awaitable<Outcome>) => void) | undefined
  #over = false

  constructor(remote: Remote, spec: MethodSpec, context: Context) {
    this.#remote = remote
    this.#spec = spec
    this.#context = context
  }

  run(subject: string, request: unknown): Awaitable<Outcome> {
    const { windowBytes, heartbeatMs, line } = this.#remote
    const { streamed } = this.#spec.request
    let headers: SentHeaders
    let body: Uint8Array
    try {
      const credit = this.#spec.response.streamed ? windowBytes : 0
      headers = requestHeaders(this.#context, [[creditHeader, String(credit)]])
      body = streamed ? emptyBody : bodyOf(jsonText(request))
    } catch (thrown) {
      if (!(thrown instanceof CallError)) throw thrown
      return left({ ...(thrown.failure as Failure), ran: 'no' }) // encoding throws no domain failures
    }
    return new Promise(resolve => {
      this.#resolve = resolve
      this.#remote.calls++
      this.#reply = line.register(this)
      this.#unlink = onCancelled(this.#context, failure => this.#giveUp(failure))
      if (this.#over) return
      this.#pulse = new Pulse(this.#context.clock, heartbeatMs, {
        beat: () => this.#beat(),
        dead: () => this.#giveUp(this.#broken('nothing was heard from the server for too long')),
      })
      if (streamed) this.#sending = this.#outgoing(request as AsyncIterable<unknown>) // a streaming method's request
      const unsent = line.send(subject, body, { reply: this.#reply, headers })
      if (unsent !== undefined) this.#end(left(unsent))
      else void this.#sending?.run()
    })
  }

  #outgoing(items: AsyncIterable<unknown>): OutgoingItems {
    const { scope } = carriedOf(this.#context)
    return new OutgoingItems(items, 0, {
      send: body => this.#remote.line.send(this.#control ?? '', body), // no credit comes before the server says where it listens
      taken: () => this.#remote.line.taken(),
      onEnd: count => this.#say(endFrame(count)),
      onThrown: (count, thrown) => {
        scope.caught(thrown) // tells of a defect
        this.#say(failureFrame(count, gaveUp))
      },
      onUnwritable: (count, thrown) => {
        observe(scope.onDefect, thrown) // the caller's item, not the stream that it came from
        this.#say(failureFrame(count, gaveUp))
      },
      onUnsent: (_, failure) => this.#giveUp({ ...failure, ran: 'maybe' }),
    })
  }

  #say(frame: string): void {
    if (this.#control !== undefined) this.#remote.line.send(this.#control, bodyOf(frame))
  }

  #beat(): void {
    this.#say(creditFrame(this.#receiving?.limit ?? 0))
  }

  #broken(message: string): Failure {
    return failureOf('unavailable', 'STREAM_BROKEN', message, { peer: this.#remote.peer })
  }

  onMessage(message: NatsMessage): void {
    this.#pulse?.heard()
    try {
      this.#take(message)
    } catch (thrown) {
      if (!(thrown instanceof CallError) || !isFailure(thrown.failure)) throw thrown
      const { peer } = this.#remote
      const what = `${peer} answered with something else: ${thrown.failure.message}`
      this.#giveUp(failureOf('internal', 'UNEXPECTED_RESPONSE', what, { peer }))
    }
  }

  #take(message: NatsMessage): void {
    const { headers, reply } = message
    if (reply !== undefined && reply !== '') this.#control ??= reply
    const { service, name } = this.#spec.info
    const { peer } = this.#remote
    const failed = noResponders(message, `${service}.${name}`, peer) ?? failureIn(message, this.#spec, peer)
    if (headers !== undefined && this.#receiving === undefined) takeReply(this.#context.reply, headers)
    if (failed !== undefined) this.#end(failed)
    else this.#takeFrame(frameIn(textIn(message.data)), message.data.length)
  }

  #takeFrame(frame: Frame, bytes: number): void {
    switch (frame.kind) {
      case 'credit':
        this.#sending?.credit(frame.limit)
        return
      case 'leave':
        this.#sending?.stop()
        return
      case 'head':
        this.#begin()
        return
      case 'value':
        if (!this.#spec.response.streamed) this.#end(right(frame.value))
        else this.#check(this.#receiving?.take(frame.number, frame.value, bytes))
        return
      case 'end':
        this.#check(this.#receiving?.end(frame.number, { reached: () => this.#takeTrailers(frame.trailers) }))
        this.#end()
        return
      case 'failure':
        void this.#takeFailure(frame)
    }
  }

  #begin(): void {
    if (this.#receiving !== undefined || !this.#spec.response.streamed) return
    this.#receiving = new IncomingItems({
      windowBytes: this.#remote.windowBytes,
      onCredit: limit => this.#say(creditFrame(limit)),
      onLeft: () => this.#giveUp(gaveUp),
    })
    this.#settle(right(this.#receiving))
  }

  async #takeFailure({ failure, number, trailers }: Extract<Frame, { kind: 'failure' }>): Promise<void> {
    const read: Failure | DomainFailure = await failureFromWire(this.#spec, failure, this.#remote.peer)
    const reached = (): void => this.#takeTrailers(trailers)
    this.#check(this.#receiving?.end(number, { thrown: new CallError(read), reached }))
    this.#end(left(read))
  }

  #takeTrailers(trailers: Readonly<Record<string, string>>): void {
    for (const [name, value] of Object.entries(trailers)) {
      try {
        this.#context.reply.trailer(name, value)
      } catch {
        // one that cannot be metadata is left out, as with headers
      }
    }
  }

  #check(wrong: Failure | undefined): void {
    if (wrong !== undefined)
      this.#giveUp({ ...wrong, code: 'unavailable', reason: 'STREAM_BROKEN', peer: this.#remote.peer })
  }

  onLost(cause: string): void {
    const { peer } = this.#remote
    const isBegun = this.#receiving !== undefined
    this.#giveUp(isBegun ? this.#broken(cause) : failureOf('unavailable', 'CONNECTION_LOST', cause, { peer }))
  }

  /** The call ends before its answer has. */
  #giveUp(failure: Failure): void {
    if (this.#over) return
    this.#say(cancelFrame)
    this.#receiving?.fail(new CallError(failure))
    this.#end(left(failure))
    if (this.#control === undefined) new AbandonedCall(this.#remote, this.#reply, this.#context.clock)
  }

  #end(outcome?: Awaitable<Outcome>): void {
    if (this.#over) return
    this.#over = true
    this.#remote.line.release(this.#reply)
    this.#unlink?.()
    this.#pulse?.stop()
    this.#sending?.stop()
    if (outcome !== undefined) this.#settle(outcome)
    this.#remote.calls--
    this.#remote.left()
  }

  #settle(outcome: Awaitable<Outcome>): void {
    this.#resolve?.(outcome)
    this.#resolve = undefined
  }
}
