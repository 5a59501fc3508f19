// What policies do, as a metric: one listener for all of them, since all tell their events in one form.
import type { PolicyEvent } from '../core/index.js'
import type { MetricProvider } from '../metrics/index.js'

/**
 * Makes an `onEvent` that counts each event of a policy in `tenon_policy_events_total{policy, kind, type, method}`: `policy` is what the
 * policy is called, `kind` what it is (`breaker`), `type` what it did (`opened`), `method` for which method, `none` where it was not one
 * call's. One listener does for any number of policies and recommended stacks. Throws as `provider` does.
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { metricRegistry } from 'tenon/metrics'
 * import { breaker, countEvents, resilientClient } from 'tenon/middleware'
 *
 * const registry = metricRegistry()
 * const onEvent = countEvents(registry)
 * const toStock = resilientClient({ name: 'stock', onEvent })
 * const circuit = breaker({ onEvent })
 * circuit.force('open')
 * const events = registry.families.find(({ name }) => name === 'tenon_policy_events_total')
 * assert.deepEqual(events?.read(), [
 *   { labels: { policy: 'breaker', kind: 'breaker', type: 'forced-open', method: 'none' }, value: 1 },
 * ])
 * ```
 */
export function countEvents(provider: MetricProvider): (event: PolicyEvent) => void {
  if (typeof provider?.counter !== 'function') throw new TypeError('countEvents: needs a metricRegistry')
  const events = provider.counter({
    name: 'tenon_policy_events_total',
    help: 'What policies did.',
    labels: ['policy', 'kind', 'type', 'method'],
  })
  return ({ policy, kind, type, method = 'none' }) => events.with({ policy, kind, type, method }).add()
}
