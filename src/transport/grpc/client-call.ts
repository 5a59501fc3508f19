// One call as the client sees it, from its request to its status, at the level of grpc-js' channel: the client around that makes an
// error with a stack for each call, and a Node stream for each stream.
import type { Channel, Metadata as GrpcMetadata, StatusObject } from '@grpc/grpc-js'
import {
  type Awaitable,
  CallError,
  type Code,
  type Context,
  type DomainFailure,
  type Failure,
  failureOf,
  left,
  type Outcome,
  onCancelled,
  right,
} from '../../core/index.js'
import { isCutOff } from './cut-off.js'
import type { MessageCodec } from './message-codec.js'
import { Messages } from './messages.js'
import { takeReply } from './metadata.js'
import { atReadersPace } from './reader-pace.js'
import { type Called, receivedFailure } from './received-failure.js'
import type { Remote } from './remote.js'
import { SentStream } from './sent-stream.js'

/** What is called, worked out once. */
export interface CalledMethod extends Pick<Called, 'spec' | 'failures' | 'isRequestStreamed' | 'isResponseStreamed'> {
  /** `/shop.v1.Orders/Get` */
  readonly path: string
  readonly request: Pick<MessageCodec, 'encode'>
  readonly response: Pick<MessageCodec, 'decode'>
}

type GrpcCall = ReturnType<Channel['createCall']>

const cancelledCode = 1
/** A server whose clock for the deadline is a little ahead resets the stream, as grpc-go's does, just before ours ends the call. */
const deadlineSlackMs = 20
const late = failureOf('deadline_exceeded', 'DEADLINE_EXCEEDED', 'the call took longer than its deadline allows')
const gaveUp = failureOf('cancelled', 'CANCELLED', 'the caller gave up its stream')

/** A call that is being made. */
export class ClientCall {
  readonly #method: CalledMethod
  readonly #remote: Remote
  readonly #context: Context
  readonly #grpc: GrpcCall
  #resolve: ((outcome: Awaitable<Outcome>) => void) | undefined
  #unlink: (() => void) | undefined
  #hasHeaders = false
  /** The response of a method that gives one. */
  #message: Buffer | undefined
  #wasAnswered = false
  /** The response of a method that gives a stream, once there is one. */
  #items: Messages | undefined
  /** What reads them. */
  #reading: object | undefined
  /** The request of a method that takes a stream. */
  #requests: SentStream | undefined
  #over = false

  constructor(method: CalledMethod, remote: Remote, context: Context, channel: Channel) {
    this.#method = method
    this.#remote = remote
    this.#context = context
    this.#grpc = channel.createCall(method.path, Number.POSITIVE_INFINITY, null, null, null)
  }

  /** Sends the request, which is bytes or a stream of messages. Never rejects. */
  run(metadata: GrpcMetadata, request: Buffer | AsyncIterable<unknown>): Promise<Outcome> {
    return new Promise(resolve => {
      this.#resolve = resolve
      this.#unlink = onCancelled(this.#context, failure => this.#stop(failure))
      if (this.#over) return
      this.#grpc.start(metadata, this)
      if (!this.#method.isResponseStreamed) this.#grpc.startRead()
      if (Buffer.isBuffer(request)) {
        this.#grpc.sendMessageWithContext({}, request)
        this.#grpc.halfClose()
      } else {
        this.#requests = new SentStream({
          grpc: this.#grpc,
          codec: this.#method.request,
          context: this.#context,
          onBroken: () => this.#stop(gaveUp),
        })
        void this.#requests.send(request)
      }
    })
  }

  onReceiveMetadata(metadata: GrpcMetadata): void {
    if (this.#over) return
    this.#hasHeaders = true
    if (this.#method.isResponseStreamed) this.#reading = atReadersPace(this.#grpc)
    takeReply(metadata, this.#context.reply, 'header')
    if (!this.#method.isResponseStreamed) return
    const items = new Messages({
      pull: () => this.#grpc.startRead(),
      decode: bytes => this.#decoded(bytes),
      onLeft: () => this.#leave(),
    })
    this.#items = items
    this.#settle(right(items))
  }

  onReceiveMessage(bytes: Buffer): void {
    if (this.#items !== undefined) {
      this.#items.take(bytes)
      return
    }
    if (this.#wasAnswered) {
      this.#stop(this.#unexpected('with more than one message', { code: 'unimplemented' }))
      return
    }
    this.#wasAnswered = true
    this.#message = bytes
    this.#grpc.startRead() // the end comes after it
  }

  onReceiveStatus(status: StatusObject): void {
    if (this.#over) return
    // Without headers of their own, they and the trailers are one.
    if (!this.#hasHeaders) takeReply(status.metadata, this.#context.reply, 'header')
    takeReply(status.metadata, this.#context.reply, 'trailer')
    if (
      status.code === cancelledCode &&
      status.details === 'Call cancelled' &&
      this.#context.remainingMs < deadlineSlackMs
    ) {
      this.#end()
      this.#failed(late)
      return
    }
    if (status.code !== 0) {
      const failure = receivedFailure(status, {
        ...this.#method,
        peer: this.#remote.peer,
        hasHeaders: this.#hasHeaders,
        maxMessageBytes: this.#remote.maxMessageBytes,
      })
      this.#end()
      if (failure instanceof Promise) void failure.then(known => this.#failed(known))
      else this.#failed(failure)
      return
    }
    this.#end()
    if (this.#reading !== undefined && isCutOff(this.#reading))
      this.#failed(this.#unexpected('with a message that is cut off'))
    else if (this.#items !== undefined) this.#items.end()
    else if (this.#method.isResponseStreamed) this.#settle(right(ended()))
    else this.#settle(this.#whole())
  }

  #whole(): Outcome {
    if (this.#message === undefined) return left(this.#unexpected('without a message', { code: 'unimplemented' }))
    try {
      return right(this.#decoded(this.#message))
    } catch (thrown) {
      return left((thrown as CallError).failure) // decoding throws nothing else
    }
  }

  #decoded(bytes: Buffer): unknown {
    try {
      return this.#method.response.decode(bytes)
    } catch (cause) {
      throw new CallError<never>(this.#unexpected('with a message that cannot be read', { cause }))
    }
  }

  /** gRPC says `unimplemented` where there are not as many messages as a method has. */
  #unexpected(
    how: string,
    { code = 'internal', cause }: { readonly code?: Code; readonly cause?: unknown } = {},
  ): Failure {
    const { peer } = this.#remote
    return failureOf(code, 'UNEXPECTED_RESPONSE', `${peer} answered ${how}`, { peer, cause })
  }

  /** The call ended early, or its answer makes no sense. */
  #stop(failure: Failure): void {
    if (this.#over) return
    this.#leave(failure.message)
    this.#failed(failure)
  }

  /** Nobody wants the rest. */
  #leave(why = 'the reader left the stream'): void {
    if (this.#over) return
    this.#end()
    this.#grpc.cancelWithStatus(cancelledCode, why)
  }

  #failed(failure: Failure | DomainFailure): void {
    this.#settle(left(failure))
    this.#items?.fail(new CallError(failure))
  }

  #end(): void {
    this.#over = true
    this.#unlink?.()
    this.#remote.ended()
    this.#requests?.end()
  }

  #settle(outcome: Outcome): void {
    this.#resolve?.(outcome)
    this.#resolve = undefined
  }
}

async function* ended(): AsyncGenerator<never, void, undefined> {}
