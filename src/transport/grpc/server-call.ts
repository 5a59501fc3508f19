// One call as the server sees it, from its headers to its status, at the level below grpc-js' own handlers: these put a Node stream
// around each call, which costs more than all that is here, and answer some failures without a reason.
import { Metadata as GrpcMetadata, type ServerInterceptingCallInterface } from '@grpc/grpc-js'
import {
  CallError,
  type Clock,
  type DomainFailure,
  type Failure,
  type Incoming,
  incoming,
  type OnDefect,
  type Outcome,
  onCancelled,
  type Peer,
  type Starter,
} from '../../core/index.js'
import type { Linked } from '../linked-calls.js'
import { attemptsFrom } from '../wire-headers.js'
import { isCutOff } from './cut-off.js'
import { Messages } from './messages.js'
import { entryOf, headersOf, receivedMetadata, trailersOf } from './metadata.js'
import type { Route } from './route.js'
import { sentStatus } from './sent-failure.js'
import { cutOff, failureIn, gone, late, tooFew, tooMany, unencodable } from './server-failures.js'
import { decoded, encoded } from './server-message.js'
import { Unsent } from './unsent.js'

/** What all calls of a server share. */
export interface ServerCallInit {
  readonly clock: Clock
  readonly onDefect: OnDefect
  /** The most bytes of a message. */
  readonly maxMessageBytes: number
  /** Who calls. */
  peerOf(call: ServerInterceptingCallInterface): Peer
  began(call: ServerCall): void
  ended(call: ServerCall): void
}

const nothing = (): void => {}

/** A call that came in. */
export class ServerCall implements Starter, Linked<ServerCall> {
  newer: ServerCall | undefined = undefined
  older: ServerCall | undefined = undefined
  readonly #route: Route
  readonly #grpc: ServerInterceptingCallInterface
  readonly #init: ServerCallInit
  readonly #unsent: Unsent = new Unsent()
  #call: Incoming | undefined
  /** The request of a method that takes one. */
  #message: Buffer | undefined
  /** The request of a method that takes a stream. */
  #requests: Messages | undefined
  /** Nothing more can be sent. */
  #over = false

  constructor(route: Route, grpc: ServerInterceptingCallInterface, init: ServerCallInit) {
    this.#route = route
    this.#grpc = grpc
    this.#init = init
    init.began(this)
    grpc.start(this)
  }

  get peer(): Peer {
    return this.#init.peerOf(this.#grpc)
  }

  onReceiveMetadata(metadata: GrpcMetadata): void {
    const { clock, onDefect } = this.#init
    const { deadlineMs, maxDeadlineMs, requestStreamed } = this.#route
    const get = (name: string): string | undefined => entryOf(metadata, name)
    const until = Number(this.#grpc.getDeadline())
    const leftMs = until === Number.POSITIVE_INFINITY ? deadlineMs : until - Date.now() // on grpc-js' clock
    try {
      this.#call = incoming({
        deadlineMs: Math.min(leftMs, maxDeadlineMs),
        ...attemptsFrom(get),
        metadata: () => receivedMetadata(metadata),
        transport: 'grpc',
        from: this,
        clock,
        onDefect,
      })
    } catch (thrown) {
      this.#fail(this.#refusal(thrown))
      return
    }
    if (!requestStreamed) {
      this.#grpc.startRead()
      return
    }
    this.#requests = new Messages({
      pull: () => this.#grpc.startRead(),
      decode: bytes => decoded(this.#route, this.#init, bytes),
      onLeft: nothing,
    })
    this.#call.start(this.#route.endpoint, this.#requests, this)
  }

  onReceiveMessage(bytes: Buffer): void {
    if (this.#requests !== undefined) this.#requests.take(bytes)
    else if (this.#message !== undefined) this.#fail(tooMany)
    else {
      this.#message = bytes
      this.#grpc.startRead()
    }
  }

  onReceiveHalfClose(): void {
    if (this.#requests !== undefined) {
      // A caller on Node that gives its stream up sends the end first, and the reset right behind it: a handler that took the one for
      // the other would go on with a part.
      const cut = isCutOff(this.#grpc)
      setImmediate(() =>
        setImmediate(() => {
          if (cut) this.#requests?.fail(new CallError<never>(cutOff))
          else this.#requests?.end()
        }),
      )
      return
    }
    if (this.#message === undefined) {
      this.#fail(isCutOff(this.#grpc) ? cutOff : tooFew)
      return
    }
    let message: unknown
    try {
      message = decoded(this.#route, this.#init, this.#message)
    } catch (thrown) {
      this.#fail(this.#refusal(thrown))
      return
    }
    this.#call?.start(this.#route.endpoint, message, this)
  }

  /** The stream is over: with our status, or because the caller is gone. */
  onCancel(): void {
    if (!this.#over) this.cancel(Date.now() >= Number(this.#grpc.getDeadline()) ? late : gone)
  }

  /** Ends the call, of which nobody hears any more. */
  cancel(failure: Failure): void {
    if (this.#over) return
    this.#end()
    this.#call?.cancel(failure)
    this.#requests?.fail(new CallError(failure))
  }

  onOutcome(outcome: Outcome): void {
    const { responseStreamed } = this.#route
    const reply = responseStreamed ? this.#call?.context.reply : this.#call?.reply // of a stream, the handler still runs
    reply?.close()
    if (this.#over) {
      if (outcome._tag === 'Right' && responseStreamed) leave(outcome.right)
      return
    }
    const headers = headersOf(reply, this.#init.onDefect)
    // Headers by themselves begin a stream, which would be given to the caller: a failure instead of one has them beside its status.
    if (outcome._tag === 'Left' && responseStreamed) {
      this.#fail(outcome.left, headers)
      return
    }
    if (headers !== undefined) this.#grpc.sendMetadata(headers)
    if (outcome._tag === 'Left') this.#fail(outcome.left)
    else if (responseStreamed) {
      // At once, before the first item: a caller need not wait for that to know that its call was taken.
      if (headers === undefined) this.#grpc.sendMetadata(new GrpcMetadata())
      void this.#stream(outcome.right as AsyncIterable<unknown>) // a streaming method
    } else this.#respond(outcome.right)
  }

  #respond(message: unknown): void {
    let bytes: Buffer
    try {
      bytes = encoded(this.#route, this.#init, message)
    } catch {
      this.#fail(unencodable)
      return
    }
    this.#grpc.sendMessage(bytes, nothing)
    this.#succeed()
  }

  async #stream(items: AsyncIterable<unknown>): Promise<void> {
    const { context } = this.#call as Incoming // it has run
    const unlink = onCancelled(context, () => this.#unsent.release()) // a reader that is too slow waits for nothing
    try {
      for await (const item of items) {
        if (this.#over) return
        const bytes = encoded(this.#route, this.#init, item)
        this.#grpc.sendMessage(bytes, this.#unsent.add(bytes.length))
        await this.#unsent.room()
        if (this.#over) return
      }
    } catch (thrown) {
      this.#fail(failureIn(thrown, this.#init.onDefect))
      return
    } finally {
      unlink()
    }
    this.#succeed()
  }

  /** What was thrown before anything ran. */
  #refusal(thrown: unknown): Failure {
    const failure = failureIn(thrown, this.#init.onDefect)
    return { ...(failure as Failure), ran: 'no' } // decoding throws no domain failures
  }

  #succeed(): void {
    if (this.#over) return
    this.#end()
    const trailers = trailersOf(this.#call?.reply, this.#init.onDefect)
    this.#grpc.sendStatus({ code: 0, details: '', metadata: trailers ?? null })
  }

  #fail(failure: Failure | DomainFailure, headers?: GrpcMetadata): void {
    if (this.#over) return
    this.#end()
    const { onDefect } = this.#init
    const own = trailersOf(this.#call?.reply, onDefect)
    const trailers = headers ?? own
    if (headers !== undefined && own !== undefined) headers.merge(own)
    this.#grpc.sendStatus(sentStatus(failure, this.#route, { trailers, onDefect }))
  }

  #end(): void {
    this.#over = true
    this.#unsent.release()
    this.#init.ended(this)
  }
}

/** A response stream that will not be sent is left: its call would go on until its deadline. */
function leave(items: unknown): void {
  void (items as AsyncIterableIterator<unknown>).return?.() // the streams of a call are iterators, and never reject
}
