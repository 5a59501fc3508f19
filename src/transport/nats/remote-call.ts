// How a contract's method is called over NATS.
import type { MethodSpec, RemoteCall } from '../../contract/index.js'
import {
  type Awaitable,
  CallError,
  type Context,
  type Failure,
  failureOf,
  isFailure,
  left,
  type Outcome,
  right,
} from '../../core/index.js'
import { jsonText, parseJson } from '../json.js'
import { bodyOf, textIn } from './body.js'
import type { NatsMessage } from './connection.js'
import { failureIn } from './failure-message.js'
import { requestHeaders, takeReply } from './headers.js'
import type { Remote } from './remote.js'
import { StreamCall } from './stream-call.js'
import { type Reading, unaryCall } from './unary-call.js'

export function remoteCall(remote: Remote, spec: MethodSpec): RemoteCall {
  const { service, name, kind } = spec.info
  const subject = `${service}.${name}`
  if (kind !== 'unary') return (request, context) => new StreamCall(remote, spec, context).run(subject, request)
  const read = (message: NatsMessage, context: Context): Awaitable<Outcome> =>
    readAnswer(message, context, spec, remote.peer)
  const reading: Reading = { subject, canBeGivenUp: true, read }
  return (request, context) => {
    try {
      const headers = requestHeaders(context)
      return unaryCall(remote, reading, context, { headers, body: bodyOf(jsonText(request)) })
    } catch (thrown) {
      if (!(thrown instanceof CallError)) throw thrown
      return left({ ...(thrown.failure as Failure), ran: 'no' }) // encoding throws no domain failures
    }
  }
}

function readAnswer(message: NatsMessage, context: Context, spec: MethodSpec, peer: string): Awaitable<Outcome> {
  try {
    const { headers } = message
    if (headers !== undefined) takeReply(context.reply, headers)
    return failureIn(message, spec, peer) ?? right(parseJson(textIn(message.data)))
  } catch (thrown) {
    if (!(thrown instanceof CallError) || !isFailure(thrown.failure)) throw thrown
    const what = `${peer} answered with something else: ${thrown.failure.message}`
    return left(failureOf('internal', 'UNEXPECTED_RESPONSE', what, { peer }))
  }
}
