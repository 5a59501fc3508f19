// The line that is written about a call: one on either side, with the same words whatever the transport is.
import { connect, contract, failure, implement, method, stream } from '../../contract/index.js'
import { failed, left } from '../../core/index.js'
import { type LogEntry, type MemoryLogger, memoryLogger } from '../../log/index.js'
import { logging } from '../../middleware/logging.js'
import * as assert from '../assert.js'
import { text } from '../field.js'
import { gate } from '../gate.js'
import { message } from '../message.js'
import { type TransportCase, type Trial, transportCase } from '../trial.js'

const Name = message({ name: text() })
const get = { request: Name, response: Name, idempotency: 'safe' } as const
const service = 'tenon.conformance.v1.Logged'
const Logged = contract(service, {
  get: method({ ...get, failures: { Missing: failure('not_found', Name) } }),
  watch: method({ ...get, response: stream(Name) }),
})

const request = { name: 'x' }
const reason = 'CONFORMANCE'
const traceId = '0af7651916cd43dd8448eb211c80319c'
const outgoing = { traceparent: `00-${traceId}-b7ad6b7169203331-01` }

/** How calls of these names end, as a line tells it. */
const endings = {
  x: { level: 'info', code: 'ok' },
  refused: { level: 'info', code: 'permission_denied', reason, blame: 'caller', failure: 'no' },
  missing: { level: 'info', code: 'rejected', reason: 'Missing', blame: 'caller' },
  broken: { level: 'error', code: 'internal', reason: 'DEFECT', blame: 'service', failure: 'internal error' },
} as const

export const logCases: readonly TransportCase[] = [
  ...Object.entries(endings).map(([name, { level, ...ending }]) =>
    transportCase(`logs: a call that ends with ${ending.code} is one line on either side`, async trial => {
      const { server, client, transport, peer, ...endpoints } = await logged(trial)
      await trial.call(endpoints.get, { name }, { outgoing })
      const common = { method: `${service}/get`, ...ending, attempt: 1, transport }
      const [line, ...more] = server.entries
      assert.deepEqual(more, [])
      assert.deepEqual(told(line), { level, message: 'call', ...common, traceId, side: 'server' })
      const [own, ...others] = client.entries
      assert.deepEqual(others, [])
      const isDependency = ending.code === 'internal'
      const asked = isDependency ? { level: 'warn', blame: 'dependency' } : { level }
      assert.deepEqual(told(own), { message: 'call', ...common, ...asked, side: 'client', peer })
      trial.takeDefects()
    }),
  ),
  transportCase('logs: a stream is one line on either side, at its end', async trial => {
    const { server, client, watch, end } = await logged(trial)
    const items = await trial.response(watch, request)
    assert.deepEqual([server.entries, client.entries], [[], []])
    end.open()
    assert.deepEqual(await trial.items(items), [request, request])
    for (const { entries } of [server, client]) {
      assert.deepEqual(
        entries.map(({ fields }) => [fields['method'], fields['code']]),
        [[`${service}/watch`, 'ok']],
      )
    }
  }),
  transportCase('logs: who called is told as the transport knows it', async trial => {
    const { server, get } = await logged(trial)
    await trial.response(get, request)
    const { caller } = server.entries[0]?.fields ?? {}
    assert.ok(caller === undefined || typeof caller === 'string', `the address of the caller, not ${String(caller)}`)
    assert.deepEqual([caller], [server.callers[0]])
  }),
]

/** A line without what differs from call to call, which must be there. */
function told(entry: LogEntry | undefined): unknown {
  if (entry === undefined) return undefined
  const { tookMs, caller: _, cause: __, ...fields } = entry.fields
  assert.ok(typeof tookMs === 'number' && tookMs >= 0, `tookMs must be a duration, not ${String(tookMs)}`)
  return { level: entry.level, message: entry.message, ...fields }
}

async function logged(trial: Trial) {
  const [log, client, end] = [memoryLogger(), memoryLogger(), gate()]
  const callers: (string | undefined)[] = []
  const binding = await trial.serve(
    implement(Logged)
      .use(logging(log))
      .handlers({
        get(given, { peer }) {
          callers.push(peer.address)
          if (given.name === 'refused') return failed('permission_denied', reason, 'no')
          if (given.name === 'broken') throw new Error('broken')
          return given.name === 'missing' ? left(Logged.failures.Missing(given)) : given
        },
        async *watch(given) {
          yield given
          await end.opened
          yield given
        },
      }),
  )
  const { get, watch } = connect(Logged, binding)
  const use = logging(client)
  const server: MemoryLogger & { readonly callers: readonly (string | undefined)[] } = Object.assign(log, { callers })
  return { server, client, end, get: use(get), watch: use(watch), transport: binding.name, peer: binding.peer }
}
