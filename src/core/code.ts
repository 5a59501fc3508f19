// The words that classify failures. The codes are gRPC's (google.rpc.Code), so that each has a settled meaning and a settled
// HTTP status.

/** gRPC's status codes, without OK. */
export const codes = [
  'cancelled',
  'unknown',
  'invalid_argument',
  'deadline_exceeded',
  'not_found',
  'already_exists',
  'permission_denied',
  'resource_exhausted',
  'failed_precondition',
  'aborted',
  'out_of_range',
  'unimplemented',
  'internal',
  'unavailable',
  'data_loss',
  'unauthenticated',
] as const

/** One of gRPC's sixteen failure codes, in snake_case. */
export type Code = (typeof codes)[number]

/** Who has to act for the call to succeed next time. */
export type Blame = 'caller' | 'service' | 'dependency'
