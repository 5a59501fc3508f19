// Failures between services: the same few members whatever the transport calls them, so that a failure means the same
// after any hop.
import {
  type Awaitable,
  type Code,
  type DomainFailure,
  type Failure,
  type FailureOptions,
  failureOf,
  isFailure,
  type OnDefect,
  redactedText,
} from '../core/index.js'
import { check } from './schema.js'
import type { MethodSpec } from './spec.js'

/** A failure as it travels. */
export interface WireFailure {
  readonly code: Code
  /** A reason (upper-case) or the tag of a domain failure (with a lower-case letter). */
  readonly reason: string
  readonly message: string
  readonly ran: 'no' | 'maybe'
  readonly retryAfterMs?: number
  readonly details?: unknown
}

/** What travels of a failure that leaves a service. A domain failure that the method does not declare is a defect. */
export function failureToWire(
  spec: MethodSpec | undefined,
  failure: Failure | DomainFailure,
  onDefect: OnDefect,
): WireFailure {
  const own = ownFailure(spec, failure, onDefect)
  if (!isFailure(own)) {
    const code = spec?.failures.get(own._tag)?.code ?? 'unknown' // `ownFailure` leaves declared ones only
    return { code, reason: own._tag, message: own._tag, ran: 'maybe', details: own.details }
  }
  const { code, reason, message, ran, retryAfterMs, details } = own
  return {
    code,
    reason,
    // A handler that passes on what a library said would tell our caller the password in its connection string.
    message: redactedText(message),
    ran,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...(details !== undefined && { details }),
  }
}

/**
 * A handler's failure as this service's own: what a dependency said of *our* request is not our caller's mistake, and an
 * undeclared domain failure means nothing to anyone.
 */
export function ownFailure(
  spec: MethodSpec | undefined,
  failure: Failure | DomainFailure,
  onDefect: OnDefect,
): Failure | DomainFailure {
  if (!isFailure(failure)) {
    if (spec?.failures.has(failure._tag) === true) return failure
    onDefect(new TypeError(`${spec?.info.service}/${spec?.info.name} does not declare the failure '${failure._tag}'`))
    return failureOf('internal', 'UNDECLARED_FAILURE', 'internal error', { cause: failure })
  }
  if (failure.peer === undefined) return failure
  const { peer: _, ...rest } = failure
  if (!callersFault.has(failure.code)) return rest
  return failureOf('internal', 'DEPENDENCY_REJECTED', 'a service that this one depends on rejected its request', {
    cause: failure,
  })
}

// What a peer says of its caller, which was us. Not `cancelled`: our caller's cancellation ends our calls, too; nor
// `resource_exhausted` and `aborted`, which a later attempt may pass.
const callersFault: ReadonlySet<Code> = new Set<Code>([
  'invalid_argument',
  'not_found',
  'already_exists',
  'permission_denied',
  'failed_precondition',
  'out_of_range',
  'unimplemented',
  'unauthenticated',
])

/** What a caller gets for a failure that came in from `peer`. */
export function failureFromWire(spec: MethodSpec, wire: WireFailure, peer: string): Awaitable<Failure | DomainFailure> {
  const { reason, details } = wire
  const declared = spec.failures.get(reason)
  if (declared !== undefined) {
    const checked = check(declared.schema, details)
    const accept = (result: Awaited<typeof checked>): Failure | DomainFailure =>
      result.ok
        ? { _tag: reason, details: result.value }
        : failureOf('internal', 'INVALID_RESPONSE', `the details of ${reason} do not fit its schema`, {
            peer,
            details: { issues: result.issues },
          })
    return checked instanceof Promise ? checked.then(accept) : accept(checked)
  }
  return plainFailureFromWire(wire, peer)
}

/** What a caller that has no contract gets for a failure that came in from `peer`: a domain failure is one that is unknown here. */
export function plainFailureFromWire(
  { code, reason, message, ran, retryAfterMs, details }: WireFailure,
  peer: string,
): Failure {
  const options: FailureOptions = { peer, ran, ...(retryAfterMs !== undefined && { retryAfterMs }) }
  if (isTag(reason)) {
    return failureOf(code, 'UNKNOWN_DOMAIN_FAILURE', `${peer} answered with a failure unknown here: ${reason}`, {
      ...options,
      details: { tag: reason, ...(details !== undefined && { details }) },
    })
  }
  const own = typeof details === 'object' && details !== null && !Array.isArray(details)
  return failureOf(code, reason, message, {
    ...options,
    ...(own && { details: details as Readonly<Record<string, unknown>> }),
  }) // a JSON object
}

function isTag(reason: string): boolean {
  return /[a-z]/.test(reason)
}
