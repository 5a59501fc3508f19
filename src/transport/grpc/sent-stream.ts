// The request stream of a call as its client sends it: an item when the one before it is on its way, until it ends or the call does.
import type { Channel } from '@grpc/grpc-js'
import { observe } from '../../core/call-error.js'
import { carriedOf } from '../../core/context.js'
import type { Context } from '../../core/index.js'
import { asBuffer } from './as-buffer.js'
import type { MessageCodec } from './message-codec.js'

/** Where a stream goes. */
export interface SentStreamInit {
  readonly grpc: Pick<ReturnType<Channel['createCall']>, 'sendMessageWithContext' | 'halfClose'>
  readonly codec: Pick<MessageCodec, 'encode'>
  readonly context: Context
  /** The caller's stream threw, or gave what cannot be sent: that was told as a defect, and the call is to end. */
  onBroken(): void
}

/** A stream that is being sent. */
export class SentStream {
  readonly #init: SentStreamInit
  #iterator: AsyncIterator<unknown> | undefined
  #onSent: (() => void) | undefined
  #over = false

  constructor(init: SentStreamInit) {
    this.#init = init
  }

  /** Sends all of it. Never rejects. */
  async send(items: AsyncIterable<unknown>): Promise<void> {
    const { grpc, codec, context, onBroken } = this.#init
    const { scope } = carriedOf(context)
    try {
      const iterator = items[Symbol.asyncIterator]()
      this.#iterator = iterator
      while (true) {
        const item = await iterator.next()
        if (this.#over) {
          if (item.done !== true) await iterator.return?.()
          return
        }
        if (item.done === true) {
          this.#iterator = undefined
          grpc.halfClose()
          return
        }
        let bytes: Buffer
        try {
          bytes = asBuffer(codec.encode(item.value))
        } catch (thrown) {
          observe(scope.onDefect, thrown) // the caller's item, not the stream that it came from
          onBroken()
          return
        }
        // One at a time: grpc-js keeps no more than one that waits for a connection.
        await new Promise<void>(resolve => {
          this.#onSent = resolve
          grpc.sendMessageWithContext({ callback: () => resolve() }, bytes)
        })
      }
    } catch (thrown) {
      this.#iterator = undefined
      scope.caught(thrown) // tells of a defect
      onBroken()
    }
  }

  /** The call is over: what is left is not sent, and the caller's stream is closed. */
  end(): void {
    this.#over = true
    this.#onSent?.()
    this.#iterator?.return?.().catch(() => {}) // what it has to say now interests nobody
    this.#iterator = undefined
  }
}
