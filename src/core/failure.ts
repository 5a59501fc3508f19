// What can go wrong, as plain data: one shape that every layer, transport, log line and status code reads. The codes are
// gRPC's sixteen (google.rpc.Code), so that each has a settled meaning and a settled HTTP status.
import { type Blame, type Code, codes } from './code.js'
import { type Left, left } from './either.js'
import { reasons } from './reasons.js'

/** A call that failed for a reason that any service may meet (as against a {@link DomainFailure}). Plain, readonly data. */
export interface Failure {
  readonly _tag: 'Failure'
  /** What kind of failure this is, in gRPC's terms: decides HTTP status, blame and whether a retry may help. */
  readonly code: Code
  /** A stable UPPER_SNAKE id to switch on; docs/failures.md lists those that Tenon makes. */
  readonly reason: string
  /** For people. May change at any time; carries no secrets, since it is sent to the caller. */
  readonly message: string
  /** `'no'`: the work certainly never started, so even an unsafe method may be tried again. */
  readonly ran: 'no' | 'maybe'
  /** Who answered with this failure; set on failures that a client decoded, never on our own. */
  readonly peer?: string
  /** Milliseconds to wait before another attempt, where the failing side named them. */
  readonly retryAfterMs?: number
  /** More, as JSON: `{ issues: [{ path, message }] }` for `INVALID_REQUEST`. Sent to the caller. */
  readonly details?: Readonly<Record<string, unknown>>
  /** What was thrown or received, for logs on this side. Never sent. */
  readonly cause?: unknown
}

/** A failure that belongs to the business and is declared in a contract; the tag is its name there. */
export interface DomainFailure<Tag extends string = string, Details = unknown> {
  readonly _tag: Tag
  readonly details: Details
}

/** The optional parts of a {@link Failure}. */
export interface FailureOptions {
  /** @defaultValue 'maybe' */
  readonly ran?: 'no' | 'maybe'
  /** Who answered with the failure. @defaultValue nobody: it is our own */
  readonly peer?: string
  /** Milliseconds to wait before another attempt. @defaultValue not known */
  readonly retryAfterMs?: number
  /** More, as JSON; sent to the caller. @defaultValue none */
  readonly details?: Readonly<Record<string, unknown>>
  /** For logs on this side; never sent. @defaultValue none */
  readonly cause?: unknown
}

/** Makes the data of a failure. To end a call with it, return {@link failed} or throw a `CallError` of it. */
export function failureOf(code: Code, reason: string, message: string, options?: FailureOptions): Failure {
  return options === undefined
    ? { _tag: 'Failure', code, reason, message, ran: 'maybe' }
    : { _tag: 'Failure', code, reason, message, ran: 'maybe', ...options }
}

// Tags of domain failures have a lower-case letter, which is how receivers tell the two apart.
const reasonRule = /^[A-Z][A-Z0-9_]*$/

/**
 * A failed outcome: what a handler returns, or a layer's `enter` refuses with. Throws `TypeError` for a code
 * that is none and for a reason that is not UPPER_SNAKE.
 *
 * @example
 * ```ts
 * import { failed, fromPromise } from 'tenon'
 *
 * const users = new Map([['1', { name: 'Ada' }]])
 * export const getUser = fromPromise(
 *   async ({ id }: { id: string }) => users.get(id) ?? failed('not_found', 'NO_SUCH_USER', `there is no user ${id}`),
 * )
 * ```
 */
export function failed(code: Code, reason: string, message: string, options?: FailureOptions): Left<Failure> {
  if (!codes.includes(code))
    throw new TypeError(`failed: '${String(code)}' is not one of the codes ${codes.join(', ')}`)
  if (!reasonRule.test(reason)) throw new TypeError(`failed: the reason '${reason}' must be UPPER_SNAKE`)
  return left(failureOf(code, reason, message, options))
}

/** Whether `value` is a {@link Failure} rather than a domain failure or anything else. */
export function isFailure(value: unknown): value is Failure {
  return typeof value === 'object' && value !== null && '_tag' in value && value._tag === 'Failure' && 'code' in value
}

const callersCodes: ReadonlySet<Code> = new Set<Code>([
  'cancelled',
  'invalid_argument',
  'not_found',
  'already_exists',
  'permission_denied',
  'failed_precondition',
  'aborted',
  'out_of_range',
  'unimplemented',
  'unauthenticated',
  'resource_exhausted',
])

/**
 * The one classification that breaker, retry, metrics, log levels and SLOs read.
 *
 * - `caller`: the request was wrong, not allowed, too much, or withdrawn; never counts against the service.
 * - `dependency`: a service that we called failed (the failure has a `peer`, or a client layer made it).
 * - `service`: everything else, our own defects included.
 *
 * A domain failure is an answer of the business: blame `caller`, a success for breakers and SLOs.
 */
export function blame(failure: Failure | DomainFailure): Blame {
  if (!isFailure(failure)) return 'caller'
  const byReason = Object.hasOwn(reasons, failure.reason) ? reasons[failure.reason]?.blame : undefined
  const found = byReason ?? (callersCodes.has(failure.code) ? 'caller' : 'service')
  return found === 'service' && failure.peer !== undefined ? 'dependency' : found
}
