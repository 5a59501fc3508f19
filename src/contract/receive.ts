// The receiving side of a message: validation where it arrives, once, on either side of a call.
import { type Awaitable, CallError, type Failure, type FailureOptions, failureOf } from '../core/index.js'
import { type Checked, check, describe, type Schema } from './schema.js'
import type { MessageSpec } from './spec.js'

/** What a receiver that got a wrong message fails with. */
export type Rejecting = (issues: readonly { readonly path: string; readonly message: string }[]) => Failure

/** The caller's mistake, seen by a server. */
export const rejectRequest: Rejecting = issues =>
  failureOf('invalid_argument', 'INVALID_REQUEST', describe(issues), { ran: 'no', details: { issues } })

/** The service's mistake, seen by a client. */
export function rejectResponse(peer: string): Rejecting {
  const options: FailureOptions = { peer }
  return issues =>
    failureOf('internal', 'INVALID_RESPONSE', `the response does not fit its schema: ${describe(issues)}`, {
      ...options,
      details: { issues },
    })
}

/** What becomes of a message. */
export interface Receiving<T> {
  readonly accept: (value: unknown) => T
  readonly reject: (failure: Failure) => T
  readonly rejecting: Rejecting
}

/** Validates a message and hands it on; of a stream, each item as it is read. */
export function receive<T>(spec: MessageSpec, message: unknown, to: Receiving<T>): Awaitable<T> {
  if (spec.streamed) return to.accept(checkedStream(spec.schema, message as AsyncIterable<unknown>, to.rejecting)) // a transport gives a stream for a stream
  const checked = check(spec.schema, message)
  return checked instanceof Promise ? checked.then(result => decided(result, to)) : decided(checked, to)
}

function decided<T>(result: Checked, to: Receiving<T>): T {
  return result.ok ? to.accept(result.value) : to.reject(to.rejecting(result.issues))
}

/** The items as the schema gives them; throws a `CallError` at the first that does not fit. */
async function* checkedStream(
  schema: Schema,
  source: AsyncIterable<unknown>,
  rejecting: Rejecting,
): AsyncGenerator<unknown, void, undefined> {
  for await (const item of source) {
    const checked = check(schema, item)
    const result = checked instanceof Promise ? await checked : checked
    if (!result.ok) throw new CallError(rejecting(result.issues))
    yield result.value
  }
}
