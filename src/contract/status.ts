// HTTP statuses for failures: google.rpc.Code's own mapping. In the contract, because its documentation names them.
import type { Code } from '../core/index.js'

const statusOfCode: Readonly<Record<Code, number>> = {
  cancelled: 499,
  unknown: 500,
  invalid_argument: 400,
  deadline_exceeded: 504,
  not_found: 404,
  already_exists: 409,
  permission_denied: 403,
  resource_exhausted: 429,
  failed_precondition: 400,
  aborted: 409,
  out_of_range: 400,
  unimplemented: 501,
  internal: 500,
  unavailable: 503,
  data_loss: 500,
  unauthenticated: 401,
}

// Where HTTP has a status of its own for what only HTTP can meet, or a draft names one: draft-ietf-httpapi-idempotency-key-header.
const statusOfReason: ReadonlyMap<string, number> = new Map([
  ['ROUTE_NOT_FOUND', 404],
  ['METHOD_NOT_ALLOWED', 405],
  ['BODY_TOO_LARGE', 413],
  ['PRECONDITION_FAILED', 412],
  ['UNSUPPORTED_MEDIA_TYPE', 415],
  ['REQUEST_TIMEOUT', 408],
  ['IDEMPOTENCY_KEY_REUSED', 422],
  ['HEADERS_TOO_LARGE', 431],
])

/** The status that a failure is answered with. */
export function statusOf(code: Code, reason: string): number {
  return statusOfReason.get(reason) ?? statusOfCode[code]
}
