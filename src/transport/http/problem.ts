// Failures as problem details (RFC 9457): `code`, `reason` and `details` beside the standard members, so that people,
// other makers' clients and our own all find what they look for.
import type { WireFailure } from '../../contract/index.js'
import { statusOf } from '../../contract/index.js'
import { type Code, codes } from '../../core/index.js'
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

/** The response for a failure. Of one that is the server's own nothing else is read: no cause travels. */
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
    headers: [...own, 'cache-control', 'no-store', ...withoutCaching(headers)],
    body: jsonText(problemOf(failure)),
  }
}

/** What a handler said of its response before it failed is not true of the failure: nobody may keep that. */
const aboutTheResponse: ReadonlySet<string> = new Set(['cache-control', 'etag', 'expires', 'last-modified'])

function withoutCaching(headers: readonly string[]): string[] {
  const kept: string[] = []
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string // names and values in turn
    if (!aboutTheResponse.has(name)) kept.push(name, headers[i + 1] as string)
  }
  return kept
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
