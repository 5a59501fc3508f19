// An endpoint bound to a durable consumer of JetStream, as a binding for `serve`: the same drain as for calls. What the endpoint gives
// decides what becomes of the message, and nothing is acknowledged before it has.
import type { AnyMethod, Method, RequestOutput, ServerBinding } from '../../contract/index.js'
import { receive, rejectRequest } from '../../contract/receive.js'
import { isStreamSlot, schemaOf } from '../../contract/schema.js'
import { type Awaitable, CallError, type DomainFailure, type Failure, isFailure } from '../../core/index.js'
import type { NatsConnection } from './connection.js'
import { ConsumerLoop } from './consumer-loop.js'
import type { ConsumerOptions, ConsumerSettings, StreamMessage } from './consumer-options.js'
import { limit } from './limit.js'
import { lineOf } from './line.js'
import type { OfMethod } from './publisher.js'
import { checkedSubject } from './subject.js'

const passing: ReadonlySet<string> = new Set([
  'aborted',
  'cancelled',
  'deadline_exceeded',
  'internal',
  'resource_exhausted',
  'unavailable',
  'unknown',
])

/** Domain failures and wrong requests do not pass. */
function mayPass(failure: Failure | DomainFailure): boolean {
  return isFailure(failure) && passing.has(failure.code)
}

/**
 * Binds an endpoint to a durable consumer, for `serve`, beside or instead of servers. A message is acknowledged when the endpoint has
 * succeeded; given back, to come again after a while, when it failed in a way that may pass; and otherwise, or after `maxDeliver`
 * attempts, stored under `deadLetter` and terminated. While the endpoint runs, the server is told so. `listen` rejects where there is no
 * such consumer. With `method` a message is the request of a contract's method, and is validated: one that does not fit is given up
 * with `INVALID_REQUEST`. Throws `RangeError` and `TypeError` for options that make no sense.
 */
export function consumer<M extends AnyMethod>(
  connection: NatsConnection,
  options: Omit<ConsumerOptions<RequestOutput<M>>, 'decode'> & OfMethod<M>,
): ServerBinding
export function consumer<Req>(connection: NatsConnection, options: ConsumerOptions<Req>): ServerBinding
export function consumer(
  connection: NatsConnection,
  options: Omit<ConsumerOptions<never>, 'decode'> &
    Pick<ConsumerOptions<unknown>, 'decode'> &
    Partial<OfMethod<AnyMethod>>,
): ServerBinding {
  const {
    stream,
    durable,
    deadLetter,
    shouldRetry = mayPass,
    retryDelayMs = doubling,
    inboxPrefix = '_INBOX',
  } = options
  for (const name of [stream, durable])
    if (!/^[^\s.*>/\\]+$/.test(name))
      throw new TypeError(`nats: ${JSON.stringify(name)} is no name of a stream or consumer`)
  const settings: ConsumerSettings = {
    stream,
    durable,
    endpoint: options.endpoint as ConsumerSettings['endpoint'], // called with what `decode` gives
    deadLetter: checkedSubject(deadLetter),
    decode: options.decode ?? (options.method === undefined ? jsonIn : requestOf(options.method)),
    maxConcurrent: limit('maxConcurrent', options.maxConcurrent ?? 16),
    maxDeliver: limit('maxDeliver', options.maxDeliver ?? 5),
    deadlineMs: limit('deadlineMs', options.deadlineMs ?? 30_000),
    retryDelayMs,
    shouldRetry,
    ...(options.onDeadLetter !== undefined && { onDeadLetter: options.onDeadLetter }),
  }
  const line = lineOf(connection, inboxPrefix)
  return { name: 'nats consumer', listen: (_, runtime) => new ConsumerLoop(line, runtime, settings).listen() }
}

function jsonIn(message: StreamMessage): unknown {
  return message.json()
}

/** Reads and validates the requests of a method. */
function requestOf(method: AnyMethod): (message: StreamMessage) => Awaitable<unknown> {
  const { request } = method as Method // made by `method`
  if (isStreamSlot(request))
    throw new TypeError('nats: a message is one request: the method of a consumer may not take a stream')
  const spec = { schema: schemaOf(request), streamed: false, jsonSchema: undefined }
  const reject = (failure: Failure): never => {
    throw new CallError<never>(failure)
  }
  return message => receive<unknown>(spec, message.json(), { accept: value => value, reject, rejecting: rejectRequest })
}

function doubling(attempt: number): number {
  return Math.min(60_000, 1_000 * 2 ** (attempt - 1))
}
