// The transport that is none: calls a service in the same process, with the same validation, failures, deadlines and
// cancellation as over a network. The reference for all others, and what unit tests use.
import type { AnyService, ClientBinding, MethodSpec, RemoteCall } from '../../contract/index.js'
import { defectsTo } from '../../core/call-error.js'
import { CallError, failed, incoming, type OnDefect, type Outcome, onCancelled } from '../../core/index.js'
import { jsonText, parseJson } from '../json.js'
import { type Answer, received } from './answer.js'
import { type SentMessage, sentMessage, type Wire } from './sent-message.js'

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
  const { json = false } = options
  const onDefect = defectsTo(options.onDefect)
  const { name } = service.contract
  const peer = `memory:${name}`
  const copy = json ? (message: unknown) => parseJson(jsonText(message)) : (message: unknown) => message
  let closed = false
  return {
    name: 'memory',
    peer,
    method(spec) {
      const served = spec.info.service === name ? service.methods.get(spec.info.name) : undefined
      const send = served === undefined ? notFound(spec, peer) : remoteCall({ spec, served, peer, onDefect, copy })
      return (request, context) => (closed ? closedFailure(peer) : send(request, context))
    },
    async close() {
      closed = true
    },
  }
}

function notFound({ info }: MethodSpec, peer: string): RemoteCall {
  const message = `${peer} has no method ${info.service}/${info.name}`
  return () => failed('unimplemented', 'ROUTE_NOT_FOUND', message, { peer, ran: 'no' })
}

function closedFailure(peer: string): Outcome {
  return failed('unavailable', 'CLIENT_CLOSED', `the client of ${peer} is closed`, { ran: 'no' })
}

function remoteCall(wire: Wire): RemoteCall {
  return (request, context) => {
    const { clock, attempt, maxAttempts, outgoing: metadata, remainingMs: deadlineMs } = context
    const call = incoming({
      deadlineMs,
      metadata,
      attempt,
      maxAttempts,
      clock,
      transport: 'memory',
      onDefect: wire.onDefect,
    })
    let sent: SentMessage
    try {
      sent = sentMessage(request, wire, context)
    } catch (thrown) {
      return unencodable(thrown)
    }
    const unlink = onCancelled(context, failure => call.cancel(failure))
    const answer: Answer = { wire, call, context, end: () => void [unlink(), sent.close()] }
    const outcome = call.run(wire.served.endpoint, sent.message)
    return outcome instanceof Promise ? outcome.then(ended => received(ended, answer)) : received(outcome, answer)
  }
}

/** Nothing was sent: the caller's own value cannot be. */
function unencodable(thrown: unknown): Outcome {
  if (!(thrown instanceof CallError)) throw thrown
  return failed('internal', 'UNENCODABLE', thrown.message, { ran: 'no', cause: thrown })
}
