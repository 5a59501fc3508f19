// What may be set on a consumer, and what it is when it is not.
import type { Awaitable, Context, DomainFailure, Endpoint, Failure } from '../../core/index.js'

/** A message as it is decoded. */
export interface StreamMessage {
  readonly subject: string
  readonly bytes: Uint8Array
  /** The body as text. Throws a `CallError`: `MALFORMED_BODY`. */
  text(): string
  /** The body as JSON of at most 64 levels. Throws as {@link text}. */
  json(): unknown
}

/** Options of {@link consumer}. */
export interface ConsumerOptions<Req> {
  /** The stream, which exists. */
  readonly stream: string
  /** The durable consumer of that stream, which exists and wants explicit acknowledgements. */
  readonly durable: string
  /**
   * What is done with each message. Redelivered ones have `context.attempt` above 1, and `context.metadata` has `nats-stream` and
   * `nats-sequence`, the message's place, which is the same at each delivery, beside the headers that it was published with.
   */
  readonly endpoint: Endpoint<Req, unknown, DomainFailure, Context>
  /**
   * Where messages go that are given up: those that fail for good, and those that failed `maxDeliver` times. A stream has to take this
   * subject: a message that cannot be stored there is not given up.
   */
  readonly deadLetter: string
  /** Throw a `CallError` for a message that is wrong: it is given up. @defaultValue its JSON, validated only where a `method` says how */
  readonly decode?: (message: StreamMessage) => Awaitable<Req>
  /** How many messages are handled at once. @defaultValue 16 */
  readonly maxConcurrent?: number
  /** How often a message is tried; the consumer's own `max_deliver` must be unlimited or higher. @defaultValue 5 */
  readonly maxDeliver?: number
  /** How long handling one message may take, in ms. @defaultValue 30 000 */
  readonly deadlineMs?: number
  /** How long to wait before the next attempt, in ms, unless the failure says. @defaultValue 1 000, doubled each time, up to 60 000 */
  readonly retryDelayMs?: (attempt: number) => number
  /** Whether a failure may pass at another attempt. @defaultValue `unavailable`, `deadline_exceeded`, `internal` and the like may; domain failures and wrong requests may not */
  readonly shouldRetry?: (failure: Failure | DomainFailure) => boolean
  /** Told of each message that is given up. @defaultValue nobody */
  readonly onDeadLetter?: (failure: Failure | DomainFailure, message: StreamMessage) => void
  /** What inboxes begin with, as on the connection. @defaultValue '_INBOX' */
  readonly inboxPrefix?: string
}

/** {@link ConsumerOptions}, each with a value. */
export interface ConsumerSettings
  extends Required<Omit<ConsumerOptions<unknown>, 'inboxPrefix' | 'onDeadLetter'>>,
    Pick<ConsumerOptions<unknown>, 'onDeadLetter'> {}
