// The suite that every transport runs: the same result, typed failure, metadata, deadline, cancellation and streaming,
// whatever is underneath. Cases by topic are in the folder of the same name.
import { abandonmentCases } from './transport-conformance/abandonment.js'
import { bidiStreamCases } from './transport-conformance/bidi-streams.js'
import { bindingCases } from './transport-conformance/bindings.js'
import { cancellationCases } from './transport-conformance/cancellation.js'
import { clientStreamCases } from './transport-conformance/client-streams.js'
import { concurrencyCases } from './transport-conformance/concurrency.js'
import { deadlineCases } from './transport-conformance/deadlines.js'
import { defectCases } from './transport-conformance/defects.js'
import { domainFailureCases } from './transport-conformance/domain-failures.js'
import { failureCases } from './transport-conformance/failures.js'
import { hopCases } from './transport-conformance/hops.js'
import { limitCases } from './transport-conformance/limits.js'
import { logCases } from './transport-conformance/logs.js'
import { metadataCases } from './transport-conformance/metadata.js'
import { metricCases } from './transport-conformance/metrics.js'
import { principalCases } from './transport-conformance/principals.js'
import { resultCases } from './transport-conformance/results.js'
import { serverStreamCases } from './transport-conformance/server-streams.js'
import { traceCases } from './transport-conformance/traces.js'
import { wireFormCases } from './transport-conformance/wire-forms.js'
import type { TransportCase } from './trial.js'

/** What every transport must do. Register it with {@link conformanceTests}, or run it with {@link runConformance}. */
export const transportConformance: readonly TransportCase[] = [
  ...resultCases,
  ...wireFormCases,
  ...bindingCases,
  ...failureCases,
  ...domainFailureCases,
  ...defectCases,
  ...metadataCases,
  ...principalCases,
  ...hopCases,
  ...deadlineCases,
  ...cancellationCases,
  ...serverStreamCases,
  ...clientStreamCases,
  ...bidiStreamCases,
  ...abandonmentCases,
  ...limitCases,
  ...concurrencyCases,
  ...logCases,
  ...metricCases,
  ...traceCases,
]
