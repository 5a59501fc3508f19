// What becomes of "it never started" where another attempt of the same call may have: nobody may run an unsafe method again then.
import { type DomainFailure, type Failure, isFailure } from '../core/index.js'

/** The failure of the last attempt as that of the whole call, of which an earlier attempt may have run. */
export function mayHaveRun(failure: Failure | DomainFailure): Failure | DomainFailure {
  return isFailure(failure) && failure.ran === 'no' ? { ...failure, ran: 'maybe' } : failure
}
