// How stores fail: as a typed failure, so that whoever does not catch it fails as a call fails whose dependency is away.
import { CallError, failureOf } from '../core/index.js'

/** The failure of an operation of a store. `ran` is of the call that needed it, which has not begun. */
export function storeUnavailable(message: string, cause?: unknown): CallError {
  return new CallError<never>(failureOf('unavailable', 'STORE_UNAVAILABLE', message, { ran: 'no', cause }))
}
