// Every failure reason that Tenon itself makes. One table, so that docs/failures.md can be checked against it and `blame`
// need not know who makes what.
import type { Blame, Code } from './code.js'

/** What is known of a reason. */
export interface Reason {
  /** The code that failures of this reason carry; absent where it comes from the wire. */
  readonly code?: Code
  /** Set where the code alone would blame the wrong side. */
  readonly blame?: Blame
  /** Set where another attempt fails alike, though the code alone would say that it may not. */
  readonly lasts?: true
}

/** The reasons of Tenon's own failures, by name; `docs/failures.md` says what each means and what to do. */
export const reasons: Readonly<Record<string, Reason>> = {
  ABANDONED: { code: 'cancelled' },
  CANCELLED: { code: 'cancelled' },
  DEADLINE_EXCEEDED: { code: 'deadline_exceeded' },
  DEFECT: { code: 'internal' },
  DEPENDENCY_REJECTED: { code: 'internal', blame: 'service' },
  IDEMPOTENCY_ANSWER_NOT_KEPT: { code: 'internal' },
  IDEMPOTENCY_KEY_IN_USE: { code: 'aborted' },
  IDEMPOTENCY_KEY_REUSED: { code: 'invalid_argument' },
  INVALID_METADATA: { code: 'invalid_argument' },
  INVALID_REQUEST: { code: 'invalid_argument' },
  INVALID_RESPONSE: { code: 'internal' },
  UNDECLARED_FAILURE: { code: 'internal' },
  UNKNOWN_DOMAIN_FAILURE: {},
  CREDENTIALS_MISSING: { code: 'unauthenticated' },
  CREDENTIALS_REJECTED: { code: 'unauthenticated' },
  CROSS_SITE_REQUEST: { code: 'permission_denied' },
  INTROSPECTION_UNAVAILABLE: { code: 'unavailable', blame: 'dependency' },
  KEYS_UNAVAILABLE: { code: 'unavailable', blame: 'dependency' },
  LOGIN_NOT_BEGUN: { code: 'failed_precondition' },
  LOGIN_REFUSED: { code: 'unauthenticated' },
  PROVIDER_UNAVAILABLE: { code: 'unavailable', blame: 'dependency' },
  TOKEN_EXPIRED: { code: 'unauthenticated' },
  TOKEN_UNAVAILABLE: { code: 'unavailable', blame: 'dependency' },
  NO_RESPONDERS: { code: 'unavailable', blame: 'dependency' },
  NOT_FOUND: { code: 'not_found' },
  PERMISSION_DENIED: { code: 'permission_denied' },
  POLICY_BROKEN: { code: 'internal', blame: 'service' },
  POLICY_UNAVAILABLE: { code: 'unavailable', blame: 'dependency' },
  BODY_ALREADY_READ: { code: 'internal' },
  BREAKER_OPEN: { code: 'unavailable' },
  BODY_TOO_LARGE: { code: 'resource_exhausted', lasts: true },
  BULKHEAD_FULL: { code: 'resource_exhausted', blame: 'service' },
  CLIENT_CLOSED: { code: 'unavailable', lasts: true },
  CONNECTION_FAILED: { code: 'unavailable', blame: 'dependency' },
  CONNECTION_LOST: { code: 'unavailable', blame: 'dependency' },
  CONNECTION_REFUSED: { code: 'unavailable', blame: 'dependency' },
  HEADERS_TOO_LARGE: { code: 'resource_exhausted', lasts: true },
  INVALID_PATH: { code: 'invalid_argument' },
  MALFORMED_BODY: { code: 'invalid_argument' },
  MALFORMED_HTTP: { code: 'invalid_argument' },
  METHOD_NOT_ALLOWED: { code: 'unimplemented' },
  NOT_MODIFIED: { code: 'failed_precondition' },
  NOT_STORED: { blame: 'dependency' },
  NOT_PROXIED: { code: 'unimplemented' },
  PRECONDITION_FAILED: { code: 'failed_precondition' },
  REDIRECT_REFUSED: { code: 'unknown', blame: 'dependency' },
  OVERLOADED: { code: 'resource_exhausted', blame: 'service' },
  RATE_LIMITED: { code: 'resource_exhausted' },
  REPLY_SENT: { code: 'internal' },
  REQUEST_STREAM_UNSUPPORTED: { code: 'unimplemented' },
  REQUEST_TIMEOUT: { code: 'deadline_exceeded', blame: 'caller' },
  RESPONSE_TOO_LARGE: { code: 'resource_exhausted', blame: 'dependency', lasts: true },
  ROUTE_NOT_FOUND: { code: 'unimplemented' },
  STORE_UNAVAILABLE: { code: 'unavailable', blame: 'dependency' },
  STREAM_BROKEN: { code: 'unavailable', blame: 'dependency' },
  TIMEOUT: { code: 'deadline_exceeded' },
  TOO_MANY_BATCHES: { code: 'resource_exhausted', blame: 'service' },
  TOO_MANY_CALLS: { code: 'resource_exhausted', blame: 'service' },
  TOO_MANY_REDIRECTS: { code: 'unknown', blame: 'dependency' },
  UNENCODABLE: { code: 'internal', blame: 'service' },
  UNEXPECTED_RESPONSE: {},
  UNSAFE_REDIRECT: { code: 'invalid_argument' },
  UNSUPPORTED_MEDIA_TYPE: { code: 'invalid_argument' },
}
