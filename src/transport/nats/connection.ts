// What is needed of a connection to NATS, as a structure that `NatsConnection` has in `nats` 2 and in `@nats-io/transport-node` 3
// alike: the user opens it, with the library, credentials and options of their choice, and neither library is imported here.

/** Headers of a message. Those that are sent have an `encode` besides, which is all that either library asks of them. */
export type NatsHeaders = Iterable<[name: string, values: string[]]>

/** Headers that came with a message. `code` is 0, or the status that the server itself answered with: 503 for nobody listening. */
export type ReceivedHeaders = NatsHeaders & { readonly code: number }

/** A message that came in. */
export interface NatsMessage {
  readonly subject: string
  /** Where an answer is expected; absent or empty where none is. */
  readonly reply?: string
  readonly data: Uint8Array
  readonly headers?: ReceivedHeaders
  /** Answers it; false where no answer is expected. */
  respond(payload?: Uint8Array, options?: NatsPublishOptions): boolean
}

/** What stands for interest in a subject. */
export interface NatsSubscription {
  /** No message after this one. */
  unsubscribe(): void
  /** No new messages; resolves when those that were on their way have come. */
  drain(): Promise<void>
}

/** A connection to NATS: that of `nats` 2, of `@nats-io/transport-node` 3, or of anything else that has these members. */
export interface NatsConnection {
  /** What the server said of itself; undefined while there is none. */
  readonly info?: { readonly max_payload: number } | undefined
  /** Sends a message; throws where that cannot be. */
  publish(subject: string, payload?: Uint8Array, options?: NatsPublishOptions): void
  /** Has messages to a subject come, from now on. */
  subscribe(subject: string, options?: NatsSubscribeOptions): NatsSubscription
  /** Resolves when the server has taken all that was sent before. */
  flush(): Promise<void>
  /** Whether it is closed for good. */
  isClosed(): boolean
  /** Whether it is about to close, and takes nothing new. */
  isDraining(): boolean
  /** Resolves when it is closed for good. */
  closed(): Promise<unknown>
  /** What becomes of it: `disconnect` and `reconnect` among other things. */
  status(): AsyncIterable<{ readonly type: string }>
  /** `127.0.0.1:4222` */
  getServer(): string
}

/** Options of publishing. */
export interface NatsPublishOptions {
  /** Where an answer is expected. */
  readonly reply?: string
  /** What goes beside the message. */
  readonly headers?: NatsHeaders
}

/** Options of subscribing. */
export interface NatsSubscribeOptions {
  /** Of all subscriptions in one queue group, one gets each message. */
  readonly queue?: string
  /** Told of each message, in order. May not throw: the libraries' readers would end. */
  readonly callback?: (error: Error | null, message: NatsMessage) => void
}
