// An endpoint that puts a message into a JetStream stream, and succeeds when that has stored it. The acknowledgement is an answer like any
// other, so that one inbox serves for it too, and neither library's JetStream is needed.
import type { AnyMethod, RequestInput } from '../../contract/index.js'
import {
  type Awaitable,
  CallError,
  type Context,
  type Endpoint,
  type Failure,
  failed,
  failureOf,
  fromRemote,
  isFailure,
  left,
  type MethodInfo,
  type Outcome,
  right,
} from '../../core/index.js'
import { wrongEntry } from '../../core/metadata.js'
import { codeOf } from '../code-of-status.js'
import { jsonText, parseJson } from '../json.js'
import { bodyOf, textIn } from './body.js'
import type { NatsMessage } from './connection.js'
import type { NatsTarget } from './endpoint.js'
import { type Pair, requestHeaders } from './headers.js'
import { fieldsOf } from './json-fields.js'
import { type NatsClientOptions, Remote } from './remote.js'
import { checkedSubject } from './subject.js'
import { unaryCall } from './unary-call.js'

/** What became of a message that was published. */
export interface Published {
  readonly stream: string
  /** Its place in the stream. */
  readonly sequence: number
  /** Whether the stream had a message of this id already, and kept that one. */
  readonly duplicate: boolean
}

/** Options of {@link publisher}. */
export interface PublisherOptions<Req> extends Pick<NatsClientOptions, 'maxCalls' | 'inboxPrefix'> {
  /**
   * The id by which the stream knows a message that comes twice, within its `duplicate_window` (2 minutes, unless it says otherwise): a
   * function of what happened, such as `order => order.id`, and never a fresh one, so that each attempt has the same.
   * @defaultValue none: then publishing is unsafe, and `retry` does not repeat it
   */
  readonly messageId?: (message: Req) => string
  /** The body. @defaultValue its JSON, dates, bytes and large numbers as over HTTP */
  readonly encode?: (message: Req) => string | Uint8Array
}

/** Messages that are a contract's: those who take them have its types, and validate by its schema. */
export interface OfMethod<M extends AnyMethod> {
  /** The method whose request a message is, `Orders.methods.place`; no stream. */
  readonly method: M
}

/** An endpoint that publishes. */
export type Publisher<Req> = Endpoint<Req, Published> & {
  /** Lets go of its inbox, when its calls have ended. Calls after it fail with `CLIENT_CLOSED`. */
  close(): Promise<void>
}

/**
 * An endpoint that publishes to `subject`, and succeeds when a stream has acknowledged the message. Fails with `NO_RESPONDERS`
 * (`ran: 'no'`) where no stream takes the subject, with `NOT_STORED` where it refuses, and as any call over NATS otherwise; after
 * `DEADLINE_EXCEEDED` and `CONNECTION_LOST` the message may have been stored: publish it again with the same id. Put
 * `tracing(tracer, { kind: 'producer' })` around it, and `retry` around that. Throws `TypeError` for a subject that is none.
 * With `method` the message is the request of a contract's method, which whoever consumes it validates, as any receiver does.
 */
export function publisher<M extends AnyMethod>(
  target: NatsTarget,
  options: PublisherOptions<RequestInput<M>> & OfMethod<M>,
): Publisher<RequestInput<M>>
export function publisher<Req>(target: NatsTarget, options?: PublisherOptions<Req>): Publisher<Req>
export function publisher<Req>(
  { connection, subject }: NatsTarget,
  options: PublisherOptions<Req> = {},
): Publisher<Req> {
  const { messageId, encode = jsonText } = options
  checkedSubject(subject)
  const remote = new Remote(connection, options)
  const read = (message: NatsMessage): Outcome => publishedIn(message, remote.peer)
  const reading = { subject, canBeGivenUp: false, read }
  const run = (request: Req, context: Context): Awaitable<Outcome> => {
    const refusal = remote.refusal()
    if (refusal !== undefined) return left(refusal)
    try {
      const encoded = encode(request)
      const id: Pair[] = messageId === undefined ? [] : [['Nats-Msg-Id', checkedId(messageId(request))]]
      const body = typeof encoded === 'string' ? bodyOf(encoded) : encoded
      return unaryCall(remote, reading, context, { body, headers: requestHeaders(context, id) })
    } catch (thrown) {
      if (!(thrown instanceof CallError)) throw thrown
      return left({ ...(thrown.failure as Failure), ran: 'no' }) // nothing here throws a domain failure
    }
  }
  const idempotency = messageId === undefined ? 'unsafe' : 'idempotent'
  const method: MethodInfo = { service: 'jetstream', name: subject, idempotency, kind: 'unary' }
  const target = { transport: 'nats', peer: remote.peer }
  return Object.assign(
    fromRemote<Req, Published>(target, run as (request: Req, context: Context) => Awaitable<never>, method), // an outcome of `Published`
    { close: () => remote.close() },
  )
}

function checkedId(id: string): string {
  if (id !== '' && wrongEntry('nats-msg-id', id) === undefined) return id
  const message = `${JSON.stringify(String(id).slice(0, 64))} cannot be the id of a message: visible ASCII is`
  throw new CallError<never>(failureOf('invalid_argument', 'INVALID_METADATA', message, { ran: 'no' }))
}

function publishedIn({ data }: NatsMessage, peer: string): Outcome {
  let answer: unknown
  try {
    answer = parseJson(textIn(data))
  } catch (thrown) {
    if (!(thrown instanceof CallError) || !isFailure(thrown.failure)) throw thrown
  }
  const { stream, seq, duplicate, error } = fieldsOf(answer)
  if (error !== undefined) {
    const { code, description } = fieldsOf(error)
    const message = `the stream refused the message: ${String(description).slice(0, 200)}`
    return failed(codeOf(Number(code)), 'NOT_STORED', message, { peer })
  }
  if (typeof stream === 'string' && typeof seq === 'number')
    return right<Published>({ stream, sequence: seq, duplicate: duplicate === true })
  return failed('internal', 'UNEXPECTED_RESPONSE', `${peer} answered with something else than an acknowledgement`, {
    peer,
  })
}
