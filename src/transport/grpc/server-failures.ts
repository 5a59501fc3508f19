// How a call fails at the server itself, before its handler has run or after.
import { CallError, type DomainFailure, type Failure, failureOf, type OnDefect } from '../../core/index.js'
import { notRun } from '../wire-headers.js'

/** The caller left. */
export const gone: Failure = failureOf('cancelled', 'CANCELLED', 'the caller gave up')
/** The deadline passed. */
export const late: Failure = failureOf(
  'deadline_exceeded',
  'DEADLINE_EXCEEDED',
  'the call took longer than its deadline allows',
)
/** The handler gave what cannot be written. */
export const unencodable: Failure = failureOf('internal', 'UNENCODABLE', 'internal error')

/** What gRPC's own libraries answer, without a reason: that is the code's name, which is not sent. */
function asLibraries(code: Failure['code'], message: string): Failure {
  return notRun(code, code.toUpperCase(), message)
}

/** More messages than the method takes. */
export const tooMany: Failure = asLibraries('unimplemented', 'the method takes one message, and there are more')
/** No message at all. */
export const tooFew: Failure = asLibraries('unimplemented', 'the method takes one message, and there is none')
/** Half a message. */
export const cutOff: Failure = asLibraries('invalid_argument', 'the last message is cut off')

/** What was thrown, as a failure; anything but a `CallError` is a defect. */
export function failureIn(thrown: unknown, onDefect: OnDefect): Failure | DomainFailure {
  if (thrown instanceof CallError) return thrown.failure as Failure | DomainFailure // a call's streams throw nothing else
  onDefect(thrown)
  return failureOf('internal', 'DEFECT', 'internal error')
}
