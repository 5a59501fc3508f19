// Failures as problem details (RFC 9457): `code`, `reason` and `details` beside the standard members, so that people,
// other makers' clients and our own all find what they look for.
import type { WireFailure } from '../../contract/index.js'
import { statusOf } from '../../contract/index.js'
import { type Code, codes, type Failure } from '../../core/index.js'
import { jsonText } from '../json.js'
import type { HttpResponse } from './message.js'

export const problemType = 'application/problem+json'

/** The problem details of a failure, as data. */
export function problemOf(failure: WireFailure): Readonly<Record<string, unknown>> {
  const { code, reason, message, details } = failure
  const status = statusOf(code, reason)
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

/** The response for a failure. */
export function problemResponse(failure: WireFailure, headers: readonly string[] = []): HttpResponse {
  const own = ['content-type', problemType]
  if (failure.ran === 'no') own.push('tenon-ran', 'no')
  if (failure.retryAfterMs !== undefined)
    own.push(
      'retry-after',
      String(Math.ceil(failure.retryAfterMs / 1000)),
      'tenon-retry-after-ms',
      String(Math.ceil(failure.retryAfterMs)),
    )
  return {
    status: statusOf(failure.code, failure.reason),
    headers: [...own, ...headers],
    body: jsonText(problemOf(failure)),
  }
}

/** A failure of the server itself as it travels: nothing in it needs a contract. */
export function plainWire(failure: Failure): WireFailure {
  const { code, reason, message, ran, retryAfterMs, details } = failure
  return {
    code,
    reason,
    message,
    ran,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...(details !== undefined && { details }),
  }
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

function isCode(value: unknown): value is Code {
  return codes.some(code => code === value)
}
