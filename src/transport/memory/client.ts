// The transport that is none: calls a service in the same process, with the same validation, failures, deadlines and
// cancellation as over a network. The reference for all others, and what unit tests use.
import type { AnyService, ClientBinding, MethodSpec, RemoteCall, ServedMethod } from '../../contract/index.js'
import { failureFromWire, failureToWire } from '../../contract/index.js'
import {
  type Awaitable,
  CallError,
  type Context,
  type DomainFailure,
  type Failure,
  failed,
  type Incoming,
  incoming,
  left,
  type OnDefect,
  type Outcome,
  onCancelled,
  reportDefect,
  right,
} from '../../core/index.js'
import { jsonText, parseJson } from '../json.js'

/** Options of {@link client}. */
export interface MemoryOptions {
  /** Whether messages become JSON text and back on the way, as on a network. @defaultValue false: they pass as they are */
  readonly json?: boolean
  /** Told about defects of the service. @defaultValue one report on stderr */
  readonly onDefect?: OnDefect
}

/**
 * A client of a service in the same process, for `connect`. The service's middleware run as they would on a server; the
 * deadline is the caller's, on the caller's clock.
 */
export function client(service: AnyService, options: MemoryOptions = {}): ClientBinding {
  const { json = false, onDefect = reportDefect } = options
  const peer = `memory:${service.contract.name}`
  let closed = false
  return {
    name: 'memory',
    peer,
    method(spec) {
      const served = service.methods.get(spec.info.name)
      const wire: Wire = { spec, peer, onDefect, copy: json ? value => parseJson(jsonText(value)) : value => value }
      if (served === undefined) {
        return () =>
          failed('unimplemented', 'ROUTE_NOT_FOUND', `${peer} has no method '${spec.info.name}'`, { peer, ran: 'no' })
      }
      const send = remoteCall(served, wire)
      return (request, context) => (closed ? closedFailure(peer) : send(request, context))
    },
    async close() {
      closed = true
    },
  }
}

function closedFailure(peer: string): Outcome {
  return failed('unavailable', 'CLIENT_CLOSED', `the client of ${peer} is closed`, { ran: 'no' })
}

interface Wire {
  readonly spec: MethodSpec
  readonly peer: string
  readonly onDefect: OnDefect
  copy(message: unknown): unknown
}

function remoteCall(served: ServedMethod, wire: Wire): RemoteCall {
  const { spec } = wire
  return (request, context) => {
    const { clock, attempt, outgoing: metadata } = context
    const call = incoming({ deadlineMs: context.remainingMs, metadata, attempt, clock, onDefect: wire.onDefect })
    const unlink = onCancelled(context, failure => call.cancel(failure))
    let message: unknown
    try {
      message = spec.request.streamed ? copied(request as AsyncIterable<unknown>, wire) : wire.copy(request)
    } catch (thrown) {
      unlink()
      return unencodable(thrown)
    }
    const outcome = call.run(served.endpoint, message)
    const end = (ended: Outcome): Awaitable<Outcome> => {
      if (!(spec.response.streamed && ended._tag === 'Right')) unlink()
      return reply(ended, { wire, call, context, unlink })
    }
    return outcome instanceof Promise ? outcome.then(end) : end(outcome)
  }
}

interface Answer {
  readonly wire: Wire
  readonly call: Incoming
  readonly context: Context
  unlink(): void
}

function reply(outcome: Outcome, answer: Answer): Awaitable<Outcome> {
  const { wire, call, context } = answer
  if (outcome._tag === 'Right') {
    if (wire.spec.response.streamed) {
      copyHeaders(call, context)
      return right(received(outcome.right as AsyncIterable<unknown>, answer)) // a streaming method's response
    }
    copyHeaders(call, context)
    copyTrailers(call, context)
    try {
      return right(wire.copy(outcome.right))
    } catch (thrown) {
      wire.onDefect(thrown)
      return failed('internal', 'UNENCODABLE', 'internal error', { peer: wire.peer })
    }
  }
  copyHeaders(call, context)
  copyTrailers(call, context)
  const failure = overTheWire(outcome.left, wire)
  return failure instanceof Promise ? failure.then(left) : left(failure)
}

function overTheWire(failure: Failure | DomainFailure, wire: Wire): Awaitable<Failure | DomainFailure> {
  const sent = failureToWire(wire.spec, failure, wire.onDefect)
  const details = sent.details === undefined ? {} : { details: wire.copy(sent.details) }
  return failureFromWire(wire.spec, { ...sent, ...details }, wire.peer)
}

/** A response stream as the caller gets it: failures in it are the service's, decoded. */
async function* received(source: AsyncIterable<unknown>, answer: Answer): AsyncGenerator<unknown, void, undefined> {
  const { wire } = answer
  try {
    for await (const item of source) yield wire.copy(item)
  } catch (thrown) {
    if (!(thrown instanceof CallError)) throw thrown
    throw new CallError(await overTheWire(thrown.failure as Failure | DomainFailure, wire)) // a CallError carries nothing else
  } finally {
    copyTrailers(answer.call, answer.context)
    answer.unlink()
  }
}

async function* copied(source: AsyncIterable<unknown>, wire: Wire): AsyncGenerator<unknown, void, undefined> {
  for await (const item of source) yield wire.copy(item)
}

function copyHeaders(call: Incoming, context: Context): void {
  const { reply } = call
  if (reply === undefined) return
  reply.close()
  for (const [name, value] of reply.headers) context.reply.header(name, value)
}

function copyTrailers(call: Incoming, context: Context): void {
  for (const [name, value] of call.reply?.trailers ?? []) context.reply.trailer(name, value)
}

/** Nothing was sent: the caller's own value cannot be. */
function unencodable(thrown: unknown): Outcome {
  if (!(thrown instanceof CallError)) throw thrown
  return failed('internal', 'UNENCODABLE', thrown.message, { ran: 'no', cause: thrown })
}
