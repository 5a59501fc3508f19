// An endpoint bound to a durable consumer of JetStream, as a binding for `serve`: the same drain as for calls. What the endpoint gives
// decides what becomes of the message, and nothing is acknowledged before it has.
import type { ServerBinding } from '../../contract/index.js'
import { type DomainFailure, type Failure, isFailure } from '../../core/index.js'
import type { NatsConnection } from './connection.js'
import { ConsumerLoop } from './consumer-loop.js'
import type { ConsumerOptions, ConsumerSettings } from './consumer-options.js'
import { limit } from './limit.js'
import { lineOf } from './line.js'
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
 * such consumer. Throws `RangeError` and `TypeError` for options that make no sense.
 */
export function consumer<Req>(connection: NatsConnection, options: ConsumerOptions<Req>): ServerBinding {
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
    decode: options.decode ?? (message => message.json()),
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

function doubling(attempt: number): number {
  return Math.min(60_000, 1_000 * 2 ** (attempt - 1))
}
