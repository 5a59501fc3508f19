// Failures as problem details (RFC 9457): `code`, `reason` and `details` beside the standard members, so that people, other makers'
// clients and our own all find what they look for. The body of a failure over HTTP and NATS, and the last word of a broken stream.
import { statusOf, type WireFailure } from '../contract/index.js'
import { type Code, codes } from '../core/index.js'

/** The problem details of a failure, as data. `status` is what it is answered with, where that is not the status of its code. */
export function problemOf(
  failure: WireFailure,
  status: number = statusOf(failure.code, failure.reason),
): Readonly<Record<string, unknown>> {
  const { code, reason, message, details } = failure
  return {
    type: 'about:blank',
    title: reason,
    status,
    detail: message,
    code,
    reason,
    ...(details !== undefined && { details }),
  }
}

/** The same with what otherwise stands in headers: for failures that have none of their own. */
export function wholeProblemOf(failure: WireFailure): Readonly<Record<string, unknown>> {
  const { ran, retryAfterMs } = failure
  return { ...problemOf(failure), ...(ran === 'no' && { ran }), ...(retryAfterMs !== undefined && { retryAfterMs }) }
}

/** The failure in problem details; undefined where they are not of our kind. */
export function failureOfProblem(
  problem: unknown,
): Pick<WireFailure, 'code' | 'reason' | 'message' | 'details'> | undefined {
  if (typeof problem !== 'object' || problem === null) return undefined
  const { code, reason, detail, details }: { code?: unknown; reason?: unknown; detail?: unknown; details?: unknown } =
    problem
  if (typeof reason !== 'string' || !isCode(code)) return undefined
  return { code, reason, message: typeof detail === 'string' ? detail : '', ...(details !== undefined && { details }) }
}

/** As {@link failureOfProblem}, of {@link wholeProblemOf}. */
export function failureOfWholeProblem(problem: unknown): WireFailure | undefined {
  const read = failureOfProblem(problem)
  if (read === undefined) return undefined
  const { ran, retryAfterMs } = problem as { ran?: unknown; retryAfterMs?: unknown } // `failureOfProblem` saw an object
  return { ...read, ran: ran === 'no' ? 'no' : 'maybe', ...(typeof retryAfterMs === 'number' && { retryAfterMs }) }
}

function isCode(value: unknown): value is Code {
  return codes.some(code => code === value)
}
