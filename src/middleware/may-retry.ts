// The one answer to "may this be tried again?", from gRPC's codes, the idempotency of HTTP (RFC 9110 §9.2.2) and `ran`, which knows
// what neither does: that the work never started.
import { type DomainFailure, type Failure, isFailure, type MethodInfo, reasons } from '../core/index.js'

/**
 * Whether a failure may be retried, by what a service says with it.
 *
 * - It must be of a passing kind: `unavailable`; `deadline_exceeded` (of one attempt: when the call's own time is over, nothing is
 *   retried); `resource_exhausted` and `aborted` where the work never started or the failure says when to come back.
 * - Running it twice must do no harm: the method is safe or idempotent, or this attempt never started (`ran: 'no'`).
 * - A breaker that is open on this side says no for longer than a wait.
 */
export function mayRetry(failure: Failure | DomainFailure, method: MethodInfo | undefined): boolean {
  if (!isFailure(failure)) return false
  const { code, reason, ran, peer, retryAfterMs } = failure
  if (reason === 'BREAKER_OPEN' && peer === undefined) return false
  if (Object.hasOwn(reasons, reason) && reasons[reason]?.lasts === true) return false
  if (ran === 'maybe' && (method === undefined || method.idempotency === 'unsafe')) return false
  if (code === 'resource_exhausted' || code === 'aborted') return ran === 'no' || retryAfterMs !== undefined
  return code === 'unavailable' || (code === 'deadline_exceeded' && ran === 'maybe')
}
