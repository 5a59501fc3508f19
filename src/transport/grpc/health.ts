// grpc.health.v1.Health: what `/readyz` says, in the way that gRPC's own balancers, Kubernetes and Envoy ask.
// https://github.com/grpc/grpc/blob/master/doc/health-checking.md
import type { Runtime } from '../../contract/index.js'
import { CallError, type Context, failureOf, onCancelled } from '../../core/index.js'
import { plainRoute } from './plain-route.js'
import { fieldsOf, textOf, varintField } from './protobuf.js'
import type { Route } from './route.js'

const service = 'grpc.health.v1.Health'

/** How often watched readiness is looked at, in ms. */
const watchMs = 1000

const statuses = { serving: 1, notServing: 2, serviceUnknown: 3 } as const
type Status = (typeof statuses)[keyof typeof statuses]

/** Health as a server has it. */
export interface Health {
  readonly routes: readonly Route[]
  /** Who watches hears that it is over: they would hold up a drain. */
  stop(): void
}

/** Health of services by name, and of the whole server by the name `''`. */
export function healthOf(names: readonly string[], { probes, clock }: Pick<Runtime, 'probes' | 'clock'>): Health {
  const known: ReadonlySet<string> = new Set(['', ...names])
  const watchers = new Set<() => void>()
  let isStopped = false
  const status = async (name: string): Promise<Status> => {
    if (!known.has(name)) return statuses.serviceUnknown
    if (isStopped) return statuses.notServing
    return (await probes.ready()).ok ? statuses.serving : statuses.notServing
  }
  /** Resolves after a while, and at once when it is over. */
  const pause = (context: Context): Promise<void> =>
    new Promise(resolve => {
      const end = (): void => {
        timer.cancel()
        unlink()
        watchers.delete(end)
        resolve()
      }
      const timer = clock.setTimer(end, watchMs)
      timer.keepAlive(false)
      watchers.add(end)
      const unlink = onCancelled(context, end)
    })
  async function* watch(name: string, context: Context): AsyncGenerator<Status, void, undefined> {
    let before: Status | undefined
    while (!isStopped) {
      const now = await status(name)
      if (now !== before) yield now
      before = now
      await pause(context)
    }
    if (before === statuses.serving) yield statuses.notServing
    throw new CallError<never>(failureOf('unavailable', 'CONNECTION_LOST', 'the server is stopping'))
  }
  const codec = { request: { decode: nameIn }, response: { encode: (value: unknown) => varintField(1, Number(value)) } }
  const check = async (name: unknown): Promise<Status> => {
    const found = await status(String(name))
    if (found !== statuses.serviceUnknown) return found
    throw new CallError<never>(failureOf('not_found', 'NOT_FOUND', 'there is no such service here', { ran: 'no' }))
  }
  return {
    routes: [
      plainRoute({ service, name: 'Check', ...codec, run: check }),
      plainRoute({
        service,
        name: 'Watch',
        ...codec,
        responseStreamed: true,
        run: (name, context) => watch(String(name), context),
      }),
    ],
    stop() {
      isStopped = true
      for (const end of [...watchers]) end()
    },
  }
}

/** A HealthCheckRequest. */
function nameIn(bytes: Uint8Array): string {
  const name = fieldsOf(bytes).findLast(({ number }) => number === 1)
  return name === undefined ? '' : textOf(name)
}
