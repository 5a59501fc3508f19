// What a service in the same process answered, as its caller gets it: headers, the response or its items, and failures that
// went through the same words as over a network.
import { failureFromWire, failureToWire } from '../../contract/index.js'
import { observe } from '../../core/call-error.js'
import {
  type Awaitable,
  CallError,
  type Context,
  type DomainFailure,
  type Failure,
  failureOf,
  type Incoming,
  left,
  type Outcome,
  right,
} from '../../core/index.js'
import type { Wire } from './sent-message.js'

/** A call that is being answered. */
export interface Answer {
  readonly wire: Wire
  readonly call: Incoming
  /** The caller's. */
  readonly context: Context
  /** Nothing more will be asked or answered. */
  end(): void
}

/** The service's outcome as the caller gets it. */
export function received(outcome: Outcome, answer: Answer): Awaitable<Outcome> {
  const { wire, call, context } = answer
  const { streamed } = wire.spec.response
  const reply = streamed ? call.context.reply : call.reply // of a stream, the handler still runs
  reply?.close()
  for (const [name, value] of reply?.headers ?? []) context.reply.header(name, value)
  for (const value of reply?.setCookies ?? []) context.reply.header('set-cookie', value)
  if (outcome._tag === 'Right' && streamed) return right(receivedItems(outcome.right as AsyncIterable<unknown>, answer)) // a streaming method's response
  answer.end()
  copyTrailers(answer)
  if (outcome._tag === 'Right') {
    try {
      return right(wire.copy(outcome.right))
    } catch (thrown) {
      return left(unencodable(thrown, wire))
    }
  }
  const failure = receivedFailure(outcome.left, wire)
  return failure instanceof Promise ? failure.then(left) : left(failure)
}

async function* receivedItems(
  source: AsyncIterable<unknown>,
  answer: Answer,
): AsyncGenerator<unknown, void, undefined> {
  const { wire } = answer
  try {
    for await (const item of source) yield copied(item, wire)
  } catch (thrown) {
    // The streams of a call throw nothing else, and a CallError carries nothing else.
    throw new CallError(await receivedFailure((thrown as CallError).failure as Failure | DomainFailure, wire))
  } finally {
    copyTrailers(answer)
    answer.end()
  }
}

function copied(item: unknown, wire: Wire): unknown {
  try {
    return wire.copy(item)
  } catch (thrown) {
    throw new CallError(unencodable(thrown, wire))
  }
}

function receivedFailure(failure: Failure | DomainFailure, wire: Wire): Awaitable<Failure | DomainFailure> {
  const { details, ...sent } = failureToWire(wire.served.spec, failure, wire.onDefect)
  try {
    const copy = details === undefined ? sent : { ...sent, details: wire.copy(details) }
    return failureFromWire(wire.spec, copy, wire.peer)
  } catch (thrown) {
    return unencodable(thrown, wire)
  }
}

function unencodable(thrown: unknown, { onDefect, peer }: Wire): Failure {
  observe(onDefect, thrown)
  return failureOf('internal', 'UNENCODABLE', 'internal error', { peer })
}

function copyTrailers({ call, context }: Answer): void {
  for (const [name, value] of call.reply?.trailers ?? []) context.reply.trailer(name, value)
}
