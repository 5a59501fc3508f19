// What a call is counted as on either side: metrics see the same of every transport, and know which it was.
import { connect, contract, failure, implement, method, stream } from '../../contract/index.js'
import { failed, left } from '../../core/index.js'
import { type MetricRegistry, metricRegistry } from '../../metrics/index.js'
import { metrics } from '../../middleware/metrics.js'
import * as assert from '../assert.js'
import { text } from '../field.js'
import { gate } from '../gate.js'
import { message } from '../message.js'
import { type TransportCase, type Trial, transportCase } from '../trial.js'

const Name = message({ name: text() })
const get = { request: Name, response: Name, idempotency: 'safe' } as const
const service = 'tenon.conformance.v1.Counted'
const Counted = contract(service, {
  get: method({ ...get, failures: { Missing: failure('not_found', Name) } }),
  watch: method({ ...get, response: stream(Name) }),
})

const request = { name: 'x' }

export const metricCases: readonly TransportCase[] = [
  transportCase(
    'metrics: each call is counted once on either side, by method, transport, code and blame',
    async trial => {
      const { registry, client, transport } = await counted(trial)
      await trial.response(client.get, request)
      await trial.failure(client.get, { name: 'refused' })
      await trial.failure(client.get, { name: 'missing' })
      for (const side of ['server', 'client']) {
        const as = (code: string, blame: string) => ({
          labels: { method: `${service}/get`, transport, code, blame },
          value: 1,
        })
        assert.deepEqual(readOf(registry, `tenon_${side}_calls_total`), [
          as('ok', 'none'),
          as('permission_denied', 'caller'),
          as('rejected', 'caller'),
        ])
      }
    },
  ),
  transportCase('metrics: a stream is in flight on either side until it ends, and is counted then', async trial => {
    const { registry, client, transport, end } = await counted(trial)
    const items = await trial.response(client.watch, request)
    const labels = { method: `${service}/watch`, transport }
    for (const side of ['server', 'client']) {
      assert.deepEqual(
        readOf(registry, `tenon_${side}_calls_in_flight`),
        [{ labels, value: 1 }],
        `${side}, before it is read`,
      )
    }
    end.open()
    assert.deepEqual(await trial.items(items), [request, request])
    for (const side of ['server', 'client']) {
      assert.deepEqual(readOf(registry, `tenon_${side}_calls_in_flight`), [{ labels, value: 0 }], `${side}, at its end`)
      assert.deepEqual(readOf(registry, `tenon_${side}_calls_total`), [
        { labels: { ...labels, code: 'ok', blame: 'none' }, value: 1 },
      ])
    }
  }),
]

async function counted(trial: Trial) {
  const registry = metricRegistry()
  const end = gate()
  const binding = await trial.serve(
    implement(Counted)
      .use(metrics(registry))
      .handlers({
        get(given) {
          if (given.name === 'refused') return failed('permission_denied', 'CONFORMANCE', 'no')
          return given.name === 'missing' ? left(Counted.failures.Missing(given)) : given
        },
        async *watch(given) {
          yield given
          await end.opened
          yield given
        },
      }),
  )
  const { get, watch } = connect(Counted, binding)
  const use = metrics(registry)
  return { registry, end, client: { get: use(get), watch: use(watch) }, transport: binding.name }
}

function readOf(registry: MetricRegistry, name: string): unknown {
  return registry.families.find(family => family.name === name)?.read()
}
